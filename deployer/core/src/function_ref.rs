//! One function in one environment, as the configuration resolves it.

mod gone;
mod recorded;

pub use gone::{fail_where_gone, gone_function, gone_of, role_to_keep};

use std::borrow::Cow;

use crate::alias_traffic::Awaited;
use crate::config::{Config, Environment, Target};
use crate::head::{Active, ClaimedFor, Request};
use crate::id::{DeploymentId, EnvironmentName, FunctionName};
use crate::known_functions::NameHint;
use crate::promotion::PromotionSpec;
use crate::record::{
    CauseKind, Code, DeploymentRecord, Ending, RecordedRollout, SCHEMA, Status, TargetError, TargetErrorCode,
    TargetOutcome,
};
use crate::text::PlainText;
use crate::version::version;

/// The words before the time at which the deployer looks at a deployment again.
const NEXT_LOOK: &str = "; looked at again at ";

/// Returns the reason why a deployment does not get on without the time of the next look, which changes with each look.
#[must_use]
pub fn without_next_look(because: &str) -> &str {
    because.split_once(NEXT_LOOK).map_or(because, |(because, _)| because)
}

/// One function in one environment.
#[derive(Debug, Clone)]
pub struct FunctionRef<'a> {
    /// The environment's name.
    pub name: EnvironmentName,
    /// The environment's settings. For a claimed deployment, the targets and the alias are those that it was claimed
    /// for.
    pub environment: Cow<'a, Environment>,
    /// The function's name in object keys and in the ledger.
    pub function: FunctionName,
    /// The function's name in Lambda, in the targets.
    pub function_name: FunctionName,
    /// The environments where uploads begin that get here by promotions; empty if this one takes uploads.
    uploads_to: Vec<EnvironmentName>,
    /// The reason why the environment's `function_name` gives no valid name. `function_name` then equals `function`.
    name_error: Option<String>,
    /// Whether `deployer.json` does not have the environment any more.
    is_gone: bool,
    /// The resolution by the present configuration, if a deployment was claimed for another one.
    configured: Option<Box<Self>>,
}

/// The environment is not in `deployer.json`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("for environment {name}, which deployer.json does not have (it has {})", known.join(", "))]
pub struct UnknownEnvironment {
    name: EnvironmentName,
    known: Vec<String>,
}

impl UnknownEnvironment {
    /// Makes the error about an environment that this configuration does not have.
    #[must_use]
    pub fn new(config: &Config, name: &EnvironmentName) -> Self {
        let known = config.in_order_of_promotion().into_iter().map(ToString::to_string).collect();
        Self { name: name.clone(), known }
    }
}

impl<'a> FunctionRef<'a> {
    /// Finds the environment in the configuration and names the function in its targets (step "route").
    ///
    /// # Errors
    /// [`UnknownEnvironment`] if `deployer.json` does not have it.
    pub fn find(
        config: &'a Config,
        name: &EnvironmentName,
        function: &FunctionName,
    ) -> Result<Self, UnknownEnvironment> {
        let Some(environment) = config.environments.get(name) else {
            return Err(UnknownEnvironment::new(config, name));
        };
        let (function_name, name_error) = match environment.function_name.name(name, function) {
            Ok(function_name) => (function_name, None),
            Err(error) => {
                let because = format!("the environment's function_name gives {error}: shorten it in deployer.json");
                (function.clone(), Some(because))
            }
        };
        Ok(Self {
            name: name.clone(),
            environment: Cow::Borrowed(environment),
            function: function.clone(),
            function_name,
            uploads_to: if environment.accept_uploads { vec![] } else { config.uploads_to(name) },
            name_error,
            is_gone: false,
            configured: None,
        })
    }

    /// Returns the targets, the alias and the function's name that a deployment is claimed for. They stay the same to
    /// its end.
    #[must_use]
    pub fn claimed(&self) -> ClaimedFor {
        ClaimedFor {
            targets: self.environment.targets.clone(),
            alias: self.environment.alias.clone(),
            function_name: self.function_name.clone(),
        }
    }

    /// Returns this function as it was when the deployment was claimed, whatever the configuration says now.
    #[must_use]
    pub fn as_claimed(&self, active: &Active) -> Self {
        let configured = self.as_configured();
        if configured.is_gone {
            return gone::frozen(configured.clone(), active);
        }
        let Some(claimed) = active.claimed_for.clone().filter(|claimed| *claimed != configured.claimed()) else {
            return configured.clone();
        };
        let ClaimedFor { targets, alias, function_name } = claimed;
        let environment = Environment { targets, alias, ..configured.environment.as_ref().clone() };
        let configured = Box::new(configured.clone());
        Self {
            environment: Cow::Owned(environment),
            function_name,
            name_error: None,
            configured: Some(configured),
            ..self.clone()
        }
    }

