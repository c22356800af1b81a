//! Makes the steps from the observed state to the wanted one.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Not as _;

use super::creation::check_creation_only;
use super::error::PlanError;
use super::{
    Change, CodeSettings, Configuration, Delivery, DesiredState, NewFunction, Plan, Shown, Step, UnmergeableVariables,
    differences, version_changes,
};
use crate::alias_traffic::Traffic;
use crate::config::Target;
use crate::id::RoleArn;
use crate::manifest::{Architecture, FunctionConfig, ReservedConcurrency};
use crate::observed::{Condition, Observed, ObservedAlias, ObservedCode, Settings, Variables};
use crate::package::{INLINE_LIMIT, Run, code_path_variable};
use crate::record::{TargetError, TargetErrorCode};

/// Plans the steps by which the target comes to the wanted state (step "plan").
///
/// # Errors
/// [`PlanError`] if no plan leads there: the function is in state Failed, does not exist and is not described well enough
/// to be created, or the artifact does not fit it.
pub fn plan(desired: &DesiredState<'_>, observed: &Observed) -> Result<Plan, PlanError> {
    let manifest = &desired.artifact.config;
    let role = execution_role(desired)?;
    let mut draft = Draft::new(desired, observed);
    draft.plan.warnings.extend(manifest.warnings());
    match &observed.latest {
        None => draft.create(desired, manifest, role)?,
        Some(latest) => draft.update(desired, manifest, role.as_ref(), latest, observed)?,
    }
    if draft.plan.sends_code() {
        draft.plan.delivery = delivery(desired)?;
    }
    Ok(draft.plan)
}

struct Draft {
    plan: Plan,
}

impl Draft {
    /// Checks that Lambda can start the contents of the zip, and notes warnings.
    fn check_startable(&mut self, desired: &DesiredState<'_>, run: Run<'_>) -> Result<(), PlanError> {
        self.plan
            .warnings
            .extend(desired.artifact.startup.check_compatible(run).map_err(PlanError::IncompatiblePackage)?);
        Ok(())
    }

    fn new(desired: &DesiredState<'_>, observed: &Observed) -> Self {
        let sha256 = observed.serving.as_ref().and_then(|serving| serving.sha256);
        let previous = observed.alias.as_ref().and_then(|alias| alias.serves(sha256));
        Self {
            plan: Plan {
                function: desired.function.clone(),
                alias: desired.alias.clone(),
                sha256: desired.artifact.sha256,
                delivery: Delivery::ByReference,
                steps: Vec::new(),
                changes: Vec::new(),
                warnings: Vec::new(),
                revision: observed.latest.as_ref().map(|latest| latest.revision.clone()),
                code_was: observed.latest.as_ref().and_then(|latest| latest.sha256),
                serving: previous.as_ref().map(|p| p.version.clone()),
                traffic: observed.alias.as_ref().and_then(ObservedAlias::traffic_version),
                previous,
            },
        }
    }

    fn create(
        &mut self,
        desired: &DesiredState<'_>,
        manifest: &FunctionConfig,
        role: Option<RoleArn>,
    ) -> Result<(), PlanError> {
        let architecture = manifest.architectures.unwrap_or(Architecture::X86_64);
        let (Some(role), Some(_), Some(_)) = (role, &manifest.runtime, &manifest.handler) else {
            return Err(cannot_create(desired, manifest).into());
        };
        self.check_startable(desired, Run::of(manifest).on(architecture))?;
        self.change("function", Shown::Absent, Shown::Plain(desired.function.to_string()));
        self.change("code", Shown::Absent, Shown::Plain(desired.artifact.sha256.to_string()));
        let tags = manifest.tags.clone().unwrap_or_default();
        let configuration = Configuration::all_of(manifest).map_err(|error| unmergeable(&error))?;
        let source_key = source_key(manifest, None);
        let tenancy = manifest.tenancy_config.clone();
        let new = NewFunction { role, architecture, configuration, tags, source_key, tenancy };
        self.plan.steps.push(Step::Create(Box::new(new)));
        self.concurrency(manifest, None);
        self.change_alias(None);
        self.plan.steps.push(Step::CreateAlias);
        Ok(())
    }

