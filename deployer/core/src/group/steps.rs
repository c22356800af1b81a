//! The transitions of a group: from the decision on each member to the group's decision, and on to its end.

use std::time::Duration;

use jiff::Timestamp;

use super::rollouts::{MemberRead, named_as_failed, note_rollouts};
use super::{Group, Member, Phase};
use crate::head::ResolvedArtifact;
use crate::id::{DeploymentId, Token};
use crate::promotion::{Decision, GroupState};
use crate::record::{Code, DeploymentRecord, Ending, Status};

/// The time after the group's decision in which its members must succeed or begin their rollouts; later ones fail. A
/// rollout has ends of its own.
const MEMBER_TIMEOUT: Duration = Duration::from_secs(6 * 3600);

/// The decision on a member, and the artifact that it brings.
pub type CheckedMember = (Decision, Option<ResolvedArtifact>);

impl Group {
    /// Applies the decisions on all members. A denial ends the group, and a wait lets it wait; otherwise its members
    /// take their places, under this token.
    #[must_use]
    pub fn with_checks(&self, decisions: &[CheckedMember], place_token: Token, now: Timestamp) -> Self {
        let (mut group, may_all_pass) = apply_decisions(self, decisions, now);
        if may_all_pass {
            (group.phase, group.place_token) = (Phase::Placing, Some(place_token));
            (group.because, group.approvals_wanted, group.wait_unpublished) = (None, None, false);
        }
        group
    }

    /// Applies the decisions that were made after every member took its place. If all are allowed, this write decides
    /// the group.
    #[must_use]
    pub fn with_final_checks(&self, decisions: &[CheckedMember], now: Timestamp) -> Self {
        let (mut group, may_all_pass) = apply_decisions(self, decisions, now);
        if may_all_pass {
            (group.status, group.code, group.because) = (Status::InProgress, None, None);
            (group.phase, group.decided_at) = (Phase::Moving, Some(now));
        } else if group.phase == Phase::Placing {
            group.phase = Phase::Checking;
        }
        group
    }

    /// Ends the group before its decision.
    pub(super) fn end_undecided(&mut self, status: Status, code: Code, because: &str, now: Timestamp) {
        self.end(status, Some(code), Some(format!("{because}; nothing was moved")), now);
    }

    /// Lets the group wait for another one, which holds the place that a member needs. It takes no further place
    /// meanwhile.
    #[must_use]
    pub fn waits_for(&self, member: &Member, other: DeploymentId) -> Self {
        let because = Some(format!("{}: waits for group {other} to end", member.function));
        Self { because: because.map(Into::into), ..self.next() }
    }

    /// Whether the group waits, and the event that says so is still to be sent. A deployer that does not know the field
    /// leaves it behind in a group that waits no more.
    #[must_use]
    pub fn is_wait_unpublished(&self) -> bool {
        self.wait_unpublished && self.phase == Phase::Checking && self.because.is_some()
    }

    /// Notes that the event of this wait is sent. None: it is noted already, or the group does not wait for that any
    /// more.
    #[must_use]
    pub fn with_wait_published(&self, published: &Self) -> Option<Self> {
        let is_same = self.is_wait_unpublished() && self.because == published.because;
        is_same.then(|| Self { wait_unpublished: false, ..self.next() })
    }

    /// Ends the group because a member lost its place before the decision, for example to a hold or a rollback. One that
    /// something newer has ended, as a rollback does, is superseded, as it is while it holds no places.
    #[must_use]
    pub fn displaced(&self, member: &Member, because: Option<&str>, code: Option<Code>, now: Timestamp) -> Self {
        let mut group = self.next();
        let because = because.unwrap_or("its place was taken away");
        let because = format!("{}: {because}", member.function);
        let code = code.unwrap_or(Code::NotPromotable);
        let status = if code == Code::Superseded { Status::Superseded } else { Status::Refused };
        group.end_undecided(status, code, &because, now);
        group
    }

    /// Notes that the group has released its places.
    #[must_use]
    pub fn without_places(&self) -> Self {
        Self { place_token: None, ..self.next() }
    }

    /// Ends the group because deployer.json no longer has its environment. One that is decided stays as it is: its members
    /// have moved, or may have, and it goes on once the environment is back.
    #[must_use]
    pub fn abandoned(&self, now: Timestamp) -> Self {
        if self.state() != GroupState::Undecided {
            return self.clone();
        }
        let mut group = self.next();
        let because = format!("deployer.json has no environment {} any more", self.environment);
        group.end_undecided(Status::Refused, Code::NotPromotable, &because, now);
        group
    }

    /// Takes over the states of its members' deployments, in their order. When all have ended, the group ends, or starts to
    /// roll back. Members that have not succeeded in time have failed. One that cannot be read now stays as it was.
    #[must_use]
    pub fn moved(&self, members: &[Option<MemberRead>], now: Timestamp) -> Self {
        let mut group = self.next();
        let is_late = group.is_late(now);
        let mut has_unread = false;
        for (member, read) in group.functions.iter_mut().zip(members) {
            let Some(read) = read else {
                has_unread |= !member.has_ended();
                continue;
            };
            member.note_rollout(read, now);
            if let Some(record) = &read.record {
                (member.status, member.because) = (Some(record.status), record.because.clone());
                member.reached = has_reached_a_target(record);
                member.ended_waiting.clone_from(&record.ended_waiting);
            }
            let rolls_out = member.rollout.is_some() && member.status != Some(Status::Pending);
            if is_late && !member.has_ended() && !rolls_out {
                let because = "it had not arrived six hours after its group was decided".to_owned();
                // An invocation may still work on it, and reach a target.
                member.reached = member.status != Some(Status::Pending);
                (member.status, member.because) = (Some(Status::Failed), Some(because.into()));
            }
        }
        note_rollouts(&mut group, has_unread, now);
        if !group.functions.iter().all(Member::has_ended) {
            return group;
        }
        let failed: Vec<&Member> = group.functions.iter().filter(|member| !member.is_live()).collect();
        if failed.is_empty() {
            group.end(Status::Succeeded, None, None, now);
            return group;
        }
        let names = named_as_failed(&group);
        if !group.functions.iter().any(Member::has_moved) {
            if failed.iter().any(|member| member.status == Some(Status::RolledBack)) {
                let because = format!("{names} did not get there, and the others went back");
                group.end(Status::RolledBack, Some(Code::TargetFailed), Some(because), now);
                return group;
            }
            let because = format!("{names} did not get there, and nothing else had moved");
            group.end(Status::Failed, Some(Code::TargetFailed), Some(because), now);
            return group;
        }
        group.because = Some(format!("{names} did not get there, so the others go back").into());
        (group.code, group.phase, group.rollback_started_at) =
            (Some(Code::TargetFailed), Phase::RollingBack, Some(now));
        group
    }

