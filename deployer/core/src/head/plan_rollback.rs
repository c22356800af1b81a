//! The preview of a rollback: what it would do if it were asked for now. The rules are those of the write that accepts
//! a rollback and of its claim.

use super::live_artifact::LiveArtifact;
use super::resolve_artifact::resolve_artifact;
use super::resolved_artifact::ResolvedArtifact;
use super::rollback::{RollbackMeaning, artifact_to_roll_back_to, rollback_meaning};
use super::source::Rollback;
use super::state::Head;
use crate::config::Target;
use crate::id::DeploymentId;
use crate::record::Ending;
use crate::rejects::Rejects;
use crate::text::PlainText;

/// The effect of a rollback that no rule refuses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlannedRollback {
    /// The artifact that every target would end at; none if the rollback only stops a deployment.
    pub artifact: Option<ResolvedArtifact>,
    /// The deployment under way that it stops.
    pub stops: Option<DeploymentId>,
    /// The open rollback that means the same and would be the answer.
    pub joins: Option<DeploymentId>,
    /// The waiting promotions that it ends.
    pub ends: Vec<DeploymentId>,
    /// The reason for which it is this artifact, where that is not obvious.
    pub because: Option<PlainText>,
}

/// Plans a rollback on this head, for the targets that the environment has now.
///
/// # Errors
/// The refusal that the rollback would meet.
pub fn plan_rollback(
    head: &Head,
    rollback: &Rollback,
    targets: &[Target],
    rejects: &Rejects,
) -> Result<PlannedRollback, Ending> {
    let (resolved, planned) = match rollback_meaning(head, rollback, targets, rejects)? {
        RollbackMeaning::Means(rollback) => {
            let stops = head.active().map(|active| active.request.id);
            let ends = head.waiting().iter().map(|waiting| waiting.request.id).collect();
            let resolved = artifact_to_roll_back_to(head, &rollback, targets, rejects);
            (resolved, PlannedRollback { stops, ends, ..PlannedRollback::default() })
        }
        RollbackMeaning::Joins(id) => {
            (artifact_of_open(head, id, targets, rejects), PlannedRollback { joins: Some(id), ..Default::default() })
        }
    };
    match resolved {
        Ok(artifact) => {
            let because = artifact.because.clone();
            Ok(PlannedRollback { artifact: Some(artifact), because, ..planned })
        }
        Err(Ending::OnlyStopped { because }) => Ok(PlannedRollback { because: Some(because.into()), ..planned }),
        Err(refusal) => Err(refusal),
    }
}

/// Resolves the artifact of a deployment that is active or next.
fn artifact_of_open(
    head: &Head,
    id: DeploymentId,
    targets: &[Target],
    rejects: &Rejects,
) -> Result<ResolvedArtifact, Ending> {
    let active = head.active().filter(|active| active.request.id == id);
    if let Some(artifact) = active.and_then(|active| active.artifact.clone()) {
        return Ok(artifact);
    }
    match head.queue.claimed_and_next().find(|open| open.id == id) {
        Some(open) => resolve_artifact(head, &open.source, targets, rejects),
        None => artifact_to_roll_back_to(head, &Rollback::default(), targets, rejects),
    }
}

impl Head {
    /// Finds the newest entry of an artifact among those that were live here.
    #[must_use]
    pub fn entry_of(&self, artifact: &ResolvedArtifact) -> Option<&LiveArtifact> {
        let is_it = |live: &&LiveArtifact| live.artifact == artifact.artifact;
        self.live_state.all_that_were_live().filter(is_it).max_by_key(|live| live.since)
    }

    /// Lists the artifacts that a rollback to `artifact` passes on its way back from the live one, newest first, each with
    /// the reason for which a rollback without `to` passes over it.
    #[must_use]
    pub fn between_live_and(
        &self,
        artifact: &ResolvedArtifact,
        rejects: &Rejects,
    ) -> Vec<(&LiveArtifact, Option<PlainText>)> {
        let is_it = |live: &LiveArtifact| live.is_same_as(&artifact.artifact, artifact.sha256);
        let Some(at) = self.history().iter().position(is_it) else { return vec![] };
        let passed = self.history().iter().take(at).skip(1);
        passed.map(|passed| (passed, because_passed_over(passed, self.live(), rejects))).collect()
    }
}

/// Returns the reason for which a rollback without `to` passes over an artifact that was live here; none if it would not.
fn because_passed_over(passed: &LiveArtifact, live: Option<&LiveArtifact>, rejects: &Rejects) -> Option<PlainText> {
    if let Some(reject) = rejects.find(&passed.release, passed.sha256) {
        let same = if reject.release == passed.release { String::new() } else { format!(" as {}", reject.release) };
        return Some(PlainText::of(format_args!("rejected{same}: {}", reject.reason)));
    }
    let live = live.filter(|live| live.is_same_as(&passed.artifact, passed.sha256))?;
    Some(PlainText::of(format_args!("the same code as {}", live.release)))
}
