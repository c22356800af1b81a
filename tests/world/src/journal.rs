//! What was carried out in a world, in its order: by which invocation, or by somebody else.
//!
//! The log ([`super::Call`]) tells what was asked and answered; the journal what came of it. Of what is only read the heads,
//! the groups and the rejects alone are in it, and markers, which come and go, are not.

use deployer_core::id::Sha256;
use deployer_engine::port::{Answer, Write};
use jiff::Timestamp;

/// Something that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// When; of what somebody else did, when the deed before it was done at the earliest.
    pub at: Timestamp,
    /// The invocation that did it; none: somebody else, who is not the deployer.
    pub by: Option<usize>,
    /// Where: `111111111111/eu-west-1`, or `ledger`.
    pub place: String,
    /// To what: a function, or a key.
    pub object: String,
    /// What.
    pub action: Action,
    /// It was held on its way, or its process was frozen as it was about to send it: whoever sent it may have been succeeded.
    pub late: bool,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A head was read, a group, or what is rejected.
    Read,
    /// A ledger object was written; a head, a group, and what is rejected, with its bytes.
    Wrote(Option<Vec<u8>>),
    /// A ledger object was deleted.
    Erased,
    /// A version was published, or the last one was given once more.
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
    /// A version was deleted.
    Deleted {
        /// Its number.
        version: u64,
    },
    /// `$LATEST` was changed without publishing it.
    Changed,
    /// Something that touches neither code, configuration nor aliases.
    Other,
}

impl Action {
    /// What a writing call of the deployer to Lambda has done.
    pub(super) fn of(write: &Write<'_>, answer: &Answer) -> Self {
        match (write, answer) {
            (_, Answer::Published { version: Some(version), sha256: Some(sha256), .. }) => {
                Self::Published { version: version.number(), sha256: *sha256 }
            }
            (Write::CreateAlias { version, .. } | Write::MoveAlias { version, .. }, _) => {
                Self::Pointed { version: version.number() }
            }
            (Write::DeleteVersion(version), _) => Self::Deleted { version: version.number() },
            (Write::UpdateConfiguration { .. }, _) => Self::Changed,
            _ => Self::Other,
        }
    }
}
