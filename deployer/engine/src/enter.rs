//! Steps "enter" and "observe": the sessions of a deployment in a target account, and what is there.

use std::sync::Arc;

use deployer_core::config::Target;
use deployer_core::destination::FunctionRef;
use deployer_core::head::LambdaTask;
use deployer_core::observed::{Condition, Observed};
use deployer_core::plan::Plan;
use deployer_core::record::{TargetError, TargetErrorCode};
use deployer_core::session::{Scope, session_name};
use futures::future::Shared;

use super::deploy::{Job, Unfinished};
use super::lambda_waits::{NoLonger, WaitForLambda};
use super::target::yes;
use super::waiting::MAX_READ_RETRIES;
use super::{Claim, Engine};
use crate::port::{Account, EnterError, Qualifier, SessionRequest};

const OBSERVE: &str = "observe";

/// Why a look at a target is no ground to plan on.
#[derive(Debug, Clone, Copy)]
enum Unsettled {
    /// Lambda is at work on the function.
    Busy,
    /// The alias was moved between two reads.
    AliasMoves,
}

impl Unsettled {
    fn because(self) -> &'static str {
        match self {
            Self::Busy => "another update is in progress",
            Self::AliasMoves => "the alias is being moved",
        }
    }
}

impl Engine {
    pub(super) fn session(&self, job: &Job<'_>, target: &Target) -> SessionRequest {
        SessionRequest {
            target: target.clone(),
            role: job.at.environment.role_name.clone(),
            external_id: job.at.environment.external_id.clone(),
            name: session_name(job.request.id),
            policy: self.scope(job, target).base_policy(),
        }
    }

    /// A further session of the deployment, with another policy.
    pub(super) async fn enter_with(
        &self,
        job: &Job<'_>,
        target: &Target,
        policy: String,
    ) -> Result<Account, TargetError> {
        self.enter(&SessionRequest { policy, ..self.session(job, target) }).await
    }

    pub(super) fn scope<'a>(&'a self, job: &'a Job<'_>, target: &'a Target) -> Scope<'a> {
        let (function, artifact) = (&job.at.function_name, &job.chosen.artifact);
        Scope { target, function, artifact, artifact_region: self.region.as_ref() }
    }

    /// Step "enter". A fresh trust policy takes some seconds until STS knows it.
    pub(super) async fn enter(&self, session: &SessionRequest) -> Result<Account, TargetError> {
        let since = self.now();
        let mut unanswered = 0;
        for attempt in 0.. {
            match self.ports.gate.enter(session).await {
                Ok(account) => return Ok(account),
                Err(EnterError::Target(error)) if error.code == TargetErrorCode::Throttled => {
                    if self.pause(attempt, "enter", &error.message).await.is_err() {
                        return Err(error);
                    }
                }
                Err(EnterError::Target(error)) => return Err(error),
                Err(EnterError::Unanswered(message)) if unanswered < MAX_READ_RETRIES => {
                    unanswered += 1;
                    self.pause(attempt, "enter", &message).await?;
                }
                Err(EnterError::Unanswered(message)) => {
                    return Err(TargetError::new(TargetErrorCode::Internal, "enter", message));
                }
                Err(EnterError::Denied(message)) => {
                    let wait = self.patience.wait(attempt);
                    if self.passed(since) + wait > self.patience.denied {
                        return Err(TargetError::new(TargetErrorCode::AssumeRoleDenied, "enter", message));
                    }
                    self.pause(attempt, "enter", &message).await?;
                }
            }
        }
        unreachable!("attempts do not end")
    }

    /// Step "observe": the function, its alias, and what the alias serves, read while the function is settled.
    pub(super) async fn observe(&self, at: &FunctionRef<'_>, account: &Account) -> Result<Observed, TargetError> {
        for attempt in 0.. {
            match self.look(at, account).await? {
                Ok(observed) => return Ok(observed),
                Err(unsettled) => self.pause(attempt, OBSERVE, unsettled.because()).await?,
            }
        }
        unreachable!("attempts do not end")
    }

    /// The same by the deployment itself: one that waits for an update for long is parked, whoever has begun the update.
    pub(super) async fn observe_or_park(
        &self,
        job: &Job<'_>,
        claim: &Claim,
        target: &Target,
        account: &Account,
    ) -> Result<Observed, NoLonger> {
        let task = &LambdaTask::update();
        for attempt in 0.. {
            match self.look(job.at, account).await? {
                Ok(observed) => {
                    claim.waits.is_over(target, task);
                    return Ok(observed);
                }
                Err(unsettled @ Unsettled::AliasMoves) => self.pause(attempt, OBSERVE, unsettled.because()).await?,
                Err(unsettled @ Unsettled::Busy) => {
                    let (step, because) = (OBSERVE, unsettled.because());
                    let wait = WaitForLambda { claim, target, task, step, because, is_refused: false };
                    self.wait_for_lambda(&wait, attempt, || self.not_done_by_lambda(step, because)).await?;
                }
            }
        }
        unreachable!("attempts do not end")
    }

    /// The same, begun beside the claim: only who has that waits for long.
    pub(super) async fn observe_beside_claim(
        &self,
        job: &Job<'_>,
        claim: Shared<impl Future<Output = Result<Arc<Claim>, Unfinished>>>,
        target: &Target,
        account: &Account,
    ) -> Result<Observed, NoLonger> {
        let first = self.look(job.at, account).await?;
        let claim = yes(claim).await;
        match first {
            Ok(observed) => {
                claim.waits.is_over(target, &LambdaTask::update());
                Ok(observed)
            }
            Err(_) => self.observe_or_park(job, &claim, target, account).await,
        }
    }

    /// One look.
    async fn look(&self, at: &FunctionRef<'_>, account: &Account) -> Result<Result<Observed, Unsettled>, TargetError> {
        let (functions, name, alias) = (account.functions(), &at.function_name, &at.environment.alias);
        let (latest, pointer, serving) = futures::try_join!(
            self.reading(OBSERVE, || functions.function(name, Qualifier::Latest)),
            self.alias_of(at, account),
            self.reading(OBSERVE, || functions.function(name, Qualifier::Alias(alias))),
        )?;
        let (latest, belongings) = match latest {
            Some((latest, belongings)) => (Some(latest), belongings),
            None => (None, Default::default()),
        };
        let serving = serving.map(|(code, _)| code);
        if latest.as_ref().is_some_and(|latest| latest.condition == Condition::Busy) {
            return Ok(Err(Unsettled::Busy));
        }
        // The three were read side by side: somebody may have moved the alias between them.
        if pointer.as_ref().map(|alias| &alias.version) != serving.as_ref().map(|code| &code.version) {
            return Ok(Err(Unsettled::AliasMoves));
        }
        Ok(Ok(Observed { latest, belongings, alias: pointer, serving, publishing_failed: false }))
    }

    /// The first session where it is enough; a second one, cut from the plan, where it is not.
    pub(super) async fn account_for(
        &self,
        job: &Job<'_>,
        target: &Target,
        first: &Account,
        plan: &Plan,
    ) -> Result<Account, TargetError> {
        let policy = self
            .scope(job, target)
            .plan_policy(plan)
            .map_err(|error| TargetError::new(TargetErrorCode::InvalidConfiguration, "plan", error.to_string()))?;
        match policy {
            None => Ok(first.clone()),
            Some(policy) => {
                let account = self.enter_with(job, target, policy).await?;
                tracing::info!(
                    session = session_name(job.request.id),
                    "account entered again, with what the plan needs"
                );
                Ok(account)
            }
        }
    }
}
