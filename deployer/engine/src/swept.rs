//! A sweep counts what it has found and done, and what it could not do; and it tells how long the queues are.

use std::collections::BTreeSet;
use std::time::Duration;

use deployer_core::names::QUEUE_LINE;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Engine, Transient};

/// How often the queues are looked at before it is said that nobody takes a queue's messages.
const MAX_REOBSERVATIONS: usize = 4;
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

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
    /// How long the deployer's queues are, of those that could be looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub queues: Vec<QueueLength>,
    /// The failure of each of them.
    #[serde(skip)]
    #[schemars(skip)]
    pub failures: Vec<NotSwept>,
}

/// How many messages a queue has, as SQS approximates it.
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

impl QueueLength {
    /// Whether messages wait, and nobody has any.
    fn stands(&self) -> bool {
        self.waiting > 0 && self.in_flight == 0
    }
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

    /// The part that failed; where several did, `Other`.
    #[must_use]
    pub fn what_failed(&self) -> Failing {
        match self.failures.split_first() {
            Some((first, others)) if others.iter().all(|other| other.what == first.what) => first.what,
            _ => Failing::Other,
        }
    }
}

impl Engine {}

/// Looks how long the queues are.
#[derive(Clone, Copy)]
pub(crate) struct QueueLook<'e> {
    engine: &'e Engine,
}

impl<'e> QueueLook<'e> {
    pub(crate) fn of(engine: &'e Engine) -> Self {
        Self { engine }
    }

    /// Looks how long the queues are, and says so in the log where nobody takes a queue's messages. A queue that cannot be looked at
    /// harms nothing else.
    pub(super) async fn look(self) -> Swept {
        let mut queues = self.queue_lengths().await;
        let mut standing: BTreeSet<String> = names_of_standing(&queues).collect();
        for _ in 1..MAX_REOBSERVATIONS {
            if standing.is_empty() {
                break;
            }
            self.engine.ports.clock.sleep(BETWEEN_LOOKS).await;
            queues = self.queue_lengths().await;
            let still: BTreeSet<String> = names_of_standing(&queues).collect();
            standing.retain(|name| still.contains(name));
        }
        for QueueLength { name, waiting, .. } in queues.iter().filter(|queue| standing.contains(&queue.name)) {
            tracing::error!(queue = name, waiting, "{QUEUE_LINE}: nobody receives its messages");
        }
        Swept { queues, ..Swept::default() }
    }

    async fn queue_lengths(self) -> Vec<QueueLength> {
        let Some(queue) = &self.engine.ports.queue else { return vec![] };
        let told = queue.lengths().await.into_iter().filter_map(|(name, look)| match look {
            Ok(look) => {
                Some(QueueLength { name, waiting: look.waiting, in_flight: look.in_flight, delayed: look.delayed })
            }
            Err(error) => {
                tracing::warn!("the sweep cannot tell how long a queue is: {error}");
                None
            }
        });
        told.collect()
    }
}

fn names_of_standing(queues: &[QueueLength]) -> impl Iterator<Item = String> {
    queues.iter().filter(|queue| queue.stands()).map(|queue| queue.name.clone())
}
