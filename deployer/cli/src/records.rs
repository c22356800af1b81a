//! The text of records, for people.

use std::fmt::Write as _;

use deployer_core::record::{DeploymentRecord, EndedWaiting, Status, TargetOutcome};

use super::answer::one_line;
use super::colours;

/// Writes a line for the deployment and one for each target.
pub(super) fn text(record: &DeploymentRecord) -> String {
    let DeploymentRecord { environment, function, release, .. } = record;
    let release = release.as_ref().map_or(String::new(), |release| format!("/{release}"));
    text_about(&format!("{environment}/{function}{release}"), record)
}

/// Writes the same, and names the deployment's subject in these words.
pub(super) fn text_about(what: &str, record: &DeploymentRecord) -> String {
    let id = record.id;
    let took = record.finished_at.map(|end| end.duration_since(record.started_at).as_secs());
    let took = took.map_or(String::new(), |seconds| format!(" after {seconds} s"));
    let mut text = format!("{what}: {}{took}, deployment {id}\n", status(record.status));
    // A failed target's line has its own reason.
    if record.targets.iter().all(|target| target.error.is_none())
        && let Some(because) = because(record)
    {
        let _always = writeln!(text, "  {because}");
    }
    for target in &record.targets {
        let _always = writeln!(text, "  {}", outcome(target));
    }
    for one in &record.ended_waiting {
        let _always = writeln!(text, "  {}", ended_waiting(one));
    }
    text
}

/// Writes a line for each target, or one for the deployment if no target was tried.
pub(super) fn lines(record: &DeploymentRecord) -> String {
    let what = format!("{}/{}", record.environment, record.function);
    let tried = record.targets.iter().any(|target| target.error.is_some() || target.version.is_some());
    if !tried {
        let because = because(record).map_or(String::new(), |because| format!(", {because}"));
        return format!("{what}: {}{because}\n", status(record.status));
    }
    record.targets.iter().map(|target| format!("{what}: {}\n", outcome(target))).collect()
}

/// Names a deployment that was ended while it waited, and what it waited for.
pub(super) fn ended_waiting(one: &EndedWaiting) -> String {
    let EndedWaiting { environment, deployment, release, from, waited } = one;
    let what = if from.is_some() { "promotion" } else { "deployment" };
    let of = release.as_ref().map_or(String::new(), |release| format!(" of {release}"));
    let from = from.as_ref().map_or(String::new(), |from| format!(" from {from}"));
    format!("ended: {what} {deployment}{of}{from} to {environment}, which waited {}", one_line(waited))
}

fn because(record: &DeploymentRecord) -> Option<String> {
    let because = one_line(record.because.as_deref()?);
    Some(record.code.map_or(because.clone(), |code| format!("{code:?}: {because}")))
}

fn outcome(target: &TargetOutcome) -> String {
    let TargetOutcome { account, region, version, previous, error, created, .. } = target;
    let created = if *created { ", a new function" } else { "" };
    let version = version.as_ref().map_or(String::new(), |version| format!(", version {version}"));
    let previous = previous.as_ref().map_or(String::new(), |previous| format!(" (before: {})", previous.version));
    let error =
        error.as_ref().map_or(String::new(), |error| format!(", {:?}: {}", error.code, one_line(&error.to_string())));
    format!("{account}/{region}: {}{created}{version}{previous}{error}", status(target.status))
}

/// Returns a status in its colour.
pub(super) fn status(status: Status) -> String {
    let style = match status {
        Status::Succeeded | Status::Unchanged => colours::GOOD,
        Status::Pending | Status::InProgress | Status::Superseded => colours::ATTENTION,
        Status::Refused | Status::Failed | Status::RolledBack => colours::BAD,
    };
    format!("{style}{status}{style:#}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::golden::plain;

    #[test]
    fn record_names_the_promotions_that_it_has_ended() {
        let record = serde_json::from_value(json!({
            "schema": 1, "id": "01JD3Z9V7Q0000000000000000", "environment": "prod", "function": "orders", "release": "1.5.0",
            "status": "pending", "code": "Waiting", "because": "waits for an approval", "artifact": null, "targets": [],
            "cause": {"kind": "promotion", "requested_by": "ann", "event_id": "r"},
            "ended_waiting": [{"environment": "prod", "deployment": "01JD3Z9V7Q0000000000000001", "release": "1.4.2",
                "from": "stage", "waited": "for 2 approvals"}],
            "started_at": "2026-11-30T12:00:00Z", "finished_at": null,
        }))
        .unwrap();
        assert_eq!(
            plain(&text(&record)),
            "prod/orders/1.5.0: pending, deployment 01JD3Z9V7Q0000000000000000\n  \
               Waiting: waits for an approval\n  \
               ended: promotion 01JD3Z9V7Q0000000000000001 of 1.4.2 from stage to prod, which waited for 2 approvals\n"
        );
    }
}
