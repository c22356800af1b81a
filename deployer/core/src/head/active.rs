//! The deployment that somebody works on.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::door::{Door, ServedBefore};
use super::frozen_place::{ClaimedFor, FrozenPlace};
use super::lambda_wait::LambdaWait;
use super::request::Request;
use super::resolved_artifact::ResolvedArtifact;
use super::retried_calls::{RetriedCall, RetriedCalls};
use crate::alias_traffic::Awaited;
use crate::config::{DeployRole, Target};
use crate::id::{DeploymentId, Token};
use crate::managed_keys::ManagedKeys;
use crate::record::{RecordedArtifact, TargetOutcome};
use crate::rollout::RolloutState;

/// The deployment that somebody works on, or has died over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Active {
    /// The request.
    pub request: Request,
    /// The artifact that it is about; none until that is resolved, under the claim.
    #[serde(default, rename = "chosen")]
    pub artifact: Option<ResolvedArtifact>,
    /// The targets, the alias and the function's name that it was first claimed for: they count to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_for: Option<ClaimedFor>,
    /// The role by which the deployer enters its targets, where the environment rolls it out: its rollout goes back with it
    /// when the environment is gone from the configuration. As long as the environment is there, its present role counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<DeployRole>,
    /// The rollback that has asked it to stop: no alias moves after that was read.
    #[serde(default)]
    pub stop: Option<DeploymentId>,
    /// The claim: the token that its owner drew.
    pub claim: Token,
    /// The lease's end: until then nobody else may touch it. It is the owner's deadline, 5 seconds for clocks that
    /// differ and 5 for writes that are in flight.
    pub lease_until: Timestamp,
    /// The time at which its present turn began. Owners who take it over keep this time; a request that was put back into
    /// the queue has the time of its next turn. Heads of older deployers do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<Timestamp>,
    /// The number of owners, without those who gave it up in good order before anything can have been written or
    /// because their time was up. More than one: an earlier owner has died, and may have written anything.
    pub attempts: u32,
    /// The number of owners whose time was up.
    #[serde(default)]
    pub extensions: u32,
    /// The waits of targets for Lambda (for a version that it makes, an execution role that it cannot assume yet, a 409
    /// of an unknown reason), where an owner's time was up or it was parked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<LambdaWait>,
    /// The start of all waits in heads of older deployers. It is read, and not written any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<Timestamp>,
    /// The outcomes of targets that an earlier owner was done with before its time was up. They are not tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<TargetOutcome>,
    /// The targets that owners whose time was up have written to, or may have: the keys that they set there are to be
    /// remembered.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub written: BTreeSet<Target>,
    /// The targets in which owners who gave it up in good order have made the function.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub created: BTreeSet<Target>,
    /// The writes to its aliases that were sent, or may have been; none: the deployer that claimed it did not know of
    /// doors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doors: Option<Vec<Door>>,
    /// Whether an owner whose deployer did not know of doors may have written any of its aliases.
    #[serde(default, rename = "doors_unsaid", skip_serializing_if = "std::ops::Not::not")]
    pub doors_unrecorded: bool,
    /// The versions that aliases were seen to serve before it first wrote to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<ServedBefore>,
    /// The targets whose alias has moved, or is about to, and whose traffic Lambda may hold back for a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awaits: Vec<Awaited>,
    /// Whether the event that it has started could not be sent before it was parked.
    #[serde(default, rename = "start_untold", skip_serializing_if = "std::ops::Not::not")]
    pub start_unpublished: bool,
    /// The number of times that it was parked.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hops: u32,
    /// The time at which a tick goes on with it, where it is parked; the time at which the sweep sends another tick,
    /// where it has sent one; none: the sweep sends one.
    #[serde(default, rename = "looks_at", skip_serializing_if = "Option::is_none")]
    pub next_look_at: Option<Timestamp>,
    /// The calls that its owner tries again for a while, for people to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retried: Option<RetriedCalls>,
    /// The rollout, from the time on at which all targets have their new version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutState>,
    /// The artifact of the rollout, as it was read before the targets published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brings: Option<Brings>,
}

/// The artifact of a rollout, with the keys that it sets: nobody reads the zip again when it commits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brings {
    /// The artifact.
    pub artifact: RecordedArtifact,
    /// The keys that it has set beside the code; none: it has left them alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedKeys>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Active {
    /// Returns the calls that its owner tries again, or had tried again when its time was up.
    #[must_use]
    pub fn retried_calls(&self) -> &[RetriedCall] {
        self.retried.as_ref().map_or(&[], |retried| retried.by(self.claim))
    }

    /// Returns what it was claimed for, and the role that it keeps; none where it keeps none.
    #[must_use]
    pub fn frozen_place(&self) -> Option<FrozenPlace> {
        Some(FrozenPlace { claimed_for: self.claimed_for.clone()?, role: self.role.clone()? })
    }

    /// Whether its owner's lease holds.
    pub(super) fn is_leased(&self, now: Timestamp) -> bool {
        now < self.lease_until
    }

    /// Whether nobody works on it, and nobody has written anything for it.
    pub(super) fn is_idle(&self, now: Timestamp) -> bool {
        !self.is_leased(now) && self.attempts == 0 && !self.is_begun()
    }

    /// The deployment and the claim that stand in the way of a later request, and the time until which they do.
    pub(super) fn behind(&self) -> (DeploymentId, Token, Timestamp) {
        let due = self.rollout.as_ref().and_then(|rollout| rollout.due).filter(|_| self.awaits_look());
        let until = self.next_look_at.into_iter().chain(due).fold(self.lease_until, Timestamp::max);
        (self.request.id, self.claim, until)
    }
}
