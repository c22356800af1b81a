//! Alarms that fired before the rollout began: each counts again once it has been OK.

use super::state::RolloutState;
use crate::config::Target;
use crate::config::rollout::AlarmName;

impl RolloutState {
    /// Disarms alarms of a target that fire before the rollout begins.
    #[must_use]
    pub fn disarmed(mut self, target: &Target, alarms: impl IntoIterator<Item = AlarmName>) -> Self {
        if let Some(one) = self.targets.iter_mut().find(|one| one.target == *target) {
            for alarm in alarms {
                if !one.disarmed.contains(&alarm) {
                    one.disarmed.push(alarm);
                }
            }
        }
        self
    }

    /// Arms an alarm of a target again, because it was seen to be OK.
    #[must_use]
    pub fn rearmed(mut self, target: &Target, alarm: &AlarmName) -> Self {
        for one in self.targets.iter_mut().filter(|one| one.target == *target) {
            one.disarmed.retain(|disarmed| disarmed != alarm);
        }
        self
    }

    /// Whether an alarm of a target takes the rollout back when it fires.
    #[must_use]
    pub fn is_armed(&self, target: &Target, alarm: &AlarmName) -> bool {
        !self.targets.iter().any(|one| one.target == *target && one.disarmed.contains(alarm))
    }
}
