//! The version that callers of an alias reach.
//!
//! The traffic of an alias with provisioned concurrency does not move at once. Lambda leaves all traffic on the version
//! before, as a weight beside the new FunctionVersion, until the concurrency is allocated on the new version. That is
//! neither a split that somebody made nor a finished deployment. (CodeDeploy's canary looks the other way round:
//! FunctionVersion is the old version, and the weight is on the new one.)

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Target;
use crate::id::Version;
use crate::observed::ObservedAlias;

/// The time for which the head's note counts that an alias has no provisioned concurrency.
pub const UNPROVISIONED_FOR: Duration = Duration::from_secs(86_400);

/// The versions that get an alias's traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Traffic {
    /// The alias's FunctionVersion gets all of it.
    Whole,
    /// Lambda still holds all of it on the version before.
    KeptBack {
        /// The version that gets the traffic.
        on: Version,
    },
    /// Somebody split it between versions.
    Split,
}

impl Traffic {
    /// Finds the traffic of an alias that this deployment did not just move. Only a whole weight can be Lambda's own: a
    /// person's canary is smaller.
    #[must_use]
    pub fn of(alias: &ObservedAlias) -> Self {
        Self::classify(alias, |_, weight| weight >= 1.0)
    }

    /// Finds the traffic of an alias that a deployment has moved away from `before`.
    #[must_use]
    pub fn after_move(alias: &ObservedAlias, before: Option<&Version>) -> Self {
        Self::classify(alias, |on, weight| weight >= 1.0 || Some(on) == before)
    }

    fn classify(alias: &ObservedAlias, is_lambdas: impl Fn(&Version, f64) -> bool) -> Self {
        let mut weights = alias.weights.iter();
        let Some((on, weight)) = weights.next() else { return Self::Whole };
        let only = weights.next().is_none() && alias.version.is_some() && alias.provisioned != Some(false);
        match Version::parse(on.clone()) {
            Ok(on) if only && Some(&on) != alias.version.as_ref() && is_lambdas(&on, *weight) => Self::KeptBack { on },
            _ => Self::Split,
        }
    }
}

impl ObservedAlias {
    /// Returns the one version that serves, or will serve when Lambda moves the traffic. None if the traffic is split
    /// or the alias points to `$LATEST`.
    #[must_use]
    pub fn sole_version(&self) -> Option<&Version> {
        self.version.as_ref().filter(|_| Traffic::of(self) != Traffic::Split)
    }

    /// Returns the version that gets all of the traffic now.
    #[must_use]
    pub fn traffic_version(&self) -> Option<Version> {
        match Traffic::of(self) {
            Traffic::Whole => self.version.clone(),
            Traffic::KeptBack { on } => Some(on),
            Traffic::Split => None,
        }
    }
}

/// A target whose traffic Lambda has not moved yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// The target.
    #[serde(flatten)]
    pub target: Target,
    /// The version that the traffic shall move to.
    pub version: Version,
    /// The version that the traffic moves from; none if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Version>,
    /// The time just before the alias was moved.
    pub since: Timestamp,
    /// The time at which the deployment stops waiting.
    pub until: Timestamp,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a mistake in a test ends the test")]
mod tests {
    use super::*;
    use crate::id::AliasName;
    use crate::observed::RevisionId;

    fn version(number: u64) -> Version {
        Version::parse(number.to_string()).unwrap()
    }

    fn alias(serves: Option<u64>, weights: &[(u64, f64)]) -> ObservedAlias {
        ObservedAlias {
            name: AliasName::parse("live").unwrap(),
            version: serves.map(version),
            weights: weights.iter().map(|(version, weight)| (version.to_string(), *weight)).collect(),
            provisioned: None,
            revision: RevisionId("r1".into()),
            moved_by_deployer: false,
            description: String::new(),
        }
    }

    #[test]
    fn alias_without_weights_serves_one_version() {
        assert_eq!(Traffic::of(&alias(Some(7), &[])), Traffic::Whole);
    }

    #[test]
    fn whole_weight_on_the_version_before_is_lambdas_own() {
        assert_eq!(Traffic::of(&alias(Some(7), &[(6, 1.0)])), Traffic::KeptBack { on: version(6) });
        // A rollback moves to a smaller number.
        assert_eq!(Traffic::of(&alias(Some(6), &[(7, 1.0)])), Traffic::KeptBack { on: version(7) });
    }

    #[test]
    fn part_of_the_traffic_elsewhere_is_somebodys_split() {
        assert_eq!(Traffic::of(&alias(Some(7), &[(6, 0.9)])), Traffic::Split);
        assert_eq!(Traffic::of(&alias(Some(7), &[(6, 0.5), (5, 0.5)])), Traffic::Split);
        // CodeDeploy's canary: the old version with a weight on the new one.
        assert_eq!(Traffic::of(&alias(Some(6), &[(7, 0.1)])), Traffic::Split);
    }

    #[test]
    fn whole_weight_without_provisioned_concurrency_is_somebodys_split() {
        let by_hand = ObservedAlias { provisioned: Some(false), ..alias(Some(7), &[(6, 1.0)]) };
        assert_eq!(Traffic::of(&by_hand), Traffic::Split);
        assert_eq!(by_hand.sole_version(), None);
    }

    #[test]
    fn after_a_move_any_weight_on_the_version_before_is_lambdas_own() {
        let moving = alias(Some(7), &[(6, 0.4)]);
        assert_eq!(Traffic::after_move(&moving, Some(&version(6))), Traffic::KeptBack { on: version(6) });
        assert_eq!(Traffic::after_move(&moving, Some(&version(5))), Traffic::Split);
    }

    #[test]
    fn held_traffic_is_on_the_version_before() {
        let held = alias(Some(7), &[(6, 1.0)]);
        assert_eq!((held.sole_version(), held.traffic_version()), (Some(&version(7)), Some(version(6))));
    }

    #[test]
    fn latest_serves_no_version_alone() {
        assert_eq!(alias(None, &[]).sole_version(), None);
    }
}
