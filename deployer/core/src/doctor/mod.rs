//! What the doctor tells: each link of the chain of trust, whether it holds, and what mends it.
//!
//! Here are the report and its words, and what is judged of what was seen. Who looks is `engine/doctor`; must not know how.

mod action;
mod judge;
mod statement;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use action::{PROBE, ProbedAction, UNPROBED};
pub use judge::{
    Attempt, QueueLook, Refusal, Refused, SWEEP_NOTED_EVERY, Tried, clocks, dead_letters, entered, ledger, queue,
    read_artifact, rights, sweep, versioning,
};
pub use statement::{Chain, probe_policy};

use crate::config::Target;
use crate::id::EnvironmentName;
use crate::text::PlainText;

/// What the doctor has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DoctorReport {
    /// What the deployer's clock showed; null where the deployer could not be asked.
    pub now: Option<Timestamp>,
    /// The deployer, its buckets and its queue.
    pub tooling: Vec<Check>,
    /// Each target of each environment that was looked at.
    pub targets: Vec<TargetReport>,
}

/// What was found in one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetReport {
    /// The environment.
    pub environment: EnvironmentName,
    /// The target.
    #[serde(flatten)]
    pub target: Target,
    /// In the order in which a deployment needs them.
    pub checks: Vec<Check>,
}

/// One link of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// What was looked at: a stable name, or an IAM action.
    pub check: String,
    /// How it stands.
    pub status: CheckStatus,
    /// What was found, or why it was not looked at.
    pub because: Option<PlainText>,
    /// What has to be allowed, each where it belongs. Where several places may lack it, all are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
}

/// How a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// It holds.
    Ok,
    /// It does not: AWS says that it is not allowed, or what was looked at is not as it must be.
    Fail,
    /// Nobody knows, and `because` says why: it cannot be tried, or there was no answer that tells.
    NotChecked,
}

/// A policy's statement that is missing, or that something else denies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Missing {
    /// The policy that it belongs to, in words.
    pub belongs: String,
    /// The statement, as IAM takes it.
    pub statement: Value,
}

impl DoctorReport {
    /// Whether nothing that was looked at fails.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.tooling.iter().chain(self.targets.iter().flat_map(|target| &target.checks)).all(Check::is_well)
    }
}

impl Check {
    /// It holds.
    #[must_use]
    pub fn ok(check: impl Into<String>) -> Self {
        Self { check: check.into(), status: CheckStatus::Ok, because: None, missing: vec![] }
    }

    /// It does not hold.
    #[must_use]
    pub fn fail(check: impl Into<String>, because: impl Into<PlainText>) -> Self {
        Self { status: CheckStatus::Fail, because: Some(because.into()), ..Self::ok(check) }
    }

    /// Nobody knows.
    #[must_use]
    pub fn not_checked(check: impl Into<String>, because: impl Into<PlainText>) -> Self {
        Self { status: CheckStatus::NotChecked, because: Some(because.into()), ..Self::ok(check) }
    }

    /// The same with what was found.
    #[must_use]
    pub fn seeing(self, what: impl Into<PlainText>) -> Self {
        Self { because: Some(what.into()), ..self }
    }

    /// The same with what has to be allowed.
    #[must_use]
    pub fn for_want_of(self, missing: Vec<Missing>) -> Self {
        Self { missing, ..self }
    }

    /// Whether it does not fail.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.status != CheckStatus::Fail
    }
}

#[cfg(test)]
mod tests;
