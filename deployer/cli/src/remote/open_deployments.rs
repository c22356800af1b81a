//! The deployments of a function that are under way or next.

use deployer_core::record::Status;
use deployer_core::status::{FunctionStatus, OpenDeployment};

/// Returns the deployments that are under way or next, in their order. An older deployer does not list them: of the one
/// that is under way and of the one that is next it tells the ids, and no release.
pub(crate) fn of(status: &FunctionStatus) -> Vec<OpenDeployment> {
    if !status.open.is_empty() {
        return status.open.clone();
    }
    let active = status.active.map(|id| (id, Status::InProgress));
    let next = status.pending.map(|id| (id, Status::Pending));
    let known = active.into_iter().chain(next);
    known.map(|(deployment, status)| OpenDeployment { deployment, release: None, status }).collect()
}
