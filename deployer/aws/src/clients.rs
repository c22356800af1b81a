//! The SDK's clients, made once per process, and the engine's ports over them.

use std::sync::Arc;

use aws_config::SdkConfig;
use deployer_core::config::Config;
use deployer_core::diagnostics;
use deployer_core::id::AccountId;
use deployer_core::identity::Audience;
use deployer_engine::port::{Events, Identities, Queue, QueueError};
use deployer_engine::{MaskingSessions, Ports};
use tokio::sync::Semaphore;

use super::{
    AwsSelfDiagnostics, CallFailure, ConfigSource, EventBridge, OsRng, S3Artifacts, S3Ledger, SqsQueue, StsIdentities,
    StsRolloutSessions, StsSessions, SystemClock, owned_by, read_object,
};

/// The reason why the text of deployer.json cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigTextError {
    /// S3 did not give it.
    #[error(transparent)]
    Call(#[from] CallFailure),
    /// The file cannot be read, or the text is not UTF-8.
    #[error("{0}")]
    Other(String),
}

/// The clients of the services in the tooling account, and the sessions in target accounts.
pub struct Clients {
    s3: aws_sdk_s3::Client,
    sqs: aws_sdk_sqs::Client,
    events: aws_sdk_eventbridge::Client,
    sessions: Arc<StsSessions>,
    rollouts: Arc<StsRolloutSessions>,
    inline_body: Arc<Semaphore>,
    sdk: SdkConfig,
}

impl Clients {
    /// Makes the clients.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        let sessions = Arc::new(StsSessions::new(sdk));
        Self {
            s3: aws_sdk_s3::Client::new(sdk),
            sqs: aws_sdk_sqs::Client::new(sdk),
            events: aws_sdk_eventbridge::Client::new(sdk),
            rollouts: Arc::new(StsRolloutSessions::new(sessions.clone())),
            sessions,
            inline_body: Arc::new(Semaphore::new(1)),
            sdk: sdk.clone(),
        }
    }

    /// Makes the ports of one invocation's engine for the buckets, queues and bus that the configuration names. The buckets
    /// must be those of its `account`; where it names none, of the account `own`.
    #[must_use]
    pub fn ports(&self, config: &Config, own: Option<&AccountId>) -> Ports {
        let owner = config.account.as_ref().or(own);
        Ports {
            artifacts: Arc::new(S3Artifacts::new(self.s3.clone()).owned_by(owner)),
            ledger: Arc::new(S3Ledger::new(self.s3.clone(), config.ledger_bucket.clone()).owned_by(owner)),
            sessions: Arc::new(MaskingSessions::new(self.sessions.clone())),
            rollouts: Some(self.rollouts.clone()),
            begins_rollouts: true,
            queue: config.queue_url.clone().map(|url| {
                let queue = SqsQueue::new(self.sqs.clone(), url).with_wake_queue(config.wake_queue_url.clone());
                Arc::new(queue) as Arc<dyn Queue>
            }),
            events: config
                .event_bus
                .clone()
                .map(|bus| Arc::new(EventBridge::new(self.events.clone(), bus)) as Arc<dyn Events>),
            identities: None,
            clock: Arc::new(SystemClock),
            rng: Arc::new(OsRng),
            inline_body: self.inline_body.clone(),
        }
    }

    /// Makes the port that asks STS who gives a request to the deployer of this name.
    #[must_use]
    pub fn identities(&self, audience: Audience) -> Arc<dyn Identities> {
        Arc::new(StsIdentities::new(&self.sdk, audience))
    }

    /// Makes the port that only the doctor uses, for buckets as in [`Self::ports`] and a deployer that is installed so, in
    /// words, and has its configuration from there.
    #[must_use]
    pub fn self_diagnostics(
        &self,
        config: &Config,
        own: Option<&AccountId>,
        (installed, source): (Option<String>, Option<ConfigSource>),
    ) -> AwsSelfDiagnostics {
        let (s3, sqs, sessions) = (self.s3.clone(), self.sqs.clone(), self.sessions.clone());
        AwsSelfDiagnostics::new(s3, sqs, sessions, config.ledger_bucket.clone(), installed)
            .reading(source)
            .owned_by(config.account.as_ref().or(own))
    }

    /// Finds a queue by its ARN.
    ///
    /// # Errors
    /// AWS's message.
    pub async fn queue(&self, arn: &str) -> Result<SqsQueue, QueueError> {
        SqsQueue::of_arn(self.sqs.clone(), arn).await
    }

    /// Reads the text of deployer.json, from a bucket of this account.
    ///
    /// # Errors
    /// [`ConfigTextError`].
    pub async fn config_text(
        &self,
        source: &ConfigSource,
        owner: Option<&AccountId>,
    ) -> Result<String, ConfigTextError> {
        let other = |error: &dyn std::fmt::Display| ConfigTextError::Other(error.to_string());
        let bytes = match source {
            ConfigSource::File(path) => std::fs::read(path).map_err(|error| other(&error))?,
            ConfigSource::S3 { bucket, key, version_id } => {
                read_object(&owned_by(self.s3.clone(), owner), bucket, key, version_id.as_deref()).await?
            }
        };
        diagnostics::text(&bytes).map(str::to_owned).map_err(|diagnostic| other(&diagnostic))
    }
}
