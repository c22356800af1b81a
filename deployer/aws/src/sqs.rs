//! The queues over SQS.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{MessageAttributeValue, QueueAttributeName as Attribute};
use deployer_core::doctor::QueueLook;
use deployer_core::trigger::Tick;
use futures::future::join_all;

use super::failure::Failure;
use deployer_engine::port::{Queue, QueueError};

/// The deployer's queues.
pub struct SqsQueue {
    client: Client,
    url: String,
    /// The URL of the queue for messages to the deployer itself, if it has one of its own.
    wake_queue: Option<String>,
}

impl SqsQueue {
    /// The queue at this URL.
    #[must_use]
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url, wake_queue: None }
    }

    /// The same, with another queue for what the deployer sends to itself.
    #[must_use]
    pub fn with_wake_queue(self, wake_queue: Option<String>) -> Self {
        Self { wake_queue, ..self }
    }

    fn wake_queue(&self) -> &str {
        self.wake_queue.as_deref().unwrap_or(&self.url)
    }

    /// Returns the URL of the queue that a message came from. A queue's URL and its ARN both end in its name.
    fn origin(&self, arn: Option<&str>) -> &str {
        let name = arn.and_then(|arn| arn.rsplit(':').next());
        let is_wakes = name.is_some() && name == self.wake_queue().rsplit('/').next();
        if is_wakes { self.wake_queue() } else { &self.url }
    }

    /// Finds the queue that an event names by its ARN, where no configuration has its URL. SQS is asked, because the
    /// URL's form differs between partitions and with `AWS_ENDPOINT_URL` (SQS API Reference, GetQueueUrl).
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn of_arn(client: Client, arn: &str) -> Result<Self, QueueError> {
        let parts: Vec<&str> = arn.split(':').collect();
        let &["arn", _, "sqs", _, account, name] = parts.as_slice() else {
            return Err(QueueError(format!("{arn:?} is not the ARN of a queue")));
        };
        let call = client.get_queue_url().queue_name(name).queue_owner_aws_account_id(account);
        let answer = call.send().await;
        let answer =
            answer.map_err(|error| QueueError(format!("GetQueueUrl of {arn}: {}", Failure::of(&error).message)))?;
        let url = answer.queue_url.ok_or_else(|| QueueError(format!("GetQueueUrl of {arn}: the answer has no URL")))?;
        Ok(Self::new(client, url))
    }
}

fn error(doing: &str, url: &str, failure: &Failure) -> QueueError {
    QueueError(format!("{doing} of {url}: {}", failure.message))
}

fn seconds(delay: Duration) -> i32 {
    i32::try_from(delay.as_secs()).unwrap_or(i32::MAX)
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send(&self, body: String, delay: Duration) -> Result<(), QueueError> {
        let (url, delay) = (self.wake_queue(), seconds(delay));
        let attribute = MessageAttributeValue::builder().data_type("Number").string_value(delay.to_string()).build();
        let attribute = attribute.map_err(|error| QueueError(format!("SendMessage of {url}: {error}")))?;
        let call = self.client.send_message().queue_url(url).message_body(body).delay_seconds(delay);
        let call = call.message_attributes(Tick::DELAY_ATTRIBUTE, attribute);
        call.send().await.map(drop).map_err(|failed| error("SendMessage", url, &Failure::of(&failed)))
    }

    async fn extend_visibility(&self, from: Option<&str>, receipt: &str, delay: Duration) -> Result<(), QueueError> {
        let url = self.origin(from);
        let call = self.client.change_message_visibility().queue_url(url).receipt_handle(receipt);
        let answer = call.visibility_timeout(seconds(delay)).send().await;
        answer.map(drop).map_err(|failed| error("ChangeMessageVisibility", url, &Failure::of(&failed)))
    }

    async fn lengths(&self) -> Vec<(String, Result<QueueLook, QueueError>)> {
        let urls = [Some(&self.url), self.wake_queue.as_ref()];
        let looks = urls.into_iter().flatten().map(|url| async move {
            let name = url.rsplit('/').next().unwrap_or_default().to_owned();
            let look = look(&self.client, url).await;
            (name, look.map(|(look, _)| look).map_err(|failure| error("GetQueueAttributes", url, &failure)))
        });
        join_all(looks).await
    }
}

