//! The story of a deployment, from an upload to its record.
//!
//! Reads top to bottom as the steps of ARCHITECTURE.md: locate, route, claim, verify, enter, observe, plan, apply, finish.
//! Reading the head, reading the artifact and AssumeRole begin at once. Observing waits for the head to be read, writing
//! for the claim and the artifact.

mod apply;
mod book;
mod claim;
mod finish;
mod history;
mod prune;
mod target;
mod verify;
mod wake;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use deployer_core::artifact::Upload;
use deployer_core::config::Config;
use deployer_core::destination::Destination;
use deployer_core::head::{ATTEMPTS, EXTENSIONS, GivenUp, Request, Then};
use deployer_core::id::Region;
use deployer_core::record::{DeploymentRecord, Ending, Status, TargetError, TargetErrorCode};
use futures::future::{self, FutureExt as _};
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use crate::port::{AccountGate, ArtifactStore, Chance, Clock, Ledger, LedgerError, Queue};

pub use claim::Claim;
pub use history::History;
pub use wake::Swept;

use claim::{Ground, Standing};
use finish::{Facts, Finished};

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
    pub gate: Arc<dyn AccountGate>,
    /// The queue by which the deployer wakes itself, where there is one.
    pub queue: Option<Arc<dyn Queue>>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Where chance comes from.
    pub chance: Arc<dyn Chance>,
    /// The permit to hold a zip in memory: one for the whole process.
    pub inline_body: Arc<Semaphore>,
}

/// One invocation's engine: the world, the configuration, and the time there is.
pub struct Engine {
    /// The world.
    pub ports: Ports,
    /// deployer.json.
    pub config: Arc<Config>,
    /// The region that the deployer and the artifact bucket are in.
    pub region: Region,
    /// When this invocation must have answered.
    pub deadline: Timestamp,
    /// How often and how long the engine itself tries again.
    pub patience: Patience,
}

/// The one retry policy of the engine, on top of the SDK's own.
#[derive(Debug, Clone)]
pub struct Patience {
    /// AssumeRole that is denied: a fresh trust needs some seconds.
    pub denied: Duration,
    /// An execution role that Lambda cannot assume yet.
    pub role_not_ready: Duration,
    /// The first wait between two looks; it doubles up to `longest_wait`.
    pub first_wait: Duration,
    /// The longest wait between two looks.
    pub longest_wait: Duration,
    /// No write is sent unless this much time is left: the longest that one call takes, retries included.
    pub write_needs: Duration,
    /// What is kept for writing the record.
    pub record_needs: Duration,
}

impl Default for Patience {
    /// 15 seconds for a trust policy, 2 minutes for an execution role.
    fn default() -> Self {
        Self {
            denied: Duration::from_secs(15),
            role_not_ready: Duration::from_secs(120),
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_secs(2),
            write_needs: crate::aws::OPERATION_TIMEOUT,
            record_needs: Duration::from_secs(5),
        }
    }
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Handled {
    /// It is not ours; nothing was done.
    Ignored {
        /// Why, in one sentence.
        because: String,
    },
    /// Its deployment: ended, now or earlier, or still waiting or being worked on.
    Recorded(Box<DeploymentRecord>),
}

/// A failure that another try can mend. The message goes back to the queue.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Transient {
    /// Nothing is done without the ledger.
    #[error("the ledger is unavailable: {0}")]
    Ledger(#[from] LedgerError),
    /// Others kept writing the head.
    #[error("the function's head in the ledger kept changing")]
    Contended,
    /// S3 did not deliver the artifact.
    #[error("the artifact could not be read this time: {0}")]
    Artifact(String),
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

/// A deployment under way: what was asked for, and where to.
struct Job<'a> {
    request: Request,
    at: &'a Destination<'a>,
    /// Its zip, for targets in other regions.
    inline: apply::InlineBody,
}

impl<'a> Job<'a> {
    fn new(at: &'a Destination<'a>, request: Request) -> Self {
        Self { request, at, inline: Default::default() }
    }

