//! The rollback by which what was live was left.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::DeploymentId;
use crate::text::Person;

/// The rollback by which what was live was left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftBy {
    /// The rollback.
    pub deployment: DeploymentId,
    /// The time at which the deployment ended that left it.
    pub at: Timestamp,
    /// The person who asked for the rollback, as far as that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Person>,
}
