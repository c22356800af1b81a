//! What a function went through where commands were given by hand: its journal once more from the beginning, beside a
//! history that is kept here and not asked of any head.
//!
//! Must not know: how the head goes from one state to the next.

use std::collections::BTreeMap;

use deployer_core::head::{Active, Chosen, Head, Request, Rollback, Subject};
use deployer_core::id::Sha256;
use deployer_core::record::{CauseKind, DeploymentRecord, Status, TargetOutcome};
use deployer_core::rejects::Rejects;
use jiff::Timestamp;

use super::judge::{Case, Rule};
use super::orders::Ask;
use super::story::{Admission, Lived, State, Story};
use crate::world::journal::{Deed, What};

type Say<'s> = &'s mut dyn FnMut(Rule, String);

/// What an invocation knows: when it last read what, and what that said.
#[derive(Default)]
struct Knows {
    rejects: Rejects,
    rejects_read: usize,
    /// The deployment that it saw asked to stop.
    stopped: Option<String>,
}

pub(super) struct Journey<'c, 'a> {
    case: &'c Case<'a>,
    head: Head,
    rejects: Rejects,
    /// Newest first.
    history: Vec<Lived>,
    left: Vec<Lived>,
    lived: usize,
    /// What each alias serves.
    serves: BTreeMap<String, u64>,
    /// What it serves by the last record that says so.
    told: BTreeMap<String, u64>,
    code: BTreeMap<(String, u64), Sha256>,
    knows: BTreeMap<usize, Knows>,
    /// When the last claim was made or the last version published, by place.
    since: usize,
    /// Of the commands whose deployments became live.
    commanded: Vec<Timestamp>,
    acted: BTreeMap<String, usize>,
    let_go: [usize; 2],
    /// When the last claim was made.
    claimed: usize,
    story: Story,
}

impl<'c, 'a> Journey<'c, 'a> {
    pub fn of(case: &'c Case<'a>) -> Self {
        let there = case.scene.there.iter().filter(|(_, function)| function == case.function);
        Self {
            case,
            head: Head::default(),
            rejects: Rejects::default(),
            history: vec![],
            left: vec![],
            lived: 0,
            serves: there.map(|(place, _)| (place.clone(), 1)).collect(),
            told: BTreeMap::new(),
            code: BTreeMap::new(),
            knows: BTreeMap::new(),
            since: 0,
            commanded: vec![],
            acted: BTreeMap::new(),
            let_go: [0; 2],
            claimed: 0,
            story: Story::default(),
        }
    }

    /// Follows it to its end, and tells it.
    pub fn judge(mut self, say: Say<'_>) -> Story {
        let head = format!("heads/{}/{}.json", self.case.environment.name, self.case.function);
        let rejects = format!("rejects/{}.json", self.case.function);
        for (now, deed) in self.case.journal.iter().enumerate() {
            match (&deed.what, deed.by) {
                (What::Read, Some(by)) if deed.about == head => self.sees(by),
                (What::Read, Some(by)) if deed.about == rejects => {
                    let knows = self.knows.entry(by).or_default();
                    (knows.rejects, knows.rejects_read) = (self.rejects.clone(), now);
                }
                (What::Wrote(Some(body)), Some(by)) if deed.about == head => {
                    let Ok(written) = serde_json::from_slice(body) else { continue };
                    self.writes(now, by, written, say);
                }
                (What::Wrote(Some(body)), _) if deed.about == rejects => {
                    let Ok(written) = serde_json::from_slice(body) else { continue };
                    self.rejects(written, say);
                }
                _ if deed.about == self.case.function && self.case.environment.targets.contains(&deed.place) => {
                    self.does(now, deed, say);
                }
                _ => {}
            }
        }
        for (place, version) in &self.told {
            let serves = self.serves.get(place);
            if serves != Some(version) && !self.case.is_touched_at(place) {
                say(Rule::ServesTheNewest, format!("{place} should serve version {version}, and serves {serves:?}"));
            }
        }
        self.story.code = self.code;
        self.story
    }

    /// An invocation has read or written the head.
    fn sees(&mut self, by: usize) {
        let stopped = self.head.active().filter(|active| active.stop.is_some());
        self.knows.entry(by).or_default().stopped = stopped.map(|active| active.request.id.to_string());
    }

