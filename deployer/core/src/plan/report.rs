//! The answer of `plan`: the plans of a deployment's targets, with the values of variables masked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Change, Plan};
use crate::config::Target;
use crate::id::{EnvironmentName, FunctionName, Release};
use crate::record::{Code, TargetError};

/// The changes that a deployment would make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanReport {
    /// The environment that would be deployed to.
    pub environment: EnvironmentName,
    /// The function.
    pub function: FunctionName,
    /// The release; null if a file was planned.
    pub release: Option<Release>,
    /// Whether every target serves it already.
    pub unchanged: bool,
    /// The targets, in the order of the configuration.
    pub targets: Vec<TargetPlan>,
    /// The reason for which the deployment would be refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedPlan>,
}

/// The reason for which a deployment would be refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedPlan {
    /// The code of the rule.
    pub code: Code,
    /// The reason in one sentence.
    pub because: String,
}

/// The plan of one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetPlan {
    /// The target.
    #[serde(flatten)]
    pub target: Target,
    /// The steps, in this order.
    pub steps: Vec<PlannedStep>,
    /// The differences between the target and the wanted state.
    pub changes: Vec<PlannedChange>,
    /// Possible problems that do not stop the deployment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The reason why there is no plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<TargetError>,
}

/// A writing call, or the wait for its effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedStep {
    /// The name of the step.
    pub step: String,
    /// Details of the step; empty if there are none.
    pub detail: String,
}

/// A field that is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedChange {
    /// The manifest's path of the field, or `code`.
    pub field: String,
    /// The present value; null if there is none.
    pub from: Option<String>,
    /// The wanted value; null if the field is removed.
    pub to: Option<String>,
}

impl TargetPlan {
    /// Makes the report of a plan, or of the error for which there is none.
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
