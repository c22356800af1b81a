//! The functions that came together with a release, as one group. A rollback and a recall move one function, and the
//! others of its group stay.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::head::LiveArtifact;
use crate::id::{DeploymentId, FunctionName, Release};

/// The other functions of the group that has brought a release, which are still live as the group has brought them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CameWith {
    /// The group.
    pub group: DeploymentId,
    /// The other functions.
    pub functions: Vec<Companion>,
}

/// A function that is live as a group has brought it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Companion {
    /// The function.
    pub function: FunctionName,
    /// Its release.
    pub release: Release,
}

/// The release that the last rollback has left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftStatus {
    /// The release.
    pub release: Release,
    /// The deployment that brought it under this release.
    pub deployment: DeploymentId,
    /// The functions that came with it; only present if the function was asked for by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came_with: Option<CameWith>,
}

impl LeftStatus {
    pub(super) fn of(left: &LiveArtifact) -> Self {
        Self { release: left.release.clone(), deployment: left.named_by(), came_with: None }
    }
}
