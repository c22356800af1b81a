//! The rollouts of a group's members. All become live once the last has passed, and the first that does not get there
//! takes the others back: the group says which, and each member hears it when it is looked at.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Group, Member, Phase};
use crate::head::Head;
use crate::id::{DeploymentId, FunctionName};
use crate::record::Status;
use crate::rollout::{self, GroupWord};
use crate::text::listed;

/// How far the rollout of a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberRollout {
    /// It is under way, or paused.
    UnderWay,
    /// It has passed its last watch, and waits for the others.
    Passed,
    /// It goes back.
    GoesBack,
}

impl MemberRollout {
    /// Returns how far the rollout of this deployment is; none where its head has none.
    #[must_use]
    pub fn of(head: &Head, deployment: DeploymentId) -> Option<Self> {
        let state = head.active().filter(|active| active.request.id == deployment)?.rollout.as_ref()?;
        Some(match (state.phase, &state.passed, &state.paused) {
            (rollout::Phase::GoingBack, ..) => Self::GoesBack,
            (_, Some(_), None) => Self::Passed,
            _ => Self::UnderWay,
        })
    }
}

/// Takes over how far the rollouts of its members are, in their order. Of one that is not in its head any more only that
/// it has begun counts.
#[must_use]
pub fn with_rollouts(group: &Group, rollouts: &[Option<MemberRollout>]) -> Group {
    let mut group = group.clone();
    for (member, rollout) in group.functions.iter_mut().zip(rollouts) {
        member.rollout = rollout.or(member.rollout.map(|_| MemberRollout::UnderWay));
    }
    group
}

/// Notes the first member that did not get there, or that all have passed. Neither is ever taken back.
pub(super) fn note_rollouts(group: &mut Group, now: Timestamp) {
    let fails = |member: &&Member| match member.has_ended() {
        true => !member.is_live(),
        false => member.rollout == Some(MemberRollout::GoesBack),
    };
    if group.failed_first.is_none() {
        group.failed_first = group.functions.iter().find(fails).map(|member| member.function.clone());
    }
    let all_pass = group.functions.iter().all(Member::has_passed);
    let any_waits = group.functions.iter().any(|member| !member.has_ended());
    if all_pass && any_waits && group.failed_first.is_none() {
        group.passed_at.get_or_insert(now);
    }
}

/// Returns what the group says to the rollout of this function.
#[must_use]
pub fn word_to(group: &Group, function: &FunctionName) -> GroupWord {
    let first = group.functions.iter().find(|one| group.failed_first.as_ref() == Some(&one.function));
    match first {
        Some(first) if first.function != *function => {
            let because = first.because.as_ref().map_or(String::new(), |because| format!(" ({because})"));
            return GroupWord::GoBack(format!("{} of its group did not get there{because}", first.function).into());
        }
        // It was late, for example.
        Some(_) => return GroupWord::GoBack(format!("its group {} goes back because of it", group.id).into()),
        None => {}
    }
    match (group.phase, group.status) {
        (Phase::RollingBack, _) => GroupWord::GoBack(format!("its group {} goes back", group.id).into()),
        (Phase::Ended, Status::Succeeded) => GroupWord::Release,
        (Phase::Ended, status) => GroupWord::GoBack(format!("its group {} has ended: {status}", group.id).into()),
        _ if group.passed_at.is_some() => GroupWord::Release,
        _ => {
            let waits = |member: &&Member| member.function != *function && !member.has_passed();
            GroupWord::Wait(group.functions.iter().filter(waits).map(|member| member.function.clone()).collect())
        }
    }
}

/// Whether the rollouts of its members have something to do that they had not before.
#[must_use]
pub fn has_new_word(group: &Group, before: &Group) -> bool {
    let said = |group: &Group| (group.passed_at.is_some(), group.failed_first.is_some());
    let roll_out = |member: &Member| member.rollout.is_some() && !member.has_ended();
    said(group) != said(before) && group.functions.iter().any(roll_out)
}

/// Names the members because of which the group goes back: those that failed, without those that it has taken back
/// because of another one.
pub(super) fn named_as_failed(group: &Group) -> String {
    let rolled_out = |member: &Member| member.rollout.is_some() || member.status == Some(Status::RolledBack);
    match &group.failed_first {
        Some(first) if group.functions.iter().any(rolled_out) => first.to_string(),
        _ => names(&group.functions.iter().filter(|member| !member.is_live()).collect::<Vec<_>>()),
    }
}

fn names(members: &[&Member]) -> String {
    listed(&members.iter().map(|member| &member.function).collect::<Vec<_>>())
}

impl Member {
    /// Whether its deployment is live, or its rollout has passed and may become live with the others.
    fn has_passed(&self) -> bool {
        self.is_live() || (!self.has_ended() && self.rollout == Some(MemberRollout::Passed))
    }
}

/// Returns what its group says to the rollout of a function. A group that is not in the ledger any more says to all its
/// members that they go back: nobody could tell whether all have passed.
#[must_use]
pub fn word_of(found: Option<&Group>, id: DeploymentId, function: &FunctionName) -> GroupWord {
    match found {
        Some(group) => word_to(group, function),
        None => GroupWord::GoBack(format!("its group {id} is not in the ledger any more").into()),
    }
}
