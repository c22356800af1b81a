//! The journal of a world: everything that was carried out, in order, by an invocation or by somebody else.
//!
//! The log ([`super::Call`]) has the calls and their answers; the journal has their effects. Of reads it contains only
//! those of heads, groups and rejects. It contains no markers.

use deployer_core::id::Sha256;
use deployer_engine::port::{Answer, Write};
use jiff::Timestamp;

/// An entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// The time. For a foreign change it is that of the entry before, so the change was not earlier.
    pub at: Timestamp,
    /// The invocation that did it; none if somebody other than the deployer did.
    pub by: Option<usize>,
    /// The place: `111111111111/eu-west-1`, or `ledger`.
    pub place: String,
    /// The object: a function, or a key.
    pub object: String,
    /// The action.
    pub action: Action,
    /// True if the call was held on its way, or its process froze just before sending it: another invocation may have
    /// taken over from its sender.
    pub late: bool,
    /// The call in the log; none for what somebody else did.
    pub call: Option<usize>,
}

/// An action in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A head, a group or rejects were read.
    Read,
    /// A ledger object was written; with its bytes if it is a head, a group or rejects.
    Wrote(Option<Vec<u8>>),
    /// A ledger object was deleted.
    Erased,
    /// A version was published, or the last one was returned again.
    Published {
        /// Its number.
        version: u64,
        /// Its code.
        sha256: Sha256,
    },
    /// An alias was pointed to a version.
    Pointed {
        /// Its number.
        version: u64,
    },
    /// The traffic of an alias was shared between its version and another one.
    Shared {
        /// The number of its version.
        version: u64,
        /// The number of the other one.
        to: u64,
        /// The share of the other one, in percent.
        percent: u8,
    },
    /// A version was deleted.
    Deleted {
        /// Its number.
        version: u64,
    },
    /// `$LATEST` was changed without publishing a version.
    Changed,
    /// Something was changed that is neither code, configuration nor an alias.
    Other,
}

impl Action {
    /// Returns the action of a writing call of the deployer to Lambda.
    pub(super) fn of(write: &Write<'_>, answer: &Answer) -> Self {
        match (write, answer) {
            (_, Answer::Published { version: Some(version), sha256: Some(sha256), .. }) => {
                Self::Published { version: version.number(), sha256: *sha256 }
            }
            (Write::CreateAlias { version, .. } | Write::MoveAlias { version, .. }, _) => {
                Self::Pointed { version: version.number() }
            }
            (Write::ShiftAlias { version, to: (to, percent), .. }, _) => {
                Self::Shared { version: version.number(), to: to.number(), percent: *percent }
            }
            (Write::DeleteVersion(version), _) => Self::Deleted { version: version.number() },
            (Write::UpdateConfiguration { .. }, _) => Self::Changed,
            _ => Self::Other,
        }
    }
}
