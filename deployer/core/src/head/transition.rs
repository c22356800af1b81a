//! A transition of the head: the head to be written, and what its writer does next.

use jiff::Timestamp;

use super::active::Active;
use super::request::Request;
use super::state::Head;
use super::waiting::Waiting;
use crate::id::{DeploymentId, Token};
use crate::record::{Ending, Status};
use crate::rejects::Rejects;

/// Who wants to work, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimant {
    /// Drawn for this claim alone.
    pub token: Token,
    /// What the clock shows.
    pub now: Timestamp,
    /// The claimant's deadline and ten seconds.
    pub lease_until: Timestamp,
}

/// What a request is judged by, beside the head.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// Why it is refused, whatever the head says.
    pub refusal: Option<&'a Ending>,
    /// The rejected releases of the function.
    pub rejects: &'a Rejects,
}

/// A transition: what to write, and what follows when that has succeeded.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The head to write; none: it already says so.
    pub head: Option<Box<Head>>,
    /// What follows.
    pub then: Next,
}

/// What follows from a transition.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
pub enum Next {
    /// The claim is ours: work. Not always on what was asked for, for what somebody has died over goes first.
    Work(Active),
    /// It waits its turn, or somebody else works on it.
    Wait {
        /// The deployment that was asked for.
        request: Request,
        /// How far it is.
        status: Status,
        /// The claim that stands in the way, and until when it holds.
        behind: (DeploymentId, Token, Timestamp),
    },
    /// It waits for its soak, for approvals or for the end of a freeze.
    Rests(Box<Waiting>),
    /// It has ended: the record is in the outbox or in the ledger under this id.
    Over(DeploymentId),
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
