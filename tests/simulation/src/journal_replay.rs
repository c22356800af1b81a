//! What a function went through where commands were given by hand: its journal once more from the beginning, beside a
//! history that is kept here and not asked of any head.
//!
//! Must not know: how the head goes from one state to the next.

use std::collections::BTreeMap;

use deployer_core::head::{Active, Head};
use deployer_core::record::Status;
use deployer_core::rejects::Rejects;

use super::case::Case;
use super::live_oracle::{LiveOracle, Say};
use super::orders::Ask;
use super::precondition_oracle;
use super::rollback_oracle::RollbackOracle;
use super::story::{Admission, Story};
use super::traffic_oracle::TrafficOracle;
use super::violation::Rule;
use world::journal::{JournalEntry, Action};

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
    live: LiveOracle<'c, 'a>,
    rollbacks: RollbackOracle,
    traffic: TrafficOracle,
    knows: BTreeMap<usize, Knows>,
    /// When the last claim was made or the last version published, by place.
    since: usize,
    acted: BTreeMap<String, usize>,
    let_go: [usize; 2],
    /// When the last claim was made.
    claimed: usize,
    story: Story,
}

impl<'c, 'a> Journey<'c, 'a> {
    pub fn of(case: &'c Case<'a>) -> Self {
        Self {
            case,
            head: Head::default(),
            rejects: Rejects::default(),
            live: LiveOracle::of(case),
            rollbacks: RollbackOracle::default(),
            traffic: TrafficOracle::of(case),
            knows: BTreeMap::new(),
            since: 0,
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
                (Action::Read, Some(by)) if deed.about == head => self.sees(by),
                (Action::Read, Some(by)) if deed.about == rejects => {
                    let knows = self.knows.entry(by).or_default();
                    (knows.rejects, knows.rejects_read) = (self.rejects.clone(), now);
                }
                (Action::Wrote(Some(body)), Some(by)) if deed.about == head => {
                    let Ok(written) = serde_json::from_slice(body) else { continue };
                    self.writes(now, by, written, say);
                }
                (Action::Wrote(Some(body)), _) if deed.about == rejects => {
                    let Ok(written) = serde_json::from_slice(body) else { continue };
                    self.rejects(written, say);
                }
                _ if deed.about == self.case.function && self.case.environment.targets.contains(&deed.place) => {
                    self.does(now, deed, say);
                }
                _ => {}
            }
        }
        self.live.ends(&self.head, say);
        (self.story.code, self.story.unshut) = (self.live.code, self.live.unshut);
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
        self.story.sees(now, &self.head);
        self.hold(&before, say);
        // A promotion that has to wait all the same has not ended.
        let waits = |active: &&Active| self.head.waiting().iter().any(|other| other.request.id == active.request.id);
        if let Some(ended) = was.as_ref().filter(|_| id(&was) != id(&is)).filter(|was| !waits(was)) {
            self.commits(now, ended, say);
        }
        self.rollbacks.accepts(&self.live, &self.rejects, (&before, &self.head), say);
        precondition_oracle::refuses(&self.live, &before, &self.head, say);
        if was.as_ref().map(|active| active.claim) != is.as_ref().map(|active| active.claim) {
            (self.since, self.claimed) = (now, now);
            if let Some(active) = &is {
                self.live.claims(by, active.request.id);
            }
        }
        let chosen = |active: &Option<Active>| active.as_ref().and_then(|active| active.chosen.clone());
        match (chosen(&was).filter(|_| id(&was) == id(&is)), chosen(&is), &is) {
            (Some(first), second, _) if second.as_ref() != Some(&first) => {
                say(Rule::WalksBack, format!("{:?} was about {first:?}, and then about {second:?}", id(&is)));
            }
            (None, Some(chosen), Some(active)) => {
                let nothing = Knows::default();
                let rejects = &self.knows.get(&by).unwrap_or(&nothing).rejects;
                self.rollbacks.chooses(&self.live, rejects, &active.request, &chosen, say);
                let (claimed, request) = (self.claimed, active.request.clone());
                self.story.admissions.push(Admission { now, by, claimed, request, chosen });
            }
            _ => {}
        }
        self.sees(by);
        self.live.agrees(&self.head, say);
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
            rejects.all().map(|one| (one.release.to_string(), one.reason.to_string())).collect()
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
    fn commits(&mut self, now: usize, active: &Active, say: Say<'_>) {
        let Some(record) = self.case.record(active.request.id) else { return };
        self.rollbacks.ends(&self.live, &active.request, record, say);
        self.traffic.ends(record, self.case.journal[now].at, say);
        let state = self.live.commits(active, &self.head, say);
        let failed = record.finished_at.filter(|_| record.status == Status::Failed);
        self.story.failures.extend(failed.map(|at| (now, at)));
        self.story.states.extend(state.map(|state| (now, state)));
    }

    /// Something is done to the function.
    fn does(&mut self, now: usize, deed: &JournalEntry, say: Say<'_>) {
        self.live.moves_late(deed, &self.head, say);
        self.live.does(deed);
        self.traffic.does(deed);
        match deed.what {
            Action::Published { .. } => self.since = now,
            Action::Pointed { version } => {
                self.story.pointed.push((now, deed.place.clone(), version));
                if let Some(by) = deed.by.filter(|_| !deed.late) {
                    self.points(by, &deed.place, version, say);
                }
            }
            _ => {}
        }
    }

    /// The deployer points an alias to a version: it must have looked again, and have found neither that it shall stop
    /// nor that this is rejected. Of several targets some may be on their way already.
    fn points(&mut self, by: usize, place: &str, version: u64, say: Say<'_>) {
        let Some(active) = self.head.active() else { return };
        self.rollbacks.points(&self.live, active, place, version, say);
        if self.case.environment.targets.len() > 1 {
            return;
        }
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
        let sha256 =
            self.live.code.get(&(place.to_owned(), version)).copied().or(chosen.and_then(|chosen| chosen.sha256));
        if let Some(reject) = chosen.and_then(|chosen| knows.rejects.find(&chosen.release, sha256)) {
            let because = &reject.reason;
            say(Rule::Rejected, format!("{id} moved the alias in {place} to {version}, rejected by {because}"));
        }
    }
}
