//! Replays the journal of a function from the beginning, and tells each oracle what happens. The oracles keep a history
//! of their own beside it and ask no head.
//!
//! Must not know how the head goes from one state to the next.

use std::collections::{BTreeMap, BTreeSet};

use deployer_core::head::{Active, Head};
use deployer_core::record::Status;
use deployer_core::rejects::Rejects;

use super::case::Case;
use super::commands::CommandKind;
use super::live_oracle::{LiveOracle, Report};
use super::precondition_oracle;
use super::rollback_oracle::RollbackOracle;
use super::rule::Rule;
use super::timeline::{Admission, Timeline};
use super::traffic_oracle::TrafficOracle;
use world::journal::{Action, JournalEntry};

/// The knowledge of an invocation: the rejects and the stop request that it last read.
#[derive(Default)]
struct Knowledge {
    rejects: Rejects,
    rejects_read: usize,
    /// The deployment that it saw asked to stop.
    stopped: Option<String>,
}

pub(super) struct JournalReplay<'c, 'a> {
    case: &'c Case<'a>,
    head: Head,
    rejects: Rejects,
    live: LiveOracle<'c, 'a>,
    rollbacks: RollbackOracle,
    traffic: TrafficOracle,
    knowledge: BTreeMap<usize, Knowledge>,
    /// The journal index of the last claim or the last published version.
    last_claim_or_version: usize,
    times_by_reason: BTreeMap<String, usize>,
    releases: [usize; 2],
    /// The journal index of the last claim.
    claimed: usize,
    timeline: Timeline,
}

impl<'c, 'a> JournalReplay<'c, 'a> {
    pub fn of(case: &'c Case<'a>) -> Self {
        Self {
            case,
            head: Head::default(),
            rejects: Rejects::default(),
            live: LiveOracle::of(case),
            rollbacks: RollbackOracle::default(),
            traffic: TrafficOracle::of(case),
            knowledge: BTreeMap::new(),
            last_claim_or_version: 0,
            times_by_reason: BTreeMap::new(),
            releases: [0; 2],
            claimed: 0,
            timeline: Timeline::default(),
        }
    }

    /// Replays the journal to its end, and returns the timeline.
    pub fn run(mut self, report: Report<'_>) -> Timeline {
        let head = format!("heads/{}/{}.json", self.case.environment.name, self.case.function);
        let rejects = format!("rejects/{}.json", self.case.function);
        for (index, entry) in self.case.journal.iter().enumerate() {
            match (&entry.action, entry.by) {
                (Action::Read, Some(by)) if entry.object == head => self.on_head_seen(by),
                (Action::Read, Some(by)) if entry.object == rejects => {
                    let knows = self.knowledge.entry(by).or_default();
                    (knows.rejects, knows.rejects_read) = (self.rejects.clone(), index);
                }
                (Action::Wrote(Some(body)), Some(by)) if entry.object == head => {
                    let Ok(written) = serde_json::from_slice(body) else { continue };
                    self.on_head_written(index, by, written, report);
                }
                (Action::Wrote(Some(body)), _) if entry.object == rejects => {
                    let Ok(written) = serde_json::from_slice(body) else { continue };
                    self.on_rejects_written(written, report);
                }
                _ if entry.object == self.case.function && self.case.environment.targets.contains(&entry.place) => {
                    self.on_function_entry(index, entry, report);
                }
                _ => {}
            }
        }
        self.live.check_at_rest(&self.head, report);
        (self.timeline.code, self.timeline.open_doors) = (self.live.code, self.live.open_doors);
        self.timeline
    }

    /// An invocation has read or written the head.
    fn on_head_seen(&mut self, by: usize) {
        let stopped = self.head.active().filter(|active| active.stop.is_some());
        self.knowledge.entry(by).or_default().stopped = stopped.map(|active| active.request.id.to_string());
    }

    fn on_head_written(&mut self, index: usize, by: usize, head: Head, report: Report<'_>) {
        let before = std::mem::replace(&mut self.head, head);
        let (was, is) = (before.active().cloned(), self.head.active().cloned());
        let id = |active: &Option<Active>| active.as_ref().map(|active| active.request.id);
        self.timeline.record_head(&self.head);
        self.check_hold(&before, report);
        // A promotion that goes back to waiting has not ended, nor has a deployment that gives way to an undo and stays pending.
        let open: BTreeSet<_> = self
            .head
            .waiting()
            .iter()
            .map(|waiting| &waiting.request)
            .chain(self.head.all_pending())
            .map(|request| request.id)
            .collect();
        if let Some(ended) =
            was.as_ref().filter(|was| id(&is) != Some(was.request.id) && !open.contains(&was.request.id))
        {
            self.on_deployment_end(index, ended, report);
        }
        self.rollbacks.on_accepted(&self.live, &self.rejects, (&before, &self.head), report);
        precondition_oracle::on_refused(&self.live, &before, &self.head, report);
        if was.as_ref().map(|active| active.claim) != is.as_ref().map(|active| active.claim) {
            (self.last_claim_or_version, self.claimed) = (index, index);
            if let Some(active) = &is {
                self.live.on_claim(by, active.request.id);
            }
        }
        let resolved = |active: &Option<Active>| active.as_ref().and_then(|active| active.artifact.clone());
        match (resolved(&was).filter(|_| id(&was) == id(&is)), resolved(&is), &is) {
            (Some(first), second, _) if second.as_ref() != Some(&first) => {
                report(
                    Rule::RollbackDestination,
                    format!("{:?} was about {first:?}, and then about {second:?}", id(&is)),
                );
            }
            (None, Some(resolved), Some(active)) => {
                let nothing = Knowledge::default();
                let rejects = &self.knowledge.get(&by).unwrap_or(&nothing).rejects;
                self.rollbacks.on_resolved(&self.live, rejects, &active.request, &resolved, report);
                let (claimed, request) = (self.claimed, active.request.clone());
                self.timeline.admissions.push(Admission { index, by, claimed, request, resolved });
            }
            _ => {}
        }
        self.on_head_seen(by);
        self.live.compare_with(&self.head, report);
    }

