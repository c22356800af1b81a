//! Releases that were rolled back or taken back here: whoever brings one again is told.

use super::left_by::LeftBy;
use super::live_artifact::LiveArtifact;
use super::resolved_artifact::ResolvedArtifact;
use super::state::Head;
use crate::id::EnvironmentName;
use crate::promotion::is_same;
use crate::record::CauseKind;
use crate::text::PlainText;

/// Warns of a promotion that brings to this environment again what was rolled back there; none where it was not.
#[must_use]
pub fn warning_of(head: &Head, artifact: &ResolvedArtifact, here: &EnvironmentName) -> Option<PlainText> {
    went_back(head, artifact, here).map(|sentence| format!("{sentence}: this promotion brings it again").into())
}

/// Says that an artifact was rolled back or taken back here; none where it was not.
#[must_use]
pub fn went_back(head: &Head, artifact: &ResolvedArtifact, here: &EnvironmentName) -> Option<String> {
    rolled_back(head, artifact, here).or_else(|| taken_back(head, artifact, here))
}

/// Says why only a promotion that names the function brings an artifact to this environment now, and no pattern: it was
/// rolled back or taken back there, by whatever, or a rollback is open there. None: nothing of that is so.
#[must_use]
pub fn only_by_name(head: &Head, artifact: &ResolvedArtifact, here: &EnvironmentName) -> Option<String> {
    if let Some(rollback) = head.queue().open().find(|open| open.cause.kind == CauseKind::Rollback) {
        return Some(format!(
            "rollback {} is under way in {here}, and only a promotion by name waits for it",
            rollback.id
        ));
    }
    let left = head.left().iter().find(|left| is_same(left, artifact))?;
    let sentence = went_back(head, artifact, here).unwrap_or_else(|| {
        format!("release {} was stopped in {here} before it had traffic (deployment {})", left.release, left.deployment)
    });
    Some(format!("{sentence}: only a promotion by name brings it again"))
}

/// Says that an artifact was live here and was rolled back; none where it was not.
fn rolled_back(head: &Head, artifact: &ResolvedArtifact, here: &EnvironmentName) -> Option<String> {
    let left = head.left().iter().find(|left| left.was_live() && is_same(left, artifact))?;
    let by = left.left_by.as_ref().map_or(String::new(), |LeftBy { deployment, at, by }| {
        let by = by.as_deref().map_or(String::new(), |by| format!(" by {by}"));
        format!(" at {at:.0}{by} (deployment {deployment})")
    });
    let LiveArtifact { release, since, .. } = left;
    Some(format!("release {release} was live in {here} before, since {since:.0}, and was rolled back there{by}"))
}

/// Says that a rollout has taken an artifact back here; none where none has. A deployment that was stopped before any
/// traffic says nothing of its release.
#[must_use]
pub fn taken_back(head: &Head, artifact: &ResolvedArtifact, here: &EnvironmentName) -> Option<String> {
    let is_it = |left: &&LiveArtifact| left.taken_back && is_same(left, artifact);
    let LiveArtifact { release, since, deployment, .. } = head.left().iter().find(is_it)?;
    Some(format!(
        "release {release} rolled out in {here} before, and was taken back at {since:.0} (deployment {deployment})"
    ))
}
