//! The detailed status of a function, environment by environment.

use anstyle::Style;
use deployer_core::config::Target;
use deployer_core::hold_and_reject::{Hold, Reject};
use deployer_core::id::{DeploymentId, FunctionName};
use deployer_core::identity::Principal;
use deployer_core::status::{
    Behind, DoorStatus, FunctionStatus, LastFailed, LiveStatus, StatusReport, TakenBack, TargetStatus, WaitingStatus,
};
use deployer_core::text::{Person, counted};
use jiff::Timestamp;

use super::table::functions_in_order;
use super::{rollout, serving};
use crate::answer::{by_whom, one_line, sentence};
use crate::text::ago::{ago, since, until};
use crate::text::came_with::CameWith;
use crate::text::colours;
use crate::text::width::{width, with_words_cut, wrapped};
use crate::verbs::plan::text::exceptions;

/// The columns of the words that begin a line.
const INDENT: usize = 11;
/// Marks that ask somebody to look.
const MARKS: [&str; 5] = ["behind", "held", "late", "partly", "split"];

/// Writes the status for a terminal of so many columns, each function in the order of promotion.
pub(super) fn text(report: &StatusReport, now: Timestamp, columns: Option<usize>) -> String {
    if report.functions.is_empty() && report.unreadable.is_empty() {
        return "nothing is live, under way or held here\n".to_owned();
    }
    let mut text: String = functions_in_order(report).into_iter().map(|status| one(status, now, columns)).collect();
    // A reject concerns the function in all environments, so it is printed once.
    let mut printed = Vec::new();
    for status in &report.functions {
        for reject in &status.rejects {
            if !printed.contains(&(&status.function, &reject.release)) {
                printed.push((&status.function, &reject.release));
                text.push_str(&lines(&rejected(status, reject, now), columns, 2));
                text.push_str(&recall(report, (&status.function, reject), columns));
            }
        }
    }
    text
}

/// Wraps a line that is longer than the terminal, and cuts a name in the middle that no line has room for.
fn lines(text: &str, columns: Option<usize>, indent: usize) -> String {
    let columns = columns.unwrap_or(usize::MAX);
    let lines = wrapped(&with_words_cut(text, columns.saturating_sub(indent)), columns, indent);
    lines.into_iter().map(|line| line + "\n").collect()
}

