//! Step "claim": what the head makes of a request, and the permission to write that comes of it.
//!
//! Must not know: Lambda.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deployer_core::config::Target;
use deployer_core::destination::FunctionRef;
use deployer_core::head::{
    ATTEMPTS, Active, Claimant, GivenUp, Head, Next, OutboxEntry, Request, ResolvedArtifact, Rules, ServedBefore,
    Transition, Waiting,
};
use deployer_core::id::{DeploymentId, Token};
use deployer_core::record::{Code, DeploymentRecord, Ending, Previous, Status, TargetOutcome};
use jiff::Timestamp;

use super::lock::locked;
use super::rollout::doors::Doors;
use super::rollout::shared_check::SharedCheck;
use super::rollout::waits::Waits;
use super::store::{Change, Versioned};
use super::{Engine, Transient};
use crate::port::{ETag, LedgerError};

/// How much longer than the invocation a lease lasts: 5 seconds for clocks that differ, 5 for what is in flight.
const LEASE_OUTLASTS: Duration = Duration::from_secs(10);

/// The permission to write on behalf of one deployment. Only the head gives it: there is no other way to make one.
pub struct Claim {
    active: Active,
    /// The state of the head that it was written over, where that is known.
    over: ObservedAt,
    seen: Mutex<Versioned>,
    /// The ownership check of all its targets.
    pub(super) check: SharedCheck,
    /// The writes to aliases that may still take effect.
    pub(super) doors: Doors,
    /// What its targets wait for.
    pub(super) waits: Waits,
    noted: Mutex<Option<ETag>>,
    untold_start: AtomicBool,
    stopped: Mutex<Option<Stopped>>,
    /// What may be wrong with what it brings.
    pub(super) warnings: Mutex<BTreeSet<String>>,
}

/// Why no alias moves any more for a deployment whose claim is ours all the same: a rollback was asked for, or its release
/// was rejected meanwhile.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stopped {
    pub status: Status,
    pub code: Code,
    pub because: String,
}

impl Stopped {
    pub(super) fn by(rollback: DeploymentId) -> Self {
        let because = format!("rollback {rollback}, asked for later, has asked it to stop");
        Self { status: Status::Superseded, code: Code::Superseded, because }
    }
}

/// On what a target is observed, or over what a claim was written.
#[derive(Clone, PartialEq)]
pub(super) enum ObservedAt {
    /// The claim is ours already.
    Held,
    /// The head, in this state; none where there was no head yet.
    Read(Option<ETag>),
}

/// What the head has made of a request.
#[derive(Clone)]
pub(super) enum SubmitOutcome {
    /// The claim is ours: on what was asked for, or on what somebody has died over.
    Claimed(Arc<Claim>),
    /// It waits its turn, or somebody else works on it.
    Queued {
        record: Box<DeploymentRecord>,
        behind: (DeploymentId, Token, Timestamp),
        /// It was told before; another telling adds nothing to the head.
        again: bool,
    },
    /// It waits for its soak, for approvals or for the end of a freeze.
    Deferred {
        waiting: Box<Waiting>,
        /// It was told before.
        again: bool,
    },
    /// It has ended, now or earlier.
    Finished {
        record: Box<DeploymentRecord>,
        /// The marker of its request, where all was written just now: it is deleted already.
        marker: Option<Token>,
    },
    /// There is nothing to do.
    Nothing,
}

impl Claim {
    pub(super) fn new(active: Active, seen: Versioned, over: ObservedAt, now: Timestamp) -> Self {
        let resumed = active.attempts > 1 || active.extensions > 0;
        Self {
            doors: Doors::of(&seen.head, resumed, now),
            stopped: Mutex::new(active.stop.map(Stopped::by)),
            waits: Waits::of(&active),
            untold_start: AtomicBool::new(active.start_untold),
            active,
            over,
            seen: Mutex::new(seen),
            check: SharedCheck::default(),
            noted: Mutex::default(),
            warnings: Mutex::default(),
        }
    }

