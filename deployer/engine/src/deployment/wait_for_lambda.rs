//! Waiting for Lambda: for a version that is Pending, an update in progress, an execution role that Lambda cannot
//! assume yet, or an unknown 409.
//!
//! Nobody knows how long that takes, so the engine bounds each wait, and all waits of a target together, across
//! invocations. With a queue an invocation itself waits for seconds only: then the engine parks the deployment, and the
//! invocation is free for others.

use std::time::Duration;

use deployer_core::head::LambdaTask;
use deployer_core::record::{TargetError, TargetErrorCode};

use super::claimed_target::ClaimedTarget;
use super::error::WaitError;
use crate::Engine;

/// All waits of a target together may take this many times the longest single wait: one for somebody's update, one for
/// our own, and one for a version that is made.
const WAITS_IN_A_ROW: u32 = 3;

/// One wait of a target for Lambda.
pub(super) struct WaitForLambda<'a> {
    pub task: &'a LambdaTask,
    pub step: &'static str,
    /// Lambda's words, or its observed state.
    pub because: &'a str,
    /// AWS has refused something, so the wait has an end even where no other invocation goes on.
    pub is_refused: bool,
}

impl ClaimedTarget<'_> {
    /// Waits while Lambda is at work.
    pub async fn wait_while_busy(
        self,
        task: &LambdaTask,
        attempt: u32,
        step: &'static str,
        because: &str,
    ) -> Result<(), WaitError> {
        let wait = WaitForLambda { task, step, because, is_refused: false };
        self.wait_for_lambda(&wait, attempt, || self.lambda_took_too_long(step, because)).await
    }

    /// Pauses before the next look at what Lambda has not done yet; `ends` makes the error of a target that has waited
    /// for too long.
    pub async fn wait_for_lambda(
        self,
        wait: &WaitForLambda<'_>,
        attempt: u32,
        ends: impl FnOnce() -> TargetError,
    ) -> Result<(), WaitError> {
        let WaitForLambda { task, step, because, is_refused } = *wait;
        let (claim, target, timer) = (self.claim, self.target, self.timer());
        // A deployment that was asked to stop, or only observes, must see the target stable to end.
        let may_park =
            self.deployment.engine.ports.queue.is_some() && !claim.only_observes() && claim.stopped().is_none();
        if may_park || is_refused {
            let since = claim.waits.begin(target, task, format!("{step}: {because}"), timer.now());
            // A new wait gets its seconds, however long the waits before it were.
            let is_long = timer.passed(since.own) >= timer.retries.lambda_wait_here;
            let longest = longest_lambda_wait(self.deployment.engine);
            let is_own_over = timer.passed(since.own) >= longest;
            let is_over = is_own_over || timer.passed(since.first) >= longest * WAITS_IN_A_ROW;
            // The last look may have begun long before its answer was read, in a process that was frozen meanwhile.
            let is_seen_again = is_long && is_over && !claim.waits.is_first_overdue(target);
            if is_seen_again {
                claim.waits.mark_failed(target);
                return Err(WaitError::Final(match is_own_over {
                    true => ends(),
                    false => self.lambda_busy_again_and_again(step, because),
                }));
            }
            if may_park && is_long && !is_over {
                return Err(WaitError::Waits);
            }
        }
        match timer.pause(attempt, step, because).await {
            Err(_) if may_park => Err(WaitError::Waits),
            paused => Ok(paused?),
        }
    }

    /// Makes the error of a target that has waited for one thing after the other.
    fn lambda_busy_again_and_again(self, step: &str, because: &str) -> TargetError {
        let minutes = (longest_lambda_wait(self.deployment.engine) * WAITS_IN_A_ROW).as_secs() / 60;
        let message = format!(
            "for {minutes} minutes Lambda was at work again and again (now: {because}): see who changes the function, and takes back \
             what is deployed, then try again"
        );
        TargetError::new(TargetErrorCode::TimedOut, step, message)
    }

    /// Makes the error of a target for which Lambda has been at work for too long.
    fn lambda_took_too_long(self, step: &str, because: &str) -> TargetError {
        let minutes = longest_lambda_wait(self.deployment.engine).as_secs() / 60;
        let message = format!(
            "Lambda was not done within {minutes} minutes ({because}): see what holds the function up, then try again"
        );
        TargetError::new(TargetErrorCode::TimedOut, step, message)
    }
}

/// Returns the longest time for one wait. Without a queue nobody goes on after this invocation.
pub(super) fn longest_lambda_wait(engine: &Engine) -> Duration {
    let retries = engine.timer().retries;
    match engine.ports.queue {
        Some(_) => retries.lambda_wait,
        None => retries.lambda_wait_without_queue,
    }
}
