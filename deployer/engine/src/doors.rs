//! Doors: the head says on which RevisionId an alias is about to be written, and that write is the ownership check as well;
//! and a door that an earlier write may have left open is shut.
//!
//! Must not know: what an alias shall serve.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use deployer_core::config::Target;
use deployer_core::destination::FunctionRef;
use deployer_core::head::{Door, Head, Opening, SHUT_DOOR, ServedBefore, turned};
use deployer_core::id::{Sha256, Version};
use deployer_core::observed::{ObservedAlias, RevisionId};
use deployer_core::plan::Step;
use deployer_core::record::{Ending, Previous, Status, TargetError, TargetErrorCode};
use deployer_core::traffic::Traffic;
use jiff::Timestamp;

use super::apply::{Halt, OWNED_FOR, StepContext, Walk, internal};
use super::claim::{Claim, Halted, locked};
use super::deploy::Job;
use super::store::{Change, Persistence, Versioned};
use super::target::MAX_REOBSERVATIONS;
use super::waiting::MAX_READ_RETRIES;
use super::{Engine, Transient};
use crate::port::{Account, Answer, CallError, CallErrorKind};

/// The targets of a deployment ask at about the same time: one check, begun after all of them have asked, does for all.
#[derive(Default)]
pub(super) struct OwnershipCheck {
    asked: AtomicU64,
    /// The code that is about to serve.
    sha256: Mutex<Option<Sha256>>,
    /// The doors that the head shall know.
    openings: Mutex<Vec<Opening>>,
    /// How many of those who asked are answered.
    answered: tokio::sync::Mutex<u64>,
}

/// The doors that an owner of a claim knows to be open: those that it met, and its own.
pub(super) struct Doors {
    open: Vec<Door>,
    /// An owner of before did not know of doors: it may have written any alias without saying so.
    unsaid: bool,
    observed: Vec<Target>,
}

impl Doors {
    pub fn of(head: &Head, resumed: bool, now: Timestamp) -> Self {
        let unsaid = resumed && head.active().is_some_and(|active| active.doors.is_none() || active.doors_unsaid);
        Self { open: head.open_doors(now), unsaid, observed: Vec::new() }
    }
}

/// What became of the doors at a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shut {
    /// None was open.
    Before,
    /// The alias was written as it was, and has another RevisionId now.
    Now,
    /// The alias is another than it was when it was read: what was planned on it does not hold.
    ByAnother,
}

impl Claim {
    /// What this deployment has said that a target's alias served before; none where it has said nothing.
    pub(super) fn served_before(&self, target: &Target) -> Option<Option<Previous>> {
        let known = self.active().previous.iter().find(|known: &&ServedBefore| known.target == *target)?;
        Some(known.previous.clone())
    }

    /// Whether an owner of before, who did not know of doors, may have written aliases without saying so.
    pub(super) fn has_unsaid_doors(&self) -> bool {
        locked(&self.doors).unsaid
    }

    /// The door by which an alias is written.
    pub(super) fn door(
        &self,
        target: &Target,
        revision: Option<&RevisionId>,
        version: &Version,
        now: Timestamp,
    ) -> Door {
        Door::of(self.active(), target, (revision, version), now)
    }

    /// The alias was read: what is shut by that is open no more. Whether a write of this deployment has moved it.
    pub(super) fn observes(&self, target: &Target, alias: Option<&ObservedAlias>, now: Timestamp) -> bool {
        let active = self.active_now();
        let serves = alias.and_then(ObservedAlias::serves_alone);
        // An alias that was put back serves the version of that door, and is not reached.
        let is_put_back = active.awaits(target).is_some_and(|awaited| awaited.before.as_ref() == serves);
        let mut doors = locked(&self.doors);
        let shut = |door: &Door| door.target == *target && door.is_shut_by(alias);
        let of_ours = |door: &Door| door.deployment == active.request.id && door.version.as_ref() == serves;
        let has_moved = serves.is_some() && !is_put_back && doors.open.iter().any(|door| shut(door) && of_ours(door));
        doors.open.retain(|door| !shut(door));
        if doors.unsaid && !doors.observed.contains(target) {
            doors.observed.push(target.clone());
            doors.open.extend(alias.map(|alias| Door::unsaid(self.active(), target, &alias.revision, now)));
        }
        has_moved
    }

    /// A write of the alias is about to be sent.
    pub(super) fn opens(&self, door: &Door) {
        let mut doors = locked(&self.doors);
        match doors.open.iter_mut().find(|open| open.is_the_same_as(door)) {
            Some(open) => open.until = open.until.max(door.until),
            None => doors.open.push(door.clone()),
        }
    }

    /// No write that was sent earlier can take effect at this target.
    pub(super) fn shuts(&self, target: &Target) {
        locked(&self.doors).open.retain(|door| door.target != *target);
    }

