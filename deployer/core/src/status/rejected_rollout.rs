//! A rollout that a command takes back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{DeploymentId, EnvironmentName, Release};

/// A rollout that a reject takes back, or stops before any traffic moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RejectedRollout {
    /// The environment.
    pub environment: EnvironmentName,
    /// The deployment that was rolled out.
    pub deployment: DeploymentId,
    /// The release that it brought: the rejected one, or another label of the same code.
    pub release: Release,
}
