//! The owner of a claim gives it up in good order, so that the next owner need not wait for the lease to end.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::active::Active;
use super::door::Door;
use super::lambda_wait::LambdaWait;
use super::state::Head;
use crate::config::Target;
use crate::id::Token;
use crate::record::TargetOutcome;

/// The reason for which a claim is given up in good order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ClaimRelease<'a> {
    /// This owner has not begun to work on it, and leaves it to another.
    Untried,
    /// This owner has written nothing.
    Untouched,
    /// The time is up, and everybody has stopped.
    OutOfTime(&'a Handover),
    /// Lambda needs longer than an invocation should wait, and everybody has stopped.
    Parked {
        /// The next owner goes on from this.
        handover: &'a Handover,
        /// The time at which a tick goes on with it; none: the sweep does.
        look_at: Option<Timestamp>,
    },
}

/// The state that an owner who has begun leaves to the next one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Handover {
    /// The outcomes of the targets that are done.
    pub done: Vec<TargetOutcome>,
    /// The targets that this owner has written to, or may have.
    pub written: BTreeSet<Target>,
    /// The targets in which this owner has made the function.
    pub created: BTreeSet<Target>,
    /// The doors that are open still.
    pub doors: Vec<Door>,
    /// The waits for Lambda that are not over: each has an end of its own.
    pub waits: Vec<LambdaWait>,
    /// Whether the event that it has started could not be sent.
    pub start_unpublished: bool,
}

/// Gives a claim up before its lease ends. `None`: the claim is not ours any more, or is given up already.
#[must_use]
pub fn release_claim(head: &Head, claim: Token, how: ClaimRelease<'_>, now: Timestamp) -> Option<Head> {
    head.queue.claimed(claim).filter(|active| active.lease_until > now)?;
    let mut next = head.next();
    if let Some(active) = &mut next.queue.active {
        active.lease_until = now;
        active.give_up(how, now);
    }
    Some(next)
}

impl Active {
    /// Whether an owner before this one has written to a target, or may have. Of the owners that died nothing is known
    /// but the targets that one before them was done with.
    pub(super) fn may_have_written_to(&self, target: &Target) -> bool {
        self.written.contains(target) || (self.attempts > 1 && !self.done.iter().any(|done| done.target() == *target))
    }

    fn give_up(&mut self, how: ClaimRelease<'_>, now: Timestamp) {
        match how {
            // A deployment that may be half done stands in the way of a newer one: each try counts, so that there is an
            // end.
            ClaimRelease::Untouched if self.is_begun() => {}
            // An owner who has tried nothing is no try, whatever the owners before it have done.
            ClaimRelease::Untried | ClaimRelease::Untouched => self.attempts = self.attempts.saturating_sub(1),
            ClaimRelease::OutOfTime(handover) => {
                self.leave_to_another(handover);
                self.extensions += 1;
            }
            ClaimRelease::Parked { handover, look_at } => {
                self.leave_to_another(handover);
                self.park(look_at, now);
            }
        }
    }

    fn leave_to_another(&mut self, Handover { done, written, created, doors, waits, start_unpublished }: &Handover) {
        let id = self.request.id;
        if let Some(known) = &mut self.doors {
            *known = doors.iter().filter(|door| door.deployment == id).cloned().collect();
        }
        let targets = done.iter().map(TargetOutcome::target);
        let by_others: Vec<Target> = targets.filter(|target| self.may_have_written_to(target)).collect();
        self.written.extend(by_others.into_iter().chain(written.iter().cloned()));
        self.created.extend(created.iter().cloned());
        self.attempts = self.attempts.saturating_sub(1);
        self.done.clone_from(done);
        self.waits.clone_from(waits);
        self.waiting_since = None;
        self.start_unpublished = *start_unpublished;
    }
}
