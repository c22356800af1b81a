//! Decodes payloads into events and commands (step "decode").
//!
//! An event is malformed, ignored with a reason, or valid. Wire structs never leave this folder, and nothing here
//! decides about an upload.

mod command;
mod eventbridge;
mod fields;
mod inbound;
mod promotion;
mod s3;
mod sns;
mod tick;

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

pub use command::{Command, CommandRequest, DescribedManifest, DescribedPackage};
pub use inbound::InboundEvent;
pub use promotion::{PromotionApproved, PromotionDeclined, PromotionRequested};
pub use tick::{MESSAGE_FORMAT, Tick};

/// The decoded payload of an invocation.
#[derive(Debug, PartialEq)]
pub enum Invocation {
    /// An event that was sent directly, without the queue.
    Event(Vec<InboundEvent>),
    /// Messages from a queue, each of which is answered separately.
    Batch(Vec<Message>),
    /// A command of a person or a schedule.
    Command(Box<CommandRequest>),
    /// An invalid payload of a direct call.
    Unknown {
        /// The mistake, and the valid forms.
        because: String,
    },
}

/// One message of a batch.
#[derive(Debug, PartialEq)]
pub struct Message {
    /// SQS's message id, which a partial batch response names.
    pub id: String,
    /// This delivery of the message; none if the record has no receipt handle.
    pub delivery: Option<Delivery>,
    /// The events in its body.
    pub events: Vec<InboundEvent>,
}

/// A delivery of a message, with the data for changing its visibility.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// SQS's receipt handle.
    pub receipt: String,
    /// The number of times that the message was received, this time included.
    pub received: u32,
    /// The ARN of the queue that it comes from.
    pub queue: Option<String>,
    /// The time at which the message became receivable.
    pub due: Option<Timestamp>,
    /// The time at which it was received first.
    pub first_received: Option<Timestamp>,
}

impl Delivery {
    /// Returns the name of the queue that it comes from.
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

/// Parses JSON. The error is a fragment that says what is wrong.
fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| match error.to_string() {
        // serde_json's error for data that are nested deeper than its parser allows.
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
        return match command::decode_command(payload) {
            Ok(command) => Invocation::Command(Box::new(command)),
            Err(because) => Invocation::Unknown { because },
        };
    }
    if let Some(events) = event(payload) {
        return Invocation::Event(events);
    }
    Invocation::Unknown { because: format!("the payload is neither an event nor a command; {ACCEPTED}") }
}

/// An SQS message in Lambda's form (Lambda Developer Guide, "Using Lambda with Amazon SQS").
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

/// Reads a message alone, so that an invalid one spoils none of the others.
fn message(record: &Value) -> Message {
    match SqsMessage::deserialize(record) {
        Ok(message) => Message {
            events: body(message.body.as_deref().unwrap_or_default()),
            id: message.message_id.clone().unwrap_or_default(),
            delivery: delivery(message),
        },
        Err(error) => Message {
            delivery: None,
            events: InboundEvent::malformed(format!("an SQS message that cannot be read: {error}")),
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
    if let Some(tick) = tick::decode(&value) {
        return vec![tick.map_or_else(|because| InboundEvent::NotUnderstood { because }, InboundEvent::Tick)];
    }
    event(&value).unwrap_or_else(|| InboundEvent::ignored("the message is no event that this deployer knows"))
}

/// Recognises events by fields that only they have. None if the value is no known event.
fn event(value: &Value) -> Option<Vec<InboundEvent>> {
    if let Some(records) = value.get("Records").and_then(Value::as_array) {
        return Some(s3::records(records));
    }
    if value.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        return Some(InboundEvent::ignored("S3 has tested whether it may send notifications"));
    }
    if value.get("detail-type").is_some() && value.get("source").is_some() {
        return Some(eventbridge::decode(value));
    }
    sns::decode(value)
}

#[cfg(test)]
mod tests;
