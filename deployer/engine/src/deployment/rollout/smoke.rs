//! Smoke tests: each new version of a wave is invoked by its number before it gets traffic.

use deployer_core::config::Target;
use deployer_core::config::rollout::SmokeTest;
use deployer_core::record::TargetError;
use deployer_core::rollout::{Progress, RolloutState, RolloutTarget, SmokeAnswer, client_context};
use deployer_core::session_policy::smoke_policy;
use futures::stream::{self, StreamExt as _};

use super::super::error::internal;
use super::super::sessions::enter;
use super::{RolloutOwner, session_with};
use crate::port::{RolloutCallErrorKind, SmokeCall, SmokeTester};
use crate::{TARGETS_AT_ONCE, Transient};

/// The step of the smoke tests, in records.
const SMOKE: &str = "smoke test";
/// The number of times that a test is sent which Lambda gave no answer to, or was too busy for.
const MOST_TRIES: u32 = 5;

impl RolloutOwner<'_> {
    /// Tests the new versions of these targets side by side, and writes down what they answered.
    pub(super) async fn run_smoke_tests(&self, state: &RolloutState, targets: &[Target]) -> Result<(), Transient> {
        let ones = targets.iter().filter_map(|target| state.targets.iter().find(|one| one.target == *target));
        let tested: Vec<(&RolloutTarget, Result<(), String>)> = stream::iter(ones)
            .map(|one| async move { (one, self.test(one, &state.plan.smoke_tests).await) })
            .buffered(TARGETS_AT_ONCE)
            .collect()
            .await;
        let now = self.deployment.engine.now();
        self.advance(|state| {
            tested.iter().fold(Progress::Continues(Box::new(state)), |progress, (one, result)| {
                let Progress::Continues(state) = progress else { return progress };
                match result {
                    Ok(()) => state.smoke_passed(&one.target, now),
                    Err(because) => state.smoke_failed(format!("the smoke test in {} failed: {because}", one.target)),
                }
            })
        })
        .await
    }

    /// Runs all tests of one target, one after the other.
    async fn test(&self, one: &RolloutTarget, tests: &[SmokeTest]) -> Result<(), String> {
        let (Some(version), false) = (&one.new, tests.is_empty()) else { return Ok(()) };
        let session = self.smoke_session(one).await.map_err(|error| error.to_string())?;
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
            let answer = self.invoke(session.as_ref(), &call).await.map_err(|error| error.to_string())?;
            test.judge(&answer).map_err(|failure| failure.to_string())?;
        }
        Ok(())
    }

    /// Invokes a version once. A call that Lambda was too busy for, or that has no answer, is sent again.
    async fn invoke(&self, session: &dyn SmokeTester, call: &SmokeCall<'_>) -> Result<SmokeAnswer, TargetError> {
        use RolloutCallErrorKind::{Denied, Throttled, Unavailable};
        let timer = self.deployment.engine.timer();
        for attempt in 0.. {
            let error = match session.invoke(call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let may_try_again = match error.kind {
                Throttled => true,
                // A session's policy takes some seconds to be known.
                Denied | Unavailable => attempt < MOST_TRIES,
                _ => false,
            };
            if !may_try_again {
                return Err(internal(SMOKE, &error.message));
            }
            timer.pause(attempt, SMOKE, &error.message).await?;
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
