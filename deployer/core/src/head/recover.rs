//! In heads of before, the history began with what was live on every target, and only the targets told what had reached some
//! of them. Now the history begins with what was last rolled out.

use std::cmp::Reverse;

use super::live::{Completed, Live, calls_for_promotions};
use super::outbox::{OutboxEntry, SideEffect};
use super::state::{HISTORY, Head};
use crate::as_read::AsRead;
use crate::id::DeploymentId;
use crate::record::{CauseKind, Code, DeploymentRecord, Ending, Status};

impl OutboxEntry {
    /// A deployer of before told nothing of completions: every success called for promotions.
    fn completed_before(&self) -> Option<Completed> {
        let DeploymentRecord { id, status, cause, finished_at, .. } = &self.record;
        let calls = calls_for_promotions(cause.kind) && matches!(status, Status::Succeeded | Status::Unchanged);
        let is_to_do = self.todo.contains(&SideEffect::Promotions);
        finished_at.filter(|_| calls && is_to_do).map(|since| Completed { deployment: *id, since })
    }
}

impl Head {
    /// The head as it was read, and the records in it.
    pub(crate) fn reads_as(mut self, as_read: AsRead) -> Self {
        for (number, entry) in self.outbox.iter_mut().enumerate() {
            entry.as_read = as_read.part(&format!("/outbox/{number}/record"));
            if as_read.is_of_before() {
                entry.completed = entry.completed.take().or_else(|| entry.completed_before());
            }
        }
        Self { as_read, ..self }
    }

    /// The deployment that was the last to reach a target, where the history of a head of before begins with an earlier one:
    /// its record tells what is live.
    #[must_use]
    pub fn missing_live(&self) -> Option<DeploymentId> {
        // Ids do not order; the head lists the last that ended first. Deployments that it lists no more are ordered by their time.
        let age = |id: &DeploymentId| {
            let place = self.ended.iter().position(|ended| ended == id).unwrap_or(usize::MAX);
            (place, Reverse(id.time()))
        };
        let reached =
            self.targets.iter().filter_map(|target| target.deployment).filter(|_| self.as_read.is_of_before());
        let last = reached.min_by_key(age)?;
        let first = self.history.first().map(|live| live.deployment);
        first.is_none_or(|first| age(&last) < age(&first)).then_some(last)
    }

    /// Puts what that record tells first. Where the record is gone, a rollback has to name its release.
    #[must_use]
    pub fn with_recovered_live(&self, record: Option<&DeploymentRecord>) -> Self {
        let Some(id) = self.missing_live() else { return self.clone() };
        let mut head = self.clone();
        let told = record.filter(|record| record.id == id).and_then(|record| Some((record, Live::brought_by(record)?)));
        let Some((record, live)) = told else {
            head.unrecovered = Some(id);
            return head;
        };
        if head.live().is_some_and(|first| first.is_same_as(&live.artifact, live.sha256)) {
            return head;
        }
        if record.cause.kind == CauseKind::Rollback {
            head.leave_newer_than(&live);
        }
        head.left.retain(|left| left.artifact != live.artifact);
        head.history.insert(0, live);
        head.history.truncate(HISTORY);
        head
    }

    /// Whether nobody knows any more what was the last to reach a target.
    pub(crate) fn has_unrecovered_live(&self) -> bool {
        self.unrecovered.is_some()
    }

    /// The refusal of a rollback that names no release.
    pub(super) fn not_recovered(&self) -> Option<Ending> {
        let id = self.unrecovered?;
        let because = format!(
            "what was last rolled out here, by deployment {id}, is not known any more, for its record is gone: name the \
             release to go back to"
        );
        Some(Ending::Refused { code: Code::NothingToRollBack, because })
    }
}
