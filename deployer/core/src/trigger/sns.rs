//! Events that SNS wraps (Amazon SNS Developer Guide, "Amazon SNS message and JSON formats").

use serde_json::Value;

use super::inbound::InboundEvent;
use super::{event, json};

/// Opens an SNS notification; none if the value is no notification.
pub(super) fn decode(value: &Value) -> Option<Vec<InboundEvent>> {
    let is_sns = value.get("Type").and_then(Value::as_str) == Some("Notification");
    let message = value.get("Message").and_then(Value::as_str).filter(|_| is_sns)?;
    // Only one SNS envelope is opened: it must contain S3's event.
    Some(match json(message) {
        Ok(inner) if inner.get("Type").is_none() => event(&inner)
            .unwrap_or_else(|| InboundEvent::ignored("the SNS message is no event that this deployer knows")),
        Ok(_) => InboundEvent::ignored("an SNS message within an SNS message"),
        Err(error) => InboundEvent::malformed(format!("the SNS message {error}")),
    })
}
