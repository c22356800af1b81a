//! Checks that every promotion satisfied the rules at the moment at which it came in: by the journal, by the live
//! artifacts of each environment's timeline, and by the requests and approvals.
//!
//! The moment is when the claim resolves its artifact. The deployer has read the heads and the rejects a little
//! earlier, under the same claim. It may miss what happens between such a read and the moment, and what happens later.
//! It looks for rejects and requests to stop once more right before an alias moves, which other rules check
//! (`journal_replay`). A hold, a freeze, a rollback or a failure in the source that comes so late may be too late.
//!
//! Must not know how the deployer evaluates a promotion.

use std::collections::BTreeSet;

use deployer_core::head::ResolvedArtifact;
use deployer_core::promotion::PromotionSpec;
use deployer_core::record::{CauseKind, DeploymentRecord, Status};
use deployer_core::rejects::Rejects;
use jiff::Timestamp;

use super::case::Case;
use super::commands::{self, CommandKind};
use super::promotion_rules::Rules;
use super::requests::{self, CLOCKS_DIFFER};
use super::retention;
use super::rule::{Rule, Violation};
use super::runner::Runner;
use super::timeline::{Admission, Completeness, State, Timeline};
use world::VirtualClock;
use world::journal::{Action, JournalEntry};

type Replayed<'a> = [(Case<'a>, Timeline)];

/// The oracle for one function in all its environments.
struct PromotionOracle<'p> {
    runner: &'p Runner<'p>,
    journal: &'p [JournalEntry],
    replayed: &'p Replayed<'p>,
    function: &'p str,
    /// The rejects, each with the journal index from which it counts.
    rejects: Vec<(usize, Rejects)>,
}

/// The terms of a requested promotion.
struct RequestedPromotion {
    release: Option<String>,
    not_after: Option<Timestamp>,
    overrides: bool,
}

pub(super) fn check(
    runner: &Runner<'_>,
    journal: &[JournalEntry],
    replayed: &Replayed<'_>,
    found: &mut Vec<Violation>,
) {
    let Some((first, _)) = replayed.first() else { return };
    let about = format!("rejects/{}.json", first.function);
    let written = journal.iter().enumerate().filter(|(_, entry)| entry.object == about);
    let rejects = written.filter_map(|(index, entry)| match &entry.action {
        Action::Wrote(Some(body)) => Some((index, serde_json::from_slice(body).ok()?)),
        _ => None,
    });
    let oracle = PromotionOracle { runner, journal, function: first.function, rejects: rejects.collect(), replayed };
    for (case, timeline) in replayed {
        let promoted = timeline.admissions.iter().filter_map(|one| Some((one, one.request.promotion_spec()?)));
        for (admission, promoting) in promoted {
            let mut report = |text: String| {
                let text = format!("{}/{}: {} {text}", case.environment.name, case.function, admission.request.id);
                found.push(Violation { rule: Rule::PromotionRules, found: text });
            };
            match &case.environment.rules {
                None => report("came in, and nothing may be promoted there".to_owned()),
                Some(rules) if !rules.from.iter().any(|from| from == promoting.from.as_str()) => {
                    report(format!("came in from {}", promoting.from));
                }
                Some(rules) => oracle.check_admission(case, timeline, rules, (admission, promoting), &mut report),
            }
        }
    }
}

