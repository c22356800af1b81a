//! What was rolled back here: whoever brings it again is told.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::resolved_artifact::ResolvedArtifact;
use super::state::Head;
use crate::id::{DeploymentId, EnvironmentName};
use crate::promotion::is_same;
use crate::text::{Person, PlainText};

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

impl Head {
    /// Warns of a promotion that brings to this environment again what was rolled back there; none where it was not.
    #[must_use]
    pub fn warning_of(&self, artifact: &ResolvedArtifact, here: &EnvironmentName) -> Option<PlainText> {
        let mut left = self.left().iter().filter(|left| left.was_live());
        let left = left.find(|left| is_same(left, artifact))?;
        let by = left.left_by.as_ref().map_or(String::new(), |LeftBy { deployment, at, by }| {
            let by = by.as_deref().map_or(String::new(), |by| format!(" by {by}"));
            format!(" at {at:.0}{by} (deployment {deployment})")
        });
        Some(PlainText::of(format_args!(
            "release {} was live in {here} before, since {:.0}, and was rolled back there{by}: this promotion brings it again",
            left.release, left.since
        )))
    }
}
