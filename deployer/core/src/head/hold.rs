//! A function is held in an environment: nothing new is taken until the hold is released.

use jiff::Timestamp;

use super::active::Active;
use super::end_request::{end_request, end_untouched};
use super::request::{Request, request_hash};
use super::state::Head;
use crate::function_ref::FunctionRef;
use crate::hold_and_reject::{CommandEffect, Commanded, Hold};
use crate::id::RequestHash;
use crate::record::{Code, Ending, Status};

/// Returns the refusal of a request because of the hold; a rollback is always possible.
#[must_use]
pub fn hold_refusal(head: &Head, request: &Request) -> Option<Ending> {
    head.hold().filter(|_| !request.is_rollback()).map(held_by)
}

/// Holds the function here, or changes the reason; `id` is the command's. Requests that wait and are refused by the
/// hold end now: they are not kept for later.
#[must_use]
pub fn hold(head: &Head, hold: Hold, at: &FunctionRef<'_>, id: &str, now: Timestamp) -> CommandEffect<Head> {
    let hash = hold_hash("hold", id, at);
    if head.known.has_carried_out(hold_hash("release-hold", id, at)) {
        return CommandEffect::again(id, false);
    }
    if head.known.has_carried_out(hash) {
        let is_this = |stands: &Commanded<Hold>| stands.is_asked_for(hash, |it| it.reason == hold.reason);
        return CommandEffect::again(id, head.hold.as_ref().is_some_and(is_this));
    }
    let mut next = head.next();
    next.known.carry_out(hash);
    let refusal = held_by(&hold);
    next.hold = Some(Commanded::new(hold, hash, head.hold.as_ref()));
    let pending = std::mem::take(&mut next.queue.pending);
    let (kept, held): (Vec<Request>, Vec<Request>) = pending.into_iter().partition(Request::is_rollback);
    next.queue.pending = kept;
    // A deployment that was claimed and given up before anything was written has not begun either.
    let is_held = |active: &mut Active| active.is_idle(now) && !active.request.is_rollback();
    if let Some(active) = next.queue.active.take_if(is_held) {
        end_untouched(&mut next, &active, at, refusal.clone(), now);
    }
    for waiting in std::mem::take(&mut next.queue.waiting) {
        let record = waiting.record(at).ended(waiting.cancelled_by(refusal.clone()), now);
        end_request(&mut next, &waiting.request, record);
    }
    for request in held {
        end_request(&mut next, &request, at.record(&request, Status::Pending).ended(refusal.clone(), now));
    }
    CommandEffect::Write(Box::new(next))
}

/// Ends the hold; `id` is the command's. `None`: there is none.
#[must_use]
pub fn release_hold(head: &Head, at: &FunctionRef<'_>, id: &str) -> Option<CommandEffect<Head>> {
    let hash = hold_hash("release-hold", id, at);
    if head.known.has_carried_out(hold_hash("hold", id, at)) {
        return Some(CommandEffect::again(id, false));
    }
    if head.known.has_carried_out(hash) {
        return Some(CommandEffect::again(id, head.hold.is_none()));
    }
    head.hold.as_ref()?;
    let mut next = head.next();
    next.known.carry_out(hash);
    next.hold = None;
    Some(CommandEffect::Write(Box::new(next)))
}

fn hold_hash(verb: &str, id: &str, at: &FunctionRef<'_>) -> RequestHash {
    request_hash(verb, id, (&at.name, &at.function))
}

/// Returns the refusal of what a hold does not let in.
#[must_use]
pub fn held_by(hold: &Hold) -> Ending {
    let Hold { reason, requested_by, since, .. } = hold;
    let by = requested_by.as_deref().map_or(String::new(), |who| format!(" by {who}"));
    Ending::Refused { code: Code::Held, because: format!("held{by} since {since:.0}: {reason}") }
}
