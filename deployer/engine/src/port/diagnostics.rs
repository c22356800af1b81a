//! The ports of the doctor. No deployment reaches them.

use std::sync::Arc;

use async_trait::async_trait;
use deployer_core::artifact::ArtifactRef;
use deployer_core::doctor::{Attempt, ProbedAction, QueueLook, Refused};
use deployer_core::id::BucketName;
use jiff::Timestamp;

use super::{EnterError, ReadError, SessionRequest};

/// What only the doctor looks at. Not among the ports of a deployment, so that none can reach the probe.
#[async_trait]
pub trait SelfDiagnostics: Send + Sync {
    /// The ARN of the role that we run under.
    async fn own_role(&self) -> Result<String, Refused>;
    /// What AWS's clock shows; none where no answer told.
    async fn aws_time(&self) -> Option<Timestamp>;
    /// Whether versioning is on for the bucket.
    async fn is_versioned(&self, bucket: &BucketName) -> Result<bool, Refused>;
    /// How long the queue at a URL is, and the ARN of its dead-letter queue, where it has one.
    async fn queue(&self, url: &str) -> Result<(QueueLook, Option<String>), Refused>;
    /// How long the dead-letter queue with this ARN is, which belongs to the queue at a URL.
    async fn dead_letters(&self, url: &str, arn: &str) -> Result<QueueLook, Refused>;
    /// Enters a target to try rights out; the session's policy must be `doctor::probe_policy`.
    async fn enter(&self, request: &SessionRequest) -> Result<Arc<dyn Probe>, EnterError>;
}

/// A session in a target account that tries rights out: the one place beside `engine::apply` that makes writing calls. None can
/// name a function: all are about `doctor::PROBE`, of which there must be none.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Makes the call. Code is sent with `DryRun`, and DeleteFunction always has a qualifier.
    async fn attempt(&self, action: ProbedAction) -> Result<Attempt, Refused>;
    /// Reads the last byte of an artifact.
    async fn read(&self, artifact: &ArtifactRef) -> Result<(), ReadError>;
}
