//! The doctor's port over the SDK: it reads the buckets' settings, the queues' lengths and AWS's clock, and opens
//! sessions that try permissions out on a function that does not exist.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::types::BucketVersioningStatus;
use aws_smithy_types::date_time::{DateTime, Format};
use deployer_core::doctor::{QueueLook, Refused};
use deployer_core::id::{AccountId, BucketName};
use deployer_core::ledger_keys;
use deployer_core::names::HEADS;
use jiff::Timestamp;

use super::bucket_owner::owned_by;
use super::config_source::ConfigSource;
use super::failure::Failure;
use super::lambda::Writer;
use super::probe::{LambdaProbe, refusal};
use super::s3::S3Artifacts;
use super::sqs;
use super::sts_sessions::{Session, StsSessions};
use deployer_engine::port::{EnterError, Probe, SelfDiagnostics, SessionRequest, ensure_account};

/// The doctor's view of the deployer's own buckets, queues and role.
pub struct AwsSelfDiagnostics {
    s3: aws_sdk_s3::Client,
    sqs: aws_sdk_sqs::Client,
    sessions: Arc<StsSessions>,
    ledger: BucketName,
    installed: Option<String>,
    config: Option<ConfigSource>,
    owner: Option<AccountId>,
}

impl AwsSelfDiagnostics {
    /// Uses these clients and this ledger bucket. `installed` says in words which installation of the deployer this is.
    #[must_use]
    pub fn new(
        s3: aws_sdk_s3::Client,
        sqs: aws_sdk_sqs::Client,
        sessions: Arc<StsSessions>,
        ledger: BucketName,
        installed: Option<String>,
    ) -> Self {
        Self { s3, sqs, sessions, ledger, installed, config: None, owner: None }
    }

    /// Says where the deployer has its configuration from.
    #[must_use]
    pub fn reading(self, config: Option<ConfigSource>) -> Self {
        Self { config, ..self }
    }

    /// Whether no other version of the object is newer, or the newest one has the same bytes.
    async fn is_newest(&self, (bucket, key): (&str, &str), version: &str) -> Result<bool, Refused> {
        let head = || self.s3.head_object().bucket(bucket).key(key);
        let refused = |error| refusal(&format!("HeadObject of {key}"), &Failure::of(&error));
        let newest = head().send().await.map_err(refused)?;
        if newest.version_id() == Some(version) {
            return Ok(true);
        }
        let own = head().version_id(version).send().await.map_err(refused)?;
        Ok(own.e_tag().is_some() && own.e_tag() == newest.e_tag())
    }

    /// Refuses buckets of other accounts than this one.
    #[must_use]
    pub fn owned_by(self, owner: Option<&AccountId>) -> Self {
        Self { s3: owned_by(self.s3, owner), owner: owner.cloned(), ..self }
    }

    async fn look(&self, url: &str) -> Result<(QueueLook, Option<String>), Refused> {
        let look = sqs::look(&self.sqs, url).await;
        look.map_err(|failure| refusal(&format!("GetQueueAttributes of {url}"), &failure))
    }
}

#[async_trait]
impl SelfDiagnostics for AwsSelfDiagnostics {
    fn installed(&self) -> Option<String> {
        self.installed.clone()
    }

    async fn has_newest_config(&self) -> Option<Result<bool, Refused>> {
        let Some(ConfigSource::S3 { bucket, key, version_id: Some(version) }) = &self.config else { return None };
        Some(self.is_newest((bucket, key), version).await)
    }

    async fn own_role(&self) -> Result<String, Refused> {
        self.sessions.own_role().await.map_err(|failure| refusal("GetCallerIdentity", &failure))
    }

    async fn aws_time(&self) -> Option<Timestamp> {
        // The SDK shows an answer's headers only for errors, so this call asks for one (RFC 9110, "Date").
        let call = self.s3.head_object().bucket(self.ledger.as_str()).key(ledger_keys::absent(HEADS));
        let error = call.send().await.err()?;
        let date = error.raw_response()?.headers().get("date")?.to_owned();
        let date = DateTime::from_str(&date, Format::HttpDate).ok()?;
        Timestamp::from_second(date.secs()).ok()
    }

    async fn is_versioned(&self, bucket: &BucketName) -> Result<bool, Refused> {
        let answer = self.s3.get_bucket_versioning().bucket(bucket.as_str()).send().await;
        let answer =
            answer.map_err(|error| refusal(&format!("GetBucketVersioning of {bucket}"), &Failure::of(&error)))?;
        Ok(answer.status() == Some(&BucketVersioningStatus::Enabled))
    }

    async fn queue(&self, url: &str) -> Result<(QueueLook, Option<String>), Refused> {
        self.look(url).await
    }

    async fn dead_letters(&self, url: &str, arn: &str) -> Result<QueueLook, Refused> {
        // A queue and its dead-letter queue are in one account and region, so only the name differs (SQS Developer
        // Guide, "Using dead-letter queues").
        let base = url.rsplit_once('/').map_or("", |(base, _)| base);
        let name = arn.rsplit(':').next().unwrap_or_default();
        self.look(&format!("{base}/{name}")).await.map(|(look, _)| look)
    }

    async fn open_session(&self, request: &SessionRequest) -> Result<Arc<dyn Probe>, EnterError> {
        let Session { account, credentials } =
            self.sessions.session(request, &request.target.role_arn(&request.role), Writer::Deployer).await?;
        ensure_account(&request.target, &account)?;
        let lambda = self.sessions.lambda(&request.target, credentials.clone());
        let cloudwatch = self.sessions.cloudwatch(&request.target, credentials.clone());
        let s3 = self.sessions.s3(&request.target, credentials);
        let artifacts = S3Artifacts::new(s3).owned_by(self.owner.as_ref());
        Ok(Arc::new(LambdaProbe::new(lambda, cloudwatch, artifacts, request.target.clone())))
    }
}
