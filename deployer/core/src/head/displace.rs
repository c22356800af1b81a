//! Newer requests take the place of older ones that nothing was done for.

use jiff::Timestamp;

use super::end_request::{end_request, end_untouched};
use super::request::Request;
use super::state::Head;
use crate::function_ref::FunctionRef;
use crate::id::DeploymentId;
use crate::record::{EndedWaiting, Ending, Status};

/// Ends the requests that are next and give way to a newer one, which names the promotions among them, and a rollback all.
pub(super) fn displace_pending(head: &mut Head, newer: &mut Request, at: &FunctionRef<'_>, now: Timestamp) {
    let pending = std::mem::take(&mut head.queue.pending);
    let (displaced, kept): (Vec<Request>, Vec<Request>) = pending.into_iter().partition(|older| newer.displaces(older));
    head.queue.pending = kept;
    for older in displaced {
        let record = at.record(&older, Status::Pending).ended(displaced_by(newer), now);
        // A rollback names all that it ends: nothing of it comes by itself any more.
        if record.promotion.is_some() || newer.rollback().is_some() {
            newer.ended_waiting.push(EndedWaiting::of(&record));
        }
        end_request(head, &older, record);
    }
}

/// Ends the active deployment, which was given up untouched and gives way to a newer request. Returns it if it is a
/// promotion: the newer request names it.
pub(super) fn displace_active(
    head: &mut Head,
    newer: &Request,
    at: &FunctionRef<'_>,
    now: Timestamp,
) -> Option<EndedWaiting> {
    let active = head.queue.active.take()?;
    let is_promotion = active.request.promotion_spec().is_some();
    let ended = is_promotion.then(|| EndedWaiting::of(&at.record_of(&active, Status::Pending)));
    let because = format!("{newer} took its place before it had written anything");
    end_untouched(head, &active, at, Ending::Superseded { because, in_favour_of: promotion(newer) }, now);
    ended
}

/// Ends the promotions that wait and give way to a newer one, which names them: all but members of groups.
pub(super) fn displace_waiting(head: &mut Head, newer: &mut Request, at: &FunctionRef<'_>, now: Timestamp) {
    for waiting in std::mem::take(&mut head.queue.waiting) {
        if waiting.request.group().is_some() {
            head.queue.waiting.push(waiting);
            continue;
        }
        let because = format!("{newer} has taken its place while it waited");
        let record = waiting.record(at).ended(Ending::Superseded { because, in_favour_of: promotion(newer) }, now);
        newer.ended_waiting.push(EndedWaiting::of(&record));
        end_request(head, &waiting.request, record);
    }
}

/// Ends all promotions that wait to come here, because of a rollback here, which names them.
pub(super) fn end_waiting(head: &mut Head, rollback: &mut Request, at: &FunctionRef<'_>, now: Timestamp) {
    for waiting in std::mem::take(&mut head.queue.waiting) {
        let because = format!("{rollback} has ended what waited to come here");
        let record = waiting.record(at).ended(Ending::Superseded { because, in_favour_of: None }, now);
        rollback.ended_waiting.push(EndedWaiting::of(&record));
        end_request(head, &waiting.request, record);
    }
}

fn displaced_by(newer: &Request) -> Ending {
    let because = format!("{newer} took its place before its turn came");
    Ending::Superseded { because, in_favour_of: promotion(newer) }
}

/// Returns the id of a request that is a promotion.
fn promotion(newer: &Request) -> Option<DeploymentId> {
    newer.promotion_spec().map(|_| newer.id)
}
