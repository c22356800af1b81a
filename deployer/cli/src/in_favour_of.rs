//! Tells in favour of which deployment another one has ended as superseded.

use deployer_core::group::Group;
use deployer_core::id::DeploymentId;
use deployer_core::record::DeploymentRecord;

/// Whether a deployment has ended in favour of another one. An older deployer names that one in the reason only.
pub(super) fn is_in_favour_of(superseded: &DeploymentRecord, other: DeploymentId) -> bool {
    let is_named = || superseded.because.as_deref().is_some_and(|because| because.contains(&other.to_string()));
    superseded.in_favour_of.map_or_else(is_named, |named| named == other)
}

/// Whether a group has ended in favour of another one.
pub(super) fn is_group_in_favour_of(superseded: &Group, other: DeploymentId) -> bool {
    superseded.because.as_deref().is_some_and(|because| because.contains(&other.to_string()))
}
