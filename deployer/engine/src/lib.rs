//! The effects of a deployment, from an upload to its record.
//!
//! `submit` puts a request into a function's head, `reconcile` does the head's next deployments, and `deployment` carries
//! one deployment out. ARCHITECTURE.md lists the steps: decode, locate, route, look up, verify, enter, claim, observe,
//! plan, apply, finish. `commands` has the commands by hand.

pub mod batch;

mod claim;
mod commands;
mod commit;
mod compare_and_swap;
mod deployment;
mod doctor;
mod error;
mod events;
mod function_handles;
mod gone_environment;
mod group;
mod handle_tick;
mod known_functions;
mod masking;
mod mutex;
mod new_functions;
mod outbox;
pub mod port;
mod promotions;
mod prove_identity;
mod reconcile;
mod resolve_artifact;
mod retried_calls;
mod retry_policy;
mod send_tick;
mod smoke_tests;
mod store;
mod submit;
mod sweep;
mod timer;
mod upload;

use std::sync::Arc;

use deployer_core::config::Config;
use deployer_core::group::Group;
use deployer_core::id::{Region, Token};
use deployer_core::record::DeploymentRecord;
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::port::{ArtifactStore, Clock, Events, Identities, Ledger, Queue, Rng, RolloutSessions, SessionProvider};

pub use claim::Claim;
pub use commands::{
    Caller, ExpectedFunction, FunctionError, History, NotReady, Planned, PromotionOutcome, Recalled, RecalledFrom,
    run_command,
};
pub use error::{CommandError, InvalidConfig, Transient};
pub use masking::MaskingSessions;
pub use mutex::locked;
pub use retry_policy::RetryPolicy;
pub use smoke_tests::invoke_when_free;
pub use sweep::report::{FailureKind, QueueLength, SweepFailure, Swept};

/// The number of targets of one deployment that are worked on at once.
pub const TARGETS_AT_ONCE: usize = 64;

/// The engine's access to the world.
#[derive(Clone)]
pub struct Ports {
    /// The artifact bucket.
    pub artifacts: Arc<dyn ArtifactStore>,
    /// The ledger bucket.
    pub ledger: Arc<dyn Ledger>,
    /// Opens sessions in target accounts.
    pub sessions: Arc<dyn SessionProvider>,
    /// Opens the sessions of rollouts; none where nothing can wait.
    pub rollouts: Option<Arc<dyn RolloutSessions>>,
    /// Whether a rollout may begin. One that is under way goes on, and ends, whatever this says.
    pub begins_rollouts: bool,
    /// The queue by which the deployer wakes itself, if there is one.
    pub queue: Option<Arc<dyn Queue>>,
    /// The bus that events go to, if there is one.
    pub events: Option<Arc<dyn Events>>,
    /// Asks STS who has signed a request; none where the deployer does not know its own ARN.
    pub identities: Option<Arc<dyn Identities>>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The source of random numbers.
    pub rng: Arc<dyn Rng>,
    /// The permit to hold a zip in memory: one for the whole process.
    pub inline_body: Arc<Semaphore>,
}

/// One invocation's engine: its access to the world, its configuration, and its deadline.
pub struct Engine {
    /// The access to the world.
    pub ports: Ports,
    /// deployer.json.
    pub config: Arc<Config>,
    /// The error of the current deployer.json, if `config` is the last good one.
    pub outdated: Option<String>,
    /// The region of the deployer and of the artifact bucket. None: there is no bucket, and code is sent along.
    pub region: Option<Region>,
    /// The time by which this invocation must have answered.
    pub deadline: Timestamp,
    /// The engine's own retries.
    pub retries: RetryPolicy,
}

/// The outcome of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum EventOutcome {
    /// It does not concern the deployer; nothing was done.
    Ignored {
        /// The reason, in one sentence.
        because: String,
    },
    /// The record of its deployment: ended, now or earlier, or still open.
    Recorded(Box<DeploymentRecord>),
    /// The records of several functions' deployments, each on its own.
    Each(Vec<DeploymentRecord>),
    /// The group of functions that are deployed together.
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