    fn writes(&mut self, now: usize, by: usize, head: Head, say: Say<'_>) {
        let before = std::mem::replace(&mut self.head, head);
        let (was, is) = (before.active().cloned(), self.head.active().cloned());
        let id = |active: &Option<Active>| active.as_ref().map(|active| active.request.id);
        if was.as_ref().map(|active| active.claim) != is.as_ref().map(|active| active.claim) {
            (self.since, self.claimed) = (now, now);
        }
        self.story.sees(now, &self.head);
        self.hold(&before, say);
        // A promotion that has to wait all the same has not ended.
        let waits = |active: &&Active| self.head.waiting().iter().any(|other| other.request.id == active.request.id);
        if let Some(ended) = was.as_ref().filter(|_| id(&was) != id(&is)).filter(|was| !waits(was)) {
            self.commits(now, &ended.request, say);
        }
        let chosen = |active: &Option<Active>| active.as_ref().and_then(|active| active.chosen.clone());
        match (chosen(&was).filter(|_| id(&was) == id(&is)), chosen(&is), &is) {
            (Some(first), second, _) if second.as_ref() != Some(&first) => {
                say(Rule::WalksBack, format!("{:?} was about {first:?}, and then about {second:?}", id(&is)));
            }
            (None, Some(chosen), Some(active)) => {
                self.chooses(by, &active.request, &chosen, say);
                let (claimed, request) = (self.claimed, active.request.clone());
                self.story.admissions.push(Admission { now, by, claimed, request, chosen });
            }
            _ => {}
        }
        self.sees(by);
        let lived = |one: &deployer_core::head::Live| (one.artifact.key.clone(), one.artifact.version_id.clone());
        for (what, says, kept) in
            [("was live", self.head.history(), &self.history), ("was left", self.head.left(), &self.left)]
        {
            let says: Vec<_> = says.iter().map(lived).collect();
            let kept: Vec<_> = kept.iter().map(|one| one.artifact.clone()).collect();
            if says != kept {
                say(Rule::HistoryIsTrue, format!("the head says that {says:?} {what}, and it was {kept:?}"));
            }
        }
    }

    /// While a function is held nothing but rollbacks is claimed or kept for later, and only a command ends that.
    fn hold(&mut self, before: &Head, say: Say<'_>) {
        let reason = |head: &Head| head.hold().map(|hold| hold.reason.clone());
        let (was, is) = (reason(before), reason(&self.head));
        if was != is {
            match &is {
                Some(reason) => self.acts(reason, say),
                None => self.lets_go(0, |ask| *ask == Ask::ReleaseHold, say),
            }
        }
        let Some(reason) = is else { return };
        if let Some(waiting) = self.head.waiting().first() {
            say(Rule::Held, format!("{} waits, although held by {reason}", waiting.request.id));
        }
        let claimed = self.head.active().map(|active| &active.request);
        let claimed = claimed.filter(|request| before.active().is_none_or(|was| was.request.id != request.id));
        for request in claimed.into_iter().chain(self.head.all_pending()).filter(|request| !request.is_rollback()) {
            say(Rule::Held, format!("{} was taken or kept, although held by {reason}", request.id));
        }
    }

    fn rejects(&mut self, rejects: Rejects, say: Say<'_>) {
        let reasons = |rejects: &Rejects| -> Vec<(String, String)> {
            rejects.all().map(|one| (one.release.to_string(), one.reason.clone())).collect()
        };
        let before = reasons(&std::mem::replace(&mut self.rejects, rejects));
        let now = reasons(&self.rejects);
        for (_, reason) in now.iter().filter(|one| !before.contains(one)) {
            self.acts(reason, say);
        }
        if before.iter().any(|(release, _)| now.iter().all(|(other, _)| other != release)) {
            self.lets_go(1, |ask| matches!(ask, Ask::Unreject { .. }), say);
        }
    }

    /// A hold or a reject with this reason, which no other command has.
    fn acts(&mut self, reason: &str, say: Say<'_>) {
        let times = self.acted.entry(reason.to_owned()).or_default();
        *times += 1;
        if *times > 1 {
            say(Rule::ActsOnce, format!("{reason} was carried out {times} times"));
        }
    }

    fn lets_go(&mut self, which: usize, fits: impl Fn(&Ask) -> bool, say: Say<'_>) {
        self.let_go[which] += 1;
        let asked = self.case.orders.iter().chain(&self.case.rejecting).filter(|(_, order)| fits(&order.ask)).count();
        if self.let_go[which] > asked {
            say(Rule::ActsOnce, format!("let go {} times, and asked to {asked} times", self.let_go[which]));
        }
    }

