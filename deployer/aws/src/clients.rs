//! The SDK's clients, made once per process, and the engine's ports over them.

use std::sync::Arc;

use aws_config::SdkConfig;
use deployer_core::config::Config;
use deployer_core::diagnostics;
use deployer_engine::port::{Events, Queue, QueueError};
use deployer_engine::{MaskingSessions, Ports};
use tokio::sync::Semaphore;

use super::{
    AwsSelfDiagnostics, ConfigSource, EventBridge, OsRng, S3Artifacts, S3Ledger, SqsQueue, StsSessions, SystemClock,
    read_object,
};

/// The clients of the services in the tooling account, and the sessions in target accounts.
pub struct Clients {
    s3: aws_sdk_s3::Client,
    sqs: aws_sdk_sqs::Client,
    events: aws_sdk_eventbridge::Client,
    sessions: Arc<StsSessions>,
    inline_body: Arc<Semaphore>,
}

impl Clients {
    /// Makes the clients.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        Self {
            s3: aws_sdk_s3::Client::new(sdk),
            sqs: aws_sdk_sqs::Client::new(sdk),
            events: aws_sdk_eventbridge::Client::new(sdk),
            sessions: Arc::new(StsSessions::new(sdk)),
            inline_body: Arc::new(Semaphore::new(1)),
        }
    }

    /// Makes the ports of one invocation's engine for the buckets, queues and bus that the configuration names.
    #[must_use]
    pub fn ports(&self, config: &Config) -> Ports {
        Ports {
            artifacts: Arc::new(S3Artifacts::new(self.s3.clone())),
            ledger: Arc::new(S3Ledger::new(self.s3.clone(), config.ledger_bucket.clone())),
            sessions: Arc::new(MaskingSessions::new(self.sessions.clone())),
            queue: config.queue_url.clone().map(|url| {
                let queue = SqsQueue::new(self.sqs.clone(), url).with_wake_queue(config.wake_queue_url.clone());
                Arc::new(queue) as Arc<dyn Queue>
            }),
            events: config
                .event_bus
                .clone()
                .map(|bus| Arc::new(EventBridge::new(self.events.clone(), bus)) as Arc<dyn Events>),
            clock: Arc::new(SystemClock),
            rng: Arc::new(OsRng),
            inline_body: self.inline_body.clone(),
        }
    }

    /// Makes the port that only the doctor uses, for a deployer that is installed so, in words.
    #[must_use]
    pub fn self_diagnostics(&self, config: &Config, installed: Option<String>) -> AwsSelfDiagnostics {
        let (s3, sqs, sessions) = (self.s3.clone(), self.sqs.clone(), self.sessions.clone());
        AwsSelfDiagnostics::new(s3, sqs, sessions, config.ledger_bucket.clone(), installed)
    }

    /// Finds a queue by its ARN.
    ///
    /// # Errors
    /// AWS's message.
    pub async fn queue(&self, arn: &str) -> Result<SqsQueue, QueueError> {
        SqsQueue::of_arn(self.sqs.clone(), arn).await
    }

    /// Reads the text of deployer.json.
    ///
    /// # Errors
    /// The reason why it cannot be read or is not UTF-8.
    pub async fn config_text(&self, source: &ConfigSource) -> Result<String, String> {
        let bytes = match source {
            ConfigSource::File(path) => std::fs::read(path).map_err(|error| error.to_string())?,
            ConfigSource::S3 { bucket, key, version_id } => {
                read_object(&self.s3, bucket, key, version_id.as_deref()).await?
            }
        };
        diagnostics::text(&bytes).map(str::to_owned).map_err(|diagnostic| diagnostic.to_string())
    }
}
