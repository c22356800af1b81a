//! Smoke tests: one invocation each, which waits while the account has no concurrency left.

use deployer_core::rollout::SmokeAnswer;
use jiff::Timestamp;

use crate::port::{Clock, RolloutCallError, RolloutCallErrorKind, SmokeCall, SmokeTester};
use crate::retry_policy::RetryPolicy;

/// Invokes a version for a smoke test. A throttled invocation has not run, so it is sent again until this time; no other
/// one is.
///
/// # Errors
/// As [`SmokeTester::invoke`].
pub async fn invoke_when_free(
    tester: &dyn SmokeTester,
    clock: &dyn Clock,
    retries: &RetryPolicy,
    call: &SmokeCall<'_>,
    until: Timestamp,
) -> Result<SmokeAnswer, RolloutCallError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let answer = tester.invoke(call).await;
        let is_throttled = answer.as_ref().is_err_and(|error| error.kind == RolloutCallErrorKind::Throttled);
        let pause = retries.wait(attempt);
        if !is_throttled || clock.now().checked_add(pause).is_ok_and(|then| then >= until) {
            return answer;
        }
        clock.sleep(pause).await;
    }
}
