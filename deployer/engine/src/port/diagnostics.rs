//! The ports of the doctor. No deployment reaches them.

use std::sync::Arc;

use async_trait::async_trait;
use deployer_core::artifact::ArtifactRef;
use deployer_core::doctor::{Attempt, ProbedAction, QueueLook, Refused};
use deployer_core::id::BucketName;
use jiff::Timestamp;

use super::{EnterError, ReadError, SessionRequest};

/// The doctor's access to the deployer's own set-up. It is not among the ports of a deployment, so that none can reach
/// the probe.
#[async_trait]
pub trait SelfDiagnostics: Send + Sync {
    /// Says in words which version of its function the deployer is, and where it has its configuration from.
    fn installed(&self) -> Option<String>;
    /// Whether the version of deployer.json that the deployer reads is the newest one, or has the same bytes. None: it reads
    /// what is newest, or a file.
    async fn has_newest_config(&self) -> Option<Result<bool, Refused>>;
    /// Returns the ARN of the role that the deployer runs under.
    async fn own_role(&self) -> Result<String, Refused>;
    /// Returns the time that AWS's clock shows; none if no answer has it.
    async fn aws_time(&self) -> Option<Timestamp>;
    /// Whether versioning is on for the bucket.
    async fn is_versioned(&self, bucket: &BucketName) -> Result<bool, Refused>;
    /// Reads the length of the queue at a URL, and the ARN of its dead-letter queue, if it has one.
    async fn queue(&self, url: &str) -> Result<(QueueLook, Option<String>), Refused>;
    /// Reads the length of the dead-letter queue with this ARN, which belongs to the queue at a URL.
    async fn dead_letters(&self, url: &str, arn: &str) -> Result<QueueLook, Refused>;
    /// Opens a session in a target to try rights out; the session's policy must be `doctor::probe_policy`.
    async fn open_session(&self, request: &SessionRequest) -> Result<Arc<dyn Probe>, EnterError>;
}

/// A session in a target account that tries rights out: the one place beside `deployment::lambda_writer` that makes
/// writing calls. It can name no function: all calls are about `doctor::PROBE`, which must not exist.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Makes the call. Code is sent with `DryRun`, and DeleteFunction always has a qualifier.
    async fn attempt(&self, action: ProbedAction) -> Result<Attempt, Refused>;
    /// Reads the last byte of an artifact.
    async fn read(&self, artifact: &ArtifactRef) -> Result<(), ReadError>;
}
