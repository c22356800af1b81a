//! The report of a sweep: its counts, its failures, and the lengths of the queues.

use schemars::JsonSchema;
use serde::Serialize;

use crate::Transient;

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
    /// Functions whose head, records or promotions could not be read or written, and lists that could not be read; the
    /// log says which and why.
    pub failed: usize,
    /// The lengths of the deployer's queues that could be looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queues: Vec<QueueLength>,
    /// The failure of each of them.
    #[serde(skip)]
    #[schemars(skip)]
    pub failures: Vec<SweepFailure>,
}

/// The number of a queue's messages, as SQS approximates it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct QueueLength {
    /// The queue's name.
    pub name: String,
    /// Messages that can be received.
    pub waiting: u64,
    /// Messages that are being worked on, or have been put off.
    pub in_flight: u64,
    /// Messages that come later.
    pub delayed: u64,
}

/// A function, or a group, that could not be swept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepFailure {
    /// The kind of the failure.
    pub kind: FailureKind,
    /// The function and the cause, in one sentence.
    pub because: String,
}

/// The kinds of failures, by the part that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The ledger.
    Ledger,
    /// deployer.json.
    Configuration,
    /// Anything else.
    Other,
}

impl FailureKind {
    /// Returns the kind of a failure that another try can mend.
    #[must_use]
    pub fn of(transient: &Transient) -> Self {
        match transient {
            Transient::Ledger(_) => Self::Ledger,
            _ => Self::Other,
        }
    }
}

impl Swept {
    /// Makes the report of one function that was looked at.
    pub(crate) fn one() -> Self {
        Self { looked_at: 1, ..Self::default() }
    }

    /// Adds a failure. A function counts once, however much of it fails.
    pub(crate) fn with_failure(mut self, function_label: &str, kind: FailureKind, because: &str) -> Self {
        self.failed = 1;
        self.failures.push(SweepFailure { kind, because: format!("{function_label}: {because}") });
        self
    }

    /// Adds up two reports.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.failures.extend(other.failures);
        self.queues.extend(other.queues);
        Self {
            looked_at: self.looked_at + other.looked_at,
            woken: self.woken + other.woken,
            completed: self.completed + other.completed,
            cleared: self.cleared + other.cleared,
            failed: self.failed + other.failed,
            queues: self.queues,
            failures: self.failures,
        }
    }

    /// Returns the kind of all failures; `Other` if they are of several kinds.
    #[must_use]
    pub fn failure_kind(&self) -> FailureKind {
        match self.failures.split_first() {
            Some((first, others)) if others.iter().all(|other| other.kind == first.kind) => first.kind,
            _ => FailureKind::Other,
        }
    }
}
