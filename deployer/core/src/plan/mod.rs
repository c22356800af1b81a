//! The plan: a deployment to one target as a value, before it is an act (ARCHITECTURE.md, law 1).
//!
//! `plan` compares what is wanted with what was observed and leaves no choice to execution. An empty plan means that
//! the target already serves exactly this.

mod back;
mod configuration;
mod conflict;
mod creation;
mod planner;
mod report;
mod surplus;
#[cfg(test)]
mod tests;

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

pub use back::going_back;
pub use configuration::{Change, Configuration, Shown, UnmergeableVariables, differences};
pub use conflict::{foreign_change, still_as_planned};
pub use planner::{NoPlan, plan};
pub use report::{PlanReport, PlannedChange, PlannedStep, RefusedPlan, TargetPlan};
pub use surplus::{PRUNED_AT_ONCE, surplus};

/// What one target shall serve.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The target.
    pub target: &'a Target,
    /// The function's name there.
    pub function: &'a FunctionName,
    /// The alias that callers use.
    pub alias: &'a AliasName,
    /// The code, and the manifest that came with it.
    pub artifact: &'a VerifiedArtifact,
    /// What the last deployment there has set: what is no longer named of it is removed.
    pub formerly: &'a ManagedKeys,
    /// The code that other deployments of the function meant, whose writes may have taken effect late.
    pub meant: &'a [Sha256],
}

impl Wanted<'_> {
    /// What the last deployment has set; nothing where the artifact has no manifest, for then all is left alone.
    fn formerly(&self) -> Cow<'_, ManagedKeys> {
        if self.artifact.has_manifest { Cow::Borrowed(self.formerly) } else { Cow::Owned(ManagedKeys::default()) }
    }
}

/// How the code reaches Lambda.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Lambda copies it from the artifact bucket, which is in the function's region.
    ByReference,
    /// It is sent along, for Lambda does not copy from a bucket of another region.
    Inline,
}

/// A function to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewFunction {
    /// Its execution role.
    pub role: RoleArn,
    /// Its instruction set.
    pub architecture: Architecture,
    /// Everything else that the manifest names (without the role).
    pub configuration: Configuration,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The key for its code.
    pub source_key: Option<String>,
    /// Tenant isolation, which no later call changes.
    pub tenancy: Option<TenancyConfig>,
}

/// What goes with new code.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CodeSettings {
    /// The instruction set; sent only when it changes.
    pub architecture: Option<Architecture>,
    /// The key that encrypts the code. Lambda goes back to its own where a call names none, so it is sent each time.
    pub source_key: Option<String>,
}

/// One writing call, or the wait for what one has begun.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// CreateFunction, publishing version 1.
    Create(Box<NewFunction>),
    /// UpdateFunctionConfiguration.
    UpdateConfiguration(Box<Configuration>),
    /// UpdateFunctionCode, publishing.
    UpdateCode(CodeSettings),
    /// PublishVersion of what `$LATEST` is.
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
    /// UpdateAlias to the published version, or to the one it serves already where only weights are cleared.
    MoveAlias {
        /// What it served when it was observed.
        from: Option<Version>,
        /// The alias's RevisionId.
        revision: RevisionId,
    },
    /// The alias has moved: Lambda still holds its traffic back, until its provisioned concurrency stands on the new version.
    AwaitTraffic {
        /// The version that still has it.
        from: Version,
    },
}

/// The step in which an alias waits until Lambda lets all of its traffic to the new version.
pub const AWAIT_TRAFFIC: &str = "await traffic";

/// The steps to a target that serves what is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The function.
    pub function: FunctionName,
    /// The alias.
    pub alias: AliasName,
    /// The code that must come out of it.
    pub sha256: Sha256,
    /// How the code travels.
    pub delivery: Delivery,
    /// In this order.
    pub steps: Vec<Step>,
    /// What differs, in words.
    pub changes: Vec<Change>,
    /// What may be wrong.
    pub warnings: Vec<String>,
    /// The precondition of the first write to the function.
    pub revision: Option<RevisionId>,
    /// The code that `$LATEST` had when it was observed.
    pub code_was: Option<Sha256>,
    /// What the alias serves.
    pub previous: Option<Previous>,
    /// The version that serves, where nothing new has to be published.
    pub serving: Option<Version>,
    /// The version that has all of the alias's traffic.
    pub traffic: Option<Version>,
}

impl Plan {
    /// Whether the target already serves what is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether the alias serves what is wanted already, or will as soon as Lambda lets it: nothing is written.
    #[must_use]
    pub fn writes_nothing(&self) -> bool {
        self.steps.iter().all(|step| matches!(step, Step::AwaitTraffic { .. }))
    }
}

impl Step {
    /// What the step is called in records, logs and plans.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "create function",
            Self::UpdateConfiguration(_) => "update configuration",
            Self::UpdateCode(_) => "update code",
            Self::Publish => "publish version",
            Self::Tag(_) => "tag",
            Self::Untag(_) => "untag",
            Self::ReserveConcurrency(_) => "reserve concurrency",
            Self::FreeConcurrency => "free concurrency",
            Self::CreateAlias => "create alias",
            Self::MoveAlias { .. } => "move alias",
            Self::AwaitTraffic { .. } => AWAIT_TRAFFIC,
        }
    }

    /// Whether a version comes out of it.
    #[must_use]
    pub fn publishes(&self) -> bool {
        matches!(self, Self::Create(_) | Self::UpdateCode(_) | Self::Publish)
    }

    /// Whether it is about the function's tags or its reserved concurrency.
    #[must_use]
    pub fn is_about_belongings(&self) -> bool {
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
