//! Sends ticks: messages by which the deployer wakes itself later.
//!
//! Must not know who receives a tick (`handle_tick.rs`).

use std::time::Duration;

use deployer_core::head::{NextAction, SkippedWork, Wakeup};
use deployer_core::trigger::{MESSAGE_FORMAT, Tick};
use jiff::Timestamp;

use super::Transient;
use super::function_handles::Reconciler;
use super::timer::between;

/// The longest delay of an SQS message (SQS API Reference, SendMessage, DelaySeconds).
const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// The time for which nobody is sent to a deployment that was given up.
const GIVEN_UP_RESTS: Duration = Duration::from_secs(60);

impl Reconciler<'_> {
    /// Schedules a wakeup for the deployment that is open here. A tick that cannot be sent costs no more than a sweep's
    /// period.
    pub(crate) async fn schedule_wakeup(self) {
        let seen = match self.engine.store().head(self.at).await {
            Ok(seen) => seen,
            Err(error) => return tracing::warn!("no tick was sent, so the sweep will wake what is open here: {error}"),
        };
        let now = self.engine.now();
        // A deployment that was just given up would not end now either.
        let soon = now.checked_add(GIVEN_UP_RESTS).unwrap_or(Timestamp::MAX);
        let (wakeup, when) = match seen.head.next_action(now, SkippedWork::all_but_deployments()) {
            NextAction::Deploy(wakeup) => (wakeup, now),
            NextAction::Resume(wakeup) => (wakeup, soon),
            NextAction::Wait { on, until } => (on, until.max(soon)),
            // The sweep sends for the next look.
            NextAction::Look { .. } => return,
            NextAction::FlushOutbox | NextAction::Evaluate | NextAction::Nothing => return,
        };
        if let Err(error) = self.send_tick(wakeup, when).await {
            tracing::warn!("no tick was sent, so the sweep will wake this deployment: {error}");
        }
    }

    /// Sends a tick that comes at this time. Does nothing without a queue.
    pub(crate) async fn send_tick(self, Wakeup { id, claim }: Wakeup, when: Timestamp) -> Result<(), Transient> {
        let Some(queue) = &self.engine.ports.queue else { return Ok(()) };
        let tick = Tick { environment: self.at.name.clone(), function: self.at.function.clone(), id, claim };
        let body = serde_json::json!({ "format": MESSAGE_FORMAT, "tick": tick }).to_string();
        // A lease ends within a second, and messages are delayed by whole ones.
        let delay = match between(self.engine.now(), when) {
            Duration::ZERO => Duration::ZERO,
            left => Duration::from_secs(left.as_secs() + 1).min(LONGEST_DELAY),
        };
        queue.send(body, delay).await.map_err(|error| Transient::Queue(error.to_string()))
    }
}