    /// The same claim, where it is known by now which artifact it is about.
    pub(super) fn on(&self, chosen: ResolvedArtifact, seen: Versioned, now: Timestamp) -> Self {
        Self::new(Active { chosen: Some(chosen), ..self.active.clone() }, seen, self.over.clone(), now)
    }

    /// What the claim is on.
    pub(super) fn active(&self) -> &Active {
        &self.active
    }

    /// The same as the head has it by now, with what is waited for.
    pub(super) fn active_now(&self) -> Active {
        let head = self.seen().head;
        head.active().filter(|active| active.claim == self.token()).cloned().unwrap_or_else(|| self.active.clone())
    }

    /// The artifact, once that is found out.
    pub(super) fn chosen(&self) -> Option<&ResolvedArtifact> {
        self.active.chosen.as_ref()
    }

    /// No alias moves any more.
    pub(super) fn stop(&self, because: Stopped) {
        locked(&self.stopped).get_or_insert(because);
    }

    /// Why no alias moves any more.
    pub(super) fn stopped(&self) -> Option<Stopped> {
        locked(&self.stopped).clone()
    }

    /// A rule says no to the artifact. Where an earlier invocation may have moved an alias already, the deployment is not
    /// refused any more: it only looks how far it came.
    pub(super) fn refuse(&self, refusal: Ending) -> Result<(), Ending> {
        match refusal {
            Ending::Refused { code, because } if self.resumed() => {
                self.stop(Stopped { status: Status::Refused, code, because });
                Ok(())
            }
            refusal => Err(refusal),
        }
    }

    /// What this deployment has said that a target's alias served before; none where it has said nothing.
    pub(super) fn served_before(&self, target: &Target) -> Option<Option<Previous>> {
        let known = self.active.previous.iter().find(|known: &&ServedBefore| known.target == *target)?;
        Some(known.previous.clone())
    }

    /// Whether nobody can have written to a target between what it was observed on and the claim.
    pub(super) fn follows(&self, ground: &ObservedAt) -> bool {
        *ground == ObservedAt::Held || *ground == self.over
    }

    /// What was asked for.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.active.request
    }

    /// The claim's token.
    pub(super) fn token(&self) -> Token {
        self.active.claim
    }

    /// How often this deployment was taken up, not counting those who gave it up.
    pub(super) fn attempts(&self) -> u32 {
        self.active.attempts
    }

    /// How often its time was up.
    pub(super) fn extensions(&self) -> u32 {
        self.active.extensions
    }

    /// Whether an earlier invocation began this deployment, and may have written anything.
    pub(super) fn resumed(&self) -> bool {
        self.active.is_begun()
    }

    /// Whether it was claimed for what the configuration says by now.
    pub(super) fn is_for(&self, at: &FunctionRef<'_>) -> bool {
        self.active.claimed_for.as_ref().is_none_or(|claimed| *claimed == at.as_configured().claimed())
    }

    /// Whether so many have died over this deployment that it is given up: nothing is written to a target any more, and
    /// only looked whether it has arrived there.
    pub(super) fn only_looks(&self) -> bool {
        self.active.attempts > ATTEMPTS
    }

    /// How a target fared that an earlier invocation was done with.
    pub(super) fn done(&self, target: &Target) -> Option<&TargetOutcome> {
        self.active.done.iter().find(|done| done.target() == *target)
    }

    /// How all those targets fared.
    pub(super) fn all_done(&self) -> Vec<TargetOutcome> {
        self.active.done.clone()
    }

    /// The state of the record that says "in progress", once it is written.
    pub(super) fn noted(&self) -> Option<ETag> {
        locked(&self.noted).clone()
    }

    pub(super) fn is_noted(&self, etag: Option<ETag>) {
        *locked(&self.noted) = etag;
    }

    /// Whether the event that it has started is to be sent from the outbox.
    pub(super) fn is_start_untold(&self) -> bool {
        self.untold_start.load(Ordering::Relaxed)
    }

    /// The event that it has started is about to be sent, or is sent.
    pub(super) fn tells_of_its_start(&self, told: bool) {
        self.untold_start.store(!told, Ordering::Relaxed);
    }

    /// The head as we have last seen it.
    pub(super) fn seen(&self) -> Versioned {
        locked(&self.seen).clone()
    }

    pub(super) fn sees(&self, seen: Versioned) {
        *locked(&self.seen) = seen;
    }
}

