//! The times for which the engine waits and tries again.

use std::time::Duration;

use crate::port::OPERATION_TIMEOUT;

/// The one retry policy of the engine, on top of the SDK's own.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// The time for which a denied call is tried again, AssumeRole first of all: a new policy takes some seconds to be
    /// known.
    pub denied_for: Duration,
    /// The longest single wait for Lambda, counted across invocations: for an execution role that Lambda cannot assume
    /// yet, for an unknown 409, and with a queue also for an update or a version. All waits of a target together may
    /// take three times as long.
    pub lambda_wait: Duration,
    /// The same without a queue: no other invocation goes on.
    pub lambda_wait_without_queue: Duration,
    /// The longest wait of one invocation for Lambda, with a queue: another invocation goes on.
    pub lambda_wait_here: Duration,
    /// The first pause between two reads; it doubles up to `longest_pause`.
    pub first_pause: Duration,
    /// The longest pause between two reads.
    pub longest_pause: Duration,
    /// The time that must be left for a write to be sent: the longest time of one call, retries included.
    pub write_needs: Duration,
    /// The time that is kept for writing the record.
    pub record_needs: Duration,
    /// The time that STS has to say who has signed a proof of identity.
    pub identity_timeout: Duration,
    /// The number of times that STS is asked where its answer decides something.
    pub identity_tries: u32,
    /// The pause before STS is asked again; it doubles.
    pub identity_first_pause: Duration,
}

impl Default for RetryPolicy {
    /// Waits 15 seconds for a policy, 15 minutes for an execution role (2 minutes without a queue).
    fn default() -> Self {
        Self {
            denied_for: Duration::from_secs(15),
            lambda_wait: Duration::from_secs(15 * 60),
            lambda_wait_without_queue: Duration::from_secs(120),
            lambda_wait_here: Duration::from_secs(20),
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(2),
            write_needs: OPERATION_TIMEOUT,
            record_needs: Duration::from_secs(5),
            identity_timeout: Duration::from_secs(3),
            identity_tries: 3,
            identity_first_pause: Duration::from_millis(500),
        }
    }
}

impl RetryPolicy {
    /// Returns the pause before the attempt after this one: it doubles, up to the longest.
    pub(super) fn wait(&self, attempt: u32) -> Duration {
        self.first_pause.saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX)).min(self.longest_pause)
    }

    /// Returns the pause before STS is asked again for the nth time.
    pub(super) fn identity_pause(&self, attempt: u32) -> Duration {
        self.identity_first_pause.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX))
    }
}
