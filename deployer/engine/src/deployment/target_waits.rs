//! The waits of a claim's targets for Lambda, across invocations: the head keeps each wait's start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use deployer_core::config::Target;
use deployer_core::head::{Active, LambdaTask, LambdaWait, WaitStart, WaitTracker};
use deployer_core::record::TargetOutcome;
use jiff::Timestamp;

use crate::mutex::locked;

/// The waits of a claim's targets.
pub(crate) struct TargetWaits(Mutex<Targets>);

struct Targets {
    all: WaitTracker,
    now: BTreeMap<Target, WaitingTarget>,
    /// The targets that have failed for good.
    failed: BTreeSet<Target>,
    /// The targets that were seen to wait for too long. The next look at one decides.
    overdue: BTreeSet<Target>,
}

/// A target that waits.
#[derive(Clone)]
pub(crate) struct WaitingTarget {
    pub target: Target,
    /// The start that bounds the wait.
    pub since: Timestamp,
    pub because: String,
}

impl TargetWaits {
    /// Makes the waits that earlier owners have left.
    pub fn of(active: &Active) -> Self {
        let all = WaitTracker::of(active);
        Self(Mutex::new(Targets { all, now: BTreeMap::new(), failed: BTreeSet::new(), overdue: BTreeSet::new() }))
    }

    /// Whether a target waits now.
    pub fn is_any(&self) -> bool {
        !locked(&self.0).now.is_empty()
    }

    /// Ends the wait of a target for a task that Lambda has done.
    pub fn task_done(&self, target: &Target, task: &LambdaTask) {
        let mut targets = locked(&self.0);
        targets.now.remove(target);
        targets.overdue.remove(target);
        targets.all.end(target, task);
    }

    /// Notes that a target does not wait now. Its wait keeps its start until the task is done.
    pub fn clear_current(&self, target: &Target) {
        locked(&self.0).now.remove(target);
    }

    /// Allows the engine to publish another version in place of one that failed. It may do so once; the second time the
    /// target is marked as failed. Returns whether it may.
    pub fn try_publish_again(&self, target: &Target) -> bool {
        let mut targets = locked(&self.0);
        let may = targets.all.versions(target) < 2;
        match may {
            true => targets.failed.remove(target),
            false => targets.failed.insert(target.clone()),
        };
        may
    }

    /// Whether a target has failed for good, or has waited for as long as it may.
    pub fn has_failed(&self, target: &Target) -> bool {
        locked(&self.0).failed.contains(target)
    }

    /// Returns the targets that wait now and are not done.
    pub fn current(&self, done: &[TargetOutcome]) -> Vec<WaitingTarget> {
        let is_done = |waiting: &&WaitingTarget| done.iter().any(|done| done.target() == waiting.target);
        locked(&self.0).now.values().filter(|waiting| !is_done(waiting)).cloned().collect()
    }

    /// Returns the waits that are not over, of the targets that are not done.
    pub fn open_waits(&self, done: &[TargetOutcome]) -> Vec<LambdaWait> {
        locked(&self.0).all.without(done)
    }

    /// Notes that a target has waited for too long. Returns whether this is the first time.
    pub fn is_first_overdue(&self, target: &Target) -> bool {
        locked(&self.0).overdue.insert(target.clone())
    }

    /// Marks a target as failed for good: no later invocation goes on with it, even if the time was up.
    pub fn mark_failed(&self, target: &Target) {
        let mut targets = locked(&self.0);
        targets.now.remove(target);
        targets.failed.insert(target.clone());
    }

    /// Begins a wait of a target, or goes on with it.
    pub fn begin(&self, target: &Target, task: &LambdaTask, because: String, now: Timestamp) -> WaitStart {
        let mut targets = locked(&self.0);
        let since = targets.all.begin(target, task, now);
        targets.now.insert(target.clone(), WaitingTarget { target: target.clone(), since: since.own, because });
        since
    }
}
