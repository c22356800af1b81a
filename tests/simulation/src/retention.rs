//! Checks that no promotion is lost and none is made up: each that waited ends, a success requests the next one, a
//! promotion that nothing stands against arrives, and a repeated request is the same promotion.
//!
//! Must not know how the deployer evaluates a promotion.

use deployer_core::group::Group;
use deployer_core::record::{CauseKind, Code, DeploymentRecord, Status};

use super::case::Case;
use super::commands::CommandKind;
use super::promotion_rules::Rules;
use super::reasons::is_promotion;
use super::requests::{self, PlannedRequest};
use super::rule::{Rule, Violation};
use super::runner::Runner;
use super::timeline::{LiveEntry, Timeline};

type Replayed<'a> = (Case<'a>, Timeline);
type Report<'s> = &'s mut dyn FnMut(Rule, String);

pub(super) fn check(runner: &Runner<'_>, replayed: &[Replayed<'_>], found: &mut Vec<Violation>) {
    for to in replayed {
        let (case, timeline) = to;
        let mut report = |rule, text: String| {
            let text = format!("{}/{}: {text}", case.environment.name, case.function);
            found.push(Violation { rule, found: text });
        };
        for id in timeline.waited.keys() {
            match case.record(*id) {
                Some(record) if record.status.is_ended() => {}
                Some(record) => report(Rule::PromotionsEnd, format!("{id} waited, and is {}", record.status)),
                None => report(Rule::PromotionsEnd, format!("{id} waited, and has no record")),
            }
        }
        for (number, request) in runner.scenario.requests.iter().enumerate() {
            if request.to == case.environment.name && request.functions.iter().any(|name| name == case.function) {
                let source = replayed.iter().find(|(source, _)| source.environment.name == request.from);
                check_one_record(runner, case, (number, request), source, &mut report);
            }
        }
        let Some(rules) = &case.environment.rules else { continue };
        let sources: Vec<&Replayed<'_>> =
            replayed.iter().filter(|(source, _)| rules.from.contains(&source.environment.name)).collect();
        for record in case.records().filter(|record| is_promotion(record.cause.kind)) {
            if !record.status.is_ended() {
                report(Rule::PromotionsEnd, format!("the record of {} says {}", record.id, record.status));
            }
            check_reason(runner, to, rules, &sources, record, &mut report);
        }
        if rules.automatic {
            for (source, _) in &sources {
                check_called_for(to, rules, source, &mut report);
            }
            check_arrival(to, rules, &sources, &mut report);
        }
    }
}

/// Whether a promotion was the member of a group that has ended undecided, for whatever reason.
fn is_of_undecided_group(runner: &Runner<'_>, case: &Case<'_>, record: &DeploymentRecord) -> bool {
    let Some(id) = record.promotion.as_ref().and_then(|promotion| promotion.group) else { return false };
    let key = format!("groups/ended/{}/{id}.json", case.environment.name);
    let group: Option<Group> = runner.world.aws(|aws| serde_json::from_slice(aws.ledger.get(&key)?).ok());
    group.is_some_and(|group| group.decided_at.is_none())
}

