//! Queues that take events.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use fixtures::error::Result;
use serde_json::{Value, json};

use super::{Lab, TOOL, policy};
use crate::outcome::Answered as _;
use crate::polling::until;

/// A queue that EventBridge and S3 may send to.
#[derive(Debug)]
pub struct Queue<'a> {
    lab: &'a Lab,
    url: String,
    /// Its ARN.
    pub arn: String,
}

impl Lab {
    /// Makes a queue.
    ///
    /// # Errors
    /// SQS refuses it.
    pub async fn queue(&self, what: &str) -> Result<Queue<'_>> {
        let name = self.names.of(what);
        let arn = self.aws.arn("sqs", &name);
        let may_send = policy(&[json!({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn,
            "Principal": {"Service": ["events.amazonaws.com", "s3.amazonaws.com"]},
            "Condition": {"ArnLike": {"aws:SourceArn": [self.aws.s3_arn(self.bucket()),
                self.aws.arn("events", &format!("rule/{}-*", self.names.prefix()))]}}})]);
        let call = self.aws.sqs.create_queue().queue_name(&name).tags(TOOL, self.names.id());
        let call = call.attributes(QueueAttributeName::Policy, may_send.to_string());
        let made = call.send().await.done(&format!("making the queue {name} (sqs:CreateQueue)"))?;
        Ok(Queue { lab: self, url: made.queue_url.unwrap_or_default(), arn })
    }
}

impl Queue<'_> {
    /// Receives messages and removes them; returns their bodies.
    ///
    /// # Errors
    /// SQS refuses it.
    pub async fn take(&self) -> Result<Vec<Value>> {
        let sqs = &self.lab.aws.sqs;
        let call = sqs.receive_message().queue_url(&self.url).max_number_of_messages(10).wait_time_seconds(1);
        let received = call.send().await.done("receiving messages (sqs:ReceiveMessage)")?;
        let mut bodies = Vec::new();
        for message in received.messages.unwrap_or_default() {
            bodies.push(serde_json::from_str(message.body().unwrap_or_default()).unwrap_or_default());
            let handle = message.receipt_handle.unwrap_or_default();
            let deleted = sqs.delete_message().queue_url(&self.url).receipt_handle(handle).send().await;
            deleted.done("deleting a message (sqs:DeleteMessage)")?;
        }
        Ok(bodies)
    }

    /// Waits for a message that this function takes; the others are removed.
    ///
    /// # Errors
    /// SQS refuses it, or no such message came in time.
    pub async fn wait_for<T>(&self, doing: &str, within: Duration, take: impl Fn(&Value) -> Option<T>) -> Result<T> {
        until(doing, within, async || Ok(self.take().await?.iter().find_map(&take))).await
    }
}
