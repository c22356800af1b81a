//! The prerequisites of writing to a target. Each is a shared future: it begins when a part of the deployment first awaits
//! it, and makes progress only while a part awaits it.

use std::sync::Arc;

use deployer_core::artifact::VerifiedArtifact;
use futures::FutureExt as _;
use futures::future::{LocalBoxFuture, Shared};

use super::error::{Interrupted, Unfinished};
use crate::claim::{Claim, ObservationBasis};

/// A value that several parts of a deployment wait for.
pub(super) type Prerequisite<'p, T, E> = Shared<LocalBoxFuture<'p, Result<T, E>>>;

/// The prerequisites of one deployment.
pub(super) struct Prerequisites<'p> {
    /// The basis on which targets are observed. It is there once the head is read.
    pub basis: Prerequisite<'p, ObservationBasis, Unfinished>,
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
    pub async fn basis(&self) -> Result<ObservationBasis, Unfinished> {
        self.basis.clone().await
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
