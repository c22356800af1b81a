//! A deployment that has not ended here is left to another invocation: because Lambda needs longer than one should wait, or because the
//! time is up.

use deployer_core::config::Target;
use deployer_core::head::{GivenUp, Left, Wakeup};
use deployer_core::record::Status;

use super::deploy::{Job, Unfinished};
use super::fared::{self, Fared};
use super::{Claim, Engine, Transient};

impl Engine {
    /// Lambda needs longer than an invocation should wait: the claim is given up, and another invocation goes on later.
    pub(super) async fn park(&self, job: &Job<'_>, claim: &Claim, fared: Vec<Fared>) -> Unfinished {
        let (at, id, left) = (job.at, claim.request().id, left(job, claim, fared));
        let mut active = claim.active_now();
        let is_done = |target: &Target| left.done.iter().any(|done| done.target() == *target);
        active.awaits.retain(|awaited| !is_done(&awaited.target));
        let waiting = claim.waits.told(&left.done);
        let first_end = waiting.iter().filter_map(|waiting| self.wait_for_lambda_ends(waiting.since)).min();
        let look_at = active.next_look(self.now(), first_end);
        let told: Vec<_> = waiting.into_iter().map(|waiting| (waiting.target, waiting.because)).collect();
        let record = at.parked(&active, &told);
        if let Err(error) = self.store().write_record(&record, claim.noted()).await {
            tracing::warn!("not recorded as waiting for Lambda: {error}");
        }
        let released = self.on(at).release(claim, GivenUp::Parked { left: &left, look_at }).await;
        // Where it was asked to stop meanwhile, the head says that it is looked at now.
        let look_at = released.map_or(look_at, |head| head.active().and_then(|active| active.looks_at));
        tracing::info!(?look_at, "parked: {}", record.because.as_deref().unwrap_or_default());
        if let Some(look_at) = look_at
            && let Err(transient) = self.on(at).send_tick(Wakeup { id, claim: Some(claim.token()) }, look_at).await
        {
            tracing::warn!("no tick was sent, so the sweep will go on with this deployment: {transient}");
        }
        Unfinished::Saved(Box::new(record))
    }

    /// The time is up, and every target has stopped: the claim is given up, and another invocation goes on.
    pub(super) async fn save(&self, job: &Job<'_>, claim: &Claim, fared: Vec<Fared>) -> Unfinished {
        let at = job.at;
        self.on(at).release(claim, GivenUp::TimeIsUp(&left(job, claim, fared))).await;
        if self.ports.queue.is_none() {
            return Transient::Deadline.into();
        }
        tracing::warn!(extension = claim.extensions() + 1, "not done before the deadline: another invocation goes on");
        match self.on(at).send_tick(Wakeup { id: claim.request().id, claim: Some(claim.token()) }, self.now()).await {
            Ok(()) => Unfinished::Saved(Box::new(at.record_of(claim.active(), Status::InProgress))),
            Err(transient) => transient.into(),
        }
    }
}

fn left(job: &Job<'_>, claim: &Claim, fared: Vec<Fared>) -> Left {
    let done = fared::done(fared);
    let (waits, doors) = (claim.waits.left(&done), claim.open_doors());
    Left { done, written: job.written(), doors, waits, start_untold: claim.is_start_untold() }
}
