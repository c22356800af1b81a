//! The end of a deployment, before it is written to the record.

use super::status::{Code, Status};
use super::target::TargetOutcome;
use crate::id::DeploymentId;

/// The end of a deployment, before it is written to the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// A rule refused it before any target was written to.
    Refused {
        /// The code of the rule.
        code: Code,
        /// The reason in one sentence.
        because: String,
    },
    /// A later deployment took its place before anything was tried.
    Superseded {
        /// The reason in one sentence.
        because: String,
        /// The promotion that has its place, where one has.
        in_favour_of: Option<DeploymentId>,
    },
    /// A promotion that waited already brings the same, so nothing was left to be done.
    Repeated {
        /// The reason in one sentence.
        because: String,
        /// The promotion that waits.
        waits: DeploymentId,
    },
    /// Every target was tried, with these outcomes.
    Tried(Vec<TargetOutcome>),
    /// A rollback only had to stop a deployment, because nothing was live before that one.
    OnlyStopped {
        /// The reason in one sentence.
        because: String,
    },
    /// Its rollout went back, or ended before any traffic moved.
    TakenBack {
        /// The status.
        status: Status,
        /// The code of the reason.
        code: Code,
        /// The reason in one sentence.
        because: String,
        /// The outcomes of the targets.
        targets: Vec<TargetOutcome>,
    },
    /// It was stopped while under way: it moves no further alias.
    Stopped {
        /// The status if it succeeded on no target.
        status: Status,
        /// The code of the rule.
        code: Code,
        /// The reason in one sentence.
        because: String,
        /// The outcomes of the targets until then.
        targets: Vec<TargetOutcome>,
    },
}
