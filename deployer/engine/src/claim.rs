//! The claim: the permission to write on behalf of one deployment, and the outcomes of submitting a request, one of
//! which gives it.
//!
//! This module calls nothing of Lambda. A claim carries what its owner knows of the targets: open doors and waits.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deployer_core::config::Target;
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{ATTEMPTS, Active, Claimant, Request, ResolvedArtifact, ServedBefore, Waiting};
use deployer_core::id::{DeploymentId, Token};
use deployer_core::record::{Code, DeploymentRecord, Ending, Previous, Status, TargetOutcome};
use jiff::Timestamp;

use super::Engine;
use super::deployment::open_doors::OpenDoors;
use super::deployment::shared_ownership_check::SharedOwnershipCheck;
use super::deployment::target_waits::TargetWaits;
use super::mutex::locked;
use super::store::Versioned;
use crate::port::ETag;

/// The time by which a lease outlasts its invocation: 5 seconds for clocks that differ, 5 for calls in flight.
const LEASE_OUTLASTS: Duration = Duration::from_secs(10);

/// The permission to write on behalf of one deployment. Only the head gives it.
pub struct Claim {
    active: Active,
    /// The basis on which an observation from before the claim counts under it.
    basis: ObservationBasis,
    seen: Mutex<Versioned>,
    /// The ownership check of all targets.
    pub(super) check: SharedOwnershipCheck,
    /// The writes to aliases that may still take effect.
    pub(super) doors: OpenDoors,
    /// The waits of the targets for Lambda.
    pub(super) waits: TargetWaits,
    record_etag: Mutex<Option<ETag>>,
    start_event_pending: AtomicBool,
    stopped: Mutex<Option<Stopped>>,
    /// Warnings about the artifact.
    pub(super) warnings: Mutex<BTreeSet<String>>,
}

/// The reason why no alias moves any more although the claim is ours: a rollback was asked for, or the release was
/// rejected meanwhile.
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

/// The basis on which an observation of a target counts.
#[derive(Clone, PartialEq)]
pub(super) enum ObservationBasis {
    /// Our own claim: the target is observed under it.
    OwnClaim,
    /// The head in this state (none: the function had no head yet): the target is observed before the claim, and the
    /// observation counts if the claim replaces exactly this state.
    Head(Option<ETag>),
}

/// The outcome of submitting a request.
#[derive(Clone)]
pub(super) enum SubmitOutcome {
    /// The claim is ours: on the request, or on a deployment whose owner has died.
    Claimed(Arc<Claim>),
    /// The request waits for its turn, or another invocation works on it.
    Queued {
        record: Box<DeploymentRecord>,
        behind: (DeploymentId, Token, Timestamp),
        /// The request was submitted before; the head did not change.
        is_duplicate: bool,
    },
    /// The promotion waits for its soak, for approvals, for the end of a freeze or for its group.
    Deferred {
        waiting: Box<Waiting>,
        /// The request was submitted before; the head did not change.
        is_duplicate: bool,
    },
    /// The request has ended, now or earlier.
    Finished {
        record: Box<DeploymentRecord>,
        /// The marker of the request, if its record was written just now: the marker is deleted already.
        marker: Option<Token>,
    },
    /// There is nothing to do.
    Nothing,
}

impl Claim {
    pub(super) fn new(active: Active, seen: Versioned, basis: ObservationBasis, now: Timestamp) -> Self {
        let resumed = active.attempts > 1 || active.extensions > 0;
        Self {
            doors: OpenDoors::of(&seen.head, resumed, now),
            stopped: Mutex::new(active.stop.map(Stopped::by)),
            waits: TargetWaits::of(&active),
            start_event_pending: AtomicBool::new(active.start_unpublished),
            active,
            basis,
            seen: Mutex::new(seen),
            check: SharedOwnershipCheck::default(),
            record_etag: Mutex::default(),
            warnings: Mutex::default(),
        }
    }

    /// Returns the same claim with its artifact, which is resolved now.
    pub(super) fn with_artifact(&self, resolved: ResolvedArtifact, seen: Versioned, now: Timestamp) -> Self {
        Self::new(Active { artifact: Some(resolved), ..self.active.clone() }, seen, self.basis.clone(), now)
    }

    /// Returns the deployment, as it was claimed.
    pub(super) fn active(&self) -> &Active {
        &self.active
    }

    /// Returns the deployment, as the head has it by now.
    pub(super) fn active_now(&self) -> Active {
        let head = self.seen().head;
        head.active().filter(|active| active.claim == self.token()).cloned().unwrap_or_else(|| self.active.clone())
    }

    /// Returns the artifact, once it is resolved.
    pub(super) fn resolved_artifact(&self) -> Option<&ResolvedArtifact> {
        self.active.artifact.as_ref()
    }