impl PromotionOracle<'_> {
    fn check_admission(
        &self,
        case: &Case<'_>,
        timeline: &Timeline,
        rules: &Rules,
        (admission, promoting): (&Admission, &PromotionSpec),
        report: &mut dyn FnMut(String),
    ) {
        let Admission { index, request, resolved, .. } = admission;
        let (time, is_automatic) = (self.journal[*index].at, request.cause.kind == CauseKind::AutomaticPromotion);
        let mut first_read = *index;
        for name in rules.from.iter().filter(|name| rules.needs(name, &promoting.from)) {
            let Some((from, source)) = self.replayed.iter().find(|(other, _)| other.environment.name == *name) else {
                continue;
            };
            let reads = self.reads(admission, &format!("heads/{name}/{}.json", self.function));
            first_read = first_read.min(reads.first().copied().unwrap_or(*index));
            let passes = |read: &usize| {
                has_soaked(rules, source, *read, (resolved, promoting.named.is_some(), is_automatic), time)
                    && has_not_drifted(source, &from.environment.targets, resolved, (*read, *index))
            };
            if !reads.iter().any(passes) {
                let (states, failures) = (source.state_at(*index), &source.failures);
                let lived: Vec<_> = states.history.iter().map(|one| (&one.release, one.at)).collect();
                report(format!(
                    "brought {} at {time}, which {name} did not have live, soaked and served: {lived:?}, failures at \
                     {failures:?}, a soak of {:?}",
                    resolved.release,
                    rules.soaks()
                ));
            }
        }
        let read = self.journal[first_read].at;
        let rejected = |read: &usize| {
            let known = self.rejects.iter().rev().find(|(since, _)| since <= read);
            known.is_some_and(|(_, rejects)| rejects.find(&resolved.release, resolved.sha256).is_some())
        };
        if self.reads(admission, &format!("rejects/{}.json", self.function)).iter().all(rejected) {
            report(format!("brought {}, which was rejected", resolved.release));
        }
        if is_automatic && timeline.state_at(*index).left.iter().any(|left| left.is(resolved)) {
            report(format!("brought {} by itself, which was rolled back there", resolved.release));
        }
        let requested =
            (!is_automatic).then(|| self.requested(request.cause.event_id.as_deref().unwrap_or_default())).flatten();
        let overrides = requested.as_ref().is_some_and(|requested| requested.overrides);
        // A group is decided as a whole: a freeze that begins after that stops no member.
        let is_decided = request.promotion_spec().is_some_and(|promoting| promoting.group.is_some());
        // By the contract a promotion of the live artifact needs no approval. It need not end as `unchanged`: if
        // somebody else has changed a target since, it corrects that as a redeploy does.
        let is_live = timeline
            .state_at(*index)
            .history
            .first()
            .is_some_and(|live| live.is(resolved) && live.is_complete != Completeness::No);
        let moves_nothing = is_live || case.record(request.id).is_some_and(|record| record.status == Status::Unchanged);
        if !overrides && !is_decided && !moves_nothing && rules.is_frozen_throughout(read, time) {
            report(format!("came in from {read} to {time}, when it was frozen ({:?})", rules.frozen));
        }
        if !moves_nothing {
            self.check_approvals(case, rules, admission, promoting, report);
        }
        match requested {
            None if !is_automatic => report("was asked for by nobody".to_owned()),
            None => self.check_called_for(admission, promoting, report),
            Some(requested) => {
                if requested.release.as_ref().is_some_and(|release| *release != resolved.release.as_str()) {
                    report(format!("brought {}, and {:?} was asked for", resolved.release, requested.release));
                }
                // The members of a decided group go, however long they have to wait for their turn.
                if !is_decided && requested.not_after.is_some_and(|until| until < read) {
                    report(format!("came in at {read}, and was of use until {:?}", requested.not_after));
                }
                if request.time.duration_since(time) > CLOCKS_DIFFER {
                    report(format!("came in at {time}, and is of {}", request.time));
                }
            }
        }
    }

    /// Returns the journal indices at which the owner of the claim has read an object under it.
    fn reads(&self, admission: &Admission, about: &str) -> Vec<usize> {
        let under_claim = self.journal.iter().enumerate().take(admission.index).skip(admission.claimed);
        let its = under_claim.filter(|(_, entry)| entry.by == Some(admission.by) && entry.object == about);
        its.filter(|(_, entry)| matches!(entry.action, Action::Read)).map(|(index, _)| index).collect()
    }

    /// Checks that enough people other than the requester have approved it.
    fn check_approvals(
        &self,
        case: &Case<'_>,
        rules: &Rules,
        admission: &Admission,
        promoting: &PromotionSpec,
        report: &mut dyn FnMut(String),
    ) {
        let Some((required, _)) = rules.approval else { return };
        let (request, time) = (&admission.request, self.journal[admission.index].at);
        let is_meant = |vote: &&requests::Vote| {
            let its = vote.deployment == request.id && vote.function.as_deref() == Some(case.function);
            let groups = Some(vote.deployment) == promoting.group && vote.function.is_none();
            vote.environment == case.environment.name && (its || groups) && vote.approves
        };
        let counts = |vote: &&requests::Vote| {
            vote.given.is_some_and(|given| given <= time)
                && request.cause.requested_by.as_deref() != Some(vote.by.as_str())
        };
        let who: BTreeSet<&str> =
            self.runner.votes.iter().filter(is_meant).filter(counts).map(|vote| vote.by.as_str()).collect();
        if who.len() < required as usize {
            report(format!("came in, and only {who:?} of {required} had approved it"));
        }
    }

    /// Returns the terms of the request with this id.
    fn requested(&self, id: &str) -> Option<RequestedPromotion> {
        let scenario = self.runner.scenario;
        let by_event = scenario.requests.iter().enumerate().find(|(number, _)| requests::name(*number) == id);
        if let Some((number, request)) = by_event {
            let sent = self.runner.sent.get(&number)?.as_second();
            let not_after = request.not_after.and_then(|more| Timestamp::from_second(sent + more).ok());
            return Some(RequestedPromotion { release: request.release.clone(), not_after, overrides: false });
        }
        let (_, command) = scenario.commands.iter().enumerate().find(|(number, _)| commands::name(*number) == id)?;
        let CommandKind::Promote { release, overrides, within, .. } = &command.kind else { return None };
        let not_after = within.map(|within| VirtualClock::at(command.at + within));
        Some(RequestedPromotion { release: release.clone(), not_after, overrides: *overrides })
    }

    /// Checks that a success in the source requested this automatic promotion.
    fn check_called_for(&self, admission: &Admission, promoting: &PromotionSpec, report: &mut dyn FnMut(String)) {
        let called = admission.request.cause.event_id.as_deref();
        let source = self.replayed.iter().filter(|(case, _)| case.environment.name == promoting.from.as_str());
        let records: Vec<&DeploymentRecord> = source.flat_map(|(case, _)| case.records()).collect();
        let mut successes = records.iter().copied().filter(|record| retention::calls(record));
        // The deployment that brought the artifact may have failed, and another one, such as a redeploy, have completed
        // it.
        let is_it = |record: &DeploymentRecord| {
            record.artifact.as_ref().is_some_and(|artifact| {
                artifact.version_id == admission.resolved.artifact.version_id
                    || (artifact.sha256.is_some() && artifact.sha256 == admission.resolved.sha256)
            })
        };
        let brought = records.iter().any(|record| called == Some(record.id.to_string().as_str()) && is_it(record));
        let arrived = |record: &DeploymentRecord| matches!(record.status, Status::Succeeded | Status::Unchanged);
        if brought && records.iter().any(|record| arrived(record) && is_it(record)) {
            return;
        }
        let brings_it = |record: &DeploymentRecord| {
            let artifact = record.artifact.as_ref();
            artifact.is_some_and(|artifact| artifact.version_id == admission.resolved.artifact.version_id)
        };
        if !successes.any(|record| Some(record.id.to_string().as_str()) == called && brings_it(record)) {
            report(format!("came in by itself, and no success of {called:?} in {} had called for it", promoting.from));
        }
    }
}

