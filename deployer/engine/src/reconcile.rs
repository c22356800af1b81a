//! Reconciles one function: does one deployment after the other, as the head asks for them, until it asks for none now
//! or no time is left. Each commit flushes the outbox. The sweep does so too, and evaluates the promotions that wait.

use std::sync::Arc;

use deployer_core::function_ref::fail_where_gone;
use deployer_core::head::{self, ClaimRelease, Head, NextAction, ResolvedArtifact, SkippedWork};
use deployer_core::record::DeploymentRecord;
use tracing::Instrument as _;

use super::Transient;
use super::claim::{Claim, SubmitOutcome};
use super::commit::{FinishDetails, Finished};
use super::deployment::Deployment;
use super::deployment::error::Unfinished;
use super::deployment::rollout::RolloutOwner;
use super::function_handles::Reconciler;
use super::gone_environment::is_done_here;
use super::resolve_artifact::ArtifactResolution;
use super::store::{Change, Versioned};

/// The state from which a function is reconciled.
pub(crate) enum ReconcileFrom {
    /// The claim is ours: submitting a request, or the commit before, has acquired it.
    Claim(Arc<Claim>),
    /// The head as it was read.
    Head(Box<Versioned>),
}

/// Whether a deployment is the first of the function in this invocation, or one has ended before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ordinal {
    First,
    Later,
}

