//! The detailed status of a function, environment by environment.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use deployer_core::hold_and_reject::{Hold, Reject};
use deployer_core::identity::Principal;
use deployer_core::status::{Behind, DoorStatus, FunctionStatus, LastFailed, StatusReport, WaitingStatus};
use jiff::Timestamp;

use super::super::answer::one_line;
use crate::ago::ago;

pub(super) fn text(report: &StatusReport, now: Timestamp) -> String {
    if report.functions.is_empty() && report.unreadable.is_empty() {
        return "nothing is known of it here: nothing was deployed, and nothing is held\n".to_owned();
    }
    let mut text: String = report.functions.iter().map(|status| one(status, now)).collect();
    // A reject concerns the function in all environments, so it is printed once.
    let mut printed = Vec::new();
    for status in &report.functions {
        for reject in &status.rejects {
            if !printed.contains(&(&status.function, &reject.release)) {
                printed.push((&status.function, &reject.release));
                let _always = writeln!(text, "{}", rejected(status, reject));
            }
        }
    }
    text
}

/// Writes the status of a function in one environment.
pub(crate) fn one(status: &FunctionStatus, now: Timestamp) -> String {
    let (bold, yellow, red) = (Style::new().bold(), AnsiColor::Yellow.on_default(), AnsiColor::Red.on_default());
    let mut text = format!("{bold}{} in {}{bold:#}\n", status.function, status.environment);
    let mut say = |what: &str, words: String| {
        let _always = writeln!(text, "  {what:<8} {words}");
    };
    match &status.live {
        None => say("live", "nothing".to_owned()),
        Some(live) => {
            let by = live.by.as_deref().map_or(String::new(), |by| format!(" by {}", one_line(by)));
            let rejected = if status.rejected { format!(", {red}rejected{red:#}") } else { String::new() };
            let partly = if live.complete { String::new() } else { format!(", {yellow}incomplete{yellow:#}") };
            let since = live.since.strftime("%Y-%m-%d %H:%M:%SZ");
            let ago = ago(live.since, now);
            say(
                "live",
                format!(
                    "{}{rejected}{partly}, since {since} ({ago}){by}, deployment {}",
                    live.release, live.deployment
                ),
            );
        }
    }
    for target in &status.targets {
        let version = target.version.as_ref().map_or("nothing known".to_owned(), |v| format!("version {v}"));
        let release = match &target.release {
            Some(release) => format!(" ({release})"),
            None if target.version.is_none() => String::new(),
            None => " (from before the deployer)".to_owned(),
        };
        let differs =
            if target.differs { format!(", {yellow}differs from what is live{yellow:#}") } else { String::new() };
        let rejected = if target.rejected { format!(", {red}rejected{red:#}") } else { String::new() };
        say("target", format!("{}: {version}{release}{rejected}{differs}", target.target));
    }
    if let Some(live) = &status.live {
        for (what, targets) in [("has not reached", &live.missing), ("was not brought yet to", &live.added)] {
            if !targets.is_empty() {
                let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
                say("partly", format!("{yellow}{} {what} {}{yellow:#}", live.release, targets.join(", ")));
            }
        }
    }
    if let Some(releases) = status.split() {
        let releases: Vec<&str> = releases.iter().map(|release| release.as_str()).collect();
        say("split", format!("{yellow}targets serve {}{yellow:#}", releases.join(", ")));
    }
    if let Some(LastFailed { deployment, at }) = status.last_failed {
        let at = at.strftime("%Y-%m-%d %H:%M:%SZ");
        say("failed", format!("{red}the last deployment has failed at {at}{red:#}, deployment {deployment}"));
    }
    if let Some(release) = &status.rollback_to {
        let stops = status.rollback.as_ref().and_then(|rollback| rollback.stops);
        let stops = stops.map_or(String::new(), |id| format!(", and stops deployment {id}"));
        say("before", format!("{release}: a rollback goes back to it{stops}"));
    }
    if let Some(id) = status.active {
        let because = status.active_because.as_deref();
        say(
            "active",
            format!("deployment {id}{}", because.map_or(String::new(), |words| format!(": {}", one_line(words)))),
        );
    }
    if let Some(id) = status.pending {
        let behind = status.active.map_or(String::new(), |active| format!(": waits for deployment {active} to end"));
        say("pending", format!("deployment {id}{behind}"));
    }
    if let Some(Hold { reason, requested_by, principal, since, .. }) = &status.hold {
        let by = by_text(requested_by.as_deref(), principal.as_ref());
        let since = since.strftime("%Y-%m-%d %H:%M:%SZ");
        say("held", format!("{yellow}since {since}{by}: {}{yellow:#}", one_line(reason)));
    }
    for DoorStatus { target, version, until, deployment, .. } in status.doors.iter().filter(|door| now < door.until) {
        let version = version.as_ref().map_or("another version".to_owned(), |version| format!("version {version}"));
        let until = until.strftime("%Y-%m-%d %H:%M:%SZ");
        let words =
            format!("{target}: a write of deployment {deployment} may still move the alias to {version} until {until}");
        say("late", format!("{yellow}{words}{yellow:#}"));
    }
    for waiting in &status.waiting {
        for line in waiting_lines(status, waiting, now) {
            say("waiting", line);
        }
    }
    for behind in &status.behind {
        say("behind", format!("{yellow}{}{yellow:#}", behind_text(behind, now)));
    }
    text
}

