//! A deployment that waits for Lambda for minutes gives its invocation back: it is parked.
//!
//! `active` stays, the lease ends, and a tick goes on with it later. Parking is neither an attempt nor an extension nor
//! a death.

use std::time::Duration;

use jiff::Timestamp;

use super::active::Active;
use super::retried_calls::{RetriedCall, RetriedCalls};
use super::state::Head;
use crate::alias_traffic::Awaited;
use crate::config::Target;
use crate::id::Token;
use crate::observed::ObservedAlias;

/// The number of ticks that go on with a parked deployment; after those the sweep does. Lambda stops a function that
/// calls itself by a queue for about 16 times (Lambda Developer Guide, "Use Lambda recursive loop detection").
pub const HOPS: u32 = 8;
/// The delay after which the deployer takes a tick for lost.
const TICKS_COME_WITHIN: Duration = Duration::from_secs(60);
/// The sweep sends no second tick for this long, and for [`TICKS_COME_WITHIN`] more: its first one may still stand in a
/// queue that does not keep up.
const NO_OTHER_FOR: Duration = Duration::from_secs(240);
/// The first pause between two looks at a parked deployment. Each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(15);
/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

impl Active {
    /// Finds the move of traffic that a target waits for.
    #[must_use]
    pub fn awaits(&self, target: &Target) -> Option<&Awaited> {
        self.awaits.iter().find(|awaited| awaited.target == *target)
    }

    /// Whether an earlier owner may have written to a target.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.attempts > 1
            || self.extensions > 0
            || self.rollout.is_some()
            || (self.hops > 0 && self.has_done_something())
    }

    /// Whether an owner who gave it up in good order had written to a target, or was done with one. An owner who parked
    /// it because of somebody else's update may have done neither.
    fn has_done_something(&self) -> bool {
        let has_doors = self.doors_unrecorded || self.doors.as_ref().is_none_or(|doors| !doors.is_empty());
        has_doors || !self.written.is_empty() || !self.awaits.is_empty() || !self.done.is_empty()
    }

    /// Returns the time at which a tick looks at a deployment that is parked now; none: the sweep does. A wait for
    /// Lambda that has an end of its own is looked at when that comes.
    #[must_use]
    pub fn next_look(&self, now: Timestamp, wait_ends: Option<Timestamp>) -> Option<Timestamp> {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.hops.min(8)).min(LONGEST_PAUSE);
        let first_end = self.awaits.iter().map(|awaited| awaited.until).chain(wait_ends).min();
        let next = now.checked_add(pause).unwrap_or(Timestamp::MAX);
        (self.hops < HOPS).then(|| first_end.map_or(next, |end| next.min(end.max(now))))
    }

    /// Describes how somebody has changed the alias since this parked deployment moved it, as "expected, found". An
    /// owner that put the alias back and died has left it where the traffic was: that is no change.
    #[must_use]
    pub fn moved_since(&self, target: &Target, alias: Option<&ObservedAlias>) -> Option<String> {
        let awaited = self.awaits(target).filter(|_| self.hops > 0)?;
        let serves = alias.and_then(|alias| alias.version.as_ref());
        if serves == Some(&awaited.version) || (awaited.before.is_some() && serves == awaited.before.as_ref()) {
            return None;
        }
        let found = alias.map_or("no such alias".to_owned(), ToString::to_string);
        Some(format!("expected the alias to serve version {}, found {found}", awaited.version))
    }

    /// Whether it is parked, and a tick is on its way to it.
    pub(super) fn has_tick_coming(&self, now: Timestamp) -> bool {
        self.tick_overdue_at().is_some_and(|overdue| now < overdue)
    }

    /// Returns the time from which on the tick is taken for lost; none where none was sent.
    pub(super) fn tick_overdue_at(&self) -> Option<Timestamp> {
        self.next_look_at.and_then(|at| at.checked_add(TICKS_COME_WITHIN).ok())
    }

    /// Parks it. One that was asked to stop meanwhile is looked at now, not when that was planned: whoever asks waits
    /// for it.
    pub(in crate::head) fn park(&mut self, look_at: Option<Timestamp>, now: Timestamp) {
        self.hops += 1;
        self.retried = None;
        self.next_look_at = if self.stop.is_some() { Some(now) } else { look_at };
    }
}

/// Writes down the move of traffic that will be waited for, before an alias moves whose traffic Lambda may hold back.
/// `None`: it is written already, or the claim is not ours any more.
#[must_use]
pub fn with_awaited(head: &Head, claim: Token, awaited: &Awaited) -> Option<Head> {
    let active = head.queue.claimed(claim)?;
    if active.awaits(&awaited.target) == Some(awaited) {
        return None;
    }
    let mut next = head.next();
    if let Some(active) = &mut next.queue.active {
        active.awaits.retain(|other| other.target != awaited.target);
        active.awaits.push(awaited.clone());
    }
    Some(next)
}

/// Writes down that the sweep has sent a tick to the deployment that is parked here. `None`: none is parked that nobody
/// works on.
#[must_use]
pub fn with_tick_sent(head: &Head, now: Timestamp) -> Option<Head> {
    head.active().filter(|active| active.hops > 0 && active.lease_until <= now)?;
    let mut next = head.next();
    if let Some(active) = &mut next.queue.active {
        active.next_look_at = now.checked_add(NO_OTHER_FOR).ok();
    }
    Some(next)
}

/// Writes down which calls the owner of a claim tries again. `None`: it is written already, or the claim is not ours
/// any more.
#[must_use]
pub fn with_retried_calls(head: &Head, claim: Token, calls: &[RetriedCall]) -> Option<Head> {
    let retried = RetriedCalls::of(claim, calls);
    let active = head.queue.claimed(claim)?;
    if active.retried_calls() == retried.as_ref().map_or(&[][..], |retried| retried.by(claim)) {
        return None;
    }
    let mut next = head.next();
    if let Some(active) = &mut next.queue.active {
        active.retried = retried;
    }
    Some(next)
}
