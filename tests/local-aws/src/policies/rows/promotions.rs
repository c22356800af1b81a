//! Rows about the bus: senders of events, of requests for promotions, and of approvals.

use serde_json::json;

use super::{
    ADMIN, AccessRequest, BUS, Caller, DEPLOYER, DEV_ADMIN, PROD_ADMIN, PolicyRef, Row, STRANGE, STRANGER, TOOLING,
    anything, may, may_not,
};

const PUBLISHED: [&str; 3] = ["Deployment Started", "Deployment Failed", "Promotion Waiting"];
const REQUESTED: &str = "Promotion Requested";
const APPROVED: &str = "Promotion Approved";
const DECLINED: &str = "Promotion Declined";

pub(super) fn rows(rows: &mut Vec<Row>) {
    deployer(rows);
    let person = Caller::Role(TOOLING, "person");
    sender(rows, &person, "tooling/request", "acme.release-tool", &[REQUESTED]);
    sender(rows, &person, "tooling/approve", "acme.change-board", &[APPROVED, DECLINED]);
    let schedule = Caller::Role(TOOLING, "deployer-promotions");
    sender(rows, &schedule, "scheduled/schedule", "schedules", &[REQUESTED]);
    let other = puts(&schedule, PolicyRef::Named("scheduled/schedule"), BUS, "acme.release-tool", REQUESTED);
    may_not(rows, "a schedule asks as a schedule only", other);
    schedules(rows);
    other_accounts(rows);
}

/// Returns the request to put an event with this source and detail type.
fn puts(who: &Caller, policy: PolicyRef, bus: &str, source: &str, detail_type: &str) -> AccessRequest {
    AccessRequest::of(who, policy, "events:PutEvents", bus)
        .with("events:source", source)
        .with("events:detail-type", detail_type)
}

/// Adds rows about a call that puts several events, and about one without either key. The sender may send `own`, and
/// neither as `pretended` nor the detail types `others`.
fn several_at_once(rows: &mut Vec<Row>, ask: &AccessRequest, own: &[&str; 2], pretended: &str, others: &[&str]) {
    let [source, detail_type] = own;
    let puts = |sources: &[&str], detail_types: &[&str]| {
        ask.clone().with("events:source", json!(sources)).with("events:detail-type", json!(detail_types))
    };
    may(rows, "several events at once, all its own", puts(&[source, source], &[detail_type, detail_type]));
    may_not(rows, "but none that pretends among them", puts(&[source, pretended], &[detail_type, detail_type]));
    may_not(rows, "nor as the first", puts(&[pretended, source], &[detail_type, detail_type]));
    for other in others {
        may_not(rows, "nor of another kind among them", puts(&[source, source], &[detail_type, other]));
        may_not(rows, "nor as the first", puts(&[source, source], &[other, detail_type]));
    }
    may_not(rows, "nor without a source", ask.clone().without("events:source"));
    if !others.is_empty() {
        may_not(rows, "nor without a kind", ask.clone().without("events:detail-type"));
    }
}

/// Adds rows that deny a sender everything else on the bus.
fn only_sends(rows: &mut Vec<Row>, ask: &AccessRequest) {
    for action in ["events:PutRule", "events:PutPermission", "events:DeleteEventBus", "lambda:InvokeFunction"] {
        may_not(rows, "and does nothing else to the bus", AccessRequest { action, ..ask.clone() });
    }
    for bus in [
        "arn:aws:events:eu-west-1:123456789012:event-bus/default",
        "arn:aws:events:us-east-1:123456789012:event-bus/deployer",
        "arn:aws:events:eu-west-1:123456789012:archive/deployer",
    ] {
        may_not(rows, "on no other bus", AccessRequest { resource: bus.into(), ..ask.clone() });
    }
    let foreign =
        AccessRequest { resource: "arn:aws:events:eu-west-1:999999999999:event-bus/deployer".into(), ..ask.clone() };
    may_not(rows, "of no other account", foreign.at(PolicyRef::Open, STRANGE));
}

fn deployer(rows: &mut Vec<Row>) {
    let publishes =
        |source, detail_type| puts(&DEPLOYER, PolicyRef::Named("tooling/deployer"), BUS, source, detail_type);
    for detail_type in PUBLISHED {
        may(rows, "the deployer tells what happens", publishes("deployer", detail_type));
        for source in ["aws.lambda", "acme.release-tool"] {
            may_not(rows, "as nobody else", publishes(source, detail_type));
        }
    }
    only_sends(rows, &publishes("deployer", PUBLISHED[0]));
    let own = ["deployer", PUBLISHED[0]];
    several_at_once(rows, &publishes(own[0], own[1]), &own, "aws.lambda", &[]);
}

