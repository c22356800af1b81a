//! The plan of a rollback: each target goes back by the version that it has served, as long as Lambda has that.

use std::sync::Arc;

use deployer_core::artifact::VerifiedArtifact;
use deployer_core::config::Target;
use deployer_core::head::{ResolvedArtifact, Rollback, plan_rollback, went_back};
use deployer_core::id::{DeploymentId, Release, Sha256, Version};
use deployer_core::observed::{Condition, ObservedCode};
use deployer_core::plan::{Plan, PlanReport, PlannedRelease, plan_restore, version_changes};
use deployer_core::record::TargetError;
use tokio::sync::OnceCell;

use super::{Planning, refused};
use crate::CommandError;
use crate::deployment::error::InvalidArtifact;
use crate::deployment::function_reader::OBSERVE;
use crate::deployment::verify::ArtifactReader;
use crate::group::Groups;
use crate::port::{Account, Qualifier};

/// The artifact, which is read only where a target cannot go back without it.
type Verified = OnceCell<Result<Arc<VerifiedArtifact>, InvalidArtifact>>;

impl Planning<'_> {
    pub(super) async fn rollback(self, to: Option<Release>) -> Result<PlanReport, CommandError> {
        let (targets, is_named) = (&self.at.environment.targets, to.is_some());
        let planned = match plan_rollback(self.head, &Rollback::to(to.clone()), targets, self.rejects) {
            Ok(planned) => planned,
            Err(ending) => {
                let report = self.with_metadata(self.report(to)).await;
                return Ok(report.with_targets(vec![], Some(refused(ending))));
            }
        };
        let artifact = planned.artifact.as_ref();
        let entry = artifact.and_then(|artifact| self.head.entry_of(artifact));
        let brings = entry.map(PlannedRelease::of).or_else(|| artifact.map(PlannedRelease::resolved));
        let between = artifact.map(|artifact| self.head.between_live_and(artifact, self.rejects)).unwrap_or_default();
        let ends_groups = match planned.joins {
            None => Groups::of(self.engine).open().waiting_before_rollback(&self.at.name, &self.at.function).await,
            Some(_) => vec![],
        };
        // The member of a group that ends goes with its group.
        let ends_alone = |id: &DeploymentId| {
            let waiting = self.head.waiting().iter().find(|waiting| waiting.request.id == *id);
            let group = waiting.and_then(|waiting| waiting.request.group());
            !ends_groups.iter().any(|ends| Some(ends.deployment) == group)
        };
        let report = PlanReport {
            ends: planned.ends.iter().copied().filter(ends_alone).collect(),
            brings,
            between: between.into_iter().map(PlannedRelease::passed).collect(),
            stops: planned.stops,
            joins: planned.joins,
            ends_groups,
            because: planned.because.clone(),
            ..self.report(artifact.map(|artifact| artifact.release.clone()))
        };
        let mut report = self.with_metadata(report).await;
        let Some(artifact) = artifact else { return Ok(report) };
        let again = is_named.then(|| went_back(self.head, artifact, &self.at.name)).flatten();
        report.warnings.extend(again.map(|sentence| format!("{sentence}: this rollback brings it again")));
        let verified = Verified::new();
        let targets = self.in_each(async |target| self.restored(target, artifact, &verified).await).await;
        let report = report.with_targets(targets, None);
        Ok(PlanReport { unchanged: report.unchanged && report.stops.is_none(), ..report })
    }

    /// Plans how a target goes back: to the version that it has served, or to a new one of the same artifact.
    async fn restored(
        self,
        target: &Target,
        resolved: &ResolvedArtifact,
        verified: &Verified,
    ) -> Result<Plan, TargetError> {
        let account = self.enter(target).await?;
        let served = resolved.version_of(&self.at.function_name, target).zip(resolved.sha256);
        let found = match served {
            Some(served) => self.served_version(&account, served).await?.map(|code| (served, code)),
            None => None,
        };
        if let Some((served, code)) = found.as_ref().filter(|(_, code)| !is_idle(code)) {
            return self.moved(&account, *served, code).await;
        }
        let read = || async { ArtifactReader::of(self.engine, self.at, self.kind).verify(&resolved.artifact).await };
        match (verified.get_or_init(read).await, &found) {
            (Ok(artifact), _) => {
                let mut plan = self.converged(target, artifact, &account).await?;
                if let Some((version, _)) = served.filter(|_| !plan.is_empty()) {
                    plan.warnings.push(format!(
                        "version {version}, which had served this release, is gone or inactive: a new one is published"
                    ));
                }
                Ok(plan)
            }
            // An inactive version is used where its zip is gone.
            (Err(_), Some((served, code))) => self.moved(&account, *served, code).await,
            (Err(invalid), None) => Err(invalid.clone().in_target()),
        }
    }

    /// Reads a version that had served; none if Lambda does not have it any more with the same code.
    async fn served_version(
        self,
        account: &Account,
        (version, sha256): (&Version, Sha256),
    ) -> Result<Option<ObservedCode>, TargetError> {
        let (functions, name) = (account.functions(), &self.at.function_name);
        let read = || functions.function(name, Qualifier::Version(version));
        let found = self.engine.timer().read(OBSERVE, read).await?.map(|(code, _)| code);
        let may_serve = |code: &ObservedCode| {
            let is_there = matches!(code.condition, Condition::Ready | Condition::Busy | Condition::Idle { .. });
            is_there && code.sha256 == Some(sha256)
        };
        Ok(found.filter(may_serve))
    }

    /// Plans the move of the alias to a version, with the differences between the two versions.
    async fn moved(
        self,
        account: &Account,
        served: (&Version, Sha256),
        code: &ObservedCode,
    ) -> Result<Plan, TargetError> {
        let (functions, name, alias) = (account.functions(), &self.at.function_name, &self.at.environment.alias);
        let reader = self.reader(account);
        let (seen, serving) = futures::try_join!(
            reader.alias(),
            self.engine.timer().read(OBSERVE, || functions.function(name, Qualifier::Alias(alias))),
        )?;
        let mut plan = plan_restore(name, alias, served, seen.as_ref());
        if let Some((serving, _)) = serving.filter(|_| !plan.is_empty()) {
            plan.changes.extend(version_changes(&serving, code));
        }
        Ok(plan)
    }
}

fn is_idle(code: &ObservedCode) -> bool {
    matches!(code.condition, Condition::Idle { .. })
}
