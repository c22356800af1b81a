//! Repeats a call until AWS has come so far: its parts learn of changes after seconds.

use std::time::{Duration, Instant};

use fixtures::error::{Error, Result};

use crate::outcome::Refusal;

const EVERY: Duration = Duration::from_secs(1);

/// The time within which a new role, policy or rule is known everywhere. IAM's pages promise no time; Lambda's and
/// EventBridge's users see up to a minute or two.
pub const SPREADS_WITHIN: Duration = Duration::from_secs(180);

/// Repeats a look each second until it returns something.
///
/// # Errors
/// The look fails, or it has returned nothing for `within`.
pub async fn until<T>(doing: &str, within: Duration, look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let found = within_time(within, look).await?;
    found.ok_or_else(|| Error::Unexpected(format!("{doing}: not within {} s", within.as_secs())))
}

/// Repeats a look each second until it returns something, or for so long in vain.
///
/// # Errors
/// The look fails.
pub async fn within_time<T>(within: Duration, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    let began = Instant::now();
    loop {
        let found = look().await?;
        if found.is_some() || began.elapsed() >= within {
            return Ok(found);
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Repeats a call while AWS denies it, and returns its output.
///
/// # Errors
/// No answer came, AWS refuses the call for another reason, or still denies it after `within`.
pub async fn until_allowed<T>(
    doing: &str,
    within: Duration,
    mut call: impl AsyncFnMut() -> Result<Result<T, Refusal>>,
) -> Result<T> {
    let mut denied = String::new();
    let allowed = until(doing, within, async || match call().await? {
        Ok(output) => Ok(Some(output)),
        Err(refusal) if refusal.is_denied() => {
            denied = refusal.to_string();
            Ok(None)
        }
        Err(refusal) => Err(Error::failed(doing, refusal)),
    });
    let allowed = allowed.await;
    allowed.map_err(|error| if denied.is_empty() { error } else { Error::failed(error.to_string(), denied) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn denied() -> Refusal {
        Refusal { status: 403, code: "AccessDenied".into(), message: "not yet".into() }
    }

    #[tokio::test(start_paused = true)]
    async fn denied_call_is_repeated_until_it_is_allowed() {
        let mut left = 3;
        let allowed = until_allowed("asking", SPREADS_WITHIN, async || {
            left -= 1;
            Ok(if left > 0 { Err(denied()) } else { Ok(left) })
        });
        assert_eq!(allowed.await.unwrap(), 0);
    }

    #[tokio::test]
    async fn failed_look_is_no_look_in_vain() {
        let failed = async || Err::<Option<()>, _>(Error::Unexpected("throttled".into()));
        assert!(within_time(Duration::ZERO, failed).await.is_err());
        assert_eq!(within_time(Duration::ZERO, async || Ok(None::<()>)).await.unwrap(), None);
    }

    #[tokio::test]
    async fn lasting_denial_names_the_last_one() {
        let error = until_allowed("asking", Duration::ZERO, async || Ok(Err::<(), _>(denied()))).await.unwrap_err();
        assert_eq!(error.to_string(), "asking: not within 0 s: 403 AccessDenied: not yet");
    }
}
