//! One target of a deployment, as records tell it.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::status::Status;
use crate::config::Target;
use crate::id::{AccountId, AliasName, FunctionName, Region, Sha256, Version};
use crate::text::PlainText;

/// Why one target did not get there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TargetErrorCode {
    /// STS refused the deploy role.
    AssumeRoleDenied,
    /// The session belongs to another account than the target.
    WrongAccount,
    /// The session may not make a call that the plan needs.
    AccessDenied,
    /// Lambda could not read the artifact.
    ArtifactUnreadable,
    /// The zip is too large for the way it must take.
    CodeTooLarge,
    /// Lambda refused the configuration, or it is not enough to create the function.
    InvalidConfiguration,
    /// Lambda cannot assume the execution role.
    RoleNotAssumable,
    /// The function or its version ended in state Failed.
    FunctionFailed,
    /// Lambda did not let the alias's traffic to the new version.
    TrafficNotMoved,
    /// Somebody else changed the function meanwhile.
    ForeignChange,
    /// AWS kept throttling until the deadline.
    Throttled,
    /// Not done before the deadline.
    TimedOut,
    /// The account has reached a limit: of code storage, versions or concurrency.
    QuotaExceeded,
    /// The deployer cannot deploy such a function: a container image, or one whose code must be signed.
    Unsupported,
    /// Anything else; the message has the last cause.
    Internal,
    /// A newer deployer's.
    #[serde(other, rename = "?")]
    #[schemars(skip)]
    Unknown,
}

/// What went wrong on one target, in which step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{step}: {message}")]
pub struct TargetError {
    /// The kind.
    pub code: TargetErrorCode,
    /// What was being done, to what, what came of it and what to do about it.
    pub message: PlainText,
    /// The step of the way: `enter`, `observe`, `plan`, or a step of the plan.
    pub step: String,
}

impl TargetError {
    /// An error of this kind in this step.
    pub fn new(code: TargetErrorCode, step: impl Into<String>, message: impl Into<PlainText>) -> Self {
        Self { code, message: message.into(), step: step.into() }
    }
}

/// What a target's alias was seen to serve before a deployment first wrote to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Previous {
    /// The version.
    pub version: Version,
    /// Its code.
    pub sha256: Option<Sha256>,
    /// Further versions that got a part of the traffic, and which part.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, Weight>,
}

impl fmt::Display for Previous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {}", self.version)?;
        self.weights.iter().try_for_each(|(version, Weight(part))| {
            let percent = (part * 10_000.0).round() / 100.0;
            write!(f, " and {percent}% to version {version}")
        })
    }
}

/// A part of the traffic, between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Weight(pub f64);

/// JSON has no number that differs from itself.
impl Eq for Weight {}

/// How one target fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetOutcome {
    /// The target's account.
    pub account: AccountId,
    /// The target's region.
    pub region: Region,
    /// How far it is.
    pub status: Status,
    /// The function's name there.
    pub function_name: FunctionName,
    /// The alias that is moved.
    pub alias: AliasName,
    /// The version that the alias serves because of this deployment.
    pub version: Option<Version>,
    /// What it served before.
    pub previous: Option<Previous>,
    /// What went wrong.
    pub error: Option<TargetError>,
    /// It failed, and its alias serves this deployment's version all the same, or that is not known.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reached: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it so")]
fn is_false(value: &bool) -> bool {
    !value
}

impl TargetOutcome {
    /// Whether its alias serves what was deployed.
    #[must_use]
    pub fn has_arrived(&self) -> bool {
        matches!(self.status, Status::Succeeded | Status::Unchanged)
    }

    /// Whether its alias serves what was deployed, or may.
    #[must_use]
    pub fn has_reached(&self) -> bool {
        self.has_arrived() || self.reached
    }

    /// Which target it is about.
    #[must_use]
    pub fn target(&self) -> Target {
        Target { account: self.account.clone(), region: self.region.clone() }
    }

    /// A target that nothing was done to yet.
    #[must_use]
    pub fn untouched(target: &Target, function_name: FunctionName, alias: AliasName, status: Status) -> Self {
        Self {
            account: target.account.clone(),
            region: target.region.clone(),
            status,
            function_name,
            alias,
            version: None,
            previous: None,
            error: None,
            reached: false,
        }
    }
}
