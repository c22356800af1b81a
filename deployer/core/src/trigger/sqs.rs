//! Decodes the messages of an SQS batch (Lambda Developer Guide, "Using Lambda with Amazon SQS").

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::inbound::InboundEvent;
use super::tick::Tick;

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

/// An SQS message in Lambda's form.
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

/// Decodes one message, so that an invalid one spoils none of the others. `body` decodes its body.
pub(super) fn message(record: &Value, body: fn(&str) -> Vec<InboundEvent>) -> Message {
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
