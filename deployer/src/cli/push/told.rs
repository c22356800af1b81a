//! How a deployment ended, in words: a line for the whole, one for each target.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use deployer_core::record::{DeploymentRecord, Status, TargetOutcome};

use super::super::answer::one_line;

/// A record for people.
pub(in super::super) fn text(record: &DeploymentRecord) -> String {
    let DeploymentRecord { id, environment, function, release, because, .. } = record;
    let release = release.as_ref().map_or(String::new(), |release| format!("/{release}"));
    let took = record.finished_at.map(|end| end.duration_since(record.started_at).as_secs());
    let took = took.map_or(String::new(), |seconds| format!(" after {seconds} s"));
    let mut text = format!("{environment}/{function}{release}: {}{took}, deployment {id}\n", status(record.status));
    // Targets have their own words.
    let has_errors = record.targets.iter().any(|target| target.error.is_some());
    if let Some(because) = because.as_ref().filter(|_| !has_errors) {
        let code = record.code.map_or(String::new(), |code| format!("{code:?}: "));
        let _always = writeln!(text, "  {code}{}", one_line(because));
    }
    for target in &record.targets {
        let _always = writeln!(text, "  {}", line(target));
    }
    text
}

fn line(target: &TargetOutcome) -> String {
    let TargetOutcome { account, region, version, previous, error, .. } = target;
    let version = version.as_ref().map_or(String::new(), |version| format!(", version {version}"));
    let previous = previous.as_ref().map_or(String::new(), |previous| format!(" (before: {})", previous.version));
    let error =
        error.as_ref().map_or(String::new(), |error| format!(", {:?}: {}", error.code, one_line(&error.to_string())));
    format!("{account}/{region}: {}{version}{previous}{error}", status(target.status))
}

pub(in super::super) fn status(status: Status) -> String {
    let colour = match status {
        Status::Succeeded | Status::Unchanged => AnsiColor::Green,
        Status::Pending | Status::InProgress | Status::Superseded => AnsiColor::Yellow,
        Status::Refused | Status::Failed | Status::RolledBack => AnsiColor::Red,
    };
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{status}{style:#}")
}
