//! Waits until the result of a step is stable: a version that is Active, a configuration that is written.

use deployer_core::head::LambdaTask;
use deployer_core::observed::{ObservedCode, Readiness, Reason};
use deployer_core::record::{TargetError, TargetErrorCode};

use super::claimed_target::ClaimedTarget;
use super::error::{StepError, WaitError};
use super::ownership::OWNED_FOR;
use super::step_context::StepContext;
use super::wait_for_lambda::WaitForLambda;
use crate::port::Qualifier;

impl StepContext<'_> {
    /// Reads until the function or version is stable. The state Failed is an end, and is never waited on.
    pub async fn wait_until_stable(
        self,
        step: &'static str,
        qualifier: Qualifier<'_>,
    ) -> Result<ObservedCode, StepError> {
        let ClaimedTarget { claim, target, account, .. } = self.on;
        let (functions, name, timer) = (account.functions(), &self.plan.function, self.on.timer());
        let since = timer.now();
        let mut owned = since;
        for attempt in 0.. {
            // A version may take minutes, and somebody may ask us to stop meanwhile.
            if timer.passed(owned) > OWNED_FOR {
                owned = timer.now();
                self.ensure_still_owned(None).await?;
            }
            if claim.stopped().is_some() {
                return Err(StepError::Stopped);
            }
            let read = timer.read(step, || functions.function(name, qualifier.clone())).await?;
            let Some((code, _)) = read else {
                // Lambda does not show a new function everywhere at once. One that stays away was deleted by somebody.
                if timer.passed(since) >= timer.retries.denied_for {
                    let message = format!("function {name} in {target} is gone: somebody deleted it");
                    return Err(TargetError::new(TargetErrorCode::ForeignChange, step, message).into());
                }
                timer.pause(attempt, step, "Lambda does not show the function yet").await?;
                continue;
            };
            let error = |because: &Reason| {
                let message = format!("function {name} in {target}: {because}");
                TargetError::new(because.error_code(), step, message)
            };
            let failed =
                |because: &Reason| StepError::Failed { error: error(because), is_temporary: because.is_temporary() };
            let (readiness, task) = match qualifier {
                Qualifier::Version(version) => (code.condition.serving_readiness(), &LambdaTask::version(version)),
                _ => (code.condition.write_readiness(), &LambdaTask::update()),
            };
            if matches!(readiness, Readiness::Ready | Readiness::Never(_)) {
                claim.waits.clear_current(target);
            }
            match (readiness, &code.last_update_failed) {
                (Readiness::Never(because), _) => return Err(failed(&because)),
                (Readiness::Ready, Some(because)) => return Err(failed(because)),
                (Readiness::Ready, None) => {
                    claim.waits.task_done(target, task);
                    return Ok(code);
                }
                (Readiness::Soon, _) => {
                    let because = &format!("Lambda is still at work on {} of {name}", shown(&qualifier));
                    self.on.wait_while_busy(task, attempt, step, because).await?;
                }
                (Readiness::Maybe(reason), _) => {
                    let because = &reason.to_string();
                    let wait = WaitForLambda { task, step, because, is_refused: true };
                    let waited = self.on.wait_for_lambda(&wait, attempt, || error(&reason)).await;
                    waited.map_err(|over| match over {
                        WaitError::Final(_) if claim.waits.has_failed(target) => failed(&reason),
                        over => over.into(),
                    })?;
                }
            }
        }
        unreachable!("attempts do not end")
    }
}

fn shown(qualifier: &Qualifier<'_>) -> String {
    match qualifier {
        Qualifier::Latest => "the configuration".to_owned(),
        Qualifier::Version(version) => format!("version {version}"),
        Qualifier::Alias(alias) => format!("alias {alias}"),
    }
}
