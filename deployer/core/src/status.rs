//! What `status` tells: per function and environment what is live, open, held and rejected. It comes from the head alone.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Target;
use crate::head::Head;
use crate::id::{DeploymentId, EnvironmentName, FunctionName, Release, Sha256, Version};
use crate::rejects::Rejects;

/// Functions by environments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusReport {
    /// By function, then by environment.
    pub functions: Vec<FunctionStatus>,
    /// What could not be read, and why: nothing is told of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
}

/// One function in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionStatus {
    /// The environment.
    pub environment: EnvironmentName,
    /// The function.
    pub function: FunctionName,
    /// What is live on every target.
    pub live: Option<LiveStatus>,
    /// What each target serves.
    pub targets: Vec<TargetStatus>,
    /// The deployment that is being worked on.
    pub active: Option<DeploymentId>,
    /// The deployment that is next.
    pub pending: Option<DeploymentId>,
    /// Why nothing new is taken.
    pub hold: Option<Hold>,
    /// Whether what is live was rejected.
    pub rejected: bool,
    /// The rejected releases of the function, where it is asked for by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejects: Vec<Reject>,
    /// What the environment that this one is promoted from has live and this one has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<Behind>,
}

/// What is live on every target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LiveStatus {
    /// The release.
    pub release: Release,
    /// The deployment that brought it.
    pub deployment: DeploymentId,
    /// Since when.
    pub since: Timestamp,
    /// Its code.
    pub sha256: Option<Sha256>,
    /// Who asked for it, or uploaded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What one target serves, as far as the ledger knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetStatus {
    /// The target.
    #[serde(flatten)]
    pub target: Target,
    /// The version that the alias serves.
    pub version: Option<Version>,
    /// Its release; null where it was there before the deployer.
    pub release: Option<Release>,
}

/// Nothing new is taken until it is released; rolling back is still possible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// Why, in the words of whoever holds.
    pub reason: String,
    /// Who.
    pub requested_by: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// A release of a function that nothing deploys any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reject {
    /// Its label.
    pub release: Release,
    /// Its code, in whatever environment and under whatever label it comes again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sha256: Vec<Sha256>,
    /// Why, in the words of whoever rejected it.
    pub reason: String,
    /// Who.
    pub requested_by: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// What an environment lags behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Behind {
    /// The environment that is ahead.
    pub environment: EnvironmentName,
    /// What it has live.
    pub release: Release,
    /// Since when.
    pub since: Timestamp,
    /// Its code.
    pub sha256: Option<Sha256>,
}

impl FunctionStatus {
    /// What a head tells, and what is rejected of the function.
    #[must_use]
    pub fn of(environment: &EnvironmentName, function: &FunctionName, head: &Head, rejects: &Rejects) -> Self {
        let live = head.live().map(|live| LiveStatus {
            release: live.release.clone(),
            deployment: live.deployment,
            since: live.since,
            sha256: live.sha256,
            by: live.by.clone(),
        });
        let targets = head.targets().iter().map(|seen| TargetStatus {
            target: seen.target.clone(),
            version: seen.version.clone(),
            release: seen.release.clone(),
        });
        Self {
            environment: environment.clone(),
            function: function.clone(),
            rejected: live.as_ref().is_some_and(|live| rejects.find(&live.release, live.sha256).is_some()),
            live,
            targets: targets.collect(),
            active: head.active().map(|active| active.request.id),
            pending: head.pending().map(|pending| pending.id),
            hold: head.hold().cloned(),
            rejects: rejects.all().to_vec(),
            behind: None,
        }
    }

    /// Whether there is anything to tell: a head may be there only because something was refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_none()
            && self.targets.is_empty()
            && self.active.is_none()
            && self.pending.is_none()
            && self.hold.is_none()
    }

    /// The same beside what is live in the environment that this one is promoted from.
    #[must_use]
    pub fn beside(self, ahead: Option<Behind>) -> Self {
        let behind = ahead.filter(|ahead| self.live.as_ref().is_none_or(|live| live.sha256 != ahead.sha256));
        Self { behind, ..self }
    }
}
