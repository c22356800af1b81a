//! The plan: a deployment to one target as a value, before anything is done (ARCHITECTURE.md, law 1).
//!
//! `plan` compares the wanted state with the observed one and leaves no choice to the execution. An empty plan means
//! that the target already serves exactly this.

mod configuration;
mod conflict;
mod creation;
mod error;
mod manifests;
mod planner;
mod report;
mod restore;
mod rollout;
mod surplus;
#[cfg(test)]
mod tests;
mod version_changes;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use crate::artifact::VerifiedArtifact;
use crate::config::Target;
use crate::id::{AliasName, FunctionName, RoleArn, Sha256, Version};
use crate::managed_keys::ManagedKeys;
use crate::manifest::{Architecture, TenancyConfig};
use crate::observed::RevisionId;
use crate::record::Previous;

pub use configuration::{Change, Configuration, Shown, UnmergeableVariables, differences};
pub use conflict::{foreign_change, still_as_planned};
pub use error::PlanError;
pub use manifests::compare_manifests;
pub use planner::plan;
pub use report::{GroupPlans, PlanReport, PlannedChange, PlannedRelease, PlannedStep, RefusedPlan, TargetPlan};
pub use restore::plan_restore;
pub use rollout::PlannedRollout;
pub use surplus::{PRUNED_AT_ONCE, surplus};
pub use version_changes::version_changes;

/// The wanted state of one target.
#[derive(Debug, Clone, Copy)]
pub struct DesiredState<'a> {
    /// The target.
    pub target: &'a Target,
    /// The function's name there.
    pub function: &'a FunctionName,
    /// The alias that callers use.
    pub alias: &'a AliasName,
    /// The code, and the manifest that came with it.
    pub artifact: &'a VerifiedArtifact,
    /// The variables and tags that the last deployment there set; those that are no longer named are removed.
    pub previously_managed: &'a ManagedKeys,
    /// The hashes of code that other deployments of the function wanted; their writes may take effect late.
    pub known_code: &'a [Sha256],
}

impl DesiredState<'_> {
    /// Returns what the last deployment set; nothing if the artifact has no manifest, because then all is left alone.
    fn previously_managed(&self) -> Cow<'_, ManagedKeys> {
        if self.artifact.has_manifest {
            Cow::Borrowed(self.previously_managed)
        } else {
            Cow::Owned(ManagedKeys::default())
        }
    }
}

/// The way in which the code reaches Lambda.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Lambda copies it from the artifact bucket, which is in the function's region.
    ByReference,
    /// The zip is sent in the call, because Lambda does not copy from a bucket of another region.
    Inline,
}

/// The settings of a function to create.
#[derive(Debug, Clone, PartialEq)]
pub struct NewFunction {
    /// Its execution role.
    pub role: RoleArn,
    /// Its instruction set.
    pub architecture: Architecture,
    /// Everything else that the manifest names, except for the role.
    pub configuration: Configuration,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The KMS key that encrypts its code.
    pub source_key: Option<String>,
    /// Tenant isolation, which no later call can change.
    pub tenancy: Option<TenancyConfig>,
}

/// The settings that are sent with new code.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CodeSettings {
    /// The instruction set, which is sent only if it changes.
    pub architecture: Option<Architecture>,
    /// The KMS key that encrypts the code. It is sent each time, because Lambda returns to its own key if a call names
    /// none.
    pub source_key: Option<String>,
}

/// A writing call, or the wait for its effect.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// CreateFunction, publishing version 1.
    Create(Box<NewFunction>),
    /// UpdateFunctionConfiguration.
    UpdateConfiguration(Box<Configuration>),
    /// UpdateFunctionCode, publishing.
    UpdateCode(CodeSettings),
    /// PublishVersion of `$LATEST` as it is.
    Publish,
    /// TagResource.
    Tag(BTreeMap<String, String>),
    /// UntagResource.
    Untag(Vec<String>),
    /// PutFunctionConcurrency.
    ReserveConcurrency(i32),
    /// DeleteFunctionConcurrency.
    FreeConcurrency,
    /// CreateAlias to the published version.
    CreateAlias,
    /// UpdateAlias to the published version, or to the version that it has, to clear its weights.
    MoveAlias {
        /// The alias's version when it was observed; none for `$LATEST`.
        from: Option<Version>,
        /// The alias's RevisionId.
        revision: RevisionId,
    },
    /// Wait until Lambda moves the traffic of the alias: it holds it back until the provisioned concurrency is
    /// allocated on the new version.
    AwaitTraffic {
        /// The version that still gets the traffic.
        from: Version,
    },
}

