//! Promotions of several functions together. All are checked before any moves, and if one fails, those that moved are
//! rolled back. A group is an object of its own in the ledger; any invocation can continue it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::approval;
use crate::as_read::AsRead;
use crate::config::Approval;
use crate::head::{PROMOTION, Request, ResolvedArtifact, request_hash};
use crate::id::{DeploymentId, EnvironmentName, FunctionName, Release, RequestHash, Token};
use crate::promotion::{GroupState, PromotionRequest, PromotionSpec};
use crate::record::{Approved, Cause, CauseKind, Code, EndedWaiting, SCHEMA, Status};
use crate::text::{Person, PlainText};

mod rollouts;
mod status;
mod steps;
mod undecided;
mod used_id;

pub use rollouts::{MemberRead, MemberRollout, has_new_word, overdue_sentence, word_of};
pub use status::{GroupStatus, MemberStatus};
pub use steps::CheckedMember;
pub use undecided::{
    as_ended_group, as_ended_waiting, ended_by_newer, ending_of_members, gives_way_to, left_to_sweep, refused_for,
    replaced_by, superseded_as_later, superseded_as_repeated, waits_before_rollback,
};
pub use used_id::{used_as_group, used_by_decision, used_by_member};

/// A promotion of several functions together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Group {
    /// The ledger's schema: 1.
    pub schema: u32,
    /// The number of the write; every write raises it.
    pub revision: u64,
    /// The group's id, which is made from the request's identity alone.
    pub id: DeploymentId,
    /// The environment that it goes to.
    pub environment: EnvironmentName,
    /// The environment that it comes from.
    pub from: EnvironmentName,
    /// The release, if it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// The functions, with the state of each.
    pub functions: Vec<Member>,
    /// The state of the group as a whole.
    pub status: Status,
    /// The reason why it has not succeeded.
    pub code: Option<Code>,
    /// The reason in one sentence.
    pub because: Option<PlainText>,
    /// The group that has the place of this one, which has ended as superseded, or that brings the same already; absent where
    /// none has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_favour_of: Option<DeploymentId>,
    /// Whether that group waited already and brings the same, so that nothing was left to be done; absent where it does not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeats: bool,
    /// The kind of request, and the person who asked.
    pub cause: Cause,
    /// The approvals that it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approved>,
    /// The person who has declined it, as they say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined_by: Option<Person>,
    /// The number of approvals that it still waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals_wanted: Option<u32>,
    /// The time after which it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// The reason for overriding a freeze.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze_override: Option<PlainText>,
    /// The phase that it is in.
    pub phase: Phase,
    /// The time at which it was asked for.
    pub asked_at: Timestamp,
    /// The time at which the deployer accepted it.
    pub started_at: Timestamp,
    /// The token under which its members hold their places, until the places are released.
    #[serde(default, rename = "places", skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub place_token: Option<Token>,
    /// Whether the event that it waits is still to be sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(skip)]
    pub wait_unpublished: bool,
    /// The time of its decision. From then on only a hold, a reject, a rollback, drift or a failure stops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// The time at which the rollouts of all members had passed. From then on each becomes live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_at: Option<Timestamp>,
    /// The first function that did not get there. The rollouts of the others go back because of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_first: Option<FunctionName>,
    /// The time at which the rollback of its members started.
    #[serde(default, rename = "turned_at", skip_serializing_if = "Option::is_none")]
    pub rollback_started_at: Option<Timestamp>,
    /// The time at which it ended.
    pub finished_at: Option<Timestamp>,
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) as_read: AsRead,
}

/// The phases of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The rules are evaluated for each function; nothing has moved.
    Checking,
    /// All members may pass, and each takes a place in its function's queue; nothing has moved.
    Placing,
    /// The group is decided, and all its members are deployed.
    Moving,
    /// A member has failed, and all members that reached a target are rolled back.
    #[serde(rename = "going_back")]
    RollingBack,
    /// The group has ended.
    Ended,
}

