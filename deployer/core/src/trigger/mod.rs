//! Decodes payloads into events and commands (step "decode").
//!
//! An event is malformed, ignored with a reason, or valid. Wire structs never leave this folder, and nothing here
//! decides about an upload.

mod command;
mod command_request;
mod eventbridge;
mod fields;
mod inbound;
mod pipes;
mod promotion;
mod s3;
mod sns;
mod sqs;
mod tick;

use serde_json::Value;

pub use command::{Command, DescribedManifest, DescribedPackage};
pub use command_request::CommandRequest;
pub use inbound::InboundEvent;
pub use promotion::{PromotionApproved, PromotionDeclined, PromotionRequested};
pub use sqs::{Delivery, Message};
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
    const ACCEPTED: &str = "this deployer takes S3 notifications, S3 events and promotion requests of EventBridge, each of them from SQS, SNS \
         or a pipe too, and commands";
    if let Some(items) = payload.as_array().filter(|items| !items.is_empty()) {
        return pipes::decode(items, pipe_item).map_or_else(
            || Invocation::Unknown {
                because: format!("no item of the array, which is what a pipe sends, is an event; {ACCEPTED}"),
            },
            Invocation::Event,
        );
    }
    let Some(fields) = payload.as_object() else {
        return Invocation::Unknown { because: format!("the payload is not a JSON object; {ACCEPTED}") };
    };
    let source = payload.pointer("/Records/0/eventSource").and_then(Value::as_str);
    if source == Some("aws:sqs") {
        let records = payload.get("Records").and_then(Value::as_array).into_iter().flatten();
        return Invocation::Batch(records.map(|record| sqs::message(record, read_message)).collect());
    }
    if fields.contains_key("command") {
        return match command_request::decode_command(payload) {
            Ok(command) => Invocation::Command(Box::new(command)),
            Err(because) => Invocation::Unknown { because },
        };
    }
    if let Some(events) = event(payload) {
        return Invocation::Event(events);
    }
    Invocation::Unknown { because: format!("the payload is neither an event nor a command; {ACCEPTED}") }
}

/// Decodes an item of a pipe's array.
fn pipe_item(value: &Value) -> Option<Vec<InboundEvent>> {
    if sqs::is_message(value) { Some(sqs::message(value, read_message).events) } else { event(value) }
}

/// Decodes the body of an SQS message.
#[must_use]
pub fn read_message(text: &str) -> Vec<InboundEvent> {
    let value = match json(text) {
        Ok(value) => value,
        Err(error) => return InboundEvent::malformed(format!("the message's body {error}")),
    };
    if let Some(tick) = tick::decode(&value) {
        return vec![tick.map_or_else(|because| InboundEvent::NotUnderstood { because }, InboundEvent::Tick)];
    }
    event(&value).unwrap_or_else(|| InboundEvent::ignored("the message is no event that this deployer knows"))
}

/// Recognises events by fields that only they have, with or without SNS's envelope. None if the value is no known
/// event.
fn event(value: &Value) -> Option<Vec<InboundEvent>> {
    let records = value.get("Records").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if records.iter().any(sns::is_record) {
        let each = records.chunks(1).flat_map(|one| match one {
            [record] if sns::is_record(record) => sns::record(record),
            others => s3::records(others),
        });
        return Some(each.collect());
    }
    unwrapped(value).or_else(|| sns::decode(value))
}

/// Recognises events of S3 and EventBridge themselves.
fn unwrapped(value: &Value) -> Option<Vec<InboundEvent>> {
    if let Some(records) = value.get("Records").and_then(Value::as_array) {
        return Some(s3::records(records));
    }
    if value.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        return Some(InboundEvent::ignored("S3 has tested whether it may send notifications"));
    }
    if value.get("detail-type").is_some() && value.get("source").is_some() {
        return Some(eventbridge::decode(value));
    }
    None
}

#[cfg(test)]
mod skip_rollout_tests;
#[cfg(test)]
mod tests;
