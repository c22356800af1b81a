//! The event of a pause was sent.

use jiff::Timestamp;

use crate::head::state::Head;
use crate::id::DeploymentId;

/// Remembers that the event of a pause was sent, so that no further look sends it. `None`: that pause is over, or its
/// event was sent already.
#[must_use]
pub fn with_pause_announced(head: &Head, deployment: DeploymentId, since: Timestamp) -> Option<Head> {
    let mut next = head.next();
    let active = next.queue.active.as_mut().filter(|active| active.request.id == deployment)?;
    let pause = active.rollout.as_mut()?.paused.as_mut()?;
    if pause.since != since || pause.announced {
        return None;
    }
    pause.announced = true;
    Some(next)
}
