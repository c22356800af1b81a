//! The doctor's report: each link of the chain of trust, whether it holds, and the repair.
//!
//! This module has the report, its texts, and the evaluation of what was observed. `engine/doctor` makes the calls,
//! which nothing here knows.

mod action;
mod checks;
mod configuration;
mod formats;
mod gone;
mod missing;
mod statement;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use action::{PROBE, ProbedAction, UNPROBED};
pub use checks::{
    Attempt, QueueLook, Refusal, Refused, SWEEP_NOTE_INTERVAL, Tried, clocks, dead_letters, entered, ledger, queue,
    read_artifact, rights, sweep, versioning,
};
pub use configuration::configuration;
pub use formats::formats;
pub use gone::gone;
pub use missing::MissingInPolicy;
pub use statement::{Chain, probe_policy};

use crate::config::Target;
use crate::id::EnvironmentName;
use crate::text::PlainText;

/// The doctor's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DoctorReport {
    /// The time of the deployer's clock; null if the deployer could not be asked.
    pub now: Option<Timestamp>,
    /// The checks of the deployer, its buckets and its queues.
    pub tooling: Vec<Check>,
    /// The checks of each target of each environment that was asked for.
    pub targets: Vec<TargetReport>,
}

/// The checks of one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetReport {
    /// The environment.
    pub environment: EnvironmentName,
    /// The target.
    #[serde(flatten)]
    pub target: Target,
    /// The checks in the order in which a deployment needs them.
    pub checks: Vec<Check>,
}

/// The check of one link of the chain of trust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// The name of the check, which is stable, or an IAM action.
    pub check: String,
    /// The result.
    pub status: CheckStatus,
    /// The finding, or the reason why it was not checked.
    pub because: Option<PlainText>,
    /// The IAM statements that are missing, each with its policy. If several policies may lack one, all of them are
    /// listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// The other statements that the same call needs. AWS names one refusal at a time, so they may be missing too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_needed: Vec<Missing>,
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// The link holds.
    Ok,
    /// The link does not hold: AWS denied the call, or something is not set up as it must be.
    Fail,
    /// The state is not known, and `because` says why: the check cannot be tried, or its answer decides nothing.
    NotChecked,
}

/// An IAM statement that is missing, or that something else denies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Missing {
    /// The policy that the statement belongs to, in words.
    pub belongs: String,
    /// The statement as JSON for IAM.
    pub statement: Value,
}

impl DoctorReport {
    /// Whether no check fails.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.tooling.iter().chain(self.targets.iter().flat_map(|target| &target.checks)).all(Check::is_well)
    }
}

impl Check {
    /// Makes a check that holds.
    #[must_use]
    pub fn ok(check: impl Into<String>) -> Self {
        Self { check: check.into(), status: CheckStatus::Ok, because: None, missing: vec![], also_needed: vec![] }
    }

    /// Makes a check that fails.
    #[must_use]
    pub fn fail(check: impl Into<String>, because: impl Into<PlainText>) -> Self {
        Self { status: CheckStatus::Fail, because: Some(because.into()), ..Self::ok(check) }
    }

    /// Makes a check whose result is not known.
    #[must_use]
    pub fn not_checked(check: impl Into<String>, because: impl Into<PlainText>) -> Self {
        Self { status: CheckStatus::NotChecked, because: Some(because.into()), ..Self::ok(check) }
    }

    /// Adds the finding.
    #[must_use]
    pub fn with_finding(self, what: impl Into<PlainText>) -> Self {
        Self { because: Some(what.into()), ..self }
    }

    /// Adds the statements that are missing.
    #[must_use]
    pub fn with_missing(self, missing: Vec<Missing>) -> Self {
        Self { missing, ..self }
    }

    /// Adds the other statements that the same call needs.
    #[must_use]
    pub fn with_also_needed(self, also_needed: Vec<Missing>) -> Self {
        Self { also_needed, ..self }
    }

    /// Whether it does not fail.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.status != CheckStatus::Fail
    }
}

#[cfg(test)]
mod tests;
