//! Which artifact a deployment is about, where its request does not say so: found out under the claim, for it depends on
//! what came before, and written into the head, so that whoever goes on with it means the same.

use std::sync::Arc;

use deployer_core::artifact::Place;
use deployer_core::config::Target;
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{self, Head, ResolvedArtifact, Source};
use deployer_core::id::{DeploymentId, Release};
use deployer_core::promotion::Wait;
use deployer_core::record::{Code, Ending, TargetError, TargetErrorCode};
use deployer_core::rejects::Rejects;
use deployer_core::session::{looking_policy, session_name};

use super::claim::{Claim, Stopped};
use super::handle::Reconciler;
use super::promotions::policy::Judged;
use super::rollout::enter::enter;
use super::store::{Change, Versioned};
use super::{Engine, Transient};
use crate::port::{Account, ReadError, SessionRequest};

/// A claim whose artifact is known, or the reason why there is none.
pub(super) enum Resolved {
    Known(Arc<Claim>, ResolvedArtifact),
    Refused(Ending),
    /// It is a promotion, and has to wait all the same.
    Waits(Wait),
}

impl Engine {}

impl Reconciler<'_> {
    pub(crate) async fn resolve(self, claim: &Arc<Claim>, rejects: &Rejects) -> Result<Resolved, Transient> {
        // What may be half done is gone on with; a promotion that nothing was done for is judged anew.
        let begun = claim.resumed() || claim.request().promoting().is_none();
        if let Some(chosen) = claim.chosen().filter(|_| begun) {
            return Ok(Resolved::Known(claim.clone(), chosen.clone()));
        }
        let (request, head) = (claim.request(), claim.seen().head);
        if let Some(promoting) = request.promoting() {
            if let Some(Stopped { because, .. }) = claim.stopped() {
                return Ok(Resolved::Refused(Ending::Superseded { because }));
            }
            return match self.promotions().evaluate_under_claim(claim, promoting).await? {
                Judged::Passes(chosen) => self.write_resolved(claim, chosen).await,
                Judged::Ends(ending) => Ok(Resolved::Refused(ending)),
                Judged::Waits(wait) => Ok(Resolved::Waits(wait)),
            };
        }
        match self.resolve_artifact(&head, &request.subject, rejects).await? {
            Ok(chosen) => self.write_resolved(claim, chosen).await,
            Err(ending) => Ok(Resolved::Refused(ending)),
        }
    }

    /// The artifact that a subject means right now.
    pub(crate) async fn resolve_artifact(
        self,
        head: &Head,
        subject: &Source,
        rejects: &Rejects,
    ) -> Result<Result<ResolvedArtifact, Ending>, Transient> {
        match subject {
            Source::Newest { release } => self.newest(release).await,
            _ => Ok(head::resolve_artifact(head, subject, &self.at.environment.targets, rejects)),
        }
    }

    /// The newest version of a release's key.
    pub(crate) async fn newest(self, release: &Release) -> Result<Result<ResolvedArtifact, Ending>, Transient> {
        let place =
            Place { environment: self.at.name.clone(), function: self.at.function.clone(), release: release.clone() };
        let (bucket, key) = (&self.engine.config.artifact_bucket, place.key());
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
        chosen: ResolvedArtifact,
    ) -> Result<Resolved, Transient> {
        let write = async |seen: &mut Versioned| {
            if let Some(head) = head::with_resolved_artifact(&seen.head, claim.token(), &chosen) {
                return Ok(Change::Write(Box::new(head), chosen.clone()));
            }
            // Our own write, whose answer was lost, or another invocation that has taken the deployment over.
            let active = seen.head.active().filter(|active| active.claim == claim.token());
            active.and_then(|active| active.chosen.clone()).map(Change::Keep).ok_or(Transient::TakenOver)
        };
        let (seen, chosen) = self.engine.store().update_head(self.at, Some(claim.seen()), write).await?;
        Ok(Resolved::Known(Arc::new(claim.on(chosen.clone(), seen, self.engine.now())), chosen))
    }
}

/// A session that may only read the function.
pub(crate) async fn enter_to_look(
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
        policy: looking_policy(target, &at.function_name),
    };
    enter(engine.ports.gate.as_ref(), engine.timer(), &session).await
}
