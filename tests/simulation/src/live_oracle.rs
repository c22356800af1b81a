//! The live artifact of an environment, kept without asking a head: that of the last deployment that reached a target,
//! however it ended. The journal tells which invocation moved which alias to which code.
//!
//! Must not know how the head goes from one state to the next.

use std::collections::{BTreeMap, BTreeSet};

use deployer_core::head::{Active, Head, Request};
use deployer_core::id::{DeploymentId, Sha256, Version};
use deployer_core::record::{CauseKind, DeploymentRecord, Status, TargetOutcome};
use jiff::Timestamp;

use super::case::Case;
use super::rule::Rule;
use super::timeline::{Completeness, LiveEntry, State};
use super::zips;
use world::Op;
use world::journal::{Action, JournalEntry};

pub(super) type Report<'s> = &'s mut dyn FnMut(Rule, String);

pub(super) struct LiveOracle<'c, 'a> {
    pub case: &'c Case<'a>,
    /// The artifacts that were live, newest first.
    pub history: Vec<LiveEntry>,
    pub left: Vec<LiveEntry>,
    entries: usize,
    /// The version that each alias serves.
    pub serves: BTreeMap<String, u64>,
    /// The version that each alias must serve by the last deployment that ended there.
    expected: BTreeMap<String, u64>,
    /// The number of the last end that reported the alias as serving its version.
    last_arrivals: BTreeMap<String, usize>,
    /// The targets where a late write has moved the alias and nobody could have shut the door.
    pub open_doors: BTreeSet<String>,
    /// The number of each deployment's end.
    ends: BTreeMap<DeploymentId, usize>,
    pub code: BTreeMap<(String, u64), Sha256>,
    /// The deployment whose owner moved each alias last.
    last_movers: BTreeMap<String, DeploymentId>,
    /// The deployment that each invocation works on.
    working_on: BTreeMap<usize, DeploymentId>,
    /// The invocations that have worked on each deployment.
    owners: BTreeMap<DeploymentId, BTreeSet<usize>>,
    /// The times of the commands whose deployments became live.
    command_times: Vec<Timestamp>,
}

/// Whether a deployment has reached a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Yes,
    No,
    /// The journal does not tell whether the deployer can know it.
    Unknown,
}

impl<'c, 'a> LiveOracle<'c, 'a> {
    pub fn of(case: &'c Case<'a>) -> Self {
        let there = case.scenario.existing.iter().filter(|(_, function)| function == case.function);
        Self {
            case,
            history: vec![],
            left: vec![],
            entries: 0,
            serves: there.map(|(place, _)| (place.clone(), 1)).collect(),
            expected: BTreeMap::new(),
            last_arrivals: BTreeMap::new(),
            open_doors: BTreeSet::new(),
            ends: BTreeMap::new(),
            code: BTreeMap::new(),
            last_movers: BTreeMap::new(),
            working_on: BTreeMap::new(),
            owners: BTreeMap::new(),
            command_times: vec![],
        }
    }

    /// An invocation has claimed a deployment.
    pub fn on_claim(&mut self, by: usize, id: DeploymentId) {
        self.working_on.insert(by, id);
        self.owners.entry(id).or_default().insert(by);
    }

    /// A journal entry about the function.
    pub fn on_entry(&mut self, entry: &JournalEntry) {
        match &entry.action {
            Action::Published { version, sha256 } => {
                self.code.insert((entry.place.clone(), *version), *sha256);
            }
            Action::Pointed { version } => {
                self.serves.insert(entry.place.clone(), *version);
                match entry.by.and_then(|by| self.working_on.get(&by)) {
                    Some(id) => self.last_movers.insert(entry.place.clone(), *id),
                    None => self.last_movers.remove(&entry.place),
                };
            }
            _ => {}
        }
    }

