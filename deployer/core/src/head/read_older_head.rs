//! Recovers what is live from heads of older deployers. There the history began with what was live on every target, and
//! only the targets said what had reached some of them. Now the history begins with what was rolled out last.

use std::cmp::Reverse;

use super::live_artifact::{Completed, LiveArtifact, calls_for_promotions};
use super::live_state::{HISTORY, LiveState};
use super::outbox::{OutboxEntry, SideEffect};
use super::state::Head;
use crate::as_read::AsRead;
use crate::id::DeploymentId;
use crate::record::{CauseKind, Code, DeploymentRecord, Ending, Status};

impl OutboxEntry {
    /// Returns the completion of an entry that an older deployer has written. It wrote nothing of completions: every
    /// success called for promotions.
    fn completed_before(&self) -> Option<Completed> {
        let DeploymentRecord { id, status, cause, finished_at, .. } = &self.record;
        let calls = calls_for_promotions(cause.kind) && matches!(status, Status::Succeeded | Status::Unchanged);
        let is_to_do = self.todo.contains(&SideEffect::Promotions);
        finished_at.filter(|_| calls && is_to_do).map(|since| Completed { deployment: *id, since })
    }
}

/// Completes a head that was just read, and the records in it, by how they were read.
pub(crate) fn read_as(mut head: Head, as_read: AsRead) -> Head {
    for (number, entry) in head.ended.outbox.iter_mut().enumerate() {
        entry.as_read = as_read.part(&format!("/outbox/{number}/record"));
        if as_read.is_of_before() {
            entry.completed = entry.completed.take().or_else(|| entry.completed_before());
        }
    }
    Head { as_read, ..head }
}

/// Finds the deployment that was the last to reach a target, where the history of an older deployer's head begins with
/// an earlier one: its record says what is live.
#[must_use]
pub fn missing_live(head: &Head) -> Option<DeploymentId> {
    // Ids do not order; the head lists the last that ended first. Deployments that it lists no more are ordered by
    // their time.
    let age = |id: &DeploymentId| {
        let place = head.ended.ids.iter().position(|ended| ended == id).unwrap_or(usize::MAX);
        (place, Reverse(id.time()))
    };
    let reached = head.targets().iter().filter_map(|target| target.deployment).filter(|_| head.as_read.is_of_before());
    let last = reached.min_by_key(age)?;
    let first = head.live().map(|live| live.deployment);
    first.is_none_or(|first| age(&last) < age(&first)).then_some(last)
}

/// Puts the artifact of that record first in the history. Where the record is gone, a rollback has to name its release.
#[must_use]
pub fn with_recovered_live(head: &Head, record: Option<&DeploymentRecord>) -> Head {
    let Some(id) = missing_live(head) else { return head.clone() };
    let mut head = head.clone();
    let state = &mut head.live_state;
    let found =
        record.filter(|record| record.id == id).and_then(|record| Some((record, LiveArtifact::brought_by(record)?)));
    let Some((record, live)) = found else {
        state.unrecovered = Some(id);
        return head;
    };
    if state.live().is_some_and(|first| first.is_same_as(&live.artifact, live.sha256)) {
        return head;
    }
    if record.cause.kind == CauseKind::Rollback {
        state.leave_newer_than(&live);
    }
    state.left.retain(|left| left.artifact != live.artifact);
    state.history.insert(0, live);
    state.history.truncate(HISTORY);
    head
}

/// Returns the refusal of a rollback that names no release, where nobody knows what was rolled out last.
pub(super) fn unrecovered_refusal(state: &LiveState) -> Option<Ending> {
    let id = state.unrecovered?;
    let because = format!(
        "what was last rolled out here, by deployment {id}, is not known any more, for its record is gone: name the \
         release to go back to"
    );
    Some(Ending::Refused { code: Code::NothingToRollBack, because })
}