    /// Checks that while a function is held only rollbacks are claimed or kept, and that only a command ends the hold.
    fn check_hold(&mut self, before: &Head, report: Report<'_>) {
        let reason = |head: &Head| head.hold().map(|hold| hold.reason.clone());
        let (was, is) = (reason(before), reason(&self.head));
        if was != is {
            match &is {
                Some(reason) => self.count_reason(reason, report),
                None => self.count_release(0, |command| *command == CommandKind::ReleaseHold, report),
            }
        }
        let Some(reason) = is else { return };
        if let Some(waiting) = self.head.waiting().first() {
            report(Rule::HoldObeyed, format!("{} waits, although held by {reason}", waiting.request.id));
        }
        let claimed = self.head.active().map(|active| &active.request);
        let claimed = claimed.filter(|request| before.active().is_none_or(|was| was.request.id != request.id));
        for request in claimed.into_iter().chain(self.head.all_pending()).filter(|request| !request.is_rollback()) {
            report(Rule::HoldObeyed, format!("{} was taken or kept, although held by {reason}", request.id));
        }
    }

    fn on_rejects_written(&mut self, rejects: Rejects, report: Report<'_>) {
        let reasons = |rejects: &Rejects| -> Vec<(String, String)> {
            rejects.all().map(|one| (one.release.to_string(), one.reason.to_string())).collect()
        };
        let before = reasons(&std::mem::replace(&mut self.rejects, rejects));
        let now = reasons(&self.rejects);
        for (_, reason) in now.iter().filter(|one| !before.contains(one)) {
            self.count_reason(reason, report);
        }
        if before.iter().any(|(release, _)| now.iter().all(|(other, _)| other != release)) {
            self.count_release(1, |command| matches!(command, CommandKind::Unreject { .. }), report);
        }
    }

    /// Counts a hold or a reject by its reason, which no other command has.
    fn count_reason(&mut self, reason: &str, report: Report<'_>) {
        let times = self.times_by_reason.entry(reason.to_owned()).or_default();
        *times += 1;
        if *times > 1 {
            report(Rule::ActsOnce, format!("{reason} was carried out {times} times"));
        }
    }

    fn count_release(&mut self, which: usize, fits: impl Fn(&CommandKind) -> bool, report: Report<'_>) {
        self.releases[which] += 1;
        let asked = self
            .case
            .commands
            .iter()
            .chain(&self.case.rejects_elsewhere)
            .filter(|(_, command)| fits(&command.kind))
            .count();
        if self.releases[which] > asked {
            report(Rule::ActsOnce, format!("let go {} times, and asked to {asked} times", self.releases[which]));
        }
    }

    /// A deployment has ended.
    fn on_deployment_end(&mut self, index: usize, active: &Active, report: Report<'_>) {
        let Some(record) = self.case.record(active.request.id) else { return };
        self.rollbacks.on_deployment_end(&self.live, &active.request, record, report);
        self.traffic.on_deployment_end(record, self.case.journal[index].at, report);
        let state = self.live.on_deployment_end(active, &self.head, report);
        let failed = record.finished_at.filter(|_| record.status == Status::Failed);
        self.timeline.failures.extend(failed.map(|at| (index, at)));
        self.timeline.states.extend(state.map(|state| (index, state)));
    }

    /// A journal entry about the function.
    fn on_function_entry(&mut self, index: usize, entry: &JournalEntry, report: Report<'_>) {
        self.live.on_late_move(entry, &self.head, report);
        self.live.on_entry(entry);
        self.traffic.on_entry(entry);
        match entry.action {
            Action::Published { .. } => self.last_claim_or_version = index,
            Action::Pointed { version } => {
                self.timeline.pointed.push((index, entry.place.clone(), version));
                if let Some(by) = entry.by.filter(|_| !entry.late) {
                    self.on_alias_move(by, &entry.place, version, report);
                }
            }
            _ => {}
        }
    }

    /// The deployer has pointed an alias to a version. It must have looked again before, and have found neither a
    /// request to stop nor a reject of this artifact. Of several targets some may be on their way already, so only
    /// environments of one target are checked.
    fn on_alias_move(&mut self, by: usize, place: &str, version: u64, report: Report<'_>) {
        let Some(active) = self.head.active() else { return };
        self.rollbacks.on_alias_move(&self.live, active, place, version, report);
        if self.case.environment.targets.len() > 1 {
            return;
        }
        let nothing = Knowledge::default();
        let knows = self.knowledge.get(&by).unwrap_or(&nothing);
        let id = active.request.id;
        if knows.stopped == Some(id.to_string()) {
            report(Rule::StopObeyed, format!("{id} was asked to stop, and moved the alias in {place} to {version}"));
        }
        if knows.rejects_read <= self.last_claim_or_version {
            report(
                Rule::RejectObeyed,
                format!("{id} moved the alias in {place} and had not read again what is rejected"),
            );
        }
        let resolved = active.artifact.as_ref();
        let sha256 =
            self.live.code.get(&(place.to_owned(), version)).copied().or(resolved.and_then(|resolved| resolved.sha256));
        if let Some(reject) = resolved.and_then(|resolved| knows.rejects.find(&resolved.release, sha256)) {
            let because = &reject.reason;
            report(Rule::RejectObeyed, format!("{id} moved the alias in {place} to {version}, rejected by {because}"));
        }
    }
}
