//! The end of a wait: what is waited for is there, or the time is over, to which the planned time of a rollout is added.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deployer_core::config::Span;
use tokio::time::Instant;

use super::follow::{Followed, Stage, Until};

/// Waits for so long, and for the planned seconds of a rollout that the answers tell of meanwhile. Returns the words for
/// both.
pub(super) async fn run_out((timeout, in_words): (Duration, String), planned: &AtomicU64) -> String {
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

/// Whether nothing more is waited for.
pub(super) fn is_over(answer: &impl Followed, until: Until) -> bool {
    match answer.stage() {
        Stage::Ended => true,
        Stage::Waiting => until == Until::WaitingOrEnded,
        Stage::Running => false,
    }
}