/// A function of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// The function.
    pub function: FunctionName,
    /// The id of its deployment, which starts when the group is decided.
    pub deployment: DeploymentId,
    /// The release that shall become live.
    pub release: Option<Release>,
    /// The artifact of that release.
    #[serde(default, rename = "chosen", skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub resolved: Option<ResolvedArtifact>,
    /// The state of its deployment; none if nothing was tried yet.
    pub status: Option<Status>,
    /// The progress of its rollout, also at its end; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<MemberRollout>,
    /// The planned time of its rollout, in seconds; absent where none has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_seconds: Option<u32>,
    /// The time from which on its rollout has passed, and waits for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_at: Option<Timestamp>,
    /// Whether its deployment has reached any target.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reached: bool,
    /// The reason why it did not succeed.
    pub because: Option<PlainText>,
    /// The id of the deployment that rolled it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<DeploymentId>,
    /// The warnings about this function for whoever asks for the group and approves it, such as that the release was rolled
    /// back there; absent where there is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<PlainText>,
    /// The promotions that waited or were next, and whose place its deployment has taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended_waiting: Vec<EndedWaiting>,
}

impl Group {
    /// Makes the group of a request.
    #[must_use]
    pub fn of(promotion: &PromotionRequest, functions: &[FunctionName], now: Timestamp) -> Self {
        let cause = promotion.cause();
        let group = Self {
            schema: SCHEMA,
            revision: 0,
            id: group_id(&promotion.id, &promotion.to),
            environment: promotion.to.clone(),
            from: promotion.from.clone(),
            release: promotion.release.clone(),
            functions: vec![],
            status: Status::Pending,
            code: Some(Code::Waiting),
            because: None,
            in_favour_of: None,
            repeats: false,
            cause,
            approvals: vec![],
            declined_by: None,
            approvals_wanted: None,
            not_after: promotion.not_after,
            freeze_override: promotion.freeze_override.clone(),
            phase: Phase::Checking,
            // A time in the future, from a sender's clock that is ahead, must not outdate other requests.
            asked_at: promotion.time.min(now),
            started_at: now,
            place_token: None,
            wait_unpublished: false,
            decided_at: None,
            passed_at: None,
            failed_first: None,
            rollback_started_at: None,
            finished_at: None,
            as_read: AsRead::default(),
        };
        let member = |function: &FunctionName| {
            let hash = identity((&group.cause, &group.environment), function);
            Member {
                function: function.clone(),
                deployment: DeploymentId::of(group.asked_at, hash),
                release: promotion.release.clone(),
                resolved: None,
                status: None,
                rollout: None,
                planned_seconds: None,
                passed_at: None,
                reached: false,
                because: None,
                rollback: None,
                warnings: vec![],
                ended_waiting: vec![],
            }
        };
        Self { functions: functions.iter().map(member).collect(), ..group }
    }

    /// Removes what only the ledger needs: the artifacts of the functions, the places' token, and whether an event is
    /// still to be sent. Answers and events show the rest.
    #[must_use]
    pub fn public_view(mut self) -> Self {
        for member in &mut self.functions {
            member.resolved = None;
        }
        self.place_token = None;
        self.wait_unpublished = false;
        self
    }

    /// Makes the promotion of one of its functions.
    #[must_use]
    pub fn promotion_spec(&self, member: &Member) -> PromotionSpec {
        PromotionSpec {
            from: self.from.clone(),
            named: self.release.clone(),
            artifact: member.resolved.clone(),
            not_after: self.not_after,
            approvals: self.approvals.clone(),
            unseen_since: None,
            freeze_override: self.freeze_override.clone(),
            group: Some(self.id),
            place_token: self.place_token,
        }
    }

    /// Makes the request for the promotion of one of its functions.
    #[must_use]
    pub fn request(&self, member: &Member, promoting: PromotionSpec, marker: Token) -> Request {
        let function = (&self.environment, &member.function);
        Request::promotion(function, promoting, self.cause.clone(), self.asked_at, (self.started_at, marker))
    }