    /// Lets no alias move any more.
    pub(super) fn stop(&self, because: Stopped) {
        locked(&self.stopped).get_or_insert(because);
    }

    /// Returns the reason why no alias moves any more, if there is one.
    pub(super) fn stopped(&self) -> Option<Stopped> {
        locked(&self.stopped).clone()
    }

    /// Refuses the artifact by a rule. If an earlier invocation may have moved an alias already, the deployment is not
    /// refused any more: it only observes how far it came.
    pub(super) fn refuse(&self, refusal: Ending) -> Result<(), Ending> {
        match refusal {
            Ending::Refused { code, because } if self.resumed() => {
                self.stop(Stopped { status: Status::Refused, code, because });
                Ok(())
            }
            refusal => Err(refusal),
        }
    }

    /// Returns the version that an alias served before this deployment, as the head has it; none if the head does not
    /// say.
    pub(super) fn served_before(&self, target: &Target) -> Option<Option<Previous>> {
        let known = self.active.previous.iter().find(|known: &&ServedBefore| known.target == *target)?;
        Some(known.previous.clone())
    }

    /// Whether an observation on this basis counts: nobody can have written to the target between it and the claim.
    pub(super) fn confirms_observation(&self, basis: &ObservationBasis) -> bool {
        *basis == ObservationBasis::OwnClaim || *basis == self.basis
    }

    /// Returns the request.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.active.request
    }

    /// Returns the claim's token.
    pub(super) fn token(&self) -> Token {
        self.active.claim
    }

    /// Returns the number of times that this deployment was acquired, without those in which it was given up.
    pub(super) fn attempts(&self) -> u32 {
        self.active.attempts
    }

    /// Returns the number of times that its time was up.
    pub(super) fn extensions(&self) -> u32 {
        self.active.extensions
    }

    /// Whether an earlier invocation began this deployment, and may have written anything.
    pub(super) fn resumed(&self) -> bool {
        self.active.is_begun()
    }

    /// Whether the configuration is still the one that it was claimed for.
    pub(super) fn is_for(&self, at: &FunctionRef<'_>) -> bool {
        self.active.claimed_for.as_ref().is_none_or(|claimed| *claimed == at.as_configured().claimed())
    }

    /// Whether so many invocations have died over this deployment that it is given up: it writes to no target any more,
    /// and only observes whether it has arrived there.
    pub(super) fn only_observes(&self) -> bool {
        self.active.attempts > ATTEMPTS
    }

    /// Returns the outcome of a target that an earlier invocation has finished.
    pub(super) fn outcome_of(&self, target: &Target) -> Option<&TargetOutcome> {
        self.active.done.iter().find(|done| done.target() == *target)
    }

    /// Returns the outcomes of all targets that earlier invocations have finished.
    pub(super) fn done_outcomes(&self) -> Vec<TargetOutcome> {
        self.active.done.clone()
    }

    /// Returns the state of the record that says "in progress", once it is written.
    pub(super) fn record_etag(&self) -> Option<ETag> {
        locked(&self.record_etag).clone()
    }

    pub(super) fn set_record_etag(&self, etag: Option<ETag>) {
        *locked(&self.record_etag) = etag;
    }

    /// Whether the event of its start must be sent from the outbox.
    pub(super) fn is_start_event_pending(&self) -> bool {
        self.start_event_pending.load(Ordering::Relaxed)
    }

    /// Notes whether the event of its start is sent.
    pub(super) fn set_start_event_sent(&self, sent: bool) {
        self.start_event_pending.store(!sent, Ordering::Relaxed);
    }

    /// Returns the head as this invocation has last seen it.
    pub(super) fn seen(&self) -> Versioned {
        locked(&self.seen).clone()
    }

    pub(super) fn set_seen(&self, seen: Versioned) {
        *locked(&self.seen) = seen;
    }
}

/// Returns the same claim as it stands in the head that was written since, before any work was done under it.
pub(super) fn claim_as_in(claim: &Claim, seen: Versioned, now: Timestamp) -> Claim {
    let active = seen.head.active().filter(|active| active.claim == claim.token());
    Claim::new(active.unwrap_or(&claim.active).clone(), seen, claim.basis.clone(), now)
}

/// Makes a claimant with a token of its own.
pub(super) fn claimant(engine: &Engine) -> Claimant {
    let now = engine.now();
    let lease_until = engine.deadline.checked_add(LEASE_OUTLASTS).unwrap_or(Timestamp::MAX);
    Claimant { token: engine.token(), now, lease_until }
}

/// Returns the same claimant at the present time.
pub(super) fn now_as(engine: &Engine, me: &Claimant) -> Claimant {
    Claimant { now: engine.now(), ..*me }
}

/// Returns a request as of the moment at which it is decided on this head.
pub(super) fn timed(engine: &Engine, request: &Request, seen: &Versioned) -> Request {
    request.timed(engine.now(), seen.date)
}
