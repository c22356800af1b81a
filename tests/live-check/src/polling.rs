//! Repeats a call until AWS has come so far: its parts learn of changes after seconds.

use std::time::{Duration, Instant};

use fixtures::error::{Error, Result};

const EVERY: Duration = Duration::from_secs(1);

/// How long a new role, policy or rule may take to be known everywhere. IAM's pages promise no time; Lambda's and
/// EventBridge's users see up to a minute or two.
pub const SPREADS_WITHIN: Duration = Duration::from_secs(180);

/// Repeats a look each second until it returns something.
///
/// # Errors
/// The look fails, or it has returned nothing for `within`.
pub async fn until<T>(doing: &str, within: Duration, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if began.elapsed() >= within {
            return Err(Error::Unexpected(format!("{doing}: not within {} s", within.as_secs())));
        }
        tokio::time::sleep(EVERY).await;
    }
}
