//! Records of several deployments in words for people: as short as can be.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use deployer_core::record::{DeploymentRecord, Status, TargetOutcome};

use super::answer::one_line;

/// How a deployment went: a line for each target, or one for the whole where no target was tried.
pub(super) fn lines(record: &DeploymentRecord) -> String {
    let what = format!("{} in {}", record.function, record.environment);
    let style = style(record.status);
    let tried = record.targets.iter().any(|target| target.error.is_some() || target.version.is_some());
    let mut text = String::new();
    if !tried {
        let code = record.code.map(|code| format!(" ({code:?})")).unwrap_or_default();
        let because = record.because.as_deref().map(|because| format!(": {}", one_line(because))).unwrap_or_default();
        return format!("{what}: {style}{}{style:#}{code}{because}\n", record.status);
    }
    for target in &record.targets {
        let _infallible = writeln!(text, "{what}, {}: {}", target.target(), outcome(target));
    }
    text
}

fn outcome(target: &TargetOutcome) -> String {
    let style = style(target.status);
    let status = format!("{style}{}{style:#}", target.status);
    if let Some(error) = &target.error {
        return format!("{status} in step {}, {:?}: {}", error.step, error.code, one_line(&error.message));
    }
    let Some(version) = &target.version else { return status };
    let serves = format!("{status}, alias {} serves version {version}", target.alias);
    match &target.previous {
        Some(previous) if previous.version != *version => format!("{serves} (before: {})", previous.version),
        _ => serves,
    }
}

fn style(status: Status) -> Style {
    let color = match status {
        Status::Succeeded | Status::Unchanged => AnsiColor::Green,
        Status::Failed | Status::RolledBack | Status::Refused => AnsiColor::Red,
        Status::Superseded | Status::Pending | Status::InProgress => AnsiColor::Yellow,
    };
    color.on_default()
}
