//! Smoke tests: each new version of a wave is invoked by its number before it gets traffic.

use deployer_core::config::Target;
use deployer_core::config::rollout::SmokeTest;
use deployer_core::head::{EXTENSIONS, RolloutLeave};
use deployer_core::record::{TargetError, TargetErrorCode};
use deployer_core::rollout::{Progress, RolloutState, RolloutTarget, SmokeAnswer, client_context, smoke_failed_in};
use deployer_core::session_policy::smoke_policy;
use futures::stream::{self, StreamExt as _};

use super::super::error::{Unfinished, internal, is_late};
use super::super::sessions::enter;
use super::look::looking_meanwhile;
use super::{RolloutOwner, session_with};
use crate::port::{RolloutCallErrorKind, SmokeCall, SmokeTester};
use crate::timer::ANSWER_NEEDS;
use crate::{TARGETS_AT_ONCE, invoke_when_free};

/// The step of the smoke tests, in records.
const SMOKE: &str = "smoke test";
/// The number of times that a denied test is sent again.
const MOST_TRIES: u32 = 5;

/// The reason why a version has not passed its tests.
enum TestError {
    /// It has failed one, or could not be tested.
    Failed(String),
    /// The time was up.
    Late(String),
}

impl From<TargetError> for TestError {
    fn from(error: TargetError) -> Self {
        let because = error.to_string();
        if is_late(error.code) { Self::Late(because) } else { Self::Failed(because) }
    }
}

impl RolloutOwner<'_> {
    /// Tests the new versions of these targets side by side, and writes down what they answered. Where the account was
    /// too busy until the time was up, another invocation goes on.
    pub(super) async fn run_smoke_tests(&self, state: &RolloutState, targets: &[Target]) -> Result<(), Unfinished> {
        let ones = targets.iter().filter_map(|target| state.targets.iter().find(|one| one.target == *target));
        let tests = stream::iter(ones)
            .map(|one| async move { (one, self.test(one, &state.plan.smoke_tests).await) })
            .buffered(TARGETS_AT_ONCE)
            .collect::<Vec<(&RolloutTarget, Result<(), TestError>)>>();
        let Some(tested) = looking_meanwhile(*self, tests).await? else { return Ok(()) };
        let now = self.deployment.engine.now();
        let (mut passed, mut failed, mut is_late) = (vec![], vec![], false);
        for (one, result) in tested {
            match result {
                Ok(()) => passed.push(&one.target),
                Err(TestError::Late(_)) if self.claim.extensions() < EXTENSIONS => is_late = true,
                Err(TestError::Late(because) | TestError::Failed(because)) => {
                    failed.push((one.target.clone(), because))
                }
            }
        }
        self.advance(|state| {
            let pass = |progress: Progress, target: &&Target| progress.into_state().smoke_passed(target, now);
            let passed = passed.iter().fold(Progress::Continues(Box::new(state)), pass);
            smoke_failed_in(passed.into_state(), &failed)
        })
        .await?;
        if is_late && failed.is_empty() {
            return Err(self.leave_rollout(RolloutLeave::OutOfTime).await);
        }
        Ok(())
    }

    /// Runs all tests of one target, one after the other.
    async fn test(&self, one: &RolloutTarget, tests: &[SmokeTest]) -> Result<(), TestError> {
        let (Some(version), false) = (&one.new, tests.is_empty()) else { return Ok(()) };
        let session = self.smoke_session(one).await?;
        let context = client_context(self.deployment.request.id, self.deployment.resolved.release.as_str());
        for test in tests {
            let event = test.event.to_string();
            let call = SmokeCall {
                function: &self.deployment.at.function_name,
                version,
                event: &event,
                context: &context,
                timeout: test.time_to_answer(),
            };
            let answer = self.invoke(session.as_ref(), &call).await?;
            test.judge(&answer).map_err(|failure| TestError::Failed(failure.to_string()))?;
        }
        Ok(())
    }

    /// Invokes a version once. Only what has not run is sent again: a throttled invocation, and for some seconds a denied
    /// one, because the session's policy takes a while to be known.
    async fn invoke(&self, session: &dyn SmokeTester, call: &SmokeCall<'_>) -> Result<SmokeAnswer, TargetError> {
        let engine = self.deployment.engine;
        let timer = engine.timer();
        let (clock, retries) = (engine.ports.clock.as_ref(), &engine.retries);
        let until = engine.deadline.checked_sub(ANSWER_NEEDS).unwrap_or(engine.deadline);
        for attempt in 0.. {
            let error = match invoke_when_free(session, clock, retries, call, until).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match error.kind {
                RolloutCallErrorKind::Denied if attempt < MOST_TRIES => {
                    timer.pause(attempt, SMOKE, &error.message).await?;
                }
                RolloutCallErrorKind::Unavailable => {
                    let message = format!(
                        "no answer came, so the version may have run, and it is not invoked again: {}",
                        error.message
                    );
                    return Err(internal(SMOKE, &message));
                }
                RolloutCallErrorKind::Throttled => {
                    return Err(TargetError::new(TargetErrorCode::Throttled, SMOKE, error.message));
                }
                _ => return Err(internal(SMOKE, &error.message)),
            }
        }
        unreachable!("attempts do not end")
    }

    async fn smoke_session(&self, one: &RolloutTarget) -> Result<std::sync::Arc<dyn SmokeTester>, TargetError> {
        let (Some(sessions), Some(version)) = (&self.deployment.engine.ports.rollouts, &one.new) else {
            return Err(internal(SMOKE, "this deployer opens no sessions for smoke tests"));
        };
        let policy = smoke_policy(&one.target, &self.deployment.at.function_name, version);
        let request = session_with(self.deployment, &one.target, policy);
        enter(self.deployment.engine.timer(), || sessions.open_smoke_session(&request)).await
    }
}
