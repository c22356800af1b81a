//! A wait of a target for Lambda.

use std::fmt;

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
/// The prefix of the task of accepting a call; the step follows.
const CALL: &str = "call of ";

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
        Self(format!("{CALL}{step}"))
    }

    /// Lambda has done an earlier task of the target: the wait for it counts towards the time that the target waits in
    /// all.
    pub(super) fn done() -> Self {
        Self("done".to_owned())
    }

    /// Whether it is a task that was done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        *self == Self::done()
    }

    pub(super) fn is_update(&self) -> bool {
        *self == Self::update()
    }

    pub(super) fn is_version(&self) -> bool {
        self.0.starts_with(VERSION)
    }
}

impl fmt::Display for LambdaTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_str() {
            "update" => f.write_str("Lambda ends an update of the function"),
            task if task.starts_with(VERSION) => write!(f, "Lambda makes {task}"),
            task => match task.strip_prefix(CALL) {
                Some(step) => write!(f, "Lambda refuses the step {step} for now"),
                None => write!(f, "Lambda: {task}"),
            },
        }
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
