//! What the owner of a claim does to the head: remember, give up, finish.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::active::Active;
use super::door::Door;
use super::doors::still_open;
use super::lambda_wait::LambdaWait;
use super::live_target::LiveTarget;
use super::outbox::SideEffect;
use super::state::Head;
use super::transition::Claimant;
use crate::config::Target;
use crate::function_ref::FunctionRef;
use crate::id::{DeploymentId, Token};
use crate::managed_keys::ManagedKeys;
use crate::record::{DeploymentRecord, Status, TargetOutcome};

/// How a deployment ends.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// The ended record.
    pub record: DeploymentRecord,
    /// What it has set beside the code, or may have; none: it has left that alone.
    pub named: Option<ManagedKeys>,
    /// The targets that went back to a version as it was: nothing beside the code was set there.
    pub kept: BTreeSet<Target>,
    /// The targets that this owner has written to, or may have. What earlier owners wrote is for the head to know.
    pub written: BTreeSet<Target>,
    /// The doors that are open still, whoever has opened them.
    pub doors: Vec<Door>,
    /// The targets whose aliases were seen to have provisioned concurrency, or to have none.
    pub provisioned: BTreeMap<Target, bool>,
    /// The event that it has started could not be sent.
    pub untold_start: bool,
}

/// What comes of finishing.
#[derive(Debug, Clone, PartialEq)]
pub enum Finish {
    /// To be written: the one write that ends the deployment, and may claim the one that waited.
    Commit {
        /// The head.
        head: Box<Head>,
        /// The next deployment, which is ours to work on.
        next: Option<Active>,
    },
    /// It has ended already: our own echo, or somebody who took it over.
    Over {
        /// The next deployment, if it is ours to work on.
        next: Option<Active>,
    },
    /// Somebody else has taken it over.
    Lost,
}

/// Why a claim is given up in good order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GivenUp<'a> {
    /// This owner has written nothing.
    Untouched,
    /// The time is up, and everybody has stopped.
    TimeIsUp(&'a Left),
    /// Lambda needs longer than an invocation should wait, and everybody has stopped.
    Parked {
        /// The next owner goes on from this.
        left: &'a Left,
        /// When a tick goes on with it; none: the sweep does.
        look_at: Option<Timestamp>,
    },
}

/// An owner who has begun leaves this to the next one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Left {
    /// How those targets fared that are done.
    pub done: Vec<TargetOutcome>,
    /// Those that this owner has written to, or may have.
    pub written: BTreeSet<Target>,
    /// The doors that are open still.
    pub doors: Vec<Door>,
    /// The waits for Lambda that are not over: each has an end of its own.
    pub waits: Vec<LambdaWait>,
    /// The event that it has started could not be sent.
    pub start_untold: bool,
}

impl Active {
    /// Whether an owner before this one has written to a target, or may have. Of those that died nothing is known but
    /// the targets that one before them was done with.
    fn may_have_written_to(&self, target: &Target) -> bool {
        self.written.contains(target) || (self.attempts > 1 && !self.done.iter().any(|done| done.target() == *target))
    }

    fn give_up(&mut self, how: GivenUp<'_>, now: Timestamp) {
        match how {
            // What may be half done stands in the way of what is newer: each try counts, so that there is an end to it.
            GivenUp::Untouched if self.is_begun() => {}
            GivenUp::Untouched => self.attempts = self.attempts.saturating_sub(1),
            GivenUp::TimeIsUp(left) => {
                self.leave_to_another(left);
                self.extensions += 1;
            }
            GivenUp::Parked { left, look_at } => {
                self.leave_to_another(left);
                self.park(look_at, now);
            }
        }
    }

    fn leave_to_another(&mut self, Left { done, written, doors, waits, start_untold }: &Left) {
        let id = self.request.id;
        if let Some(known) = &mut self.doors {
            *known = doors.iter().filter(|door| door.deployment == id).cloned().collect();
        }
        let targets = done.iter().map(TargetOutcome::target);
        let by_others: Vec<Target> = targets.filter(|target| self.may_have_written_to(target)).collect();
        self.written.extend(by_others.into_iter().chain(written.iter().cloned()));
        self.attempts = self.attempts.saturating_sub(1);
        self.done.clone_from(done);
        self.waits.clone_from(waits);
        self.waiting_since = None;
        self.start_untold = *start_untold;
    }
}

