//! The event source mappings, which deliver messages from the queues to the function as Lambda does. The queue of wakes
//! is delivered before the queue of uploads here.
//!
//! Lambda Developer Guide, "Using Lambda with Amazon SQS" and "Handling errors for an SQS event source" (partial batch
//! responses). A failed message becomes visible again at once, whatever visibility the function has set, so that tests
//! do not wait; the emulator's log of calls has the visibility that was set. Delayed messages stay in the queue.

use std::collections::BTreeSet;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use serde_json::{Map, Value, json};

use super::accounts::REGION;
use super::runtime::{Answer, Runtime};
use fixtures::error::{Doing as _, Error, Result};

const BATCH: i32 = 10;
/// The limit of invocations, more than any test needs.
const INVOCATIONS: usize = 100;

/// The mappings of the deployer's queues.
#[derive(Debug)]
pub struct Mapping {
    sqs: Client,
    /// The client that receives and deletes messages, under the function's role as in Lambda.
    poller: Client,
    uploads: Queue,
    wakes: Queue,
}

#[derive(Debug)]
struct Queue {
    url: String,
    arn: String,
}

impl Queue {
    fn at(url: &str) -> Self {
        let mut parts = url.rsplit('/');
        let (name, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        Self { url: url.to_owned(), arn: format!("arn:aws:sqs:{REGION}:{account}:{name}") }
    }
}

/// One invocation with a batch of messages.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The messages' bodies.
    pub bodies: Vec<String>,
    /// The function's answer.
    pub answer: Answer,
    /// The number of messages that are back in the queue.
    pub failed: usize,
}

impl Mapping {
    pub(super) fn new(sqs: Client, poller: Client, (uploads, wakes): (&str, &str)) -> Self {
        Self { sqs, poller, uploads: Queue::at(uploads), wakes: Queue::at(wakes) }
    }

    fn queues(&self) -> [&Queue; 2] {
        [&self.wakes, &self.uploads]
    }

    /// Puts a message into the queue of uploads, as S3 or SNS would.
    ///
    /// # Errors
    /// SQS answers with an error.
    pub async fn send(&self, body: &str) -> Result<()> {
        let call = self.sqs.send_message().queue_url(&self.uploads.url).message_body(body);
        call.send().await.doing("sending a message").map(drop)
    }

    /// Delivers batch after batch until nothing can be received. A message that keeps failing becomes a dead letter.
    ///
    /// # Errors
    /// SQS answers with an error, or the harness fails.
    pub async fn drain(&self, function: &Runtime) -> Result<Vec<Delivery>> {
        let mut deliveries = Vec::new();
        while deliveries.len() < INVOCATIONS {
            let Some(delivery) = self.deliver_once(function).await? else {
                let left = self.in_queue().await?;
                if left == 0 {
                    return Ok(deliveries);
                }
                return Err(Error::Unexpected(format!("{left} messages are hidden in the queue, and nobody has them")));
            };
            deliveries.push(delivery);
        }
        Err(Error::Unexpected(format!("the queue is not empty after {INVOCATIONS} invocations")))
    }

    /// Delivers one batch of one queue; `None` if neither queue has a message to deliver.
    ///
    /// # Errors
    /// SQS answers with an error, or the harness fails.
    pub async fn deliver_once(&self, function: &Runtime) -> Result<Option<Delivery>> {
        let Some((queue, messages)) = self.receive().await? else { return Ok(None) };
        let answer = function.invoke(&event(queue, &messages)).await?;
        let failed = failures(&answer, &messages);
        let mut back = 0;
        for message in &messages {
            if failed.contains(message.message_id().unwrap_or_default()) {
                self.show_again(queue, message).await?;
                back += 1;
            } else {
                self.delete(queue, message).await?;
            }
        }
        let bodies = messages.into_iter().filter_map(|message| message.body).collect();
        Ok(Some(Delivery { bodies, answer, failed: back }))
    }

    /// Removes all visible messages from the queues and returns their bodies.
    ///
    /// # Errors
    /// SQS answers with an error.
    pub async fn take(&self) -> Result<Vec<String>> {
        let mut bodies = Vec::new();
        while let Some((queue, messages)) = self.receive().await? {
            for message in messages {
                self.delete(queue, &message).await?;
                bodies.extend(message.body);
            }
        }
        Ok(bodies)
    }

