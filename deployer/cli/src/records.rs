//! The text of records, for people.

use std::fmt::Write as _;

use deployer_core::record::{DeploymentRecord, Status, TargetOutcome};

use super::answer::one_line;
use super::colours;

/// Writes a line for the deployment and one for each target.
pub(super) fn text(record: &DeploymentRecord) -> String {
    let DeploymentRecord { id, environment, function, release, .. } = record;
    let release = release.as_ref().map_or(String::new(), |release| format!("/{release}"));
    let took = record.finished_at.map(|end| end.duration_since(record.started_at).as_secs());
    let took = took.map_or(String::new(), |seconds| format!(" after {seconds} s"));
    let mut text = format!("{environment}/{function}{release}: {}{took}, deployment {id}\n", status(record.status));
    // A failed target's line has its own reason.
    if record.targets.iter().all(|target| target.error.is_none())
        && let Some(because) = because(record)
    {
        let _always = writeln!(text, "  {because}");
    }
    for target in &record.targets {
        let _always = writeln!(text, "  {}", outcome(target));
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
