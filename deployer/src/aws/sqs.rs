//! The queue over SQS.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;

use super::error::Failure;
use crate::port::{Queue, QueueError};

/// The deployer's queues.
pub struct SqsQueue {
    client: Client,
    url: String,
    /// Where messages to the deployer itself go, if that is another one.
    wakes: Option<String>,
}

impl SqsQueue {
    /// The queue at this URL.
    #[must_use]
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url, wakes: None }
    }

    /// The same, and what the deployer sends to itself goes to the queue at this URL.
    #[must_use]
    pub fn with_wakes(self, wakes: Option<String>) -> Self {
        Self { wakes, ..self }
    }

    fn wakes(&self) -> &str {
        self.wakes.as_deref().unwrap_or(&self.url)
    }

    /// The URL of the queue that a message came from. A queue's URL and its ARN both end in its name.
    fn origin(&self, arn: Option<&str>) -> &str {
        let name = arn.and_then(|arn| arn.rsplit(':').next());
        let is_wakes = name.is_some() && name == self.wakes().rsplit('/').next();
        if is_wakes { self.wakes() } else { &self.url }
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
        let url = self.wakes();
        let call = self.client.send_message().queue_url(url).message_body(body).delay_seconds(seconds(delay));
        call.send().await.map(drop).map_err(|failed| error("SendMessage", url, &Failure::of(&failed)))
    }

    async fn put_off(&self, from: Option<&str>, receipt: &str, delay: Duration) -> Result<(), QueueError> {
        let url = self.origin(from);
        let call = self.client.change_message_visibility().queue_url(url).receipt_handle(receipt);
        let answer = call.visibility_timeout(seconds(delay)).send().await;
        answer.map(drop).map_err(|failed| error("ChangeMessageVisibility", url, &Failure::of(&failed)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::canned::{answering, ok};
    use super::*;

    const UPLOADS: &str = "https://sqs.eu-west-1.amazonaws.com/000000000000/deployer";
    const WAKES: &str = "https://sqs.eu-west-1.amazonaws.com/000000000000/deployer-wakes";

    fn queue(wakes: Option<&str>) -> SqsQueue {
        let client = Client::new(&answering([ok("{}")]));
        SqsQueue::new(client, UPLOADS.to_owned()).with_wakes(wakes.map(str::to_owned))
    }

    #[test]
    fn what_the_deployer_sends_itself_goes_to_the_wake_queue_where_there_is_one() {
        assert_eq!(queue(Some(WAKES)).wakes(), WAKES);
        assert_eq!(queue(None).wakes(), UPLOADS);
    }

    #[test]
    fn a_put_back_message_returns_to_the_queue_that_it_came_from() {
        let queue = queue(Some(WAKES));
        let arn = |name: &str| format!("arn:aws:sqs:eu-west-1:000000000000:{name}");
        assert_eq!(queue.origin(Some(&arn("deployer-wakes"))), WAKES);
        assert_eq!(queue.origin(Some(&arn("deployer"))), UPLOADS);
        assert_eq!(queue.origin(None), UPLOADS);
    }
}
