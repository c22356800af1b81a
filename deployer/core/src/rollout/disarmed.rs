//! Alarms that fired before the rollout began.

use std::collections::BTreeSet;

use super::state::RolloutState;
use crate::config::Target;

/// Disarms alarms of a target that fire before the rollout begins: each counts again once it has been OK.
#[must_use]
pub fn with_disarmed(mut state: RolloutState, target: &Target, alarms: BTreeSet<String>) -> RolloutState {
    if let Some(one) = state.targets.iter_mut().find(|one| one.target == *target) {
        one.disarmed.extend(alarms);
    }
    state
}