impl Engine {
    /// Who asks for a claim: with a token of its own each time.
    pub(super) fn claimant(&self) -> Claimant {
        let now = self.now();
        let lease_until = self.deadline.checked_add(LEASE_OUTLASTS).unwrap_or(Timestamp::MAX);
        Claimant { token: self.token(), now, lease_until }
    }

    pub(super) fn token(&self) -> Token {
        Token::drawn(self.now(), self.ports.chance.draw())
    }

    /// Has the head take a request in. On a lost race everything is decided again from the start.
    pub(super) async fn accept(
        &self,
        at: &FunctionRef<'_>,
        request: &Request,
        rules: Rules<'_>,
        first: Option<Versioned>,
    ) -> Result<SubmitOutcome, Transient> {
        let me = self.claimant();
        let accept = |seen: &Versioned| seen.head.accept(&self.timed(request, seen), at, rules, &self.now_as(&me));
        self.decide(at, first, Some(request.marker), accept).await
    }

    /// The same of a request that no rule refuses.
    pub(super) async fn accept_unrefused(
        &self,
        at: &FunctionRef<'_>,
        request: &Request,
    ) -> Result<SubmitOutcome, Transient> {
        let rejects = self.store().rejects(&at.function).await?;
        self.accept(at, request, Rules { refusal: None, rejects: &rejects }, None).await
    }

    /// Takes up what nobody works on.
    pub(super) async fn take_up(&self, at: &FunctionRef<'_>, first: Versioned) -> Result<SubmitOutcome, Transient> {
        let me = self.claimant();
        self.decide(at, Some(first), None, |seen| seen.head.wake(at, &self.now_as(&me))).await
    }

    /// The same claimant, now.
    pub(super) fn now_as(&self, me: &Claimant) -> Claimant {
        Claimant { now: self.now(), ..*me }
    }

    /// A request at the moment at which it is decided on this head.
    pub(super) fn timed(&self, request: &Request, seen: &Versioned) -> Request {
        request.timed(self.now(), seen.date)
    }

    pub(super) async fn decide(
        &self,
        at: &FunctionRef<'_>,
        first: Option<Versioned>,
        marker: Option<Token>,
        decide: impl Fn(&Versioned) -> Transition,
    ) -> Result<SubmitOutcome, Transient> {
        let mut forgotten = None;
        let change = async |seen: &mut Versioned| {
            if seen.head.is_overfull() {
                let settled = self.settle(at, seen.clone()).await?;
                if let Some((_, error)) = settled.left.into_iter().next().filter(|_| settled.seen.head.is_overfull()) {
                    return Err(error.into());
                }
                *seen = Versioned { date: seen.date, ..settled.seen };
            }
            let Transition { head, then } = decide(seen);
            let Some(head) = head else {
                // Our own write, whose answer was lost, is no duplicate.
                let again = marker.is_none_or(|marker| !seen.head.needs(marker));
                return Ok(Change::Keep((then, again, ObservedAt::Held)));
            };
            if let Next::Over(_) = then {
                forgotten = self.forgotten(&head).await?;
                if forgotten.is_some() {
                    return Ok(Change::Keep((then, true, ObservedAt::Held)));
                }
            }
            Ok::<_, Transient>(Change::Write(head, (then, false, ObservedAt::Read(seen.etag.clone()))))
        };
        let (seen, (then, again, over)) = self.store().update_head(at, first, change).await?;
        if let Some(record) = forgotten {
            return Ok(SubmitOutcome::Finished { record: Box::new(record), marker: None });
        }
        self.stands(at, seen, then, again, over).await
    }

