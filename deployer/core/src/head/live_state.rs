//! The live state of a head: what its targets serve, what is live, and what was.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::live_artifact::LiveArtifact;
use crate::alias_traffic::UNPROVISIONED_FOR;
use crate::config::Target;
use crate::function_ref::FunctionRef;
use crate::id::{AliasName, DeploymentId, FunctionName, Release, Sha256, Version};
use crate::managed_keys::ManagedKeys;

/// The number of artifacts that a head remembers of those that were live, and of those that were left.
pub const HISTORY: usize = 50;

/// The live state: what each target serves, what is live, and what was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LiveState {
    /// The targets, each with what it serves.
    pub(super) targets: Vec<LiveTarget>,
    /// The sequence of what was live, newest first: the first still is.
    pub(super) history: Vec<LiveArtifact>,
    /// The artifacts that were rolled back from, newest first.
    #[serde(default)]
    pub(super) left: Vec<LiveArtifact>,
    /// The deployment that was the last to reach a target, where its record is gone and nobody knows what it brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unrecovered: Option<DeploymentId>,
}

impl LiveState {
    /// The artifact that was the last to reach a target, on all targets or on some.
    #[must_use]
    pub fn live(&self) -> Option<&LiveArtifact> {
        self.history.first()
    }

    /// Whether anything was ever live here, or may be in a target.
    #[must_use]
    pub fn has_served(&self) -> bool {
        !self.history.is_empty()
            || !self.left.is_empty()
            || self.unrecovered.is_some()
            || self.targets.iter().any(|target| target.version.is_some())
    }

    /// Finds what a target serves.
    #[must_use]
    pub fn target(&self, target: &Target) -> Option<&LiveTarget> {
        self.targets.iter().find(|live| live.target == *target)
    }

    /// Finds what the alias of a function serves in a target.
    #[must_use]
    pub fn target_of(&self, at: &FunctionRef<'_>, target: &Target) -> Option<&LiveTarget> {
        self.target(target).filter(|live| live.is_of(&at.function_name, &at.environment.alias))
    }

    /// Finds the entry of a target, and makes one where there is none.
    pub(super) fn target_mut(&mut self, target: &Target) -> &mut LiveTarget {
        let at = self.targets.iter().position(|live| live.target == *target).unwrap_or_else(|| {
            self.targets.push(LiveTarget::unknown(target.clone()));
            self.targets.len() - 1
        });
        &mut self.targets[at]
    }

    /// Returns the keys that the last deployment set on a function in a target.
    #[must_use]
    pub fn managed_on(&self, function_name: &FunctionName, target: &Target) -> ManagedKeys {
        let live = self.target(target).filter(|live| live.is_of_function(function_name));
        live.map(|live| live.managed.clone()).unwrap_or_default()
    }

    /// Finds the code of a version of a function in a target, where that version was live.
    #[must_use]
    pub fn code_of(&self, function_name: &FunctionName, target: &Target, version: &Version) -> Option<Sha256> {
        let serves = self.target(target).filter(|live| live.is_of_function(function_name));
        let serves = serves.filter(|live| live.version.as_ref() == Some(version));
        let place = target.to_string();
        let is_its = |live: &&LiveArtifact| live.function_name.as_ref().is_none_or(|name| name == function_name);
        let mut lives = self.history.iter().chain(&self.left).filter(is_its);
        let mut live = || lives.find(|live| live.versions.get(&place) == Some(version));
        serves.and_then(|serves| serves.sha256).or_else(|| live()?.sha256)
    }

    /// Finds the release that a version was live as in a target, the deployment that brought it, and its code.
    pub(super) fn brought_as(
        &self,
        target: &Target,
        version: &Version,
    ) -> Option<(Release, DeploymentId, Option<Sha256>)> {
        let place = target.to_string();
        let is_it =
            |live: &&LiveArtifact| [&live.versions, &live.former].iter().any(|of| of.get(&place) == Some(version));
        let live = self.history.iter().chain(&self.left).find(is_it)?;
        Some((live.release.clone(), live.id(), live.sha256))
    }

    /// Iterates over the code of all that was live here or was rolled back from.
    pub(super) fn code(&self) -> impl Iterator<Item = Sha256> {
        self.history.iter().chain(&self.left).filter_map(|live| live.sha256)
    }

    /// Iterates over the artifacts that were live: the history, and those that were left after they had reached a
    /// target.
    pub(super) fn all_that_were_live(&self) -> impl Iterator<Item = &LiveArtifact> {
        self.history.iter().chain(self.left.iter().filter(|left| left.was_live()))
    }

    /// Finds the newest artifact of a release among the last that were live here.
    pub(super) fn newest_of(&self, release: &Release) -> Option<&LiveArtifact> {
        self.all_that_were_live().filter(|live| live.release == *release).max_by_key(|live| live.since)
    }

    /// Whether nobody knows any more what the last deployment to reach a target brought.
    pub(crate) fn has_unrecovered_live(&self) -> bool {
        self.unrecovered.is_some()
    }
}

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
