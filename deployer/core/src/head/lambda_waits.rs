//! Since when a deployment's targets wait for Lambda, and for what: each wait counts from its own start, across invocations.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Active;
use crate::config::Target;
use crate::id::Version;
use crate::record::TargetOutcome;

/// One thing that Lambda has to do before a deployment goes on in a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LambdaTask(String);

/// The tasks of making a version begin so; the version follows.
const VERSION: &str = "version ";

impl LambdaTask {
    /// It ends the update of the function that is in progress, whoever has begun that.
    #[must_use]
    pub fn update() -> Self {
        Self("update".to_owned())
    }

    /// It makes a version.
    #[must_use]
    pub fn version(version: &Version) -> Self {
        Self(format!("{VERSION}{version}"))
    }

    /// It takes the writing call of a step, which it refuses for now.
    #[must_use]
    pub fn call(step: &str) -> Self {
        Self(format!("call of {step}"))
    }

    fn is_update(&self) -> bool {
        *self == Self::update()
    }

    fn is_version(&self) -> bool {
        self.0.starts_with(VERSION)
    }
}

/// A target waits, or has waited, for Lambda.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LambdaWait {
    /// The target.
    #[serde(flatten)]
    pub target: Target,
    /// What it waits for.
    #[serde(rename = "for")]
    pub task: LambdaTask,
    /// When that wait began.
    pub since: Timestamp,
}

/// When a wait began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// The wait itself.
    pub own: Timestamp,
    /// The first one of those that count as one: a version that is made in place of one that failed has no more time in all.
    pub in_all: Timestamp,
}

/// The waits of a deployment that are not over. That for a version which failed never is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LambdaWaits {
    waits: Vec<LambdaWait>,
    /// The start that a head of before gives, for whatever is waited for first.
    before: Option<Timestamp>,
}

impl LambdaWaits {
    /// Those that earlier owners have left.
    #[must_use]
    pub fn of(active: &Active) -> Self {
        Self { waits: active.waits.clone(), before: active.waiting_since }
    }

    /// A target waits for this now.
    pub fn begin(&mut self, target: &Target, task: &LambdaTask, now: Timestamp) -> Since {
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
        let versions = || self.waits.iter().filter(|wait| wait.target == *target && wait.task.is_version());
        let first = versions().map(|wait| wait.since).min().filter(|_| task.is_version() || task.is_update());
        Since { own, in_all: first.unwrap_or(own).min(own) }
    }

    /// Lambda has done it. A version that is made ends the wait for those that failed before it.
    pub fn end(&mut self, target: &Target, task: &LambdaTask) {
        self.before = None;
        let is_it = |wait: &LambdaWait| wait.task == *task || (wait.task.is_version() && task.is_version());
        self.waits.retain(|wait| wait.target != *target || !is_it(wait));
    }

    /// How many versions a target has waited for in vain, the one that it waits for now included.
    #[must_use]
    pub fn versions(&self, target: &Target) -> usize {
        self.waits.iter().filter(|wait| wait.target == *target && wait.task.is_version()).count()
    }

    /// Those of the targets that are not done.
    #[must_use]
    pub fn without(&self, done: &[TargetOutcome]) -> Vec<LambdaWait> {
        let is_done = |wait: &&LambdaWait| done.iter().any(|done| done.target() == wait.target);
        self.waits.iter().filter(|wait| !is_done(wait)).cloned().collect()
    }
}