    /// Returns this function as the configuration describes it now.
    #[must_use]
    pub fn as_configured(&self) -> &Self {
        self.configured.as_deref().unwrap_or(self)
    }

    /// Makes the record of a claimed deployment that has not ended.
    #[must_use]
    pub fn record_of(&self, active: &Active, status: Status) -> DeploymentRecord {
        let record = self.as_claimed(active).record(&active.request, status);
        let record = DeploymentRecord {
            claimed_at: active.claimed_at,
            rollout: active.rollout.as_ref().map(RecordedRollout::of),
            ..record
        };
        match &active.artifact {
            Some(resolved) => DeploymentRecord {
                release: Some(resolved.release.clone()),
                artifact: Some(active.brings.as_ref().map_or_else(|| resolved.recorded(), |it| it.artifact.clone())),
                ..record
            },
            None => record,
        }
    }

    /// Makes the record of a deployment that waits for Lambda.
    #[must_use]
    pub fn parked(&self, active: &Active, waits: &[(Target, String)]) -> DeploymentRecord {
        let at = self.as_claimed(active);
        let is_done = |target: &Target| active.done.iter().any(|done| done.target() == *target);
        let held = active.awaits.iter().filter(|awaited| !is_done(&awaited.target)).map(|awaited| {
            let Awaited { target, version, before, until, .. } = awaited;
            let from = before.as_ref().map_or_else(String::new, |before| format!(" from version {before}"));
            format!("{target} (alias {}{from} to version {version}, until {until:.0} at most)", at.environment.alias)
        });
        let held: Vec<String> = held.collect();
        let held = (!held.is_empty()).then(|| format!("to let the traffic over in {}", held.join(", ")));
        let waits = waits.iter().map(|(target, waits)| format!("in {target} ({waits})"));
        let because = format!("waits for Lambda {}", held.into_iter().chain(waits).collect::<Vec<_>>().join(", and "));
        let record = self.record_of(active, Status::InProgress);
        DeploymentRecord { code: Some(Code::Waiting), because: Some(because.into()), ..record }
    }

    /// Makes the record of a deployment whose rollout is under way.
    #[must_use]
    pub fn rolling_out(&self, active: &Active) -> DeploymentRecord {
        let record = self.record_of(active, Status::InProgress);
        let because = active.rollout.as_ref().map(|rollout| gone::rollout_sentence(self, rollout).into());
        DeploymentRecord { code: because.as_ref().map(|_| Code::Waiting), because, ..record }
    }

    /// Makes the record of a claimed deployment, with the reason why it does not get on, as far as the head has it.
    #[must_use]
    pub fn under_way(&self, active: &Active) -> DeploymentRecord {
        let record = self.record_of(active, Status::InProgress);
        let because = self.why_not_on(active);
        DeploymentRecord { code: because.as_ref().map(|_| Code::Waiting), because, ..record }
    }

    /// Returns the reason why the active deployment does not get on now, and when it is looked at again.
    #[must_use]
    pub fn active_because(&self, active: &Active) -> Option<PlainText> {
        let because = self.why_not_on(active)?;
        let waits = active.stop.is_none() && active.rollout.is_none();
        let next_look = active.next_look_at.filter(|_| waits);
        let next_look = next_look.map_or_else(String::new, |at| format!("{NEXT_LOOK}{at:.0}"));
        Some(format!("{because}{next_look}").into())
    }

    /// Returns the reason why the active deployment does not get on now, as far as the head has it: a rollback stops
    /// it, its rollout takes its time, AWS refuses a call for now, or it waits for Lambda.
    fn why_not_on(&self, active: &Active) -> Option<PlainText> {
        if let Some(by) = active.stop {
            return Some(format!("it is asked to stop by deployment {by}").into());
        }
        if let Some(rollout) = &active.rollout {
            return Some(gone::rollout_sentence(self, rollout).into());
        }
        if let calls @ [_, ..] = active.retried_calls() {
            let calls: Vec<String> = calls.iter().map(ToString::to_string).collect();
            return Some(format!("tries again {}", calls.join(", and ")).into());
        }
        let is_done = |target: &Target| active.done.iter().any(|done| done.target() == *target);
        let open = active.waits.iter().filter(|wait| !wait.task.is_done() && !is_done(&wait.target));
        let waits: Vec<(Target, String)> =
            open.map(|wait| (wait.target.clone(), format!("{} since {:.0}", wait.task, wait.since))).collect();
        if waits.is_empty() && active.awaits.iter().all(|awaited| is_done(&awaited.target)) {
            return None;
        }
        self.parked(active, &waits).because
    }

