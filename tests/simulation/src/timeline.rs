//! The timeline of a function in one environment, as the journal replay builds it: the live artifacts, the served
//! versions, and the artifact that each deployment resolved to.

use std::collections::{BTreeMap, BTreeSet};

use deployer_core::head::{Head, Request, ResolvedArtifact};
use deployer_core::id::{DeploymentId, Sha256};
use jiff::Timestamp;

/// An artifact that was live.
#[derive(Debug, Clone)]
pub(super) struct LiveEntry {
    pub artifact: (String, String),
    pub release: String,
    pub sha256: Option<Sha256>,
    /// Its number in the sequence of artifacts that became live.
    pub since: usize,
    /// The time at which it became live.
    pub at: Timestamp,
    /// The deployment that brought it.
    pub deployment: DeploymentId,
    /// Whether every target served it when its deployment ended.
    pub is_complete: Completeness,
    /// True if it has reached a target. A deployment that was stopped before that goes to `left` all the same.
    pub was_live: bool,
    /// True if a rollback brought it.
    pub by_rollback: bool,
}

/// Whether every target serves an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Completeness {
    Yes,
    No,
    /// Every target serves it, but the deployer may not know that of one, because it could not look.
    Unknown,
}

/// The entries of `history` and `left`, newest first.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub history: Vec<LiveEntry>,
    pub left: Vec<LiveEntry>,
}

/// A deployment has resolved its artifact.
#[derive(Debug)]
pub(super) struct Admission {
    /// The journal index of that.
    pub index: usize,
    /// The invocation.
    pub by: usize,
    /// The journal index at which it made the claim.
    pub claimed: usize,
    pub request: Request,
    pub resolved: ResolvedArtifact,
}

/// The timeline of a function in an environment. The numbers are journal indices.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    pub states: Vec<(usize, State)>,
    /// The failures, with their times.
    pub failures: Vec<(usize, Timestamp)>,
    pub pointed: Vec<(usize, String, u64)>,
    pub code: BTreeMap<(String, u64), Sha256>,
    /// The targets where a late write has moved the alias and nobody could have shut the door.
    pub open_doors: BTreeSet<String>,
    pub admissions: Vec<Admission>,
    /// The deployments that were active at any time.
    pub begun: BTreeSet<DeploymentId>,
    /// The requests that waited at any time.
    pub waited: BTreeMap<DeploymentId, Request>,
}

impl LiveEntry {
    /// Whether it is this artifact, or has the same code.
    pub fn is(&self, artifact: &ResolvedArtifact) -> bool {
        let same_object = self.artifact.0 == artifact.artifact.key && self.artifact.1 == artifact.artifact.version_id;
        same_object || (self.sha256.is_some() && self.sha256 == artifact.sha256)
    }

    /// Whether it is the same artifact as another entry, or has the same code.
    pub fn is_same_artifact(&self, other: &Self) -> bool {
        self.artifact == other.artifact || (self.sha256.is_some() && self.sha256 == other.sha256)
    }
}

impl Timeline {
    /// Returns the time at which a release was live here first.
    pub fn first_live(&self) -> Option<Timestamp> {
        let entries = self.states.iter().flat_map(|(_, state)| state.history.iter().chain(&state.left));
        entries.filter(|entry| entry.was_live).map(|entry| entry.at).min()
    }

    /// Records the deployments that a head shows as active and waiting.
    pub fn record_head(&mut self, head: &Head) {
        self.begun.extend(head.active().map(|active| active.request.id));
        for waiting in head.waiting() {
            self.waited.entry(waiting.request.id).or_insert_with(|| waiting.request.clone());
        }
    }

    /// Returns the number of promotions that came in.
    pub fn promoted(&self) -> usize {
        self.admissions.iter().filter(|admission| admission.request.promotion_spec().is_some()).count()
    }

    /// Returns the state at a journal index.
    pub fn state_at(&self, index: usize) -> State {
        let last = self.states.iter().rev().find(|(since, _)| *since <= index);
        last.map(|(_, state)| state.clone()).unwrap_or_default()
    }

    /// Returns the artifact that is live in the end.
    pub fn live(&self) -> Option<&LiveEntry> {
        self.states.last().and_then(|(_, state)| state.history.first())
    }

    /// Returns the code that an alias served at any time between two journal indices; `None` for code of before the
    /// simulation.
    pub fn served(&self, place: &str, first: usize, last: usize) -> Vec<Option<Sha256>> {
        let here = || self.pointed.iter().filter(|(_, at, _)| at == place);
        let before = here().rev().find(|(index, ..)| *index <= first);
        let meanwhile = here().filter(|(index, ..)| *index > first && *index <= last);
        let code = |version: u64| self.code.get(&(place.to_owned(), version)).copied();
        let first = [before.and_then(|(_, _, version)| code(*version))];
        first.into_iter().chain(meanwhile.map(|(_, _, version)| code(*version))).collect()
    }
}
