//! `plan`: the changes that a deployment would make, by the rules and the planner that deployments use. Nothing is
//! changed.

mod group_ends;
mod promotion;
mod releases;
mod rollback;
mod rollout;
mod targets;

use std::sync::Arc;

use deployer_core::artifact::{ArtifactRef, VerifiedArtifact};
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{self, Head, KnownBy, ResolvedArtifact, Source, goes_on_where_gone, held_by};
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName, Release, RequestHash};
use deployer_core::plan::{PlanReport, PlannedRelease, RefusedPlan};
use deployer_core::record::{CauseKind, Code, Ending};
use deployer_core::rejects::Rejects;
use deployer_core::text::Person;

use super::known::ensure_known;
use crate::deployment::error::InvalidArtifact;
use crate::deployment::verify::ArtifactReader;
use crate::gone_environment::at_or_gone;
use crate::new_functions::Creation;
use crate::store::Versioned;
use crate::{CommandError, Engine, Transient};

/// The deployment to plan.
pub enum Planned {
    /// A redeploy of the live artifact: it shows whether somebody else has changed a target.
    Live,
    /// The newest upload of a release.
    Release(Release),
    /// A zip that was not uploaded, described by all that the planner needs.
    Package(Box<VerifiedArtifact>),
    /// A rollback, to a release or to what was live before.
    Rollback(Option<Release>),
    /// A promotion of a release, or of what is live.
    Promotion {
        /// The environment that it comes from.
        from: EnvironmentName,
        /// The release; none for the live one.
        release: Option<Release>,
        /// The person who asks.
        requested_by: Option<Person>,
    },
    /// A promotion that waits.
    Waiting(DeploymentId),
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
        let at = match planned {
            Planned::Rollback(None) => at_or_gone(self, environment, function).await?,
            _ => self.at(environment, function)?,
        };
        let store = self.store();
        let head = async { Ok::<_, Transient>(store.head(&at).await?) };
        let rejects = async { Ok::<_, Transient>(store.rejects(&at.function).await?) };
        let (Versioned { head, .. }, rejects) = futures::try_join!(head, rejects)?;
        // There a rollback means the rollout, and nothing else.
        if at.is_gone() && !(goes_on_where_gone(&head) && head.active().is_some_and(|active| active.rollout.is_some()))
        {
            return Err(self.unknown_environment(environment));
        }
        let id = DeploymentId::of(self.now(), RequestHash::of(&["plan", &self.token().to_string()]));
        let kind = match &planned {
            Planned::Promotion { .. } | Planned::Waiting(_) => CauseKind::Promotion,
            Planned::Live => CauseKind::Redeploy,
            Planned::Rollback(_) => CauseKind::Rollback,
            Planned::Release(_) | Planned::Package(_) => CauseKind::Deploy,
        };
        let creation = Creation::default();
        let planning =
            Planning { engine: self, at: &at, head: &head, rejects: &rejects, creation: &creation, kind, id };
        // Nothing is reported about a function that has another name than its environment allows.
        if let Some(misnamed @ Ending::Tried(_)) = at.refusal(CauseKind::Deploy) {
            let release = match planned {
                Planned::Release(release) => Some(release),
                Planned::Rollback(release) | Planned::Promotion { release, .. } => release,
                Planned::Live | Planned::Package(_) | Planned::Waiting(_) => None,
            };
            return Ok(planning.report(release).with_targets(vec![], Some(refused(misnamed))));
        }
        let report = match planned {
            Planned::Live => planning.redeploy().await?,
            Planned::Release(release) => planning.deploy(release).await?,
            Planned::Package(package) => planning.package(*package).await,
            Planned::Rollback(to) => planning.rollback(to).await?,
            Planned::Promotion { from, release, requested_by } => planning.promote(from, release, requested_by).await?,
            Planned::Waiting(id) => planning.waiting(id).await?,
        };
        if KnownBy::of(&head).is_none() && report.refused.is_some() && report.targets.is_empty() {
            ensure_known(self, None, function).await?;
        }
        Ok(report)
    }
}

/// The inputs of a plan.
#[derive(Clone, Copy)]
struct Planning<'a> {
    engine: &'a Engine,
    at: &'a FunctionRef<'a>,
    head: &'a Head,
    rejects: &'a Rejects,
    /// Whether the function may be made in targets that do not have it.
    creation: &'a Creation,
    /// The kind of the planned deployment.
    kind: CauseKind,
    /// The id in the names of the sessions that read the targets.
    id: DeploymentId,
}

