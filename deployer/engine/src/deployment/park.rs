//! Leaves a deployment to another invocation, because Lambda needs longer than an invocation should wait, or because
//! the time is up.

use deployer_core::config::Target;
use deployer_core::head::{ClaimRelease, Handover, Wakeup};
use deployer_core::record::Status;

use super::Deployment;
use super::error::Unfinished;
use super::results::TargetResults;
use super::wait_for_lambda::longest_lambda_wait;
use crate::Transient;
use crate::claim::Claim;

impl Deployment<'_> {
    /// Gives the claim up while Lambda is at work; another invocation goes on later.
    pub(super) async fn park(&self, claim: &Claim, results: TargetResults) -> Unfinished {
        let (engine, at, handover) = (self.engine, self.at, self.handover(claim, results));
        let mut active = claim.active_now();
        let is_done = |target: &Target| handover.done.iter().any(|done| done.target() == *target);
        active.awaits.retain(|awaited| !is_done(&awaited.target));
        let waiting = claim.waits.current(&handover.done);
        let longest = longest_lambda_wait(engine);
        let first_end = waiting.iter().filter_map(|waiting| waiting.since.checked_add(longest).ok()).min();
        let look_at = active.next_look(engine.now(), first_end);
        let waiting: Vec<_> = waiting.into_iter().map(|waiting| (waiting.target, waiting.because)).collect();
        let record = at.parked(&active, &waiting);
        if let Err(error) = engine.store().write_record(&record, claim.record_etag()).await {
            tracing::warn!("not recorded as waiting for Lambda: {error}");
        }
        let released =
            engine.reconciler(at).release_claim(claim, ClaimRelease::Parked { handover: &handover, look_at }).await;
        // If the deployment was asked to stop meanwhile, the head says that it is looked at now.
        let look_at = released.map_or(look_at, |head| head.active().and_then(|active| active.next_look_at));
        let because = record.because.as_deref().unwrap_or_default();
        tracing::info!(look_at = look_at.map(tracing::field::display), "parked: {because}");
        if let Some(look_at) = look_at
            && let Err(transient) = engine
                .reconciler(at)
                .send_tick(Wakeup { id: claim.request().id, claim: Some(claim.token()) }, look_at)
                .await
        {
            tracing::warn!("no tick was sent, so the sweep will go on with this deployment: {transient}");
        }
        Unfinished::Saved(Box::new(record))
    }

    /// Gives the claim up because the time is up and every target has stopped; another invocation goes on.
    pub(super) async fn save(&self, claim: &Claim, results: TargetResults) -> Unfinished {
        let (engine, at) = (self.engine, self.at);
        engine.reconciler(at).release_claim(claim, ClaimRelease::OutOfTime(&self.handover(claim, results))).await;
        if engine.ports.queue.is_none() {
            return Transient::Deadline.into();
        }
        tracing::warn!(extension = claim.extensions() + 1, "not done before the deadline: another invocation goes on");
        match engine
            .reconciler(at)
            .send_tick(Wakeup { id: claim.request().id, claim: Some(claim.token()) }, engine.now())
            .await
        {
            Ok(()) => Unfinished::Saved(Box::new(at.record_of(claim.active(), Status::InProgress))),
            Err(transient) => transient.into(),
        }
    }

    /// Collects what the next owner must know.
    fn handover(&self, claim: &Claim, results: TargetResults) -> Handover {
        let done = results.done();
        let (waits, doors) = (claim.waits.open_waits(&done), claim.doors.all());
        Handover {
            done,
            written: self.progress.written(),
            created: self.progress.created(),
            doors,
            waits,
            start_unpublished: claim.is_start_event_pending(),
        }
    }
}
