//! Whether a function is known in an environment. This is the one meaning of "known": commands, events and uploads that
//! make functions all ask here.
//!
//! A request that was refused makes no function known: its name may be misspelt.

use super::state::Head;

/// The reason why a function is known in an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownBy {
    /// It was live, or may be in a target.
    Deployment,
    /// A person holds it or has held it, and so has said that the name is right.
    Hold,
    /// A deployment of it was tried, and failed.
    Attempt,
    /// A request for it is open.
    OpenRequest,
}

impl KnownBy {
    /// Finds the strongest reason in a head; none if the function is not known there.
    #[must_use]
    pub fn of(head: &Head) -> Option<Self> {
        if head.live_state.has_served() {
            Some(Self::Deployment)
        } else if head.hold.is_some() || head.known.has_carried_out_any() {
            Some(Self::Hold)
        } else if head.ended.failure.is_some() || !head.live_state.targets.is_empty() {
            Some(Self::Attempt)
        } else {
            head.queue.open().next().map(|_| Self::OpenRequest)
        }
    }

    /// Whether an upload may make the function where uploads make no new ones. An upload that is open or has failed is
    /// no reason: it may be under the same misspelt name.
    #[must_use]
    pub fn allows_creation(self) -> bool {
        matches!(self, Self::Deployment | Self::Hold)
    }
}
