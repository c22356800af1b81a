//! Step "observe" of a target under the claim. A target that waits for a long update is parked, whoever has begun the
//! update.

use deployer_core::head::LambdaTask;
use deployer_core::observed::Observed;

use super::claimed_target::ClaimedTarget;
use super::error::WaitError;
use super::function_reader::{OBSERVE, Unstable};

impl ClaimedTarget<'_> {
    /// Observes until the function is stable.
    pub async fn observe(self) -> Result<Observed, WaitError> {
        let task = &LambdaTask::update();
        for attempt in 0.. {
            match self.reader().observe_once().await? {
                Ok(observed) => {
                    self.claim.waits.task_done(self.target, task);
                    return Ok(observed);
                }
                Err(unstable @ Unstable::AliasMoves) => {
                    self.timer().pause(attempt, OBSERVE, unstable.because()).await?;
                }
                Err(unstable @ Unstable::Busy) => {
                    self.wait_while_busy(task, attempt, OBSERVE, unstable.because()).await?;
                }
            }
        }
        unreachable!("attempts do not end")
    }

    /// Goes on from an observation that was begun beside the claim.
    pub async fn observe_from(self, first: Result<Observed, Unstable>) -> Result<Observed, WaitError> {
        match first {
            Ok(observed) => {
                self.claim.waits.task_done(self.target, &LambdaTask::update());
                Ok(observed)
            }
            Err(_) => self.observe().await,
        }
    }
}