    /// Returns the event in which Lambda would deliver these bodies from the queue of uploads.
    #[must_use]
    pub fn event_of(&self, bodies: &[Value]) -> Value {
        let messages = bodies.iter().enumerate().map(|(number, body)| {
            let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
            Message::builder().message_id(format!("message-{number}")).receipt_handle("none").body(text).build()
        });
        event(&self.uploads, &messages.collect::<Vec<_>>())
    }

    /// Returns the number of messages that wait or are being handled.
    ///
    /// # Errors
    /// SQS answers with an error.
    pub async fn in_queue(&self) -> Result<u32> {
        use QueueAttributeName as Name;
        self.count(&[Name::ApproximateNumberOfMessages, Name::ApproximateNumberOfMessagesNotVisible]).await
    }

    /// Returns the number of delayed messages.
    ///
    /// # Errors
    /// SQS answers with an error.
    pub async fn delayed(&self) -> Result<u32> {
        self.count(&[QueueAttributeName::ApproximateNumberOfMessagesDelayed]).await
    }

    async fn count(&self, states: &[QueueAttributeName]) -> Result<u32> {
        let mut all = 0;
        for queue in self.queues() {
            all += count(&self.sqs, &queue.url, states).await?;
        }
        Ok(all)
    }

    async fn receive(&self) -> Result<Option<(&Queue, Vec<Message>)>> {
        for queue in self.queues() {
            let call = self
                .poller
                .receive_message()
                .queue_url(&queue.url)
                .max_number_of_messages(BATCH)
                .wait_time_seconds(0)
                .message_system_attribute_names(MessageSystemAttributeName::All)
                .message_attribute_names("All");
            let answer = call.send().await.doing("receiving messages")?;
            if let Some(messages) = answer.messages.filter(|messages| !messages.is_empty()) {
                return Ok(Some((queue, messages)));
            }
        }
        Ok(None)
    }

    async fn delete(&self, queue: &Queue, message: &Message) -> Result<()> {
        let call = self.poller.delete_message().queue_url(&queue.url);
        let call = call.set_receipt_handle(message.receipt_handle.clone());
        call.send().await.doing("deleting a message").map(drop)
    }

    /// Makes a message visible at once, so that no test waits for the visibility that the function has set.
    async fn show_again(&self, queue: &Queue, message: &Message) -> Result<()> {
        let call = self.sqs.change_message_visibility().queue_url(&queue.url).visibility_timeout(0);
        let call = call.set_receipt_handle(message.receipt_handle.clone());
        call.send().await.doing("making a message visible again").map(drop)
    }
}

fn event(queue: &Queue, messages: &[Message]) -> Value {
    let records: Vec<Value> = messages.iter().map(|message| record(queue, message)).collect();
    json!({ "Records": records })
}

fn record(queue: &Queue, message: &Message) -> Value {
    let attributes: Map<String, Value> =
        (message.attributes.iter().flatten()).map(|(name, value)| (name.as_str().to_owned(), json!(value))).collect();
    let message_attributes: Map<String, Value> = (message.message_attributes.iter().flatten())
        .map(|(name, value)| {
            (
                name.clone(),
                json!({"dataType": value.data_type(), "stringValue": value.string_value(),
                "stringListValues": [], "binaryListValues": []}),
            )
        })
        .collect();
    json!({
        "messageId": message.message_id(),
        "receiptHandle": message.receipt_handle(),
        "body": message.body(),
        "attributes": attributes,
        "messageAttributes": message_attributes,
        "md5OfBody": message.md5_of_body(),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.arn,
        "awsRegion": REGION,
    })
}

/// Returns the number of a queue's messages in these states.
pub(super) async fn count(sqs: &Client, queue_url: &str, states: &[QueueAttributeName]) -> Result<u32> {
    let call = sqs.get_queue_attributes().queue_url(queue_url).set_attribute_names(Some(states.to_vec()));
    let answer = call.send().await.doing("counting messages")?;
    let numbers = answer.attributes.unwrap_or_default();
    Ok(states.iter().filter_map(|state| numbers.get(state)?.parse::<u32>().ok()).sum())
}

/// Returns the ids of the messages that Lambda leaves in the queue: the named ones, or all of them after a function
/// error or if a name is no message of the batch.
fn failures(answer: &Answer, messages: &[Message]) -> BTreeSet<String> {
    let ids: BTreeSet<String> = messages.iter().filter_map(|message| message.message_id.clone()).collect();
    let Answer::Payload(payload) = answer else { return ids };
    let named = payload["batchItemFailures"].as_array().cloned().unwrap_or_default();
    let named: BTreeSet<String> =
        named.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap_or_default().to_owned()).collect();
    if named.is_subset(&ids) { named } else { ids }
}
