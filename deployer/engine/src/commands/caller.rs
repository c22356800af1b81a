//! The giver of a command.

use deployer_core::identity::Identity;
use deployer_core::record::{Cause, CauseKind};
use deployer_core::text::Person;

/// The giver of a command, and the command's id.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The person who asks, if named.
    pub requested_by: Option<Person>,
    /// Their identity, as far as it is known.
    pub identity: Identity,
    /// The command's id; the same id again is the same request.
    pub id: String,
}

impl Caller {
    /// Makes the cause of a deployment that the command asks for.
    #[must_use]
    pub fn cause(&self, kind: CauseKind) -> Cause {
        Cause::new(kind, self.requested_by.clone(), Some(self.id.clone().into())).by(&self.identity)
    }
}
