//! The port that asks STS who has signed a call.

use async_trait::async_trait;
use deployer_core::identity::{Audience, StsRequest};

/// The answer of STS.
#[derive(Debug, Clone)]
pub struct StsAnswer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// No answer came from STS.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct StsUnanswered(pub String);

/// Asks STS who has signed a call.
#[async_trait]
pub trait Identities: Send + Sync {
    /// Returns the name of this deployer, which a proof must be signed for.
    fn audience(&self) -> &Audience;
    /// Sends the call once, to the host that it names, and follows no redirect.
    async fn ask(&self, request: &StsRequest) -> Result<StsAnswer, StsUnanswered>;
}
