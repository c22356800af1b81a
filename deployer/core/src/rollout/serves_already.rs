//! Targets that serve the new version already when the rollout begins: an earlier deployment of the release has reached
//! them and did not become live, say.

use jiff::Timestamp;

use super::clock::{moved_at, step_ends};
use super::moves::change;
use super::state::{Phase, RolloutState, RolloutTarget, Served, Shift};
use crate::config::Target;
use crate::id::Version;

/// Adds a target that serves the new version already. It is in no wave and nothing moves there, but it is watched from
/// now on, and goes back with the others: to the version of what is live, `old`. Where that is not known, it stays and
/// is named.
#[must_use]
pub fn with_target_that_serves(
    mut state: RolloutState,
    target: Target,
    (old, new): (Option<Version>, Version),
    now: Timestamp,
) -> RolloutState {
    let mut one = RolloutTarget::at_rest(target, Shift::AtOnce, old);
    (one.new, one.smoked) = (Some(new), true);
    (one.weight, one.meant_at, one.at) = (100, Some(now), Some(now));
    one.served.push(Served { weight: 100, meant_at: now, at: now });
    state.targets.push(one);
    state
}

/// Lets a target's alias leave a version that nobody wants back, as nothing is live: it moves at once, without comparison
/// and without a way back.
#[must_use]
pub fn with_replaced(mut state: RolloutState, target: &Target, version: Version) -> RolloutState {
    change(&mut state, target, |one| {
        (one.old, one.replaces, one.shift) = (None, Some(version), Shift::AtOnce);
    });
    state
}

/// Watches a rollout whose targets all serve the new version already: it has no waves, so nothing is tested and nothing
/// moves. Any other rollout is left as it is.
#[must_use]
pub fn watched_from_the_beginning(mut state: RolloutState) -> RolloutState {
    if state.plan.waves.is_empty() && state.phase == Phase::Publishing {
        (state.phase, state.step) = (Phase::Watching, state.plan.steps.len());
        state.due = moved_at(&state).map(|moved| step_ends(&state, moved));
    }
    state
}

/// Returns the time since which a target's alias is known to serve the old version and nothing else. `since` is that of
/// the targets in waves. The other ones served the new version before the rollout began: none of their minutes is the old
/// version's unless CloudWatch tells it apart.
#[must_use]
pub fn old_alone_since(
    state: &RolloutState,
    one: &RolloutTarget,
    since: Option<Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    if has_old_minutes(state, one) { since } else { Some(now) }
}

/// Whether the old version has served a target until the rollout began: it is in a wave.
#[must_use]
pub fn has_old_minutes(state: &RolloutState, one: &RolloutTarget) -> bool {
    state.plan.waves.iter().flatten().any(|target| *target == one.target)
}
