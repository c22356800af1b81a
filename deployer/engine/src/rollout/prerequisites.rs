//! What a rollout needs before its targets may be written to. Each begins when somebody first waits for it, and runs only while
//! somebody does.

use std::sync::Arc;

use deployer_core::artifact::VerifiedArtifact;
use futures::FutureExt as _;
use futures::future::{LocalBoxFuture, Shared};

use super::error::Interrupted;
use crate::claim::{Claim, ObservedAt};

/// A value that many wait for. One that does not come ends the whole rollout.
pub(super) type Prerequisite<'p, T> = Shared<LocalBoxFuture<'p, Result<T, Interrupted>>>;

/// All of them.
pub(super) struct Prerequisites<'p> {
    /// The head was read: a target may be observed.
    pub observed_at: Prerequisite<'p, ObservedAt>,
    pub claim: Prerequisite<'p, Arc<Claim>>,
    pub artifact: Prerequisite<'p, Arc<VerifiedArtifact>>,
}

/// Lets many wait for a value.
pub(super) fn prerequisite<'p, T: Clone + 'p>(
    value: impl Future<Output = Result<T, impl Into<Interrupted>>> + 'p,
) -> Prerequisite<'p, T> {
    async { value.await.map_err(Into::into) }.boxed_local().shared()
}

impl Prerequisites<'_> {
    pub async fn observed_at(&self) -> Result<ObservedAt, Interrupted> {
        self.observed_at.clone().await
    }

    pub async fn claim(&self) -> Result<Arc<Claim>, Interrupted> {
        self.claim.clone().await
    }

    pub async fn artifact(&self) -> Result<Arc<VerifiedArtifact>, Interrupted> {
        self.artifact.clone().await
    }
}
