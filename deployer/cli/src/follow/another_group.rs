//! The group in whose place another one of the same functions has ended. While it is open, the status has it; afterwards
//! the records of its functions tell how it ended.

use deployer_core::group::{Group, GroupStatus, Member, Phase};
use deployer_core::id::DeploymentId;
use deployer_core::record::{CauseKind, DeploymentRecord, Status};
use deployer_core::status::StatusReport;
use deployer_core::trigger::Command;

use super::in_favour_of::is_group_in_favour_of;
use crate::answer::{CliError, Exit, sentence};
use crate::follow::Followed as _;
use crate::remote::newest_records;
use crate::remote::{self, Remote, SendError, SendOutcome};

/// Looks for the group. None: there is none, as status and records have it.
///
/// # Errors
/// [`SendError`]: one of them cannot be read, or it is not found and may be among what the deployer cannot read.
pub(crate) async fn look(remote: &Remote, superseded: &Group) -> Result<Option<Group>, SendError> {
    let command = Command::status(Some(superseded.environment.clone()), None);
    let report: StatusReport = remote.try_send(&remote::request(command)).await?;
    if let Some(open) = report.groups.iter().find(|open| is_group_in_favour_of(superseded, open.id)) {
        return Ok(Some(as_open(superseded, open)));
    }
    let mut records = Vec::new();
    for Member { function, .. } in &superseded.functions {
        let newest = newest_records::by_one_try(remote, &superseded.environment, function).await?;
        let is_its = |record: &DeploymentRecord| {
            group_of(record).is_some_and(|group| group != superseded.id && is_group_in_favour_of(superseded, group))
        };
        records.extend(newest.iter().find(|record| is_its(record)).map(|own| Recorded {
            own: own.clone(),
            rollback: newest.iter().find(|record| brings_back(record, own)).cloned(),
        }));
    }
    match (as_recorded(superseded, &records), report.unreadable.first()) {
        (None, Some(because)) => {
            let error = CliError::failed(format!("it may be what cannot be read: {}", sentence(because)));
            Err(SendError { outcome: SendOutcome::Broken, error })
        }
        (recorded, _) => Ok(recorded),
    }
}

/// The records of one of a group's functions.
struct Recorded {
    own: DeploymentRecord,
    /// The rollback by which the group has brought the function back.
    rollback: Option<DeploymentRecord>,
}

impl Recorded {
    /// Returns the state of the function in its group.
    fn status(&self) -> Status {
        match &self.rollback {
            None => self.own.status,
            Some(rollback) if rollback.status.is_ended() && rollback.exit() != Exit::Done => Status::Failed,
            Some(rollback) if rollback.status.is_ended() => Status::RolledBack,
            Some(rollback) => rollback.status,
        }
    }
}

/// Whether a rollback is the one by which a group brings back what this deployment of its has brought.
fn brings_back(rollback: &DeploymentRecord, own: &DeploymentRecord) -> bool {
    let is_of_group = own.cause.event_id.is_some() && rollback.cause.event_id == own.cause.event_id;
    rollback.cause.kind == CauseKind::Rollback && is_of_group
}

fn group_of(record: &DeploymentRecord) -> Option<DeploymentId> {
    record.promotion.as_ref()?.group
}

/// Makes a group of the same functions and releases, without what is said of the one that has ended only.
fn other_than(superseded: &Group) -> Group {
    let mut group = superseded.clone();
    (group.in_favour_of, group.repeats, group.declined_by) = (None, false, None);
    for member in &mut group.functions {
        member.warnings.clear();
        member.ended_waiting.clear();
    }
    group
}

/// Makes the group of its status: it has the functions of the one that has ended.
fn as_open(superseded: &Group, open: &GroupStatus) -> Group {
    let mut group = other_than(superseded);
    (group.id, group.status, group.phase) = (open.id, open.status, open.phase);
    (group.code, group.because) = (None, open.because.clone());
    (group.approvals, group.approvals_wanted) = (open.approvals.clone(), open.approvals_wanted);
    (group.asked_at, group.started_at) = (open.since, open.since);
    (group.decided_at, group.finished_at) = (open.decided_at, None);
    group.cause.requested_by.clone_from(&open.requested_by);
    for member in &mut group.functions {
        let Some(now) = open.functions.iter().find(|one| one.function == member.function) else { continue };
        (member.deployment, member.status, member.rollout) = (now.deployment, now.status, now.rollout);
        (member.release, member.because, member.planned_seconds) = (now.release.clone(), None, now.planned_seconds);
    }
    group
}

/// Makes the group of the records of its functions. It has ended once each has; a function without a record has not begun, and
/// does not any more where the group did not succeed.
fn as_recorded(superseded: &Group, records: &[Recorded]) -> Option<Group> {
    let first = &records.first()?.own;
    let status = status_of(records);
    let is_live = matches!(status, Status::Succeeded | Status::Unchanged);
    let has_ended = status.is_ended() && (records.len() == superseded.functions.len() || !is_live);
    let of_that = records
        .iter()
        .find(|one| one.own.status == status)
        .or_else(|| records.iter().find(|one| one.own.exit() != Exit::Done));
    let of_that = of_that.map(|one| &one.own);
    let began = records.iter().map(|one| one.own.started_at).min()?;
    let finished = records.iter().filter_map(|one| one.rollback.as_ref().unwrap_or(&one.own).finished_at).max();
    let mut group = other_than(superseded);
    group.id = group_of(first)?;
    (group.status, group.phase) = if has_ended { (status, Phase::Ended) } else { (Status::InProgress, Phase::Moving) };
    group.code = of_that.and_then(|record| record.code);
    group.because = of_that.and_then(|record| record.because.clone());
    group.approvals = first.promotion.as_ref().map(|promotion| promotion.approvals.clone()).unwrap_or_default();
    (group.approvals_wanted, group.asked_at, group.started_at) = (None, began, began);
    group.finished_at = finished.filter(|_| has_ended);
    group.cause.requested_by.clone_from(&first.cause.requested_by);
    for member in &mut group.functions {
        let Some(one) = records.iter().find(|one| one.own.function == member.function) else { continue };
        (member.deployment, member.status) = (one.own.id, Some(one.status()));
        (member.release, member.because) = (one.own.release.clone(), one.own.because.clone());
        member.rollback = one.rollback.as_ref().map(|rollback| rollback.id);
    }
    Some(group)
}

/// Returns the state of a group by those of its functions: it is live where all are, and rolled back where those that had
/// moved are back.
fn status_of(records: &[Recorded]) -> Status {
    let mut back = records.iter().filter(|one| one.rollback.is_some()).map(Recorded::status).peekable();
    let rank = |status: &Status| match status {
        Status::Unchanged => 0,
        Status::Succeeded => 1,
        Status::Superseded => 2,
        Status::Refused => 3,
        Status::RolledBack => 4,
        Status::Failed => 5,
        Status::Pending => 6,
        Status::InProgress => 7,
    };
    let worst = |all: &mut dyn Iterator<Item = Status>| all.max_by_key(rank).unwrap_or(Status::InProgress);
    if back.peek().is_some() { worst(&mut back) } else { worst(&mut records.iter().map(Recorded::status)) }
}
