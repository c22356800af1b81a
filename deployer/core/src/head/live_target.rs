//! One target of a head, and what it serves.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alias_traffic::UNPROVISIONED_FOR;
use crate::config::Target;
use crate::id::{AliasName, DeploymentId, FunctionName, Release, Sha256, Version};
use crate::managed_keys::ManagedKeys;

/// A target and what it serves, as far as the deployer brought that about (or saw it, before its first deployment).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveTarget {
    /// The target.
    #[serde(flatten)]
    pub target: Target,
    /// The function whose alias it is; heads of older deployers do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_name: Option<FunctionName>,
    /// The alias; heads of older deployers do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<AliasName>,
    /// The release; none where it was only seen.
    pub release: Option<Release>,
    /// The deployment that brought it; none where it was only seen.
    pub deployment: Option<DeploymentId>,
    /// The version that the alias serves; none where only a deployment failed so far.
    pub version: Option<Version>,
    /// The sha256 of its code.
    pub sha256: Option<Sha256>,
    /// The version that the alias served before the deployer's first deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Version>,
    /// The last time at which the alias was seen to have no provisioned concurrency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unprovisioned_at: Option<Timestamp>,
    /// The keys that the last deployment set beside the code.
    #[serde(default, rename = "named")]
    pub managed: ManagedKeys,
}

impl LiveTarget {
    /// Makes the entry of a target of which nothing is known yet.
    pub(super) fn unknown(target: Target) -> Self {
        Self {
            target,
            function_name: None,
            alias: None,
            release: None,
            deployment: None,
            version: None,
            sha256: None,
            before: None,
            unprovisioned_at: None,
            managed: ManagedKeys::default(),
        }
    }

    /// Whether this function serves it.
    pub(super) fn is_of_function(&self, function_name: &FunctionName) -> bool {
        self.function_name.as_ref().is_none_or(|name| name == function_name)
    }

    /// Whether this function's alias serves it: deployer.json may name another alias by now.
    #[must_use]
    pub fn is_of(&self, function_name: &FunctionName, alias: &AliasName) -> bool {
        self.is_of_function(function_name) && self.alias.as_ref().is_none_or(|name| name == alias)
    }

    /// Whether the alias was seen not long ago to have no provisioned concurrency.
    #[must_use]
    pub fn is_unprovisioned(&self, now: Timestamp) -> bool {
        let until = self.unprovisioned_at.and_then(|at| at.checked_add(UNPROVISIONED_FOR).ok());
        until.is_some_and(|until| now < until)
    }
}