    /// A deployment has ended.
    fn commits(&mut self, now: usize, request: &Request, say: Say<'_>) {
        let Some(record) = self.case.record(request.id) else { return };
        let mut versions = BTreeMap::new();
        for outcome in &record.targets {
            let (place, version) = (place(outcome), outcome.version.as_ref().map(deployer_core::id::Version::number));
            let Some(version) = version.filter(|_| has_arrived(outcome.status)) else { continue };
            let serves = self.serves.get(&place).copied();
            if serves != Some(version) && !self.case.is_touched_at(&place) {
                let text = format!("{} ended with {version} in {place}, which serves {serves:?}", record.id);
                say(Rule::HistoryIsTrue, text);
            }
            self.told.insert(place.clone(), version);
            versions.insert(place, version);
        }
        if has_arrived(record.status) {
            self.lives(request, record, versions, say);
        }
        let failed = record.finished_at.filter(|_| record.status == Status::Failed);
        self.story.failures.extend(failed.map(|at| (now, at)));
        self.story.states.push((now, State { history: self.history.clone(), left: self.left.clone() }));
    }

    fn lives(&mut self, request: &Request, record: &DeploymentRecord, versions: BTreeMap<String, u64>, say: Say<'_>) {
        let (Some(artifact), Some(release)) = (&record.artifact, &record.release) else {
            return say(Rule::HistoryIsTrue, format!("{} succeeded with nothing", record.id));
        };
        if request.is_upload() {
            let order = self.case.place_of(record);
            let older = |time: &&Timestamp| order.as_ref().is_some_and(|order| !order.is_newer_than_command(**time));
            if let Some(time) = self.commanded.iter().find(older) {
                say(Rule::NotUndone, format!("{:?} became live after a command of {time}", artifact.key));
            }
        } else if !request.is_undo() && request.cause.kind != CauseKind::Redeploy {
            // What takes one artifact back leaves everything else as it comes, and a redeploy brings nothing.
            self.commanded.push(request.time);
        }
        self.lived += 1;
        let artifact_id = (artifact.key.clone(), artifact.version_id.clone());
        let at = self.history.iter().position(|one| one.artifact == artifact_id);
        let ended = record.finished_at.unwrap_or(request.time);
        let (since, at_) = match at {
            Some(0) => (self.history[0].since, self.history[0].at),
            _ => (self.lived, ended),
        };
        if let Some(at) = at.filter(|at| request.is_rollback() && *at > 0) {
            let newer: Vec<Lived> = self.history.drain(..=at).take(at).collect();
            self.left.splice(0..0, newer);
        }
        self.left.retain(|one| one.artifact != artifact_id);
        if self.history.first().is_some_and(|first| first.artifact == artifact_id) {
            self.history.remove(0);
        }
        let (release, sha256) = (release.to_string(), artifact.sha256);
        self.history.insert(0, Lived { artifact: artifact_id, release, sha256, versions, since, at: at_ });
    }

    /// It is found out what a deployment is about.
    fn chooses(&mut self, by: usize, request: &Request, chosen: &Chosen, say: Say<'_>) {
        let nothing = Knows::default();
        let rejects = &self.knows.get(&by).unwrap_or(&nothing).rejects;
        let is_rejected = |one: &&Lived| {
            let release = deployer_core::id::Release::parse(&one.release);
            release.is_ok_and(|release| rejects.find(&release, one.sha256).is_some())
        };
        let is_elsewhere = |place: &String| {
            let live = self.history.first().and_then(|live| live.versions.get(place));
            !self.history.is_empty() && self.serves.get(place) != live
        };
        let astray = self.case.environment.targets.iter().any(is_elsewhere);
        let back = |from: usize| {
            let top = self.history.first().filter(|_| from > 0);
            let other = |one: &&Lived| top.is_none_or(|top| top.artifact != one.artifact);
            self.history.iter().skip(from).filter(other).find(|one| !is_rejected(one))
        };
        let fits: Vec<Option<&Lived>> = match &request.subject {
            Subject::Artifact { .. } | Subject::Newest { .. } | Subject::Promoted(_) | Subject::Unknown => return,
            Subject::Undo { release, artifact } => {
                let is_it = |live: &&Lived| match artifact {
                    Some(artifact) => (&live.artifact.0, &live.artifact.1) == (&artifact.key, &artifact.version_id),
                    None => live.release == release.as_str(),
                };
                match self.history.first() {
                    Some(live) if is_it(&live) => vec![back(1)],
                    // Only some targets serve it: they are brought back to what is live.
                    live => vec![live],
                }
            }
            Subject::Live { .. } => vec![self.history.first()],
            Subject::Earlier(Rollback { to: Some(release), .. }) => {
                let all = self.history.iter().chain(&self.left).filter(|one| one.release == release.as_str());
                vec![all.max_by_key(|one| one.since).filter(|one| !is_rejected(one))]
            }
            Subject::Earlier(_) if self.case.is_touched() => vec![back(0), back(1)],
            Subject::Earlier(_) => vec![back(usize::from(!astray))],
        };
        let chose = (&chosen.artifact.key, &chosen.artifact.version_id);
        if !fits.iter().flatten().any(|one| (&one.artifact.0, &one.artifact.1) == chose) {
            let fits: Vec<_> = fits.iter().map(|one| one.map(|one| &one.artifact)).collect();
            say(Rule::WalksBack, format!("{} should go to {fits:?}, and goes to {chose:?}", request.id));
        }
    }