    /// An upload that the head has forgotten, but not the ledger: its result tells how it ended.
    async fn forgotten(&self, head: &Head) -> Result<Option<DeploymentRecord>, LedgerError> {
        let key = head.outbox().last().and_then(|entry| entry.record.result_key());
        let Some(key) = key else { return Ok(None) };
        self.store().record_at(&key).await
    }

    /// What follows from a transition that the head has gone through.
    async fn stands(
        &self,
        at: &FunctionRef<'_>,
        seen: Versioned,
        then: Next,
        again: bool,
        over: ObservedAt,
    ) -> Result<SubmitOutcome, Transient> {
        match then {
            Next::Work(active) => {
                let since = active.request.accepted_at;
                if active.is_begun() {
                    tracing::info!(deployment = %active.request.id, %since, attempt = active.attempts,
                        "going on with a deployment that did not end");
                }
                Ok(SubmitOutcome::Claimed(Arc::new(Claim::new(active, seen, over, self.now()))))
            }
            Next::Wait { request, status, behind } => {
                let record = match seen.head.active().filter(|active| active.request.id == request.id) {
                    None => at.pending(&request, behind.0),
                    Some(active) if !active.awaits.is_empty() => at.parked(active, &[]),
                    Some(active) => at.record_of(active, status),
                };
                if status == Status::Pending && !again {
                    self.store().write_record(&record, None).await?;
                    // Whoever was displaced need not wait for the active one to hear of it.
                    self.settle(at, seen).await?;
                }
                tracing::info!(deployment = %record.id, %status, behind = %behind.0, until = %behind.2, "waits");
                Ok(SubmitOutcome::Queued { record: Box::new(record), behind, again })
            }
            Next::Rests(waiting) => {
                // What waited before and made way for it has ended.
                let seen = match self.settle(at, seen.clone()).await {
                    Ok(settled) => settled.seen,
                    Err(error) => {
                        tracing::warn!("left to the sweep: {error}");
                        seen
                    }
                };
                if !again {
                    self.tell_waiting(at, seen, &waiting).await;
                }
                tracing::info!(deployment = %waiting.request.id, "{}", waiting.wait);
                Ok(SubmitOutcome::Deferred { waiting, again })
            }
            Next::Over(id) => {
                let told = seen.head.outbox().iter().find(|entry| entry.record.id == id).cloned();
                let (record, marker) = match told {
                    Some(OutboxEntry { record, marker, .. }) => {
                        self.settle(at, seen).await?.of(id)?;
                        (Some(record), Some(marker))
                    }
                    None => (self.store().record(at, id).await?, None),
                };
                let Some(record) = record else {
                    // Somebody has deleted it. The head says that it has ended, and the head counts.
                    tracing::warn!(deployment = %id, "this deployment has ended, and its record is gone");
                    return Ok(SubmitOutcome::Nothing);
                };
                if again {
                    tracing::info!(ended = %id, status = %record.status, "duplicate: nothing is done");
                }
                Ok(SubmitOutcome::Finished { record: Box::new(record), marker })
            }
            Next::Nothing => Ok(SubmitOutcome::Nothing),
        }
    }

    /// Gives a claim up before its lease ends, so that whoever comes next need not wait for that. Best effort; gives the head that
    /// says so.
    pub(super) async fn release(&self, at: &FunctionRef<'_>, claim: &Claim, how: GivenUp<'_>) -> Option<Head> {
        let release = async |seen: &mut Versioned| {
            Ok::<_, Transient>(match seen.head.released(claim.token(), how, self.now()) {
                Some(head) => Change::Write(Box::new(head), true),
                None => Change::Keep(false),
            })
        };
        match self.store().update_head(at, Some(claim.seen()), release).await {
            Ok((seen, is_released)) => is_released.then_some(seen.head),
            Err(error) => {
                tracing::warn!("the claim stays until its lease ends: {error}");
                None
            }
        }
    }
}