/// Writes the status of a function in one environment.
pub(crate) fn one(status: &FunctionStatus, now: Timestamp, columns: Option<usize>) -> String {
    let (bold, yellow, red) = (Style::new().bold(), colours::ATTENTION, colours::BAD);
    let mut text = format!("{bold}{} in {}{bold:#}\n", status.function, status.environment);
    let mut say = |what: &str, words: String| {
        // The mark has the colour, and the sentence that of the terminal: some colours are hard to read in long texts.
        let colour = if MARKS.contains(&what) { yellow } else { Style::new() };
        text.push_str(&lines(&format!("  {colour}{what:<8}{colour:#} {words}"), columns, INDENT));
    };
    match &status.live {
        None => say("live", "nothing".to_owned()),
        Some(live) => {
            let rejected = if status.rejected { format!(", {red}rejected{red:#}") } else { String::new() };
            let partly = if live.complete { String::new() } else { format!(", {yellow}incomplete{yellow:#}") };
            let words = format!("{}{rejected}{partly}, {}", live.release, brought(live, now));
            say("live", words);
        }
    }
    if let Some(came_with) = CameWith::of_live(status) {
        say("with", came_with.told());
    }
    let rolls_out = serving::targets(status);
    let in_rollout = |target: &Target| {
        status.rollout.as_ref().is_some_and(|rollout| rollout.targets.iter().any(|one| one.target == *target))
    };
    // The ledger has what a target served before its rollout.
    for target in status.targets.iter().filter(|target| !in_rollout(&target.target)) {
        let version = target.version.as_ref().map_or("nothing known".to_owned(), |v| format!("version {v}"));
        let release = match &target.release {
            Some(release) => format!(" ({release})"),
            None if target.version.is_none() => String::new(),
            None => " (from before the deployer)".to_owned(),
        };
        let differs =
            if target.differs { format!(", {yellow}differs from what is live{yellow:#}") } else { String::new() };
        let rejected = if target.rejected { format!(", {red}rejected{red:#}") } else { String::new() };
        let taken_back = taken_back_there(status, target);
        say("target", format!("{}: {version}{release}{rejected}{differs}{taken_back}", target.target));
    }
    for line in rolls_out {
        say("target", line);
    }
    if let Some(live) = &status.live {
        for (what, targets) in [("has not reached", &live.missing), ("was not brought yet to", &live.added)] {
            if !targets.is_empty() {
                let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
                say("partly", format!("{} {what} {}", live.release, targets.join(", ")));
            }
        }
    }
    if let Some(releases) = status.split() {
        let releases: Vec<&str> = releases.iter().map(|release| release.as_str()).collect();
        say("split", format!("targets serve {}", releases.join(", ")));
    }
    if let Some(LastFailed { deployment, at }) = status.last_failed {
        let at = since(at, now);
        say("failed", format!("{red}the last deployment has failed at {at}{red:#}, deployment {deployment}"));
    }
    if let Some(TakenBack { release, deployment, at }) = &status.taken_back {
        let at = since(*at, now);
        say("back", format!("{yellow}{release} was taken back{yellow:#} at {at}, deployment {deployment}"));
    }
    let stays =
        status.rollout.is_some() && status.live.as_ref().map(|live| &live.release) == status.rollback_to.as_ref();
    if let (Some(rollout), Some(release), true) = (&status.rollout, &status.rollback_to, stays) {
        say("rollback", format!("takes {} back, and {release} stays live", rollout::release(rollout)));
    } else if let Some(release) = &status.rollback_to {
        let stops = status.rollback.as_ref().and_then(|rollback| rollback.stops);
        let stops = stops.map_or(String::new(), |id| format!(", and stops deployment {id}"));
        say("before", format!("{release}: a rollback goes back to it{stops}"));
    }
    if let Some(id) = status.active {
        // The rollout has lines of its own.
        let because = status.active_because.as_deref().filter(|_| status.rollout.is_none());
        say(
            "active",
            format!("deployment {id}{}", because.map_or(String::new(), |words| format!(": {}", sentence(words)))),
        );
    }
    if let Some(rollout) = &status.rollout {
        say("rollout", rollout::doing(rollout, now));
        for line in rollout::lines(rollout) {
            say("", line);
        }
    }
    if let Some(id) = status.pending {
        let behind = status.active.map_or(String::new(), |active| format!(": waits for deployment {active} to end"));
        say("pending", format!("deployment {id}{behind}"));
    }
    if let Some(Hold { reason, requested_by, principal, since: began, .. }) = &status.hold {
        let by = by_text(requested_by.as_deref(), principal.as_ref());
        let since = since(*began, now);
        say("held", format!("since {since}{by}: {}", one_line(reason)));
    }
    for DoorStatus { target, version, until: end, deployment, .. } in
        status.doors.iter().filter(|door| now < door.until)
    {
        let version = version.as_ref().map_or("another version".to_owned(), |version| format!("version {version}"));
        let until = until(*end, now);
        let words =
            format!("{target}: a write of deployment {deployment} may still move the alias to {version} until {until}");
        say("late", words);
    }
    for waiting in &status.waiting {
        for line in waiting_lines(waiting, now) {
            say("waiting", line);
        }
    }
    for behind in &status.behind {
        say("behind", behind_text(behind, now));
    }
    text.push_str(&approvals(status, columns));
    for (action, command) in rollout::commands(status, "") {
        text.push_str(&command_line(action, &command, columns));
    }
    text
}

/// Says what to do about a target that still serves the release which was left last; nothing for any other target.
fn taken_back_there(status: &FunctionStatus, target: &TargetStatus) -> String {
    let left = status.left.as_ref().filter(|left| target.differs && Some(&left.release) == target.release.as_ref());
    match (left, &status.live) {
        (Some(_), Some(live)) if status.active.is_none() => {
            format!(": it gets all traffic there, and a redeploy brings {} back", live.release)
        }
        _ => String::new(),
    }
}

/// Writes the command that rolls a rejected release back, where it is still live, by its name or its code.
fn recall(report: &StatusReport, (function, reject): (&FunctionName, &Reject), columns: Option<usize>) -> String {
    let Reject { release, sha256, .. } = reject;
    let is_it =
        |live: &LiveStatus| live.release == *release || live.sha256.is_some_and(|of_live| sha256.contains(&of_live));
    let is_live = |status: &FunctionStatus| {
        let serves = status.targets.iter().any(|target| target.release.as_ref() == Some(release));
        serves || status.live.as_ref().is_some_and(is_it)
    };
    match report.functions.iter().any(|status| status.function == *function && is_live(status)) {
        true => command_line("recall", &format!("deployctl recall -f {function} -r {release}"), columns),
        false => String::new(),
    }
}

