//! What is live in an environment, kept beside the heads and asked of none of them: the artifact of the deployment that was
//! the last to reach a target, however it ended. The journal says who moved which alias to which code.
//!
//! Must not know: how the head goes from one state to the next.

use std::collections::{BTreeMap, BTreeSet};

use deployer_core::head::{Active, Head, Request};
use deployer_core::id::{DeploymentId, Sha256, Version};
use deployer_core::record::{CauseKind, DeploymentRecord, Status, TargetOutcome};
use jiff::Timestamp;

use super::bytes;
use super::case::Case;
use super::story::{Complete, Lived, State};
use super::violation::Rule;
use world::Op;
use world::journal::{JournalEntry, Action};

pub(super) type Say<'s> = &'s mut dyn FnMut(Rule, String);

pub(super) struct LiveOracle<'c, 'a> {
    pub case: &'c Case<'a>,
    /// Newest first.
    pub history: Vec<Lived>,
    pub left: Vec<Lived>,
    lived: usize,
    /// What each alias serves.
    pub serves: BTreeMap<String, u64>,
    /// What it is to serve by the last deployment that ended there.
    told: BTreeMap<String, u64>,
    /// The so-many-th end by which a deployment has said last that an alias serves what it is to serve.
    arrived: BTreeMap<String, usize>,
    /// Where a late write has moved the alias, and nobody could have shut the door.
    pub unshut: BTreeSet<String>,
    /// The so-many-th end that each deployment's was.
    ended: BTreeMap<DeploymentId, usize>,
    pub code: BTreeMap<(String, u64), Sha256>,
    /// The deployment whose owner was the last to move each alias.
    movers: BTreeMap<String, DeploymentId>,
    /// The deployment that each invocation works on.
    working: BTreeMap<usize, DeploymentId>,
    /// The invocations that have worked on each deployment.
    owners: BTreeMap<DeploymentId, BTreeSet<usize>>,
    /// Of the commands whose deployments became live.
    commanded: Vec<Timestamp>,
}

/// Whether a deployment has reached a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Yes,
    No,
    /// The journal does not tell what the deployer can know of it.
    Unknown,
}

impl<'c, 'a> LiveOracle<'c, 'a> {
    pub fn of(case: &'c Case<'a>) -> Self {
        let there = case.scene.there.iter().filter(|(_, function)| function == case.function);
        Self {
            case,
            history: vec![],
            left: vec![],
            lived: 0,
            serves: there.map(|(place, _)| (place.clone(), 1)).collect(),
            told: BTreeMap::new(),
            arrived: BTreeMap::new(),
            unshut: BTreeSet::new(),
            ended: BTreeMap::new(),
            code: BTreeMap::new(),
            movers: BTreeMap::new(),
            working: BTreeMap::new(),
            owners: BTreeMap::new(),
            commanded: vec![],
        }
    }

    /// An invocation works on a deployment from now on.
    pub fn claims(&mut self, by: usize, id: DeploymentId) {
        self.working.insert(by, id);
        self.owners.entry(id).or_default().insert(by);
    }

    /// Something is done to the function.
    pub fn does(&mut self, deed: &JournalEntry) {
        match &deed.what {
            Action::Published { version, sha256 } => {
                self.code.insert((deed.place.clone(), *version), *sha256);
            }
            Action::Pointed { version } => {
                self.serves.insert(deed.place.clone(), *version);
                match deed.by.and_then(|by| self.working.get(&by)) {
                    Some(id) => self.movers.insert(deed.place.clone(), *id),
                    None => self.movers.remove(&deed.place),
                };
            }
            _ => {}
        }
    }

    /// A late write moves an alias after its deployment has ended. That is allowed only where the deployment says that it has
    /// failed in that target, or that the alias may still move, and nobody has said since what the alias serves: a door that
    /// cannot be shut holds nobody.
    pub fn moves_late(&mut self, deed: &JournalEntry, head: &Head, say: Say<'_>) {
        let (Action::Pointed { version }, Some(by)) = (&deed.what, deed.by) else { return };
        self.unshut.remove(&deed.place);
        // Its invocation may have gone on to another deployment since.
        let ids: Vec<DeploymentId> =
            self.owners.iter().filter(|(_, owners)| owners.contains(&by)).map(|(id, _)| *id).collect();
        let is_active = |id: &DeploymentId| head.active().is_some_and(|active| active.request.id == *id);
        if !deed.late || ids.is_empty() || ids.iter().any(is_active) {
            return;
        }
        let arrived = self.arrived.get(&deed.place);
        let has_warned = |id: &DeploymentId| {
            let Some(record) = self.case.record(*id) else { return false };
            let is_said = self.ended.get(id).is_some_and(|ended| arrived.is_some_and(|arrived| arrived > ended));
            let mut here = record.targets.iter().filter(|outcome| place(outcome) == deed.place);
            let warns = record.because.as_deref().is_some_and(|because| because.contains("may still move"));
            !is_said && (warns || here.any(|outcome| outcome.error.is_some()))
        };
        if ids.iter().any(has_warned) {
            self.unshut.insert(deed.place.clone());
            return;
        }
        let serves = self.told.get(&deed.place);
        if serves != Some(version) {
            let place = &deed.place;
            say(
                Rule::ClosedDoors,
                format!("one of {ids:?} has moved {place} to {version} late, where {serves:?} is told"),
            );
        }
    }

