//! A wait of a target for Lambda.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Target;
use crate::id::Version;

/// A task that Lambda has to do before a deployment goes on in a target. The ledger stores it by these words: a task of
/// another name is waited for anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LambdaTask(String);

/// The prefix of the task of making a version; the version follows.
const VERSION: &str = "version ";

impl LambdaTask {
    /// Lambda ends the update of the function that is in progress, whoever has begun that.
    #[must_use]
    pub fn update() -> Self {
        Self("update".to_owned())
    }

    /// Lambda makes a version.
    #[must_use]
    pub fn version(version: &Version) -> Self {
        Self(format!("{VERSION}{version}"))
    }

    /// Lambda accepts the writing call of a step, which it refuses for now.
    #[must_use]
    pub fn call(step: &str) -> Self {
        Self(format!("call of {step}"))
    }

    /// Lambda has done an earlier task of the target: the wait for it counts towards the time that the target waits in
    /// all.
    pub(super) fn done() -> Self {
        Self("done".to_owned())
    }

    pub(super) fn is_update(&self) -> bool {
        *self == Self::update()
    }

    pub(super) fn is_version(&self) -> bool {
        self.0.starts_with(VERSION)
    }
}

/// The wait of a target for one task of Lambda; it may be over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LambdaWait {
    /// The target.
    #[serde(flatten)]
    pub target: Target,
    /// The task that it waits for.
    #[serde(rename = "for")]
    pub task: LambdaTask,
    /// The time at which the wait began.
    pub since: Timestamp,
}