/// The name of the step that waits until Lambda has moved all of an alias's traffic to the new version.
pub const AWAIT_TRAFFIC: &str = "await traffic";

/// The name of the step that sends a configuration.
const UPDATE_CONFIGURATION: &str = "update configuration";

/// The name of the step that publishes `$LATEST` as it is.
const PUBLISH_VERSION: &str = "publish version";

/// The steps that bring a target to the wanted state.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The function.
    pub function: FunctionName,
    /// The alias.
    pub alias: AliasName,
    /// The hash of the code that the alias must serve afterwards.
    pub sha256: Sha256,
    /// The way in which the code reaches Lambda.
    pub delivery: Delivery,
    /// The steps, in this order.
    pub steps: Vec<Step>,
    /// The changes that callers of the alias will see: the differences from the version that it serves now to the one that it will
    /// serve, and those of the function as a whole. Without an alias they are those from `$LATEST`.
    pub changes: Vec<Change>,
    /// Possible problems that do not stop the deployment.
    pub warnings: Vec<String>,
    /// The precondition of the first write to the function.
    pub revision: Option<RevisionId>,
    /// The code that `$LATEST` had when it was observed.
    pub code_was: Option<Sha256>,
    /// The version that the alias served when it was observed, with weights.
    pub previous: Option<Previous>,
    /// The version that the alias shall serve, if nothing new is published.
    pub serving: Option<Version>,
    /// The version that gets all of the alias's traffic when it was observed.
    pub traffic: Option<Version>,
}

impl Plan {
    /// Whether the target is in the wanted state already.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether nothing is written: the alias serves the wanted version, or will when Lambda moves the traffic.
    #[must_use]
    pub fn writes_nothing(&self) -> bool {
        self.steps.iter().all(|step| matches!(step, Step::AwaitTraffic { .. }))
    }
}

impl Step {
    /// Returns the name of the step in records, logs and plans.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "create function",
            Self::UpdateConfiguration(_) => UPDATE_CONFIGURATION,
            Self::UpdateCode(_) => "update code",
            Self::Publish => PUBLISH_VERSION,
            Self::Tag(_) => "tag",
            Self::Untag(_) => "untag",
            Self::ReserveConcurrency(_) => "reserve concurrency",
            Self::FreeConcurrency => "free concurrency",
            Self::CreateAlias => "create alias",
            Self::MoveAlias { .. } => "move alias",
            Self::AwaitTraffic { .. } => AWAIT_TRAFFIC,
        }
    }

    /// Whether the step publishes a version.
    #[must_use]
    pub fn publishes(&self) -> bool {
        matches!(self, Self::Create(_) | Self::UpdateCode(_) | Self::Publish)
    }

    /// Whether the step changes the function's tags or its reserved concurrency.
    #[must_use]
    pub fn is_function_metadata(&self) -> bool {
        matches!(self, Self::Tag(_) | Self::Untag(_) | Self::ReserveConcurrency(_) | Self::FreeConcurrency)
    }

    fn detail(&self) -> String {
        match self {
            Self::Create(new) => format!("role {}, {}, publishing", new.role, new.architecture.as_str()),
            Self::UpdateCode(CodeSettings { architecture: Some(to), .. }) => format!("for {}, publishing", to.as_str()),
            Self::UpdateCode(_) => "publishing".into(),
            Self::Tag(tags) => tags.keys().cloned().collect::<Vec<_>>().join(", "),
            Self::Untag(keys) => keys.join(", "),
            Self::ReserveConcurrency(n) => n.to_string(),
            Self::MoveAlias { from: Some(version), .. } => format!("from version {version}"),
            Self::AwaitTraffic { from } => format!("Lambda still holds it on version {from}"),
            _ => String::new(),
        }
    }
}

impl Plan {
    fn sends_code(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Create(_) | Step::UpdateCode(_)))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "{}: nothing to do", self.function);
        }
        for change in &self.changes {
            writeln!(f, "{change}")?;
        }
        for (number, step) in self.steps.iter().enumerate() {
            let detail = step.detail();
            let detail = if detail.is_empty() { detail } else { format!(" ({detail})") };
            writeln!(f, "{}. {}{detail}", number + 1, step.name())?;
        }
        Ok(())
    }
}