    /// The code that an alias serves; none where that is not the deployer's.
    pub fn served_code(&self, place: &str) -> Option<Sha256> {
        let version = self.serves.get(place)?;
        self.code.get(&(place.to_owned(), *version)).copied()
    }

    /// Whether every one of these targets serves this code.
    fn is_everywhere<'p>(&self, sha256: Option<Sha256>, mut places: impl Iterator<Item = &'p String>) -> bool {
        sha256.is_some() && places.all(|place| self.served_code(place) == sha256)
    }

    /// A deployment has ended: what is live then, by the journal and by its record.
    pub fn commits(&mut self, active: &Active, after: &Head, say: Say<'_>) -> Option<State> {
        let request = &active.request;
        let record = self.case.record(request.id)?;
        let number = self.ended.len() + 1;
        self.ended.insert(request.id, number);
        for outcome in &record.targets {
            let place = place(outcome);
            let serves = self.serves.get(&place).copied();
            let version = outcome.version.as_ref().map(Version::number).filter(|_| has_arrived(outcome.status));
            if version.is_some() && serves != version && !self.case.is_touched_at(&place) {
                let text = format!("{} ended with {version:?} in {place}, which serves {serves:?}", record.id);
                say(Rule::HistoryIsTrue, text);
            }
            let moved = self.movers.get(&place) == Some(&request.id);
            if version.is_some() {
                self.arrived.insert(place.clone(), number);
            }
            if let Some(expected) = version.or(serves.filter(|_| moved)) {
                self.told.insert(place, expected);
            }
        }
        let was_stopped = active.stop.is_some();
        if was_stopped && !matches!(record.status, Status::Superseded | Status::Refused) {
            say(Rule::StoppedEndsSuperseded, format!("{} was asked to stop, and is {}", record.id, record.status));
        }
        let artifact = record.artifact.as_ref().map(|artifact| artifact.reference());
        let head_has_it = after.history().first().is_some_and(|live| Some(&live.artifact) == artifact.as_ref());
        match (self.reach(record), was_stopped) {
            // A rollback that had only to stop a deployment brings nothing.
            (Reach::Yes, false) if record.artifact.is_none() => {}
            (Reach::Yes, false) => {
                self.lives(request, record, say);
                self.is_left_no_more();
            }
            // Its artifact goes to what was left as well, whatever it has reached.
            (Reach::Yes, true) => {
                self.leaves(record, true);
                self.lives(request, record, say);
            }
            (Reach::Unknown, true) => {
                self.leaves(record, head_has_it);
                if head_has_it {
                    self.lives(request, record, say);
                }
            }
            (Reach::Unknown, false) if head_has_it => {
                self.lives(request, record, say);
                // It may have been live before, and have been stopped.
                if !after.left().iter().any(|left| Some(&left.artifact) == artifact.as_ref()) {
                    self.is_left_no_more();
                }
            }
            (Reach::No, true) => self.leaves(record, false),
            (Reach::No | Reach::Unknown, _) => {}
        }
        Some(State { history: self.history.clone(), left: self.left.clone() })
    }

    fn reach(&self, record: &DeploymentRecord) -> Reach {
        if has_arrived(record.status) || record.targets.iter().any(|outcome| has_arrived(outcome.status)) {
            return Reach::Yes;
        }
        let sha256 = record.artifact.as_ref().and_then(|artifact| artifact.sha256).or_else(|| {
            let told = self.case.upload_of(record)?;
            Some(bytes::of(self.case.bytes(told)).1)
        });
        let targets = &self.case.environment.targets;
        let moved = |place: &&String| self.movers.get(*place) == Some(&record.id);
        if self.case.is_touched() {
            return Reach::Unknown;
        }
        if targets.iter().filter(moved).any(|place| sha256.is_some() && self.served_code(place) == sha256) {
            return Reach::Yes;
        }
        // It waited for the traffic of an alias that another deployment of the same code had moved.
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

    fn entry(&mut self, record: &DeploymentRecord) -> Option<Lived> {
        let (artifact, release) = (record.artifact.as_ref()?, record.release.as_ref()?);
        let sha256 = artifact.sha256.or_else(|| {
            let told = self.case.upload_of(record)?;
            Some(bytes::of(self.case.bytes(told)).1)
        });
        self.lived += 1;
        // The targets that the environment had when the deployment was claimed.
        let counted: Vec<String> = record.targets.iter().map(place).collect();
        Some(Lived {
            artifact: (artifact.key.clone(), artifact.version_id.clone()),
            release: release.to_string(),
            sha256,
            since: self.lived,
            at: record.finished_at.unwrap_or(record.started_at),
            deployment: record.id,
            was_live: true,
            is_complete: match self.is_everywhere(sha256, counted.iter()) {
                _ if has_arrived(record.status) => Complete::Yes,
                true => Complete::Perhaps,
                false => Complete::No,
            },
            by_rollback: record.cause.kind == CauseKind::Rollback,
        })
    }

    /// What is live was not gone back from.
    fn is_left_no_more(&mut self) {
        let live = self.history.first().map(|live| live.artifact.clone());
        self.left.retain(|left| Some(&left.artifact) != live.as_ref());
    }

    fn leaves(&mut self, record: &DeploymentRecord, was_live: bool) {
        let Some(one) = self.entry(record) else { return };
        let one = Lived { was_live, ..one };
        if self.history.first().is_none_or(|live| !live.is_like(&one)) {
            self.left.retain(|left| left.artifact != one.artifact);
            self.left.insert(0, one);
        }
    }

    fn lives(&mut self, request: &Request, record: &DeploymentRecord, say: Say<'_>) {
        let Some(mut one) = self.entry(record) else {
            // A rollback that only stopped a deployment, before anything was live.
            if !request.is_rollback() {
                say(Rule::HistoryIsTrue, format!("{} succeeded with nothing", record.id));
            }
            return;
        };
        if request.is_upload() {
            let order = self.case.place_of(record);
            let older = |time: &&Timestamp| order.as_ref().is_some_and(|order| !order.is_newer_than_command(**time));
            if let Some(time) = self.commanded.iter().find(older) {
                say(Rule::NotUndone, format!("{:?} became live after a command of {time}", one.artifact));
            }
        } else if !request.is_undo() && record.cause.kind != CauseKind::Redeploy {
            // What takes one artifact back, and what completes what is live, leave everything else as it comes.
            self.commanded.push(request.time);
        }
        // The same bytes are the same, under whatever label or version id they were live last.
        let at = self.history.iter().position(|other| other.is_like(&one));
        if let Some(at) = at.filter(|at| request.is_rollback() && *at > 0) {
            let newer: Vec<Lived> = self.history.drain(..=at).take(at).collect();
            self.left.splice(0..0, newer);
        }
        if self.history.first().is_some_and(|first| first.is_like(&one)) {
            // The same bytes again make no new entry: since when they are live does not change.
            let first = self.history.remove(0);
            (one.since, one.at) = (first.since, first.at);
            // Only a rollback that goes back to them anew is what people see as live from then on.
            if !one.by_rollback || matches!(record.status, Status::Unchanged | Status::Superseded) {
                one.deployment = first.deployment;
                one.by_rollback = first.by_rollback;
            }
        }
        self.history.insert(0, one);
    }

    /// The head says the same of what was live.
    pub fn agrees(&self, head: &Head, say: Say<'_>) {
        let object = |one: &deployer_core::head::Live| (one.artifact.key.clone(), one.artifact.version_id.clone());
        let says: Vec<_> = head.history().iter().map(object).collect();
        let kept: Vec<_> = self.history.iter().map(|one| one.artifact.clone()).collect();
        if says.first() != kept.first() {
            let (says, kept) = (says.first(), kept.first());
            say(
                Rule::WhatIsLive,
                format!("the head says that {says:?} is live, and the last to reach a target was {kept:?}"),
            );
        } else if says != kept {
            say(Rule::HistoryIsTrue, format!("the head says that {says:?} was live, and it was {kept:?}"));
        }
        let says: BTreeSet<_> = head.left().iter().map(object).collect();
        let kept: BTreeSet<_> = self.left.iter().map(|one| one.artifact.clone()).collect();
        if says != kept {
            say(Rule::HistoryIsTrue, format!("the head says that {says:?} was left, and it was {kept:?}"));
        }
    }

    /// At rest each target serves what the last deployment that ended there has left, and all of them what is complete.
    pub fn ends(&self, head: &Head, say: Say<'_>) {
        for (place, version) in self.told.iter().filter(|(place, _)| !self.unshut.contains(*place)) {
            let serves = self.serves.get(place);
            if serves != Some(version) && !self.case.is_touched_at(place) {
                say(Rule::ServesTheNewest, format!("{place} should serve version {version}, and serves {serves:?}"));
            }
        }
        let is_complete = head.live().is_some_and(|live| live.complete);
        if let Some(live) = head.live().filter(|_| is_complete && !self.case.is_touched())
            && live.sha256.is_some()
            && !self.is_everywhere(live.sha256, self.case.present())
        {
            let serves: Vec<_> = self.case.present().map(|place| self.served_code(place)).collect();
            say(Rule::WhatIsLive, format!("{} is live and complete, and the targets serve {serves:?}", live.release));
        }
    }
}

pub(super) fn place(outcome: &TargetOutcome) -> String {
    format!("{}/{}", outcome.account, outcome.region)
}

pub(super) fn has_arrived(status: Status) -> bool {
    matches!(status, Status::Succeeded | Status::Unchanged)
}
