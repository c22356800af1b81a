//! The queue by which the deployer wakes itself: messages with the time from which they can be received.
//!
//! Who plays the event source mapping takes them out; nothing here delivers anything.

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
    /// How many are received and not back yet.
    pub in_flight: u64,
    /// How many were given up.
    pub dead: u64,
}

impl Messages {
    /// Takes out what can be received now, the oldest first.
    pub fn take(&mut self, now: Timestamp) -> Vec<String> {
        self.waiting.sort_by_key(|(due, _)| *due);
        let due = self.waiting.partition_point(|(due, _)| *due <= now);
        self.waiting.drain(..due).map(|(_, body)| body).collect()
    }

    /// When the next one can be received.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.waiting.iter().map(|(due, _)| *due).min()
    }

    /// Somebody sends one that can be received at once.
    pub fn put(&mut self, body: &str) {
        self.waiting.push((Timestamp::MIN, body.to_owned()));
    }

    /// How many wait, those that come later included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.waiting.len()
    }

    /// How many there are, as SQS tells it.
    pub(super) fn look(&self, now: Timestamp) -> QueueLook {
        let waiting = self.waiting.iter().filter(|(due, _)| *due <= now).count() as u64;
        QueueLook { waiting, in_flight: self.in_flight, delayed: self.waiting.len() as u64 - waiting }
    }

    /// All of them are lost.
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
