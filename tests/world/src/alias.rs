//! An alias of a function.

use crate::function::UpdateOutcome;
use std::collections::BTreeMap;
use std::time::Duration;

use deployer_core::observed::{ProvisionedConcurrency, ProvisionedStatus};
use jiff::Timestamp;

/// A pointer to a version (0: `$LATEST`).
#[derive(Debug, Clone, PartialEq)]
pub struct Alias {
    /// The version that it serves.
    pub version: u64,
    /// Further versions that it serves, each with its part of the traffic.
    pub weights: BTreeMap<u64, f64>,
    /// Its description.
    pub description: String,
    /// Its provisioned concurrency.
    pub provisioned: Option<Provisioned>,
    pub(super) revision: u64,
}

/// The provisioned concurrency of an alias.
#[derive(Debug, Clone, PartialEq)]
pub struct Provisioned {
    /// The version that it is allocated on.
    pub stands_on: u64,
    /// The time that its allocation on another version takes.
    pub takes: Duration,
    /// The end of that allocation.
    pub outcome: UpdateOutcome,
    /// The time at which the allocation ends, while one is under way.
    pub(super) until: Option<Timestamp>,
    /// Lambda's reason for giving up the allocation.
    pub(super) failed: Option<String>,
}

impl Alias {
    /// Moves the alias as Lambda does: while the concurrency is not allocated on the new version, all traffic stays.
    pub(super) fn move_to(&mut self, version: u64, now: Timestamp, revision: u64) {
        let moved = self.version != version;
        (self.version, self.revision) = (version, revision);
        self.weights.clear();
        let Some(provisioned) = &mut self.provisioned else { return };
        (provisioned.until, provisioned.failed) = (None, None);
        if moved && provisioned.stands_on != version {
            self.weights.insert(provisioned.stands_on, 1.0);
            provisioned.until = Some(now + provisioned.takes);
        } else {
            provisioned.stands_on = version;
        }
    }

    /// Ends an allocation whose time has come, and returns true if the traffic has moved.
    pub(crate) fn settle(&mut self, now: Timestamp) -> bool {
        let Some(provisioned) = self.provisioned.as_mut().filter(|p| p.until.is_some_and(|until| until <= now)) else {
            return false;
        };
        provisioned.until = None;
        match provisioned.outcome.clone() {
            UpdateOutcome::Settles => {
                provisioned.stands_on = self.version;
                self.weights.clear();
                true
            }
            UpdateOutcome::Fails(because) | UpdateOutcome::EndsIn(because) => {
                provisioned.failed = Some(because);
                false
            }
        }
    }

    pub(crate) fn look_at_concurrency(&self) -> Option<ProvisionedConcurrency> {
        let provisioned = self.provisioned.as_ref()?;
        let status = match (&provisioned.failed, provisioned.until) {
            (Some(because), _) => ProvisionedStatus::Failed { because: because.clone() },
            (None, Some(_)) => ProvisionedStatus::InProgress,
            (None, None) => ProvisionedStatus::Ready,
        };
        Some(ProvisionedConcurrency { requested: 1, allocated: 1, status })
    }
}

impl Alias {
    pub(super) fn of(version: u64, revision: u64) -> Self {
        Self { version, weights: BTreeMap::new(), description: String::new(), provisioned: None, revision }
    }
}
