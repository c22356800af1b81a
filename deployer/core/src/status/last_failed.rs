//! The failure that status shows.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::head::Head;
use crate::id::DeploymentId;

/// A last deployment that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastFailed {
    /// The deployment's id.
    pub deployment: DeploymentId,
    /// The time at which it ended.
    pub at: Timestamp,
}

impl LastFailed {
    /// Returns the last failure; none if another deployment has ended since.
    pub(super) fn of(head: &Head) -> Option<Self> {
        let is_open = |id: &DeploymentId| head.queue().open().any(|request| request.id == *id);
        let last = head.deployments().into_iter().find(|id| !is_open(id));
        let failure = head.last_failure().filter(|failure| last == Some(failure.deployment))?;
        Some(Self { deployment: failure.deployment, at: failure.at })
    }
}
