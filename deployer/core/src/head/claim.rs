//! The claim on the active deployment: it is taken, and it passes to another owner.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::active::Active;
use super::request::Request;
use super::rollout::has_turn_where_gone;
use super::state::Head;
use super::transition_result::{Next, Transition};
use crate::function_ref::{FunctionRef, role_to_keep};
use crate::id::Token;

/// An invocation that wants to claim a deployment, and the time until which it may work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimant {
    /// The token, drawn for this claim alone.
    pub token: Token,
    /// The present time by the claimant's clock.
    pub now: Timestamp,
    /// The claimant's deadline and ten seconds.
    pub lease_until: Timestamp,
}

impl Active {
    /// Claims a deployment that nobody has worked on yet.
    pub(super) fn first(request: Request, at: &FunctionRef<'_>, me: &Claimant) -> Self {
        Self {
            artifact: request.artifact(),
            claimed_for: Some(at.as_configured().claimed()),
            role: role_to_keep(at, request.cause.kind),
            request,
            stop: None,
            claim: me.token,
            lease_until: me.lease_until,
            claimed_at: Some(me.now),
            attempts: 1,
            extensions: 0,
            waits: vec![],
            waiting_since: None,
            done: vec![],
            written: BTreeSet::new(),
            created: BTreeSet::new(),
            doors: Some(vec![]),
            doors_unrecorded: false,
            previous: vec![],
            awaits: vec![],
            start_unpublished: false,
            hops: 0,
            next_look_at: None,
            retried: None,
            rollout: None,
            brings: None,
        }
    }
}

/// Recognises our own write whose reply was lost: the claim is ours already.
pub(super) fn own_write(head: &Head, me: &Claimant) -> Option<Transition> {
    head.queue.claimed(me.token).map(|active| Transition::none(Next::Work(active.clone())))
}

/// Claims the request that is next in line.
pub(super) fn claim_next(mut head: Head, at: &FunctionRef<'_>, me: &Claimant) -> Transition {
    // No waiting request has its turn there, but for the rollback that has taken the rollout back.
    if at.is_gone() && !has_turn_where_gone(&head) {
        return Transition::none(Next::Nothing);
    }
    let Some(index) = head.queue.next_in_line() else { return Transition::none(Next::Nothing) };
    let request = head.queue.pending.remove(index);
    claim(head, request, at, me)
}

/// Claims a request that is in the queue no more.
pub(super) fn claim(mut head: Head, request: Request, at: &FunctionRef<'_>, me: &Claimant) -> Transition {
    let active = Active::first(request, at, me);
    head.queue.active = Some(active.clone());
    Transition::to(head, Next::Work(active))
}

/// Resumes the active deployment under a new claim: its owner has died, or has given it up.
pub(super) fn resume(mut head: Head, from: &Active, me: &Claimant) -> Transition {
    let attempts = from.attempts + 1;
    let (claim, lease_until) = (me.token, me.lease_until);
    let active = Active { claim, lease_until, attempts, next_look_at: None, ..from.clone() };
    head.queue.active = Some(active.clone());
    Transition::to(head, Next::Work(active))
}