    /// A write of the alias was answered. Done, it has shut every door; refused, it was none, for the client sends it once.
    /// Anything else leaves open whether it was carried out, or will be: the alias must be read.
    pub(super) fn is_answered(&self, door: &Door, answer: &Result<Answer, CallError>) {
        use CallErrorKind::{Conflict, Unknown};
        match answer {
            Ok(_) => self.shuts(&door.target),
            Err(CallError { kind: Conflict | Unknown, .. }) => {}
            // One that was sent earlier stays.
            Err(_) => locked(&self.doors).open.retain(|open| open != door),
        }
    }

    /// Whether an earlier write may still take effect at this target.
    pub(super) fn has_open_door(&self, target: &Target) -> bool {
        locked(&self.doors).open.iter().any(|door| door.target == *target)
    }

    /// Whether the alias is another only because an earlier write of ours took effect between two readings.
    pub(super) fn explains(
        &self,
        target: &Target,
        before: Option<&ObservedAlias>,
        after: Option<&ObservedAlias>,
    ) -> bool {
        locked(&self.doors).open.iter().any(|door| door.target == *target && door.explains(before, after))
    }

    /// Every door that is open.
    pub(super) fn open_doors(&self) -> Vec<Door> {
        locked(&self.doors).open.clone()
    }
}

impl Walk<'_> {
    /// Before the alias is written, the head must say on what, the claim must still be ours (never resolves if it is not),
    /// and nothing must have asked us to stop. Where nothing was published, provisioned concurrency is asked for beside it.
    pub(super) async fn ensure_door(&mut self, step: &'static str) -> Result<Door, Halt> {
        let now = self.engine.now();
        let door = match self.door.take() {
            Some(door) => {
                if self.owned.is_none_or(|at| self.engine.passed(at) > OWNED_FOR) {
                    self.ensure_still_owned(None).await;
                    self.owned = Some(now);
                }
                door
            }
            None => {
                let door = self.door_to(self.version(step)?);
                let door = door.ok_or_else(|| internal(step, "the plan does not write the alias"))?;
                let owned = self.ensure_still_owned(Some(self.opening(door.clone())));
                ((), self.provisioned) = futures::join!(owned, self.ask_before_a_move());
                self.owned = Some(now);
                door
            }
        };
        self.door = Some(door.clone());
        self.errand.claim.halted().map_or(Ok(door), |_| Err(Halt::Stopped))
    }

    /// The door by which the plan writes the alias.
    pub(super) fn door_to(&self, version: &Version) -> Option<Door> {
        let revision = self.plan.steps.iter().find_map(|step| match step {
            Step::CreateAlias => Some(None),
            Step::MoveAlias { revision, .. } => Some(Some(revision)),
            _ => None,
        })?;
        let StepContext { claim, target, .. } = self.errand;
        Some(claim.door(target, revision, version, self.engine.now()))
    }

    pub(super) fn opening(&self, door: Door) -> Opening {
        Opening { door, previous: self.errand.previous.cloned() }
    }

    pub(super) async fn ensure_still_owned(&self, opening: Option<Opening>) {
        let StepContext { job, claim, .. } = self.errand;
        self.engine.ensure_still_owned(job.at, claim, self.plan.sha256, opening).await;
    }
}

impl Engine {
    /// An alias may be written only if the claim is still ours, and nobody has asked it to stop or rejected what it brings;
    /// [`Claim::halted`] tells the latter. Where a door is to be opened, the head says so first.
    pub(super) async fn ensure_still_owned(
        &self,
        at: &FunctionRef<'_>,
        claim: &Claim,
        brings: Sha256,
        opening: Option<Opening>,
    ) {
        let check = &claim.ownership;
        *locked(&check.sha256) = Some(brings);
        locked(&check.openings).extend(opening);
        let mine = check.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let mut answered = check.answered.lock().await;
        if *answered >= mine {
            return;
        }
        let asked = check.asked.load(Ordering::Relaxed);
        let openings = locked(&check.openings).clone();
        match futures::try_join!(self.check_claim(at, claim, &openings), self.check_rejects(at, claim)) {
            Ok(((), ())) => {
                *answered = asked;
                locked(&check.openings).retain(|opening| !openings.contains(opening));
            }
            Err(transient) => claim.stop(transient).await,
        }
    }