impl Reconciler<'_> {
    /// Resumes a function on which nobody works, as far as this invocation knows. If an error comes before the claim,
    /// this invocation sends no tick: the message that woke it still fits, and comes again. (If the claim was written
    /// and its reply lost, the sweep finds the deployment after the lease.) If an error comes after the claim, that
    /// message does not fit any more, so this invocation schedules a wakeup.
    pub(crate) async fn resume_function(self, start: ReconcileFrom) -> Result<Vec<DeploymentRecord>, Transient> {
        let Some(claim) = self.next_claim(start, Ordinal::First).await? else { return Ok(vec![]) };
        let records = self.reconcile(ReconcileFrom::Claim(claim), Ordinal::First).await;
        if records.is_err() {
            self.schedule_wakeup().await;
        }
        records
    }

    /// Works on one deployment after the other, as the head asks for them, while there is time, and returns their
    /// records. If a later one does not end, it is left to a tick or the sweep; if the first one does not end, that is
    /// the error.
    pub(crate) async fn reconcile(
        self,
        mut start: ReconcileFrom,
        mut ordinal: Ordinal,
    ) -> Result<Vec<DeploymentRecord>, Transient> {
        let mut ended = Vec::new();
        loop {
            let step = async {
                let Some(claim) = self.next_claim(start, ordinal).await? else { return Ok(None) };
                if !self.engine.timer().has_time_to_begin() {
                    self.release_claim(&claim, ClaimRelease::Untried).await;
                    return Err(Transient::NoTime);
                }
                let run = Box::pin(self.run(&claim)).await;
                if let Err(Unfinished::Transient(transient)) = &run {
                    tracing::debug!(deployment = %claim.request().id, "did not end: {transient}");
                }
                match run {
                    Ok(Finished { record, next, .. }) => Ok(Some((record, Some(next)))),
                    Err(Unfinished::Saved(record)) => Ok(Some((*record, None))),
                    Err(Unfinished::Transient(transient)) => Err(transient),
                    Err(Unfinished::NotClaimed(_)) => Ok(None),
                }
            };
            match step.await {
                Ok(Some((record, Some(next)))) => {
                    ended.push(record);
                    (start, ordinal) = (next, Ordinal::Later);
                }
                Ok(Some((record, None))) => {
                    ended.push(record);
                    return Ok(ended);
                }
                Ok(None) => return Ok(ended),
                Err(transient) if ended.is_empty() => return Err(transient),
                Err(transient) => {
                    tracing::warn!("left for later: {transient}");
                    self.schedule_wakeup().await;
                    return Ok(ended);
                }
            }
        }
    }

    /// Claims the deployment that the head asks for next. `None`: it asks for none now, or no time is left for it.
    async fn next_claim(self, start: ReconcileFrom, ordinal: Ordinal) -> Result<Option<Arc<Claim>>, Transient> {
        let seen = match start {
            ReconcileFrom::Claim(claim) => return Ok(Some(claim)),
            ReconcileFrom::Head(seen) => *seen,
        };
        let action = seen.head.next_action(self.engine.now(), SkippedWork::all_but_deployments());
        if !matches!(action, NextAction::Resume(_) | NextAction::Deploy(_))
            || !is_done_here(self.at, &seen.head, &action)
        {
            return Ok(None);
        }
        match ordinal {
            Ordinal::Later if !self.engine.timer().has_time_for_another() => {
                self.schedule_wakeup().await;
                return Ok(None);
            }
            Ordinal::First if !self.engine.timer().has_time_to_begin() => return Err(Transient::NoTime),
            _ => {}
        }
        match self.acquire(seen).await? {
            SubmitOutcome::Claimed(claim) => Ok(Some(claim)),
            _ => Ok(None),
        }
    }

    /// Carries out the deployment of a claim.
    pub(crate) async fn run(self, claim: &Arc<Claim>) -> Result<Finished, Unfinished> {
        let at = &self.at.as_claimed(claim.active());
        if let (Some(_), Some(artifact)) = (&claim.active().rollout, claim.resolved_artifact()) {
            let deployment = Deployment::new(self.engine, at, claim.request().clone(), artifact.clone());
            let owner = RolloutOwner { deployment: &deployment, claim };
            return owner.resume(None).instrument(deployment.span()).await;
        }
        let reconciler = self.engine.reconciler(at);
        if let Some(failed) = fail_where_gone(at, claim.active()) {
            let artifact = claim.resolved_artifact().map(ResolvedArtifact::recorded);
            let details = FinishDetails { artifact, unobserved: true, ..FinishDetails::default() };
            return Ok(reconciler.commit(claim, failed, details).await?);
        }
        let resolving = async {
            let rejects = self.engine.store().rejects(&at.function).await?;
            Ok::<_, Transient>((reconciler.resolve(claim, &rejects).await?, rejects))
        };
        let (claim, resolved, rejects) = match resolving.await {
            Ok((ArtifactResolution::Known(claim, resolved), rejects)) => (claim, resolved, rejects),
            Ok((ArtifactResolution::Refused(refusal), _)) => {
                let artifact = claim.request().promotion_spec().and_then(|promoting| promoting.artifact.as_ref());
                let details = FinishDetails {
                    artifact: artifact.map(ResolvedArtifact::recorded),
                    unobserved: true,
                    ..FinishDetails::default()
                };
                return Ok(reconciler.commit(claim, refusal, details).await?);
            }
            Ok((ArtifactResolution::Waits(wait), _)) => {
                let record = reconciler.promotions().defer(claim, &wait).await?;
                reconciler.schedule_wakeup().await;
                return Err(Unfinished::Saved(Box::new(record)));
            }
            Err(transient) => {
                // Nothing was written, so nobody needs to wait for the lease to end.
                reconciler.release_claim(claim, ClaimRelease::Untouched).await;
                return Err(transient.into());
            }
        };
        let deployment = Deployment::new(self.engine, at, claim.request().clone(), resolved);
        deployment.resume_deployment(claim, rejects).instrument(deployment.span()).await
    }

    /// Gives a claim up before its lease ends, so that the next owner need not wait for that. Returns the head that
    /// says so. Best effort.
    pub(crate) async fn release_claim(self, claim: &Claim, how: ClaimRelease<'_>) -> Option<Head> {
        let release = async |seen: &mut Versioned| {
            Ok::<_, Transient>(match head::release_claim(&seen.head, claim.token(), how, self.engine.now()) {
                Some(head) => Change::Write(Box::new(head), true),
                None => Change::Keep(false),
            })
        };
        match self.engine.store().update_head(self.at, Some(claim.seen()), release).await {
            Ok((seen, is_released)) => is_released.then_some(seen.head),
            Err(error) => {
                tracing::warn!("the claim stays until its lease ends: {error}");
                None
            }
        }
    }
}
