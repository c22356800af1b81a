//! What was rolled back here: whoever brings it again is told.

use super::left_by::LeftBy;
use super::resolved_artifact::ResolvedArtifact;
use super::state::Head;
use crate::id::EnvironmentName;
use crate::promotion::is_same;
use crate::text::PlainText;

/// Warns of a promotion that brings to this environment again what was rolled back there; none where it was not.
#[must_use]
pub fn warning_of(head: &Head, artifact: &ResolvedArtifact, here: &EnvironmentName) -> Option<PlainText> {
    let mut left = head.left().iter().filter(|left| left.was_live());
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
