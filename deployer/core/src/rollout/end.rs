//! The end of a rollout that goes back.

use super::state::{Phase, RolloutEnd, RolloutState, WayBack};

/// Returns the end of a rollout that goes back, once every target is back or stays. None before.
#[must_use]
pub fn end_of_way_back(state: &RolloutState) -> Option<RolloutEnd> {
    let abort = state.abort.as_ref().filter(|_| state.phase == Phase::GoingBack)?.clone();
    if state.targets.iter().any(|one| one.way_back == Some(WayBack::Open)) {
        return None;
    }
    let left = state.targets.iter().filter_map(|one| match &one.way_back {
        Some(WayBack::Stays { because }) => Some((one.target.clone(), because.clone())),
        _ => None,
    });
    let left: Vec<_> = left.collect();
    Some(if !left.is_empty() {
        RolloutEnd::Failed { abort, left }
    } else if went_back(state) {
        RolloutEnd::RolledBack(abort)
    } else {
        RolloutEnd::Stopped(abort)
    })
}

/// Whether a target had traffic on the new version, or may have had, when the rollout began to go back.
#[must_use]
pub fn went_back(state: &RolloutState) -> bool {
    state.targets.iter().any(|one| one.way_back.is_some())
}

/// Says how far the new version had come when the rollout began to go back: the greatest share of the traffic that it was
/// seen to get in a target.
#[must_use]
pub fn how_far(state: &RolloutState) -> String {
    match state.targets.iter().flat_map(|one| &one.served).map(|served| served.weight).max() {
        Some(weight) => format!("at {weight} %"),
        // A move that nobody has confirmed may have given it some.
        None => "before it was seen to get traffic".to_owned(),
    }
}
