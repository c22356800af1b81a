//! The progress of a deployment's targets: the writes there, and the moves of the alias.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use deployer_core::config::Target;

use crate::mutex::locked;

/// The progress of all targets of one deployment.
#[derive(Default)]
pub(crate) struct Progress(Mutex<BTreeMap<Target, TargetProgress>>);

#[derive(Default)]
struct TargetProgress {
    written: bool,
    created: bool,
    moved: bool,
    restored: bool,
    alias_only: bool,
    provisioned: Option<bool>,
    alias_written: bool,
}

impl Progress {
    /// Notes that a write was carried out, or may have been.
    pub fn set_written(&self, target: &Target) {
        self.change(target, |progress| progress.written = true);
    }

    /// Notes that the function was made.
    pub fn set_created(&self, target: &Target) {
        self.change(target, |progress| progress.created = true);
    }

    /// Whether the function was made.
    pub fn is_created(&self, target: &Target) -> bool {
        locked(&self.0).get(target).is_some_and(|progress| progress.created)
    }

    /// Returns the targets in which the function was made.
    pub fn created(&self) -> BTreeSet<Target> {
        self.those(|progress| progress.created)
    }

    /// Notes that the alias was pointed to the new version.
    pub fn set_moved(&self, target: &Target) {
        self.change(target, |progress| progress.moved = true);
    }

    /// Notes that the alias was put back after it had moved.
    pub fn set_restored(&self, target: &Target) {
        self.change(target, |progress| progress.restored = true);
    }

    /// Notes that only the alias moves: the target goes back to an existing version.
    pub fn set_alias_only(&self, target: &Target) {
        self.change(target, |progress| progress.alias_only = true);
    }

    /// Notes whether the alias has provisioned concurrency.
    pub fn set_provisioned(&self, target: &Target, provisioned: bool) {
        self.change(target, |progress| progress.provisioned = Some(provisioned));
    }

    /// Notes that a rollout has written the alias: the write was carried out, or got no answer, so that it may take effect
    /// late.
    pub fn set_alias_written(&self, target: &Target) {
        self.change(target, |progress| progress.alias_written = true);
    }

    /// Whether a rollout has written the alias, or may have.
    pub fn is_alias_written(&self, target: &Target) -> bool {
        locked(&self.0).get(target).is_some_and(|progress| progress.alias_written)
    }

    /// Whether the alias was pointed to the new version.
    pub fn is_moved(&self, target: &Target) -> bool {
        locked(&self.0).get(target).is_some_and(|progress| progress.moved)
    }

    /// Whether the alias was put back.
    pub fn is_restored(&self, target: &Target) -> bool {
        locked(&self.0).get(target).is_some_and(|progress| progress.restored)
    }

    /// Returns the targets that were written to, or may have been.
    pub fn written(&self) -> BTreeSet<Target> {
        self.those(|progress| progress.written)
    }

    /// Returns the targets that go back to an existing version.
    pub fn alias_only(&self) -> BTreeSet<Target> {
        self.those(|progress| progress.alias_only)
    }

    /// Returns the targets whose provisioned concurrency was read, and whether they have any.
    pub fn provisioned(&self) -> BTreeMap<Target, bool> {
        let known = |(target, progress): (&Target, &TargetProgress)| Some((target.clone(), progress.provisioned?));
        locked(&self.0).iter().filter_map(known).collect()
    }

    fn change(&self, target: &Target, change: impl FnOnce(&mut TargetProgress)) {
        change(locked(&self.0).entry(target.clone()).or_default());
    }

    fn those(&self, are: impl Fn(&TargetProgress) -> bool) -> BTreeSet<Target> {
        locked(&self.0).iter().filter(|(_, progress)| are(progress)).map(|(target, _)| target.clone()).collect()
    }
}