    /// A late write has moved an alias after its deployment ended. That is allowed only if the deployment's record
    /// reports a failure in that target, or says that the alias may still move, and no later record has reported what
    /// the alias serves. A door that cannot be shut holds nobody.
    pub fn on_late_move(&mut self, entry: &JournalEntry, head: &Head, report: Report<'_>) {
        let (Action::Pointed { version }, Some(by)) = (&entry.action, entry.by) else { return };
        self.open_doors.remove(&entry.place);
        // The invocation may have gone on to another deployment since.
        let ids: Vec<DeploymentId> =
            self.owners.iter().filter(|(_, owners)| owners.contains(&by)).map(|(id, _)| *id).collect();
        let is_active = |id: &DeploymentId| head.active().is_some_and(|active| active.request.id == *id);
        if !entry.late || ids.is_empty() || ids.iter().any(is_active) {
            return;
        }
        let arrived = self.last_arrivals.get(&entry.place);
        let has_warned = |id: &DeploymentId| {
            let Some(record) = self.case.record(*id) else { return false };
            let arrived_after_end =
                self.ends.get(id).is_some_and(|ended| arrived.is_some_and(|arrived| arrived > ended));
            let mut here = record.targets.iter().filter(|outcome| place(outcome) == entry.place);
            let warns = record.because.as_deref().is_some_and(|because| because.contains("may still move"));
            !arrived_after_end && (warns || here.any(|outcome| outcome.error.is_some()))
        };
        if ids.iter().any(has_warned) {
            self.open_doors.insert(entry.place.clone());
            return;
        }
        let serves = self.expected.get(&entry.place);
        if serves != Some(version) {
            let place = &entry.place;
            report(
                Rule::DoorsShut,
                format!("one of {ids:?} has moved {place} to {version} late, where {serves:?} is expected"),
            );
        }
    }

    /// Returns the code that an alias serves; none if the deployer has not published it.
    pub fn served_code(&self, place: &str) -> Option<Sha256> {
        let version = self.serves.get(place)?;
        self.code.get(&(place.to_owned(), *version)).copied()
    }

