//! The plan: a deployment to one target as a value, before it is an act (DESIGN, law 1).
//!
//! `plan` compares what is wanted with what was observed and leaves no choice to execution. An empty plan means that
//! the target already serves exactly this.

mod configuration;

use std::collections::BTreeMap;
use std::fmt;

pub use configuration::{Change, Configuration, Shown, UnreadableVariables, differences};
use serde::Serialize;

use crate::artifact::VerifiedArtifact;
use crate::config::Target;
use crate::id::{AliasName, FunctionName, RoleArn, Sha256, Version};
use crate::manifest::{Architecture, FunctionConfig, ReservedConcurrency};
use crate::observed::{Condition, Observed, ObservedAlias, ObservedCode, RevisionId};
use crate::package::{INLINE_LIMIT, Machine, check_bootstrap};
use crate::record::{Previous, TargetError, TargetErrorCode};

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
}

/// One writing call.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// CreateFunction, publishing version 1.
    Create(Box<NewFunction>),
    /// UpdateFunctionConfiguration.
    UpdateConfiguration(Box<Configuration>),
    /// UpdateFunctionCode, publishing.
    UpdateCode {
        /// Sent only when it changes.
        architecture: Option<Architecture>,
    },
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
}

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
    /// The precondition of the first write to the function.
    pub revision: Option<RevisionId>,
    /// What the alias serves.
    pub previous: Option<Previous>,
    /// The version that serves, where nothing new has to be published.
    pub serving: Option<Version>,
}

impl Plan {
    /// Whether the target already serves what is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// Step "plan": what has to be done so that the target serves what is wanted.
///
/// # Errors
/// A [`TargetError`] when no plan can lead there: the function is broken, does not exist and is not described well
/// enough to be made, or its configuration and the artifact do not fit.
pub fn plan(wanted: &Wanted<'_>, observed: &Observed) -> Result<Plan, TargetError> {
    let manifest = &wanted.artifact.config;
    let role = execution_role(wanted)?;
    let mut draft = Draft::new(wanted, observed);
    match &observed.latest {
        None => draft.create(wanted, manifest, role)?,
        Some(latest) => draft.update(wanted, manifest, role.as_ref(), latest, observed)?,
    }
    if draft.plan.sends_code() {
        draft.plan.delivery = delivery(wanted)?;
    }
    Ok(draft.plan)
}

struct Draft {
    plan: Plan,
}

impl Draft {
    fn new(wanted: &Wanted<'_>, observed: &Observed) -> Self {
        let previous = observed.serving.as_ref().and_then(|serving| {
            serving.version.clone().map(|version| Previous { version, sha256: serving.sha256 })
        });
        Self {
            plan: Plan {
                function: wanted.function.clone(),
                alias: wanted.alias.clone(),
                sha256: wanted.artifact.sha256,
                delivery: Delivery::ByReference,
                steps: Vec::new(),
                changes: Vec::new(),
                revision: observed.latest.as_ref().map(|latest| latest.revision.clone()),
                serving: previous.as_ref().map(|p| p.version.clone()),
                previous,
            },
        }
    }

    fn create(
        &mut self,
        wanted: &Wanted<'_>,
        manifest: &FunctionConfig,
        role: Option<RoleArn>,
    ) -> Result<(), TargetError> {
        let architecture = manifest.architectures.unwrap_or(Architecture::X86_64);
        let (Some(role), Some(runtime), Some(_)) = (role, &manifest.runtime, &manifest.handler) else {
            return Err(cannot_create(wanted, manifest));
        };
        fits(wanted, Some(runtime.as_str()), architecture)?;
        self.change("function", Shown::Absent, Shown::Plain(wanted.function.to_string()));
        self.change("code", Shown::Absent, Shown::Plain(wanted.artifact.sha256.to_string()));
        let tags = manifest.tags.clone().unwrap_or_default();
        let configuration = Configuration::all_of(manifest);
        self.plan.steps.push(Step::Create(Box::new(NewFunction { role, architecture, configuration, tags })));
        self.concurrency(manifest, None);
        self.change_alias(None);
        self.plan.steps.push(Step::CreateAlias);
        Ok(())
    }

