//! Steps "enter" and "observe": the sessions of a deployment in a target account, and what is there.

use deployer_core::config::Target;
use deployer_core::destination::Destination;
use deployer_core::observed::{Condition, Observed};
use deployer_core::plan::Plan;
use deployer_core::record::{TargetError, TargetErrorCode};
use deployer_core::session::{Scope, session_name};

use super::Engine;
use super::deploy::Job;
use super::waiting::UNANSWERED;
use crate::port::{Account, EnterError, Qualifier, SessionRequest};

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
                Err(EnterError::Unanswered(message)) if unanswered < UNANSWERED => {
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
    pub(super) async fn observe(&self, at: &Destination<'_>, account: &Account) -> Result<Observed, TargetError> {
        let (functions, name, alias) = (account.functions(), &at.function_name, &at.environment.alias);
        for attempt in 0.. {
            let (latest, pointer, serving) = futures::try_join!(
                self.reading("observe", || functions.function(name, Qualifier::Latest)),
                self.alias_of(at, account),
                self.reading("observe", || functions.function(name, Qualifier::Alias(alias))),
            )?;
            let (latest, belongings) = match latest {
                Some((latest, belongings)) => (Some(latest), belongings),
                None => (None, Default::default()),
            };
            let serving = serving.map(|(code, _)| code);
            // The three were read side by side: somebody may have moved the alias between them.
            let whole = pointer.as_ref().map(|alias| &alias.version) == serving.as_ref().map(|code| &code.version);
            let settled = latest.as_ref().is_none_or(|latest| latest.condition != Condition::Busy);
            if whole && settled {
                return Ok(Observed { latest, belongings, alias: pointer, serving, publishing_failed: false });
            }
            let because = if settled { "the alias is being moved" } else { "another update is in progress" };
            self.pause(attempt, "observe", because).await?;
        }
        unreachable!("attempts do not end")
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
