//! A target in a deployment's record.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::status::Status;
use crate::config::Target;
use crate::id::{AccountId, AliasName, FunctionName, Region, Sha256, Version};
use crate::text::PlainText;

/// The reason for which a target failed.
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
    /// The zip is too large to be sent inline.
    CodeTooLarge,
    /// Lambda refused the configuration, or it is not enough to create the function.
    InvalidConfiguration,
    /// Lambda cannot assume the execution role.
    RoleNotAssumable,
    /// The function or its version ended in state Failed.
    FunctionFailed,
    /// Lambda did not move the alias's traffic to the new version in time.
    TrafficNotMoved,
    /// The new version failed a smoke test.
    SmokeTestFailed,
    /// Somebody else changed the function meanwhile.
    ForeignChange,
    /// AWS kept throttling until the deadline.
    Throttled,
    /// The target was not done before the deadline.
    TimedOut,
    /// The account has reached a limit: of code storage, versions or concurrency.
    QuotaExceeded,
    /// The deployer cannot deploy such a function: a container image, or one whose code must be signed.
    Unsupported,
    /// Any other error; the message has the last cause.
    Internal,
    /// A code that only a newer deployer knows.
    #[serde(other, rename = "?")]
    #[schemars(skip)]
    Unknown,
}

/// The error of a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{step}: {message}")]
pub struct TargetError {
    /// The kind of error.
    pub code: TargetErrorCode,
    /// The action and its object, the cause of the error, and advice on what to do.
    pub message: PlainText,
    /// The step that failed: `enter`, `observe`, `plan`, or a step of the plan.
    pub step: String,
}

impl TargetError {
    /// Makes an error of this kind in this step.
    pub fn new(code: TargetErrorCode, step: impl Into<String>, message: impl Into<PlainText>) -> Self {
        Self { code, message: message.into(), step: step.into() }
    }
}

/// The version that a target's alias served before a deployment first wrote to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Previous {
    /// The version.
    pub version: Version,
    /// The SHA-256 of its code in base64.
    pub sha256: Option<Sha256>,
    /// Further versions that got a part of the traffic, with that part.
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

/// The outcome of a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetOutcome {
    /// The target's account.
    pub account: AccountId,
    /// The target's region.
    pub region: Region,
    /// The target's status.
    pub status: Status,
    /// The function's name there.
    pub function_name: FunctionName,
    /// The alias that is moved.
    pub alias: AliasName,
    /// The version that the alias serves because of this deployment.
    pub version: Option<Version>,
    /// The version that the alias served before.
    pub previous: Option<Previous>,
    /// The error, if the target failed.
    pub error: Option<TargetError>,
    /// Whether the target failed, but its alias serves this deployment's version, or that is not known.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reached: bool,
    /// Whether this deployment has made the function, which was not there before.
    #[serde(default, skip_serializing_if = "is_false")]
    pub created: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it so")]
fn is_false(value: &bool) -> bool {
    !value
}

impl TargetOutcome {
    /// Whether its alias serves the deployment's version.
    #[must_use]
    pub fn serves(&self) -> bool {
        matches!(self.status, Status::Succeeded | Status::Unchanged)
    }

    /// Whether its alias serves the deployment's version, or may.
    #[must_use]
    pub fn may_serve(&self) -> bool {
        self.serves() || self.reached
    }

    /// Returns the target.
    #[must_use]
    pub fn target(&self) -> Target {
        Target { account: self.account.clone(), region: self.region.clone() }
    }

    /// Makes the outcome of a target that was not touched yet.
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
            created: false,
        }
    }
}
