//! The time of a wait, to which the planned time of a rollout is added.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deployer_core::config::Span;
use tokio::time::Instant;

/// Waits for so long, and for the planned seconds of a rollout that the answers tell of meanwhile. Returns the words for
/// both.
pub(crate) async fn run_out((timeout, in_words): (Duration, String), planned: &AtomicU64) -> String {
    let began = Instant::now();
    loop {
        let more = Duration::from_secs(planned.load(Ordering::Relaxed));
        let left = timeout.saturating_add(more).saturating_sub(began.elapsed());
        if !left.is_zero() {
            tokio::time::sleep(left).await;
        } else if more.is_zero() {
            return in_words;
        } else {
            return format!("{in_words} and the planned {}", Span::of_seconds(more.as_secs()));
        }
    }
}
