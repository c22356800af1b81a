//! The answer of `status`: for each function and environment what is live, open, held and rejected. It is made from the
//! head alone.

mod behind;
mod came_with;
mod door;
mod last_failed;
mod open;
mod rejected_rollout;
mod rollback;
mod rollout;
mod taken_back;
mod ways;

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Target;
use crate::function_ref::FunctionRef;
use crate::group::{Group, GroupStatus};
use crate::head::{self, Head, LiveArtifact, Renamed, Rollback, Waiting};
use crate::hold_and_reject::{Hold, Reject};
use crate::id::{DeploymentId, EnvironmentName, FunctionName, Release, Sha256, Version};
use crate::promotion::Wait;
use crate::record::{Approved, EndedWaiting, Exception};
use crate::rejects::Rejects;
use crate::text::{Person, PlainText, counted};
pub use behind::{Behind, SourceHistory};
pub use came_with::{CameWith, Companion, LeftStatus};
pub use door::DoorStatus;
pub use last_failed::LastFailed;
pub use open::OpenDeployment;
pub use rejected_rollout::RejectedRollout;
pub use rollback::{PassedRelease, RollbackStatus};
pub use rollout::{PausedRollout, RolloutStatus, RolloutTargetLook, RolloutTargetStatus, RolloutVerdict};
pub use taken_back::{EndedRollout, TakenBack};
pub use ways::ReleaseWays;

/// The state of functions and groups.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusReport {
    /// Each function in each environment, ordered by function and then by environment.
    pub functions: Vec<FunctionStatus>,
    /// The environments that were asked for, in the order of promotion.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<EnvironmentName>,
    /// The open promotions of several functions together, those that wait included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupStatus>,
    /// The group that was asked for by its id, open or ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Box<Group>>,
    /// The environments, of those that were asked for, whose approvals count by the names that people give. Others ask for
    /// no approval, or for proven identities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by_name: Vec<EnvironmentName>,
    /// The ledger objects that could not be read, each with the reason. The answer lacks what they contain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
    /// The deployments that waited, and that this very call of the command has ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended_waiting: Vec<EndedWaiting>,
    /// The rollouts that this very call of `reject` takes back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_back: Vec<RejectedRollout>,
    /// After `unreject`: another rejected release with the same code, which keeps this one refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub still_rejected_as: Option<Release>,
    /// After `hold` and `release-hold`: the ways by which releases come to the environment and go on from it, hold or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ways: Option<ReleaseWays>,
    /// After `rollout`: the rollout that the command was about, where it has ended by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_rollout: Option<EndedRollout>,
    /// The hold that this very call of `hold` has replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_hold: Option<Hold>,
    /// The reject of the same release that this very call of `reject` has replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_reject: Option<Reject>,
}

/// One function in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionStatus {
    /// The environment.
    pub environment: EnvironmentName,
    /// The function.
    pub function: FunctionName,
    /// The release that was the last to reach any target.
    pub live: Option<LiveStatus>,
    /// The state of each target that the environment has now.
    pub targets: Vec<TargetStatus>,
    /// The deployment that is under way.
    pub active: Option<DeploymentId>,
    /// The reason why that deployment does not get on, where the ledger knows it: Lambda is at work, AWS refuses a call
    /// for now, or a rollback stops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_because: Option<PlainText>,
    /// The rollout of that deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutStatus>,
    /// The deployment that is next.
    pub pending: Option<DeploymentId>,
    /// The deployment that is under way and all that are next, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<OpenDeployment>,
    /// The hold, if the environment takes nothing new for the function.
    pub hold: Option<Hold>,
    /// Whether the live release was rejected.
    pub rejected: bool,
    /// The last deployment, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failed: Option<LastFailed>,
    /// The release that was taken back last, by the guard, an alarm or a person's word to its rollout; absent once
    /// something else is live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_back: Option<TakenBack>,
    /// The release that a rollback without `to` would go back to now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_to: Option<Release>,
    /// The details of that rollback; absent if it would be refused, or would only stop a deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackStatus>,
    /// The release that the last rollback has left; absent where it came again since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<LeftStatus>,
    /// The rejected releases of the function; only present if the function was asked for by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejects: Vec<Reject>,
    /// The releases that are live in the environments this one is promoted from, and not here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub behind: Vec<Behind>,
    /// The promotions that wait, each with what it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<WaitingStatus>,
    /// The aliases that a write without an answer may still move.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doors: Vec<DoorStatus>,
}

