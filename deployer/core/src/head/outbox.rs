//! The outbox: deployments that have ended, each with the side effects that are still to be run.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::live_artifact::Completed;
use crate::as_read::AsRead;
use crate::id::{DeploymentId, Token};
use crate::record::DeploymentRecord;

/// A deployment that has ended and whose side effects are not all run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// The ended record.
    pub record: DeploymentRecord,
    /// The request's marker, which is deleted when all is run.
    pub marker: Token,
    /// The side effects that are still to be run.
    #[serde(default = "SideEffect::all")]
    pub todo: BTreeSet<SideEffect>,
    /// The record as it was read.
    #[serde(skip)]
    pub as_read: AsRead,
    /// The completion, if by this end an artifact has become complete here for the first time: automatic promotions
    /// start from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed: Option<Completed>,
}

/// A side effect of a deployment's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SideEffect {
    /// The record and the result are written.
    Record,
    /// The promotions that it calls for are asked for.
    Promotions,
    /// The event that it has started is sent: that was not possible at its start.
    Started,
    /// The event that it has ended is sent.
    Ended,
    /// A side effect that only a newer deployer knows.
    #[serde(other, rename = "?")]
    Unknown,
}

impl SideEffect {
    /// The side effects of every end.
    pub(super) fn all() -> BTreeSet<Self> {
        BTreeSet::from([Self::Record, Self::Promotions, Self::Ended])
    }
}

/// A deployment that was tried here and has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The deployment.
    pub deployment: DeploymentId,
    /// The time at which it ended.
    pub at: Timestamp,
}
