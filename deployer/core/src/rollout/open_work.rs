//! Work of a rollout that is open: tests of a wave, or moves of its aliases. The targets that serve the new version are
//! guarded meanwhile.

use jiff::{SignedDuration, Timestamp};

use super::overdue::is_overdue;
use super::state::{RolloutAction, RolloutState, RolloutTarget};
use crate::config::Target;

/// The time after which open work no longer rests on the look that began it: a look is made before it is tried again.
const LOOKED_AT_BEFORE: SignedDuration = SignedDuration::from_secs(30);

/// Whether the owner of the claim looks before it goes on: a target serves the new version, and the open work has lasted
/// for a while.
#[must_use]
pub fn is_look_due(state: &RolloutState, now: Timestamp) -> bool {
    let lasts = |since: Timestamp| now.duration_since(since) >= LOOKED_AT_BEFORE;
    open_work(state).is_some() && state.targets.iter().any(is_served) && state.open_since.is_none_or(lasts)
}

/// Returns the time at which open work began that should have ended by now, and the targets that are not done.
#[must_use]
pub fn late_work(state: &RolloutState, now: Timestamp) -> Option<(Timestamp, Vec<Target>)> {
    let since = state.open_since.filter(|since| is_overdue(Some(*since), now))?;
    Some((since, open_work(state)?))
}

/// Returns the targets of a wave that are to be tested or moved; none where nothing of the kind is open.
fn open_work(state: &RolloutState) -> Option<Vec<Target>> {
    match state.next_action() {
        RolloutAction::Smoke(targets) | RolloutAction::Move(targets) => Some(targets),
        RolloutAction::Publish(_) | RolloutAction::GoBack(_) | RolloutAction::Look { .. } => None,
    }
}

fn is_served(one: &RolloutTarget) -> bool {
    !one.served.is_empty() && one.way_back.is_none()
}