    /// Something is done to the function.
    fn does(&mut self, now: usize, deed: &Deed, say: Say<'_>) {
        match (&deed.what, deed.by) {
            (What::Published { version, sha256 }, _) => {
                self.code.insert((deed.place.clone(), *version), *sha256);
                self.since = now;
            }
            (What::Pointed { version }, by) => {
                self.serves.insert(deed.place.clone(), *version);
                self.story.pointed.push((now, deed.place.clone(), *version));
                if let Some(by) = by {
                    self.points(by, &deed.place, *version, say);
                }
            }
            _ => {}
        }
    }

    /// The deployer points an alias to a version: it must have looked again, and have found neither that it shall stop
    /// nor that this is rejected. Of several targets some may be on their way already.
    fn points(&mut self, by: usize, place: &str, version: u64, say: Say<'_>) {
        let Some(active) = self.head.active().filter(|_| self.case.environment.targets.len() == 1) else { return };
        let nothing = Knows::default();
        let knows = self.knows.get(&by).unwrap_or(&nothing);
        let id = active.request.id;
        if knows.stopped == Some(id.to_string()) {
            say(Rule::Stops, format!("{id} was asked to stop, and moved the alias in {place} to {version}"));
        }
        if knows.rejects_read <= self.since {
            say(Rule::Rejected, format!("{id} moved the alias in {place} and had not read again what is rejected"));
        }
        let chosen = active.chosen.as_ref();
        let sha256 = self.code.get(&(place.to_owned(), version)).copied().or(chosen.and_then(|chosen| chosen.sha256));
        if let Some(reject) = chosen.and_then(|chosen| knows.rejects.find(&chosen.release, sha256)) {
            let because = &reject.reason;
            say(Rule::Rejected, format!("{id} moved the alias in {place} to {version}, rejected by {because}"));
        }
    }
}

/// Of the commands themselves: each has one record, which has ended and is what was answered.
pub(super) fn commands(case: &Case<'_>, stage: &super::stage::Stage<'_>, say: Say<'_>) {
    for record in case.records().filter(|record| record.cause.kind != CauseKind::Upload) {
        let what = record.cause.requested_by.as_deref().unwrap_or_default();
        if !record.status.is_ended() || record.finished_at.is_none() {
            say(Rule::CommandsEnd, format!("the record of {what} says {}", record.status));
        }
        super::reasons::command_says_why(case, record, say);
    }
    for (number, order) in case.orders.iter().filter(|(_, order)| order.ask.deploys()) {
        let name = super::orders::name(*number);
        let is_its = |record: &&DeploymentRecord| record.cause.requested_by.as_ref() == Some(&name);
        let records: Vec<&DeploymentRecord> = case.records().filter(is_its).collect();
        if records.len() > 1 {
            say(Rule::ActsOnce, format!("{name} has {} records", records.len()));
        }
        if records.is_empty() && !order.is_lost {
            say(Rule::NoneIsLost, format!("{name} was given, and nobody knows it"));
        }
        for (_, answer) in stage.replies.iter().filter(|(answered, _)| answered == number) {
            let Ok(answer) = serde_json::from_value::<DeploymentRecord>(answer.clone()) else {
                say(Rule::OneRecord, format!("{name} was answered with no record: {answer}"));
                continue;
            };
            if answer.status.is_ended() && records.first() != Some(&&answer) {
                say(Rule::OneRecord, format!("{name} was answered with {}, its record says otherwise", answer.status));
            }
        }
    }
}

fn place(outcome: &TargetOutcome) -> String {
    format!("{}/{}", outcome.account, outcome.region)
}

fn has_arrived(status: Status) -> bool {
    matches!(status, Status::Succeeded | Status::Unchanged)
}
