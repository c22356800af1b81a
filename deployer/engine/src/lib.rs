//! The story of a deployment, from an upload to its record.
//!
//! Reads top to bottom as the steps of ARCHITECTURE.md: locate, route, claim, verify, enter, observe, plan, apply, finish.
//! Reading the head, reading the artifact and AssumeRole begin at once. Observing waits for the head to be read, writing
//! for the claim and the artifact.

mod announce;
mod ask;
mod asked;
pub mod batch;

mod claim;
mod commands;
mod commit;
mod consent;
mod doctor;
mod group;
mod handle;
mod history;
mod lock;
mod masking;
pub mod obey;
mod outbox;
mod plan;
pub mod port;
mod promotions;
mod recall;
mod reconcile;
mod resolve;
mod rollout;
mod status;
mod status_groups;
mod store;
mod submit;
mod sweep;
mod swept;
mod tick;
mod timer;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use deployer_core::artifact::Upload;
use deployer_core::config::Config;
use deployer_core::function_ref::FunctionRef;
use deployer_core::group::Group;
use deployer_core::head::Request;
use deployer_core::id::Region;
use deployer_core::record::DeploymentRecord;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use crate::port::{ArtifactStore, Clock, Events, Ledger, LedgerError, Queue, Rng, SessionProvider};

pub use ask::Promoted;
pub use claim::Claim;
pub use commands::{Caller, CommandError};
pub use history::History;
pub use masking::MaskingGate;
pub use plan::Planned;
pub use recall::{Recalled, RecalledFrom};
pub use swept::{Failing, NotSwept, QueueLength, Swept};

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
    pub gate: Arc<dyn SessionProvider>,
    /// The queue by which the deployer wakes itself, where there is one.
    pub queue: Option<Arc<dyn Queue>>,
    /// The bus that events go to, where there is one.
    pub events: Option<Arc<dyn Events>>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Where chance comes from.
    pub chance: Arc<dyn Rng>,
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

/// A failure that another try can mend. The message goes back to the queue.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Transient {
    /// Nothing is done without the ledger.
    #[error("the ledger is unavailable: {0}")]
    Ledger(#[from] LedgerError),
    /// A newer deployer understands it.
    #[error("a message of the deployer's own is put back, for it is not understood: {0}")]
    NotUnderstood(String),
    /// Others kept writing the head.
    #[error("the function's head in the ledger kept changing")]
    Contended,
    /// S3 did not deliver the artifact.
    #[error("the artifact could not be read this time: {0}")]
    Artifact(String),
    /// What a promotion needs could not be looked at.
    #[error("{0}")]
    Unseen(String),
    /// No tick could be sent.
    #[error("the queue is unavailable: {0}")]
    Queue(String),
    /// Another invocation works on it, and without a queue nothing can be deferred.
    #[error("another invocation works on it until {0} at most")]
    InOtherHands(Timestamp),
    /// Another invocation has taken the deployment over.
    #[error("another invocation has taken the deployment over")]
    TakenOver,
    /// A deployment that could not end in time is not begun.
    #[error(
        "too little time is left to begin: the deployer's function timeout should be 5 minutes, and the batch size 10 at \
         most"
    )]
    NoTime,
    /// The invocation's deadline came first.
    #[error("not done before the invocation's deadline")]
    Deadline,
    /// A defect of ours.
    #[error("the deployment panicked: {0}")]
    Panicked(String),
}

impl Transient {
    /// What a panic said.
    #[must_use]
    pub fn panicked(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Self::Panicked(text.unwrap_or_default())
    }
}

/// The deployer cannot work as it is set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidConfig(pub String);

impl Engine {
    /// Deploys an upload to every target of its environment, or says why not.
    ///
    /// # Errors
    /// [`Transient`]: the same message shall come again.
    pub async fn upload(&self, upload: Upload) -> Result<EventOutcome, Transient> {
        let ignored = |because: String| Ok(EventOutcome::Ignored { because });
        let upload = match upload.locate(&self.config.artifact_bucket) {
            Ok(upload) => upload,
            Err(not_ours) => {
                self.announcer().near_miss(&not_ours).await;
                return ignored(not_ours.to_string());
            }
        };
        let place = &upload.place;
        let at = match FunctionRef::find(&self.config, &place.environment, &place.function) {
            Ok(at) => at,
            Err(unknown) => {
                let because = format!("{:?} is {unknown}", upload.artifact.key);
                self.announcer().upload_ignored(&upload.artifact.key, &because).await;
                return ignored(because);
            }
        };
        let request = Request::of(&upload, self.now(), self.token());
        let taken = async {
            tracing::info!(key = %upload.artifact.key, version_id = %upload.artifact.version_id, "upload received");
            self.on(&at).submit(&request).await
        };
        let taken = Box::pin(taken).instrument(rollout::span(&at, &request, request.subject.release())).await?;
        self.submit_without_queue().await;
        Ok(match taken {
            Some(record) => EventOutcome::Recorded(Box::new(record)),
            None => EventOutcome::Ignored {
                because: format!("{:?} has ended, and its record is gone", upload.artifact.key),
            },
        })
    }

    /// Whether a deployment that begins now could end.
    fn has_time_to_begin(&self) -> bool {
        self.left() >= self.patience.write_needs + self.patience.record_needs * 2
    }

    /// Whether there is time for the deployment that waited for this one: more than just enough.
    fn has_time_for_another(&self) -> bool {
        self.left() >= self.patience.write_needs * 2 + self.patience.record_needs * 2
    }

    fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }
}
