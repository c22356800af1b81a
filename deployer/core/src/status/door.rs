//! Aliases that a write without an answer may still move.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Target;
use crate::head::Door;
use crate::id::{DeploymentId, Version};

/// An alias that may still move: a deployment that has ended sent a write and got no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DoorStatus {
    /// The target.
    #[serde(flatten)]
    pub target: Target,
    /// The deployment that sent the write.
    pub deployment: DeploymentId,
    /// The version that the alias would then serve; null if that is not known.
    pub version: Option<Version>,
    /// The time since which this is so.
    pub since: Timestamp,
    /// The time after which the write can no longer take effect.
    pub until: Timestamp,
}

impl From<&Door> for DoorStatus {
    fn from(door: &Door) -> Self {
        let Door { target, deployment, version, since, until, .. } = door.clone();
        Self { target, deployment, version, since, until }
    }
}
