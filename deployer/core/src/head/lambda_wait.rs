//! One wait of a target for Lambda.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Target;
use crate::id::Version;

/// One thing that Lambda has to do before a deployment goes on in a target. The ledger has it by these words: a step of another name is
/// waited for anew.
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

    /// It has done what a target waited for earlier: that counts to how long the target waits in all.
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