    fn span(&self) -> tracing::Span {
        tracing::info_span!(
            "deployment",
            deployment = %self.request.id,
            environment = %self.at.name,
            function = %self.at.function,
            release = %self.request.release,
        )
    }
}

/// Why a deployment has not ended here.
#[derive(Clone)]
enum Unfinished {
    /// The head says otherwise.
    Standing(Standing),
    /// The time was up: another invocation goes on with it.
    Saved(Box<DeploymentRecord>),
    /// Another try can mend it.
    Transient(Transient),
}

impl<T: Into<Transient>> From<T> for Unfinished {
    fn from(transient: T) -> Self {
        Self::Transient(transient.into())
    }
}

/// Why the artifact cannot be deployed.
#[derive(Clone)]
enum Unfit {
    /// A rule says no, or it cannot be read: the deployment ends, with what is known of the artifact.
    Ending(Ending, Box<deployer_core::record::RecordedArtifact>),
    /// Another try can mend it.
    Transient(Transient),
}

impl Engine {
    /// Deploys an upload to every target of its environment, or says why not.
    ///
    /// # Errors
    /// [`Transient`]: the same message shall come again.
    pub async fn upload(&self, upload: Upload) -> Result<Handled, Transient> {
        let ignored = |because: String| Ok(Handled::Ignored { because });
        let upload = match upload.locate(&self.config.artifact_bucket) {
            Ok(upload) => upload,
            Err(not_ours) => return ignored(not_ours.to_string()),
        };
        let place = &upload.place;
        let at = match Destination::find(&self.config, &place.environment, &place.function) {
            Ok(at) => at,
            Err(unknown) => return ignored(format!("{:?} is {unknown}", upload.artifact.key)),
        };
        let job = Job::new(&at, Request::of(&upload, self.now(), self.token()));
        let record = Box::pin(self.take_in(&job)).instrument(job.span()).await?;
        Ok(match record {
            Some(record) => Handled::Recorded(Box::new(record)),
            None => {
                Handled::Ignored { because: format!("{:?} has ended, and its record is gone", upload.artifact.key) }
            }
        })
    }

    /// Works on a request, unless the head says otherwise; and then on what waits behind it.
    async fn take_in(&self, job: &Job<'_>) -> Result<Option<DeploymentRecord>, Transient> {
        let (at, request) = (job.at, &job.request);
        tracing::info!(
            key = %request.artifact.key, version_id = %request.artifact.version_id, "upload received");
        if !self.has_time_to_begin() {
            return Err(Transient::NoTime);
        }
        let standing = match at.refusal() {
            Some(refusal) => {
                self.mark_open(at, request).await?;
                self.accept(at, request, Some(&refusal), None).await?
            }
            None => match self.begin(job).await {
                Ok(Finished { record, marker, next }) => {
                    if marker != request.marker {
                        self.unmark(job).await;
                    }
                    self.follow(at, next).await;
                    return Ok(Some(record));
                }
                Err(Unfinished::Standing(standing)) => standing,
                Err(Unfinished::Saved(record)) => return Ok(Some(*record)),
                Err(Unfinished::Transient(transient)) => return Err(transient),
            },
        };
        match standing {
            Standing::Claimed(claim) => {
                let pending = claim.seen().head.pending().filter(|p| p.hash == request.hash).cloned();
                if !claim.seen().head.needs(request.marker) {
                    self.unmark(job).await;
                }
                let waits = pending.map(|pending| at.pending(&pending, claim.request().id));
                if let Some(waits) = &waits {
                    self.write_record(waits, None).await?;
                }
                let id = waits.as_ref().map_or(claim.request().id, |waits| waits.id);
                let records = self.go_on(at, Some(claim)).await?;
                Ok(records.into_iter().find(|record| record.id == id).or(waits))
            }
            Standing::Waits { record, behind: (id, claim, until), again } => {
                if again {
                    self.unmark(job).await;
                    if self.ports.queue.is_none() {
                        return Err(Transient::InOtherHands(until));
                    }
                }
                self.tick_at(at, id, Some(claim), until).await?;
                Ok(Some(*record))
            }
            Standing::Over(record) => {
                self.unmark(job).await;
                Ok(Some(*record))
            }
            Standing::Nothing => {
                self.unmark(job).await;
                Ok(None)
            }
        }
    }

    /// Begins everything at once, in the hope that the request is new and nothing stands in its way.
    async fn begin(&self, job: &Job<'_>) -> Result<Finished, Unfinished> {
        let (at, request) = (job.at, &job.request);
        let head = async { Ok::<_, Unfinished>(self.read_head(at).await?) }.shared();
        let ours = |id| id == request.id;
        let known = async {
            let seen = head.clone().await?;
            match seen.head.accept(request, at, None, &self.claimant()).then {
                Then::Work(active) if ours(active.request.id) => Ok(Ground::Read(seen.etag)),
                // The claim tells what else it is.
                _ => Err(Unfinished::Standing(Standing::Nothing)),
            }
        };
        let claim = async {
            // The marker stands before the head says that work is open.
            let (seen, marked) = future::join(head.clone(), self.mark_open(at, request)).await;
            marked?;
            match self.accept(at, request, None, Some(seen?)).await? {
                Standing::Claimed(claim) if ours(claim.request().id) => Ok(claim),
                otherwise => Err(Unfinished::Standing(otherwise)),
            }
        };
        // A deployment holds a lot at once: it does not lie on the stack of whoever waits for it.
        Box::pin(self.deploy(job, known, claim)).await
    }