/// Checks that a request has one record, however often its event arrived, and that a mere replay from an archive
/// deployed nothing.
fn check_one_record(
    runner: &Runner<'_>,
    case: &Case<'_>,
    (number, request): (usize, &PlannedRequest),
    source: Option<&Replayed<'_>>,
    report: Report<'_>,
) {
    let name = requests::name(number);
    let its = |record: &&DeploymentRecord| {
        let kind = record.cause.kind == CauseKind::Promotion;
        // Copies with other ids are recognized by their beginning.
        let id = record.cause.event_id.as_deref().unwrap_or_default();
        kind && (id == name || id.strip_prefix(&name).is_some_and(|rest| rest.starts_with('-')))
    };
    let records: Vec<&DeploymentRecord> = case.records().filter(its).collect();
    if records.len() > 1 {
        report(Rule::OneRecordPerRequest, format!("{name} has {} records", records.len()));
    }
    let arrives = request.arrivals.iter().any(|arrival| !arrival.is_lost);
    // A function that was live in the source before the event was sent is known, so its requests leave a record.
    let was_live = || {
        let sent = runner.sent.get(&number);
        let since = source.and_then(|(_, source)| source.first_live());
        sent.zip(since).is_some_and(|(sent, since)| since < *sent)
    };
    let is_unknown = runner.unknown_requests.contains(&number) && !was_live();
    if records.is_empty() && arrives && !request.each && request.functions.len() == 1 && !is_unknown {
        report(Rule::OneRecordPerRequest, format!("{name} was sent, and nobody knows it"));
    }
    let is_live = |record: &&&DeploymentRecord| matches!(record.status, Status::Succeeded | Status::Unchanged);
    if request.is_old()
        && let Some(record) = records.iter().find(is_live)
    {
        report(
            Rule::ReplaysPromoteNothing,
            format!("{name} only ever came from an archive, and {} {}", record.id, record.status),
        );
    }
    for (_, answer) in runner.request_records.iter().filter(|(answered, _)| *answered == number) {
        if answer.status.is_ended() && answer.function.as_str() == case.function && !records.contains(&answer) {
            report(
                Rule::OneRecordPerRequest,
                format!("{name} was answered with {}, its record says otherwise", answer.status),
            );
        }
    }
}

