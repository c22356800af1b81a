#![allow(clippy::unwrap_used)]

mod rights;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::*;
use crate::artifact::ArtifactRef;
use crate::config::Config;
use crate::id::{AccountId, BucketName, ExternalId, Region, RoleName};

const DEPLOYER: &str = "arn:aws:iam::123456789012:role/deployer";

fn target() -> Target {
    Target { account: AccountId::parse("111111111111").unwrap(), region: Region::parse("eu-west-1").unwrap() }
}

fn on_chain<T>(look: impl FnOnce(&Chain<'_>) -> T) -> T {
    let (environment, role) = (EnvironmentName::parse("dev").unwrap(), RoleName::parse("deployer-target").unwrap());
    let (target, external_id) = (target(), ExternalId::parse("dev-8c1f").unwrap());
    look(&Chain {
        deployer: Some(DEPLOYER),
        environment: &environment,
        target: &target,
        role: &role,
        external_id: Some(&external_id),
    })
}

fn artifact(key: &str) -> ArtifactRef {
    ArtifactRef { bucket: BucketName::parse("acme-artifacts").unwrap(), key: key.into(), version_id: "v1".into() }
}

fn denied(message: &str) -> Refused {
    Refused { kind: Refusal::Denied, message: message.into() }
}

fn throttled() -> Refused {
    Refused { kind: Refusal::Unknown, message: "TooManyRequestsException: Rate Exceeded.".into() }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap() + SignedDuration::from_secs(seconds)
}

#[test]
fn denied_assume_role_names_the_trust_and_the_deployers_statement() {
    let check = on_chain(|chain| checks::entered(chain, &Err(denied("AccessDenied"))));
    assert_eq!(check.status, CheckStatus::Fail);
    let belongs: Vec<&str> = check.missing.iter().map(|missing| missing.belongs.as_str()).collect();
    assert_eq!(
        belongs,
        [
            "the trust policy of the deploy role deployer-target in account 111111111111 (module target; add the path to \
             the deployer's ARN if its role has one)",
            "the trust policy of the deploy role deployer-target in account 111111111111 (module target; add the path to \
             the deployer's ARN if its role has one)",
            "the policy of the deployer's role arn:aws:iam::123456789012:role/deployer (module tooling; add the path if \
             the role has one)",
        ]
    );
    assert_eq!(
        check.missing[0].statement,
        json!({
            "Effect": "Allow", "Principal": {"AWS": DEPLOYER}, "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": "dev-8c1f"}, "StringLike": {"sts:SourceIdentity": "deployer-*"}},
        })
    );
    assert_eq!(check.missing[2].statement["Resource"], "arn:aws:iam::111111111111:role/deployer-target");
}

#[test]
fn only_the_statement_that_awss_message_names_is_proposed() {
    let entering = |words: &str| on_chain(|chain| checks::entered(chain, &Err(denied(words)))).missing;
    let actions = |missing: &[Missing]| -> Vec<serde_json::Value> {
        missing.iter().map(|missing| missing.statement["Action"].clone()).collect()
    };
    let identity = entering("not authorized to perform: sts:SetSourceIdentity on resource: arn");
    assert_eq!(actions(&identity), [json!("sts:SetSourceIdentity"), json!("sts:SetSourceIdentity")]);
    let own = entering("not authorized to perform: sts:AssumeRole because no identity-based policy allows the action");
    assert_eq!(actions(&own), [json!("sts:AssumeRole")]);
    assert!(own[0].belongs.contains("deployer's role"), "{}", own[0].belongs);

    let region = Region::parse("eu-west-1").unwrap();
    let reading = |words: &str| {
        on_chain(|chain| checks::read_artifact(chain, &artifact("dev/orders/1.zip"), &region, &Err(denied(words))))
            .missing
    };
    let of_bucket = reading("because no resource-based policy allows the s3:GetObjectVersion action");
    assert_eq!(of_bucket.len(), 1);
    assert!(of_bucket[0].belongs.contains("artifact bucket"), "{}", of_bucket[0].belongs);
    let of_role = reading("because no identity-based policy allows the s3:GetObjectVersion action");
    assert_eq!(of_role.len(), 1);
    assert!(of_role[0].belongs.contains("deploy role"), "{}", of_role[0].belongs);
}

