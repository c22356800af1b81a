//! The engine decides whether it sends a writing call that has failed again, and what it waits for first.

use deployer_core::head::LambdaTask;
use jiff::Timestamp;

use super::Engine;
use super::apply::{Halt, StepContext};
use super::lambda_waits::WaitForLambda;
use crate::port::{CallError, CallErrorKind};

/// A writing call, over all its tries.
#[derive(Default)]
pub(super) struct Sending {
    attempt: u32,
    denied_since: Option<Timestamp>,
    made_room: bool,
}

impl Engine {
    /// Waits until a call that ended so may be sent again; or says why it is not.
    pub(super) async fn before_it_is_sent_again(
        &self,
        errand: &StepContext<'_>,
        step: &'static str,
        sending: &mut Sending,
        error: &CallError,
    ) -> Result<(), Halt> {
        let StepContext { job, claim, target, .. } = *errand;
        let because = error.message.as_str();
        let task = &LambdaTask::call(step);
        let wait = |is_refused| WaitForLambda { claim, target, task, step, because, is_refused };
        let ends = || Err(error.clone().in_step(step).into());
        let attempt = sending.attempt;
        sending.attempt += 1;
        match error.kind {
            CallErrorKind::Busy => {
                let never = || self.not_done_by_lambda(step, because);
                return Ok(self.wait_for_lambda(&wait(false), attempt, never).await?);
            }
            CallErrorKind::Throttled => {
                let paused = self.pause(attempt, step, &error.message).await;
                return paused.map_err(|_| error.clone().at_the_deadline(step).into());
            }
            CallErrorKind::RoleNotReady | CallErrorKind::RefusedForNow => {
                let never = || error.clone().in_step(step);
                return Ok(self.wait_for_lambda(&wait(true), attempt, never).await?);
            }
            CallErrorKind::Denied | CallErrorKind::CodeDenied => {
                let since = *sending.denied_since.get_or_insert_with(|| self.now());
                if self.passed(since) + self.patience.wait(attempt) > self.patience.denied {
                    return ends();
                }
            }
            CallErrorKind::StorageFull if !sending.made_room => {
                sending.made_room = true;
                return if self.make_room(job, claim, target).await { Ok(()) } else { ends() };
            }
            CallErrorKind::Conflict | CallErrorKind::Unknown => {
                return Err(Halt::LookAgain { step, error: error.clone().in_step(step) });
            }
            _ => return ends(),
        }
        Ok(self.pause(attempt, step, &error.message).await?)
    }
}