    fn update(
        &mut self,
        wanted: &Wanted<'_>,
        manifest: &FunctionConfig,
        role: Option<&RoleArn>,
        latest: &ObservedCode,
        observed: &Observed,
    ) -> Result<(), TargetError> {
        if let Condition::Failed { because } = &latest.condition {
            return Err(is_broken(wanted, because));
        }
        let runtime = manifest.runtime.as_ref().map(|r| r.as_str()).or(latest.settings.runtime.as_deref());
        fits(wanted, runtime, manifest.architectures.unwrap_or(latest.settings.architecture))?;

        let served = match &observed.serving {
            Some(serving) => Difference::between(wanted, manifest, role, serving)?.is_none(),
            None => false,
        };
        if !served {
            self.publish(Difference::between(wanted, manifest, role, latest)?);
        }
        self.tags(manifest, observed.belongings.tags.as_ref());
        self.concurrency(manifest, observed.belongings.reserved_concurrency);
        match &observed.alias {
            None => {
                self.change_alias(None);
                self.plan.steps.push(Step::CreateAlias);
            }
            Some(alias) if !served || !alias.weights.is_empty() => {
                self.change_alias(Some(alias));
                self.plan
                    .steps
                    .push(Step::MoveAlias { from: alias.version.clone(), revision: alias.revision.clone() });
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// The steps that make a version of what is wanted out of `$LATEST`.
    fn publish(&mut self, difference: Option<Difference>) {
        let Some(difference) = difference else {
            self.plan.steps.push(Step::Publish);
            return;
        };
        if !difference.configuration.is_empty() {
            self.plan.steps.push(Step::UpdateConfiguration(Box::new(difference.configuration)));
        }
        self.plan.steps.push(if difference.code {
            Step::UpdateCode { architecture: difference.architecture }
        } else {
            Step::Publish
        });
        self.plan.changes.extend(difference.changes);
    }

    fn tags(&mut self, manifest: &FunctionConfig, seen: Option<&BTreeMap<String, String>>) {
        let Some(named) = &manifest.tags else { return };
        let mut set = BTreeMap::new();
        for (key, value) in named {
            let before = seen.and_then(|tags| tags.get(key));
            if before != Some(value) {
                self.change(
                    &format!("tags.{key}"),
                    before.map_or(Shown::Absent, |v| Shown::Plain(v.clone())),
                    Shown::Plain(value.clone()),
                );
                set.insert(key.clone(), value.clone());
            }
        }
        if !set.is_empty() {
            self.plan.steps.push(Step::Tag(set));
        }
    }

    fn concurrency(&mut self, manifest: &FunctionConfig, seen: Option<i32>) {
        let (Some(named), field) = (manifest.reserved_concurrent_executions, "reserved_concurrent_executions") else {
            return;
        };
        let from = seen.map_or(Shown::Absent, |n| Shown::Plain(n.to_string()));
        match named {
            ReservedConcurrency::Reserved(n) if seen != Some(n) => {
                self.change(field, from, Shown::Plain(n.to_string()));
                self.plan.steps.push(Step::ReserveConcurrency(n));
            }
            ReservedConcurrency::Unreserved if seen.is_some() => {
                self.change(field, from, Shown::Absent);
                self.plan.steps.push(Step::FreeConcurrency);
            }
            _ => {}
        }
    }

    fn change(&mut self, field: &str, from: Shown, to: Shown) {
        self.plan.changes.push(Change { field: field.to_owned(), from, to });
    }

    fn change_alias(&mut self, seen: Option<&ObservedAlias>) {
        let publishes = self.plan.steps.iter().any(Step::publishes);
        let to = if publishes { "the new version".to_owned() } else { format!("only {}", ServingText(&self.plan)) };
        self.change(
            &format!("alias {}", self.plan.alias),
            seen.map_or(Shown::Absent, |alias| Shown::Plain(alias.to_string())),
            Shown::Plain(to),
        );
    }
}

struct ServingText<'a>(&'a Plan);

impl fmt::Display for ServingText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.serving {
            Some(version) => write!(f, "version {version}"),
            None => f.write_str("the published version"),
        }
    }
}

/// How a version (or `$LATEST`) falls short of what is wanted.
struct Difference {
    configuration: Configuration,
    code: bool,
    architecture: Option<Architecture>,
    changes: Vec<Change>,
}

impl Difference {
    fn between(
        wanted: &Wanted<'_>,
        manifest: &FunctionConfig,
        role: Option<&RoleArn>,
        seen: &ObservedCode,
    ) -> Result<Option<Self>, TargetError> {
        let (configuration, mut changes) = differences(manifest, role, &seen.settings)
            .map_err(|error| TargetError::new(TargetErrorCode::InvalidConfiguration, "plan", error.to_string()))?;
        let architecture = manifest.architectures.filter(|named| *named != seen.settings.architecture);
        if let Some(named) = architecture {
            changes.push(Change {
                field: "architectures".into(),
                from: Shown::Plain(seen.settings.architecture.as_str().into()),
                to: Shown::Plain(named.as_str().into()),
            });
        }
        let other_code = seen.sha256 != Some(wanted.artifact.sha256);
        if other_code {
            changes.push(Change {
                field: "code".into(),
                from: seen.sha256.map_or(Shown::Absent, |sha| Shown::Plain(sha.to_string())),
                to: Shown::Plain(wanted.artifact.sha256.to_string()),
            });
        }
        // After a failed update nothing says which code would be published: it is sent again.
        let code = other_code || architecture.is_some() || seen.last_update_failed.is_some();
        let none = configuration.is_empty() && !code;
        Ok((!none).then_some(Self { configuration, code, architecture, changes }))
    }
}

impl Step {
    /// What the step is called in records, logs and plans.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "create function",
            Self::UpdateConfiguration(_) => "update configuration",
            Self::UpdateCode { .. } => "update code",
            Self::Publish => "publish version",
            Self::Tag(_) => "tag",
            Self::Untag(_) => "untag",
            Self::ReserveConcurrency(_) => "reserve concurrency",
            Self::FreeConcurrency => "free concurrency",
            Self::CreateAlias => "create alias",
            Self::MoveAlias { .. } => "move alias",
        }
    }

    /// Whether a version comes out of it.
    #[must_use]
    pub fn publishes(&self) -> bool {
        matches!(self, Self::Create(_) | Self::UpdateCode { .. } | Self::Publish)
    }

    fn detail(&self) -> String {
        match self {
            Self::Create(new) => format!("role {}, {}, publishing", new.role, new.architecture.as_str()),
            Self::UpdateCode { architecture: Some(to) } => format!("for {}, publishing", to.as_str()),
            Self::UpdateCode { architecture: None } => "publishing".into(),
            Self::Tag(tags) => tags.keys().cloned().collect::<Vec<_>>().join(", "),
            Self::Untag(keys) => keys.join(", "),
            Self::ReserveConcurrency(n) => n.to_string(),
            Self::MoveAlias { from: Some(version), .. } => format!("from version {version}"),
            _ => String::new(),
        }
    }
}

