//! The group in whose place another one of the same functions has ended. While it is open, the status has it; afterwards
//! the records of its functions tell how it ended.

use deployer_core::group::{Group, GroupStatus, Member, Phase};
use deployer_core::id::DeploymentId;
use deployer_core::record::{DeploymentRecord, Status};
use deployer_core::status::StatusReport;
use deployer_core::trigger::Command;

use super::answer::{CliError, sentence};
use super::in_favour_of::is_group_in_favour_of;
use super::newest_records;
use super::remote::{self, Remote, SendError, SendOutcome};

/// Looks for the group. None: there is none, as status and records have it.
///
/// # Errors
/// [`SendError`]: one of them cannot be read, or it is not found and may be among what the deployer cannot read.
pub(super) async fn look(remote: &Remote, superseded: &Group) -> Result<Option<Group>, SendError> {
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
        records.extend(newest.into_iter().find(is_its));
    }
    match (as_recorded(superseded, &records), report.unreadable.first()) {
        (None, Some(because)) => {
            let error = CliError::failed(format!("it may be what cannot be read: {}", sentence(because)));
            Err(SendError { outcome: SendOutcome::Broken, error })
        }
        (recorded, _) => Ok(recorded),
    }
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

/// Makes the group of the records of its functions. It has ended once each has.
fn as_recorded(superseded: &Group, records: &[DeploymentRecord]) -> Option<Group> {
    let first = records.first()?;
    let status = status_of(records.iter().map(|record| record.status));
    let has_ended = records.len() == superseded.functions.len() && status.is_ended();
    let of_that = || records.iter().find(|record| record.status == status);
    let began = records.iter().map(|record| record.started_at).min()?;
    let mut group = other_than(superseded);
    group.id = group_of(first)?;
    (group.status, group.phase) = if has_ended { (status, Phase::Ended) } else { (Status::InProgress, Phase::Moving) };
    group.code = of_that().and_then(|record| record.code);
    group.because = of_that().and_then(|record| record.because.clone());
    group.approvals = first.promotion.as_ref().map(|promotion| promotion.approvals.clone()).unwrap_or_default();
    (group.approvals_wanted, group.asked_at, group.started_at) = (None, began, began);
    group.finished_at = records.iter().filter_map(|record| record.finished_at).max().filter(|_| has_ended);
    group.cause.requested_by.clone_from(&first.cause.requested_by);
    for member in &mut group.functions {
        let Some(record) = records.iter().find(|record| record.function == member.function) else { continue };
        (member.deployment, member.status) = (record.id, Some(record.status));
        (member.release, member.because) = (record.release.clone(), record.because.clone());
    }
    Some(group)
}

/// Returns the state of a group by those of its functions: it is live where all are.
fn status_of(all: impl Iterator<Item = Status>) -> Status {
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
    all.max_by_key(rank).unwrap_or(Status::InProgress)
}
