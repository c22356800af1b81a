//! The rollouts of a group's members. All become live once the last has passed, and the first that does not get there
//! takes the others back: the group says which, and each member hears it when it is looked at.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Group, Member, Phase};
use crate::head::Head;
use crate::id::{DeploymentId, FunctionName};
use crate::record::{DeploymentRecord, Status};
use crate::rollout::{self, GroupWord};
use crate::text::{PlainText, listed};

/// The time after which a person must know that a group has not come further: a member that was released and is not live,
/// and, beyond twice the planned time of its longest rollout, a member that waits for another. Each step may be lengthened
/// once.
const OVERDUE_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// The progress of a member's rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberRollout {
    /// It is under way, or paused.
    UnderWay,
    /// It has passed its last watch, its last look could be judged, and it waits for the others.
    Passed,
    /// It goes back.
    GoesBack,
}

impl MemberRollout {
    /// Returns how far the rollout of this deployment is; none where its head has none.
    #[must_use]
    pub fn of(head: &Head, deployment: DeploymentId) -> Option<Self> {
        let state = head.active().filter(|active| active.request.id == deployment)?.rollout.as_ref()?;
        Some(match (state.phase, &state.passed, &state.paused, state.unreadable_since) {
            (rollout::Phase::GoingBack, ..) => Self::GoesBack,
            (_, Some(_), None, None) => Self::Passed,
            _ => Self::UnderWay,
        })
    }
}

/// The state of a member, read at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberRead {
    /// The record of its deployment; none where there is none yet.
    pub record: Option<DeploymentRecord>,
    /// The progress of its rollout; none where its head has none.
    pub rollout: Option<MemberRollout>,
    /// The planned time of its rollout; none where its head has none.
    pub length: Option<SignedDuration>,
    /// Whether its rollout waits for a person.
    pub is_paused: bool,
}

impl MemberRead {
    /// Makes it from a member's head and the record of its deployment.
    #[must_use]
    pub fn of(head: &Head, deployment: DeploymentId, record: Option<DeploymentRecord>) -> Self {
        let active = head.active().filter(|active| active.request.id == deployment);
        let state = active.and_then(|active| active.rollout.as_ref());
        Self {
            record,
            rollout: MemberRollout::of(head, deployment),
            length: state.map(|state| state.plan.length()),
            is_paused: state.is_some_and(|state| state.paused.is_some()),
        }
    }
}

impl Member {
    /// Takes over how far its rollout is. Of one that is not in its head any more only that it has begun counts.
    pub(super) fn note_rollout(&mut self, read: &MemberRead, now: Timestamp) {
        let planned = read.length.and_then(|length| u32::try_from(length.as_secs()).ok());
        self.planned_seconds = planned.or(self.planned_seconds);
        self.rollout = read.rollout.or(self.rollout.map(|_| MemberRollout::UnderWay));
        let is_passed = self.rollout == Some(MemberRollout::Passed);
        self.passed_at = self.passed_at.or(Some(now)).filter(|_| is_passed);
    }
}

/// Notes the first member that did not get there, or that all have passed. Neither is ever taken back. All have passed only
/// where each was read that has not ended.
pub(super) fn note_rollouts(group: &mut Group, has_unread: bool, now: Timestamp) {
    let fails = |member: &&Member| match member.has_ended() {
        true => !member.is_live(),
        false => member.rollout == Some(MemberRollout::GoesBack),
    };
    if group.failed_first.is_none() {
        group.failed_first = group.functions.iter().find(fails).map(|member| member.function.clone());
    }
    let all_pass = group.functions.iter().all(Member::has_passed);
    let any_waits = group.functions.iter().any(|member| !member.has_ended());
    if all_pass && any_waits && !has_unread && group.failed_first.is_none() {
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

/// Says how far the rollouts of a group are: which members wait for which others, and since when, or which are live and
/// which are not yet. None: its members do not wait for one another.
#[must_use]
pub fn waits_sentence(group: &Group) -> Option<PlainText> {
    if group.phase != Phase::Moving || group.failed_first.is_some() {
        return None;
    }
    if let Some(passed_at) = group.passed_at {
        let (live, open): (Vec<&Member>, Vec<&Member>) = group.functions.iter().partition(|one| one.is_live());
        let open: Vec<&Member> = open.into_iter().filter(|one| !one.has_ended()).collect();
        let are_live = match live.len() {
            0 => String::new(),
            1 => format!("{} is live, and ", names(&live)),
            _ => format!("{} are live, and ", names(&live)),
        };
        let becomes = if open.len() == 1 { "becomes" } else { "become" };
        return (!open.is_empty()).then(|| {
            PlainText::of(format_args!(
                "all have passed since {passed_at:.0}: {are_live}{} {becomes} live with the next look that can be judged",
                names(&open)
            ))
        });
    }
    let since = group.functions.iter().filter(|one| !one.has_ended()).filter_map(|one| one.passed_at).min()?;
    let waited_for: Vec<&Member> = group.functions.iter().filter(|one| !one.has_passed()).collect();
    (!waited_for.is_empty()).then(|| {
        PlainText::of(format_args!("waits for {} since {since:.0}; the others have passed", names(&waited_for)))
    })
}

/// Says that a group should have come further by now. None: it need not, or a pause, a failure or a way back says so already.
#[must_use]
pub fn overdue_sentence(group: &Group, read: &[Option<MemberRead>], now: Timestamp) -> Option<PlainText> {
    let waits = waits_sentence(group)?;
    let since = match group.passed_at {
        Some(released) => released,
        None if read.iter().flatten().any(|one| one.is_paused) => return None,
        None => {
            let longest = read.iter().flatten().filter_map(|one| one.length).max().unwrap_or_default();
            let first = group.functions.iter().filter(|one| !one.has_ended()).filter_map(|one| one.passed_at).min()?;
            first.saturating_add(longest.saturating_add(longest)).unwrap_or(Timestamp::MAX)
        }
    };
    (now.duration_since(since) > OVERDUE_AFTER).then_some(waits)
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
