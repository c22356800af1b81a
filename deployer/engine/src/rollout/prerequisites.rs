//! The prerequisites of writing to a target. Each begins when somebody first waits for it, and runs only while somebody
//! does.

use std::sync::Arc;

use deployer_core::artifact::VerifiedArtifact;
use futures::FutureExt as _;
use futures::future::{LocalBoxFuture, Shared};

use super::error::{Interrupted, Unfinished};
use crate::claim::{Claim, HeadState};

/// A value for which many wait.
pub(super) type Prerequisite<'p, T, E> = Shared<LocalBoxFuture<'p, Result<T, E>>>;

/// The prerequisites of one rollout.
pub(super) struct Prerequisites<'p> {
    /// The head was read: a target may be observed.
    pub head_state: Prerequisite<'p, HeadState, Unfinished>,
    pub claim: Prerequisite<'p, Arc<Claim>, Unfinished>,
    pub artifact: Prerequisite<'p, Arc<VerifiedArtifact>, Interrupted>,
}

/// Lets many wait for a value.
pub(super) fn prerequisite<'p, T: Clone + 'p, E: Clone + 'p>(
    value: impl Future<Output = Result<T, E>> + 'p,
) -> Prerequisite<'p, T, E> {
    value.boxed_local().shared()
}

impl Prerequisites<'_> {
    pub async fn head_state(&self) -> Result<HeadState, Unfinished> {
        self.head_state.clone().await
    }

    pub async fn claim(&self) -> Result<Arc<Claim>, Unfinished> {
        self.claim.clone().await
    }

    pub async fn artifact(&self) -> Result<Arc<VerifiedArtifact>, Interrupted> {
        self.artifact.clone().await
    }

    /// Returns the artifact, if it was read and no rule refuses it.
    pub fn artifact_read(&self) -> Option<&VerifiedArtifact> {
        self.artifact.peek()?.as_deref().ok()
    }
}
