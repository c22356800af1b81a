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
mod consent;
mod doctor;
mod finish;
mod group;
mod history;
mod lock;
mod masking;
pub mod obey;
mod plan;
pub mod port;
mod promote;
mod recall;
mod resolve;
mod rollout;
mod status;
mod status_groups;
mod store;
mod swept;
mod timer;
mod wake;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use deployer_core::artifact::Upload;
use deployer_core::config::Config;
use deployer_core::destination::FunctionRef;
use deployer_core::group::Group;
use deployer_core::head::{Request, Rules, Source};
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

use claim::SubmitOutcome;
use finish::Finished;
use rollout::Rollout;
use rollout::error::Unfinished;

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
                self.tell_of_near_miss(&not_ours).await;
                return ignored(not_ours.to_string());
            }
        };
        let place = &upload.place;
        let at = match FunctionRef::find(&self.config, &place.environment, &place.function) {
            Ok(at) => at,
            Err(unknown) => {
                let because = format!("{:?} is {unknown}", upload.artifact.key);
                self.tell_of_ignored(&upload.artifact.key, &because).await;
                return ignored(because);
            }
        };
        let request = Request::of(&upload, self.now(), self.token());
        let taken = async {
            tracing::info!(key = %upload.artifact.key, version_id = %upload.artifact.version_id, "upload received");
            self.take_in(&at, &request).await
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

    /// Works on a request, unless the head says otherwise; and then on what waits behind it.
    pub(crate) async fn take_in(
        &self,
        at: &FunctionRef<'_>,
        request: &Request,
    ) -> Result<Option<DeploymentRecord>, Transient> {
        if !self.has_time_to_begin() {
            return Err(Transient::NoTime);
        }
        let standing = match (at.refusal(request.cause.kind), request.chosen()) {
            (None, Some(chosen)) => match Box::pin(Rollout::new(self, at, request.clone(), chosen).begin()).await {
                Ok(Finished { record, marker, next }) => {
                    if marker != request.marker {
                        self.store().unmark(at, request).await;
                    }
                    self.follow(at, next).await;
                    return Ok(Some(record));
                }
                Err(Unfinished::SubmitOutcome(standing)) => standing,
                Err(Unfinished::Saved(record)) => return Ok(Some(*record)),
                Err(Unfinished::Transient(transient)) => return Err(transient),
            },
            // What it is about is found out under the claim.
            (refusal, _) => {
                self.store().mark_open(at, request).await?;
                let rejects = self.store().rejects(&at.function).await?;
                let rejected = || request.subject.release().and_then(|release| rejects.refusal(release, None));
                let refusal = match (refusal.or_else(rejected), &request.subject) {
                    // Before anything gives way to it.
                    (None, Source::Newest { release }) => self.newest(at, release).await?.err(),
                    (refusal, _) => refusal,
                };
                self.accept(at, request, Rules { refusal: refusal.as_ref(), rejects: &rejects }, None).await?
            }
        };
        self.stand(at, request, standing).await
    }

    /// What follows from what the head has made of a request.
    async fn stand(
        &self,
        at: &FunctionRef<'_>,
        request: &Request,
        standing: SubmitOutcome,
    ) -> Result<Option<DeploymentRecord>, Transient> {
        match standing {
            SubmitOutcome::Claimed(claim) => {
                let head = claim.seen().head;
                // It may have joined another one.
                let id = head.id_of(request).unwrap_or(claim.request().id);
                let pending = head.all_pending().iter().find(|waits| waits.id == id).cloned();
                if !head.needs(request.marker) {
                    self.store().unmark(at, request).await;
                }
                let waits = pending.map(|pending| at.pending(&pending, claim.request().id));
                if let Some(waits) = &waits {
                    // It is written again when its turn comes.
                    let written = self.store().write_record(waits, None).await;
                    written.map_or_else(|error| tracing::warn!("not recorded as pending: {error}"), drop);
                }
                // It may have made way for what waited behind it.
                let ended = head.outbox().iter().map(|entry| &entry.record).find(|record| record.id == id).cloned();
                let records = self.go_on(at, Some(claim)).await?;
                if let Some(record) = records.into_iter().find(|record| record.id == id).or(waits).or(ended) {
                    return Ok(Some(record));
                }
                // Somebody else has ended it since it was taken in, and has done what follows from that.
                Ok(self.store().record(at, id).await?)
            }
            SubmitOutcome::Queued { record, behind: (id, claim, until), again } => {
                if again || record.id != request.id {
                    self.store().unmark(at, request).await;
                }
                if again {
                    if !request.is_upload() {
                        // Somebody asks again and again how far it is.
                        return Ok(Some(*record));
                    }
                    if self.ports.queue.is_none() {
                        return Err(Transient::InOtherHands(until));
                    }
                }
                self.tick_at(at, id, Some(claim), until).await?;
                Ok(Some(*record))
            }
            SubmitOutcome::Deferred { waiting, again } => {
                if again || waiting.request.id != request.id {
                    self.store().unmark(at, request).await;
                }
                Ok(Some(waiting.record(at)))
            }
            SubmitOutcome::Finished { record, marker } => {
                if marker != Some(request.marker) {
                    self.store().unmark(at, request).await;
                }
                Ok(Some(*record))
            }
            SubmitOutcome::Nothing => {
                self.store().unmark(at, request).await;
                Ok(None)
            }
        }
    }

    /// What waits behind a deployment that has ended. Its own message is done with, whatever comes of them.
    async fn follow(&self, at: &FunctionRef<'_>, next: Option<Arc<Claim>>) {
        if let Err(transient) = self.go_on(at, next).await {
            tracing::warn!("the deployment that waited is left for later: {transient}");
            self.come_back(at).await;
        }
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
