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

impl Group {
    /// Takes over how far the rollouts of its members are, in their order. Of one that is not in its head any more only that
    /// it has begun counts.
    #[must_use]
    pub fn with_rollouts(&self, rollouts: &[Option<MemberRollout>]) -> Self {
        let mut group = self.clone();
        for (member, rollout) in group.functions.iter_mut().zip(rollouts) {
            member.rollout = rollout.or(member.rollout.map(|_| MemberRollout::UnderWay));
        }
        group
    }

    /// Notes the first member that did not get there, or that all have passed. Neither is ever taken back.
    pub(super) fn note_rollouts(&mut self, now: Timestamp) {
        let fails = |member: &&Member| match member.has_ended() {
            true => !member.is_live(),
            false => member.rollout == Some(MemberRollout::GoesBack),
        };
        if self.failed_first.is_none() {
            self.failed_first = self.functions.iter().find(fails).map(|member| member.function.clone());
        }
        let all_pass = self.functions.iter().all(Member::has_passed);
        let any_waits = self.functions.iter().any(|member| !member.has_ended());
        if all_pass && any_waits && self.failed_first.is_none() {
            self.passed_at.get_or_insert(now);
        }
    }

    /// Returns what the group says to the rollout of this function.
    #[must_use]
    pub fn word_to(&self, function: &FunctionName) -> GroupWord {
        let first = self.functions.iter().find(|one| self.failed_first.as_ref() == Some(&one.function));
        match first {
            Some(first) if first.function != *function => {
                let because = first.because.as_ref().map_or(String::new(), |because| format!(" ({because})"));
                return GroupWord::GoBack(format!("{} of its group did not get there{because}", first.function).into());
            }
            // It was late, for example.
            Some(_) => return GroupWord::GoBack(format!("its group {} goes back because of it", self.id).into()),
            None => {}
        }
        match (self.phase, self.status) {
            (Phase::RollingBack, _) => GroupWord::GoBack(format!("its group {} goes back", self.id).into()),
            (Phase::Ended, Status::Succeeded) => GroupWord::Release,
            (Phase::Ended, status) => GroupWord::GoBack(format!("its group {} has ended: {status}", self.id).into()),
            _ if self.passed_at.is_some() => GroupWord::Release,
            _ => {
                let waits = |member: &&Member| member.function != *function && !member.has_passed();
                GroupWord::Wait(self.functions.iter().filter(waits).map(|member| member.function.clone()).collect())
            }
        }
    }

    /// Whether the rollouts of its members have something to do that they had not before.
    #[must_use]
    pub fn has_new_word(&self, before: &Self) -> bool {
        let said = |group: &Self| (group.passed_at.is_some(), group.failed_first.is_some());
        let roll_out = |member: &Member| member.rollout.is_some() && !member.has_ended();
        said(self) != said(before) && self.functions.iter().any(roll_out)
    }

    /// Names the members because of which the group goes back: those that failed, without those that it has taken back
    /// because of another one.
    pub(super) fn named_as_failed(&self) -> String {
        let rolled_out = |member: &Member| member.rollout.is_some() || member.status == Some(Status::RolledBack);
        match &self.failed_first {
            Some(first) if self.functions.iter().any(rolled_out) => first.to_string(),
            _ => super::steps::names(&self.functions.iter().filter(|member| !member.is_live()).collect::<Vec<_>>()),
        }
    }
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
        Some(group) => group.word_to(function),
        None => GroupWord::GoBack(format!("its group {id} is not in the ledger any more").into()),
    }
}
