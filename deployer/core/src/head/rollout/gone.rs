//! The configuration does not have the environment of the active deployment any more.

use crate::head::active::Active;
use crate::head::frozen_place::FrozenPlace;
use crate::head::request::Request;
use crate::head::state::Head;

/// Whether the active deployment goes on although the configuration does not have its environment any more: its
/// rollout has begun, and goes by the frozen plan; it was to roll out, and fails before any traffic moves; or it is the
/// rollback that has taken the rollout back, also where nobody has claimed it yet.
#[must_use]
pub fn goes_on_where_gone(head: &Head) -> bool {
    match head.active() {
        Some(active) => {
            let is_frozen = active.frozen_place().is_some();
            is_frozen && (active.rollout.is_some() || is_publishing(active) || active.request.undoes().is_some())
        }
        None => has_turn_where_gone(head),
    }
}

/// Whether the request that is next has its turn although the configuration does not have the environment any more: it is
/// the rollback that has taken the rollout back.
#[must_use]
pub(in crate::head) fn has_turn_where_gone(head: &Head) -> bool {
    let next = head.queue.next_in_line().and_then(|index| head.queue.pending.get(index));
    next.is_some_and(|next| place_of(next).is_some())
}

/// Returns what the rollout of a head was claimed for, and its role, for whoever goes on with it where the environment is
/// gone.
#[must_use]
pub fn place_where_gone(head: &Head) -> Option<FrozenPlace> {
    match head.active() {
        Some(active) => active.frozen_place(),
        None => head.queue.next_in_line().and_then(|index| place_of(head.queue.pending.get(index)?)),
    }
}

fn place_of(request: &Request) -> Option<FrozenPlace> {
    request.rollback().and_then(|rollback| rollback.by_plan.as_deref().cloned())
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
