//! Answers of AWS that say nothing about a belief: throttles, conflicts and failures of AWS itself. They pass.
//!
//! Every call is tried again after such an answer: the SDK's clients do it by [`retries`] and [`Conflicts`], everything
//! else by [`until_decided`]. [`Answered`](crate::Answered) turns the last one into an error, so that no question takes
//! it for AWS's word.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use fixtures::error::Result;

use crate::outcome::Refusal;

const TRIES: u32 = 5;

/// The pause after the first try that AWS needs, in milliseconds; each further one is twice as long.
pub const FIRST_PAUSE_MS: u64 = 400;

/// Codes of answers that pass, whatever their status; every code with `Throttl` in it passes too.
///
/// AWS SDKs and Tools Reference Guide, "Retry behavior"; EventBridge API Reference, `PutEventsResultEntry`.
const CODES: [&str; 12] = [
    "BandwidthLimitExceeded",
    "ConcurrentModificationException",
    "InternalException",
    "InternalFailure",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestTimeout",
    "RequestTimeoutException",
    "SlowDown",
    "TooManyRequestsException",
];

/// Words of Lambda's about answers that another service gave it (Lambda Developer Guide, "Troubleshoot deployment
/// issues").
const WORDS: [&str; 5] = [
    "throttled by EC2",
    "S3 Error Code: InternalError",
    "S3 Error Code: RequestTimeout",
    "S3 Error Code: ServiceUnavailable",
    "S3 Error Code: SlowDown",
];

const CONFLICT: u16 = 409;

impl Refusal {
    /// Whether the same call may get another answer later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        // KMS's denials come through Lambda as 502 KMSAccessDeniedException (Lambda API Reference, "Invoke").
        !self.is_denied()
            && (matches!(self.status, CONFLICT | 429 | 500..)
                || self.code.contains("Throttl")
                || CODES.contains(&self.code.as_str())
                || WORDS.iter().any(|words| self.message.contains(words)))
    }

    /// Whether something is in the way of the call: an update under way, or a thing that is still used.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.status == CONFLICT
    }
}

/// The retries of the SDK's clients; [`until_decided`] takes its pauses from them.
#[must_use]
pub fn retries(first_pause: Duration) -> RetryConfig {
    RetryConfig::standard().with_max_attempts(TRIES).with_initial_backoff(first_pause)
}

/// Lets the SDK's clients retry a conflict, as they retry throttles and failures by themselves.
#[derive(Debug)]
pub struct Conflicts;

impl ClassifyRetry for Conflicts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response() {
            Some(answer) if answer.status().as_u16() == CONFLICT => RetryAction::server_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "conflicts"
    }
}

/// Repeats a call until its answer does not pass, a few times at most, with the pauses of this configuration's
/// [`retries`].
///
/// # Errors
/// No answer came.
pub async fn until_decided<T>(
    config: &SdkConfig,
    mut call: impl AsyncFnMut() -> Result<Result<T, Refusal>>,
) -> Result<Result<T, Refusal>> {
    let ours = Duration::from_millis(FIRST_PAUSE_MS);
    let mut pause = config.retry_config().map_or(ours, RetryConfig::initial_backoff);
    for _ in 1..TRIES {
        match call().await? {
            Err(refusal) if refusal.is_passing() => tokio::time::sleep(pause).await,
            answer => return Ok(answer),
        }
        pause *= 2;
    }
    call().await
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn refusal(status: u16, code: &str, message: &str) -> Refusal {
        Refusal { status, code: code.into(), message: message.into() }
    }

    fn config() -> SdkConfig {
        SdkConfig::builder().retry_config(retries(Duration::from_millis(FIRST_PAUSE_MS))).build()
    }

    #[test]
    fn throttles_conflicts_and_failures_pass() {
        for (status, code, message) in [
            (429, "TooManyRequestsException", ""),
            (400, "Throttling", "Rate exceeded"),
            (400, "ThrottlingException", ""),
            (200, "InternalFailure", ""),
            (400, "ConcurrentModificationException", ""),
            (503, "SlowDown", ""),
            (500, "", ""),
            (409, "ResourceConflictException", "An update is in progress"),
            (400, "InvalidParameterValueException", "Lambda was throttled by EC2"),
            (400, "InvalidParameterValueException", "Error while GetObject. S3 Error Code: SlowDown."),
        ] {
            assert!(refusal(status, code, message).is_passing(), "{status} {code} {message}");
        }
    }

    #[test]
    fn denials_and_lasting_refusals_do_not_pass() {
        for (status, code) in [
            (403, "AccessDenied"),
            (400, "AccessDeniedException"),
            (502, "KMSAccessDeniedException"),
            (200, "NotAuthorizedForSourceException"),
            (404, "ResourceNotFoundException"),
            (412, "PreconditionFailedException"),
            (400, "InvalidParameterValueException"),
        ] {
            assert!(!refusal(status, code, "").is_passing(), "{status} {code}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn passing_answer_is_asked_again_until_another_comes() {
        let (config, mut left) = (config(), 3);
        let decided = until_decided(&config, async || {
            left -= 1;
            Ok(if left > 0 { Err(refusal(503, "", "")) } else { Err(refusal(404, "", "")) })
        });
        assert_eq!(decided.await.unwrap(), Err::<(), _>(refusal(404, "", "")));
    }

    #[tokio::test(start_paused = true)]
    async fn answer_that_never_passes_is_returned_after_some_tries() {
        let (config, mut tries) = (config(), 0);
        let decided = until_decided(&config, async || {
            tries += 1;
            Ok(Err::<(), _>(refusal(429, "", "")))
        });
        let began = tokio::time::Instant::now();
        assert!(decided.await.unwrap().unwrap_err().is_passing());
        assert_eq!((tries, began.elapsed().as_secs()), (TRIES, 6), "400 ms, and twice as long each time");
    }
}
