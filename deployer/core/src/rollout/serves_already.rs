//! Targets that serve the new version already when the rollout begins: an earlier deployment of the release has reached
//! them and did not become live, say.

use jiff::Timestamp;

use super::state::{RolloutState, RolloutTarget, Served, Shift};
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