#[test]
fn other_statements_of_the_refused_call_are_told_at_once() {
    let region = Region::parse("eu-west-1").unwrap();
    let belongs = |check: &Check| check.also_needed.iter().map(|also| also.belongs.clone()).collect::<Vec<_>>();
    let read = |words: &str| {
        on_chain(|chain| checks::read_artifact(chain, &artifact("dev/orders/1.zip"), &region, &Err(denied(words))))
    };
    let of_role = read("because no identity-based policy allows the s3:GetObjectVersion action");
    assert_eq!(belongs(&of_role), ["the policy of the artifact bucket acme-artifacts (module tooling)"]);
    assert_eq!(belongs(&read("denied")), [""; 0], "both are listed as missing");

    let words = "not authorized to perform: sts:AssumeRole because no identity-based policy allows the action";
    let entering = on_chain(|chain| checks::entered(chain, &Err(denied(words))));
    let actions: Vec<_> = entering.also_needed.iter().map(|also| also.statement["Action"].clone()).collect();
    assert_eq!(actions, ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:SetSourceIdentity"]);
}

#[test]
fn ledger_statement_names_only_the_denied_prefixes() {
    let config = json!({"artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-ledger", "environments": {}});
    let config = Config::parse(&config.to_string()).unwrap();
    let checked = |outcomes: &[(&str, Result<(), Refused>)]| {
        checks::ledger("write ledger", Some(DEPLOYER), &config, "s3:PutObject", outcomes)
    };
    let check = checked(&[("heads/", Ok(())), ("results/", Err(throttled())), ("open/", Err(denied("no")))]);
    assert_eq!(check.status, CheckStatus::Fail);
    assert_eq!(check.missing[0].statement["Resource"], json!(["arn:aws:s3:::acme-ledger/open/*"]));
    assert_eq!(checked(&[("heads/", Ok(())), ("open/", Err(throttled()))]).status, CheckStatus::NotChecked);
    assert_eq!(checked(&[("heads/", Ok(()))]), Check::ok("write ledger"));
}

#[test]
fn unreadable_artifact_names_statements_of_both_accounts_or_the_key() {
    let region = Region::parse("eu-west-1").unwrap();
    let check = |key: &str, message| {
        on_chain(|chain| checks::read_artifact(chain, &artifact(key), &region, &Err(denied(message))))
    };
    let of_bucket = check("dev/orders/1.zip", "AccessDenied");
    let belongs: Vec<&str> = of_bucket.missing.iter().map(|missing| missing.belongs.as_str()).collect();
    assert_eq!(
        belongs,
        [
            "the policy of the deploy role deployer-target in account 111111111111 (module target)",
            "the policy of the artifact bucket acme-artifacts (module tooling)",
        ]
    );
    assert_eq!(of_bucket.missing[1].statement["Principal"]["AWS"], "arn:aws:iam::111111111111:root");
    let promoted = check("staging/orders/1.zip", "AccessDenied");
    assert_eq!(promoted.missing[0].statement["Resource"], "arn:aws:s3:::acme-artifacts/staging/*");
    let of_key = check("dev/orders/1.zip", "not authorized to perform: kms:Decrypt");
    assert_eq!(of_key.missing[0].belongs, "the policy of the artifact bucket's key (module tooling)");
    assert_eq!(
        of_key.missing[0].statement["Condition"]["StringEquals"]["kms:ViaService"],
        "s3.eu-west-1.amazonaws.com"
    );
}

#[test]
fn queue_is_stuck_only_if_messages_wait_at_every_look() {
    let checked = |looks: &[(u64, u64)]| {
        let looks =
            looks.iter().map(|(waiting, in_flight)| QueueLook { waiting: *waiting, in_flight: *in_flight, delayed: 0 });
        checks::queue("queue", None, "arn", &Ok(looks.collect())).status
    };
    assert_eq!(checked(&[(3, 0), (3, 0), (4, 0)]), CheckStatus::Fail);
    assert_eq!(checked(&[(3, 0), (0, 3)]), CheckStatus::Ok);
    assert_eq!(checked(&[(300, 10), (290, 10)]), CheckStatus::Ok, "it is busy");
    assert_eq!(checked(&[(0, 0)]), CheckStatus::Ok);
}

#[test]
fn dead_letters_or_a_missing_dead_letter_queue_fail() {
    let look = |waiting| Ok(QueueLook { waiting, ..QueueLook::default() });
    let arn = Some("arn:aws:sqs:eu-west-1:123456789012:deployer-dead-letters");
    assert_eq!(checks::dead_letters("dead letters", None, arn, &look(0)), Check::ok("dead letters"));
    let because = checks::dead_letters("dead letters", None, arn, &look(2)).because.unwrap();
    assert_eq!(
        because,
        "2 messages could not be handled and lie in deployer-dead-letters: deployctl redrive --peek shows them, and the \
         deployer's log says why; mend it, then send them back by deployctl redrive"
    );
    let because = checks::dead_letters("dead letters", None, arn, &look(1)).because.unwrap();
    assert!(because.starts_with("1 message could not be handled and lies in deployer-dead-letters: "), "{because}");
    assert_eq!(checks::dead_letters("dead letters", None, None, &look(0)).status, CheckStatus::Fail);
    let check = checks::dead_letters("dead letters", Some(DEPLOYER), arn, &Err(denied("no")));
    assert_eq!(
        check.missing[0].statement,
        json!({"Effect": "Allow", "Action": "sqs:GetQueueAttributes", "Resource": arn})
    );
}

#[test]
fn sweep_without_a_recent_trace_fails() {
    let checked = |last: Option<i64>| checks::sweep(at(0), &Ok(last.map(at))).status;
    assert_eq!(checked(Some(-60)), CheckStatus::Ok);
    assert_eq!(checked(Some(-599)), CheckStatus::Ok);
    assert_eq!(checked(Some(-601)), CheckStatus::Fail);
    assert_eq!(checked(Some(700)), CheckStatus::Ok, "another clock is the clocks' matter");
    assert_eq!(checked(None), CheckStatus::Fail);
}

#[test]
fn clocks_agree_within_the_time_of_two_reads() {
    let checked = |before, after, other| {
        checks::clocks("clock", "it", (at(before), at(after)), at(other), Duration::from_secs(5))
    };
    assert_eq!(checked(0, 10, 5).status, CheckStatus::Ok);
    assert_eq!(checked(0, 10, -5).status, CheckStatus::Ok);
    assert_eq!(checked(0, 10, 15).status, CheckStatus::Ok);
    assert_eq!(checked(0, 10, -6).because.unwrap(), "it is 6 seconds ahead: set it right (NTP)");
    assert_eq!(checked(0, 10, 17).because.unwrap(), "it is 7 seconds behind: set it right (NTP)");
}

#[test]
fn unchecked_link_leaves_the_report_well() {
    let report = |checks| DoctorReport { now: None, tooling: checks, targets: vec![] };
    assert!(report(vec![Check::ok("a"), Check::not_checked("b", "because")]).is_well());
    assert!(!report(vec![Check::ok("a"), Check::fail("b", "because")]).is_well());
}