/// A promotion that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitingStatus {
    /// The id of the promotion's deployment.
    pub deployment: DeploymentId,
    /// The environment that it comes from.
    pub from: EnvironmentName,
    /// The release that it brings.
    pub release: Option<Release>,
    /// The person who asked for it; null for an automatic promotion.
    pub requested_by: Option<Person>,
    /// The time since which it waits.
    pub since: Timestamp,
    /// The approvals that it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approved>,
    /// The conditions that it waits for.
    #[serde(flatten)]
    pub wait: Wait,
    /// The conditions in one sentence.
    pub because: PlainText,
    /// Whether the release is rejected, so that the next sweep ends the promotion.
    #[serde(default, skip_serializing_if = "is_false")]
    pub rejected: bool,
    /// The exception by which it skips the steps and waves of the environment's rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout_skipped: Option<Exception>,
    /// The exception by which it overrides a freeze.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze_overridden: Option<Exception>,
}

/// The release that was the last to reach any target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LiveStatus {
    /// The release.
    pub release: Release,
    /// The id of the deployment that brought it.
    pub deployment: DeploymentId,
    /// The time since which its code is live, under this release or another one.
    pub since: Timestamp,
    /// The deployment by which that code got this release; absent if it was live under no other before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed: Option<Renamed>,
    /// The SHA-256 of its code in base64.
    pub sha256: Option<Sha256>,
    /// The person who asked for it, or uploaded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Person>,
    /// The people who approved the promotion `deployment`; only present if the function was asked for by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<Person>,
    /// The people who approved the promotion by which the code got this release, as `approved_by`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renamed_approved_by: Vec<Person>,
    /// The functions that came with it under this release; only present if the function was asked for by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came_with: Option<CameWith>,
    /// Whether every target that the environment has now serves it.
    #[serde(default = "yes")]
    pub complete: bool,
    /// The targets that it was meant for and did not reach.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Target>,
    /// The targets that were added since and do not serve it yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<Target>,
}

/// The version and release that one target serves, as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetStatus {
    /// The target.
    #[serde(flatten)]
    pub target: Target,
    /// The version that the alias serves.
    pub version: Option<Version>,
    /// The release of that version; null if it was there before the deployer.
    pub release: Option<Release>,
    /// Whether the target does not serve the live release.
    #[serde(default, skip_serializing_if = "is_false")]
    pub differs: bool,
    /// Whether the release that the target serves was rejected.
    #[serde(default, skip_serializing_if = "is_false")]
    pub rejected: bool,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it so")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl LiveStatus {
    /// Returns since when the release is live under its name, and who brought it under that.
    #[must_use]
    pub fn named_since(&self) -> (Timestamp, Option<&Person>) {
        match &self.renamed {
            Some(renamed) => (renamed.since, renamed.by.as_ref()),
            None => (self.since, self.by.as_ref()),
        }
    }

    fn of(live: &LiveArtifact, targets: &[Target], target_statuses: &[TargetStatus]) -> Self {
        let (missing, added): (Vec<Target>, Vec<Target>) = live
            .targets_without(targets)
            .into_iter()
            .cloned()
            .partition(|target| live.missing.contains(&target.to_string()));
        Self {
            release: live.release.clone(),
            deployment: live.id(),
            since: live.since,
            renamed: live.renamed().cloned(),
            sha256: live.sha256,
            by: live.by.clone(),
            approved_by: vec![],
            renamed_approved_by: vec![],
            came_with: None,
            complete: !target_statuses.iter().any(|target| target.differs),
            missing,
            added,
        }
    }
}

impl TargetStatus {
    /// Makes the status of a present target; none if nothing was ever tried there and nothing is live.
    fn of(target: &Target, at: &FunctionRef<'_>, head: &Head, rejects: &Rejects) -> Option<Self> {
        let (seen, live) = (head.live_state().target_of(at, target), head.live());
        if seen.is_none() && live.is_none() {
            return None;
        }
        let version = seen.and_then(|seen| seen.version.clone());
        let release = seen.and_then(|seen| seen.release.clone());
        let sha256 = seen.and_then(|seen| seen.sha256);
        let serves_live =
            |live: &LiveArtifact| version.is_some() && live.versions.get(&target.to_string()) == version.as_ref();
        Some(Self {
            target: target.clone(),
            differs: live.is_some_and(|live| !serves_live(live)),
            rejected: release.as_ref().is_some_and(|release| rejects.find(release, sha256).is_some()),
            version,
            release,
        })
    }
}

