//! Waits and retries within the deadline, and puts a call's error into the record's words.

use std::time::Duration;

use deployer_core::record::{TargetError, TargetErrorCode};
use jiff::Timestamp;

use super::{Engine, RetryPolicy};
use crate::port::{CallError, CallErrorKind, Clock};
use crate::retried_calls::RetriedInTarget;
use deployer_core::throttle_notice::ThrottleNotice;

/// The number of times that a read without an answer is tried again.
pub(super) const MAX_READ_RETRIES: u32 = 3;

/// The time that is kept for answering before the deadline.
pub(super) const ANSWER_NEEDS: Duration = Duration::from_secs(2);

/// The time that an invocation has, and its retry policy.
#[derive(Clone, Copy)]
pub(super) struct Timer<'e> {
    clock: &'e dyn Clock,
    deadline: Timestamp,
    pub retries: &'e RetryPolicy,
    /// The target whose calls are waited for, if it is noted which of them are tried again.
    noted: Option<RetriedInTarget<'e>>,
}

impl<'e> Timer<'e> {
    /// Notes from now on which calls of a target are tried again.
    pub fn noting(self, noted: RetriedInTarget<'e>) -> Self {
        Self { noted: Some(noted), ..self }
    }

    /// Makes the calls of a step, none of which is tried again after it.
    pub async fn ending<T>(self, step: &'static str, calls: impl Future<Output = T>) -> T {
        let ended = calls.await;
        self.noted.inspect(|noted| noted.end(step));
        ended
    }

    /// Waits as [`Self::pause`] does, after a call that was first made at `since` was refused for now or got no answer.
    pub async fn pause_refused(
        self,
        since: Timestamp,
        attempt: u32,
        step: &'static str,
        because: &str,
    ) -> Result<(), TargetError> {
        self.noted.inspect(|noted| noted.note(step, since, because));
        self.pause(attempt, step, because).await
    }

    /// Tries nothing again after this time.
    pub fn until(self, ends: Timestamp) -> Self {
        Self { deadline: self.deadline.min(ends), ..self }
    }

    /// Returns the time by the wall clock.
    pub fn now(self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the time until the deadline.
    pub fn left(self) -> Duration {
        between(self.now(), self.deadline)
    }

    /// Returns the time since then.
    pub fn passed(self, since: Timestamp) -> Duration {
        between(since, self.now())
    }

    /// Whether enough time is left for the longest write, and for the record after it.
    pub fn allows_write(self) -> bool {
        self.left() >= self.retries.write_needs + self.retries.record_needs
    }

    /// Whether a deployment that begins now could end.
    pub fn has_time_to_begin(self) -> bool {
        self.left() >= self.retries.write_needs + self.retries.record_needs * 2
    }

    /// Whether there is time for the deployment that waits behind this one: more than just enough.
    pub fn has_time_for_another(self) -> bool {
        self.left() >= self.retries.write_needs * 2 + self.retries.record_needs * 2
    }

    /// Waits for this long.
    pub async fn sleep(self, duration: Duration) {
        self.clock.sleep(duration).await;
    }

    /// Waits before the next attempt, or fails if there is no time for one.
    pub async fn pause(self, attempt: u32, step: &'static str, because: &str) -> Result<(), TargetError> {
        let wait = self.retries.wait(attempt);
        if self.left() < wait + self.retries.record_needs {
            return Err(timed_out(step, because));
        }
        tracing::debug!(step, ?wait, "waiting: {because}");
        self.sleep(wait).await;
        Ok(())
    }

    /// Waits as [`Self::pause`] does, after AWS has throttled a call. A long wait of this kind is told at INFO.
    pub async fn pause_throttled(
        self,
        notice: &mut ThrottleNotice,
        attempt: u32,
        step: &'static str,
        because: &str,
    ) -> Result<(), TargetError> {
        if let Some(waited) = notice.due(self.now()) {
            tracing::info!(step, waited_seconds = waited.as_secs(), "throttled, and tried again: {because}");
        }
        self.pause_refused(notice.since(), attempt, step, because).await
    }

    /// Waits for something that comes before a write, or fails once a write would come too late.
    pub async fn wait_for<T>(
        self,
        step: &'static str,
        because: &str,
        awaited: impl Future<Output = T>,
    ) -> Result<T, TargetError> {
        let late = self.sleep(self.left().saturating_sub(self.retries.write_needs + self.retries.record_needs));
        tokio::select! {
            biased;
            awaited = awaited => Ok(awaited),
            () = late => Err(timed_out(step, because)),
        }
    }

    /// Reads, and tries again: while it is throttled, for some seconds while it is denied, and a few times if no answer
    /// came.
    pub async fn read<T, F>(self, step: &'static str, read: impl Fn() -> F) -> Result<T, TargetError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        self.ending(step, self.try_to_read(step, read)).await
    }

    async fn try_to_read<T, F>(self, step: &'static str, read: impl Fn() -> F) -> Result<T, TargetError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let since = self.now();
        let (mut unanswered, mut notice) = (0, ThrottleNotice::of_call_since(since));
        for attempt in 0.. {
            match read().await {
                Ok(value) => return Ok(value),
                Err(error) => match error.kind {
                    CallErrorKind::Throttled => {
                        let paused = self.pause_throttled(&mut notice, attempt, step, &error.message).await;
                        if paused.is_err() {
                            return Err(error.at_the_deadline(step));
                        }
                    }
                    CallErrorKind::Busy => {
                        if self.pause_refused(since, attempt, step, &error.message).await.is_err() {
                            return Err(error.at_the_deadline(step));
                        }
                    }
                    CallErrorKind::Denied
                        if self.passed(since) + self.retries.wait(attempt) <= self.retries.denied_for =>
                    {
                        self.pause_refused(since, attempt, step, &error.message).await?;
                    }
                    CallErrorKind::Unknown if unanswered < MAX_READ_RETRIES => {
                        unanswered += 1;
                        self.pause_refused(since, attempt, step, &error.message).await?;
                    }
                    _ => return Err(error.in_step(step)),
                },
            }
        }
        unreachable!("attempts do not end")
    }
}

impl Engine {
    /// Returns the time that this invocation has.
    pub(super) fn timer(&self) -> Timer<'_> {
        Timer { clock: self.ports.clock.as_ref(), deadline: self.deadline, retries: &self.retries, noted: None }
    }
}

