//! Rows about notifications of people, through a topic and through a chat's webhook.

use super::{ADMIN, AccessRequest, Caller, DEPLOYER, PolicyRef, Row, STRANGE, TOOLING, anything, may, may_not};

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:deployer-notifications";
const DESTINATION: &str = "arn:aws:events:eu-west-1:123456789012:api-destination/deployer-chat/1c8e2f0a";
const UNSUBSCRIBED_QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:deployer-chat-untold";

pub(super) fn rows(rows: &mut Vec<Row>) {
    let rules = ["failed", "rolled-back", "not-recorded", "paused", "wanted"];
    let rules = rules.map(|notice| format!("rule/deployer/deployer-notifications-{notice}"));
    taken_by_rules(rows, "notifications/publish_trust", &rules);
    taken_by_rules(rows, "chat/call_trust", &["rule/deployer/deployer-chat".into()]);
    topic(rows);
    chat(rows);
}

/// Adds rows about a role that EventBridge assumes for these rules only.
fn taken_by_rules(rows: &mut Vec<Row>, trust: &'static str, rules: &[String]) {
    let takes = |service, rule: &str| {
        AccessRequest::of(
            &Caller::Service(service),
            PolicyRef::Silent,
            "sts:AssumeRole",
            "arn:aws:iam::123456789012:role/some",
        )
        .trusted_by(PolicyRef::Named(trust), TOOLING)
        .with("aws:SourceAccount", TOOLING)
        .with("aws:SourceArn", format!("arn:aws:events:eu-west-1:123456789012:{rule}"))
    };
    for rule in rules {
        let own = || takes("events.amazonaws.com", rule);
        may(rows, "a rule takes the role that it tells under", own());
        may_not(rows, "not for another account", own().with("aws:SourceAccount", STRANGE));
        may_not(rows, "and in no other way", AccessRequest { action: "sts:TagSession", ..own() });
        may_not(rows, "no other service takes it", takes("scheduler.amazonaws.com", rule));
    }
    for other in ["rule/deployer/deployer-promotions", "rule/other", "rule/other/deployer-chat"] {
        may_not(rows, "no other rule takes it", takes("events.amazonaws.com", other));
    }
}

fn topic(rows: &mut Vec<Row>) {
    let rules = Caller::Role(TOOLING, "deployer-notifications");
    let own = |action, topic: &str| AccessRequest::of(&rules, PolicyRef::Named("notifications/publish"), action, topic);
    let at = |ask: AccessRequest| ask.at(PolicyRef::Named("notifications/topic"), TOOLING);
    may(rows, "the rules tell people", at(own("sns:Publish", TOPIC)));
    for action in ["sns:Subscribe", "sns:SetTopicAttributes", "sqs:SendMessage"] {
        may_not(rows, "and do nothing else to the topic", at(own(action, TOPIC)));
    }
    for other in
        ["arn:aws:sns:eu-west-1:123456789012:alarms", "arn:aws:sns:us-east-1:123456789012:deployer-notifications"]
    {
        may_not(rows, "they tell no other topic", own("sns:Publish", other));
    }
    let foreign = own("sns:Publish", "arn:aws:sns:eu-west-1:999999999999:deployer-notifications");
    may_not(rows, "of no other account", foreign.at(PolicyRef::Open, STRANGE));
    for other in [&ADMIN, &DEPLOYER] {
        may_not(rows, "nobody else tells people, whatever he may", at(anything(other, "sns:Publish", TOPIC)));
    }
    may(rows, "an administrator sees who is told", at(anything(&ADMIN, "sns:ListSubscriptionsByTopic", TOPIC)));
}

fn chat(rows: &mut Vec<Row>) {
    let rule = Caller::Role(TOOLING, "deployer-chat");
    let own = |action, resource: &str| AccessRequest::of(&rule, PolicyRef::Named("chat/call"), action, resource);
    may(rows, "the rule calls the chat", own("events:InvokeApiDestination", DESTINATION));
    for action in ["events:UpdateApiDestination", "events:PutEvents", "secretsmanager:GetSecretValue"] {
        may_not(rows, "and does nothing else", own(action, DESTINATION));
    }
    for other in [
        "arn:aws:events:eu-west-1:123456789012:api-destination/deployer-chat2/1c8e2f0a",
        "arn:aws:events:us-east-1:123456789012:api-destination/deployer-chat/1c8e2f0a",
    ] {
        may_not(rows, "it calls nobody else", own("events:InvokeApiDestination", other));
    }
    let foreign = "arn:aws:events:eu-west-1:999999999999:api-destination/deployer-chat/1c8e2f0a";
    may_not(rows, "of no other account", own("events:InvokeApiDestination", foreign).at(PolicyRef::Open, STRANGE));

    let leaves = |service, action| {
        AccessRequest::of(&Caller::Service(service), PolicyRef::Silent, action, UNSUBSCRIBED_QUEUE)
            .at(PolicyRef::Named("chat/untold"), TOOLING)
            .with("aws:SourceArn", "arn:aws:events:eu-west-1:123456789012:rule/deployer/deployer-chat")
    };
    may(rows, "what the chat did not take is left in a queue", leaves("events.amazonaws.com", "sqs:SendMessage"));
    let other = "arn:aws:events:eu-west-1:123456789012:rule/deployer/deployer-promotions";
    may_not(rows, "by no other rule", leaves("events.amazonaws.com", "sqs:SendMessage").with("aws:SourceArn", other));
    may_not(rows, "by no other service", leaves("sns.amazonaws.com", "sqs:SendMessage"));
    may_not(rows, "which only leaves", leaves("events.amazonaws.com", "sqs:ReceiveMessage"));
    let read =
        || anything(&ADMIN, "sqs:ReceiveMessage", UNSUBSCRIBED_QUEUE).at(PolicyRef::Named("chat/untold"), TOOLING);
    may(rows, "an administrator reads it", read());
    may_not(rows, "and never without TLS", read().with("aws:SecureTransport", false));
}
