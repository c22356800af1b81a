//! Members of groups in a head. Each holds a place among the promotions that wait, from before its group is decided
//! until the member has ended, and everything newer waits behind it.

use jiff::Timestamp;

use super::claim::{Claimant, claim};
use super::displace::displace_waiting;
use super::end_request::end_request;
use super::queue::Queue;
use super::request::Request;
use super::state::Head;
use super::transition_result::{Next, Transition};
use super::waiting::{Place, Waiting};
use crate::function_ref::FunctionRef;
use crate::id::{DeploymentId, Token};
use crate::promotion::Wait;
use crate::record::{Ending, Status};

/// The answer to a member that asks for its place.
#[derive(Debug, Clone, PartialEq)]
pub enum Reservation {
    /// This is to be written.
    Write(Box<Head>),
    /// The member holds its place already, or its deployment has begun.
    HasPlace,
    /// The member has ended here already.
    Ended,
    /// A member of this other group holds the place.
    Behind(DeploymentId),
    /// This deployment of the function, which is no member of the group, was asked for under the id of the group's request.
    SameId(DeploymentId),
}

/// Reserves the place of a group's member, unless another group's member holds it. The request bears the token of the
/// group's places, so that only the holder of that token releases the place.
#[must_use]
pub fn reserve_place(head: &Head, request: &Request, now: Timestamp) -> Reservation {
    let is_other = |open: &&Request| open.group().is_some() && open.group() != request.group();
    if let Some(other) = head.queue.open().find(is_other).and_then(Request::group) {
        return Reservation::Behind(other);
    }
    let is_same_id = |open: &&Request| open.hash == request.hash;
    let is_member = |open: &Request| (open.id, open.group()) == (request.id, request.group());
    if let Some(other) = head.queue.open().find(is_same_id).filter(|open| !is_member(open)) {
        return Reservation::SameId(other.id);
    }
    let mut next = head.next();
    if let Some(held) = next.queue.waiting.iter_mut().find(|waiting| waiting.request.hash == request.hash) {
        if held.request.place_token() == request.place_token() {
            return Reservation::HasPlace;
        }
        held.request.source.clone_from(&request.source);
        return Reservation::Write(Box::new(next));
    }
    if head.queue.open().any(|open| open.hash == request.hash) {
        return Reservation::HasPlace;
    }
    if let Some(known) = head.id_of(request) {
        return if known == request.id { Reservation::Ended } else { Reservation::SameId(known) };
    }
    let ahead = head.queue.pending.iter().map(|pending| pending.id).collect();
    let wait = Wait { for_group: true, ..Wait::over(now) };
    let place = Some(Place { ahead });
    next.queue.waiting.push(Waiting { request: request.clone(), wait, notified: true, place });
    Reservation::Write(Box::new(next))
}

/// Releases the place that the member of an undecided group has reserved under this token: nothing is left of it.
/// Returns the marker of its request too. `None`: the member holds none.
#[must_use]
pub fn release_place(head: &Head, id: DeploymentId, token: Token) -> Option<(Head, Token)> {
    let is_it = |waiting: &Waiting| waiting.request.id == id && waiting.request.place_token() == Some(token);
    let index = head.queue.waiting.iter().position(is_it)?;
    let mut next = head.next();
    let marker = next.queue.waiting.remove(index).request.marker;
    Some((next, marker))
}

/// Ends the member of a group that has ended undecided, so that the history of its function tells of it. The group's own
/// event has told of its end. A member that has ended here before keeps its record.
#[must_use]
pub fn end_undecided_member(
    head: &Head,
    request: &Request,
    ending: Ending,
    at: &FunctionRef<'_>,
    now: Timestamp,
) -> Transition {
    if head.queue.open().any(|open| open.hash == request.hash) {
        return Transition::none(Next::Nothing);
    }
    if let Some(id) = head.id_of(request) {
        return Transition::none(Next::Finished(id));
    }
    let mut next = head.next();
    next.known.remember(request.hash, request.id);
    next.ended.push_told(at.record(request, Status::Pending).ended(ending, now), request.marker);
    Transition::to(next, Next::Finished(request.id))
}

impl Request {
    /// The group that it is a member of.
    #[must_use]
    pub fn group(&self) -> Option<DeploymentId> {
        self.promotion_spec().and_then(|promoting| promoting.group)
    }

    fn place_token(&self) -> Option<Token> {
        self.promotion_spec().and_then(|promoting| promoting.place_token)
    }
}

/// Answers a request that waits behind a member of a group. `None`: it does not.
pub(super) fn waits_behind_member(queue: &Queue, request: &Request, now: Timestamp) -> Option<Next> {
    let member = queue.member_before(request)?;
    let behind = (member.id, member.marker, now);
    Some(Next::Queued { request: request.clone(), status: Status::Pending, behind })
}

/// Claims the member that waited at `index`: its group is decided, and nothing is in its way any more. Promotions that
/// waited before it give way, and so do uploads that come too late now.
pub(super) fn claim_member(
    mut head: Head,
    waiting: Waiting,
    index: usize,
    at: &FunctionRef<'_>,
    me: &Claimant,
) -> Transition {
    let mut request = waiting.request;
    head.known.remember(request.hash, request.id);
    head.newest.raise(&request);
    let after = head.queue.waiting.split_off(index);
    displace_waiting(&mut head, &mut request, at, me.now);
    head.queue.waiting.extend(after);
    // Some uploads came while the member waited, and are older all the same.
    let is_late = |pending: &Request| pending.is_upload() && pending.time <= request.time;
    let pending = std::mem::take(&mut head.queue.pending);
    let (late, kept): (Vec<Request>, Vec<Request>) = pending.into_iter().partition(is_late);
    head.queue.pending = kept;
    for upload in late {
        let because = format!("{request} was let in before it");
        let record =
            at.record(&upload, Status::Pending).ended(Ending::Superseded { because, in_favour_of: None }, me.now);
        end_request(&mut head, &upload, record);
    }
    claim(head, request, at, me)
}