impl FunctionStatus {
    /// Makes the status from a head, the targets that the environment has now, and the function's rejects.
    #[must_use]
    pub fn of(at: &FunctionRef<'_>, head: &Head, rejects: &Rejects) -> Self {
        let present = &at.environment.targets;
        let targets: Vec<_> = present.iter().filter_map(|target| TargetStatus::of(target, at, head, rejects)).collect();
        let live = head.live().map(|live| LiveStatus::of(live, present, &targets));
        let rollback = head::plan_rollback(head, &Rollback::default(), present, rejects).ok();
        let rollback = rollback.and_then(|planned| RollbackStatus::of(&planned, head, rejects));
        Self {
            environment: at.name.clone(),
            function: at.function.clone(),
            rejected: live.as_ref().is_some_and(|live| rejects.find(&live.release, live.sha256).is_some()),
            live,
            targets,
            active: head.active().map(|active| active.request.id),
            active_because: head.active().and_then(|active| at.active_because(active)),
            rollout: head.active().and_then(|active| RolloutStatus::of(active, at)),
            pending: head.pending().map(|pending| pending.id),
            open: OpenDeployment::all(head),
            hold: head.hold().cloned(),
            last_failed: LastFailed::of(head),
            taken_back: TakenBack::of(head),
            rollback_to: rollback.as_ref().map(|rollback| rollback.release.clone()),
            rollback,
            left: head.left().first().map(LeftStatus::of),
            rejects: rejects.all().cloned().collect(),
            behind: vec![],
            waiting: head.waiting().iter().filter_map(|one| waiting(one, rejects)).collect(),
            doors: head.doors().iter().map(DoorStatus::from).collect(),
        }
    }

    /// Returns how many of the present targets serve the live release, such as `1 of 3 targets`.
    #[must_use]
    pub fn extent(&self) -> String {
        let serving = self.targets.iter().filter(|target| !target.differs).count();
        format!("{serving} of {}", counted(self.targets.len(), "target"))
    }

    /// Returns the releases that targets serve, if there are several.
    #[must_use]
    pub fn split(&self) -> Option<Vec<&Release>> {
        let releases: BTreeSet<&Release> = self.targets.iter().filter_map(|target| target.release.as_ref()).collect();
        (releases.len() > 1).then(|| releases.into_iter().collect())
    }

    /// Whether there is nothing to show: a head may exist only because a request was refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_none()
            && self.targets.is_empty()
            && self.active.is_none()
            && self.pending.is_none()
            && self.hold.is_none()
            && self.waiting.is_empty()
            && self.doors.is_empty()
            && self.last_failed.is_none()
            && self.taken_back.is_none()
    }

    /// Adds what is live in the environments that this one is promoted from.
    #[must_use]
    pub fn with_sources<'a>(self, own: &SourceHistory, ahead: impl Iterator<Item = &'a SourceHistory>) -> Self {
        let behind = ahead.filter_map(|ahead| ahead.lead_over(own)).collect();
        Self { behind, ..self }
    }
}

fn waiting(waiting: &Waiting, rejects: &Rejects) -> Option<WaitingStatus> {
    let Waiting { request, wait, .. } = waiting;
    let promoting = request.promotion_spec()?;
    Some(WaitingStatus {
        deployment: request.id,
        from: promoting.from.clone(),
        release: promoting.release().cloned(),
        requested_by: request.cause.requested_by.clone(),
        since: request.accepted_at,
        approvals: promoting.approvals.clone(),
        wait: wait.clone(),
        because: wait.to_string().into(),
        rejected: promoting
            .artifact
            .as_ref()
            .is_some_and(|artifact| rejects.find(&artifact.release, artifact.sha256).is_some()),
        rollout_skipped: request.cause.rollout_skipped(),
        freeze_overridden: Exception::of(promoting.freeze_override.as_ref(), request.cause.requested_by.as_ref()),
    })
}

#[cfg(test)]
mod tests;
