//! The end of a deployment, before it is written down.

use super::status::{Code, Status};
use super::target::TargetOutcome;

/// How a deployment ends, before it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// A rule said no before any target was written to.
    Refused {
        /// Which rule.
        code: Code,
        /// The sentence for people.
        because: String,
    },
    /// A later one took its place before anything was tried.
    Superseded {
        /// The sentence for people.
        because: String,
    },
    /// Every target was tried.
    Tried(Vec<TargetOutcome>),
    /// A rollback had only to stop a deployment, for nothing was live before that.
    OnlyStopped {
        /// The sentence for people.
        because: String,
    },
    /// It was stopped on the way: no alias moves any more.
    Stopped {
        /// What it comes to where it has arrived nowhere.
        status: Status,
        /// Which rule.
        code: Code,
        /// The sentence for people.
        because: String,
        /// What became of the targets until then.
        targets: Vec<TargetOutcome>,
    },
}