    fn update(
        &mut self,
        desired: &DesiredState<'_>,
        manifest: &FunctionConfig,
        role: Option<&RoleArn>,
        latest: &ObservedCode,
        observed: &Observed,
    ) -> Result<(), PlanError> {
        if let Condition::Failed { because } = &latest.condition {
            return Err(failed_function(desired, &because.to_string()).into());
        }
        check_creation_only(manifest, &latest.settings)?;
        let (named, settings) = (Run::of(manifest), &latest.settings);
        let run = Run {
            runtime: named.runtime.or(settings.runtime.as_deref()),
            handler: named.handler.or(settings.handler.as_deref()),
            has_layers: manifest.layers.as_ref().unwrap_or(&settings.layers).is_empty().not(),
            code_path_variable: named.code_path_variable.or_else(|| match &settings.variables {
                Variables::Known(variables) if manifest.variables.is_none() => code_path_variable(variables),
                _ => None,
            }),
            ..named.on(manifest.architectures.unwrap_or(settings.architectures))
        };
        self.check_startable(desired, run)?;

        // An alias on $LATEST serves no version: its code changes with the next update.
        let serving = observed.serving.as_ref().filter(|serving| serving.version.is_some());
        let has_failed = serving.is_some_and(|serving| matches!(serving.condition, Condition::Failed { .. }));
        let served = match serving.filter(|_| !has_failed) {
            Some(serving) => Difference::between(desired, manifest, role, serving)?.is_none(),
            None => false,
        };
        if !served {
            let difference = Difference::between(desired, manifest, role, latest)?;
            // Without an update, PublishVersion would return the failed version again.
            let again = has_failed || observed.publishing_failed;
            let only_code = || again.then(|| Difference::only_code(source_key(manifest, Some(&latest.settings))));
            let difference = difference.or_else(only_code);
            let published = published(latest, difference.as_ref(), desired);
            // Without the alias, callers meet $LATEST.
            self.plan.changes.extend(version_changes(observed.serving.as_ref().unwrap_or(latest), &published));
            self.publish(difference);
        }
        self.tags(manifest, observed.metadata.tags.as_ref());
        self.untag(desired, observed.metadata.tags.as_ref());
        self.concurrency(manifest, observed.metadata.reserved_concurrency);
        match (&observed.alias, observed.alias.as_ref().map(Traffic::of)) {
            (None, _) | (_, None) => {
                self.change_alias(None);
                self.plan.steps.push(Step::CreateAlias);
            }
            (Some(_), Some(Traffic::Whole)) if served => {}
            // Lambda's own weight is no difference. Clearing it would move the traffic before the version is ready.
            (Some(_), Some(Traffic::KeptBack { on })) if served => {
                self.plan.steps.push(Step::AwaitTraffic { from: on })
            }
            (Some(alias), Some(_)) => {
                self.change_alias(Some(alias));
                self.plan.steps.push(Step::MoveAlias { from: alias.version.clone(), revision: alias.revision.clone() });
            }
        }
        Ok(())
    }

