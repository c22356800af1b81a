//! The owner of a claim ends its deployment: one write of the head, the commit.

use std::collections::{BTreeMap, BTreeSet};

use super::active::Active;
use super::claim::Claimant;
use super::door::Door;
use super::drift::describe_drift;
use super::end_request::end_request;
use super::live_state::LiveState;
use super::live_state::LiveTarget;
use super::open_doors::{keep_doors, remember_served_before, still_open};
use super::outbox::SideEffect;
use super::rollback::{note_taken_back, retarget_rollbacks_to_history};
use super::state::Head;
use crate::config::Target;
use crate::function_ref::FunctionRef;
use crate::id::{DeploymentId, Token};
use crate::managed_keys::ManagedKeys;
use crate::record::{DeploymentRecord, RecordedRollout, Status, TargetOutcome};
use crate::rollout::{WayBack, end_of_way_back};

/// The end of a deployment, as its owner knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentEnd {
    /// The ended record.
    pub record: DeploymentRecord,
    /// The keys that it has set beside the code, or may have; none: it has left them alone.
    pub managed: Option<ManagedKeys>,
    /// The targets that went back to a version as it was: nothing beside the code was set there.
    pub kept: BTreeSet<Target>,
    /// The targets that this owner has written to, or may have. The head knows those of earlier owners.
    pub written: BTreeSet<Target>,
    /// The doors that are open still, whoever has opened them.
    pub doors: Vec<Door>,
    /// The targets whose aliases were seen to have provisioned concurrency, or to have none.
    pub provisioned: BTreeMap<Target, bool>,
    /// Whether the event that it has started could not be sent.
    pub start_unpublished: bool,
}

/// The result of finishing.
#[derive(Debug, Clone, PartialEq)]
pub enum Finish {
    /// This is to be written: the one write that ends the deployment, and may claim the next one.
    Commit {
        /// The head.
        head: Box<Head>,
        /// The next deployment, which is ours to work on.
        next: Option<Active>,
    },
    /// The deployment has ended already: by our own write whose reply was lost, or by an owner who has resumed it.
    Over {
        /// The next deployment, if it is ours to work on.
        next: Option<Active>,
    },
    /// Somebody has asked the rollout to go back, or to pause, since it was judged, or it has not passed beside the others
    /// of its group: it does not end in this way.
    Overruled,
    /// Somebody else has resumed the deployment.
    Lost,
}

/// Ends the deployment that is under a claim: sets what is live, frees the claim, and puts the ended record into the
/// outbox. If there is a claimant for the next deployment, it claims that too.
#[must_use]
pub fn finish(head: &Head, claim: Token, end: &DeploymentEnd, at: &FunctionRef<'_>, next: Option<&Claimant>) -> Finish {
    let Some(active) = head.queue.claimed(claim) else {
        let next = next.and_then(|next| head.queue.claimed(next.token)).cloned();
        let is_over = head.ended.ids.contains(&end.record.id);
        return if is_over { Finish::Over { next } } else { Finish::Lost };
    };
    if is_overruled(active, end.record.status) {
        return Finish::Overruled;
    }
    let mut ended = head.next();
    ended.queue.active = None;
    let record = final_record(head, active, end);
    remember_served_before(&mut ended.live_state, &active.previous);
    for outcome in &record.targets {
        set_target(&mut ended.live_state, active, outcome, end);
    }
    set_back(&mut ended.live_state, active);
    set_as_found(&mut ended.live_state, active, &record);
    // A target that the configuration has no more is forgotten.
    if record.status == Status::Succeeded {
        let targets = &mut ended.live_state.targets;
        targets.retain(|live| record.targets.iter().any(|outcome| outcome.target() == live.target));
    }
    for (target, provisioned) in &end.provisioned {
        let at = record.finished_at.filter(|_| !provisioned);
        let targets = ended.live_state.targets.iter_mut();
        targets.filter(|live| live.target == *target).for_each(|live| live.unprovisioned_at = at);
    }
    retarget_rollbacks_to_history(&mut ended.queue, &record, head.live());
    note_taken_back(&mut ended.queue, active, head.live());
    let completed = ended.live_state.set_live(active, &record);
    keep_doors(&mut ended, &end.doors, record.finished_at.unwrap_or(record.started_at));
    end_request(&mut ended, &active.request, record);
    if let Some(entry) = ended.ended.outbox.last_mut() {
        entry.completed = completed;
        entry.todo.extend(end.start_unpublished.then_some(SideEffect::Started));
    }
    // Where the environment is gone, only the rollback is next that has taken the rollout back.
    let index = ended.queue.next_in_line();
    let undoes = index.and_then(|index| ended.queue.pending.get(index)?.undoes());
    let next = next.filter(|_| !at.is_gone() || undoes == Some(end.record.id)).zip(index);
    let next = next.map(|(me, index)| Active::first(ended.queue.pending.remove(index), at, me));
    ended.queue.active.clone_from(&next);
    Finish::Commit { head: Box::new(ended), next }
}

/// Whether somebody has asked for another end of the rollout: an abort, a reject, something newer or a pause needs no
/// claim, and may come at any moment before the commit.
fn is_overruled(active: &Active, status: Status) -> bool {
    let Some(state) = &active.rollout else { return false };
    match status {
        Status::Succeeded | Status::Unchanged => {
            state.abort.is_some() || state.paused.is_some() || active.must_wait_for_group()
        }
        _ => state.abort.is_some() && end_of_way_back(state).is_none(),
    }
}

