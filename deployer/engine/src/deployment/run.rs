//! Runs one deployment from its claim to its end: begins its parts, joins them, and ends it early if one of them cannot
//! go on.

use std::collections::BTreeMap;
use std::future::ready;
use std::pin::pin;
use std::sync::Arc;

use deployer_core::artifact::VerifiedArtifact;
use deployer_core::head::{self, ATTEMPTS, ClaimRelease, EXTENSIONS, Next, Rules};
use deployer_core::record::{Ending, RecordedArtifact};
use deployer_core::rejects::Rejects;
use futures::future::{self, Either, FutureExt as _, LocalBoxFuture, TryFutureExt as _, select};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::Deployment;
use super::error::{Interrupted, InvalidArtifact, UNSEEN, Unfinished, given_up};
use super::prerequisites::{Prerequisite, Prerequisites, prerequisite};
use super::results::TargetResults;
use super::rollout::{RolloutOwner, is_watched_first, refusal_without_ports, rollout_of};
use super::target_run::TargetRun;
use super::tell_retries::RetryTeller;
use super::verify::ArtifactReader;
use crate::claim::{Claim, ObservationBasis, SubmitOutcome, claimant};
use crate::commit::{FinishDetails, Finished};
use crate::{TARGETS_AT_ONCE, Transient};

