//! Tells in favour of which deployment another one has ended as superseded.

use deployer_core::group::Group;
use deployer_core::id::DeploymentId;
use deployer_core::promotion::repeats_one_that_waits;
use deployer_core::record::{DeploymentRecord, Status};

/// Whether a deployment has ended in favour of another one. An older deployer names that one in the reason only.
pub(crate) fn is_in_favour_of(superseded: &DeploymentRecord, other: DeploymentId) -> bool {
    is_named((superseded.in_favour_of, superseded.because.as_deref()), other)
}

/// Whether a group has ended in favour of another one, as [`is_in_favour_of`].
pub(crate) fn is_group_in_favour_of(superseded: &Group, other: DeploymentId) -> bool {
    is_named((superseded.in_favour_of, superseded.because.as_deref()), other)
}

/// Whether a promotion had nothing to do, because another one waited already and brings the same. An older deployer says it
/// in the reason only.
pub(crate) fn repeats_another(record: &DeploymentRecord) -> bool {
    let is_said = || record.because.as_deref().is_some_and(repeats_one_that_waits);
    record.status == Status::Superseded && (record.repeats || (record.in_favour_of.is_none() && is_said()))
}

/// Whether a group had nothing to do, because another one waited already and brings the same. An older deployer says it in
/// the reason only.
pub(crate) fn group_repeats_another(group: &Group) -> bool {
    let is_said = || group.because.as_deref().is_some_and(repeats_one_that_waits);
    group.status == Status::Superseded && (group.repeats || is_said())
}

fn is_named((in_favour_of, because): (Option<DeploymentId>, Option<&str>), other: DeploymentId) -> bool {
    let is_said = || because.is_some_and(|because| because.contains(&other.to_string()));
    in_favour_of.map_or_else(is_said, |named| named == other)
}
