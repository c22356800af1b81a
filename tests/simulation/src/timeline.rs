//! What became of a function in one environment, as its replay tells it: what was live when, what it served, and what each
//! deployment was found to be about.

use std::collections::{BTreeMap, BTreeSet};

use deployer_core::head::{Head, Request, ResolvedArtifact};
use deployer_core::id::{DeploymentId, Sha256};
use jiff::Timestamp;

/// Something that was live.
#[derive(Debug, Clone)]
pub(super) struct LiveEntry {
    pub artifact: (String, String),
    pub release: String,
    pub sha256: Option<Sha256>,
    /// The so-many-th that became live.
    pub since: usize,
    /// When it became live.
    pub at: Timestamp,
    /// The deployment that brought it.
    pub deployment: DeploymentId,
    /// Whether every target served it when its deployment ended.
    pub is_complete: Complete,
    /// It has reached a target: what was stopped before that is left all the same.
    pub was_live: bool,
    /// It came by a rollback.
    pub by_rollback: bool,
}

/// Whether every target serves something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Complete {
    Yes,
    No,
    /// Every target serves it, and of one the deployer may not know that, for it could not look.
    Perhaps,
}

/// What was live, and what was gone back from; newest first.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub history: Vec<LiveEntry>,
    pub left: Vec<LiveEntry>,
}

/// A deployment was found to be about an artifact.
#[derive(Debug)]
pub(super) struct Admission {
    /// Where in the journal.
    pub now: usize,
    /// By which invocation.
    pub by: usize,
    /// Where in the journal it had made the claim.
    pub claimed: usize,
    pub request: Request,
    pub chosen: ResolvedArtifact,
}

/// What became of a function in an environment. Numbers are places in the journal.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    pub states: Vec<(usize, State)>,
    /// When deployments failed.
    pub failures: Vec<(usize, Timestamp)>,
    pub pointed: Vec<(usize, String, u64)>,
    pub code: BTreeMap<(String, u64), Sha256>,
    /// Where a late write has moved the alias, and nobody could have shut the door.
    pub open_doors: BTreeSet<String>,
    pub admissions: Vec<Admission>,
    /// What was active at any time.
    pub begun: BTreeSet<DeploymentId>,
    /// What waited at any time, and for what was asked.
    pub waited: BTreeMap<DeploymentId, Request>,
}

impl LiveEntry {
    /// Whether it is this artifact, or the same code.
    pub fn is(&self, artifact: &ResolvedArtifact) -> bool {
        let same_object = self.artifact.0 == artifact.artifact.key && self.artifact.1 == artifact.artifact.version_id;
        same_object || (self.sha256.is_some() && self.sha256 == artifact.sha256)
    }

    /// The same of something else that lived.
    pub fn is_same_artifact(&self, other: &Self) -> bool {
        self.artifact == other.artifact || (self.sha256.is_some() && self.sha256 == other.sha256)
    }
}

impl Timeline {
    /// What the head says at this point of the journal is going on.
    pub fn record_head(&mut self, head: &Head) {
        self.begun.extend(head.active().map(|active| active.request.id));
        for waiting in head.waiting() {
            self.waited.entry(waiting.request.id).or_insert_with(|| waiting.request.clone());
        }
    }

    /// How many promotions came in.
    pub fn promoted(&self) -> usize {
        self.admissions.iter().filter(|admission| admission.request.promoting().is_some()).count()
    }

    /// The state at a place of the journal.
    pub fn at(&self, now: usize) -> State {
        let last = self.states.iter().rev().find(|(since, _)| *since <= now);
        last.map(|(_, state)| state.clone()).unwrap_or_default()
    }

    /// What is live in the end.
    pub fn live(&self) -> Option<&LiveEntry> {
        self.states.last().and_then(|(_, state)| state.history.first())
    }

    /// The code that an alias served at any time between two places of the journal. Nobody knows what was there before.
    pub fn served(&self, place: &str, first: usize, last: usize) -> Vec<Option<Sha256>> {
        let here = || self.pointed.iter().filter(|(_, at, _)| at == place);
        let before = here().rev().find(|(now, ..)| *now <= first);
        let meanwhile = here().filter(|(now, ..)| *now > first && *now <= last);
        let code = |version: u64| self.code.get(&(place.to_owned(), version)).copied();
        let first = [before.and_then(|(_, _, version)| code(*version))];
        first.into_iter().chain(meanwhile.map(|(_, _, version)| code(*version))).collect()
    }
}
