//! A sweep counts what it has found and done, and what it could not do.

use schemars::JsonSchema;
use serde::Serialize;

use super::Transient;

/// The counts of a sweep.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Swept {
    /// Functions that had a marker.
    pub looked_at: usize,
    /// Deployments that were woken, here or by a tick.
    pub woken: usize,
    /// Ended deployments whose records and results were completed.
    pub completed: usize,
    /// Markers that guarded nothing any more.
    pub cleared: usize,
    /// Functions whose head, or a record of which, could not be read or written; the log says which and why.
    pub failed: usize,
    /// The failure of each of them.
    #[serde(skip)]
    #[schemars(skip)]
    pub failures: Vec<NotSwept>,
}

/// A function, or a group, that could not be swept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotSwept {
    /// The part that failed.
    pub what: Failing,
    /// The function and the cause, in one sentence.
    pub because: String,
}

/// The parts of the deployer's world that make a sweep fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failing {
    /// The ledger.
    Ledger,
    /// deployer.json.
    Configuration,
    /// Anything else.
    Other,
}

impl Failing {
    /// The part that has failed, where another try can help.
    #[must_use]
    pub fn of(transient: &Transient) -> Self {
        match transient {
            Transient::Ledger(_) => Self::Ledger,
            _ => Self::Other,
        }
    }
}

impl Swept {
    /// A function was looked at.
    pub(super) fn one() -> Self {
        Self { looked_at: 1, ..Self::default() }
    }

    /// Adds a failure. A function counts once, however much of it fails.
    pub(super) fn failing(mut self, place: &str, what: Failing, because: &str) -> Self {
        self.failed = 1;
        self.failures.push(NotSwept { what, because: format!("{place}: {because}") });
        self
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        self.failures.extend(other.failures);
        Self {
            looked_at: self.looked_at + other.looked_at,
            woken: self.woken + other.woken,
            completed: self.completed + other.completed,
            cleared: self.cleared + other.cleared,
            failed: self.failed + other.failed,
            failures: self.failures,
        }
    }

    /// The part that failed; where several did, `Other`.
    #[must_use]
    pub fn what_failed(&self) -> Failing {
        match self.failures.split_first() {
            Some((first, others)) if others.iter().all(|other| other.what == first.what) => first.what,
            _ => Failing::Other,
        }
    }
}
