//! The answer of `plan`: the plans of a deployment's targets, with the values of variables masked.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rollout::PlannedRollout;
use super::{Change, PUBLISH_VERSION, Plan, Step, UPDATE_CONFIGURATION};
use crate::config::Target;
use crate::head::{LiveArtifact, Renamed, ResolvedArtifact};
use crate::id::{DeploymentId, EnvironmentName, FunctionName, Release, Sha256, Version};
use crate::promotion::Wait;
use crate::record::{Code, EndedWaiting, TargetError};
use crate::text::{Person, PlainText};

/// The plans of a group's members, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GroupPlans {
    /// One for each member.
    pub plans: Vec<PlanReport>,
}

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
    /// The environment that the release would be promoted from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promote_from: Option<EnvironmentName>,
    /// The release that is live in the environment now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<PlannedRelease>,
    /// The release that would be live afterwards, if it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brings: Option<PlannedRelease>,
    /// The releases between the two, newest first: those that a promotion brings along, or that a rollback passes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub between: Vec<PlannedRelease>,
    /// The conditions that the promotion would wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// The deployment under way that the rollback would stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stops: Option<DeploymentId>,
    /// The open rollback that means the same and would be the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joins: Option<DeploymentId>,
    /// The waiting promotions that the rollback would end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ends: Vec<DeploymentId>,
    /// The groups that wait with this function, and that the rollback would end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ends_groups: Vec<EndedWaiting>,
    /// The reason for which it is this release, where that is not obvious.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<PlainText>,
    /// The rollout by which the targets would get their traffic; absent where all of it moves at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<PlannedRollout>,
    /// Possible problems of the deployment as a whole, which do not stop it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A release that a plan is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedRelease {
    /// The release.
    pub release: Release,
    /// The deployment by which the code got this release, in this environment or in the one that it would be promoted
    /// from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentId>,
    /// The time since which it is live there, or was, under this release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The person who asked for it, or uploaded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Person>,
    /// The SHA-256 of its code in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// The upload's metadata: `commit`, `commit-time`, `build-url` and `uploaded-by`, as far as they are known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, PlainText>,
    /// The reason for which a rollback without `to` passes over it; absent for any other release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_over: Option<PlainText>,
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
    /// The version that the alias serves now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_from: Option<Version>,
    /// The version that the alias would serve; absent if a new one would be published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_to: Option<Version>,
    /// The steps, in this order.
    pub steps: Vec<PlannedStep>,
    /// The differences from the version that the alias serves now to what it would serve, and of the function as a
    /// whole.
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
        let target = target.clone();
        match plan {
            Ok(plan) => Self {
                target,
                version_from: plan.previous.as_ref().map(|previous| previous.version.clone()),
                version_to: plan.serving.clone().filter(|_| !plan.steps.iter().any(Step::publishes)),
                steps: plan
                    .steps
                    .iter()
                    .map(|s| PlannedStep { step: s.name().to_owned(), detail: s.detail() })
                    .collect(),
                changes: plan.changes.iter().map(PlannedChange::from).collect(),
                warnings: plan.warnings.clone(),
                error: None,
            },
            Err(error) => Self {
                target,
                version_from: None,
                version_to: None,
                steps: vec![],
                changes: vec![],
                warnings: vec![],
                error: Some(error),
            },
        }
    }

    /// Whether Lambda may answer with the last published version: PublishVersion makes no new one if neither code nor
    /// configuration has changed since (AWS Lambda API Reference, PublishVersion).
    #[must_use]
    pub fn may_use_last_version(&self) -> bool {
        let has = |name: &str| self.steps.iter().any(|step| step.step == name);
        has(PUBLISH_VERSION) && !has(UPDATE_CONFIGURATION)
    }
}

impl PlannedRelease {
    /// Makes the release of an artifact that is or was live.
    #[must_use]
    pub fn of(live: &LiveArtifact) -> Self {
        let Renamed { release, deployment, since, by, .. } = live.naming();
        Self {
            release,
            deployment: Some(deployment),
            since: Some(since),
            by,
            sha256: live.sha256,
            metadata: BTreeMap::new(),
            passed_over: None,
        }
    }

    /// Makes a release that a rollback passes, with the reason for which one without `to` passes over it.
    #[must_use]
    pub fn passed((live, passed_over): (&LiveArtifact, Option<PlainText>)) -> Self {
        Self { passed_over, ..Self::of(live) }
    }

    /// Makes the release of an artifact of which no deployment is known.
    #[must_use]
    pub fn resolved(artifact: &ResolvedArtifact) -> Self {
        Self {
            release: artifact.release.clone(),
            deployment: None,
            since: None,
            by: None,
            sha256: artifact.sha256,
            metadata: BTreeMap::new(),
            passed_over: None,
        }
    }
}

impl PlanReport {
    /// Makes a report without targets, of a plan that says nothing more yet.
    #[must_use]
    pub fn new(environment: EnvironmentName, function: FunctionName, release: Option<Release>) -> Self {
        Self {
            environment,
            function,
            release,
            unchanged: false,
            targets: vec![],
            refused: None,
            promote_from: None,
            live: None,
            brings: None,
            between: vec![],
            wait: None,
            stops: None,
            joins: None,
            ends: vec![],
            ends_groups: vec![],
            because: None,
            rollout: None,
            warnings: vec![],
        }
    }

    /// Adds the plans of the targets and the refusal. Nothing changes if neither does anything.
    #[must_use]
    pub fn with_targets(self, targets: Vec<TargetPlan>, refused: Option<RefusedPlan>) -> Self {
        let is_there = |target: &TargetPlan| target.error.is_none() && target.steps.is_empty();
        Self { unchanged: refused.is_none() && targets.iter().all(is_there), targets, refused, ..self }
    }
}

impl From<&Change> for PlannedChange {
    fn from(change: &Change) -> Self {
        Self { field: change.field.clone(), from: change.from.text(), to: change.to.text() }
    }
}