    /// Writes the doors into the head as last seen: nobody else has written it since if that succeeds. Reads it where there is
    /// nothing to write, or somebody was first.
    async fn check_claim(&self, at: &FunctionRef<'_>, claim: &Claim, openings: &[Opening]) -> Result<(), Transient> {
        // It may be long ago that the head was seen: only a write on it shows that it is still so.
        let last_seen = Some(claim.seen()).filter(|seen| {
            !openings.is_empty() && claim.halted().is_none() && seen.head.with_doors(claim.token(), openings).is_some()
        });
        let change = async |seen: &mut Versioned| {
            let Some(active) = seen.head.active().filter(|active| active.claim == claim.token()) else {
                return Err(Transient::TakenOver);
            };
            if let Some(rollback) = active.stop {
                claim.halt(Halted::by(rollback));
            }
            let with_doors = seen.head.with_doors(claim.token(), openings);
            Ok(match with_doors.filter(|_| claim.halted().is_none()) {
                Some(head) => Change::Write(Box::new(head), ()),
                None => Change::Keep(()),
            })
        };
        // The targets are under way: giving up costs a whole lease.
        let patient = Persistence { errors: &|attempt| attempt < MAX_READ_RETRIES, ..Persistence::default() };
        let (seen, ()) = self.store().update_head_with(at, last_seen, patient, change).await?;
        claim.sees(seen);
        Ok(())
    }

    async fn check_rejects(&self, at: &FunctionRef<'_>, claim: &Claim) -> Result<(), Transient> {
        for attempt in 0.. {
            let rejects = match self.store().rejects(&at.function).await {
                Ok(rejects) => rejects,
                Err(error) if attempt < MAX_READ_RETRIES => {
                    tracing::warn!("what is rejected could not be read again: {error}");
                    self.store().pause(attempt).await;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let brings = *locked(&claim.ownership.sha256);
            let rejected = claim.chosen().and_then(|chosen| rejects.refusal(&chosen.release, brings));
            if let Some(Ending::Refused { code, because }) = rejected {
                claim.halt(Halted { status: Status::Refused, code, because });
            }
            return Ok(());
        }
        Err(Transient::Contended)
    }

    /// Sees to it that no write that was sent earlier can take effect at a target any more: the alias, which was read like
    /// this, is written as it is.
    pub(super) async fn shut_doors(
        &self,
        job: &Job<'_>,
        claim: &Claim,
        target: &Target,
        account: &Account,
        alias: Option<&ObservedAlias>,
    ) -> Result<Shut, TargetError> {
        let mut alias = alias.cloned();
        for looks in 0.. {
            let is_held = alias.as_ref().is_some_and(|alias| matches!(Traffic::of(alias), Traffic::Held { .. }));
            // Lambda's own weight would become somebody's: the door is shut when the traffic has come over.
            if !claim.has_open_door(target) || is_held {
                return Ok(if looks == 0 { Shut::Before } else { Shut::ByAnother });
            }
            let because = match &alias {
                None => "an alias whose creation got no answer is not there yet".to_owned(),
                Some(alias) => {
                    let description = turned(&alias.description, self.token());
                    match self.turn_alias(job, claim, account, (alias, &description)).await {
                        Ok(revision) if revision != alias.revision => {
                            tracing::info!(alias = %alias.name, serves = %alias, "written as it is: no earlier write can move it any more");
                            claim.shuts(target);
                            return Ok(Shut::Now);
                        }
                        Ok(_) => return Err(self.stays_open(job, "Lambda answered with the RevisionId of before")),
                        Err(error) => match error.kind {
                            CallErrorKind::Conflict
                            | CallErrorKind::Unknown
                            | CallErrorKind::Busy
                            | CallErrorKind::Throttled => error.message,
                            _ => return Err(error.in_step(SHUT_DOOR)),
                        },
                    }
                }
            };
            if looks == MAX_REOBSERVATIONS {
                return Err(self.stays_open(job, &because));
            }
            self.pause(looks, SHUT_DOOR, &because).await?;
            alias = self.alias_of(job.at, account).await?;
            job.observes(claim, target, alias.as_ref(), self.now());
        }
        unreachable!("looks do not end")
    }

    /// Whoever ends without having arrived leaves no door open that it can shut.
    pub(super) async fn leave(&self, job: &Job<'_>, claim: &Claim, target: &Target, account: &Account) {
        if !claim.has_open_door(target) || claim.only_looks() {
            return;
        }
        let shuts = async {
            let alias = self.alias_of(job.at, account).await?;
            job.observes(claim, target, alias.as_ref(), self.now());
            self.shut_doors(job, claim, target, account, alias.as_ref()).await
        };
        if let Err(error) = shuts.await {
            tracing::warn!("an earlier write may still move the alias: {error}");
        }
    }

    fn stays_open(&self, job: &Job<'_>, because: &str) -> TargetError {
        let alias = &job.at.environment.alias;
        let message = format!(
            "an earlier write of alias {alias} got no answer, and that it takes effect late cannot be ruled out: {because}"
        );
        TargetError::new(TargetErrorCode::Internal, SHUT_DOOR, message)
    }
}
