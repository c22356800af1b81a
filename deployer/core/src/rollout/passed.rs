//! The state that is kept of a rollout that has passed while others of its group have not.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::FunctionName;

/// A rollout that has passed its last watch, and waits for the others of its group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// The time at which it passed.
    pub at: Timestamp,
    /// The functions of its group that had not passed by the last look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<FunctionName>,
}