    /// Makes the record of a deployment that is not claimed yet.
    #[must_use]
    pub fn record(&self, request: &Request, status: Status) -> DeploymentRecord {
        let alias = &self.environment.alias;
        let outcome = |target| TargetOutcome::untouched(target, self.function_name.clone(), alias.clone(), status);
        DeploymentRecord {
            schema: SCHEMA,
            id: request.id,
            environment: self.name.clone(),
            function: self.function.clone(),
            release: request.source.release().cloned(),
            status,
            code: None,
            because: None,
            cause: request.cause.clone(),
            artifact: request.artifact().map(|resolved| resolved.recorded()),
            targets: self.environment.targets.iter().map(outcome).collect(),
            promotion: request.promotion_spec().map(PromotionSpec::recorded),
            in_favour_of: None,
            repeats: false,
            ended_waiting: request.ended_waiting.clone(),
            rollout: None,
            started_at: request.accepted_at,
            claimed_at: None,
            finished_at: None,
            deployer: Some(version().to_owned()),
        }
    }

    /// Makes the record of a deployment that waits for deployment `behind` to end.
    #[must_use]
    pub fn pending(&self, request: &Request, behind: DeploymentId) -> DeploymentRecord {
        let because = format!("waits for deployment {behind} of the same function to end");
        let record = self.record(request, Status::Pending);
        DeploymentRecord { code: Some(Code::Waiting), because: Some(because.into()), ..record }
    }

    /// Turns a refusal into failed targets, if some targets were `done` before or may be live: such a deployment can no
    /// longer be refused. Outcomes of targets that were done are kept.
    #[must_use]
    pub fn keep_done_targets(&self, ending: Ending, done: &[TargetOutcome], resumed: bool) -> Ending {
        let begun = !done.is_empty()
            || (resumed
                && matches!(&ending, Ending::Refused { code: Code::ArtifactGone | Code::UploadsNotAccepted, .. }));
        let tried = match ending {
            Ending::Refused { code, because } if begun => {
                let code = match code {
                    Code::ArtifactGone => TargetErrorCode::ArtifactUnreadable,
                    _ => TargetErrorCode::InvalidConfiguration,
                };
                match self.all_failed(&TargetError::new(code, "verify", because)) {
                    Ending::Tried(outcomes) => outcomes,
                    other => return other,
                }
            }
            Ending::Tried(outcomes) => outcomes,
            other => return other,
        };
        let or_done = |outcome: TargetOutcome| {
            done.iter().find(|done| done.target() == outcome.target()).cloned().unwrap_or(outcome)
        };
        Ending::Tried(tried.into_iter().map(or_done).collect())
    }

    /// Refuses a deployment before anything is tried: the function has no valid name in the targets, or the environment
    /// takes no uploads. Redeploys, rollbacks and promotions are no uploads.
    #[must_use]
    pub fn refusal(&self, kind: CauseKind) -> Option<Ending> {
        if let Some(because) = &self.name_error {
            return Some(self.all_failed(&TargetError::new(
                TargetErrorCode::InvalidConfiguration,
                "route",
                because.as_str(),
            )));
        }
        if self.environment.accept_uploads || !matches!(kind, CauseKind::Upload | CauseKind::Deploy) {
            return None;
        }
        let because = self.no_uploads();
        Some(Ending::Refused { code: Code::UploadsNotAccepted, because })
    }

    /// Says that the environment takes no uploads, and where the promotions to it begin.
    fn no_uploads(&self) -> String {
        let Self { name, uploads_to, .. } = self;
        let Some(promotion) = &self.environment.promotion else {
            return format!("environment {name} takes no uploads (accept_uploads is false in deployer.json)");
        };
        let from = &promotion.from;
        let begins: Vec<&str> = uploads_to.iter().map(EnvironmentName::as_str).collect();
        match begins.join(" or ") {
            begins if begins.is_empty() => format!(
                "environment {name} takes no uploads, and no environment does that its promotions begin in ({from}): set \
                 accept_uploads of one of them in deployer.json"
            ),
            begins if from.iter().eq(uploads_to) => {
                format!("environment {name} takes no uploads: upload to {begins}, and promote the release from there")
            }
            begins => format!(
                "environment {name} takes no uploads: upload to {begins}, and promote the release from there ({name} takes \
                 it from {from})"
            ),
        }
    }

    /// Says that an upload makes no function here that nobody knows, and what to do.
    #[must_use]
    pub fn not_made(&self, hint: &NameHint) -> String {
        let Self { name, function, function_name, .. } = self;
        format!(
            "function {function} is not known, and uploads make no new function in {name} (create is false in \
             deployer.json){hint} If the name is right, make function {function_name} there first, or let {name} create \
             functions"
        )
    }

    /// Fails every target with the same error, before any was entered.
    #[must_use]
    pub fn all_failed(&self, error: &TargetError) -> Ending {
        let outcome = |target| {
            let alias = self.environment.alias.clone();
            let untouched = TargetOutcome::untouched(target, self.function_name.clone(), alias, Status::Failed);
            TargetOutcome { error: Some(error.clone()), ..untouched }
        };
        Ending::Tried(self.environment.targets.iter().map(outcome).collect())
    }
}
