//! The story of a deployment, from an upload to its record.
//!
//! Reads top to bottom as the steps of ARCHITECTURE.md: locate, route, claim, verify, enter, observe, plan, apply, finish.
//! Reading the head, reading the artifact and AssumeRole begin at once. Observing waits for the head to be read, writing
//! for the claim and the artifact.

pub mod batch;

mod claim;
mod commands;
mod commit;
mod compare_and_swap;
mod doctor;
mod error;
mod events;
mod group;
mod handle;
mod lock;
mod masking;
mod outbox;
pub mod port;
mod promotions;
mod reconcile;
mod resolve;
mod rollout;
mod store;
mod submit;
mod sweep;
mod tick;
mod timer;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use deployer_core::config::Config;
use deployer_core::group::Group;
use deployer_core::id::{Region, Token};
use deployer_core::record::DeploymentRecord;
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::port::{ArtifactStore, Clock, Events, Ledger, Queue, Rng, SessionProvider};

pub use claim::Claim;
pub use commands::{Caller, FunctionError, History, Planned, PromotionOutcome, Recalled, RecalledFrom, run_command};
pub use error::{CommandError, InvalidConfig, Transient};
pub use masking::MaskingGate;
pub use sweep::report::{FailureKind, QueueLength, SweepFailure, Swept};

/// How many targets of one deployment are worked on at once.
pub const TARGETS_AT_ONCE: usize = 64;

/// The world, as the engine needs it.
#[derive(Clone)]
pub struct Ports {
    /// The artifact bucket.
    pub artifacts: Arc<dyn ArtifactStore>,
    /// The ledger bucket.
    pub ledger: Arc<dyn Ledger>,
    /// The door to target accounts.
    pub sessions: Arc<dyn SessionProvider>,
    /// The queue by which the deployer wakes itself, where there is one.
    pub queue: Option<Arc<dyn Queue>>,
    /// The bus that events go to, where there is one.
    pub events: Option<Arc<dyn Events>>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Where chance comes from.
    pub rng: Arc<dyn Rng>,
    /// The permit to hold a zip in memory: one for the whole process.
    pub inline_body: Arc<Semaphore>,
}

/// One invocation's engine: the world, the configuration, and the time there is.
pub struct Engine {
    /// The world.
    pub ports: Ports,
    /// deployer.json.
    pub config: Arc<Config>,
    /// Why that is the last good one, where what is there now cannot be loaded.
    pub outdated: Option<String>,
    /// The region that the deployer and the artifact bucket are in. None: there is no bucket, and code is sent along.
    pub region: Option<Region>,
    /// When this invocation must have answered.
    pub deadline: Timestamp,
    /// How often and how long the engine itself tries again.
    pub patience: RetryPolicy,
}

/// The one retry policy of the engine, on top of the SDK's own.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// What is denied, AssumeRole first of all: a policy that was just written needs some seconds.
    pub denied: Duration,
    /// How long is waited for Lambda in all, across invocations: for an execution role that it cannot assume yet, a 409 that nobody
    /// knows, and with a queue also for an update or a version.
    pub waits_in_all: Duration,
    /// The same where no other invocation goes on, for there is no queue.
    pub waits_in_all_without_queue: Duration,
    /// With a queue, an invocation waits no longer than this for Lambda: another one goes on.
    pub waits_here: Duration,
    /// The first wait between two looks; it doubles up to `longest_wait`.
    pub first_wait: Duration,
    /// The longest wait between two looks.
    pub longest_wait: Duration,
    /// No write is sent unless this much time is left: the longest that one call takes, retries included.
    pub write_needs: Duration,
    /// What is kept for writing the record.
    pub record_needs: Duration,
}

impl Default for RetryPolicy {
    /// 15 seconds for a policy, 15 minutes for an execution role (2 without a queue).
    fn default() -> Self {
        Self {
            denied: Duration::from_secs(15),
            waits_in_all: Duration::from_secs(15 * 60),
            waits_in_all_without_queue: Duration::from_secs(120),
            waits_here: Duration::from_secs(20),
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_secs(2),
            write_needs: crate::port::OPERATION_TIMEOUT,
            record_needs: Duration::from_secs(5),
        }
    }
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum EventOutcome {
    /// It is not ours; nothing was done.
    Ignored {
        /// Why, in one sentence.
        because: String,
    },
    /// Its deployment: ended, now or earlier, or still waiting or being worked on.
    Recorded(Box<DeploymentRecord>),
    /// The deployments of several functions, each for itself.
    Each(Vec<DeploymentRecord>),
    /// Those of several functions together.
    Together(Box<Group>),
}

impl Engine {
    /// Draws a token.
    fn token(&self) -> Token {
        Token::drawn(self.now(), self.ports.rng.draw())
    }

    fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }
}
