//! The deployments that a head knows to have ended, in the order of their ends.

use super::state::Head;
use crate::id::DeploymentId;

/// Lists the ids of the last deployments that have ended, the one that ended last first.
#[must_use]
pub fn list_ended(head: &Head) -> &[DeploymentId] {
    &head.ended.ids
}
