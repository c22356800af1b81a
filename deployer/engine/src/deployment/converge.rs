//! Steps "plan" and "apply" of a target: the target is planned from its observation, and planned again after a
//! precondition failed or an answer was lost.

use std::collections::BTreeSet;

use deployer_core::artifact::VerifiedArtifact;
use deployer_core::id::Version;
use deployer_core::observed::{Observed, ObservedAlias, Reason};
use deployer_core::plan::{AWAIT_TRAFFIC, DesiredState, Plan, PlanError, Step, foreign_change, plan as planned};
use deployer_core::record::{Previous, TargetError};
use deployer_core::rollout::FunctionSettings;
use deployer_core::text::PlainText;

use super::claimed_target::{ClaimedTarget, MAX_REOBSERVATIONS};
use super::error::{Interrupted, StepError, TargetFailed, Unfinished, WaitError, given_up, is_late};
use super::executor::PlanExecutor;
use super::results::TargetDone;
use super::rollout::{ensure_shiftable, ready, rollout_of, to_replace};
use super::shut_doors::ShutOutcome;
use super::step_context::StepContext;
use crate::mutex::locked;
use crate::port::Account;

impl ClaimedTarget<'_> {
    /// Brings the target to serve the artifact, from its observation.
    pub async fn converge(self, artifact: &VerifiedArtifact, observed: Observed) -> Result<TargetDone, TargetFailed> {
        let (at, target, seen) = (self.deployment.at, self.target, self.claim.seen());
        let (previously_managed, known_code) =
            (seen.head.live_state().managed_on(&at.function_name, target), seen.head.known_code());
        let (function, alias) = (&at.function_name, &at.environment.alias);
        let desired = DesiredState {
            target,
            function,
            alias,
            artifact,
            previously_managed: &previously_managed,
            known_code: &known_code,
        };
        if let Some(found) = self.claim.active().moved_since(target, observed.alias.as_ref()) {
            return Err(self.foreign_change(AWAIT_TRAFFIC, &found).into());
        }
        let convergence = Convergence {
            on: self,
            desired: &desired,
            live_before: self.live_before(),
            previous: self.served_before(),
            observed,
            written: self.claim.resumed(),
            acted: false,
            reobservations: 0,
            still_called: BTreeSet::new(),
        };
        convergence.run().await
    }
}

/// A target that is brought to what is wanted.
struct Convergence<'a> {
    on: ClaimedTarget<'a>,
    desired: &'a DesiredState<'a>,
    /// The version that was live here before this deployment, as the head says.
    live_before: Option<Previous>,
    /// The version that the alias served before this deployment first wrote to it, once that is known.
    previous: Option<Option<Previous>>,
    observed: Observed,
    /// Something may have been written: by another invocation, or by a call that got no answer.
    written: bool,
    /// This invocation has changed something.
    acted: bool,
    reobservations: u32,
    /// The versions that callers still meet for some seconds after the alias has moved.
    still_called: BTreeSet<Version>,
}

