//! The clock of a step: when it began and when it ends.

use jiff::{SignedDuration, Timestamp};

use super::state::{Phase, RolloutState};

/// Returns the time at which the last target of the wave was seen to serve its weight; none until then. A rollout without
/// waves only watches what all targets serve already.
pub(super) fn moved_at(state: &RolloutState) -> Option<Timestamp> {
    let among = if state.plan.waves.is_empty() { &state.targets } else { state.in_wave() };
    let confirmed: Option<Vec<Timestamp>> = among.iter().map(|one| one.at).collect();
    confirmed?.into_iter().max()
}

/// Returns the end of the step whose last target has moved at this time.
pub(super) fn step_ends(state: &RolloutState, moved_at: Timestamp) -> Timestamp {
    // A step whose end no calendar holds never ends by itself.
    moved_at.checked_add(lasts(state)).unwrap_or(Timestamp::MAX)
}

/// Returns the time of the step. A person who asks to finish skips all but the shortest watch of all traffic.
pub(super) fn lasts(state: &RolloutState) -> SignedDuration {
    match state.finish {
        false => state.plan.lasts(state.step),
        true if is_last_watch(state) => SignedDuration::from_secs(state.plan.shortest_seconds.into()),
        true => SignedDuration::ZERO,
    }
}

/// Whether all targets serve the new version alone, and the rollout succeeds when the watch ends.
pub(super) fn is_last_watch(state: &RolloutState) -> bool {
    state.phase == Phase::Watching && state.wave + 1 >= state.plan.waves.len()
}
