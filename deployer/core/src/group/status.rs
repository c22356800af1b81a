//! Open groups in the answer of `status`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rollouts::waits_sentence;
use super::{Group, MemberRollout, Phase};
use crate::id::{DeploymentId, EnvironmentName, FunctionName, Release};
use crate::record::{Approved, Status};
use crate::text::{Person, PlainText};

/// A promotion of several functions together that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GroupStatus {
    /// The group's id.
    pub id: DeploymentId,
    /// The environment that it goes to.
    pub environment: EnvironmentName,
    /// The environment that it comes from.
    pub from: EnvironmentName,
    /// The state. While it is `pending`, the group is not decided and nothing has moved.
    pub status: Status,
    /// The phase that it is in.
    pub phase: Phase,
    /// The reason why it waits, or which members wait for which others and since when, in one sentence.
    pub because: Option<PlainText>,
    /// The person who asked for it.
    pub requested_by: Option<Person>,
    /// The time at which it was asked for.
    pub since: Timestamp,
    /// The time of its decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// The approvals that it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approved>,
    /// The number of approvals that it still waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals_wanted: Option<u32>,
    /// Its functions.
    pub functions: Vec<MemberStatus>,
}

/// A function of a group that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberStatus {
    /// The function.
    pub function: FunctionName,
    /// The release that it brings.
    pub release: Option<Release>,
    /// The id of its deployment.
    pub deployment: DeploymentId,
    /// The state of that deployment; null if it has not begun.
    pub status: Option<Status>,
    /// The progress of its rollout; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<MemberRollout>,
    /// The planned time of its rollout, in seconds; absent where none has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_seconds: Option<u32>,
}

impl From<&Group> for GroupStatus {
    fn from(group: &Group) -> Self {
        let functions = group.functions.iter().map(|member| MemberStatus {
            function: member.function.clone(),
            release: member.release.clone(),
            deployment: member.deployment,
            status: member.status,
            rollout: member.rollout,
            planned_seconds: member.planned_seconds,
        });
        Self {
            id: group.id,
            environment: group.environment.clone(),
            from: group.from.clone(),
            status: group.status,
            phase: group.phase,
            because: group.because.clone().or_else(|| waits_sentence(group)),
            requested_by: group.cause.requested_by.clone(),
            since: group.asked_at,
            decided_at: group.decided_at,
            approvals: group.approvals.clone(),
            approvals_wanted: group.approvals_wanted,
            functions: functions.collect(),
        }
    }
}

impl GroupStatus {
    /// Whether it is not decided: nothing has moved, and it waits or is checked.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        matches!(self.phase, Phase::Checking | Phase::Placing)
    }

    /// Whether this function is a member.
    #[must_use]
    pub fn has(&self, function: &FunctionName) -> bool {
        self.functions.iter().any(|member| member.function == *function)
    }
}
