//! The result of a transition: the head to be written, and what its writer does next.

use jiff::Timestamp;

use super::active::Active;
use super::request::Request;
use super::state::Head;
use super::waiting::Waiting;
use crate::id::{DeploymentId, Token};
use crate::record::Status;

/// The result of a transition. Its writer does `then` only after it has written `head`.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The head to write; none: the head that was read stays as it is.
    pub head: Option<Box<Head>>,
    /// The writer's next action.
    pub then: Next,
}

/// The next action of the writer of a transition.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
pub enum Next {
    /// The writer has the claim on this deployment, and works on it. It need not be the request that was submitted: a
    /// deployment whose owner has died goes first.
    Work(Active),
    /// The request waits its turn, or somebody else works on it.
    Queued {
        /// The request.
        request: Request,
        /// The request's status.
        status: Status,
        /// The deployment and the claim that stand in the way, and the time until which they do.
        behind: (DeploymentId, Token, Timestamp),
    },
    /// The promotion waits for its soak, for approvals, for the end of a freeze or for its group.
    Deferred(Box<Waiting>),
    /// The deployment has ended: its record is in the outbox, or in the ledger under this id.
    Finished(DeploymentId),
    /// There is nothing to do.
    Nothing,
}

impl Transition {
    pub(super) fn none(then: Next) -> Self {
        Self { head: None, then }
    }

    pub(super) fn to(head: Head, then: Next) -> Self {
        Self { head: Some(Box::new(head)), then }
    }
}