/// Writes a command behind its word. A long one begins a line, so that it can be copied.
pub(super) fn command_line(word: &str, command: &str, columns: Option<usize>) -> String {
    let is_long = columns.is_some_and(|columns| INDENT + width(command) > columns);
    if is_long { format!("  {word}\n{command}\n") } else { format!("  {word:<8} {command}\n") }
}

/// Writes the commands that approve what waits, each whole, so that it can be copied. A long one begins a line.
fn approvals(status: &FunctionStatus, columns: Option<usize>) -> String {
    let mut text = String::new();
    for waiting in status.waiting.iter().filter(|waiting| waiting.wait.approvals_wanted > 0 && !waiting.rejected) {
        let (environment, function, deployment) = (&status.environment, &status.function, waiting.deployment);
        let command = format!("deployctl approve -e {environment} -f {function} --deployment {deployment}");
        text.push_str(&command_line("approve", &command, columns));
    }
    text
}

/// Describes a waiting promotion: its release, what it waits for, and who has approved it.
fn waiting_lines(waiting: &WaitingStatus, now: Timestamp) -> Vec<String> {
    let WaitingStatus { deployment, from, release, requested_by, since, approvals, because, .. } = waiting;
    let release = release.as_ref().map_or("-", |release| release.as_str());
    let because = if waiting.rejected { "is rejected: it ends with the next sweep" } else { because.as_str() };
    let because = sentence(because);
    let by = by_whom(requested_by.as_deref());
    let mut lines =
        vec![format!("{release} from {from} {because} (asked for {}{by}, deployment {deployment})", ago(*since, now))];
    let (skipped, overridden) = (waiting.rollout_skipped.as_ref(), waiting.freeze_overridden.as_ref());
    lines.extend(exceptions(skipped, overridden).map(|(what, words)| format!("{what} {words}")));
    lines.extend((!approvals.is_empty()).then(|| {
        let by: Vec<String> = approvals.iter().map(|given| one_line(&given.by)).collect();
        format!("approved by {}", by.join(" and "))
    }));
    lines
}

/// Writes how far the function is behind an environment that it is promoted from.
fn behind_text(behind: &Behind, now: Timestamp) -> String {
    let Behind { environment, release, releases, ahead_since, rejected, rolled_back, .. } = behind;
    let rejected = match (rejected, rolled_back) {
        (false, false) => "",
        (true, false) => " (rejected)",
        (false, true) => " (rolled back here)",
        (true, true) => " (rejected, and rolled back here)",
    };
    let releases = counted(*releases, "release");
    format!("{environment} by {releases} since {}: it has {release}{rejected}", since(*ahead_since, now))
}

fn rejected(status: &FunctionStatus, reject: &Reject, now: Timestamp) -> String {
    let red = colours::BAD;
    let by = by_text(reject.requested_by.as_deref(), reject.principal.as_ref());
    let since = since(reject.since, now);
    let (function, release, reason) = (&status.function, &reject.release, one_line(&reject.reason));
    format!("{red}rejected{red:#}: release {release} of {function}, since {since}{by}: {reason}")
}

/// Says by which deployment a release is live, and by which one its code, if that had another release before.
fn brought(live: &LiveStatus, now: Timestamp) -> String {
    let deployment = |at: Timestamp, by: Option<&Person>, approved: &[Person], id: DeploymentId| {
        let by = by_whom(by.map(Person::as_str));
        format!("since {}{by}{}, deployment {id}", since(at, now), approved_text(approved))
    };
    let code = deployment(live.since, live.by.as_ref(), &live.approved_by, live.deployment);
    let Some(renamed) = &live.renamed else { return code };
    let first =
        renamed.first.as_ref().map_or("under another name before".to_owned(), |first| format!("as {first} before"));
    let renamed = deployment(renamed.since, renamed.by.as_ref(), &live.renamed_approved_by, renamed.deployment);
    format!("{renamed}; the same code is live {code}, {first}")
}

/// Names those who approved what is live.
fn approved_text(by: &[Person]) -> String {
    let by: Vec<String> = by.iter().map(|who| one_line(who)).collect();
    if by.is_empty() { String::new() } else { format!(", approved by {}", by.join(" and ")) }
}

/// Names who asked: as they say, and as AWS has proven.
fn by_text(requested_by: Option<&str>, principal: Option<&Principal>) -> String {
    let by = by_whom(requested_by);
    principal.map_or(by.clone(), |principal| format!("{by} ({principal})"))
}