impl Deployment<'_> {
    /// Begins with everything at once, in the expectation that the request is new and its turn has come: submits the
    /// request, and reads the artifact and opens sessions beside that.
    pub async fn begin(&self) -> Result<Finished, Unfinished> {
        let (engine, at, request) = (self.engine, self.at, &self.request);
        let head = async { Ok::<_, Unfinished>(engine.store().head(at).await?) }.shared();
        let rejects = async { Ok::<_, Transient>(engine.store().rejects(&at.function).await?) }.shared();
        let ours = |id| id == request.id;
        // The release's name decides here; the code decides once it is known.
        let refusal = || async {
            let rejects = rejects.clone().await?;
            let refusal = rejects.refusal(&self.resolved.release, None);
            Ok::<_, Transient>((rejects, refusal))
        };
        let basis = async {
            let (seen, refusal) = future::join(head.clone(), refusal()).await;
            let (seen, (rejects, refusal)) = (seen?, refusal?);
            let rules = Rules { refusal: refusal.as_ref(), rejects: &rejects };
            match head::accept(&seen.head, request, at, rules, &claimant(engine)).then {
                Next::Work(active) if ours(active.request.id) => Ok(ObservationBasis::Head(seen.etag)),
                // `claim` submits the same request, and its outcome says what became of it.
                _ => Err(Unfinished::NotClaimed(SubmitOutcome::Nothing)),
            }
        };
        let claim = async {
            // The marker is written before the head says that work is open.
            let (seen, marked) = future::join(head.clone(), engine.store().mark_open(at, request)).await;
            marked?;
            let refusal = refusal().await;
            if seen.is_err() || refusal.is_err() {
                // Nothing was opened.
                engine.store().unmark(at, request).await;
            }
            let (rejects, refusal) = refusal?;
            let rules = Rules { refusal: refusal.as_ref(), rejects: &rejects };
            match engine.reconciler(at).accept(request, rules, Some(seen?)).await? {
                // A deployment that an earlier owner has begun goes on with that owner's function and targets.
                SubmitOutcome::Claimed(claim) if ours(claim.request().id) && claim.is_for(at) => Ok(claim),
                otherwise => Err(Unfinished::NotClaimed(otherwise)),
            }
        };
        // The future of a deployment is large, so it does not lie on the stack of its caller.
        Box::pin(self.run(basis, claim, rejects.clone())).await
    }

    /// Goes on under a claim that is ours already.
    pub async fn resume_deployment(&self, claim: Arc<Claim>, rejects: Rejects) -> Result<Finished, Unfinished> {
        self.run(ready(Ok(ObservationBasis::OwnClaim)), ready(Ok(claim)), ready(Ok(rejects))).await
    }

    /// Carries the deployment out, and ends it. A target is written to only after both the claim and the artifact are
    /// there.
    async fn run<'r>(
        &'r self,
        basis: impl Future<Output = Result<ObservationBasis, Unfinished>> + 'r,
        claim: impl Future<Output = Result<Arc<Claim>, Unfinished>> + 'r,
        rejects: impl Future<Output = Result<Rejects, Transient>> + 'r,
    ) -> Result<Finished, Unfinished> {
        let (engine, at) = (self.engine, self.at);
        if let Some(refusal) = at.refusal(self.request.cause.kind).or_else(|| refusal_without_ports(self)) {
            let claim = claim.await?;
            return Ok(engine.reconciler(at).commit(&claim, refusal, self.unobserved(None)).await?);
        }
        let claim = prerequisite(claim);
        let artifact = prerequisite(self.deployable_artifact(claim.clone(), rejects));
        let needs = Prerequisites { basis: prerequisite(basis), claim, artifact };
        let results = self.run_parts(&needs).await;
        let claim = needs.claim().await?;
        let (ending, details) = match results {
            Ok(results) => self.conclude(&claim, results, &needs).await?,
            Err(interrupted) => self.end_early(&claim, interrupted).await?,
        };
        Ok(engine.reconciler(at).commit(&claim, ending, details).await?)
    }

    /// Runs all parts side by side. The first part that cannot go on ends the others: their futures are dropped, even
    /// in the middle of a call. The lease outlasts such a call, and the head has the door of a write to an alias.
    ///
    /// The future is large, so it does not lie on the stack of its caller.
    #[inline(never)]
    fn run_parts<'w>(&'w self, needs: &'w Prerequisites<'_>) -> LocalBoxFuture<'w, Result<TargetResults, Interrupted>> {
        let work = async {
            let ((), results, (), ()) = futures::try_join!(
                ensure_not_given_up(needs),
                self.run_targets(needs),
                self.record_start(needs),
                self.ensure_artifact(needs),
            )?;
            Ok(results)
        };
        let told = async {
            match select(pin!(work), pin!(RetryTeller { deployment: self }.tell_retries(needs))).await {
                Either::Left((results, _)) => results,
                Either::Right((never, _)) => match never {},
            }
        };
        told.boxed_local()
    }

    /// Runs the targets side by side, at most [`TARGETS_AT_ONCE`] at a time. A further one begins as soon as any of
    /// these has ended.
    async fn run_targets(&self, needs: &Prerequisites<'_>) -> Result<TargetResults, Interrupted> {
        let results = stream::iter(self.at.environment.targets.iter().enumerate())
            .map(|(number, target)| {
                let run = TargetRun { deployment: self, target, needs }.run();
                // A target's future is large, so it does not lie on the stack of each of its callers.
                run.map_ok(move |result| (number, result)).boxed_local()
            })
            .buffer_unordered(TARGETS_AT_ONCE)
            .try_collect::<BTreeMap<_, _>>()
            .await?;
        Ok(TargetResults(results.into_values().collect()))
    }

    /// Records that the deployment is in progress.
    async fn record_start(&self, needs: &Prerequisites<'_>) -> Result<(), Interrupted> {
        let claim = needs.claim().await?;
        self.engine.reconciler(self.at).record_start(&claim).await;
        Ok(())
    }

    /// Reads the artifact without waiting until a target asks for it. A rollback may not need it, so there the first
    /// target that needs it starts the reading.
    async fn ensure_artifact(&self, needs: &Prerequisites<'_>) -> Result<(), Interrupted> {
        if self.may_restore() {
            return Ok(());
        }
        let artifact = needs.artifact().await;
        needs.claim().await?;
        artifact.map(drop)
    }

    /// Returns the artifact, once it is read and no rule refuses it.
    async fn deployable_artifact(
        &self,
        claim: Prerequisite<'_, Arc<Claim>, Unfinished>,
        rejects: impl Future<Output = Result<Rejects, Transient>>,
    ) -> Result<Arc<VerifiedArtifact>, Interrupted> {
        let reader = ArtifactReader::of(self.engine, self.at, self.request.cause.kind);
        let (verified, rejects) = future::join(reader.verify(&self.resolved.artifact), rejects).await;
        let (verified, rejects) = (verified?, rejects.map_err(InvalidArtifact::Transient)?);
        // Only the claim's owner knows that nobody else is about to take the release.
        if let Some(refusal) = rejects.refusal(&self.resolved.release, Some(verified.sha256)) {
            let refused = claim.clone().await?.refuse(refusal);
            refused.map_err(|ending| InvalidArtifact::Ending(ending, Box::new(verified.as_ref().into())))?;
        }
        if self.at.environment.immutable_releases && self.request.is_new_here() {
            let claim = claim.await?;
            self.refuse_taken_release(&claim, &verified).await?;
        }
        Ok(verified)
    }

    /// Ends the deployment by the targets' results, unless another invocation goes on.
    async fn conclude(
        &self,
        claim: &Claim,
        results: TargetResults,
        needs: &Prerequisites<'_>,
    ) -> Result<(Ending, FinishDetails), Unfinished> {
        // A wait for Lambda has an end of its own.
        let may_go_on = claim.extensions() < EXTENSIONS || claim.waits.is_any();
        let goes_on = !claim.only_observes() && claim.stopped().is_none();
        let artifact = needs.artifact_read();
        if goes_on && may_go_on && results.ran_out_of_time() {
            return Err(self.save(claim, results).await);
        }
        if goes_on && results.is_waiting() {
            return Err(self.park(claim, results).await);
        }
        let begins =
            |artifact: &&VerifiedArtifact| results.has_ready() || only_watches(self, claim, &results, artifact);
        if let Some(artifact) = artifact.filter(|_| goes_on).filter(begins) {
            return RolloutOwner { deployment: self, claim }.begin(results, artifact).await;
        }
        Ok((results.ending(claim.stopped()), self.details(artifact)))
    }

    /// Ends a deployment that was interrupted.
    async fn end_early(&self, claim: &Claim, interrupted: Interrupted) -> Result<(Ending, FinishDetails), Unfinished> {
        match interrupted {
            Interrupted::Unfinished(unfinished) => Err(unfinished),
            Interrupted::GivenUp => Ok((self.at.all_failed(&given_up(UNSEEN)), self.unobserved(None))),
            Interrupted::Artifact(InvalidArtifact::Ending(ending, artifact)) => {
                Ok((ending, self.unobserved(Some(*artifact))))
            }
            Interrupted::Artifact(InvalidArtifact::Transient(transient)) => {
                // Nothing was written without the artifact, so nothing of ours is in flight.
                self.engine.reconciler(self.at).release_claim(claim, ClaimRelease::Untouched).await;
                Err(transient.into())
            }
        }
    }

    /// Returns the details at the end, if nobody has observed the targets.
    fn unobserved(&self, artifact: Option<RecordedArtifact>) -> FinishDetails {
        let details = self.details(None);
        FinishDetails { artifact: artifact.or(details.artifact), unobserved: true, ..details }
    }

    /// Returns the details at the end, with the artifact as it was read, or as it was known before.
    pub(super) fn details(&self, verified: Option<&VerifiedArtifact>) -> FinishDetails {
        FinishDetails {
            artifact: Some(verified.map_or_else(|| self.resolved.recorded(), RecordedArtifact::from)),
            managed_keys: verified.and_then(VerifiedArtifact::managed_keys),
            written: self.progress.written(),
            alias_only: self.progress.alias_only(),
            provisioned: self.progress.provisioned(),
            unobserved: false,
        }
    }
}

/// Whether the release is to be watched before it becomes live, although every target serves it already.
fn only_watches(
    deployment: &Deployment<'_>,
    claim: &Claim,
    results: &TargetResults,
    artifact: &VerifiedArtifact,
) -> bool {
    let rolls_out = || matches!(rollout_of(deployment, artifact), Ok(Some(_)));
    results.are_published() && is_watched_first(&claim.seen().head, artifact) && rolls_out()
}

/// Waits for the claim, and gives the deployment up if it had too many owners.
async fn ensure_not_given_up(needs: &Prerequisites<'_>) -> Result<(), Interrupted> {
    // After `ATTEMPTS` owners have died, one more owner only observes. This deployment had that owner too, and did not
    // end.
    match needs.claim().await?.attempts() > ATTEMPTS + 1 {
        true => Err(Interrupted::GivenUp),
        false => Ok(()),
    }
}
