//! Promotions that wait in a head: they are submitted, evaluated again, deferred and resumed.

use deployer_core::event::Event;
use deployer_core::head::{self, Head, Next, Request, Transition, Waiting, Wakeup};
use deployer_core::id::DeploymentId;
use deployer_core::promotion::{Decision, Dispatch, Wait};
use deployer_core::record::{DeploymentRecord, Ending};

use super::policy::PolicyInputs;
use crate::Transient;
use crate::claim::{Claim, SubmitOutcome, claimant, now_as, timed};
use crate::events::publish;
use crate::function_handles::Promotions;
use crate::group::{Groups, end_for_newer};
use crate::reconcile::ReconcileFrom;
use crate::store::{Change, Versioned};

impl Promotions<'_> {
    /// Submits a promotion. A `refusal` ends it before it is evaluated.
    pub(crate) async fn submit(
        self,
        dispatch: Dispatch,
        request: &Request,
        inputs: &PolicyInputs,
        refusal: Option<Ending>,
    ) -> Result<SubmitOutcome, Transient> {
        if !self.engine.timer().has_time_to_begin() {
            return Err(Transient::NoTime);
        }
        if let Some(record) =
            self.engine.store().record(self.at, request.id).await?.filter(|record| record.status.is_ended())
        {
            // That holds however long ago the promotion ended: an archive of events that is replayed brings nothing
            // back.
            return Ok(SubmitOutcome::Finished { record: Box::new(record), marker: None });
        }
        self.engine.store().mark_open(self.at, request).await?;
        let refusal = refusal.or_else(|| self.at.refusal(request.cause.kind));
        let me = claimant(self.engine);
        let accept = |seen: &Versioned| {
            let request = timed(self.engine, request, seen);
            let evaluated = || self.evaluate_new(&seen.head, &request, inputs);
            let decision = refusal.clone().map_or_else(evaluated, Decision::Deny);
            head::accept_promotion(&seen.head, (&request, dispatch), &decision, self.at, &now_as(self.engine, &me))
        };
        let outcome = self.reconciler().transition(None, Some(request.marker), accept).await?;
        let outcome = end_for_newer(Groups::of(self.engine), (self.at, request), outcome).await;
        // A promotion that was only enqueued and waits for nothing goes on by a wakeup.
        if let (SubmitOutcome::Deferred { waiting, is_duplicate: false }, Dispatch::Enqueue) = (&outcome, dispatch)
            && waiting.wait.is_over()
        {
            self.schedule(waiting.request.id).await;
        }
        Ok(outcome)
    }

    /// Evaluates a waiting promotion again, and takes the head through the transition that the decision asks for.
    pub(crate) async fn reevaluate(self, id: DeploymentId) -> Result<SubmitOutcome, Transient> {
        let first = self.engine.store().head(self.at).await?;
        let waiting = first.head.waiting().iter().find(|waiting| waiting.request.id == id);
        let inputs = self.inputs(waiting.and_then(|waiting| waiting.request.group())).await?;
        let request = waiting.map(|waiting| waiting.request.clone());
        let me = claimant(self.engine);
        let go_on = |seen: &Versioned| {
            let head = &seen.head;
            let waiting = head.waiting().iter().find(|waiting| waiting.request.id == id);
            let decision = waiting.map(|waiting| self.evaluate(head, &waiting.request, &inputs));
            head::apply_decision(head, id, &decision.unwrap_or(Decision::Allow), self.at, &now_as(self.engine, &me))
        };
        let outcome = self.reconciler().transition(Some(first), None, go_on).await?;
        Ok(match &request {
            Some(request) => end_for_newer(Groups::of(self.engine), (self.at, request), outcome).await,
            None => outcome,
        })
    }

    /// Resumes a waiting promotion, and works on it if the rules allow it.
    pub(crate) async fn resume_waiting(self, id: DeploymentId) -> Result<Vec<DeploymentRecord>, Transient> {
        match self.reevaluate(id).await? {
            SubmitOutcome::Claimed(claim) => {
                Box::pin(self.reconciler().resume_function(ReconcileFrom::Claim(claim))).await
            }
            SubmitOutcome::Finished { record, .. } => Ok(vec![*record]),
            SubmitOutcome::Deferred { waiting, .. } => Ok(vec![waiting.record(self.at)]),
            SubmitOutcome::Queued { record, .. } => Ok(vec![*record]),
            SubmitOutcome::Nothing => Ok(vec![]),
        }
    }

    /// Puts a claimed promotion back among those that wait.
    pub(crate) async fn defer(self, claim: &Claim, wait: &Wait) -> Result<DeploymentRecord, Transient> {
        let change = async |seen: &mut Versioned| {
            Ok::<_, Transient>(match head::put_back(&seen.head, claim.token(), wait, self.at, self.engine.now()) {
                Some(Transition { head: Some(head), then }) => Change::Write(head, Some(then)),
                _ => Change::Keep(None),
            })
        };
        let (seen, then) = self.engine.store().update_head(self.at, Some(claim.seen()), change).await?;
        let id = claim.request().id;
        match then {
            None => {
                let waits = seen.head.waiting().iter().find(|waiting| waiting.request.id == id);
                waits.map(|waiting| waiting.record(self.at)).ok_or(Transient::TakenOver)
            }
            Some(Next::Deferred(waiting)) => {
                self.publish_waiting(seen, &waiting).await;
                Ok(waiting.record(self.at))
            }
            Some(_) => {
                let ended = seen.head.ended_record(id).cloned();
                self.outbox().flush(seen).await?;
                ended.ok_or(Transient::TakenOver)
            }
        }
    }

    /// Records that a promotion waits, and publishes it, once. Best effort: the sweep does it otherwise.
    pub(crate) async fn publish_waiting(self, seen: Versioned, waiting: &Waiting) {
        let record = waiting.record(self.at);
        match self.engine.store().write_record(&record, None).await {
            Ok(Some(_)) => {}
            // The promotion has ended by now.
            Ok(None) => return,
            Err(error) => return tracing::warn!("not recorded as waiting: {error}"),
        }
        if waiting.notified || publish(self.engine, Event::of(&record)).await.is_err() {
            return;
        }
        let change = async |seen: &mut Versioned| {
            Ok::<_, Transient>(match head::with_notified(&seen.head, &[record.id]) {
                Some(head) => Change::Write(Box::new(head), ()),
                None => Change::Keep(()),
            })
        };
        if let Err(error) = self.engine.store().update_head(self.at, Some(seen), change).await {
            tracing::warn!("told that it waits, and not written down: {error}");
        }
    }

    /// Has a promotion go on that waits for nothing any more: by a tick, or without a queue by this invocation. If that
    /// fails, the sweep does it.
    pub(crate) async fn schedule(self, id: DeploymentId) {
        let sent = match self.engine.ports.queue.is_some() {
            true => self.reconciler().send_tick(Wakeup { id, claim: None }, self.engine.now()).await,
            false if self.engine.timer().has_time_for_another() => Box::pin(self.resume_waiting(id)).await.map(drop),
            false => Ok(()),
        };
        if let Err(transient) = sent {
            tracing::warn!(to = %self.at.name, "the promotion is left to the sweep: {transient}");
        }
    }

    /// Evaluates the promotions that wait here, and returns those for which the decision is another than the head says.
    pub(crate) async fn movable(self, head: &Head) -> Result<Vec<(DeploymentId, Decision)>, Transient> {
        if head.waiting().is_empty() {
            return Ok(vec![]);
        }
        let groups = head.waiting().iter().filter_map(|waiting| waiting.request.group());
        let inputs = self.inputs(groups).await?;
        let evaluated = head.waiting().iter().map(|waiting| (waiting, self.evaluate(head, &waiting.request, &inputs)));
        let movable = evaluated.filter(|(waiting, decision)| *decision != Decision::Wait(waiting.wait.clone()));
        Ok(movable.map(|(waiting, decision)| (waiting.request.id, decision)).collect())
    }
}
