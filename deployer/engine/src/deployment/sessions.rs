//! Step "enter": the sessions of a deployment in a target account.

use deployer_core::config::Target;
use deployer_core::plan::Plan;
use deployer_core::record::{TargetError, TargetErrorCode};
use deployer_core::session_policy::{Scope, session_name};

use super::Deployment;
use super::claimed_target::ClaimedTarget;
use crate::port::{Account, EnterError, SessionProvider, SessionRequest};
use crate::timer::{MAX_READ_RETRIES, Timer};
use deployer_core::throttle_notice::ThrottleNotice;

/// The step's name in errors.
const ENTER: &str = "enter";

/// Opens a session. A fresh trust policy takes some seconds until STS knows it.
pub(crate) async fn open_session(
    sessions: &dyn SessionProvider,
    timer: Timer<'_>,
    session: &SessionRequest,
) -> Result<Account, TargetError> {
    enter(timer, || sessions.open_session(session)).await
}

/// Opens a session of any kind, and tries again where that can help.
pub(crate) async fn enter<T, F: Future<Output = Result<T, EnterError>>>(
    timer: Timer<'_>,
    open: impl Fn() -> F,
) -> Result<T, TargetError> {
    timer.ending(ENTER, try_to_enter(timer, open)).await
}

async fn try_to_enter<T, F: Future<Output = Result<T, EnterError>>>(
    timer: Timer<'_>,
    open: impl Fn() -> F,
) -> Result<T, TargetError> {
    let since = timer.now();
    let (mut unanswered, mut notice) = (0, ThrottleNotice::of_call_since(since));
    for attempt in 0.. {
        match open().await {
            Ok(entered) => return Ok(entered),
            Err(EnterError::Target(error)) if error.code == TargetErrorCode::Throttled => {
                if timer.pause_throttled(&mut notice, attempt, ENTER, &error.message).await.is_err() {
                    return Err(error);
                }
            }
            Err(EnterError::Target(error)) => return Err(error),
            Err(EnterError::Unanswered(message)) if unanswered < MAX_READ_RETRIES => {
                unanswered += 1;
                timer.pause_refused(since, attempt, ENTER, &message).await?;
            }
            Err(EnterError::Unanswered(message)) => {
                return Err(TargetError::new(TargetErrorCode::Internal, ENTER, message));
            }
            Err(EnterError::Denied(message)) => {
                let wait = timer.retries.wait(attempt);
                if timer.passed(since) + wait > timer.retries.denied_for {
                    return Err(TargetError::new(TargetErrorCode::AssumeRoleDenied, ENTER, message));
                }
                timer.pause_refused(since, attempt, ENTER, &message).await?;
            }
        }
    }
    unreachable!("attempts do not end")
}

impl Deployment<'_> {
    /// Makes the request for the first session in a target. Its policy is enough for new code.
    pub(super) fn session(&self, target: &Target) -> SessionRequest {
        SessionRequest {
            target: target.clone(),
            role: self.at.environment.role_name.clone(),
            external_id: self.at.environment.external_id.clone(),
            name: session_name(self.request.id),
            policy: self.scope(target).base_policy(),
        }
    }

    /// Enters a target.
    pub(super) async fn open_session(&self, session: &SessionRequest) -> Result<Account, TargetError> {
        open_session(
            self.engine.ports.sessions.as_ref(),
            self.retried.noted_by(self.engine.timer(), &session.target),
            session,
        )
        .await
    }

    /// Enters a target once more, with another policy.
    pub(super) async fn open_session_with(&self, target: &Target, policy: String) -> Result<Account, TargetError> {
        self.open_session(&SessionRequest { policy, ..self.session(target) }).await
    }

    /// Returns the scope to which sessions in a target are limited.
    pub(super) fn scope<'s>(&'s self, target: &'s Target) -> Scope<'s> {
        let (function, artifact) = (&self.at.function_name, &self.resolved.artifact);
        Scope { target, function, artifact, artifact_region: self.engine.region.as_ref() }
    }
}

impl ClaimedTarget<'_> {
    /// Returns the first session if it is enough for the plan, and otherwise opens a second one, whose policy is cut
    /// from the plan.
    pub(super) async fn account_for(self, plan: &Plan) -> Result<Account, TargetError> {
        let policy = self
            .deployment
            .scope(self.target)
            .plan_policy(plan)
            .map_err(|error| TargetError::new(TargetErrorCode::InvalidConfiguration, "plan", error.to_string()))?;
        let Some(policy) = policy else { return Ok(self.account.clone()) };
        let account = self.deployment.open_session_with(self.target, policy).await?;
        let session = session_name(self.deployment.request.id);
        tracing::info!(session, "account entered again, with what the plan needs");
        Ok(account)
    }
}