/// Whether an artifact was live in the source at this read, and had been so for the whole soak without a gap.
fn has_soaked(
    rules: &Rules,
    source: &Timeline,
    read: usize,
    (resolved, is_named, is_automatic): (&ResolvedArtifact, bool, bool),
    time: Timestamp,
) -> bool {
    let State { history, left } = source.state_at(read);
    let soaks = rules.soaks();
    let ends = |since: Timestamp| since + soaks;
    match history.iter().position(|one| one.is(resolved)) {
        Some(0) => {
            let mut since = history[0].at;
            let failures = source.failures.iter().filter(|(index, _)| *index <= read).map(|(_, at)| *at);
            for failure in failures.filter(|at| *at > history[0].at) {
                if failure < ends(since) {
                    // A failure in the source restarts the soak, and ends that of an automatic promotion.
                    if is_automatic {
                        return false;
                    }
                    since = failure;
                }
            }
            ends(since) <= time
        }
        // With the policy `in-order` the soak ends although a newer artifact is live.
        Some(at) if is_automatic => rules.in_order && ends(history[at].at) <= time,
        Some(at) => ends(history[at].at) <= history[at - 1].at,
        None => !is_automatic && is_named && soaks.is_zero() && left.iter().any(|one| one.is(resolved)),
    }
}

/// Whether each target of a source served its live code at some time between two journal indices.
fn has_not_drifted(
    source: &Timeline,
    targets: &[String],
    resolved: &ResolvedArtifact,
    (first, last): (usize, usize),
) -> bool {
    let live = source.state_at(first).history.into_iter().next();
    let object = (&resolved.artifact.key, &resolved.artifact.version_id);
    if live.is_none_or(|live| (&live.artifact.0, &live.artifact.1) != object) || resolved.sha256.is_none() {
        return true;
    }
    targets.iter().all(|place| source.served(place, first, last).contains(&resolved.sha256))
}