/// Returns a queue's length, and the ARN of its dead-letter queue, if it has one.
pub(super) async fn look(client: &Client, url: &str) -> Result<(QueueLook, Option<String>), Failure> {
    let call = client
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(Attribute::ApproximateNumberOfMessages)
        .attribute_names(Attribute::ApproximateNumberOfMessagesNotVisible)
        .attribute_names(Attribute::ApproximateNumberOfMessagesDelayed)
        .attribute_names(Attribute::RedrivePolicy);
    let answer = call.send().await.map_err(|error| Failure::of(&error))?;
    let attribute = |name: Attribute| answer.attributes().and_then(|all| all.get(&name));
    let count = |name| attribute(name).and_then(|text| text.parse().ok()).unwrap_or_default();
    let redrive = attribute(Attribute::RedrivePolicy).and_then(|text| {
        let policy: serde_json::Value = serde_json::from_str(text).ok()?;
        Some(policy.get("deadLetterTargetArn")?.as_str()?.to_owned())
    });
    let look = QueueLook {
        waiting: count(Attribute::ApproximateNumberOfMessages),
        in_flight: count(Attribute::ApproximateNumberOfMessagesNotVisible),
        delayed: count(Attribute::ApproximateNumberOfMessagesDelayed),
    };
    Ok((look, redrive))
}

#[cfg(test)]
mod tests {
    use super::super::stub_http::{RecordingConnector, ok, stub_config};
    use super::*;

    const UPLOADS: &str = "https://sqs.eu-west-1.amazonaws.com/000000000000/deployer";
    const WAKES: &str = "https://sqs.eu-west-1.amazonaws.com/000000000000/deployer-wakes";

    fn queue(wake_queue: Option<&str>) -> SqsQueue {
        let client = Client::new(&stub_config([ok("{}")]));
        SqsQueue::new(client, UPLOADS.to_owned()).with_wake_queue(wake_queue.map(str::to_owned))
    }

    #[test]
    fn own_messages_go_to_wake_queue_if_configured() {
        assert_eq!(queue(Some(WAKES)).wake_queue(), WAKES);
        assert_eq!(queue(None).wake_queue(), UPLOADS);
    }

    #[test]
    fn message_put_back_returns_to_its_origin_queue() {
        let queue = queue(Some(WAKES));
        let arn = |name: &str| format!("arn:aws:sqs:eu-west-1:000000000000:{name}");
        assert_eq!(queue.origin(Some(&arn("deployer-wakes"))), WAKES);
        assert_eq!(queue.origin(Some(&arn("deployer"))), UPLOADS);
        assert_eq!(queue.origin(None), UPLOADS);
    }

    /// The receiver needs the delay to know when the message became visible.
    #[tokio::test]
    async fn delayed_message_carries_its_delay() {
        let hosts = RecordingConnector::default();
        let queue = SqsQueue::new(Client::new(&hosts.config("eu-west-1", false, false)), UPLOADS.to_owned());
        let _ = queue.send("{}".to_owned(), Duration::from_secs(300)).await;
        let body: serde_json::Value = serde_json::from_str(&hosts.last_body()).unwrap();
        assert_eq!(
            (&body["DelaySeconds"], &body["MessageAttributes"][Tick::DELAY_ATTRIBUTE]["StringValue"]),
            (&300.into(), &"300".into())
        );
    }

    #[tokio::test]
    async fn lengths_report_each_queue_or_its_error() {
        let length =
            ok(r#"{"Attributes": {"ApproximateNumberOfMessages": "3", "ApproximateNumberOfMessagesNotVisible": "1",
            "ApproximateNumberOfMessagesDelayed": "2"}}"#);
        let no = (403, vec![], r#"{"__type": "AccessDenied", "message": "no"}"#);
        let queue = SqsQueue::new(Client::new(&stub_config([length, no])), UPLOADS.to_owned());
        let lengths = queue.with_wake_queue(Some(WAKES.to_owned())).lengths().await;
        let length = |number: usize| (lengths[number].0.as_str(), lengths[number].1.clone().map_err(|error| error.0));
        assert_eq!(length(0), ("deployer", Ok(QueueLook { waiting: 3, in_flight: 1, delayed: 2 })));
        let because = format!("GetQueueAttributes of {WAKES}: ");
        let (name, look) = length(1);
        assert!(name == "deployer-wakes" && look.clone().is_err_and(|error| error.starts_with(&because)), "{look:?}");
    }
}
