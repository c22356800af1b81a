//! An alias of a function.

use crate::function::UpdateOutcome;
use std::collections::BTreeMap;
use std::time::Duration;

use deployer_core::observed::{ProvisionedConcurrency, ProvisionedStatus};
use jiff::Timestamp;

/// A pointer to a version (0: `$LATEST`).
#[derive(Debug, Clone, PartialEq)]
pub struct Alias {
    /// What it serves.
    pub version: u64,
    /// What else it serves, and with which part of the traffic.
    pub weights: BTreeMap<u64, f64>,
    /// What is said about it.
    pub description: String,
    /// Its provisioned concurrency.
    pub provisioned: Option<Provisioned>,
    pub(super) revision: u64,
}

/// The provisioned concurrency of an alias.
#[derive(Debug, Clone, PartialEq)]
pub struct Provisioned {
    /// The version that it stands on.
    pub stands_on: u64,
    /// How long it takes until it stands on another one.
    pub takes: Duration,
    /// How that ends.
    pub outcome: UpdateOutcome,
    /// Until when Lambda is at it.
    pub(super) until: Option<Timestamp>,
    /// Why Lambda has given up.
    pub(super) failed: Option<String>,
}

impl Alias {
    /// Lambda moves an alias: where its concurrency does not stand on the new version yet, all traffic stays.
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

    /// What has come to its end by now; whether something has.
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