    /// Adds the steps that publish the wanted version from `$LATEST`.
    fn publish(&mut self, difference: Option<Difference>) {
        let Some(difference) = difference else {
            self.plan.steps.push(Step::Publish);
            return;
        };
        if !difference.configuration.is_empty() {
            self.plan.steps.push(Step::UpdateConfiguration(Box::new(difference.configuration)));
        }
        self.plan.steps.push(if difference.code { Step::UpdateCode(difference.settings) } else { Step::Publish });
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

    /// Adds the step that removes the tags that the last deployment set and the manifest no longer names.
    fn untag(&mut self, desired: &DesiredState<'_>, seen: Option<&BTreeMap<String, String>>) {
        let named = desired.artifact.config.tags.as_ref();
        let previously_managed = desired.previously_managed();
        let dropped = previously_managed.tags.iter().filter(|key| !named.is_some_and(|named| named.contains_key(*key)));
        // If Lambda does not show the tags, a tag that is already gone is removed again.
        let there = dropped.filter(|key| seen.is_none_or(|seen| seen.contains_key(*key))).cloned();
        let there: Vec<String> = there.collect();
        for key in &there {
            let value = seen.and_then(|seen| seen.get(key)).cloned().unwrap_or_default();
            self.change(&format!("tags.{key}"), Shown::Plain(value), Shown::Absent);
        }
        if !there.is_empty() {
            self.plan.steps.push(Step::Untag(there));
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

/// The difference between a version (or `$LATEST`) and the wanted one.
struct Difference {
    configuration: Configuration,
    code: bool,
    settings: CodeSettings,
}

impl Difference {
    fn only_code(source_key: Option<String>) -> Self {
        let settings = CodeSettings { architecture: None, source_key };
        Self { configuration: Configuration::default(), code: true, settings }
    }

    fn between(
        desired: &DesiredState<'_>,
        manifest: &FunctionConfig,
        role: Option<&RoleArn>,
        seen: &ObservedCode,
    ) -> Result<Option<Self>, TargetError> {
        let (configuration, _) = differences(manifest, &desired.previously_managed().variables, role, &seen.settings)
            .map_err(|error| unmergeable(&error))?;
        let architecture = manifest.architectures.filter(|named| *named != seen.settings.architectures);
        let source_key = source_key(manifest, Some(&seen.settings));
        let other_key = source_key != seen.settings.source_kms_key_arn;
        let other_code = seen.sha256 != Some(desired.artifact.sha256);
        // After a failed update it is not known which code would be published, so it is sent again.
        let code = other_code || other_key || architecture.is_some() || seen.last_update_failed.is_some();
        let none = configuration.is_empty() && !code;
        let settings = CodeSettings { architecture, source_key };
        Ok((!none).then_some(Self { configuration, code, settings }))
    }
}

/// Returns the version that Lambda publishes from `$LATEST` after the difference was written.
fn published(latest: &ObservedCode, difference: Option<&Difference>, desired: &DesiredState<'_>) -> ObservedCode {
    let mut published = ObservedCode { sha256: Some(desired.artifact.sha256), ..latest.clone() };
    let Some(Difference { configuration, code, settings }) = difference else { return published };
    configuration.overlay(&mut published.settings);
    if *code {
        published.settings.architectures = settings.architecture.unwrap_or(published.settings.architectures);
        published.settings.source_kms_key_arn.clone_from(&settings.source_key);
    }
    published
}

/// Returns the KMS key that the code shall have: the named one, else the present one. An empty text names Lambda's own.
pub(super) fn source_key(manifest: &FunctionConfig, seen: Option<&Settings>) -> Option<String> {
    let there = || seen.and_then(|seen| seen.source_kms_key_arn.clone());
    manifest.source_kms_key_arn.clone().or_else(there).filter(|key| !key.is_empty())
}

/// Returns the manifest's execution role as an ARN of the target's account.
pub(super) fn execution_role(desired: &DesiredState<'_>) -> Result<Option<RoleArn>, TargetError> {
    let Target { account, region } = desired.target;
    let Some(role) = &desired.artifact.config.role else { return Ok(None) };
    role.in_account(region.partition(), account)
        .map(Some)
        .map_err(|foreign| TargetError::new(TargetErrorCode::InvalidConfiguration, "plan", format!("role: {foreign}")))
}

fn unmergeable(error: &UnmergeableVariables) -> TargetError {
    TargetError::new(TargetErrorCode::InvalidConfiguration, "plan", error.to_string())
}

fn delivery(desired: &DesiredState<'_>) -> Result<Delivery, TargetError> {
    let (artifact, target) = (desired.artifact, desired.target);
    if artifact.region.as_ref() == Some(&target.region) {
        return Ok(Delivery::ByReference);
    }
    if artifact.size <= INLINE_LIMIT {
        return Ok(Delivery::Inline);
    }
    let message = match &artifact.region {
        Some(bucket) => format!(
            "the zip has {} bytes, but {} is not the artifact bucket's region ({bucket}), and Lambda takes at most \
             {INLINE_LIMIT} bytes sent along: make the zip smaller (move dependencies to a layer), or give {} a \
             deployer and an artifact bucket of its own",
            artifact.size, target.region, target.region
        ),
        None => format!(
            "the zip has {} bytes, and Lambda takes at most {INLINE_LIMIT} bytes sent along: make the zip smaller (move \
             dependencies to a layer), or push it to a deployer, whose uploads Lambda copies by itself",
            artifact.size
        ),
    };
    Err(TargetError::new(TargetErrorCode::CodeTooLarge, "plan", message))
}

fn cannot_create(desired: &DesiredState<'_>, manifest: &FunctionConfig) -> TargetError {
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
            desired.function,
            desired.target,
            missing.join(", ")
        ),
    )
}

fn failed_function(desired: &DesiredState<'_>, because: &str) -> TargetError {
    TargetError::new(
        TargetErrorCode::FunctionFailed,
        "observe",
        format!(
            "function {} in {} is in state Failed ({because}): delete it and try again, or repair what the reason \
             names; the deployer may not delete functions",
            desired.function, desired.target
        ),
    )
}