impl Plan {
    fn sends_code(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Create(_) | Step::UpdateCode { .. }))
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

impl Serialize for Step {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut out = serializer.serialize_struct("Step", 2)?;
        out.serialize_field("step", self.name())?;
        out.serialize_field("detail", &self.detail())?;
        out.end()
    }
}

/// After a precondition failed: what somebody else changed, as "expected, found"; `None` if all that the plan had read
/// is still so, or is what this deployment meant (LEDGER, "While holding a claim").
#[must_use]
pub fn foreign_change(wanted: &Wanted<'_>, before: &Observed, after: &Observed) -> Option<String> {
    let ours = Some(wanted.artifact.sha256);
    match (&before.latest, &after.latest) {
        (Some(_), None) => return Some("expected the function to exist, found it deleted".into()),
        (None, Some(now)) if now.sha256 != ours => {
            return Some("expected no function of this name, found one with other code".into());
        }
        (Some(was), Some(now)) => {
            if now.sha256 != was.sha256 && now.sha256 != ours {
                let show = |sha: Option<Sha256>| sha.map_or("no code".to_owned(), |sha| sha.to_string());
                return Some(format!("expected code {}, found {}", show(was.sha256), show(now.sha256)));
            }
            if let Some(text) = foreign_setting(wanted, was, now) {
                return Some(text);
            }
        }
        _ => {}
    }
    let serves_ours = after.serving.as_ref().is_some_and(|serving| serving.sha256 == ours);
    let place = |observed: &Observed| observed.alias.as_ref().map(|alias| (alias.version.clone(), alias.weights.clone()));
    if place(before) == place(after) || serves_ours {
        return None;
    }
    let show = |observed: &Observed| observed.alias.as_ref().map_or("no such alias".to_owned(), ToString::to_string);
    Some(format!("expected alias {} to serve {}, found {}", wanted.alias, show(before), show(after)))
}

