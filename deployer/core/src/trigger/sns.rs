//! Events that SNS wraps: as the body of an SQS message (Amazon SNS Developer Guide, "Amazon SNS message and JSON
//! formats"), or as the records of an invocation by SNS itself (AWS Lambda Developer Guide, "Invoking Lambda functions
//! with Amazon SNS notifications").

use serde_json::Value;

use super::inbound::InboundEvent;
use super::{json, unwrapped};

/// Opens an SNS notification; none if the value is no notification.
pub(super) fn decode(value: &Value) -> Option<Vec<InboundEvent>> {
    let is_sns = value.get("Type").and_then(Value::as_str) == Some("Notification");
    value.get("Message").and_then(Value::as_str).filter(|_| is_sns).map(open)
}

/// Whether a record is one with which SNS invokes a function.
pub(super) fn is_record(value: &Value) -> bool {
    value.get("EventSource").and_then(Value::as_str) == Some("aws:sns")
}

/// Opens a record with which SNS invokes a function.
pub(super) fn record(value: &Value) -> Vec<InboundEvent> {
    let message = value.pointer("/Sns/Message").and_then(Value::as_str);
    message.map_or_else(|| InboundEvent::malformed("an SNS record without a text Sns.Message"), open)
}

/// Only one SNS envelope is opened: it must contain the event itself.
fn open(message: &str) -> Vec<InboundEvent> {
    match json(message) {
        Ok(inner) if inner.get("Type").is_none() => unwrapped(&inner)
            .unwrap_or_else(|| InboundEvent::ignored("the SNS message is no event that this deployer knows")),
        Ok(_) => InboundEvent::ignored("an SNS message within an SNS message"),
        Err(error) => InboundEvent::malformed(format!("the SNS message {error}")),
    }
}