    /// Whether every one of these targets serves this code.
    fn is_everywhere<'p>(&self, sha256: Option<Sha256>, mut places: impl Iterator<Item = &'p String>) -> bool {
        sha256.is_some() && places.all(|place| self.served_code(place) == sha256)
    }

    /// A deployment has ended. Returns the live state after it, by the journal and by its record.
    pub fn on_deployment_end(&mut self, active: &Active, after: &Head, report: Report<'_>) -> Option<State> {
        let request = &active.request;
        let record = self.case.record(request.id)?;
        let number = self.ends.len() + 1;
        self.ends.insert(request.id, number);
        for outcome in &record.targets {
            let place = place(outcome);
            let serves = self.serves.get(&place).copied();
            let version = outcome.version.as_ref().map(Version::number).filter(|_| has_arrived(outcome.status));
            if version.is_some() && serves != version && !self.case.is_changed_by_others_at(&place) {
                let text = format!("{} ended with {version:?} in {place}, which serves {serves:?}", record.id);
                report(Rule::HistoryMatches, text);
            }
            let moved = self.last_movers.get(&place) == Some(&request.id);
            if version.is_some() {
                self.last_arrivals.insert(place.clone(), number);
            }
            if let Some(expected) = version.or(serves.filter(|_| moved)) {
                self.expected.insert(place, expected);
            }
        }
        let was_stopped = active.stop.is_some();
        if was_stopped && !matches!(record.status, Status::Superseded | Status::Refused) {
            report(Rule::StoppedEndsSuperseded, format!("{} was asked to stop, and is {}", record.id, record.status));
        }
        let artifact = record.artifact.as_ref().map(|artifact| artifact.reference());
        let head_has_it = after.history().first().is_some_and(|live| Some(&live.artifact) == artifact.as_ref());
        match (self.reach(record), was_stopped) {
            // A rollback that had only to stop a deployment brings nothing.
            (Reach::Yes, false) if record.artifact.is_none() => {}
            (Reach::Yes, false) => {
                self.become_live(request, record, report);
                self.remove_live_from_left();
            }
            // The artifact of a stopped deployment goes to `left` as well, whatever it has reached.
            (Reach::Yes, true) => {
                self.add_to_left(record, true);
                self.become_live(request, record, report);
            }
            (Reach::Unknown, true) => {
                self.add_to_left(record, head_has_it);
                if head_has_it {
                    self.become_live(request, record, report);
                }
            }
            (Reach::Unknown, false) if head_has_it => {
                self.become_live(request, record, report);
                // The artifact may have been live before, and a deployment of it have been stopped.
                if !after.left().iter().any(|left| Some(&left.artifact) == artifact.as_ref()) {
                    self.remove_live_from_left();
                }
            }
            (Reach::No, true) => self.add_to_left(record, false),
            (Reach::No | Reach::Unknown, _) => {}
        }
        Some(State { history: self.history.clone(), left: self.left.clone() })
    }

    fn reach(&self, record: &DeploymentRecord) -> Reach {
        if has_arrived(record.status) || record.targets.iter().any(|outcome| has_arrived(outcome.status)) {
            return Reach::Yes;
        }
        let sha256 = record.artifact.as_ref().and_then(|artifact| artifact.sha256).or_else(|| {
            let upload = self.case.upload_of(record)?;
            Some(zips::of(self.case.zip_of(upload)).1)
        });
        let targets = &self.case.environment.targets;
        let moved = |place: &&String| self.last_movers.get(*place) == Some(&record.id);
        if self.case.is_changed_by_others() {
            return Reach::Unknown;
        }
        if targets.iter().filter(moved).any(|place| sha256.is_some() && self.served_code(place) == sha256) {
            return Reach::Yes;
        }
        // The deployment waited for the traffic of an alias that another deployment of the same code had moved.
        let waits = |place: &&String| self.case.has_provisioned(place) && self.served_code(place) == sha256;
        if sha256.is_some() && targets.iter().any(|place| waits(&place)) {
            return Reach::Unknown;
        }
        let nobody = BTreeSet::new();
        let owners = self.owners.get(&record.id).unwrap_or(&nobody);
        let unanswered = self.case.calls.iter().any(|call| {
            let moves = matches!(call.op, Op::UpdateAlias | Op::CreateAlias);
            moves && owners.contains(&call.invocation) && matches!(call.answer.as_str(), "" | "Unknown")
        });
        if owners.len() > 1 || unanswered { Reach::Unknown } else { Reach::No }
    }

    fn live_entry(&mut self, record: &DeploymentRecord) -> Option<LiveEntry> {
        let (artifact, release) = (record.artifact.as_ref()?, record.release.as_ref()?);
        let sha256 = artifact.sha256.or_else(|| {
            let upload = self.case.upload_of(record)?;
            Some(zips::of(self.case.zip_of(upload)).1)
        });
        self.entries += 1;
        // The targets that the environment had when the deployment was claimed, without those that leave it.
        let counted: Vec<String> =
            record.targets.iter().map(place).filter(|place| !self.case.is_taken_out(place)).collect();
        Some(LiveEntry {
            artifact: (artifact.key.clone(), artifact.version_id.clone()),
            release: release.to_string(),
            sha256,
            since: self.entries,
            at: record.finished_at.unwrap_or(record.started_at),
            deployment: record.id,
            was_live: true,
            is_complete: match self.is_everywhere(sha256, counted.iter()) {
                _ if has_arrived(record.status) => Completeness::Yes,
                true => Completeness::Unknown,
                false => Completeness::No,
            },
            by_rollback: record.cause.kind == CauseKind::Rollback,
        })
    }

    /// Removes the live artifact from `left`.
    fn remove_live_from_left(&mut self) {
        let live = self.history.first().map(|live| live.artifact.clone());
        self.left.retain(|left| Some(&left.artifact) != live.as_ref());
    }

    fn add_to_left(&mut self, record: &DeploymentRecord, was_live: bool) {
        let Some(one) = self.live_entry(record) else { return };
        let one = LiveEntry { was_live, ..one };
        // A deployment that has not read its zip cannot know that its code is live under another release.
        let has_read = record.artifact.as_ref().is_some_and(|artifact| artifact.sha256.is_some());
        let is_it = |live: &LiveEntry| match has_read {
            true => live.is_same_artifact(&one),
            false => live.artifact == one.artifact,
        };
        if !self.history.first().is_some_and(is_it) {
            self.left.retain(|left| left.artifact != one.artifact);
            self.left.insert(0, one);
        }
    }

    fn become_live(&mut self, request: &Request, record: &DeploymentRecord, report: Report<'_>) {
        let Some(mut one) = self.live_entry(record) else {
            // A rollback that only stopped a deployment, before anything was live.
            if !request.is_rollback() {
                report(Rule::HistoryMatches, format!("{} succeeded with nothing", record.id));
            }
            return;
        };
        if request.is_upload() {
            let position = self.case.position_of(record);
            let older =
                |time: &&Timestamp| position.as_ref().is_some_and(|position| !position.is_newer_than_command(**time));
            if let Some(time) = self.command_times.iter().find(older) {
                report(Rule::CommandsNotUndone, format!("{:?} became live after a command of {time}", one.artifact));
            }
        } else if !request.is_undo() && record.cause.kind != CauseKind::Redeploy {
            // An undo takes back one artifact, and a redeploy completes the live one; neither outdates uploads.
            self.command_times.push(request.time);
        }
        // The same bytes are the same artifact, whatever label or version id they were live under last.
        let at = self.history.iter().position(|other| other.is_same_artifact(&one));
        if let Some(at) = at.filter(|at| request.is_rollback() && *at > 0) {
            let newer: Vec<LiveEntry> = self.history.drain(..=at).take(at).collect();
            self.left.splice(0..0, newer);
        }
        if self.history.first().is_some_and(|first| first.is_same_artifact(&one)) {
            // The same bytes again make no new entry: the time since which they are live does not change.
            let first = self.history.remove(0);
            (one.since, one.at) = (first.since, first.at);
            // Only a rollback that goes back to them anew replaces the deployment that people see as live.
            if !one.by_rollback || matches!(record.status, Status::Unchanged | Status::Superseded) {
                one.deployment = first.deployment;
                one.by_rollback = first.by_rollback;
            }
        }
        self.history.insert(0, one);
    }

    /// Compares the head's `history` and `left` with this oracle's.
    pub fn compare_with(&self, head: &Head, report: Report<'_>) {
        let object =
            |one: &deployer_core::head::LiveArtifact| (one.artifact.key.clone(), one.artifact.version_id.clone());
        let says: Vec<_> = head.history().iter().map(object).collect();
        let kept: Vec<_> = self.history.iter().map(|one| one.artifact.clone()).collect();
        if says.first() != kept.first() {
            let (says, kept) = (says.first(), kept.first());
            report(
                Rule::LiveIsLastReached,
                format!("the head says that {says:?} is live, and the last to reach a target was {kept:?}"),
            );
        } else if says != kept {
            report(Rule::HistoryMatches, format!("the head says that {says:?} was live, and it was {kept:?}"));
        }
        let says: BTreeSet<_> = head.left().iter().map(object).collect();
        let kept: BTreeSet<_> = self.left.iter().map(|one| one.artifact.clone()).collect();
        if says != kept {
            report(Rule::HistoryMatches, format!("the head says that {says:?} was left, and it was {kept:?}"));
        }
    }

    /// Checks at rest that each target serves the version of the last deployment that ended there, and all of them a
    /// complete live artifact.
    pub fn check_at_rest(&self, head: &Head, report: Report<'_>) {
        for (place, version) in self.expected.iter().filter(|(place, _)| !self.open_doors.contains(*place)) {
            let serves = self.serves.get(place);
            if serves != Some(version) && !self.case.is_changed_by_others_at(place) {
                report(Rule::ServesNewest, format!("{place} should serve version {version}, and serves {serves:?}"));
            }
        }
        let is_complete = head.live().is_some_and(|live| live.complete);
        if let Some(live) = head.live().filter(|_| is_complete && !self.case.is_changed_by_others())
            && live.sha256.is_some()
            && !self.is_everywhere(live.sha256, self.case.present())
        {
            let serves: Vec<_> = self.case.present().map(|place| self.served_code(place)).collect();
            report(
                Rule::LiveIsLastReached,
                format!("{} is live and complete, and the targets serve {serves:?}", live.release),
            );
        }
    }
}

pub(super) fn place(outcome: &TargetOutcome) -> String {
    format!("{}/{}", outcome.account, outcome.region)
}

pub(super) fn has_arrived(status: Status) -> bool {
    matches!(status, Status::Succeeded | Status::Unchanged)
}
