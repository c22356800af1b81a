//! The queue by which the deployer wakes itself: messages with the time from which they can be received.
//!
//! The test plays the event source mapping and takes messages out; nothing here delivers anything.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use deployer_core::doctor::QueueLook;
use deployer_engine::port::{Queue, QueueError};
use jiff::Timestamp;

use super::call::{CallContext, Connection, Op};
use super::state::State;

/// The messages that wait.
#[derive(Default)]
pub struct Messages {
    waiting: Vec<(Timestamp, String)>,
    /// The number of messages that are received and not deleted yet.
    pub in_flight: u64,
    /// The number of messages in the dead-letter queue.
    pub dead: u64,
}

impl Messages {
    /// Takes out the messages that can be received now, the oldest first.
    pub fn take(&mut self, now: Timestamp) -> Vec<String> {
        self.waiting.sort_by_key(|(due, _)| *due);
        let due = self.waiting.partition_point(|(due, _)| *due <= now);
        self.waiting.drain(..due).map(|(_, body)| body).collect()
    }

    /// Returns the time from which the next message can be received.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.waiting.iter().map(|(due, _)| *due).min()
    }

    /// Sends a message that can be received at once.
    pub fn put(&mut self, body: &str) {
        self.waiting.push((Timestamp::MIN, body.to_owned()));
    }

    /// Returns the number of waiting messages, delayed ones included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.waiting.len()
    }

    /// Returns the queue's lengths as SQS reports them.
    pub(super) fn look(&self, now: Timestamp) -> QueueLook {
        let waiting = self.waiting.iter().filter(|(due, _)| *due <= now).count() as u64;
        QueueLook { waiting, in_flight: self.in_flight, delayed: self.waiting.len() as u64 - waiting }
    }

    /// Loses all messages.
    pub fn lose(&mut self) {
        self.waiting.clear();
    }
}

/// The port of one invocation.
pub(super) struct QueuePort(pub Arc<Connection>);

#[async_trait]
impl Queue for QueuePort {
    async fn send(&self, body: String, delay: Duration) -> Result<(), QueueError> {
        self.0
            .call(Op::SendMessage, "queue", &body, |state, here| {
                state.queue.waiting.push((here.now + delay, body.clone()));
                Ok(())
            })
            .await
    }

    async fn extend_visibility(&self, _: Option<&str>, receipt: &str, _: Duration) -> Result<(), QueueError> {
        self.0.call(Op::ChangeMessageVisibility, "queue", receipt, |_, _| Ok(())).await
    }

    async fn lengths(&self) -> Vec<(String, Result<QueueLook, QueueError>)> {
        let look = |state: &mut State, here: &CallContext| Ok(state.queue.look(here.now));
        vec![("deployer".to_owned(), self.0.call(Op::GetQueueAttributes, "queue", "deployer", look).await)]
    }
}
