//! Submits requests: a pure transition and one compare-and-swap put a request into the head, and the answer is its
//! record.

use std::sync::Arc;

use deployer_core::head::{self, Head, Next, OutboxEntry, Request, Rules, Source, Transition, Wakeup};
use deployer_core::id::Token;
use deployer_core::record::{DeploymentRecord, Status};

use super::claim::{Claim, ObservationBasis, SubmitOutcome, claimant, now_as, timed};
use super::commit::Finished;
use super::deployment::Deployment;
use super::deployment::error::Unfinished;
use super::function_handles::Reconciler;
use super::group::{Groups, end_for_newer};
use super::reconcile::{Ordinal, ReconcileFrom};
use super::store::{Change, Versioned};
use super::{Engine, Transient};
use crate::port::LedgerError;

impl Reconciler<'_> {
    /// Submits a request, works on it if it is its turn, and then on the deployments behind it.
    pub(crate) async fn submit(self, request: &Request) -> Result<Option<DeploymentRecord>, Transient> {
        if !self.engine.timer().has_time_to_begin() {
            return Err(Transient::NoTime);
        }
        let outcome = match (self.at.refusal(request.cause.kind), request.artifact()) {
            (None, Some(resolved)) => {
                let deployment = Deployment::new(self.engine, self.at, request.clone(), resolved);
                match Box::pin(deployment.begin()).await {
                    Ok(Finished { record, marker, next }) => {
                        if marker != request.marker {
                            self.engine.store().unmark(self.at, request).await;
                        }
                        // The request has ended, whatever becomes of those behind it.
                        if let Err(transient) = self.reconcile(next, Ordinal::Later).await {
                            tracing::warn!("the deployment that waited is left for later: {transient}");
                            self.schedule_wakeup().await;
                        }
                        return Ok(Some(record));
                    }
                    Err(Unfinished::NotClaimed(outcome)) => outcome,
                    Err(Unfinished::Saved(record)) => return Ok(Some(*record)),
                    Err(Unfinished::Transient(transient)) => return Err(transient),
                }
            }
            // The artifact is resolved under the claim.
            (refusal, _) => {
                self.engine.store().mark_open(self.at, request).await?;
                let rejects = self.engine.store().rejects(&self.at.function).await?;
                let rejected = || request.source.release().and_then(|release| rejects.refusal(release, None));
                let refusal = match (refusal.or_else(rejected), &request.source) {
                    // A missing upload is refused before anything gives way to the request.
                    (None, Source::Newest { release }) => self.newest(release).await?.err(),
                    (refusal, _) => refusal,
                };
                let outcome =
                    self.accept(request, Rules { refusal: refusal.as_ref(), rejects: &rejects }, None).await?;
                match request.rollback() {
                    Some(_) => end_for_newer(Groups::of(self.engine), (self.at, request), outcome).await,
                    None => outcome,
                }
            }
        };
        self.handle_outcome(request, outcome).await
    }

    /// Puts a request into the head. After a lost race the head decides again from the start.
    pub(crate) async fn accept(
        self,
        request: &Request,
        rules: Rules<'_>,
        first: Option<Versioned>,
    ) -> Result<SubmitOutcome, Transient> {
        let me = claimant(self.engine);
        let accept = |seen: &Versioned| {
            head::accept(&seen.head, &timed(self.engine, request, seen), self.at, rules, &now_as(self.engine, &me))
        };
        self.transition(first, Some(request.marker), accept).await
    }

    /// Puts a request into the head that no rule refuses.
    pub(crate) async fn accept_unrefused(self, request: &Request) -> Result<SubmitOutcome, Transient> {
        let rejects = self.engine.store().rejects(&self.at.function).await?;
        self.accept(request, Rules { refusal: None, rejects: &rejects }, None).await
    }

    /// Answers a request that the head knows by its deployment, and works on that if nobody does. It writes nothing new:
    /// if the head has forgotten the request meanwhile, there is no answer.
    pub(crate) async fn answer_known(self, request: &Request) -> Result<Option<DeploymentRecord>, Transient> {
        if !self.engine.timer().has_time_to_begin() {
            return Err(Transient::NoTime);
        }
        let me = claimant(self.engine);
        let answer = |seen: &Versioned| head::answer_known(&seen.head, request, self.at, &now_as(self.engine, &me));
        let outcome = self.transition(None, Some(request.marker), answer).await?;
        self.handle_outcome(request, outcome).await
    }

    /// Acquires the deployment that nobody works on.
    pub(crate) async fn acquire(self, first: Versioned) -> Result<SubmitOutcome, Transient> {
        let me = claimant(self.engine);
        self.transition(Some(first), None, |seen| head::acquire(&seen.head, self.at, &now_as(self.engine, &me))).await
    }

    /// Takes the head through a transition.
    pub(crate) async fn transition(
        self,
        first: Option<Versioned>,
        marker: Option<Token>,
        decide: impl Fn(&Versioned) -> Transition,
    ) -> Result<SubmitOutcome, Transient> {
        let mut known = None;
        let change = async |seen: &mut Versioned| {
            if seen.head.is_overfull() {
                let flushed = self.outbox().flush(seen.clone()).await?;
                let mut failed = flushed.unwritten.into_iter();
                if let Some((_, error)) = failed.next().filter(|_| flushed.seen.head.is_overfull()) {
                    return Err(error.into());
                }
                *seen = Versioned { date: seen.date, ..flushed.seen };
            }
            let Transition { head, then } = decide(seen);
            let Some(head) = head else {
                // Our own write whose reply was lost is no duplicate.
                let is_duplicate = marker.is_none_or(|marker| !seen.head.needs(marker));
                return Ok(Change::Keep((then, is_duplicate, ObservationBasis::OwnClaim)));
            };
            if let Next::Finished(_) = then {
                known = record_of_forgotten_upload(self.engine, &head).await?;
                if known.is_some() {
                    return Ok(Change::Keep((then, true, ObservationBasis::OwnClaim)));
                }
            }
            Ok::<_, Transient>(Change::Write(head, (then, false, ObservationBasis::Head(seen.etag.clone()))))
        };
        let (seen, (then, is_duplicate, basis)) = self.engine.store().update_head(self.at, first, change).await?;
        if let Some(record) = known {
            return Ok(SubmitOutcome::Finished { record: Box::new(record), marker: None });
        }
        self.after_transition(seen, then, is_duplicate, basis).await
    }

    /// Does what the transition calls for: writes the record of a request that waits or has ended, or makes the claim.
    pub(crate) async fn after_transition(
        self,
        seen: Versioned,
        then: Next,
        is_duplicate: bool,
        basis: ObservationBasis,
    ) -> Result<SubmitOutcome, Transient> {
        match then {
            Next::Work(active) => {
                let since = active.request.accepted_at;
                if active.is_begun() {
                    tracing::info!(deployment = %active.request.id, %since, attempt = active.attempts,
                        "going on with a deployment that did not end");
                }
                Ok(SubmitOutcome::Claimed(Arc::new(Claim::new(active, seen, basis, self.engine.now()))))
            }
            Next::Queued { request, status, behind } => {
                let record = match seen.head.active().filter(|active| active.request.id == request.id) {
                    None => self.at.pending(&request, behind.0),
                    Some(active) => self.at.under_way(active),
                };
                if status == Status::Pending && !is_duplicate {
                    self.engine.store().write_record(&record, None).await?;
                    // The deployments that this request displaces have ended: they get their records now, and need not
                    // wait for the active one.
                    self.outbox().flush(seen).await?;
                }
                tracing::info!(deployment = %record.id, %status, behind = %behind.0, until = %behind.2, "waits");
                Ok(SubmitOutcome::Queued { record: Box::new(record), behind, is_duplicate })
            }
            Next::Deferred(waiting) => {
                // A promotion that waited before and was displaced by this one has ended.
                let seen = match self.outbox().flush(seen.clone()).await {
                    Ok(flushed) => flushed.seen,
                    Err(error) => {
                        tracing::warn!("left to the sweep: {error}");
                        seen
                    }
                };
                if !is_duplicate {
                    self.promotions().publish_waiting(seen, &waiting).await;
                }
                tracing::info!(deployment = %waiting.request.id, "{}", waiting.wait);
                Ok(SubmitOutcome::Deferred { waiting, is_duplicate })
            }
            Next::Finished(id) => {
                let in_outbox = seen.head.outbox().iter().find(|entry| entry.record.id == id).cloned();
                let (record, marker) = match in_outbox {
                    Some(OutboxEntry { record, marker, .. }) => {
                        self.outbox().flush(seen).await?.head_with_record_of(id)?;
                        (Some(record), Some(marker))
                    }
                    None => (self.engine.store().record(self.at, id).await?, None),
                };
                let Some(record) = record else {
                    // Somebody has deleted the record. The head says that the deployment has ended, and the head
                    // counts.
                    tracing::warn!(deployment = %id, "this deployment has ended, and its record is gone");
                    return Ok(SubmitOutcome::Nothing);
                };
                if is_duplicate {
                    tracing::info!(ended = %id, status = %record.status, "duplicate: nothing is done");
                }
                Ok(SubmitOutcome::Finished { record: Box::new(record), marker })
            }
            Next::Nothing => Ok(SubmitOutcome::Nothing),
        }
    }

    /// Answers a request by its outcome, and works on the deployment if the claim is ours.
    pub(crate) async fn handle_outcome(
        self,
        request: &Request,
        outcome: SubmitOutcome,
    ) -> Result<Option<DeploymentRecord>, Transient> {
        match outcome {
            SubmitOutcome::Claimed(claim) => {
                let head = claim.seen().head;
                // The request may have joined another one.
                let id = head.id_of(request).unwrap_or(claim.request().id);
                let pending = head.all_pending().iter().find(|waits| waits.id == id).cloned();
                if !head.needs(request.marker) {
                    self.engine.store().unmark(self.at, request).await;
                }
                let waits = pending.map(|pending| self.at.pending(&pending, claim.request().id));
                if let Some(waits) = &waits {
                    // The record is written again when the request's turn comes.
                    let written = self.engine.store().write_record(waits, None).await;
                    written.map_or_else(|error| tracing::warn!("not recorded as pending: {error}"), drop);
                }
                // The request may have been displaced by the one that is claimed.
                let ended = head.ended_record(id).cloned();
                let records = self.reconcile(ReconcileFrom::Claim(claim), Ordinal::First).await?;
                if let Some(record) = records.into_iter().find(|record| record.id == id).or(waits).or(ended) {
                    return Ok(Some(record));
                }
                // Another invocation has ended it since it was submitted, and has written its record.
                Ok(self.engine.store().record(self.at, id).await?)
            }
            SubmitOutcome::Queued { record, behind: (id, claim, until), is_duplicate } => {
                if is_duplicate || record.id != request.id {
                    self.engine.store().unmark(self.at, request).await;
                }
                if is_duplicate {
                    if !request.is_upload() {
                        // A caller asks again and again how far it is.
                        return Ok(Some(*record));
                    }
                    if self.engine.ports.queue.is_none() {
                        return Err(Transient::InOtherHands(until));
                    }
                }
                self.send_tick(Wakeup { id, claim: Some(claim) }, until).await?;
                Ok(Some(*record))
            }
            SubmitOutcome::Deferred { waiting, is_duplicate } => {
                if is_duplicate || waiting.request.id != request.id {
                    self.engine.store().unmark(self.at, request).await;
                }
                Ok(Some(waiting.record(self.at)))
            }
            SubmitOutcome::Finished { record, marker } => {
                if marker != Some(request.marker) {
                    self.engine.store().unmark(self.at, request).await;
                }
                Ok(Some(*record))
            }
            SubmitOutcome::Nothing => {
                self.engine.store().unmark(self.at, request).await;
                Ok(None)
            }
        }
    }
}

/// Reads the result of an upload that the head has forgotten: the ledger still has it.
async fn record_of_forgotten_upload(engine: &Engine, head: &Head) -> Result<Option<DeploymentRecord>, LedgerError> {
    let key = head.outbox().last().and_then(|entry| entry.record.result_key());
    let Some(key) = key else { return Ok(None) };
    engine.store().record_at(&key).await
}
