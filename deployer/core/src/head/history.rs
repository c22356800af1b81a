//! The head's history: what is live, what was, and what was left.

use std::collections::BTreeMap;

use super::active::Active;
use super::live::{Completed, Live};
use super::state::{HISTORY, Head};
use crate::id::{Sha256, Version};
use crate::record::{CauseKind, DeploymentRecord, Status, TargetOutcome};

impl Head {
    /// A deployment has ended: if it has reached a target, its artifact is what is live. One that was asked to stop is
    /// left as well, whatever it has reached.
    pub(super) fn set_live(&mut self, active: &Active, record: &DeploymentRecord) -> Option<Completed> {
        let mut live = Live::brought_by(record)?;
        live.former = self.former_versions(&live);
        let is_live = self.live().is_some_and(|first| first.is_same_as(&live.artifact, live.sha256));
        if active.stop.is_some() && !is_live {
            self.leave(live.clone());
        }
        if !record.targets.iter().any(TargetOutcome::has_reached) {
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
                first.renewed(live, &record.targets);
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

    /// The code of all that was live here, was gone back from, or has just ended.
    #[must_use]
    pub fn meant_code(&self) -> Vec<Sha256> {
        let lives = self.history.iter().chain(&self.left).filter_map(|live| live.sha256);
        let ended = self.outbox.iter().filter_map(|entry| entry.record.artifact.as_ref()?.sha256);
        lives.chain(ended).collect()
    }

    /// The versions by which an artifact served targets when it was live before.
    fn former_versions(&self, live: &Live) -> BTreeMap<String, Version> {
        let same_name = |one: &Live| one.function_name.is_none() || one.function_name == live.function_name;
        let is_it = |one: &&Live| one.is_same_as(&live.artifact, live.sha256) && same_name(one);
        let before = self.history.iter().chain(&self.left).find(is_it);
        let known = before.into_iter().flat_map(|before| before.former.iter().chain(&before.versions));
        known.filter(|(target, _)| !live.versions.contains_key(*target)).map(|(t, v)| (t.clone(), v.clone())).collect()
    }

    /// A rollback walks back: it leaves behind what was live after the artifact that it has brought back, and that entry
    /// itself, for it is live anew.
    pub(super) fn leave_newer_than(&mut self, live: &Live) {
        let is_it = |earlier: &Live| earlier.is_same_as(&live.artifact, live.sha256);
        let Some(at) = self.history.iter().position(is_it).filter(|at| *at > 0) else { return };
        let newer: Vec<Live> = self.history.drain(..=at).take(at).collect();
        for left in newer.into_iter().rev() {
            self.leave(left);
        }
    }

    pub(super) fn leave(&mut self, left: Live) {
        self.left.retain(|other| other.artifact != left.artifact);
        self.left.insert(0, left);
        self.left.truncate(HISTORY);
    }
}
