//! The open requests of a head: the active one, those that are next, and the promotions that wait.

use serde::{Deserialize, Deserializer, Serialize};

use super::active::Active;
use super::request::Request;
use super::waiting::Waiting;
use crate::id::{DeploymentId, Release, Token};

/// The open requests. `active` is worked on, `pending` is next, and `waiting` soaks or waits for approvals, the end of
/// a freeze or its group.
///
/// A member of a group holds its place in `waiting`. Every later request waits behind it, in `pending` too, unless it
/// is a rollback.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Queue {
    pub(super) active: Option<Active>,
    /// The requests that are next, in the order in which they came. A newer request has ended all that gave way to it
    /// (`Request::displaces`).
    #[serde(default, deserialize_with = "none_or_more")]
    pub(super) pending: Vec<Request>,
    /// The promotions that wait, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) waiting: Vec<Waiting>,
}

/// Reads `null` as nothing: heads from before commands existed say so.
fn none_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Request>, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

impl Queue {
    /// Iterates over every open request: the active one, those that are next, and those that wait.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Request> {
        self.claimed_and_next().chain(self.waiting.iter().map(|waiting| &waiting.request))
    }

    /// Iterates over the active request and those that are next.
    pub(super) fn claimed_and_next(&self) -> impl Iterator<Item = &Request> {
        self.active.iter().map(|active| &active.request).chain(&self.pending)
    }

    /// Whether a deployment is active or next.
    #[must_use]
    pub fn is_claimed_or_next(&self, id: DeploymentId) -> bool {
        self.claimed_and_next().any(|open| open.id == id)
    }

    /// The active deployment, if it is under this claim.
    pub(super) fn claimed(&self, claim: Token) -> Option<&Active> {
        self.active.as_ref().filter(|active| active.claim == claim)
    }

    /// Whether this claim still holds.
    #[must_use]
    pub fn is_held_by(&self, claim: Token) -> bool {
        self.claimed(claim).is_some()
    }

    /// Whether a request that names this release is active or next.
    pub(super) fn names(&self, release: &Release) -> bool {
        self.claimed_and_next().any(|open| open.source.release() == Some(release))
    }

    /// Finds the index of a deployment among the promotions that wait.
    pub(super) fn waiting_index(&self, id: DeploymentId) -> Option<usize> {
        self.waiting.iter().position(|waiting| waiting.request.id == id)
    }

    /// Finds the first request that is next and need not wait behind a member of a group.
    pub(super) fn next_in_line(&self) -> Option<usize> {
        self.pending.iter().position(|pending| self.member_before(pending).is_none())
    }

    /// Finds the request that is next and takes the place of an older one that nothing was done for.
    pub(super) fn displacing(&self, older: &Request) -> Option<&Request> {
        let mut in_line = self.pending.iter().filter(|pending| self.member_before(pending).is_none());
        in_line.find(|pending| pending.displaces(older))
    }

    /// Finds the member of a group that this request waits behind: it holds its place and came before.
    #[must_use]
    pub(crate) fn member_before(&self, request: &Request) -> Option<&Request> {
        if request.is_rollback() {
            return None;
        }
        let before = self.waiting.iter().take(self.waiting_index(request.id).unwrap_or(self.waiting.len()));
        let is_in_front = |waiting: &&Waiting| {
            let goes_first = waiting.place.as_ref().is_some_and(|place| place.ahead.contains(&request.id));
            waiting.request.group().is_some() && !goes_first
        };
        before.filter(|waiting| waiting.request.id != request.id).find(is_in_front).map(|waiting| &waiting.request)
    }

    /// Whether nothing in this head stands before the member of a group that waits here.
    #[must_use]
    pub fn is_next(&self, member: DeploymentId) -> bool {
        let is_other_active = self.active.as_ref().is_some_and(|active| active.request.id != member);
        let place = self.waiting_index(member).and_then(|index| self.waiting[index].place.as_ref());
        let goes_first =
            |pending: &Request| pending.is_rollback() || place.is_some_and(|place| place.ahead.contains(&pending.id));
        !is_other_active && !self.pending.iter().any(goes_first)
    }

    /// Whether a request that came before this promotion is still open.
    pub(crate) fn has_before(&self, promotion: &Request) -> bool {
        let is_other = |open: &Request| open.id != promotion.id;
        let waiting = self.waiting.iter().map(|waiting| &waiting.request);
        self.active.iter().any(|active| is_other(&active.request))
            || self.pending.iter().chain(waiting).any(|open| is_other(open) && open.time < promotion.time)
    }
}
