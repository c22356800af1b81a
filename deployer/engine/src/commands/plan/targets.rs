//! The plans of all targets of an environment, side by side.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use deployer_core::artifact::VerifiedArtifact;
use deployer_core::config::Target;
use deployer_core::head::met_rollout;
use deployer_core::observed::Observed;
use deployer_core::plan::{DesiredState, Plan, PlanError, PlanReport, RefusedPlan, TargetPlan, plan as planned};
use deployer_core::record::TargetError;
use futures::stream::{self, StreamExt as _};

use super::Planning;
use super::rollout::check_rollout;
use crate::TARGETS_AT_ONCE;
use crate::deployment::function_reader::FunctionReader;
use crate::deployment::rollout::{ensure_shiftable, to_replace};
use crate::port::Account;
use crate::resolve_artifact::open_reading_session;

impl Planning<'_> {
    /// Plans an artifact that takes the way of an upload, and its rollout.
    pub(super) async fn deployed(
        self,
        report: PlanReport,
        artifact: &VerifiedArtifact,
        refused: Option<RefusedPlan>,
    ) -> PlanReport {
        let longest = AtomicU32::new(artifact.config.timeout.unwrap_or(0));
        let rollout = match self.kind.rolls_out() {
            true => self.at.effective_rollout(&artifact.config).ok().flatten().map(|effective| effective.rollout),
            false => None,
        };
        let targets = self.in_each(async |target| {
            let account = self.enter(target).await?;
            let observed = self.reader(&account).observe().await?;
            if let (None, Some(latest)) = (artifact.config.timeout, &observed.latest) {
                longest.fetch_max(latest.settings.timeout, Ordering::Relaxed);
            }
            let plan = self.converged_from(&observed, target, artifact).await?;
            if rollout.is_some() && plan.up_to_the_version().is_some() {
                ensure_shiftable(observed.alias.as_ref())?;
                to_replace(self.head, (self.at, target), &observed)?;
            }
            Ok(plan)
        });
        let mut targets = targets.await;
        if let Some(rollout) = &rollout {
            check_rollout(self, &mut targets, rollout).await;
        }
        let mut report = report.with_targets(targets, refused);
        if report.refused.is_none() && !report.unchanged {
            report.meets = met_rollout(self.head, self.kind);
        }
        let timeout = Duration::from_secs(longest.load(Ordering::Relaxed).into());
        let mut report = report.with_rollout(self.at, self.kind, &artifact.config, timeout);
        if let Some(planned) = report.rollout.as_mut().filter(|_| !artifact.smoke_tests.is_empty()) {
            planned.smoke_tests = artifact.smoke_tests.len();
        }
        report
    }

    /// Makes the plan of each target, in the order of the configuration.
    pub(super) async fn in_each(self, plan: impl AsyncFn(&Target) -> Result<Plan, TargetError>) -> Vec<TargetPlan> {
        let plan = &plan;
        let plans = stream::iter(self.at.environment.targets.iter().enumerate())
            .map(|(number, target)| async move {
                let plan = plan(target).await;
                (number, TargetPlan::of(target, plan.as_ref().map_err(Clone::clone)))
            })
            .buffer_unordered(TARGETS_AT_ONCE)
            .collect::<BTreeMap<_, _>>()
            .await;
        plans.into_values().collect()
    }

    /// Opens a session that may only read.
    pub(super) async fn enter(self, target: &Target) -> Result<Account, TargetError> {
        open_reading_session(self.engine, self.at, target, self.id).await
    }

    pub(super) fn reader<'a>(&'a self, account: &'a Account) -> FunctionReader<'a> {
        FunctionReader { timer: self.engine.timer(), at: self.at, account }
    }

    /// Plans the steps by which the target comes to the artifact, from its present state.
    pub(super) async fn converged(
        self,
        target: &Target,
        artifact: &VerifiedArtifact,
        account: &Account,
    ) -> Result<Plan, TargetError> {
        let observed = self.reader(account).observe().await?;
        self.converged_from(&observed, target, artifact).await
    }

    /// Plans the steps by which the target comes to the artifact, from this state.
    async fn converged_from(
        self,
        observed: &Observed,
        target: &Target,
        artifact: &VerifiedArtifact,
    ) -> Result<Plan, TargetError> {
        let previously_managed = self.head.live_state().managed_on(&self.at.function_name, target);
        let (function, alias) = (&self.at.function_name, &self.at.environment.alias);
        let desired = DesiredState {
            target,
            function,
            alias,
            artifact,
            previously_managed: &previously_managed,
            known_code: &[],
        };
        if observed.latest.is_none() {
            let because = self.creation.refusal(self.engine, self.at, self.kind, self.head).await;
            let because = because.unwrap_or_else(|error| Some(error.to_string()));
            because.map_or(Ok(()), |because| Err(PlanError::UnknownFunction(because)))?;
        }
        Ok(planned(&desired, observed)?)
    }
}
