//! Whether a target's traffic can be shared between the version that it serves and the new one.

use super::state::Shift;
use crate::observed::ObservedCode;

/// The reason why a target takes no weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unshiftable {
    /// The alias has provisioned concurrency.
    #[error("its alias has provisioned concurrency, which takes no weights")]
    ProvisionedConcurrency,
    /// The versions have different execution roles.
    #[error("the old and the new version have different execution roles")]
    Role,
    /// The versions have different dead-letter targets.
    #[error("the old and the new version have different dead-letter targets")]
    DeadLetterConfig,
}

impl Shift {
    /// Finds out whether Lambda takes weights between these versions (AWS Lambda Developer Guide, "Implement Lambda
    /// canary deployments using a weighted alias"): equal execution roles and dead-letter targets, and no provisioned
    /// concurrency on the alias.
    ///
    /// # Errors
    /// [`Unshiftable`]: the traffic moves at once.
    pub fn between(old: &ObservedCode, new: &ObservedCode, is_provisioned: bool) -> Result<Self, Unshiftable> {
        if is_provisioned {
            Err(Unshiftable::ProvisionedConcurrency)
        } else if old.settings.role != new.settings.role {
            Err(Unshiftable::Role)
        } else if old.settings.dead_letter_config != new.settings.dead_letter_config {
            Err(Unshiftable::DeadLetterConfig)
        } else {
            Ok(Self::InSteps)
        }
    }
}