impl Planning<'_> {
    /// Begins a report.
    fn report(self, release: Option<Release>) -> PlanReport {
        PlanReport {
            live: self.head.live().map(PlannedRelease::of),
            ..PlanReport::new(self.at.name.clone(), self.at.function.clone(), release)
        }
    }

    /// Plans the redeploy of what is live.
    async fn redeploy(self) -> Result<PlanReport, CommandError> {
        let report = self.report(self.head.live().map(|live| live.release.clone()));
        if self.head.live().is_none() {
            let because = format!(
                "nothing of {} is live in {}, so there is nothing that could have changed there",
                self.at.function, self.at.name
            );
            return Ok(report.with_targets(vec![], Some(RefusedPlan { code: Code::NotLive, because })));
        }
        // The live release is compared with the targets also where it was rejected.
        let rejected_later = Rejects::default();
        let source = Source::Live { of: None };
        let resolved =
            match self.engine.reconciler(self.at).resolve_artifact(self.head, &source, &rejected_later).await? {
                Ok(resolved) => resolved,
                Err(ending) => return Ok(report.with_targets(vec![], Some(refused(ending)))),
            };
        self.artifact(report, &resolved, None).await
    }

    /// Plans the newest upload of a release.
    async fn deploy(self, release: Release) -> Result<PlanReport, CommandError> {
        let report = self.report(Some(release.clone()));
        let resolved = match self.engine.reconciler(self.at).newest(&release).await? {
            Ok(resolved) => resolved,
            Err(ending) => return Ok(report.with_targets(vec![], Some(refused(ending)))),
        };
        let report = PlanReport { brings: Some(PlannedRelease::resolved(&resolved)), ..report };
        self.artifact(report, &resolved, self.at.refusal(CauseKind::Deploy)).await
    }

    /// Plans an artifact that takes the way of an upload, unless a rule refuses it.
    async fn artifact(
        self,
        report: PlanReport,
        resolved: &ResolvedArtifact,
        by_rule: Option<Ending>,
    ) -> Result<PlanReport, CommandError> {
        let (artifact, report) = match self.verified(&resolved.artifact, report).await? {
            Ok(verified) => verified,
            Err(report) => return Ok(*report),
        };
        let rejected = || self.rejects.refusal(&resolved.release, Some(artifact.sha256));
        let refusal = by_rule.or_else(|| self.held()).or_else(rejected);
        let mut report = self.with_metadata(report).await;
        let resolved = ResolvedArtifact { sha256: Some(artifact.sha256), ..resolved.clone() };
        report.warnings.extend(head::taken_back(self.head, &resolved, &self.at.name));
        Ok(self.deployed(report, &artifact, refusal.map(refused)).await)
    }

    /// Plans a zip that was not uploaded.
    async fn package(self, package: VerifiedArtifact) -> PlanReport {
        let by_code = || self.rejects.refusal_of_code(package.sha256);
        let refusal = self.at.refusal(CauseKind::Deploy).or_else(|| self.held()).or_else(by_code);
        let report = self.with_metadata(self.report(None)).await;
        self.deployed(report, &package, refusal.map(refused)).await
    }

    /// Verifies an artifact, and adds what it says of itself. The inner error is the report of an artifact that cannot
    /// be deployed.
    async fn verified(
        self,
        artifact: &ArtifactRef,
        mut report: PlanReport,
    ) -> Result<Result<(Arc<VerifiedArtifact>, PlanReport), Box<PlanReport>>, CommandError> {
        match ArtifactReader::of(self.engine, self.at, self.kind).verify(artifact).await {
            Ok(verified) => {
                if let Some(brings) = &mut report.brings {
                    brings.sha256 = Some(verified.sha256);
                    brings.metadata = verified.metadata.clone();
                }
                Ok(Ok((verified, report)))
            }
            Err(InvalidArtifact::Ending(ending, _)) => {
                Ok(Err(Box::new(report.with_targets(vec![], Some(refused(ending))))))
            }
            Err(InvalidArtifact::Transient(transient)) => Err(transient.into()),
        }
    }

    fn held(self) -> Option<Ending> {
        self.head.hold().map(held_by)
    }
}

/// Makes the refusal of a plan from the ending that the deployment would have.
fn refused(ending: Ending) -> RefusedPlan {
    match ending {
        Ending::Refused { code, because } => RefusedPlan { code, because },
        Ending::Superseded { because, .. } | Ending::Repeated { because, .. } | Ending::OnlyStopped { because } => {
            RefusedPlan { code: Code::Superseded, because }
        }
        Ending::Stopped { code, because, .. } | Ending::TakenBack { code, because, .. } => {
            RefusedPlan { code, because }
        }
        Ending::Tried(targets) => {
            let error = targets.into_iter().find_map(|target| target.error);
            let because = error.map_or_else(String::new, |error| error.message.into());
            RefusedPlan { code: Code::TargetFailed, because }
        }
    }
}
