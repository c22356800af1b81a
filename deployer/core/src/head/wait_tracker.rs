//! The waits of a deployment's targets for Lambda: each counts from its own start, across invocations.

use jiff::Timestamp;

use super::active::Active;
use super::lambda_wait::{LambdaTask, LambdaWait};
use crate::config::Target;
use crate::record::TargetOutcome;

/// The start of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitStart {
    /// The start of the wait itself.
    pub own: Timestamp,
    /// The start of the target's first wait, over or not. Without it somebody who undoes each write as soon as it is
    /// made would hold the deployment for ever.
    pub first: Timestamp,
}

/// The waits of a deployment's targets: those that go on, and for each target the start of the earliest one that is
/// over. The wait for a version that failed goes on until a later version is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WaitTracker {
    waits: Vec<LambdaWait>,
    /// The start that the head of an older deployer gives, for whatever is waited for first.
    before: Option<Timestamp>,
}

impl WaitTracker {
    /// Reads the waits that earlier owners have left. Where an older deployer was the last of them, it has left one
    /// start alone.
    #[must_use]
    pub fn of(active: &Active) -> Self {
        let waits = if active.waiting_since.is_some() { vec![] } else { active.waits.clone() };
        Self { waits, before: active.waiting_since }
    }

    /// Begins the wait of a target for a task, unless it waits already, and returns its start.
    pub fn begin(&mut self, target: &Target, task: &LambdaTask, now: Timestamp) -> WaitStart {
        let here = || self.waits.iter().filter(|wait| wait.target == *target);
        let versions = || here().filter(|wait| wait.task.is_version()).map(|wait| wait.since);
        let own = match here().find(|wait| wait.task == *task) {
            Some(wait) => wait.since.min(now),
            None => {
                // While Lambda makes a version it may show the update of the function that came with it.
                let with_version = versions().max().filter(|_| task.is_update());
                let since = with_version.or(self.before).unwrap_or(now).min(now);
                self.waits.push(LambdaWait { target: target.clone(), task: task.clone(), since });
                since
            }
        };
        let first = self.of_target(target).map(|wait| wait.since).min().unwrap_or(own).min(own);
        WaitStart { own, first }
    }

    /// Ends the wait for a task that Lambda has done. A version that is made also ends the waits for versions that
    /// failed before it.
    pub fn end(&mut self, target: &Target, task: &LambdaTask) {
        self.before = None;
        let is_it = |wait: &LambdaWait| wait.task == *task || (wait.task.is_version() && task.is_version());
        let is_over = |wait: &LambdaWait| wait.target == *target && (is_it(wait) || wait.task == LambdaTask::done());
        let over = self.waits.iter().filter(|wait| is_over(wait)).map(|wait| wait.since).min();
        self.waits.retain(|wait| !is_over(wait));
        self.waits.extend(over.map(|since| LambdaWait { target: target.clone(), task: LambdaTask::done(), since }));
    }

    fn of_target(&self, target: &Target) -> impl Iterator<Item = &LambdaWait> {
        self.waits.iter().filter(move |wait| wait.target == *target)
    }

    /// Counts the versions that a target has waited for in vain, the one that it waits for now included.
    #[must_use]
    pub fn versions(&self, target: &Target) -> usize {
        self.of_target(target).filter(|wait| wait.task.is_version()).count()
    }

    /// Lists the waits of the targets that are not done.
    #[must_use]
    pub fn without(&self, done: &[TargetOutcome]) -> Vec<LambdaWait> {
        let is_done = |wait: &&LambdaWait| done.iter().any(|done| done.target() == wait.target);
        self.waits.iter().filter(|wait| !is_done(wait)).cloned().collect()
    }
}
