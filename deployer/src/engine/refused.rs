//! AWS refuses some things for now: an execution role that Lambda cannot assume yet, a 409 that nobody knows, a version that is
//! not Active.
//!
//! Nobody knows when that passes, so the engine tries for a time in all, across invocations: the head keeps its start.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use deployer_core::config::Target;
use jiff::Timestamp;

use super::claim::locked;
use super::{Claim, Engine};

/// The time since which each target is refused something.
#[derive(Default)]
pub(super) struct RefusedForNow(Mutex<BTreeMap<Target, Timestamp>>);

impl RefusedForNow {
    /// The earliest of these times, where a target still is refused something.
    pub fn since(&self) -> Option<Timestamp> {
        locked(&self.0).values().min().copied()
    }

    /// A target is refused nothing any more.
    pub fn is_over(&self, target: &Target) {
        locked(&self.0).remove(target);
    }

    /// A target is refused something. Gives the time since which it is, an earlier invocation's included.
    fn begins(&self, target: &Target, now: Timestamp, earlier: Option<Timestamp>) -> Timestamp {
        *locked(&self.0).entry(target.clone()).or_insert_with(|| earlier.map_or(now, |earlier| earlier.min(now)))
    }
}

impl Engine {
    /// Whether a target that is refused something may still wait for it.
    pub(super) fn may_wait(&self, refused: &RefusedForNow, claim: &Claim, target: &Target) -> bool {
        let since = refused.begins(target, self.now(), claim.active().waiting_since);
        self.passed(since) < self.longest_refusal()
    }

    /// Without a queue nobody goes on where this invocation stops.
    fn longest_refusal(&self) -> Duration {
        match self.ports.queue {
            Some(_) => self.patience.refused,
            None => self.patience.refused_without_queue,
        }
    }
}
