//! Alarms that fired before the rollout began.

use std::collections::BTreeSet;

use super::state::RolloutState;
use crate::config::Target;

impl RolloutState {
    /// Disarms alarms of a target that fire before the rollout begins: each counts again once it has been OK.
    #[must_use]
    pub fn disarmed(mut self, target: &Target, alarms: BTreeSet<String>) -> Self {
        if let Some(one) = self.targets.iter_mut().find(|one| one.target == *target) {
            one.disarmed.extend(alarms);
        }
        self
    }
}
