//! Bytes to what they tell: step "decode".
//!
//! A payload is malformed, ignored because of something, or uploads. Wire structs never leave this folder, and no
//! decision about an upload is made here.

mod eventbridge;
mod fields;
mod inbound;
mod manual;
mod promotion;
mod s3;
mod tick;

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

pub use inbound::InboundEvent;
pub use manual::{Command, CommandRequest, DescribedManifest, DescribedPackage};
pub use promotion::{PromotionApproved, PromotionDeclined, PromotionRequested};
pub use tick::Tick;

/// What an invocation brought.
#[derive(Debug, PartialEq)]
pub enum Invocation {
    /// One event, straight.
    Event(Vec<InboundEvent>),
    /// Messages from the queue: each answered for on its own.
    Batch(Vec<Message>),
    /// By hand, or by a schedule.
    Command(Box<CommandRequest>),
    /// None of these: somebody called by hand, and wrongly.
    Unknown {
        /// What is wrong, and what would be right.
        because: String,
    },
}

/// One message of a batch.
#[derive(Debug, PartialEq)]
pub struct Message {
    /// SQS's message id: what a partial batch response names.
    pub id: String,
    /// This delivery of it; none where the record does not tell.
    pub delivery: Option<Delivery>,
    /// What its body tells.
    pub told: Vec<InboundEvent>,
}

/// One delivery of a message: what it takes to put the message off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// SQS's receipt handle.
    pub receipt: String,
    /// How often the message was received, this time included.
    pub received: u32,
    /// The ARN of the queue that it comes from.
    pub queue: Option<String>,
    /// Since when the message could have been received.
    pub due: Option<Timestamp>,
    /// When it was received for the first time.
    pub first_received: Option<Timestamp>,
}

impl Delivery {
    /// The name of the queue that it comes from.
    #[must_use]
    pub fn queue_name(&self) -> Option<&str> {
        self.queue.as_deref()?.rsplit(':').next()
    }
}

/// Reads the payload of an invocation.
#[must_use]
pub fn read(payload: &str) -> Invocation {
    match json(payload) {
        Ok(payload) => decode(&payload),
        Err(error) => Invocation::Unknown { because: format!("the payload {error}") },
    }
}

/// Text as JSON, or a fragment that says why it cannot be.
fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| match error.to_string() {
        // serde_json says so of what is nested deeper than its parser's stack may grow.
        error if error.starts_with("recursion limit exceeded") => "is nested deeper than 127 levels".to_owned(),
        error => format!("is not JSON: {error}"),
    })
}

/// Decodes the payload of an invocation.
#[must_use]
pub fn decode(payload: &Value) -> Invocation {
    const ACCEPTED: &str = "this deployer takes S3 notifications, S3 events and promotion requests of EventBridge, each of them from SQS too, \
         and commands";
    let Some(fields) = payload.as_object() else {
        return Invocation::Unknown { because: format!("the payload is not a JSON object; {ACCEPTED}") };
    };
    let source = payload.pointer("/Records/0/eventSource").and_then(Value::as_str);
    if source == Some("aws:sqs") {
        let records = payload.get("Records").and_then(Value::as_array).into_iter().flatten();
        return Invocation::Batch(records.map(message).collect());
    }
    if fields.contains_key("command") {
        return match manual::order(payload) {
            Ok(order) => Invocation::Command(Box::new(order)),
            Err(because) => Invocation::Unknown { because },
        };
    }
    if let Some(told) = event(payload) {
        return Invocation::Event(told);
    }
    Invocation::Unknown { because: format!("the payload is neither an event nor a command; {ACCEPTED}") }
}

/// An SQS message as Lambda hands it over (Lambda Developer Guide, "Using Lambda with Amazon SQS").
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SqsMessage {
    #[serde(default)]
    message_id: Option<String>,
    #[serde(default)]
    receipt_handle: Option<String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    attributes: Option<HashMap<String, String>>,
    #[serde(default)]
    message_attributes: Option<HashMap<String, SqsAttribute>>,
    #[serde(default, rename = "eventSourceARN")]
    event_source_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SqsAttribute {
    #[serde(default)]
    string_value: Option<String>,
}

/// Each message is read for itself: an odd one spoils none of the others.
fn message(record: &Value) -> Message {
    match SqsMessage::deserialize(record) {
        Ok(message) => Message {
            told: body(message.body.as_deref().unwrap_or_default()),
            id: message.message_id.clone().unwrap_or_default(),
            delivery: delivery(message),
        },
        Err(error) => Message {
            delivery: None,
            told: InboundEvent::malformed(format!("an SQS message that cannot be read: {error}")),
            id: record.get("messageId").and_then(Value::as_str).unwrap_or_default().to_owned(),
        },
    }
}

fn delivery(message: SqsMessage) -> Option<Delivery> {
    let number = |name: &str| message.attributes.as_ref()?.get(name).and_then(|text| text.parse::<i64>().ok());
    let received = number("ApproximateReceiveCount").and_then(|count| u32::try_from(count).ok()).unwrap_or(1);
    let attribute = message.message_attributes.as_ref().and_then(|all| all.get(Tick::DELAY_ATTRIBUTE));
    let delay = attribute.and_then(|delay| delay.string_value.as_ref());
    let delay = delay.and_then(|seconds| seconds.parse().ok()).unwrap_or_default();
    let time = |name: &str| number(name).and_then(|millisecond| Timestamp::from_millisecond(millisecond).ok());
    let due = time("SentTimestamp").and_then(|sent| sent.checked_add(Duration::from_secs(delay)).ok());
    let first_received = time("ApproximateFirstReceiveTimestamp");
    let (queue, receipt) = (message.event_source_arn, message.receipt_handle?);
    Some(Delivery { received, due, first_received, queue, receipt })
}

fn body(text: &str) -> Vec<InboundEvent> {
    let value = match json(text) {
        Ok(value) => value,
        Err(error) => return InboundEvent::malformed(format!("the message's body {error}")),
    };
    if let Some(tick) = manual::tick(&value) {
        return vec![tick.map_or_else(|because| InboundEvent::NotUnderstood { because }, InboundEvent::Tick)];
    }
    event(&value).unwrap_or_else(|| InboundEvent::ignored("the message is no event that this deployer knows"))
}

/// The events, by the fields that only they have. `None`: none of them.
fn event(value: &Value) -> Option<Vec<InboundEvent>> {
    if let Some(records) = value.get("Records").and_then(Value::as_array) {
        return Some(s3::records(records));
    }
    if value.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        return Some(InboundEvent::ignored("S3 has tested whether it may send notifications"));
    }
    if value.get("detail-type").is_some() && value.get("source").is_some() {
        return Some(eventbridge::event(value));
    }
    let is_sns = value.get("Type").and_then(Value::as_str) == Some("Notification");
    let message = value.get("Message").and_then(Value::as_str).filter(|_| is_sns)?;
    // One envelope, not a chain of them: what SNS carries is S3's event.
    Some(match json(message) {
        Ok(inner) if inner.get("Type").is_none() => event(&inner)
            .unwrap_or_else(|| InboundEvent::ignored("the SNS message is no event that this deployer knows")),
        Ok(_) => InboundEvent::ignored("an SNS message within an SNS message"),
        Err(error) => InboundEvent::malformed(format!("the SNS message {error}")),
    })
}

#[cfg(test)]
mod tests;
