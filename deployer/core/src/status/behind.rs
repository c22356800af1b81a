//! The releases by which an environment is behind those that it is promoted from.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FunctionStatus, is_false};
use crate::head::{Head, LiveArtifact};
use crate::id::{DeploymentId, EnvironmentName, Release, Sha256};

/// A release that is live in another environment, and not in this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Behind {
    /// The environment that is ahead.
    pub environment: EnvironmentName,
    /// The release that is live there.
    pub release: Release,
    /// The time since which this is so.
    pub since: Timestamp,
    /// The SHA-256 of its code in base64.
    pub sha256: Option<Sha256>,
    /// The number of releases that it is ahead by, as far as its history reaches.
    pub releases: usize,
    /// The time since which it is ahead.
    pub ahead_since: Timestamp,
    /// Whether that release is rejected.
    #[serde(default, skip_serializing_if = "is_false")]
    pub rejected: bool,
    /// Whether the environment that is behind has rolled that release back.
    #[serde(default, skip_serializing_if = "is_false")]
    pub rolled_back: bool,
}

/// The history of an environment, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceHistory {
    environment: EnvironmentName,
    entries: Vec<(Release, Timestamp, Option<Sha256>)>,
    /// The releases that were rolled back, newest first.
    left: Vec<(Release, Option<Sha256>)>,
    /// Whether the live release is rejected.
    rejected: bool,
    /// The deployment by which the live code got its release.
    brought_by: Option<DeploymentId>,
}

impl SourceHistory {
    /// Takes the history of a head, whose status this is.
    #[must_use]
    pub fn of(status: &FunctionStatus, head: &Head) -> Self {
        let entries = head.history().iter().map(|live| (live.release.clone(), live.since, live.sha256)).collect();
        let left =
            head.left().iter().filter(|left| left.was_live()).map(|left| (left.release.clone(), left.sha256)).collect();
        let brought_by = head.live().map(LiveArtifact::named_by);
        Self { environment: status.environment.clone(), entries, left, rejected: status.rejected, brought_by }
    }

    /// Returns the deployment by which the live code got its release.
    #[must_use]
    pub fn live_brought_by(&self) -> Option<DeploymentId> {
        self.brought_by
    }

    /// Returns how far this environment is ahead of another; none if it is not.
    pub(super) fn lead_over(&self, other: &Self) -> Option<Behind> {
        let live = other.entries.first();
        let is_there = |sha256: &Option<Sha256>| live.is_some_and(|(_, _, live)| live == sha256);
        let ahead: Vec<_> = self.entries.iter().take_while(|(_, _, sha256)| !is_there(sha256)).collect();
        let ((release, since, sha256), (_, ahead_since, _)) = (ahead.first()?, ahead.last()?);
        // The other one had this before what it has now, and that never came from here: it is the one that is ahead.
        let has_had = sha256.is_some() && other.entries.iter().any(|(_, _, had)| had == sha256);
        let is_from_here = ahead.len() < self.entries.len();
        // Where both codes are known they tell, as for the rules of promotions: a release may be built anew under its label.
        let is_it = |(left, code): &(Release, Option<Sha256>)| match (code, sha256) {
            (Some(code), Some(sha256)) => code == sha256,
            _ => left == release,
        };
        (is_from_here || !has_had).then(|| Behind {
            environment: self.environment.clone(),
            release: release.clone(),
            since: *since,
            sha256: *sha256,
            releases: ahead.len(),
            ahead_since: *ahead_since,
            rejected: self.rejected,
            rolled_back: other.left.iter().any(is_it),
        })
    }
}