impl Head {
    /// The commit: sets what is live, frees the claim, puts the ended record into the outbox, and claims what waits if
    /// there is a claimant for it.
    #[must_use]
    pub fn finish(&self, claim: Token, end: &End, at: &FunctionRef<'_>, next: Option<&Claimant>) -> Finish {
        let Some(active) = self.active.as_ref().filter(|active| active.claim == claim) else {
            let ours = |active: &&Active| next.is_some_and(|next| active.claim == next.token);
            let next = self.active.as_ref().filter(ours).cloned();
            let over = self.ended.contains(&end.record.id);
            return if over { Finish::Over { next } } else { Finish::Lost };
        };
        let mut head = self.next();
        head.active = None;
        let record = self.as_it_ends(active, end);
        head.remember_served_before(&active.previous);
        for outcome in &record.targets {
            let target = outcome.target();
            let is_written = end.written.contains(&target) || active.may_have_written_to(&target);
            if is_written || (outcome.has_arrived() && outcome.version.is_some()) {
                head.forget_others(outcome);
            }
            if is_written {
                head.remember_named(&target, end);
            }
            head.set_target(outcome, end);
        }
        // A target that the configuration has no more is forgotten.
        if record.status == Status::Succeeded {
            head.targets.retain(|live| record.targets.iter().any(|outcome| outcome.target() == live.target));
        }
        for (target, provisioned) in &end.provisioned {
            let at = record.finished_at.filter(|_| !provisioned);
            head.targets.iter_mut().filter(|live| live.target == *target).for_each(|live| live.unprovisioned_at = at);
        }
        head.goes_by_history(&record, self.live());
        let completed = head.set_live(active, &record);
        head.keep_doors(&end.doors, record.finished_at.unwrap_or(record.started_at));
        head.end(&active.request, record);
        if let Some(entry) = head.outbox.last_mut() {
            entry.completed = completed;
            entry.todo.extend(end.untold_start.then_some(SideEffect::Started));
        }
        let next = next.zip(head.next_in_line());
        let next = next.map(|(me, index)| Active::first(head.pending.remove(index), at, me));
        head.active.clone_from(&next);
        Finish::Commit { head: Box::new(head), next }
    }

    /// The record as it ends, with what was found beside it.
    fn as_it_ends(&self, active: &Active, end: &End) -> DeploymentRecord {
        let mut record = end.record.clone();
        for outcome in record.targets.iter_mut().filter(|outcome| !outcome.has_arrived()) {
            let target = outcome.target();
            outcome.reached |= end.doors.iter().any(|door| door.target == target && door.deployment == end.record.id);
        }
        if let Some(rollback) = active.stop {
            record = record.stopped_by(rollback);
        }
        let found = [self.found_otherwise(&record), still_open(&end.doors, record.finished_at)];
        found.iter().flatten().for_each(|found| record.add(found));
        record
    }

    /// Gives the claim up before its lease ends, so that somebody else need not wait for that. `None`: it is not ours
    /// any more, or given up already.
    #[must_use]
    pub fn released(&self, claim: Token, how: GivenUp<'_>, now: Timestamp) -> Option<Self> {
        self.active.as_ref().filter(|active| active.claim == claim && active.lease_until > now)?;
        let mut head = self.next();
        if let Some(active) = &mut head.active {
            active.lease_until = now;
            active.give_up(how, now);
        }
        Some(head)
    }

    /// Some of what follows from these deployments' ends is done. `None`: the head knows already.
    #[must_use]
    pub fn without(&self, done: &[(DeploymentId, BTreeSet<SideEffect>)]) -> Option<Self> {
        let mut head = self.next();
        for (id, done) in done {
            for entry in head.outbox.iter_mut().filter(|entry| entry.record.id == *id) {
                entry.todo.retain(|consequence| !done.contains(consequence));
            }
        }
        head.outbox.retain(|entry| !entry.todo.is_empty());
        (head.outbox != self.outbox).then_some(head)
    }

    /// The deployment has written to a function's alias: what is known of another function or alias in that target is
    /// forgotten.
    fn forget_others(&mut self, outcome: &TargetOutcome) {
        let TargetOutcome { function_name, alias, .. } = outcome;
        let there = self.target_mut(&outcome.target());
        if !there.is_of(function_name, alias) {
            let named = if there.is_of_function(function_name) { there.named.clone() } else { ManagedKeys::default() };
            *there = LiveTarget { named, ..LiveTarget::unknown(outcome.target()) };
        }
        (there.function_name, there.alias) = (Some(function_name.clone()), Some(alias.clone()));
    }

    /// What a deployment may have set is remembered although it failed, so that a later one can take it away.
    fn remember_named(&mut self, target: &Target, end: &End) {
        if let Some(named) = end.named.as_ref().filter(|_| !end.kept.contains(target)) {
            let there = self.target_mut(target);
            there.named = there.named.with(named);
        }
    }

    fn set_target(&mut self, outcome: &TargetOutcome, end: &End) {
        let target = outcome.target();
        if let Some(version) = outcome.version.clone().filter(|_| outcome.has_arrived()) {
            let there = self.target_mut(&target);
            if there.deployment.is_none() {
                there.before.clone_from(&there.version);
            }
            there.release.clone_from(&end.record.release);
            there.deployment = Some(end.record.id);
            there.version = Some(version);
            there.sha256 = end.record.artifact.as_ref().and_then(|artifact| artifact.sha256);
            if let Some(named) = end.named.as_ref().filter(|_| !end.kept.contains(&target)) {
                there.named = named.clone();
            }
        }
    }

    /// What is known of a target, from now on at the latest.
    pub(super) fn target_mut(&mut self, target: &Target) -> &mut LiveTarget {
        let at = self.targets.iter().position(|live| live.target == *target).unwrap_or_else(|| {
            self.targets.push(LiveTarget::unknown(target.clone()));
            self.targets.len() - 1
        });
        &mut self.targets[at]
    }
}
