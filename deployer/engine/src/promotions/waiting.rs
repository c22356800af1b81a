//! Promotions that wait in a head: submitted, evaluated anew, deferred, gone on with.

use deployer_core::event::Event;
use deployer_core::head::{self, Head, Next, Request, Transition, Waiting, Wakeup};
use deployer_core::id::DeploymentId;
use deployer_core::promotion::{Decision, Dispatch, Wait};
use deployer_core::record::{DeploymentRecord, Ending};

use super::policy::PolicyInputs;
use crate::Transient;
use crate::announce::Announcer;
use crate::claim::{Claim, SubmitOutcome, claimant, now_as, timed};
use crate::handle::Promotions;
use crate::reconcile::Start;
use crate::store::{Change, Versioned};

impl Promotions<'_> {
    /// Takes a promotion in that somebody asks for. `refusal`: why it is not even judged.
    pub(crate) async fn submit(
        self,
        taking: Dispatch,
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
            // However long ago that was: an archive that is played again brings nothing back.
            return Ok(SubmitOutcome::Finished { record: Box::new(record), marker: None });
        }
        self.engine.store().mark_open(self.at, request).await?;
        let refusal = refusal.or_else(|| self.at.refusal(request.cause.kind));
        let me = claimant(self.engine);
        let accept = |seen: &Versioned| {
            let request = timed(self.engine, request, seen);
            let judged = || self.evaluate(&seen.head, &request, inputs);
            let verdict = refusal.clone().map_or_else(judged, Decision::Deny);
            head::accept_promotion(&seen.head, (&request, taking), &verdict, self.at, &now_as(self.engine, &me))
        };
        let standing = self.reconciler().transition(None, Some(request.marker), accept).await?;
        // What was put down and waits for nothing is gone on with from there.
        if let (SubmitOutcome::Deferred { waiting, again: false }, Dispatch::Enqueue) = (&standing, taking)
            && waiting.wait.is_over()
        {
            self.schedule(waiting.request.id).await;
        }
        Ok(standing)
    }

    /// Judges a promotion anew that waits, and goes on with it as the rules say by now.
    pub(crate) async fn reevaluate(self, id: DeploymentId) -> Result<SubmitOutcome, Transient> {
        let first = self.engine.store().head(self.at).await?;
        let waiting = first.head.waiting().iter().find(|waiting| waiting.request.id == id);
        let inputs = self.inputs(waiting.and_then(|waiting| waiting.request.group())).await?;
        let me = claimant(self.engine);
        let go_on = |seen: &Versioned| {
            let head = &seen.head;
            let waiting = head.waiting().iter().find(|waiting| waiting.request.id == id);
            let verdict = waiting.map(|waiting| self.evaluate(head, &waiting.request, &inputs));
            head::apply_decision(head, id, &verdict.unwrap_or(Decision::Allow), self.at, &now_as(self.engine, &me))
        };
        self.reconciler().transition(Some(first), None, go_on).await
    }

    /// Goes on with a promotion that waits, and works on it if it passes.
    pub(crate) async fn resume(self, id: DeploymentId) -> Result<Vec<DeploymentRecord>, Transient> {
        match self.reevaluate(id).await? {
            SubmitOutcome::Claimed(claim) => Box::pin(self.reconciler().resume(Start::Claimed(claim))).await,
            SubmitOutcome::Finished { record, .. } => Ok(vec![*record]),
            SubmitOutcome::Deferred { waiting, .. } => Ok(vec![waiting.record(self.at)]),
            SubmitOutcome::Queued { record, .. } => Ok(vec![*record]),
            SubmitOutcome::Nothing => Ok(vec![]),
        }
    }

    /// Puts a promotion back that has to wait all the same.
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
                let rests = seen.head.waiting().iter().find(|waiting| waiting.request.id == id);
                rests.map(|waiting| waiting.record(self.at)).ok_or(Transient::TakenOver)
            }
            Some(Next::Rests(waiting)) => {
                self.announce_waiting(seen, &waiting).await;
                Ok(waiting.record(self.at))
            }
            Some(_) => {
                let ended =
                    seen.head.outbox().iter().map(|entry| &entry.record).find(|record| record.id == id).cloned();
                self.outbox().flush(seen).await?;
                ended.ok_or(Transient::TakenOver)
            }
        }
    }

    /// Writes down that a promotion waits, and tells of it, once. Best effort: the sweep does it otherwise.
    pub(crate) async fn announce_waiting(self, seen: Versioned, waiting: &Waiting) {
        let record = waiting.record(self.at);
        match self.engine.store().write_record(&record, None).await {
            Ok(Some(_)) => {}
            // It has ended by now.
            Ok(None) => return,
            Err(error) => return tracing::warn!("not recorded as waiting: {error}"),
        }
        if waiting.told || Announcer::of(self.engine).publish(Event::of(&record)).await.is_err() {
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

    /// Somebody shall go on with a promotion that waits for nothing any more: by a tick, or where there is no queue by us. What
    /// does not succeed is the sweep's.
    pub(crate) async fn schedule(self, id: DeploymentId) {
        let sent = match self.engine.ports.queue.is_some() {
            true => self.reconciler().send_tick(Wakeup { id, claim: None }, self.engine.now()).await,
            false if self.engine.timer().has_time_for_another() => Box::pin(self.resume(id)).await.map(drop),
            false => Ok(()),
        };
        if let Err(transient) = sent {
            tracing::warn!(to = %self.at.name, "the promotion is left to the sweep: {transient}");
        }
    }

    /// Which of those that wait here have something to go on for: they pass, they end, or wait for something else by now.
    pub(crate) async fn movable(self, head: &Head) -> Result<Vec<(DeploymentId, Decision)>, Transient> {
        if head.waiting().is_empty() {
            return Ok(vec![]);
        }
        let groups = head.waiting().iter().filter_map(|waiting| waiting.request.group());
        let inputs = self.inputs(groups).await?;
        let judged = head.waiting().iter().map(|waiting| (waiting, self.evaluate(head, &waiting.request, &inputs)));
        let moving = judged.filter(|(waiting, verdict)| *verdict != Decision::Wait(waiting.wait.clone()));
        Ok(moving.map(|(waiting, verdict)| (waiting.request.id, verdict)).collect())
    }
}