/// Adds rows that allow a sender these detail types, with its own source, and deny it the others.
fn sender(rows: &mut Vec<Row>, who: &Caller, policy: &'static str, source: &str, allowed: &[&str]) {
    let sends = |source, detail_type| puts(who, PolicyRef::Named(policy), BUS, source, detail_type);
    for detail_type in [REQUESTED, APPROVED, DECLINED].into_iter().chain(PUBLISHED) {
        match allowed.contains(&detail_type) {
            true => may(rows, "who may ask asks, who may approve approves or declines", sends(source, detail_type)),
            false => may_not(rows, "and not the other", sends(source, detail_type)),
        }
    }
    for pretended in ["deployer", "aws.events", "aws.s3"] {
        may_not(rows, "neither as the deployer nor as AWS", sends(pretended, allowed[0]));
    }
    only_sends(rows, &sends(source, allowed[0]));
    let others: Vec<&str> = [REQUESTED, APPROVED].into_iter().filter(|one| !allowed.contains(one)).collect();
    several_at_once(rows, &sends(source, allowed[0]), &[source, allowed[0]], "deployer", &others);
}

fn schedules(rows: &mut Vec<Row>) {
    let takes = |service| {
        AccessRequest::of(
            &Caller::Service(service),
            PolicyRef::Silent,
            "sts:AssumeRole",
            "arn:aws:iam::123456789012:role/deployer-promotions",
        )
        .trusted_by(PolicyRef::Named("scheduled/schedule_trust"), TOOLING)
        .with("aws:SourceAccount", TOOLING)
        .with("aws:SourceArn", "arn:aws:scheduler:eu-west-1:123456789012:schedule-group/deployer-promotions")
    };
    let schedule = || takes("scheduler.amazonaws.com");
    may(rows, "the schedules of promotions take their role", schedule());
    may_not(rows, "not for another account", schedule().with("aws:SourceAccount", STRANGE));
    for group in ["default", "deployer"] {
        let other = format!("arn:aws:scheduler:eu-west-1:123456789012:schedule-group/{group}");
        may_not(rows, "not for another group of schedules", schedule().with("aws:SourceArn", other));
    }
    may_not(rows, "and in no other way", AccessRequest { action: "sts:TagSession", ..schedule() });
    may_not(rows, "no other service takes it", takes("events.amazonaws.com"));
}

/// Adds rows about the bus's own policy, where the caller's policy allows everything.
fn other_accounts(rows: &mut Vec<Row>) {
    let release = Caller::Role("333333333333", "release");
    let sends = |who: &Caller, source, detail_type| {
        puts(who, PolicyRef::Open, BUS, source, detail_type).at(PolicyRef::Named("tooling/event_bus"), TOOLING)
    };
    let asks = || sends(&release, "acme.release-tool", REQUESTED);
    may(rows, "the role of another account that is named asks", asks());
    let nothing = puts(&release, PolicyRef::Silent, BUS, "acme.release-tool", REQUESTED);
    may_not(rows, "if its own account lets it", nothing.at(PolicyRef::Named("tooling/event_bus"), TOOLING));
    for detail_type in [APPROVED, DECLINED].into_iter().chain(PUBLISHED) {
        may_not(rows, "and only asks", sends(&release, "acme.release-tool", detail_type));
    }
    for pretended in ["deployer", "aws.events"] {
        may_not(rows, "neither as the deployer nor as AWS", sends(&release, pretended, REQUESTED));
    }
    several_at_once(rows, &asks(), &["acme.release-tool", REQUESTED], "aws.events", &[APPROVED, DECLINED]);
    for other in [&Caller::Role("333333333333", "admin"), &DEV_ADMIN, &PROD_ADMIN, &STRANGER] {
        may_not(rows, "nobody else of another account asks", sends(other, "acme.release-tool", REQUESTED));
    }
    for action in ["events:PutRule", "events:PutTargets", "events:DescribeEventBus"] {
        may_not(rows, "nor does anything else to the bus", AccessRequest { action, ..asks() });
    }
    let own = anything(&ADMIN, "events:PutEvents", BUS).at(PolicyRef::Named("tooling/event_bus"), TOOLING);
    may(rows, "an administrator of its own account sends without it", own);
}
