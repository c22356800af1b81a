//! Sends one writing call: only while there is time for its answer, and again as long as waiting can help.

use deployer_core::head::{Door, LambdaTask};
use deployer_core::id::Sha256;
use jiff::Timestamp;

use super::claimed_target::ClaimedTarget;
use super::error::StepError;
use super::lambda_writer::LambdaWriter;
use super::ownership::OWNED_FOR;
use super::wait_for_lambda::WaitForLambda;
use crate::port::{Answer, CallError, CallErrorKind, Code, Write};
use deployer_core::throttle_notice::ThrottleNotice;

/// A writing call of one step.
pub(super) struct WriteCall<'a> {
    on: ClaimedTarget<'a>,
    step: &'static str,
    /// The code that is about to serve.
    new_code: Sha256,
    /// The door by which the call writes the alias; the head knows it.
    door: Option<&'a Door>,
    attempt: u32,
    denied_since: Option<Timestamp>,
    made_room: bool,
    notice: ThrottleNotice,
}

impl<'a> WriteCall<'a> {
    /// Makes the call of a step.
    pub fn new(on: ClaimedTarget<'a>, step: &'static str, new_code: Sha256, door: Option<&'a Door>) -> Self {
        let notice = ThrottleNotice::of_call_since(on.timer().now());
        Self { on, step, new_code, door, attempt: 0, denied_since: None, made_room: false, notice }
    }

    /// Sends the call, and sends it again while Lambda is busy, throttles it or denies it for now. After a conflict or
    /// a lost answer it sends nothing more: the caller observes the target anew.
    pub async fn send(self, write: Write<'_>) -> Result<Answer, StepError> {
        self.on.timer().ending(self.step, self.send_until_answered(write)).await
    }

    async fn send_until_answered(mut self, write: Write<'_>) -> Result<Answer, StepError> {
        let ClaimedTarget { deployment, claim, target, .. } = self.on;
        let timer = self.on.timer();
        let mut last: Option<CallError> = None;
        // A deployment that puts an alias back because it was asked to stop goes on with that.
        let (mut owned, was_stopped) = (timer.now(), claim.stopped().is_some());
        loop {
            if self.door.is_some() && last.is_some() && timer.passed(owned) > OWNED_FOR {
                self.on.ensure_still_owned(self.new_code, None).await?;
                owned = timer.now();
                if claim.stopped().is_some() && !was_stopped {
                    return Err(StepError::Stopped);
                }
            }
            let turn = match write {
                Write::Create { code: Code::Inline(_), .. } | Write::UpdateCode { code: Code::Inline(_), .. } => {
                    Some(deployment.inline.turn(timer, self.step).await?)
                }
                _ => None,
            };
            let writer = match LambdaWriter::of(self.on) {
                Ok(writer) => writer,
                Err(late) => return Err(last.unwrap_or(late).at_the_deadline(self.step).into()),
            };
            let error = match self.send_once(writer, write.clone()).await {
                Ok(answer) => {
                    claim.waits.task_done(target, &LambdaTask::call(self.step));
                    return Ok(answer);
                }
                Err(error) => error,
            };
            drop(turn);
            self.wait_to_send_again(&error).await?;
            last = Some(error);
        }
    }

    /// Sends the call once, and notes its possible effect.
    async fn send_once(&self, writer: LambdaWriter<'_>, write: Write<'_>) -> Result<Answer, CallError> {
        let ClaimedTarget { deployment, claim, target, .. } = self.on;
        self.door.inspect(|door| claim.doors.note_opened(door));
        let answer = writer.write(write).await;
        self.door.inspect(|door| claim.doors.note_answer(door, &answer));
        let is_written = match &answer {
            Ok(_) => true,
            // A conflict may be our own write, because the SDK sends a call again that got no answer.
            Err(error) => matches!(error.kind, CallErrorKind::Unknown | CallErrorKind::Conflict),
        };
        if is_written {
            deployment.progress.set_written(target);
        }
        answer
    }

    /// Waits until a failed call may be sent again, or returns the error why it may not.
    async fn wait_to_send_again(&mut self, error: &CallError) -> Result<(), StepError> {
        let (step, timer, because) = (self.step, self.on.timer(), error.message.as_str());
        let ends = || Err(error.clone().in_step(step).into());
        let task = &LambdaTask::call(step);
        let attempt = self.attempt;
        self.attempt += 1;
        match error.kind {
            CallErrorKind::Busy => Ok(self.on.wait_while_busy(task, attempt, step, because).await?),
            CallErrorKind::Throttled => {
                let paused = timer.pause_throttled(&mut self.notice, attempt, step, because).await;
                paused.map_err(|_| error.clone().at_the_deadline(step).into())
            }
            CallErrorKind::RoleNotReady | CallErrorKind::RefusedForNow => {
                let wait = WaitForLambda { task, step, because, is_refused: true };
                Ok(self.on.wait_for_lambda(&wait, attempt, || error.clone().in_step(step)).await?)
            }
            CallErrorKind::Denied | CallErrorKind::CodeDenied => {
                let since = *self.denied_since.get_or_insert_with(|| timer.now());
                if timer.passed(since) + timer.retries.wait(attempt) > timer.retries.denied_for {
                    return ends();
                }
                Ok(timer.pause_refused(since, attempt, step, because).await?)
            }
            CallErrorKind::StorageFull if !self.made_room => {
                self.made_room = true;
                if self.on.make_room().await { Ok(()) } else { ends() }
            }
            CallErrorKind::Conflict | CallErrorKind::Unknown => {
                Err(StepError::Reobserve { step, error: error.clone().in_step(step) })
            }
            _ => ends(),
        }
    }
}
