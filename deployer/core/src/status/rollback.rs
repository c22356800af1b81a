//! The rollback in the status of a function: what one without `to` would go back to now.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::head::{Head, PlannedRollback};
use crate::id::{DeploymentId, Release, Sha256};
use crate::rejects::Rejects;
use crate::text::PlainText;

/// The artifact that a rollback without `to` would go back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RollbackStatus {
    /// The release.
    pub release: Release,
    /// The id of the deployment that had brought it.
    pub deployment: Option<DeploymentId>,
    /// The SHA-256 of its code in base64.
    pub sha256: Option<Sha256>,
    /// The deployment under way that the rollback would stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stops: Option<DeploymentId>,
    /// The releases that it passes over, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passes: Vec<PassedRelease>,
}

/// A release that a rollback passes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PassedRelease {
    /// The release.
    pub release: Release,
    /// The reason; null where a rollback without `to` would not pass over it.
    pub because: Option<PlainText>,
}

impl RollbackStatus {
    /// Makes the details of a planned rollback; none if it brings nothing back.
    pub(super) fn of(planned: &PlannedRollback, head: &Head, rejects: &Rejects) -> Option<Self> {
        let artifact = planned.artifact.as_ref()?;
        let passes = head.between_live_and(artifact, rejects).into_iter();
        let passes = passes.map(|(passed, because)| PassedRelease { release: passed.release.clone(), because });
        Some(Self {
            release: artifact.release.clone(),
            deployment: head.entry_of(artifact).map(|live| live.deployment),
            sha256: artifact.sha256,
            stops: planned.stops,
            passes: passes.collect(),
        })
    }
}