    /// Returns the state of the group for the evaluation of a member's promotion.
    #[must_use]
    pub fn state(&self) -> GroupState {
        match self.phase {
            Phase::Checking | Phase::Placing => GroupState::Undecided,
            Phase::Moving => GroupState::Decided(self.decided_at.unwrap_or(self.started_at)),
            Phase::RollingBack | Phase::Ended => GroupState::Over,
        }
    }

    /// Whether the group was checked before, and not refused: the rules for whoever asks are judged once.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.phase != Phase::Checking || self.because.is_some()
    }

    /// Makes the request that rolls one of its functions back; none if its artifact is not known.
    #[must_use]
    pub fn rollback_request(&self, member: &Member, (now, marker): (Timestamp, Token)) -> Option<Request> {
        let ResolvedArtifact { release, artifact, .. } = member.resolved.clone()?;
        let cause = Cause { kind: CauseKind::Rollback, skip_rollout: None, ..self.cause.clone() };
        let function = (&self.environment, &member.function);
        let time = self.rollback_started_at.unwrap_or(now);
        Some(Request::undo(function, (release, Some(artifact), Some(member.deployment)), cause, time, (now, marker)))
    }

    /// Adds an approval, by the rules of the environment. None if the same person gave it before.
    ///
    /// # Errors
    /// The reason why the approval does not count.
    pub fn with_approval(&self, approved: &Approved, rules: Option<&Approval>) -> Result<Option<Self>, String> {
        if !approval::check(approved, &self.approvals, &self.cause, rules)? {
            return Ok(None);
        }
        let mut group = self.next();
        group.approvals.push(approved.clone());
        Ok(Some(group))
    }

    /// Ends the group because somebody declined it.
    #[must_use]
    pub fn declined(&self, (by, because): (&Person, String), now: Timestamp) -> Self {
        let mut group = self.next();
        group.declined_by = Some(by.clone());
        group.end(Status::Refused, Some(Code::NotPromotable), Some(because), now);
        group
    }

    fn next(&self) -> Self {
        Self { revision: self.revision + 1, ..self.clone() }
    }

    fn end(&mut self, status: Status, code: Option<Code>, because: Option<String>, now: Timestamp) {
        (self.status, self.code, self.approvals_wanted) = (status, code, None);
        self.because = because.map(Into::into);
        self.wait_unpublished = false;
        (self.phase, self.finished_at) = (Phase::Ended, Some(now));
    }

    /// Whether the groups differ in anything but the revision.
    #[must_use]
    pub fn differs_from(&self, other: &Self) -> bool {
        *self != Self { revision: self.revision, ..other.clone() }
    }
}

/// Returns the id of the group of a request with this id. A repeated command has another time, so it is made from the
/// identity alone.
#[must_use]
pub fn group_id(id: &str, to: &EnvironmentName) -> DeploymentId {
    DeploymentId::of(Timestamp::UNIX_EPOCH, RequestHash::of(&["group", id, to.as_str()]))
}

/// Whether an id may be that of a group.
#[must_use]
pub fn may_be_group_id(id: DeploymentId) -> bool {
    id.time() == Timestamp::UNIX_EPOCH
}

/// Returns the identity of the promotion of one of a group's functions.
fn identity((cause, environment): (&Cause, &EnvironmentName), function: &FunctionName) -> RequestHash {
    request_hash(PROMOTION, cause.event_id.as_deref().unwrap_or_default(), (environment, function))
}

impl Member {
    /// Whether its deployment has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.status.is_some_and(Status::is_ended)
    }

    /// Whether its deployment succeeded, or was unchanged.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.status, Some(Status::Succeeded | Status::Unchanged))
    }

    /// Whether its deployment has reached a target.
    #[must_use]
    pub fn has_moved(&self) -> bool {
        self.reached || self.status == Some(Status::Succeeded)
    }
}

#[cfg(test)]
mod tests;
