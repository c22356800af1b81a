//! The history of a head: the changes that the end of a deployment makes to what is live, what was, and what was left.

use std::collections::BTreeMap;

use super::active::Active;
use super::left_by::LeftBy;
use super::live_artifact::{Completed, LiveArtifact};
use super::live_state::{HISTORY, LiveState};
use crate::id::Version;
use crate::record::{CauseKind, DeploymentRecord, Status, TargetOutcome};
use crate::rollout::went_back;

impl LiveState {
    /// Makes the artifact of an ended deployment live, if the deployment has reached a target. The artifact of one that
    /// was asked to stop is left as well, whatever it has reached.
    ///
    /// Returns the completion, if by this end an artifact that calls for promotions serves all targets for the first
    /// time.
    pub(super) fn set_live(&mut self, active: &Active, record: &DeploymentRecord) -> Option<Completed> {
        let mut live = LiveArtifact::brought_by(record)?;
        live.former = self.former_versions(&live);
        let is_live = self.live().is_some_and(|first| first.is_same_as(&live.artifact, live.sha256));
        let rollout = active.rollout.as_ref().filter(|rollout| rollout.abort.is_some());
        let taken_back = rollout.map_or(record.status == Status::RolledBack, went_back);
        if (active.stop.is_some() || taken_back || record.status == Status::RolledBack) && !is_live {
            let left_by = active.stop.map(|deployment| LeftBy { deployment, at: live.since, by: None });
            self.leave(LiveArtifact { left_by, taken_back, ..live.clone() });
        }
        // A rollout that goes back never becomes live, also where a target could not follow.
        if rollout.is_some() {
            return None;
        }
        if !record.targets.iter().any(TargetOutcome::may_serve) {
            return None;
        }
        self.unrecovered = None;
        if record.cause.kind == CauseKind::Rollback {
            self.leave_newer_than(&live);
        }
        if active.stop.is_none() {
            self.left.retain(|left| left.artifact != live.artifact);
        }
        let was_complete = match self.history.first_mut().filter(|first| first.is_same_as(&live.artifact, live.sha256))
        {
            Some(first) => {
                let was_complete = first.complete;
                first.renew(live, &record.targets);
                let restores = record.cause.kind == CauseKind::Rollback && record.status != Status::Unchanged;
                if restores && active.stop.is_none() {
                    first.restored_by = Some(record.id);
                }
                was_complete
            }
            None => {
                self.history.insert(0, live);
                false
            }
        };
        self.history.truncate(HISTORY);
        let live = self.history.first()?;
        let is_first = live.complete && !was_complete && active.stop.is_none();
        (is_first && live.calls_for_promotions() && record.status != Status::Superseded)
            .then_some(Completed { deployment: live.deployment, since: live.since })
    }

    /// Returns the versions by which an artifact served targets when it was live before.
    fn former_versions(&self, live: &LiveArtifact) -> BTreeMap<String, Version> {
        let same_name = |one: &LiveArtifact| one.function_name.is_none() || one.function_name == live.function_name;
        let is_it = |one: &&LiveArtifact| one.is_same_as(&live.artifact, live.sha256) && same_name(one);
        let before = self.history.iter().chain(&self.left).find(is_it);
        let known = before.into_iter().flat_map(|before| before.former.iter().chain(&before.versions));
        known.filter(|(target, _)| !live.versions.contains_key(*target)).map(|(t, v)| (t.clone(), v.clone())).collect()
    }

    /// Leaves all that was live after the artifact which a rollback has brought back. The artifact's own former entry
    /// goes too, for it is live anew.
    pub(super) fn leave_newer_than(&mut self, live: &LiveArtifact) {
        let is_it = |earlier: &LiveArtifact| earlier.is_same_as(&live.artifact, live.sha256);
        let Some(at) = self.history.iter().position(is_it).filter(|at| *at > 0) else { return };
        let newer: Vec<LiveArtifact> = self.history.drain(..=at).take(at).collect();
        let left_by = Some(LeftBy { deployment: live.deployment, at: live.since, by: live.by.clone() });
        for left in newer.into_iter().rev() {
            self.leave(LiveArtifact { left_by: left_by.clone(), ..left });
        }
    }

    /// Remembers an artifact as one that was rolled back from.
    fn leave(&mut self, left: LiveArtifact) {
        self.left.retain(|other| other.artifact != left.artifact);
        self.left.insert(0, left);
        self.left.truncate(HISTORY);
    }
}