fn foreign_setting(wanted: &Wanted<'_>, was: &ObservedCode, now: &ObservedCode) -> Option<String> {
    let role = execution_role(wanted).ok().flatten();
    let short = |seen: &ObservedCode| differences(&wanted.artifact.config, role.as_ref(), &seen.settings).ok();
    let ((_, were), (_, are)) = (short(was)?, short(now)?);
    let foreign = are.into_iter().find(|change| {
        !were.iter().any(|before| before.field == change.field && before.from == change.from)
    })?;
    let expected = were
        .into_iter()
        .find(|before| before.field == foreign.field)
        .map_or(foreign.to.clone(), |before| before.from);
    Some(format!("expected {} to be {expected}, found {}", foreign.field, foreign.from))
}

/// The execution role as an ARN of the target's account.
fn execution_role(wanted: &Wanted<'_>) -> Result<Option<RoleArn>, TargetError> {
    let Target { account, region } = wanted.target;
    let Some(role) = &wanted.artifact.config.role else { return Ok(None) };
    role.in_account(region.partition(), account).map(Some).map_err(|foreign| {
        TargetError::new(TargetErrorCode::InvalidConfiguration, "plan", format!("role: {foreign}"))
    })
}

/// A `provided` runtime starts the zip's `bootstrap`; it must be there, executable and of the right kind.
fn fits(wanted: &Wanted<'_>, runtime: Option<&str>, architecture: Architecture) -> Result<(), TargetError> {
    if !runtime.is_some_and(|name| name == "provided" || name.starts_with("provided.")) {
        return Ok(());
    }
    let machine = match architecture {
        Architecture::X86_64 => Machine::X86_64,
        Architecture::Arm64 => Machine::Aarch64,
    };
    check_bootstrap(wanted.artifact.bootstrap.as_ref(), machine).map_err(|error| {
        TargetError::new(TargetErrorCode::InvalidConfiguration, "plan", error.to_string())
    })
}

fn delivery(wanted: &Wanted<'_>) -> Result<Delivery, TargetError> {
    let (artifact, target) = (wanted.artifact, wanted.target);
    if target.region == artifact.region {
        return Ok(Delivery::ByReference);
    }
    if artifact.size <= INLINE_LIMIT {
        return Ok(Delivery::Inline);
    }
    Err(TargetError::new(
        TargetErrorCode::CodeTooLarge,
        "plan",
        format!(
            "the zip has {} bytes, but {} is not the artifact bucket's region ({}), and Lambda takes at most \
             {INLINE_LIMIT} bytes sent along: make the zip smaller (move dependencies to a layer), or give {} a \
             deployer and an artifact bucket of its own",
            artifact.size, target.region, artifact.region, target.region
        ),
    ))
}

fn cannot_create(wanted: &Wanted<'_>, manifest: &FunctionConfig) -> TargetError {
    let missing: Vec<&str> = [
        ("role", manifest.role.is_none()),
        ("runtime", manifest.runtime.is_none()),
        ("handler", manifest.handler.is_none()),
    ]
    .into_iter()
    .filter_map(|(field, missing)| missing.then_some(field))
    .collect();
    TargetError::new(
        TargetErrorCode::InvalidConfiguration,
        "plan",
        format!(
            "function {} does not exist in {}, and to create it the manifest must name {}: add it to function.toml, \
             or correct the function's name in the key",
            wanted.function,
            wanted.target,
            missing.join(", ")
        ),
    )
}

fn is_broken(wanted: &Wanted<'_>, because: &str) -> TargetError {
    TargetError::new(
        TargetErrorCode::FunctionFailed,
        "observe",
        format!(
            "function {} in {} is in state Failed ({because}): delete it and upload again, or repair what the reason \
             names; the deployer may not delete functions",
            wanted.function, wanted.target
        ),
    )
}
