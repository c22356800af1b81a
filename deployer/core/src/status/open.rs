//! The deployments of a function that are under way or next.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::head::Head;
use crate::id::{DeploymentId, Release};
use crate::record::Status;

/// A deployment that is under way or next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenDeployment {
    /// The deployment's id.
    pub deployment: DeploymentId,
    /// The release that it brings; null as long as that is not resolved, as for a rollback that is next.
    pub release: Option<Release>,
    /// The status: `in_progress` or `pending`.
    pub status: Status,
}

impl OpenDeployment {
    /// Lists those of a head: the one that is under way, and those that are next in their order.
    pub(super) fn all(head: &Head) -> Vec<Self> {
        let active = head.active().map(|active| {
            let resolved = active.artifact.as_ref().map(|artifact| &artifact.release);
            let release = resolved.or_else(|| active.request.source.release()).cloned();
            Self { deployment: active.request.id, release, status: Status::InProgress }
        });
        let next = head.all_pending().iter().map(|request| {
            let release = request.source.release().cloned();
            Self { deployment: request.id, release, status: Status::Pending }
        });
        active.into_iter().chain(next).collect()
    }
}
