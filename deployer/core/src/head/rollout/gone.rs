//! The configuration does not have the environment of the active deployment any more.

use crate::head::active::Active;
use crate::head::request::Request;
use crate::head::state::Head;

/// Whether the active deployment goes on although the configuration does not have its environment any more: its
/// rollout has begun, and goes by the frozen plan; it was to roll out, and fails before any traffic moves; or it is the
/// rollback that has taken the rollout back.
#[must_use]
pub fn goes_on_where_gone(head: &Head) -> bool {
    head.active().is_some_and(|active| {
        let is_frozen = active.role.is_some() && active.claimed_for.is_some();
        is_frozen && (active.rollout.is_some() || is_publishing(active) || active.request.undoes().is_some())
    })
}

/// Whether a request is let in, or goes on, although the configuration does not have the environment any more: a rollback
/// that names no release, and means the rollout.
#[must_use]
pub fn is_let_in_where_gone(head: &Head, request: &Request) -> bool {
    let means_what_is_active = request.rollback().is_some_and(|rollback| rollback.to.is_none());
    let is_rolling_out = head.active().is_some_and(|active| active.rollout.is_some());
    means_what_is_active && is_rolling_out && goes_on_where_gone(head)
}

/// Whether it was to roll out, and has moved no alias. One whose environment had lost its rollout meanwhile may have.
fn is_publishing(active: &Active) -> bool {
    let has_no_door = active.doors.as_ref().is_some_and(Vec::is_empty) && !active.doors_unrecorded;
    active.request.cause.kind.rolls_out() && has_no_door && active.awaits.is_empty()
}
