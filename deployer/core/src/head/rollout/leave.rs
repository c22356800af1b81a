//! The owner of the claim leaves a rollout to another invocation, although something is left to be done.

use jiff::Timestamp;

use crate::head::state::Head;
use crate::id::Token;

/// The reason why the owner of a rollout's claim leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RolloutLeave {
    /// The time is up.
    OutOfTime,
    /// Lambda moves the traffic of an alias with provisioned concurrency; a tick looks again at this time, or, if there
    /// is none, the sweep.
    AwaitsTraffic(Option<Timestamp>),
    /// Some targets cannot go back yet; the sweep tries again, as often as it takes.
    HeldUp,
}

/// Gives the claim of a rollout up before its lease ends. `None`: the claim is not ours any more.
#[must_use]
pub fn leave_rollout(head: &Head, claim: Token, how: RolloutLeave, now: Timestamp) -> Option<Head> {
    head.queue.claimed(claim).filter(|active| active.rollout.is_some() && active.lease_until > now)?;
    let mut next = head.next();
    let active = next.queue.active.as_mut()?;
    active.lease_until = now;
    active.attempts = active.attempts.saturating_sub(1);
    match how {
        RolloutLeave::OutOfTime => active.extensions += 1,
        RolloutLeave::AwaitsTraffic(look_at) => active.park(look_at, now),
        // The next owner must know that one was before it; how many have tried does not matter.
        RolloutLeave::HeldUp => (active.attempts, active.extensions, active.hops) = (0, 1, 0),
    }
    Some(next)
}