impl Convergence<'_> {
    async fn run(mut self) -> Result<TargetDone, TargetFailed> {
        loop {
            if let Some(done) = Box::pin(self.plan_and_apply()).await? {
                return Ok(done);
            }
        }
    }

    /// Plans from the observation, and carries the plan out. `None`: the target was observed once more, and must be
    /// planned again.
    async fn plan_and_apply(&mut self) -> Result<Option<TargetDone>, TargetFailed> {
        self.ensure_may_create().await?;
        let plan = self.plan()?;
        if self.on.may_shut_doors(&plan) {
            if plan.writes_nothing() {
                self.on.deployment.progress.set_moved(self.on.target);
            }
            match self.on.shut_doors(self.observed.alias.as_ref()).await? {
                ShutOutcome::NoneOpen => {}
                ShutOutcome::Rewritten => self.acted = true,
                ShutOutcome::AliasChanged => return self.observe_again().await,
            }
        }
        if plan.is_empty() {
            tracing::info!(version = plan.serving.as_ref().map(|v| v.as_str()), "already there");
            return Ok(Some(self.done(plan.serving)));
        }
        self.ensure_may_act(&plan)?;
        let rollout = rollout_of(self.on.deployment, self.desired.artifact)?;
        let publishing = rollout.as_ref().and_then(|_| plan.up_to_the_version());
        let rollout = rollout.filter(|_| publishing.is_some());
        let mut replaces = None;
        if rollout.is_some() {
            ensure_shiftable(self.observed.alias.as_ref())?;
            replaces = to_replace(self.on, &self.observed)?;
        }
        let (plan, settings) = publishing.unwrap_or_else(|| (plan, FunctionSettings::default()));
        tracing::info!(steps = %steps(&plan), "planned");
        let acting = self.on.account_for(&plan).await?;
        self.acted |= !plan.writes_nothing();
        match (PlanExecutor::new(self.context(&acting, &plan), Some(self.desired)).run().await, rollout) {
            (Ok(version), Some(rollout)) => {
                let old = self.observed.serving.as_ref().filter(|_| self.observed.alias.is_some());
                let ready = ready(self.on, (version, settings), (old, replaces), rollout.when_unshiftable).await?;
                let done = TargetDone::new(true, None, self.previous.clone().flatten());
                Ok(Some(TargetDone { ready: Some(Box::new(ready)), ..done }))
            }
            (Ok(version), None) => {
                if self.written {
                    self.repair_metadata().await?;
                }
                self.on.prune(&version, &self.still_called).await;
                Ok(Some(self.done(Some(version))))
            }
            // An earlier call got no answer: its door is shut first.
            (Err(StepError::Stopped), _) if self.on.claim.doors.is_open(self.on.target) => self.observe_again().await,
            (Err(StepError::Failed { error, is_temporary }), _) => self.send_code_again(error, is_temporary).await,
            (Err(StepError::Reobserve { step, error }), _) => self.reobserve(step, error).await,
            (Err(error), _) => Err(error.into()),
        }
    }

    fn plan(&mut self) -> Result<Plan, TargetFailed> {
        self.on.note_alias(self.observed.alias.as_ref());
        self.still_called.extend(self.observed.alias.iter().flat_map(ObservedAlias::versions));
        let plan = match planned(self.desired, &self.observed) {
            // A deployment that has written something is no longer refused.
            Err(no_plan) if self.written => return Err(TargetError::from(no_plan).into()),
            planned => planned?,
        };
        locked(&self.on.claim.warnings).extend(plan.warnings.iter().cloned());
        if !plan.is_empty() || !self.on.claim.doors.may_be_unrecorded() {
            self.previous.get_or_insert_with(|| plan.previous.clone());
        }
        Ok(plan)
    }

    /// Refuses to go on if no alias may move any more, or Lambda has failed too often to make the version.
    fn ensure_may_act(&self, plan: &Plan) -> Result<(), TargetFailed> {
        let ClaimedTarget { claim, target, .. } = self.on;
        if claim.stopped().is_some() {
            return Err(TargetFailed::Stopped);
        }
        if claim.only_observes() {
            return Err(given_up("it has not arrived here").into());
        }
        if let Some(because) = update_failed(plan, &self.observed)
            && !claim.waits.try_publish_again(target)
        {
            let message = format!("function {} in {target}: {because}", self.desired.function);
            return Err(TargetError::new(because.error_code(), "update code", message).into());
        }
        Ok(())
    }

    /// Refuses to make a function that nobody knows, where uploads make none.
    async fn ensure_may_create(&self) -> Result<(), TargetFailed> {
        let ClaimedTarget { deployment, claim, .. } = self.on;
        if self.observed.latest.is_some() {
            return Ok(());
        }
        let (kind, head) = (claim.request().cause.kind, claim.seen().head);
        match deployment.creation.refusal(deployment.engine, deployment.at, kind, &head).await {
            Ok(None) => Ok(()),
            Ok(Some(because)) => Err(PlanError::UnknownFunction(because).into()),
            Err(error) => Err(Interrupted::Unfinished(Unfinished::Transient(error.into())).into()),
        }
    }

    fn context<'c>(&'c self, account: &'c Account, plan: &'c Plan) -> StepContext<'c> {
        let previous = self.previous.as_ref().and_then(Option::as_ref);
        StepContext { on: ClaimedTarget { account, ..self.on }, plan, previous }
    }

    /// Makes the target's result. The head alone tells what an earlier invocation did: if the target served something
    /// else before, or nothing, the change was this deployment's work.
    fn done(&self, version: Option<Version>) -> TargetDone {
        let was = self.on.claim.served_before(self.on.target).unwrap_or_else(|| self.live_before.clone());
        let moved = was.as_ref().map(|before| &before.version) != version.as_ref();
        let changed = self.acted || (self.written && moved);
        TargetDone::new(changed, version, self.previous.clone().flatten())
    }

    async fn observe_again(&mut self) -> Result<Option<TargetDone>, TargetFailed> {
        self.observed = self.on.observe().await?;
        self.written = true;
        Ok(None)
    }

    /// Sends the code once more after Lambda has failed to make the version, if that may succeed.
    async fn send_code_again(
        &mut self,
        error: TargetError,
        is_temporary: bool,
    ) -> Result<Option<TargetDone>, TargetFailed> {
        let waits = &self.on.claim.waits;
        if !is_temporary || self.observed.publishing_failed || !waits.try_publish_again(self.on.target) {
            waits.mark_failed(self.on.target);
            return Err(error.into());
        }
        tracing::warn!("sending the code anew: {}", error.message);
        self.on.timer().pause(self.reobservations, "publish version", &error.message).await?;
        let now = self.on.observe().await?;
        if let Some(found) = foreign_change(self.desired, &self.observed, &now) {
            return Err(self.on.foreign_change("publish version", &found).into());
        }
        (self.written, self.observed) = (true, Observed { publishing_failed: true, ..now });
        Ok(None)
    }

    /// Observes the target again after a precondition failed or an answer was lost, and has it planned again unless
    /// somebody else has changed it.
    async fn reobserve(&mut self, step: &'static str, error: TargetError) -> Result<Option<TargetDone>, TargetFailed> {
        tracing::warn!(step, "looking again: {}", error.message);
        if self.reobservations > 0 {
            self.on.timer().pause(self.reobservations, step, &error.message).await?;
        }
        let now = match self.on.observe().await {
            Ok(now) => now,
            Err(WaitError::Waits) => return Err(TargetFailed::Waits),
            Err(WaitError::Final(later)) => return Err(error_of_unobserved_write(&error, &later).into()),
        };
        // A target that serves the artifact already has arrived, whatever somebody does to $LATEST after that.
        let serves = planned(self.desired, &now).is_ok_and(|plan| plan.writes_nothing());
        if self.on.claim.doors.explain(self.on.target, self.observed.alias.as_ref(), now.alias.as_ref()) {
            (self.observed.alias, self.observed.serving) = (now.alias.clone(), now.serving.clone());
        }
        if let Some(found) = foreign_change(self.desired, &self.observed, &now).filter(|_| !serves) {
            return Err(self.on.foreign_change(step, &found).into());
        }
        if self.observed.latest.is_none() && now.latest.is_some() {
            // The function that our call has made, although its answer was lost.
            self.on.deployment.progress.set_created(self.on.target);
        }
        // The change is our own write, or one that does not matter (permissions, an update that has become stable). If
        // it goes on, a person must find out who keeps writing there.
        if self.reobservations >= MAX_REOBSERVATIONS && !planned(self.desired, &now)?.writes_nothing() {
            return Err(error.into());
        }
        self.reobservations += 1;
        (self.written, self.observed) = (true, now);
        Ok(None)
    }

    /// Reads tags and reserved concurrency again, and writes them again if they differ. They have no precondition, so
    /// an earlier write of them may have taken effect after ours.
    async fn repair_metadata(&self) -> Result<(), TargetFailed> {
        let now = self.on.observe().await?;
        self.on.note_alias(now.alias.as_ref());
        let Ok(plan) = planned(self.desired, &now) else { return Ok(()) };
        if plan.is_empty() || !plan.steps.iter().all(Step::is_function_metadata) {
            return Ok(());
        }
        let acting = self.on.account_for(&plan).await?;
        PlanExecutor::new(self.context(&acting, &plan), Some(self.desired)).run().await?;
        Ok(())
    }
}

fn steps(plan: &Plan) -> String {
    plan.steps.iter().map(Step::name).collect::<Vec<_>>().join(", ")
}

/// Returns the reason why Lambda has failed to update the function, if the plan sends code.
fn update_failed<'a>(plan: &Plan, observed: &'a Observed) -> Option<&'a Reason> {
    let sends = plan.steps.iter().any(|step| matches!(step, Step::UpdateCode(_)));
    observed.latest.as_ref().filter(|_| sends)?.last_update_failed.as_ref()
}

/// Makes the error of a write that may have been done, after the next observation has failed too.
fn error_of_unobserved_write(error: &TargetError, later: &TargetError) -> TargetError {
    let message =
        PlainText::of(format_args!("{}; it may have been done, but looking again failed: {later}", error.message));
    // If only the time was up, another invocation observes again.
    let code = if is_late(later.code) { later.code } else { error.code };
    TargetError { message, code, ..error.clone() }
}