impl CallError {
    /// Puts the call's error into the record's words.
    pub(super) fn in_step(self, step: &str) -> TargetError {
        let code = match self.kind {
            CallErrorKind::RoleNotReady => TargetErrorCode::RoleNotAssumable,
            CallErrorKind::Throttled => TargetErrorCode::Throttled,
            // Another invocation opens a session anew and goes on.
            CallErrorKind::Expired => TargetErrorCode::TimedOut,
            CallErrorKind::Denied | CallErrorKind::KeyDenied | CallErrorKind::RegionNotEnabled => {
                TargetErrorCode::AccessDenied
            }
            CallErrorKind::CodeUnreadable | CallErrorKind::CodeDenied => TargetErrorCode::ArtifactUnreadable,
            CallErrorKind::CodeTooLarge => TargetErrorCode::CodeTooLarge,
            CallErrorKind::Failed => TargetErrorCode::FunctionFailed,
            CallErrorKind::Invalid => TargetErrorCode::InvalidConfiguration,
            CallErrorKind::StorageFull | CallErrorKind::QuotaReached => TargetErrorCode::QuotaExceeded,
            CallErrorKind::Unsupported => TargetErrorCode::Unsupported,
            // A conflict is called a foreign change only after a second observation has found one.
            CallErrorKind::Conflict
            | CallErrorKind::RefusedForNow
            | CallErrorKind::Busy
            | CallErrorKind::Unknown
            | CallErrorKind::Other => TargetErrorCode::Internal,
        };
        TargetError::new(code, step, self.message)
    }

    /// Puts the error of a call that was tried until no time was left into the record's words.
    pub(super) fn at_the_deadline(self, step: &str) -> TargetError {
        match self.kind {
            CallErrorKind::Throttled => self.in_step(step),
            _ => timed_out(step, &self.message),
        }
    }
}

pub(super) fn between(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or_default()
}

pub(super) fn timed_out(step: &str, because: &str) -> TargetError {
    TargetError::new(
        TargetErrorCode::TimedOut,
        step,
        format!("not done before the invocation's deadline ({because}): try again, or give the deployer more time"),
    )
}
