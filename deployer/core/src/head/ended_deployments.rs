//! The deployments of a head that have ended.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::outbox::{Failure, OutboxEntry, SideEffect};
use crate::as_read::AsRead;
use crate::id::{DeploymentId, Sha256, Token};
use crate::record::{DeploymentRecord, Status};

/// The number of ended deployments that are known by their id.
pub const ENDED: usize = 50;

/// The number of ended records that may wait to be written before nothing more is accepted.
pub const OUTBOX: usize = 50;

/// The deployments that have ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct EndedDeployments {
    /// The last deployment that has failed here.
    #[serde(default)]
    pub(super) failure: Option<Failure>,
    /// Those whose side effects are not all run, the one that ended first first.
    pub(super) outbox: Vec<OutboxEntry>,
    /// The ids of the last ones, newest first.
    #[serde(rename = "ended")]
    pub(super) ids: Vec<DeploymentId>,
}

impl EndedDeployments {
    /// Adds a deployment that has ended. Its record waits in the outbox until its side effects are run.
    pub(super) fn push(&mut self, record: DeploymentRecord, marker: Token) {
        self.push_with(record, marker, SideEffect::all());
    }

    /// Adds a deployment that has ended, and of whose end an event has told already.
    pub(super) fn push_told(&mut self, record: DeploymentRecord, marker: Token) {
        self.push_with(record, marker, BTreeSet::from([SideEffect::Record]));
    }

    fn push_with(&mut self, record: DeploymentRecord, marker: Token, todo: BTreeSet<SideEffect>) {
        self.ids.insert(0, record.id);
        self.ids.truncate(ENDED);
        if let Some(at) = record.finished_at.filter(|_| record.status == Status::Failed) {
            self.failure = Some(Failure { deployment: record.id, at });
        }
        let (completed, as_read) = (None, AsRead::default());
        self.outbox.push(OutboxEntry { record, marker, todo, completed, as_read });
        self.drop_oldest();
    }

    /// Drops entries that could not be completed for so long that too many wait.
    fn drop_oldest(&mut self) {
        // Nothing in the ledger depends on an event: the oldest entries of which only events are left are given up.
        let has_only_events = |entry: &OutboxEntry| {
            entry.todo.iter().all(|effect| matches!(effect, SideEffect::Started | SideEffect::Ended))
        };
        let with_only_events = self.outbox.iter().filter(|entry| has_only_events(entry)).count();
        for _ in OUTBOX..with_only_events {
            let oldest = self.outbox.iter().position(has_only_events);
            let _given_up = oldest.map(|at| self.outbox.remove(at));
        }
        // A promotion that could not be asked for during so many ends has been overtaken by others.
        let is_written = |entry: &OutboxEntry| !entry.todo.contains(&SideEffect::Record);
        if let Some(oldest) = self.outbox.iter().position(is_written).filter(|_| self.outbox.len() > 4 * OUTBOX) {
            let _given_up = self.outbox.remove(oldest);
        }
    }

    /// Whether so many records wait to be written that nothing more shall be accepted before.
    pub(super) fn is_overfull(&self) -> bool {
        self.outbox.iter().filter(|entry| entry.todo.contains(&SideEffect::Record)).count() >= OUTBOX
    }

    /// Iterates over the code of the records in the outbox.
    pub(super) fn code(&self) -> impl Iterator<Item = Sha256> {
        self.outbox.iter().filter_map(|entry| entry.record.artifact.as_ref()?.sha256)
    }
}
