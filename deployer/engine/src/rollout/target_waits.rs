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
    now: BTreeMap<Target, Waiting>,
    given_up: BTreeSet<Target>,
}

/// A target that waits.
#[derive(Clone)]
pub(crate) struct Waiting {
    pub target: Target,
    /// The start that bounds the wait.
    pub since: Timestamp,
    pub because: String,
}

impl TargetWaits {
    /// Makes the waits that earlier owners have left.
    pub fn of(active: &Active) -> Self {
        Self(Mutex::new(Targets { all: WaitTracker::of(active), now: BTreeMap::new(), given_up: BTreeSet::new() }))
    }

    /// Whether a target waits now.
    pub fn is_any(&self) -> bool {
        !locked(&self.0).now.is_empty()
    }

    /// Ends a wait: Lambda has done it.
    pub fn end(&self, target: &Target, task: &LambdaTask) {
        let mut targets = locked(&self.0);
        targets.now.remove(target);
        targets.all.end(target, task);
    }

    /// Stops waiting at a target, whatever Lambda's result there is.
    pub fn stop(&self, target: &Target) {
        locked(&self.0).now.remove(target);
    }

    /// Lets another version be made in place of one that has failed, which is allowed once; otherwise gives the target
    /// up. Returns whether it may be made.
    pub fn try_publish_again(&self, target: &Target) -> bool {
        let mut targets = locked(&self.0);
        let may = targets.all.versions(target) < 2;
        match may {
            true => targets.given_up.remove(target),
            false => targets.given_up.insert(target.clone()),
        };
        may
    }

    /// Whether a target has failed for good, or has waited for as long as it may.
    pub fn is_given_up(&self, target: &Target) -> bool {
        locked(&self.0).given_up.contains(target)
    }

    /// Returns the targets that wait now and are not done.
    pub fn current(&self, done: &[TargetOutcome]) -> Vec<Waiting> {
        let is_done = |waiting: &&Waiting| done.iter().any(|done| done.target() == waiting.target);
        locked(&self.0).now.values().filter(|waiting| !is_done(waiting)).cloned().collect()
    }

    /// Returns the waits that are not over, of the targets that are not done.
    pub fn open_waits(&self, done: &[TargetOutcome]) -> Vec<LambdaWait> {
        locked(&self.0).all.without(done)
    }

    /// Gives a target up that has failed for good: that its time was up is no reason to go on with it later.
    pub fn give_up(&self, target: &Target) {
        let mut targets = locked(&self.0);
        targets.now.remove(target);
        targets.given_up.insert(target.clone());
    }

    /// Begins a wait of a target, or goes on with it.
    pub fn begin(&self, target: &Target, task: &LambdaTask, because: String, now: Timestamp) -> WaitStart {
        let mut targets = locked(&self.0);
        let since = targets.all.begin(target, task, now);
        targets.now.insert(target.clone(), Waiting { target: target.clone(), since: since.own, because });
        since
    }
}