/// Checks that a promotion that did not come in was refused or superseded for a reason that exists in the scenario.
fn check_reason(
    runner: &Runner<'_>,
    (case, timeline): &Replayed<'_>,
    rules: &Rules,
    sources: &[&Replayed<'_>],
    record: &DeploymentRecord,
    report: Report<'_>,
) {
    let is_automatic = record.cause.kind == CauseKind::AutomaticPromotion;
    let rejected = || case.has_command(CommandKind::rejects);
    let held = || case.has_command(|command| *command == CommandKind::Hold);
    let went_back = |timeline: &Timeline| timeline.states.iter().any(|(_, state)| !state.left.is_empty());
    let disturbed =
        || sources.iter().any(|(case, timeline)| case.is_changed_by_others() || !timeline.failures.is_empty());
    let gone = || sources.iter().any(|(_, source)| went_back(source));
    let finished = record.finished_at.unwrap_or(record.started_at);
    let frozen = || rules.refuses && rules.was_frozen(record.started_at, finished);
    let declined = || {
        let group = record.promotion.as_ref().and_then(|promotion| promotion.group);
        runner.votes.iter().any(|vote| !vote.approves && [Some(record.id), group].contains(&Some(vote.deployment)))
    };
    let has_reason = match (record.status, record.code) {
        (Status::Refused, Some(Code::Held)) => held(),
        (Status::Refused, Some(Code::Rejected)) => rejected(),
        (Status::Refused, Some(Code::SoakCancelled)) => is_automatic && (held() || rejected() || gone() || disturbed()),
        (Status::Refused, Some(Code::NotLive)) => !is_automatic || gone(),
        (Status::Refused, Some(Code::Expired)) => !is_automatic || rules.approval.is_some(),
        (Status::Refused, Some(Code::NotPromotable)) if is_automatic => {
            went_back(timeline) || frozen() || declined() || disturbed()
        }
        (Status::Superseded, _) if is_of_undecided_group(runner, case, record) => true,
        (Status::Superseded, _) => case.records().count() > 1 || sources.iter().any(|(_, source)| changed(source)),
        _ => true,
    };
    if !has_reason {
        let because = record.because.as_deref().unwrap_or_default();
        report(Rule::PromotionsEnd, format!("{} was {} without a reason: {because}", record.id, record.status));
    }
}

fn changed(source: &Timeline) -> bool {
    source.states.last().is_some_and(|(_, state)| state.history.len() + state.left.len() > 1)
}

/// Checks that every success in a source has requested a promotion, unless the artifact was there already.
fn check_called_for((case, timeline): &Replayed<'_>, rules: &Rules, source: &Case<'_>, report: Report<'_>) {
    if rules.from.len() > 1 && !rules.any {
        // The last source to succeed requests it: `check_arrival` checks these.
        return;
    }
    for success in source.records().filter(|record| calls(record)) {
        let id = success.id.to_string();
        let called = case.records().any(|record| {
            record.cause.kind == CauseKind::AutomaticPromotion && record.cause.event_id.as_deref() == Some(&id)
        });
        let is_it = |one: &LiveEntry| {
            let artifact = success.artifact.as_ref();
            artifact.is_some_and(|artifact| {
                one.artifact.1 == artifact.version_id && one.artifact.0 == artifact.key
                    || (one.sha256.is_some() && one.sha256 == artifact.sha256)
            })
        };
        // The same bytes again request nothing: their promotion has the id of the deployment that brought them first.
        let same = |record: &DeploymentRecord| {
            let (one, other) = (record.artifact.as_ref(), success.artifact.as_ref());
            one.zip(other).is_some_and(|(one, other)| {
                one.reference() == other.reference() || (one.sha256.is_some() && one.sha256 == other.sha256)
            })
        };
        // The promotion has the id of the deployment that brought the artifact, even if that failed and this one
        // completes it.
        let brought: Vec<String> =
            source.records().filter(|record| same(record)).map(|record| record.id.to_string()).collect();
        let by_another = |record: &DeploymentRecord| {
            let by = record.cause.event_id.as_ref().filter(|_| record.cause.kind == CauseKind::AutomaticPromotion);
            by.is_some_and(|by| brought.iter().any(|id| *by == id.as_str()))
        };
        let called = called || case.records().any(by_another);
        let called =
            called || case.records().any(|record| record.cause.kind == CauseKind::AutomaticPromotion && same(record));
        let was_there = timeline.states.iter().any(|(_, state)| state.history.first().is_some_and(is_it));
        // An artifact that is live already was complete before, or its promotion has the id of the deployment that
        // brought it.
        let was_live = success.status == Status::Unchanged;
        if !called && !was_there && !was_live {
            report(
                Rule::PromotionsArrive,
                format!("{id} {} in {}, and called for nothing", success.status, source.environment.name),
            );
        }
    }
}

/// Whether a deployment requests the promotions that follow it.
pub(super) fn calls(record: &DeploymentRecord) -> bool {
    use CauseKind::{AutomaticPromotion, Deploy, Promotion, Upload};
    let is_live = matches!(record.status, Status::Succeeded | Status::Unchanged);
    is_live && matches!(record.cause.kind, Upload | Deploy | Promotion | AutomaticPromotion)
}

/// Checks that the live artifact of the sources is live here in the end, unless something has interfered.
fn check_arrival((case, timeline): &Replayed<'_>, rules: &Rules, sources: &[&Replayed<'_>], report: Report<'_>) {
    let scenario = case.scenario;
    let is_requested = |request: &PlannedRequest| request.to == case.environment.name;
    let went_back = |timeline: &Timeline| timeline.states.iter().any(|(_, state)| !state.left.is_empty());
    let is_disturbed = |(case, timeline): &Replayed<'_>| {
        case.is_changed_by_others() || !timeline.failures.is_empty() || went_back(timeline)
    };
    let is_steered_here =
        !case.commands.is_empty() || case.has_command(CommandKind::rejects) || !case.uploads.is_empty();
    let is_disturbed_here = case.is_changed_by_others() || !timeline.failures.is_empty() || went_back(timeline);
    let may_refuse = rules.approval.is_some() || (rules.refuses && !rules.frozen.is_empty());
    if is_steered_here || is_disturbed_here || may_refuse || scenario.requests.iter().any(is_requested) {
        return;
    }
    let lives: Vec<Option<&LiveEntry>> = sources.iter().map(|(_, source)| source.live()).collect();
    let Some(Some(first)) = lives.first() else { return };
    let all_alike = lives.iter().all(|live| live.is_some_and(|live| live.is_same_artifact(first)));
    if !all_alike || sources.iter().any(|source| is_disturbed(source)) {
        return;
    }
    if timeline.live().is_none_or(|live| !live.is_same_artifact(first)) {
        let live = timeline.live().map(|live| &live.release);
        let from: Vec<&str> = rules.from.iter().map(String::as_str).collect();
        report(
            Rule::PromotionsArrive,
            format!("{} have {} live, and {live:?} is live here", from.join(" and "), first.release),
        );
    }
}
