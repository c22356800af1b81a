//! What `status` tells: per function and environment what is live, open, held and rejected. It comes from the head alone.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Target;
use crate::id::{DeploymentId, EnvironmentName, FunctionName, Release, Sha256, Version};

/// Functions by environments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusReport {
    /// By function, then by environment in the configuration's order.
    pub functions: Vec<FunctionStatus>,
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
    /// The rejected releases of the function.
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
}