/// Completes the record by what the head knows: what its rollout has done by now, who stopped the deployment, and what was
/// found beside it.
fn final_record(head: &Head, active: &Active, end: &DeploymentEnd) -> DeploymentRecord {
    let mut record = end.record.clone();
    record.rollout = active.rollout.as_ref().map(RecordedRollout::of);
    for outcome in record.targets.iter_mut().filter(|outcome| !outcome.serves()) {
        let target = outcome.target();
        outcome.reached |= end.doors.iter().any(|door| door.target == target && door.deployment == end.record.id);
    }
    if let Some(rollback) = active.stop {
        record = record.stopped_by(rollback);
    }
    if let Some(sentence) = active.request.rollback().and_then(|rollback| rollback.took_back.as_ref()) {
        // The aliases were moved back by the rollout itself, because of this rollback.
        if record.status == Status::Unchanged {
            record.status = Status::Succeeded;
        }
        record.add(sentence);
    }
    if let Some(sentence) = active.request.rollback().and_then(|rollback| rollback.left_to_sweep.as_ref()) {
        record.add(sentence);
    }
    let found = [describe_drift(&head.live_state, &record), still_open(&end.doors, record.finished_at)];
    found.iter().flatten().for_each(|found| record.add(found));
    record
}

/// Sets what is known of a target after a deployment.
fn set_target(live_state: &mut LiveState, active: &Active, outcome: &TargetOutcome, end: &DeploymentEnd) {
    let target = outcome.target();
    let is_written = end.written.contains(&target) || active.may_have_written_to(&target);
    let version = outcome.version.as_ref().filter(|_| outcome.serves());
    if !is_written && version.is_none() {
        return;
    }
    let there = live_state.target_mut(&target);
    forget_other_alias(there, outcome);
    let managed = end.managed.as_ref().filter(|_| !end.kept.contains(&target));
    // The keys that a deployment may have set are remembered although it failed, so that a later one can take them
    // away.
    if let Some(managed) = managed.filter(|_| is_written) {
        there.managed = there.managed.with(managed);
    }
    let Some(version) = version else { return };
    if there.deployment.is_none() {
        there.before.clone_from(&there.version);
    }
    there.release.clone_from(&end.record.release);
    there.deployment = Some(end.record.id);
    there.version = Some(version.clone());
    there.sha256 = end.record.artifact.as_ref().and_then(|artifact| artifact.sha256);
    if let Some(managed) = managed {
        there.managed = managed.clone();
    }
}

/// Sets what the targets serve that a rollout has taken back: the old version again, also where it had served the new one
/// before the rollout began.
fn set_back(live_state: &mut LiveState, active: &Active) {
    let live = live_state.live().map(|live| (live.release.clone(), live.id(), live.sha256));
    for one in active.rollout.iter().flat_map(|state| &state.targets) {
        let there = live_state.targets.iter_mut().find(|there| there.target == one.target && there.version == one.new);
        if let (Some(WayBack::Done(_)), Some(old), Some(there)) = (&one.way_back, &one.old, there) {
            there.version = Some(old.clone());
            if let Some((release, id, sha256)) = &live {
                (there.release, there.deployment, there.sha256) = (Some(release.clone()), Some(*id), *sha256);
            }
        }
    }
}

/// Sets what the targets serve whose alias somebody else has changed during a rollout, as they were found.
fn set_as_found(live_state: &mut LiveState, active: &Active, record: &DeploymentRecord) {
    for one in active.rollout.iter().flat_map(|state| &state.targets) {
        let Some(found) = one.changed.as_ref().and_then(|changed| changed.alone.as_ref()) else { continue };
        let brought = one.new.as_ref() == Some(found);
        let known = live_state.brought_as(&one.target, found);
        let there = live_state.target_mut(&one.target);
        if there.version.as_ref() == Some(found) {
            continue;
        }
        there.version = Some(found.clone());
        (there.release, there.deployment, there.sha256) = match known {
            _ if brought => {
                let sha256 = record.artifact.as_ref().and_then(|artifact| artifact.sha256);
                (record.release.clone(), Some(record.id), sha256)
            }
            Some((release, deployment, sha256)) => (Some(release), Some(deployment), sha256),
            None => (None, None, None),
        };
    }
}

/// Forgets what is known of another function or alias in a target: the deployment has written to this one.
fn forget_other_alias(there: &mut LiveTarget, outcome: &TargetOutcome) {
    let TargetOutcome { function_name, alias, .. } = outcome;
    if !there.is_of(function_name, alias) {
        let managed = if there.is_of_function(function_name) { there.managed.clone() } else { ManagedKeys::default() };
        *there = LiveTarget { managed, ..LiveTarget::unknown(outcome.target()) };
    }
    (there.function_name, there.alias) = (Some(function_name.clone()), Some(alias.clone()));
}

/// Drops side effects that are run from the outbox. `None`: the head has none of them.
#[must_use]
pub fn with_side_effects_done(head: &Head, done: &[(DeploymentId, BTreeSet<SideEffect>)]) -> Option<Head> {
    let mut next = head.next();
    for (id, done) in done {
        for entry in next.ended.outbox.iter_mut().filter(|entry| entry.record.id == *id) {
            entry.todo.retain(|effect| !done.contains(effect));
        }
    }
    next.ended.outbox.retain(|entry| !entry.todo.is_empty());
    (next.ended.outbox != head.ended.outbox).then_some(next)
}
