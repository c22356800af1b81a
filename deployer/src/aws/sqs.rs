//! The queue over SQS.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;

use super::error::Failure;
use crate::port::{Queue, QueueError};

/// The deployer's queue.
pub struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    /// The queue at this URL.
    #[must_use]
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// The queue that an event names by its ARN, where no configuration tells its URL. SQS is asked, for the URL's form
    /// differs between partitions and with `AWS_ENDPOINT_URL` (SQS API Reference, GetQueueUrl).
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

    fn error(&self, doing: &str, failure: &Failure) -> QueueError {
        QueueError(format!("{doing} of {}: {}", self.url, failure.message))
    }
}

fn seconds(delay: Duration) -> i32 {
    i32::try_from(delay.as_secs()).unwrap_or(i32::MAX)
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send(&self, body: String, delay: Duration) -> Result<(), QueueError> {
        let call = self.client.send_message().queue_url(&self.url).message_body(body).delay_seconds(seconds(delay));
        call.send().await.map(drop).map_err(|error| self.error("SendMessage", &Failure::of(&error)))
    }

    async fn put_off(&self, receipt: &str, delay: Duration) -> Result<(), QueueError> {
        let call = self.client.change_message_visibility().queue_url(&self.url).receipt_handle(receipt);
        let answer = call.visibility_timeout(seconds(delay)).send().await;
        answer.map(drop).map_err(|error| self.error("ChangeMessageVisibility", &Failure::of(&error)))
    }
}
