//! `plan`: the changes that a deployment would make, by the planner that deployments use. Nothing is changed.

use std::collections::BTreeMap;

use deployer_core::artifact::VerifiedArtifact;
use deployer_core::config::Target;
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{Head, ResolvedArtifact, Source, held_by};
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName, Release, RequestHash};
use deployer_core::plan::{DesiredState, PlanError, PlanReport, RefusedPlan, TargetPlan, plan as planned};
use deployer_core::record::{CauseKind, Code, Ending, TargetError};
use futures::stream::{self, StreamExt as _};

use super::known::ensure_known;
use crate::new_functions::because_not_made;
use crate::resolve_artifact::open_reading_session;
use crate::rollout::error::InvalidArtifact;
use crate::rollout::function_reader::FunctionReader;
use crate::rollout::verify::ArtifactReader;
use crate::store::Versioned;
use crate::{CommandError, Engine, TARGETS_AT_ONCE, Transient};

/// The artifact to plan for.
pub enum Planned {
    /// The newest upload of a release; without a name, the live artifact.
    Release(Option<Release>),
    /// A zip that was not uploaded, described by all that the planner needs.
    Package(Box<VerifiedArtifact>),
}

impl Engine {
    /// Plans a deployment for every target, and changes nothing.
    ///
    /// # Errors
    /// [`CommandError`]. A refusal is no error, nor is a target without a plan: the report has them.
    pub async fn plan(
        &self,
        environment: &EnvironmentName,
        function: &FunctionName,
        planned: Planned,
    ) -> Result<PlanReport, CommandError> {
        let at = self.at(environment, function)?;
        let Versioned { head, etag, .. } = self.store().head(&at).await.map_err(Transient::from)?;
        let id = DeploymentId::of(self.now(), RequestHash::of(&["plan", &self.token().to_string()]));
        let by_rule = at.refusal(CauseKind::Deploy);
        let (release, verified) = match (&by_rule, planned) {
            // Nothing is reported about a function that has another name than its environment allows.
            (Some(misnamed @ Ending::Tried(_)), Planned::Package(_)) => (None, Err(refused(misnamed.clone()))),
            (Some(misnamed @ Ending::Tried(_)), Planned::Release(release)) => (release, Err(refused(misnamed.clone()))),
            (_, Planned::Package(verified)) => (None, Ok(*verified)),
            (_, Planned::Release(release)) => artifact_to_plan(self, &at, &head, release).await?,
        };
        let report = |targets: Vec<TargetPlan>, refused| PlanReport {
            environment: environment.clone(),
            function: function.clone(),
            release,
            unchanged: refused_or(&refused, &targets),
            targets,
            refused,
        };
        let artifact = match verified {
            Ok(artifact) => artifact,
            Err(refused) => {
                if etag.is_none() {
                    ensure_known(self, None, function).await?;
                }
                return Ok(report(vec![], Some(refused)));
            }
        };
        let plans = stream::iter(at.environment.targets.iter().enumerate())
            .map(|(number, target)| {
                let plan = plan_target(self, &at, target, &head, &artifact, id);
                async move { (number, plan.await) }
            })
            .buffer_unordered(TARGETS_AT_ONCE)
            .collect::<BTreeMap<_, _>>()
            .await;
        let rejects = self.store().rejects(&at.function).await?;
        let by_code = || rejects.refusal_of_code(artifact.sha256);
        let refusal = by_rule.or_else(|| head.hold().map(held_by)).or_else(by_code);
        Ok(report(plans.into_values().collect(), refusal.map(refused)))
    }
}

/// Resolves and verifies the artifact, or returns the refusal of a deployment.
async fn artifact_to_plan(
    engine: &Engine,
    at: &FunctionRef<'_>,
    head: &Head,
    release: Option<Release>,
) -> Result<(Option<Release>, Result<VerifiedArtifact, RefusedPlan>), CommandError> {
    let rejects = engine.store().rejects(&at.function).await?;
    let source = release.clone().map_or(Source::Live { of: None }, |release| Source::Newest { release });
    let resolved: ResolvedArtifact = match engine.reconciler(at).resolve_artifact(head, &source, &rejects).await? {
        Ok(resolved) => resolved,
        Err(refusal) => return Ok((release, Err(refused(refusal)))),
    };
    let release = Some(resolved.release.clone());
    let verified = match ArtifactReader::of(engine, at).verify(&resolved.artifact).await {
        Ok(verified) => verified,
        Err(InvalidArtifact::Ending(refusal, _)) => return Ok((release, Err(refused(refusal)))),
        Err(InvalidArtifact::Transient(transient)) => return Err(transient.into()),
    };
    Ok(match rejects.refusal(&resolved.release, Some(verified.sha256)) {
        Some(refusal) => (release, Err(refused(refusal))),
        None => (release, Ok(verified.as_ref().clone())),
    })
}

async fn plan_target(
    engine: &Engine,
    at: &FunctionRef<'_>,
    target: &Target,
    head: &Head,
    artifact: &VerifiedArtifact,
    id: DeploymentId,
) -> TargetPlan {
    let previously_managed = head.live_state().managed_on(&at.function_name, target);
    let (function, alias) = (&at.function_name, &at.environment.alias);
    let desired =
        DesiredState { target, function, alias, artifact, previously_managed: &previously_managed, known_code: &[] };
    let plan = async {
        let account = open_reading_session(engine, at, target, id).await?;
        let observed = FunctionReader { timer: engine.timer(), at, account: &account }.observe().await?;
        if observed.latest.is_none() {
            let because = because_not_made(engine, at, CauseKind::Deploy, head).await;
            let because = because.unwrap_or_else(|error| Some(error.to_string()));
            because.map_or(Ok(()), |because| Err(PlanError::UnknownFunction(because)))?;
        }
        Ok::<_, TargetError>(planned(&desired, &observed)?)
    };
    let plan = plan.await;
    TargetPlan::of(target, plan.as_ref().map_err(Clone::clone))
}

fn refused_or(refused: &Option<RefusedPlan>, targets: &[TargetPlan]) -> bool {
    refused.is_none() && targets.iter().all(|target| target.error.is_none() && target.steps.is_empty())
}

fn refused(ending: Ending) -> RefusedPlan {
    match ending {
        Ending::Refused { code, because } => RefusedPlan { code, because },
        Ending::Superseded { because } | Ending::OnlyStopped { because } => {
            RefusedPlan { code: Code::Superseded, because }
        }
        Ending::Stopped { code, because, .. } => RefusedPlan { code, because },
        Ending::Tried(targets) => {
            let error = targets.into_iter().find_map(|target| target.error);
            let because = error.map_or_else(String::new, |error| error.message.into());
            RefusedPlan { code: Code::TargetFailed, because }
        }
    }
}
