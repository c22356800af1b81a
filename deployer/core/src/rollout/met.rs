//! The rollout under way that a planned deployment would meet.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{DeploymentId, Release};

/// A rollout under way that a planned deployment would meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MetRollout {
    /// The deployment that is rolled out.
    pub deployment: DeploymentId,
    /// Its release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// Whether the planned deployment takes it back and follows (`on_newer` is `replace`); else it waits for its end.
    pub replaces: bool,
}

/// Writes it as a sentence.
impl fmt::Display for MetRollout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { deployment, release, replaces } = self;
        let release = release.as_ref().map_or(String::new(), |release| format!(" of {release}"));
        let effect = match replaces {
            true => "is taken back first (on_newer is replace)",
            false => "ends first: it waits for that",
        };
        write!(f, "the rollout{release} under way (deployment {deployment}) {effect}")
    }
}
