//! Acquires the work that others have left: a deployment whose owner has died or gave it up, or a request that nobody
//! has claimed.

use super::active::Active;
use super::claim::{Claimant, claim_next, own_write, resume};
use super::displace::displace_active;
use super::member::waits_behind_member;
use super::rollout::{goes_on_where_gone, has_turn_where_gone};
use super::state::Head;
use super::transition_result::{Next, Transition};
use crate::function_ref::FunctionRef;
use crate::id::DeploymentId;
use crate::record::Status;

/// Claims the work that nobody does: the active deployment whose lease has ended, or the request that is next in line.
///
/// A deployment that was given up untouched goes behind a newer one: if it could not even be read, it shall not stand
/// in the way.
#[must_use]
pub fn acquire(head: &Head, at: &FunctionRef<'_>, me: &Claimant) -> Transition {
    if let Some(own_write) = own_write(head, me) {
        return own_write;
    }
    if at.is_gone() && !goes_on_where_gone(head) {
        return Transition::none(Next::Nothing);
    }
    let queue = &head.queue;
    // No waiting request has its turn where the environment is gone, but for the rollback that has taken its rollout back.
    let has_turn = !at.is_gone() || (queue.active.is_none() && has_turn_where_gone(head));
    match (&queue.active, queue.pending.first().filter(|_| has_turn)) {
        (Some(active), Some(_)) if active.is_idle(me.now) && queue.displacing(&active.request).is_some() => {
            let mut next = head.next();
            if let Some(newer) = queue.displacing(&active.request) {
                let ended = displace_active(&mut next, newer, at, me.now);
                if let Some(newer) = next.queue.pending.iter_mut().find(|pending| pending.id == newer.id) {
                    newer.ended_waiting.extend(ended);
                }
            }
            claim_next(next, at, me)
        }
        (Some(active), Some(pending)) if active.is_idle(me.now) && pending.is_undo() => {
            // The undo goes first: the deployment that it waits for could not even be begun.
            let mut next = head.next();
            next.queue.pending.insert(1, active.request.clone());
            next.queue.active = None;
            claim_next(next, at, me)
        }
        (Some(active), _) if !active.is_leased(me.now) && !active.awaits_look() => resume(head.next(), active, me),
        (None, Some(_)) => claim_next(head.next(), at, me),
        _ => Transition::none(Next::Nothing),
    }
}

/// Answers a request that comes once more by the deployment that it has, and acquires that deployment if nobody works
/// on it.
pub(super) fn answer_duplicate(head: &Head, id: DeploymentId, at: &FunctionRef<'_>, me: &Claimant) -> Transition {
    let queue = &head.queue;
    let is_in_other_hands =
        |active: &Active| active.is_leased(me.now) || active.has_tick_coming(me.now) || active.awaits_look();
    if let Some(index) = queue.waiting_index(id) {
        return Transition::none(Next::Deferred(Box::new(queue.waiting[index].clone())));
    }
    match (&queue.active, queue.pending.iter().find(|pending| pending.id == id)) {
        // Asking for the state of a parked deployment does not acquire it.
        (Some(active), _) if active.request.id == id && is_in_other_hands(active) => {
            let (request, behind) = (active.request.clone(), active.behind());
            Transition::none(Next::Queued { request, status: Status::InProgress, behind })
        }
        (Some(active), _) if active.request.id == id => acquire(head, at, me),
        (Some(active), Some(pending)) if active.is_leased(me.now) || active.awaits_look() => {
            let (request, status) = (pending.clone(), Status::Pending);
            Transition::none(Next::Queued { request, status, behind: active.behind() })
        }
        (None, Some(pending)) if queue.next_in_line().is_none() => {
            Transition::none(waits_behind_member(queue, pending, me.now).unwrap_or(Next::Nothing))
        }
        (_, Some(_)) => acquire(head, at, me),
        _ => Transition::none(Next::Finished(id)),
    }
}
