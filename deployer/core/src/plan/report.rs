//! What `plan` tells: the plans of a deployment's targets, with the values of variables masked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Change, Plan};
use crate::config::Target;
use crate::id::{EnvironmentName, FunctionName, Release};
use crate::record::{Code, TargetError};

/// What a deployment would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanReport {
    /// Where to.
    pub environment: EnvironmentName,
    /// Which function.
    pub function: FunctionName,
    /// Which release; null where a file was planned.
    pub release: Option<Release>,
    /// Whether every target serves it already.
    pub unchanged: bool,
    /// In the configuration's order.
    pub targets: Vec<TargetPlan>,
    /// Why it would be refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedPlan>,
}

/// Why a deployment would be refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedPlan {
    /// The rule.
    pub code: Code,
    /// The same in one sentence.
    pub because: String,
}

/// What would be done to one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetPlan {
    /// The target.
    #[serde(flatten)]
    pub target: Target,
    /// In this order.
    pub steps: Vec<PlannedStep>,
    /// What differs.
    pub changes: Vec<PlannedChange>,
    /// What may be wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Why there is no plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<TargetError>,
}

/// One writing call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedStep {
    /// What it is called.
    pub step: String,
    /// With what; empty where there is nothing to say.
    pub detail: String,
}

/// One field that is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedChange {
    /// The manifest's path of the field, or `code`.
    pub field: String,
    /// What is there; null where nothing is.
    pub from: Option<String>,
    /// What shall be there; null where nothing shall.
    pub to: Option<String>,
}

impl TargetPlan {
    /// What a plan comes to, or why there is none.
    #[must_use]
    pub fn of(target: &Target, plan: Result<&Plan, TargetError>) -> Self {
        let (steps, changes, warnings, error) = match plan {
            Ok(plan) => (
                plan.steps.iter().map(|s| PlannedStep { step: s.name().to_owned(), detail: s.detail() }).collect(),
                plan.changes.iter().map(PlannedChange::from).collect(),
                plan.warnings.clone(),
                None,
            ),
            Err(error) => (vec![], vec![], vec![], Some(error)),
        };
        Self { target: target.clone(), steps, changes, warnings, error }
    }
}

impl From<&Change> for PlannedChange {
    fn from(change: &Change) -> Self {
        Self { field: change.field.clone(), from: change.from.text(), to: change.to.text() }
    }
}
