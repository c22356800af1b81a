//! Enqueues a request that no rule refuses.

use super::claim::{Claimant, claim_next, resume};
use super::displace::{displace_active, displace_pending, end_waiting};
use super::member::waits_behind_member;
use super::request::Request;
use super::rollback::brings_live;
use super::rollout::meet_rollout;
use super::state::Head;
use super::transition_result::{Next, Transition};
use crate::function_ref::FunctionRef;
use crate::record::Status;

/// Enqueues a request: it is claimed if it is its turn, and is next otherwise. Older requests that give way to it are
/// displaced.
pub(super) fn enqueue(mut head: Head, request: &Request, at: &FunctionRef<'_>, me: &Claimant) -> Transition {
    head.newest.raise(request);
    let mut request = request.clone();
    if request.rollback().is_some() {
        end_waiting(&mut head, &mut request, at, me.now);
    }
    displace_pending(&mut head, &mut request, at, me.now);
    let behind_member = waits_behind_member(&head.queue, &request, me.now);
    let verified = as_verified(&head, &request);
    let Some(active) = &mut head.queue.active else {
        head.queue.pending.push(request);
        return match behind_member.filter(|_| head.queue.next_in_line().is_none()) {
            Some(waits) => Transition::to(head, waits),
            None => claim_next(head, at, me),
        };
    };
    if active.is_idle(me.now) && behind_member.is_none() && request.displaces(&active.request) {
        request.ended_waiting.extend(displace_active(&mut head, &request, at, me.now));
        head.queue.pending.push(request);
        return claim_next(head, at, me);
    }
    if meet_rollout(active, &request, me.now) {
        active.stop = Some(request.id);
    }
    let active = active.clone();
    let request = verified.unwrap_or(request);
    head.queue.pending.push(request.clone());
    if !active.is_leased(me.now) && !active.awaits_look() {
        return resume(head, &active, me);
    }
    let then = Next::Queued { request, status: Status::Pending, behind: active.behind() };
    Transition::to(head, then)
}

/// Drops the conditions of a rollback to a release that stops the active deployment: they hold now, and if the stopped
/// deployment changes what is live, that is the rollback's own doing.
fn as_verified(head: &Head, request: &Request) -> Option<Request> {
    let stops = head.active().is_some_and(|active| !brings_live(head, &active.request));
    let rollback = request.rollback().filter(|rollback| stops && !rollback.is_bare())?;
    Some(request.with_rollback(rollback.clone().verified()))
}
