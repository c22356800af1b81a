//! What was told on the bus: every start and every end, at least once, and nothing that never was.
//!
//! Must not know: how an event is made.

use std::collections::BTreeSet;

use deployer_core::record::{CauseKind, DeploymentRecord, Status};
use serde_json::Value;

use super::case::Case;
use super::reasons::is_promotion;
use super::stage::Stage;
use super::story::Story;
use super::violation::{Rule, Violation};

pub(super) fn judge(stage: &Stage<'_>, told: &[(Case<'_>, Story)], found: &mut Vec<Violation>) {
    if !stage.scene.has_bus {
        return;
    }
    let events = stage.world.aws(|aws| aws.events.clone());
    for (case, story) in told {
        let (environment, function) = (case.environment.name.as_str(), case.function);
        let mut say = |text: String| {
            let text = format!("{environment}/{function}: {text}");
            found.push(Violation { rule: Rule::Told, found: text });
        };
        let here = events.iter().filter(|event| {
            let detail = &event.detail;
            detail["environment"] == environment && detail["function"] == function && detail["id"].is_string()
        });
        let mut heard: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
        for event in here {
            let text = |field: &str| event.detail[field].as_str().unwrap_or_default();
            let known = (text("id"), text("status"), event.announces.detail_type());
            if heard.insert(known) {
                is_true(case, story, known, &event.detail, &mut say);
            }
        }
        for record in case.records().filter(|record| record.status.is_ended()) {
            let id = record.id.to_string();
            let is_told = |status: Status| heard.contains(&(id.as_str(), word(status), kind(record, status)));
            if !is_told(record.status) {
                say(format!("that {id} {} was never told", record.status));
            }
            // A rollback that had only to stop a deployment has tried nothing itself.
            let was_tried = matches!(record.status, Status::Succeeded | Status::Unchanged | Status::Failed)
                && record.artifact.is_some();
            if was_tried && story.begun.contains(&record.id) && !is_told(Status::InProgress) {
                say(format!("that {id} began was never told"));
            }
        }
    }
}

/// What an event says of a deployment was so, at some time.
fn is_true(
    case: &Case<'_>,
    story: &Story,
    (id, status, kind_told): (&str, &str, &str),
    detail: &Value,
    say: &mut dyn FnMut(String),
) {
    let Some(record) = case.records().find(|record| record.id.to_string() == id) else {
        return say(format!("{id} was told to be {status}, and nobody knows it"));
    };
    let was = match status {
        "pending" => story.waited.contains_key(&record.id),
        "in_progress" => story.begun.contains(&record.id),
        ended => word(record.status) == ended && detail["because"] == serde_json::json!(record.because),
    };
    let told = [Status::Pending, Status::InProgress, record.status].into_iter().find(|one| word(*one) == status);
    if !was || told.is_none_or(|told| kind(record, told) != kind_told) {
        say(format!("{id} was told as {kind_told:?}, {status}, and is {}", record.status));
    }
    if !detail["artifact"]["bucket"].is_null() {
        say(format!("{id} was told with its bucket"));
    }
}

fn word(status: Status) -> &'static str {
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

/// The detail-type that the contract has for it.
fn kind(record: &DeploymentRecord, status: Status) -> &'static str {
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
