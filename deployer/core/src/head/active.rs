//! The deployment that somebody works on.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::door::{Door, ServedBefore};
use super::lambda_wait::LambdaWait;
use super::request::Request;
use super::resolved::ResolvedArtifact;
use crate::config::Target;
use crate::id::{AliasName, DeploymentId, FunctionName, Token};
use crate::record::TargetOutcome;
use crate::traffic::Awaited;

/// The deployment that somebody works on, or has died over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Active {
    /// What was asked for.
    pub request: Request,
    /// The artifact that it is about; none until that is found out, under the claim.
    #[serde(default)]
    pub chosen: Option<ResolvedArtifact>,
    /// The targets, the alias and the function's name that it was first claimed for: they count to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_for: Option<ClaimedFor>,
    /// The rollback that has asked it to stop: no alias moves after that was read.
    #[serde(default)]
    pub stop: Option<DeploymentId>,
    /// Whose it is: the token that its owner drew.
    pub claim: Token,
    /// Until then nobody else may touch it: the owner's deadline, 5 seconds for clocks that differ and 5 for what is in
    /// flight.
    pub lease_until: Timestamp,
    /// How often it was taken up, not counting those who gave it up in good order before anything can have been written,
    /// or because their time was up; more than once: an earlier owner has died, and may have written anything.
    pub attempts: u32,
    /// How often an owner's time was up.
    #[serde(default)]
    pub extensions: u32,
    /// Since when targets wait for Lambda, and for what (a version that it makes, an execution role that it cannot assume yet, a 409
    /// that nobody knows), where an owner's time was up or it was parked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<LambdaWait>,
    /// Heads of before have one time for all of them. It is read, and not written any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<Timestamp>,
    /// How targets fared that an earlier owner was done with before its time was up. They are not tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<TargetOutcome>,
    /// The targets that owners whose time was up have written to, or may have: what they set there is to be remembered.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub written: BTreeSet<Target>,
    /// On what its aliases are written, or may have been; none: whoever claimed it did not know of doors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doors: Option<Vec<Door>>,
    /// An owner who did not know of doors may have written any of its aliases.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub doors_unsaid: bool,
    /// What aliases were seen to serve before it first wrote to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<ServedBefore>,
    /// The targets whose alias has moved, or is about to, and whose traffic Lambda may hold back for a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awaits: Vec<Awaited>,
    /// The event that it has started could not be sent before it was parked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub start_untold: bool,
    /// How often it was parked.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hops: u32,
    /// When a tick goes on with it, where it is parked, and where the sweep has sent one, when it sends another; none: the sweep
    /// sends one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looks_at: Option<Timestamp>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The targets, the alias and the function's name that a deployment is claimed for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedFor {
    /// The targets.
    pub targets: Vec<Target>,
    /// The alias that moves.
    pub alias: AliasName,
    /// The function's name in the targets.
    pub function_name: FunctionName,
}