/// Describes a waiting promotion: its release, what it waits for, and the command that approves it.
fn waiting_lines(status: &FunctionStatus, waiting: &WaitingStatus, now: Timestamp) -> Vec<String> {
    let WaitingStatus { deployment, from, release, requested_by, since, approvals, wait, because } = waiting;
    let release = release.as_ref().map_or("-", |release| release.as_str());
    let by = requested_by.as_deref().map_or(String::new(), |by| format!(" by {}", one_line(by)));
    let mut lines =
        vec![format!("{release} from {from} {because} (asked for {}{by}, deployment {deployment})", ago(*since, now))];
    lines.extend((!approvals.is_empty()).then(|| {
        let by: Vec<String> = approvals.iter().map(|given| one_line(&given.by)).collect();
        format!("approved by {}", by.join(" and "))
    }));
    lines.extend((wait.approvals_wanted > 0).then(|| {
        format!("deployctl approve -e {} -f {} --deployment {deployment}", status.environment, status.function)
    }));
    lines
}

/// Writes how far the function is behind an environment that it is promoted from.
fn behind_text(behind: &Behind, now: Timestamp) -> String {
    let Behind { environment, release, releases, ahead_since, .. } = behind;
    let releases = if *releases == 1 { "1 release".to_owned() } else { format!("{releases} releases") };
    let since = ahead_since.strftime("%Y-%m-%d %H:%M:%SZ");
    format!("{environment} by {releases} since {since} ({}): it has {release}", ago(*ahead_since, now))
}

fn rejected(status: &FunctionStatus, reject: &Reject) -> String {
    let red = AnsiColor::Red.on_default();
    let by = by_text(reject.requested_by.as_deref(), reject.principal.as_ref());
    let since = reject.since.strftime("%Y-%m-%d %H:%M:%SZ");
    let (function, release, reason) = (&status.function, &reject.release, one_line(&reject.reason));
    format!("{red}rejected{red:#}: release {release} of {function}, since {since}{by}: {reason}")
}

/// Names who asked: as they say, and as AWS has proven.
fn by_text(requested_by: Option<&str>, principal: Option<&Principal>) -> String {
    let by = requested_by.map_or(String::new(), |by| format!(" by {}", one_line(by)));
    principal.map_or(by.clone(), |principal| format!("{by} ({principal})"))
}
