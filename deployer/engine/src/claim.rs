//! Step "claim": what the head makes of a request, and the permission to write that comes of it.
//!
//! Must not know: Lambda.

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
use super::lock::locked;
use super::rollout::doors::Doors;
use super::rollout::shared_check::SharedCheck;
use super::rollout::waits::Waits;
use super::store::Versioned;
use crate::port::ETag;

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
    record_etag: Mutex<Option<ETag>>,
    start_event_pending: AtomicBool,
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
            start_event_pending: AtomicBool::new(active.start_untold),
            active,
            over,
            seen: Mutex::new(seen),
            check: SharedCheck::default(),
            record_etag: Mutex::default(),
            warnings: Mutex::default(),
        }
    }

    /// The same claim, where it is known by now which artifact it is about.
    pub(super) fn with_artifact(&self, chosen: ResolvedArtifact, seen: Versioned, now: Timestamp) -> Self {
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
    pub(super) fn was_written_over(&self, observed_at: &ObservedAt) -> bool {
        *observed_at == ObservedAt::Held || *observed_at == self.over
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
    pub(super) fn only_observes(&self) -> bool {
        self.active.attempts > ATTEMPTS
    }

    /// How a target fared that an earlier invocation was done with.
    pub(super) fn outcome_of(&self, target: &Target) -> Option<&TargetOutcome> {
        self.active.done.iter().find(|done| done.target() == *target)
    }

    /// How all those targets fared.
    pub(super) fn done_outcomes(&self) -> Vec<TargetOutcome> {
        self.active.done.clone()
    }

    /// The state of the record that says "in progress", once it is written.
    pub(super) fn record_etag(&self) -> Option<ETag> {
        locked(&self.record_etag).clone()
    }

    pub(super) fn set_record_etag(&self, etag: Option<ETag>) {
        *locked(&self.record_etag) = etag;
    }

    /// Whether the event that it has started is to be sent from the outbox.
    pub(super) fn is_start_event_pending(&self) -> bool {
        self.start_event_pending.load(Ordering::Relaxed)
    }

    /// The event that it has started is about to be sent, or is sent.
    pub(super) fn set_start_event_sent(&self, sent: bool) {
        self.start_event_pending.store(!sent, Ordering::Relaxed);
    }

    /// The head as we have last seen it.
    pub(super) fn seen(&self) -> Versioned {
        locked(&self.seen).clone()
    }

    pub(super) fn set_seen(&self, seen: Versioned) {
        *locked(&self.seen) = seen;
    }
}

/// A claimant with a token of its own.
pub(super) fn claimant(engine: &Engine) -> Claimant {
    let now = engine.now();
    let lease_until = engine.deadline.checked_add(LEASE_OUTLASTS).unwrap_or(Timestamp::MAX);
    Claimant { token: engine.token(), now, lease_until }
}

/// The same claimant, now.
pub(super) fn now_as(engine: &Engine, me: &Claimant) -> Claimant {
    Claimant { now: engine.now(), ..*me }
}

/// A request at the moment at which it is decided on this head.
pub(super) fn timed(engine: &Engine, request: &Request, seen: &Versioned) -> Request {
    request.timed(engine.now(), seen.date)
}
