//! Members of groups in a head: each holds a place among what waits, behind which everything newer waits too, from before
//! its group is decided until it has ended.

use jiff::Timestamp;

use super::active::Active;
use super::request::Request;
use super::state::Head;
use super::transition::{Claimant, Next, Transition};
use super::waiting::{Place, Waiting};
use crate::function_ref::FunctionRef;
use crate::id::{DeploymentId, Token};
use crate::promotion::Wait;
use crate::record::{Ending, Status};

/// The answer to a member that asks for its place.
#[derive(Debug, Clone, PartialEq)]
pub enum Placing {
    /// To be written.
    Now(Box<Head>),
    /// The member holds its place already, or its deployment has begun.
    Held,
    /// The member has ended here already.
    Ended,
    /// A member of this other group holds the place.
    Behind(DeploymentId),
}

impl Request {
    /// The group that it is a member of.
    #[must_use]
    pub fn group(&self) -> Option<DeploymentId> {
        self.promoting().and_then(|promoting| promoting.group)
    }

    fn place_token(&self) -> Option<Token> {
        self.promoting().and_then(|promoting| promoting.place)
    }
}

impl Head {
    /// A member of a group takes its place, unless another group's member holds it. The request bears the token of the
    /// group's places, so that only who gives these back takes it away.
    #[must_use]
    pub fn with_place(&self, request: &Request, now: Timestamp) -> Placing {
        let is_other = |open: &&Request| open.group().is_some() && open.group() != request.group();
        if let Some(other) = self.open().find(is_other).and_then(Request::group) {
            return Placing::Behind(other);
        }
        let mut head = self.next();
        if let Some(held) = head.waiting.iter_mut().find(|waiting| waiting.request.hash == request.hash) {
            if held.request.place_token() == request.place_token() {
                return Placing::Held;
            }
            held.request.subject.clone_from(&request.subject);
            return Placing::Now(Box::new(head));
        }
        if self.open().any(|open| open.hash == request.hash) {
            return Placing::Held;
        }
        if self.id_of(request).is_some() {
            return Placing::Ended;
        }
        let behind = self.pending.iter().map(|pending| pending.id).collect();
        let wait = Wait { for_group: true, ..Wait::over(now) };
        let place = Some(Place { behind });
        head.waiting.push(Waiting { request: request.clone(), wait, told: true, place });
        Placing::Now(Box::new(head))
    }

    /// A group that is not decided gives the place back that was taken under this token: nothing is left of it. Gives the
    /// marker of its request too. `None`: it holds none.
    #[must_use]
    pub fn without_place(&self, id: DeploymentId, token: Token) -> Option<(Self, Token)> {
        let is_it = |waiting: &Waiting| waiting.request.id == id && waiting.request.place_token() == Some(token);
        let index = self.waiting.iter().position(is_it)?;
        let mut head = self.next();
        let marker = head.waiting.remove(index).request.marker;
        Some((head, marker))
    }

    /// Whether the member that waits here need wait for nothing more in this head.
    #[must_use]
    pub fn is_next(&self, member: DeploymentId) -> bool {
        let index = self.waiting.iter().position(|waiting| waiting.request.id == member);
        let other = self.active.as_ref().is_some_and(|active| active.request.id != member);
        let goes_first = |pending: &Request| match index.map(|index| &self.waiting[index].place) {
            Some(Some(place)) => pending.is_rollback() || place.behind.contains(&pending.id),
            _ => pending.is_rollback(),
        };
        !other && !self.pending.iter().any(goes_first)
    }

    /// The member of a group that this request waits behind: it holds its place and came before.
    #[must_use]
    pub(crate) fn member_before(&self, request: &Request) -> Option<&Request> {
        if request.is_rollback() {
            return None;
        }
        let index = self.waiting.iter().position(|waiting| waiting.request.id == request.id);
        let before = self.waiting.iter().take(index.unwrap_or(self.waiting.len()));
        let is_in_front = |waiting: &&Waiting| {
            let goes_first = waiting.place.as_ref().is_some_and(|place| place.behind.contains(&request.id));
            waiting.request.group().is_some() && !goes_first
        };
        before.filter(|waiting| waiting.request.id != request.id).find(is_in_front).map(|waiting| &waiting.request)
    }

    /// The first of those that are next and need not wait behind a member of a group.
    pub(super) fn next_in_line(&self) -> Option<usize> {
        self.pending.iter().position(|pending| self.member_before(pending).is_none())
    }

    /// A request that is next waits behind a member of a group, if it has to.
    pub(super) fn waits_behind_member(&self, request: &Request, now: Timestamp) -> Option<Next> {
        let member = self.member_before(request)?;
        let behind = (member.id, member.marker, now);
        Some(Next::Wait { request: request.clone(), status: Status::Pending, behind })
    }

    /// The member goes on: its group is decided, and nothing is in its way any more. Promotions that waited before it give way,
    /// and so do uploads that come too late now.
    pub(super) fn let_member_in(
        mut self,
        waiting: Waiting,
        index: usize,
        at: &FunctionRef<'_>,
        me: &Claimant,
    ) -> Transition {
        let request = waiting.request;
        self.remember(&request);
        self.newest.raise(&request);
        let after = self.waiting.split_off(index);
        self.displace_waiting(&request, at, me.now);
        self.waiting.extend(after);
        // An upload that is older, and came while the member waited.
        let is_late = |pending: &Request| pending.is_upload() && pending.time <= request.time;
        let (late, kept) = std::mem::take(&mut self.pending).into_iter().partition::<Vec<_>, _>(is_late);
        self.pending = kept;
        for upload in late {
            let because = format!("{request} was let in before it");
            let record = at.record(&upload, Status::Pending).ended(Ending::Superseded { because }, me.now);
            self.end(&upload, record);
        }
        let active = Active::first(request, at, me);
        self.active = Some(active.clone());
        Transition::to(self, Next::Work(active))
    }
}
