//! The story of a deployment, from an upload to its record.
//!
//! Reads top to bottom as the steps of ARCHITECTURE.md: locate, route, claim, verify, enter, observe, plan, apply, finish.
//! Reading the ledger, reading the artifact and AssumeRole begin at once. Observing waits for the ledger, writing for
//! all of them.

mod apply;
mod claim;
mod finish;
mod target;
mod verify;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use deployer_core::artifact::{LocatedUpload, Upload};
use deployer_core::config::{Config, Environment};
use deployer_core::id::{DeploymentId, FunctionName, Region};
use deployer_core::record::{
    Code, DeploymentRecord, Ending, RecordedArtifact, Status, TargetError, TargetErrorCode, TargetOutcome,
};
use futures::future::{self, FutureExt as _};
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use crate::port::{AccountGate, ArtifactStore, Clock, Ledger};

pub use claim::Claim;

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
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
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
    /// A deployment has ended, now or earlier.
    Recorded(Box<DeploymentRecord>),
}

/// A failure that another try can mend. The message goes back to the queue.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Transient {
    /// Nothing is done without the ledger.
    #[error("the ledger is unavailable: {0}")]
    Ledger(#[from] crate::port::LedgerError),
    /// S3 did not deliver the artifact.
    #[error("the artifact could not be read this time: {0}")]
    Artifact(String),
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

/// A request that a rule has let through: what to deploy, and where.
struct Request<'a> {
    id: DeploymentId,
    upload: &'a LocatedUpload,
    environment: &'a Environment,
    /// The function's name in the targets.
    function: FunctionName,
    /// Why the environment's naming gives no name for this function; its own stands in for it then.
    misnamed: Option<String>,
    /// Its zip, for targets in other regions.
    inline: apply::InlineBody,
}

impl Request<'_> {
    /// Every target fails by the same error, before any was entered.
    fn all_failed(&self, error: &TargetError) -> Ending {
        let environment = self.environment;
        let outcome = |target| {
            let alias = environment.alias.clone();
            let untouched = TargetOutcome::untouched(target, self.function.clone(), alias, Status::Failed);
            TargetOutcome { error: Some(error.clone()), ..untouched }
        };
        Ending::Tried(environment.targets.iter().map(outcome).collect())
    }
}

/// Why there is no claim.
#[derive(Clone)]
enum Unclaimed {
    /// The ledger already has the deployment's end.
    Ended(Box<DeploymentRecord>),
    /// Another try can mend it.
    Transient(Transient),
}

impl Unclaimed {
    fn answer(self) -> Result<DeploymentRecord, Transient> {
        match self {
            Self::Ended(record) => Ok(*record),
            Self::Transient(transient) => Err(transient),
        }
    }
}

/// Why the artifact cannot be deployed.
#[derive(Clone)]
enum Unfit {
    /// A rule says no, or it cannot be read: the deployment ends, with what is known of the artifact.
    Ending(Ending, Box<RecordedArtifact>),
    /// Another try can mend it.
    Transient(Transient),
}

impl Engine {
    /// Deploys an upload to every target of its environment, or says why not.
    ///
    /// # Errors
    /// [`Transient`]: nothing is recorded as ended, and the same message shall come again.
    pub async fn upload(&self, upload: Upload) -> Result<Handled, Transient> {
        let upload = match upload.locate(&self.config.artifact_bucket) {
            Ok(upload) => upload,
            Err(not_ours) => return Ok(Handled::Ignored { because: not_ours.to_string() }),
        };
        let request = match self.route(&upload) {
            Ok(request) => request,
            Err(because) => return Ok(Handled::Ignored { because }),
        };
        let span = tracing::info_span!(
            "deployment",
            deployment = %request.id,
            environment = %upload.place.environment,
            function = %upload.place.function,
            release = %upload.place.release,
        );
        let record = self.deploy(&request).instrument(span).await?;
        Ok(Handled::Recorded(Box::new(record)))
    }

