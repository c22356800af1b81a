//! Checks the events on the bus: every start and every end at least once, and nothing else.
//!
//! Must not know how an event is made.

use std::collections::BTreeSet;

use deployer_core::record::{CauseKind, DeploymentRecord, Status};
use serde_json::Value;

use super::case::Case;
use super::reasons::is_promotion;
use super::rule::{Rule, Violation};
use super::runner::Runner;
use super::timeline::Timeline;

pub(super) fn check(runner: &Runner<'_>, replayed: &[(Case<'_>, Timeline)], found: &mut Vec<Violation>) {
    if !runner.scenario.has_bus {
        return;
    }
    let events = runner.world.aws(|aws| aws.events.clone());
    for (case, timeline) in replayed {
        let (environment, function) = (case.environment.name.as_str(), case.function);
        let mut report = |text: String| {
            let text = format!("{environment}/{function}: {text}");
            found.push(Violation { rule: Rule::EventsSent, found: text });
        };
        let here = events.iter().filter(|event| {
            let detail = &event.detail;
            detail["environment"] == environment && detail["function"] == function && detail["id"].is_string()
        });
        let mut events_seen: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
        for event in here {
            let text = |field: &str| event.detail[field].as_str().unwrap_or_default();
            let known = (text("id"), text("status"), event.announces.detail_type());
            if events_seen.insert(known) {
                check_event(case, timeline, known, &event.detail, &mut report);
            }
        }
        for record in case.records().filter(|record| record.status.is_ended()) {
            let id = record.id.to_string();
            let is_sent =
                |status: Status| events_seen.contains(&(id.as_str(), status_text(status), detail_type(record, status)));
            if !is_sent(record.status) && !is_told_by_its_group(record) {
                report(format!("no event says that {id} {}", record.status));
            }
            // A rollback that had only to stop a deployment has begun nothing itself.
            let was_tried = matches!(record.status, Status::Succeeded | Status::Unchanged | Status::Failed)
                && record.artifact.is_some();
            if was_tried && timeline.begun.contains(&record.id) && !is_sent(Status::InProgress) {
                report(format!("no event says that {id} began"));
            }
        }
    }
}

/// Whether the event of a group that has ended undecided has told of this end, too.
fn is_told_by_its_group(record: &DeploymentRecord) -> bool {
    let group = record.promotion.as_ref().and_then(|promotion| promotion.group);
    let ended = group.map(|id| format!("its group {id} has ended: "));
    ended.is_some_and(|ended| record.because.as_deref().is_some_and(|because| because.starts_with(&ended)))
}

/// Checks that an event describes a state that the deployment was in at some time.
fn check_event(
    case: &Case<'_>,
    timeline: &Timeline,
    (id, status, event_kind): (&str, &str, &str),
    detail: &Value,
    report: &mut dyn FnMut(String),
) {
    let Some(record) = case.records().find(|record| record.id.to_string() == id) else {
        return report(format!("an event says that {id} is {status}, and it has no record"));
    };
    // A rollout that waits tells of each move and each pause.
    if event_kind.starts_with("Rollout ") {
        if status != "in_progress" || !timeline.begun.contains(&record.id) {
            report(format!("an event says of {id} {event_kind:?}, {status}, and it is {}", record.status));
        }
        return;
    }
    let was = match status {
        "pending" => timeline.waited.contains_key(&record.id),
        "in_progress" => timeline.begun.contains(&record.id),
        ended => status_text(record.status) == ended && detail["because"] == serde_json::json!(record.because),
    };
    let known =
        [Status::Pending, Status::InProgress, record.status].into_iter().find(|one| status_text(*one) == status);
    if !was || known.is_none_or(|known| detail_type(record, known) != event_kind) {
        report(format!("an event says of {id} {event_kind:?}, {status}, and it is {}", record.status));
    }
    if !detail["artifact"]["bucket"].is_null() {
        report(format!("an event of {id} contains its bucket"));
    }
}

fn status_text(status: Status) -> &'static str {
    match status {
        Status::Pending => "pending",
        Status::InProgress => "in_progress",
        Status::Succeeded => "succeeded",
        Status::Unchanged => "unchanged",
        Status::Superseded => "superseded",
        Status::Refused => "refused",
        Status::Failed => "failed",
        Status::RolledBack => "rolled_back",
    }
}

/// Returns the detail-type that the contract has for a status.
fn detail_type(record: &DeploymentRecord, status: Status) -> &'static str {
    match status {
        Status::Pending => "Promotion Waiting",
        Status::InProgress => "Deployment Started",
        Status::Succeeded if record.cause.kind == CauseKind::Rollback => "Deployment Rolled Back",
        Status::Succeeded | Status::Unchanged => "Deployment Succeeded",
        Status::Superseded => "Deployment Superseded",
        Status::Refused if is_promotion(record.cause.kind) => "Promotion Refused",
        Status::Refused => "Deployment Refused",
        Status::Failed => "Deployment Failed",
        Status::RolledBack => "Deployment Rolled Back",
    }
}
