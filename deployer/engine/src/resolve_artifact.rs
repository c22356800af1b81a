//! Resolves the artifact of a deployment whose request does not name one. That is done under the claim, because it
//! depends on what was live before, and is written into the head, so that every owner deploys the same artifact.

use std::sync::Arc;

use deployer_core::artifact::ArtifactKey;
use deployer_core::config::Target;
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{self, Head, ResolvedArtifact, Source};
use deployer_core::id::{DeploymentId, Release};
use deployer_core::promotion::Wait;
use deployer_core::record::{Code, Ending, TargetError, TargetErrorCode};
use deployer_core::rejects::Rejects;
use deployer_core::session_policy::{read_only_policy, session_name};

use super::claim::{Claim, Stopped};
use super::deployment::sessions::open_session;
use super::function_handles::Reconciler;
use super::promotions::policy::ClaimedDecision;
use super::store::{Change, Versioned};
use super::{Engine, Transient};
use crate::port::{Account, ReadError, SessionRequest};

/// A claim whose artifact is known, or the reason why there is none.
pub(super) enum ArtifactResolution {
    Known(Arc<Claim>, ResolvedArtifact),
    Refused(Ending),
    /// The promotion has to wait all the same.
    Waits(Wait),
}

impl Reconciler<'_> {
    pub(crate) async fn resolve(self, claim: &Arc<Claim>, rejects: &Rejects) -> Result<ArtifactResolution, Transient> {
        // A deployment that may be half done goes on with its artifact; a promotion for which nothing was done is
        // evaluated again.
        let begun = claim.resumed() || claim.request().promotion_spec().is_none();
        if let Some(resolved) = claim.resolved_artifact().filter(|_| begun) {
            return Ok(ArtifactResolution::Known(claim.clone(), resolved.clone()));
        }
        let (request, head) = (claim.request(), claim.seen().head);
        if let Some(promoting) = request.promotion_spec() {
            if let Some(Stopped { because, .. }) = claim.stopped() {
                return Ok(ArtifactResolution::Refused(Ending::Superseded { because, in_favour_of: None }));
            }
            return match self.promotions().evaluate_under_claim(claim, promoting).await? {
                ClaimedDecision::Allow(resolved) => self.write_resolved(claim, resolved).await,
                ClaimedDecision::Deny(ending) => Ok(ArtifactResolution::Refused(ending)),
                ClaimedDecision::Wait(wait) => Ok(ArtifactResolution::Waits(wait)),
            };
        }
        match self.resolve_artifact(&head, &request.source, rejects).await? {
            Ok(resolved) => self.write_resolved(claim, resolved).await,
            Err(ending) => Ok(ArtifactResolution::Refused(ending)),
        }
    }

    /// Finds the artifact that a source means right now.
    pub(crate) async fn resolve_artifact(
        self,
        head: &Head,
        source: &Source,
        rejects: &Rejects,
    ) -> Result<Result<ResolvedArtifact, Ending>, Transient> {
        match source {
            Source::Newest { release } => self.newest(release).await,
            _ => Ok(head::resolve_artifact(head, source, &self.at.environment.targets, rejects)),
        }
    }

    /// Finds the newest version of a release's key.
    pub(crate) async fn newest(self, release: &Release) -> Result<Result<ResolvedArtifact, Ending>, Transient> {
        let artifact_key = ArtifactKey {
            environment: self.at.name.clone(),
            function: self.at.function.clone(),
            release: release.clone(),
        };
        let (bucket, key) = (&self.engine.config.artifact_bucket, artifact_key.object_key());
        let refused = |because: String| Ok(Err(Ending::Refused { code: Code::ArtifactGone, because }));
        match self.engine.ports.artifacts.newest(bucket, &key).await {
            Ok(Some(artifact)) => Ok(Ok(ResolvedArtifact::of(release.clone(), artifact))),
            Ok(None) => refused(format!("s3://{bucket}/{key} does not exist: upload the release first")),
            Err(ReadError::Transient(cause)) => Err(Transient::Artifact(cause)),
            Err(ReadError::Gone(because)) => refused(because),
            Err(ReadError::Denied(because) | ReadError::Unreadable(because)) => {
                let error = TargetError::new(TargetErrorCode::ArtifactUnreadable, "verify", because);
                Ok(Err(self.at.all_failed(&error)))
            }
        }
    }

    pub(crate) async fn write_resolved(
        self,
        claim: &Arc<Claim>,
        resolved: ResolvedArtifact,
    ) -> Result<ArtifactResolution, Transient> {
        let write = async |seen: &mut Versioned| {
            if let Some(head) = head::with_resolved_artifact(&seen.head, claim.token(), &resolved) {
                return Ok(Change::Write(Box::new(head), resolved.clone()));
            }
            // The artifact in the head is our own write whose reply was lost, unless another invocation has taken the
            // deployment over.
            let active = seen.head.active().filter(|active| active.claim == claim.token());
            active.and_then(|active| active.artifact.clone()).map(Change::Keep).ok_or(Transient::TakenOver)
        };
        let (seen, resolved) = self.engine.store().update_head(self.at, Some(claim.seen()), write).await?;
        Ok(ArtifactResolution::Known(
            Arc::new(claim.with_artifact(resolved.clone(), seen, self.engine.now())),
            resolved,
        ))
    }
}

/// Opens a session that may only read the function.
pub(crate) async fn open_reading_session(
    engine: &Engine,
    at: &FunctionRef<'_>,
    target: &Target,
    id: DeploymentId,
) -> Result<Account, TargetError> {
    let session = SessionRequest {
        target: target.clone(),
        role: at.environment.role_name.clone(),
        external_id: at.environment.external_id.clone(),
        name: session_name(id),
        policy: read_only_policy(target, &at.function_name),
    };
    open_session(engine.ports.sessions.as_ref(), engine.timer(), &session).await
}