    /// Step "route": from a place to an environment of the configuration.
    fn route<'a>(&'a self, upload: &'a LocatedUpload) -> Result<Request<'a>, String> {
        let name = &upload.place.environment;
        let Some(environment) = self.config.environments.get(name) else {
            let known: Vec<&str> = self.config.environments.keys().map(|known| known.as_str()).collect();
            return Err(format!(
                "{:?} is for environment {name}, which deployer.json does not have (it has {})",
                upload.artifact.key,
                known.join(", ")
            ));
        };
        let (function, misnamed) = match environment.function_name.name(name, &upload.place.function) {
            Ok(function) => (function, None),
            Err(error) => {
                let because = format!("the environment's function_name gives {error}: shorten it in deployer.json");
                (upload.place.function.clone(), Some(because))
            }
        };
        Ok(Request { id: upload.deployment_id(), upload, environment, function, misnamed, inline: Default::default() })
    }

    async fn deploy(&self, request: &Request<'_>) -> Result<DeploymentRecord, Transient> {
        tracing::info!(
            key = %request.upload.artifact.key, version_id = %request.upload.artifact.version_id, "upload accepted");
        if self.left() < self.patience.write_needs + self.patience.record_needs * 2 {
            return Err(Transient::NoTime);
        }
        let known = self.look_up(request).shared();
        if let Some(refusal) = self.refusal(request) {
            return match self.claim(request, known).await {
                Ok(claim) => self.finish(request, &claim, refusal, (&request.upload.artifact).into()).await,
                Err(unclaimed) => unclaimed.answer(),
            };
        }
        let claim = self.claim(request, known.clone()).shared();
        let artifact = self.verify(request).shared();
        // In the order in which they end: a slow target holds no other's place.
        let targets = stream::iter(request.environment.targets.iter().enumerate())
            .map(|(number, target)| {
                let outcome = self.deploy_to(request, target, known.clone(), claim.clone(), artifact.clone());
                outcome.map(move |outcome| (number, outcome))
            })
            .buffer_unordered(TARGETS_AT_ONCE)
            .collect::<BTreeMap<_, _>>();

        let stopped = async {
            let claim = claim.clone().await?;
            match artifact.clone().await {
                Err(Unfit::Ending(ending, facts)) => Ok((claim, ending, *facts)),
                Err(Unfit::Transient(transient)) => Err(Unclaimed::Transient(transient)),
                Ok(_) => future::pending().await,
            }
        };
        let tried = async {
            let outcomes = targets.await.into_values().collect();
            match artifact.clone().await {
                Ok(verified) => Ok((claim.clone().await?, target::ending(outcomes), verified.as_ref().into())),
                Err(_) => future::pending().await,
            }
        };
        // A shared future runs only while somebody polls it, and everybody above waits for the claim first.
        let reading = async {
            drop(artifact.clone().await);
            future::pending().await
        };
        // A target writes only after both the claim and the artifact said yes: what is dropped here wrote nothing.
        let end = tokio::select! { biased; end = stopped => end, end = tried => end, end = reading => end };
        let (claim, ending, facts) = match end {
            Ok(end) => end,
            Err(unclaimed) => return unclaimed.answer(),
        };
        self.finish(request, &claim, ending, facts).await
    }

    /// Before anything is tried: what the environment does not take.
    fn refusal(&self, request: &Request<'_>) -> Option<Ending> {
        if let Some(because) = &request.misnamed {
            let error = TargetError::new(TargetErrorCode::InvalidConfiguration, "route", because);
            return Some(request.all_failed(&error));
        }
        if request.environment.accept_uploads {
            return None;
        }
        let name = &request.upload.place.environment;
        let because = match &request.environment.promotion {
            Some(promotion) => format!(
                "environment {name} takes no uploads: upload to {}, and promote the release from there",
                promotion.from
            ),
            None => format!("environment {name} takes no uploads (accept_uploads is false in deployer.json)"),
        };
        Some(Ending::Refused { code: Code::UploadsNotAccepted, because })
    }

    fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }
}