    async fn deploy(
        &self,
        job: &Job<'_>,
        known: impl Future<Output = Result<Ground, Unfinished>>,
        claim: impl Future<Output = Result<Arc<Claim>, Unfinished>>,
    ) -> Result<Finished, Unfinished> {
        let (at, known, claim) = (job.at, known.shared(), claim.shared());
        if let Some(refusal) = at.refusal() {
            let claim = claim.await?;
            let artifact = deployer_core::record::RecordedArtifact::from(&job.request.artifact);
            return Ok(self.finish(at, &claim, refusal, artifact.into()).await?);
        }
        let artifact = self.verify(job).shared();
        // In the order in which they end: a slow target holds no other's place.
        let targets = stream::iter(at.environment.targets.iter().enumerate())
            .map(|(number, target)| {
                let outcome = self.deploy_to(job, target, known.clone(), claim.clone(), artifact.clone());
                outcome.map(move |outcome| (number, outcome))
            })
            .buffer_unordered(TARGETS_AT_ONCE)
            .collect::<BTreeMap<_, _>>();

        let stopped = async {
            let claim = claim.clone().await?;
            if claim.attempts() > ATTEMPTS {
                let facts = deployer_core::record::RecordedArtifact::from(&job.request.artifact).into();
                return Ok((claim, at.all_failed(&given_up()), facts));
            }
            tokio::select! {
                biased;
                because = claim.stopped() => Err(because.into()),
                unfit = artifact.clone() => match unfit {
                    Err(Unfit::Ending(ending, facts)) => Ok((claim.clone(), ending, (*facts).into())),
                    Err(Unfit::Transient(transient)) => {
                        // Nothing was written without the artifact, so nothing of ours is in flight.
                        self.release(at, &claim, GivenUp::Untouched).await;
                        Err(transient.into())
                    }
                    Ok(_) => Err(claim.stopped().await.into()),
                },
            }
        };
        let noted = async {
            if let Ok(claim) = claim.clone().await {
                self.note(at, &claim).await;
            }
        };
        let tried = async {
            let (outcomes, ()) = future::join(targets, noted).await;
            let outcomes: Vec<_> = outcomes.into_values().collect();
            match artifact.clone().await {
                Ok(verified) => {
                    let claim = claim.clone().await?;
                    if target::ran_out_of_time(&outcomes) && claim.extensions() < EXTENSIONS {
                        return Err(self.save(at, &claim, outcomes).await);
                    }
                    let facts = Facts { artifact: verified.as_ref().into(), named: verified.named() };
                    Ok((claim, target::ending(outcomes), facts))
                }
                Err(_) => future::pending().await,
            }
        };
        // A shared future runs only while somebody polls it, and everybody above waits for the claim first.
        let reading = async {
            drop(artifact.clone().await);
            future::pending().await
        };
        // A target writes only after both the claim and the artifact said yes. What is dropped because the claim is
        // ours no more ends within its lease.
        let end = tokio::select! { biased; end = stopped => end, end = tried => end, end = reading => end };
        let (claim, ending, facts) = end?;
        Ok(self.finish(at, &claim, ending, facts).await?)
    }

    /// The time is up, and every target has stopped: the claim is given up, and another invocation goes on.
    async fn save(&self, at: &Destination<'_>, claim: &Claim, fared: Vec<target::Fared>) -> Unfinished {
        self.release(at, claim, GivenUp::TimeIsUp(&target::done(fared))).await;
        if self.ports.queue.is_none() {
            return Transient::Deadline.into();
        }
        tracing::warn!(extension = claim.extensions() + 1, "not done before the deadline: another invocation goes on");
        match self.tick_at(at, claim.request().id, Some(claim.token()), self.now()).await {
            Ok(()) => Unfinished::Saved(Box::new(at.record(claim.request(), Status::InProgress))),
            Err(transient) => transient.into(),
        }
    }

    /// What waits behind a deployment that has ended. Its own message is done with, whatever comes of them.
    async fn follow(&self, at: &Destination<'_>, next: Option<Arc<Claim>>) {
        if let Err(transient) = self.go_on(at, next).await {
            tracing::warn!("the deployment that waited is left for later: {transient}");
            self.come_back(at).await;
        }
    }

    /// The marker of a request that opened nothing.
    async fn unmark(&self, job: &Job<'_>) {
        let Destination { name, function, .. } = job.at;
        self.delete_marker(deployer_core::head::Head::marker_key(name, function, job.request.marker)).await;
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

fn given_up() -> TargetError {
    TargetError::new(
        TargetErrorCode::TimedOut,
        "claim",
        format!(
            "this deployment was taken up {ATTEMPTS} times and never ended: the deployer's log says where each of them \
             stopped; upload again when that is mended"
        ),
    )
}
