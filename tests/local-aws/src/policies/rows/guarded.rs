//! Rows about the lists of who may approve, upload and administer. The caller's own policy allows everything.

use serde_json::json;

use super::{
    ADMIN, ARTIFACTS, AccessRequest, BUS, Caller, DEPLOYER, DEV_ADMIN, LEDGER, PolicyRef, Row, STRANGE, TOOLING,
    anything, may, may_not,
};

const APPROVER: Caller = Caller::Role(TOOLING, "approver-ann");
const CI: Caller = Caller::Role(TOOLING, "ci-orders");
const BUILD_AGENT: Caller = Caller::Role(TOOLING, "build-agent");
/// A role of the account that is on no list, with rights to everything.
const NOBODY: Caller = Caller::Role(TOOLING, "somebody");

pub(super) fn rows(rows: &mut Vec<Row>) {
    approvals(rows);
    uploads(rows);
    ledger(rows);
    for (queue, policy) in [
        ("arn:aws:sqs:eu-west-1:123456789012:deployer", "guarded/queue"),
        ("arn:aws:sqs:eu-west-1:123456789012:deployer-wakes", "guarded/wake_queue"),
    ] {
        for action in ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:PurgeQueue"] {
            let ask = |who| guarded(who, action, queue, policy);
            may(rows, "the deployer uses its queues", ask(&DEPLOYER));
            may(rows, "and so do administrators", ask(&ADMIN));
            for who in [&NOBODY, &CI, &APPROVER] {
                may_not(rows, "and nobody else of the account", ask(who));
            }
        }
    }
}

fn guarded(who: &Caller, action: &'static str, resource: impl Into<String>, policy: &'static str) -> AccessRequest {
    anything(who, action, resource).at(PolicyRef::Named(policy), TOOLING)
}

fn approvals(rows: &mut Vec<Row>) {
    let (approved, declined, requested) = ("Promotion Approved", "Promotion Declined", "Promotion Requested");
    let puts = |who, detail_types: &[&str]| {
        guarded(who, "events:PutEvents", BUS, "guarded/event_bus").with("events:detail-type", json!(detail_types))
    };
    for detail_type in [approved, declined] {
        may(rows, "an approver approves and declines", puts(&APPROVER, &[detail_type]));
        for who in [&NOBODY, &ADMIN, &CI, &DEPLOYER, &Caller::Role(TOOLING, "my-approver-ann")] {
            may_not(rows, "and nobody else of the account", puts(who, &[detail_type]));
            may_not(rows, "not as one of several events", puts(who, &[requested, detail_type]));
            let single = puts(who, &[]).with("events:detail-type", detail_type);
            may_not(rows, "nor where AWS asks for each event by itself", single);
        }
        let namesake = &Caller::Role(STRANGE, "approver-ann");
        may_not(rows, "nor an approver's namesake", puts(namesake, &[detail_type]));
    }
    may(rows, "everybody still asks", puts(&NOBODY, &[requested, requested]));
    may(rows, "and the deployer still tells", puts(&DEPLOYER, &["Deployment Failed"]));
}

fn uploads(rows: &mut Vec<Row>) {
    let object = || format!("{ARTIFACTS}/dev/orders-api/1.zip");
    let put = |who| guarded(who, "s3:PutObject", object(), "guarded/artifact_bucket");
    for who in [&CI, &BUILD_AGENT] {
        may(rows, "an uploader uploads", put(who));
    }
    for who in
        [&NOBODY, &ADMIN, &APPROVER, &Caller::Role(TOOLING, "build-agent-2"), &Caller::Role(TOOLING, "lambda/ci-x")]
    {
        may_not(rows, "and nobody else of the account", put(who));
    }
    may_not(rows, "nor an uploader's namesake", put(&Caller::Role(STRANGE, "ci-orders")));
    may(rows, "everybody still reads", guarded(&NOBODY, "s3:GetObject", object(), "guarded/artifact_bucket"));
}

fn ledger(rows: &mut Vec<Row>) {
    for key in ["config/deployer.json", "heads/dev/orders-api.json", "open/dev/orders-api/x"] {
        for action in ["s3:PutObject", "s3:DeleteObject"] {
            let ask = |who| guarded(who, action, format!("{LEDGER}/{key}"), "guarded/ledger_bucket");
            may(rows, "the deployer writes the ledger", ask(&DEPLOYER));
            may(rows, "and so do administrators", ask(&ADMIN));
            for who in [&NOBODY, &CI, &APPROVER, &DEV_ADMIN] {
                may_not(rows, "and nobody else", ask(who));
            }
        }
        let read = guarded(&NOBODY, "s3:GetObject", format!("{LEDGER}/{key}"), "guarded/ledger_bucket");
        may(rows, "everybody still reads", read);
    }
}
