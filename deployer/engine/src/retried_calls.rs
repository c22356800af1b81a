//! The calls of one deployment that are tried again now, target by target. One that takes long is told in the head, so
//! that `status` says why the deployment does not get on.

use std::sync::Mutex;
use std::time::Duration;

use deployer_core::config::Target;
use deployer_core::head::RetriedCall;
use jiff::Timestamp;
use tokio::sync::Notify;

use super::mutex::locked;
use super::timer::{Timer, between};

/// The time for which a call is tried before it is told.
pub(crate) const TOLD_AFTER: Duration = Duration::from_secs(3);

/// The calls that are tried again.
#[derive(Default)]
pub(crate) struct RetriedCalls {
    calls: Mutex<Vec<RetriedCall>>,
    begun: Notify,
}

/// The calls of one target.
#[derive(Clone, Copy)]
pub(crate) struct RetriedInTarget<'a> {
    pub calls: &'a RetriedCalls,
    pub target: &'a Target,
}

impl RetriedCalls {
    /// Lets a timer note which calls of a target are tried again.
    pub fn noted_by<'t>(&'t self, timer: Timer<'t>, target: &'t Target) -> Timer<'t> {
        timer.noting(RetriedInTarget { calls: self, target })
    }

    /// Waits until a call is tried again.
    pub async fn begun(&self) {
        self.begun.notified().await;
    }

    /// Whether no call is tried again now.
    pub fn is_empty(&self) -> bool {
        locked(&self.calls).is_empty()
    }

    /// Returns the calls that are tried for so long that they are told.
    pub fn lasting(&self, now: Timestamp) -> Vec<RetriedCall> {
        let is_lasting = |call: &&RetriedCall| between(call.since, now) >= TOLD_AFTER;
        locked(&self.calls).iter().filter(is_lasting).cloned().collect()
    }
}

impl RetriedInTarget<'_> {
    /// Notes that the call of a step is tried again.
    pub fn note(self, step: &str, since: Timestamp, because: &str) {
        let mut calls = locked(&self.calls.calls);
        match calls.iter_mut().find(|call| call.target == *self.target && call.step == step) {
            Some(call) => call.because = RetriedCall::new(self.target, step, call.since, because).because,
            None => calls.push(RetriedCall::new(self.target, step, since, because)),
        }
        self.calls.begun.notify_one();
    }

    /// Notes that the call of a step has ended.
    pub fn end(self, step: &str) {
        locked(&self.calls.calls).retain(|call| call.target != *self.target || call.step != step);
    }
}
