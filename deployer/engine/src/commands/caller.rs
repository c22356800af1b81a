//! The giver of a command.

use deployer_core::text::Person;

/// The giver of a command, and the command's id.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The person who asks, if named.
    pub requested_by: Option<Person>,
    /// The command's id; the same id again is the same request.
    pub id: String,
}
