//! Decodes the messages of an SQS batch (Lambda Developer Guide, "Using Lambda with Amazon SQS").

use std::time::Duration;

use jiff::Timestamp;
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

/// Whether a record is a message of SQS.
pub(super) fn is_message(record: &Value) -> bool {
    record.get("eventSource").and_then(Value::as_str) == Some("aws:sqs")
}

/// Decodes one message, so that an invalid one spoils none of the others. `body` decodes its body. Every field is read
/// alone: a field that nobody needs, or that has another form than Lambda's, does not spoil the message.
pub(super) fn message(record: &Value, body: fn(&str) -> Vec<InboundEvent>) -> Message {
    let text = |field: &str| record.get(field).and_then(Value::as_str);
    Message {
        id: text("messageId").unwrap_or_default().to_owned(),
        delivery: delivery(record),
        events: match (record.get("body"), text("body")) {
            (None, _) => body(""),
            (Some(_), Some(text)) => body(text),
            (Some(_), None) => InboundEvent::malformed("an SQS message whose body is no text"),
        },
    }
}

fn delivery(record: &Value) -> Option<Delivery> {
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
    let number = |name: &str| text(&format!("/attributes/{name}"))?.parse::<i64>().ok();
    let received = number("ApproximateReceiveCount").and_then(|count| u32::try_from(count).ok()).unwrap_or(1);
    let delay = text(&format!("/messageAttributes/{}/stringValue", Tick::DELAY_ATTRIBUTE));
    let delay = delay.and_then(|seconds| seconds.parse().ok()).unwrap_or_default();
    let time = |name: &str| number(name).and_then(|millisecond| Timestamp::from_millisecond(millisecond).ok());
    let due = time("SentTimestamp").and_then(|sent| sent.checked_add(Duration::from_secs(delay)).ok());
    let first_received = time("ApproximateFirstReceiveTimestamp");
    let queue = text("/eventSourceARN").map(str::to_owned);
    Some(Delivery { receipt: text("/receiptHandle")?.to_owned(), received, queue, due, first_received })
}