    /// Whether its members' time to succeed is over.
    #[must_use]
    pub fn is_late(&self, now: Timestamp) -> bool {
        self.decided_at.and_then(|at| at.checked_add(MEMBER_TIMEOUT).ok()).is_some_and(|until| until < now)
    }

    /// Takes over the states of its members' rollbacks. `records` has the record of the rollback of each member, in
    /// their order.
    #[must_use]
    pub fn with_rollbacks(&self, records: &[Option<DeploymentRecord>], now: Timestamp) -> Self {
        let mut group = self.next();
        let (mut open, mut back, mut failures) = (false, Vec::new(), Vec::new());
        for (number, (member, record)) in group.functions.iter_mut().zip(records).enumerate() {
            match record.as_ref().filter(|record| record.status.is_ended()) {
                _ if !member.has_moved() => {}
                None => open = true,
                Some(record) => {
                    member.rollback = Some(record.id);
                    // Something else became live there meanwhile.
                    let is_gone = record.code == Some(Code::NotLive);
                    let is_back = matches!(record.status, Status::Succeeded | Status::Unchanged);
                    match (is_back, is_gone) {
                        (true, _) => back.push(number),
                        (false, true) if member.is_live() => back.push(number),
                        (false, true) => {}
                        (false, false) => {
                            let because = record.because.as_deref().unwrap_or_default();
                            failures.push(format!("{} ({because})", member.function));
                        }
                    }
                }
            }
        }
        if open {
            return group;
        }
        let failed = named_as_failed(self);
        for number in back {
            group.functions[number].status = Some(Status::RolledBack);
        }
        let (status, because) = match failures.is_empty() {
            true => (Status::RolledBack, format!("{failed} did not get there, and the others went back")),
            false => (
                Status::Failed,
                format!("{failed} did not get there, and these could not go back: {}", failures.join("; ")),
            ),
        };
        group.end(status, Some(Code::TargetFailed), Some(because), now);
        group
    }

    /// Returns the members whose promotions still wait and are pointless now: another member has failed, or their time
    /// is over.
    pub fn to_withdraw(&self, now: Timestamp) -> impl Iterator<Item = &Member> {
        let go_no_more = self.failed_first.is_some() || self.is_late(now);
        self.functions.iter().filter(move |one| go_no_more && one.status == Some(Status::Pending))
    }
}

/// Applies decisions to a group: it ends, or waits. The result is true if all are allowed.
fn apply_decisions(before: &Group, decisions: &[CheckedMember], now: Timestamp) -> (Group, bool) {
    let mut group = before.next();
    // The artifact is that of the time of the request: people approve that one.
    for (member, (_, resolved)) in group.functions.iter_mut().zip(decisions) {
        member.release = resolved.as_ref().map(|resolved| resolved.release.clone()).or(member.release.take());
        member.warnings = resolved.iter().filter_map(|resolved| resolved.warning.clone()).collect();
        member.resolved.clone_from(resolved);
    }
    let members_with_decisions = || before.functions.iter().zip(decisions);
    let ends = members_with_decisions().find_map(|(member, (decision, _))| match decision {
        Decision::Deny(ending) => Some((member, ending)),
        _ => None,
    });
    if let Some((member, ending)) = ends {
        let (status, code, because) = match ending {
            Ending::Superseded { because, .. } | Ending::Repeated { because, .. } => {
                (Status::Superseded, Code::Superseded, because.as_str())
            }
            Ending::Refused { code, because }
            | Ending::Stopped { code, because, .. }
            | Ending::TakenBack { code, because, .. } => (Status::Refused, *code, because.as_str()),
            Ending::Tried(_) | Ending::OnlyStopped { .. } => {
                (Status::Refused, Code::NotPromotable, "it cannot be deployed there")
            }
        };
        group.end_undecided(status, code, &format!("{}: {because}", member.function), now);
        return (group, false);
    }
    let waits = members_with_decisions().find_map(|(member, (decision, _))| match decision {
        Decision::Wait(wait) => Some((member, wait)),
        _ => None,
    });
    if let Some((member, wait)) = waits {
        group.wait_unpublished |= before.because.is_none();
        group.because = Some(format!("{}: {wait}", member.function).into());
        group.approvals_wanted = Some(wait.approvals_wanted).filter(|wanted| *wanted > 0);
        return (group, false);
    }
    (group, true)
}

/// Whether this deployment has moved an alias. An alias that served the version before does not count.
fn has_reached_a_target(record: &DeploymentRecord) -> bool {
    record.targets.iter().any(|outcome| outcome.status == Status::Succeeded || outcome.reached)
}
