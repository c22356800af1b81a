//! The question before a recall: the environments that it moves, from which release to which.

use std::fmt::Write as _;

use deployer_core::hold_and_reject::Reject;
use deployer_core::id::{FunctionName, Release, Sha256};
use deployer_core::record::Status;
use deployer_core::status::{FunctionStatus, LiveStatus, OpenDeployment, StatusReport, WaitingStatus};
use deployer_core::text::counted;
use deployer_core::trigger::Command;
use deployer_engine::Recalled;

use crate::answer::{Answer, CliError, Exit, one_line, sentence};
use crate::remote::{self, newest_records, open_deployments};
use crate::text::came_with::CameWith;
use crate::text::confirm::{self, print_stderr};
use crate::text::ends;
use crate::text::hints::without_deployer;
use crate::verbs::status::functions_in_order;

/// Shows what the recall moves, and asks. Where it would do nothing, it is not asked: the answer says so.
///
/// # Errors
/// Nobody knows the function, nobody is at a terminal, what is live cannot be read, or the user does not confirm.
pub(crate) async fn confirm(
    remote: &remote::Options,
    (function, release): (&FunctionName, &Release),
    reason: Option<&str>,
) -> Result<Option<Answer>, CliError> {
    let status = Command::status(None, Some(function.clone()));
    let report = async { remote.remote().await?.send::<StatusReport>(&remote::request(status)).await };
    let report = match report.await {
        // A misspelt name comes before anything else.
        Err(wrong) if matches!(wrong.exit, Exit::WrongUse | Exit::Refused) => return Err(wrong),
        Ok(report) if does_nothing(&report, (function, release), reason) => {
            let text = format!("{}: there is nothing to recall\n", heading(&report, (function, release)));
            let (function, release) = (function.clone(), release.clone());
            let (environments, ended_waiting, replaced_reject) = Default::default();
            let recalled = Recalled { function, release, environments, ended_waiting, replaced_reject };
            return Ok(Some(Answer::with_text(text, &recalled, Exit::Done)));
        }
        _ if !confirm::is_possible() => {
            return Err(CliError::wrong_use("nobody is at a terminal who could confirm it: say --yes"));
        }
        Ok(report) => report,
        Err(unread) => {
            let hint = without_deployer(function, None);
            return Err(CliError {
                message: format!("what is live cannot be read, and nothing was recalled: {}\n  {hint}", unread.message),
                ..unread
            });
        }
    };
    if report.unreadable.is_empty() && moves(&report, (function, release)).is_empty() {
        ensure_known(remote, &report, function, release).await?;
    }
    print_stderr(&preview(&report, function, release))?;
    match confirm::is_given("Recall?", "nothing was recalled")? {
        true => Ok(None),
        false => Err(CliError::not_confirmed("nothing was recalled")),
    }
}

/// Finds the reject of the release.
fn reject_of<'a>(report: &'a StatusReport, release: &Release) -> Option<&'a Reject> {
    let mut rejects = report.functions.iter().flat_map(|status| &status.rejects);
    rejects.find(|reject| reject.release == *release)
}

/// Whether the recall would change nothing: the release is rejected, for this reason, and nothing rejected is live anywhere.
fn does_nothing(report: &StatusReport, recalled: (&FunctionName, &Release), reason: Option<&str>) -> bool {
    let is_rejected = |reject: &Reject| reason.is_none_or(|reason| *reject.reason == *reason);
    let is_quiet = report.unreadable.is_empty() && moves(report, recalled).is_empty() && !is_any_rejected(report);
    is_quiet && reject_of(report, recalled.1).is_some_and(is_rejected)
}

/// Whether anything that was rejected is live or serves anywhere, as the deployer knows it.
fn is_any_rejected(report: &StatusReport) -> bool {
    let is_rejected = |status: &FunctionStatus| status.rejected || status.targets.iter().any(|target| target.rejected);
    report.functions.iter().any(is_rejected)
}

/// Says of the release whether it is rejected, and live anywhere.
fn heading(report: &StatusReport, (function, release): (&FunctionName, &Release)) -> String {
    let rejected = reject_of(report, release);
    let is_nowhere = moves(report, (function, release)).is_empty();
    let words = match rejected {
        Some(reject) => format!("is rejected already ({}), and", one_line(&reject.reason)),
        None => "would be rejected, and".to_owned(),
    };
    let moved = match (is_nowhere, rejected) {
        (true, _) => "is live nowhere",
        (false, Some(_)) => "would be rolled back where it is live",
        (false, None) => "rolled back where it is live",
    };
    format!("{release} of {function} {words} {moved}")
}

/// Writes what the recall moves, environment by environment, and what stays there.
fn preview(report: &StatusReport, function: &FunctionName, release: &Release) -> String {
    let lines = moves(report, (function, release));
    let nothing = if lines.is_empty() { " nothing moves" } else { "" };
    let mut text = format!("{}:{nothing}\n", heading(report, (function, release)));
    let width = lines.iter().map(|(environment, _)| environment.len()).max().unwrap_or(0);
    for (environment, words) in lines {
        let _always = writeln!(text, "  {environment:width$}  {words}");
    }
    for because in &report.unreadable {
        let _always = writeln!(text, "  cannot be read: {}", sentence(because));
    }
    text
}

/// Returns the hashes of the code that was rejected as this release, and that is live as it.
fn codes(report: &StatusReport, release: &Release) -> Vec<Sha256> {
    let of_code = |status: &FunctionStatus| status.live.as_ref().filter(|live| live.release == *release)?.sha256;
    let rejected = reject_of(report, release).map(|reject| reject.sha256.as_slice()).unwrap_or_default();
    report.functions.iter().filter_map(of_code).chain(rejected.iter().copied()).collect()
}

/// Whether the release is live, or its code as another one.
fn is_recalled(live: &LiveStatus, release: &Release, codes: &[Sha256]) -> bool {
    live.release == *release || live.sha256.is_some_and(|sha256| codes.contains(&sha256))
}

/// Lists what moves or ends, each with its environment, and what stays beside it.
fn moves<'a>(report: &'a StatusReport, (function, release): (&'a FunctionName, &'a Release)) -> Vec<(&'a str, String)> {
    let codes = codes(report, release);
    let mut lines: Vec<(&str, String)> = Vec::new();
    for status in functions_in_order(report) {
        let environment = status.environment.as_str();
        lines.extend(moved(status, release, &codes).map(|words| (environment, words)));
        let is_moved = status.live.as_ref().is_some_and(|live| is_recalled(live, release, &codes));
        let stays = CameWith::of_live(status).filter(|_| is_moved);
        lines.extend(stays.map(|stays| (environment, format!("with {}", stays.before()))));
        lines.extend(open(status, release).into_iter().map(|words| (environment, words)));
        for WaitingStatus { deployment, from, .. } in
            status.waiting.iter().filter(|waiting| waiting.release.as_ref() == Some(release))
        {
            lines.push((environment, format!("promotion {deployment} from {from}, which waits, ends")));
        }
    }
    // A group may bring the function to an environment that does not know it yet.
    for group in ends::bringing(report, function, release) {
        lines.push((group.environment.as_str(), format!("{}, which waits, ends", ends::open_group(group))));
    }
    lines
}

/// Refuses a release that no environment has a record of, as the deployer does. Where not all records are seen, the
/// deployer decides later.
async fn ensure_known(
    remote: &remote::Options,
    report: &StatusReport,
    function: &FunctionName,
    release: &Release,
) -> Result<(), CliError> {
    let remote = remote.remote().await?;
    for status in &report.functions {
        let Ok(records) = newest_records::of(&remote, &status.environment, function).await else { return Ok(()) };
        let with_code = records.iter().filter(|record| record.artifact.is_some());
        let mut seen = with_code.filter_map(|record| record.release.as_ref());
        if seen.any(|seen| seen == release) || newest_records::may_be_more(&records) {
            return Ok(());
        }
    }
    Err(CliError::unknown_release(format!(
        "no release {release} of {function} is known in any environment: status and history tell which are\n  \
         nothing was recalled"
    )))
}

/// Says how an environment moves; none if the release is not there.
fn moved(status: &FunctionStatus, release: &Release, codes: &[Sha256]) -> Option<String> {
    match &status.live {
        Some(live) if is_recalled(live, release, codes) => {
            let same = if live.release == *release { "" } else { " (the same code)" };
            let to = match &status.rollback_to {
                Some(to) if status.active.or(status.pending).is_none() => format!(" → {to}"),
                Some(_) => " → what was live before".to_owned(),
                None => ": nothing good was live before it, so it stays live".to_owned(),
            };
            Some(format!("{}{same}{to}", live.release))
        }
        live => {
            let serves = status.targets.iter().filter(|target| target.release.as_ref() == Some(release)).count();
            let back = live.as_ref().map_or(String::new(), |live| format!(" → {}", live.release));
            (serves > 0).then(|| format!("{release} on {serves} of {}{back}", counted(status.targets.len(), "target")))
        }
    }
}

/// Says what becomes of the deployments of the release that are under way or next. An older deployer does not tell which
/// release they bring.
fn open(status: &FunctionStatus, release: &Release) -> Vec<String> {
    let is_older = status.open.is_empty();
    let mut open = open_deployments::of(status);
    open.retain(|open| is_older || open.release.as_ref() == Some(release));
    let bringing = if is_older { format!(": if it brings {release}, it") } else { String::new() };
    let rolls_out = |id| status.rollout.as_ref().is_some_and(|rollout| rollout.deployment == id);
    let is_refused = |OpenDeployment { deployment, status, .. }| match (status, is_older) {
        _ if rolls_out(deployment) => format!("deployment {deployment}, which rolls it out, is taken back"),
        (Status::Pending, false) => format!("deployment {deployment}, which is next, is refused"),
        (Status::Pending, true) => format!("deployment {deployment} is next{bringing} is refused"),
        (_, false) => {
            format!("deployment {deployment}, which is under way, is refused, or rolled back if it is live by then")
        }
        (_, true) => {
            format!("deployment {deployment} is under way{bringing} is refused, or rolled back if it is live by then")
        }
    };
    open.into_iter().map(is_refused).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn status(environment: &str, live: &str, more: &Value) -> Value {
        let sha256 = Sha256::of(if live == "same" { b"b" } else { live.as_bytes() });
        let mut status = json!({
            "environment": environment, "function": "orders", "active": null, "pending": null, "hold": null,
            "rejected": false, "rollback_to": "a",
            "live": {"release": live, "deployment": "01JD3Z9V7Q0000000000000000", "since": "2026-11-30T11:59:00Z",
                "sha256": sha256},
            "targets": [{"account": "111111111111", "region": "eu-west-1", "version": "1", "release": live}],
        });
        for (field, value) in more.as_object().unwrap() {
            status[field] = value.clone();
        }
        status
    }

    fn shown(functions: &[Value], unreadable: &[&str]) -> String {
        // The deployer lists functions by the names of their environments, which are in the order of promotion here.
        let environments: Vec<&Value> = functions.iter().map(|status| &status["environment"]).collect();
        let functions: Vec<&Value> = functions.iter().rev().collect();
        let report = json!({"functions": functions, "environments": environments, "unreadable": unreadable});
        let report = serde_json::from_value(report).unwrap();
        preview(&report, &"orders".parse().unwrap(), &"b".parse().unwrap())
    }

    #[test]
    fn preview_names_the_functions_that_came_with_the_release_and_stay() {
        let functions = [status("dev", "b", &json!({})), status("prod", "b", &json!({}))];
        let [dev, mut prod] = functions;
        prod["live"]["came_with"] = json!({"group": "0000000000F0M57FDAT7ZC1HD8",
            "functions": [{"function": "bills", "release": "7"}]});
        assert_eq!(
            shown(&[dev, prod], &[]),
            "b of orders would be rejected, and rolled back where it is live:\n  \
               dev   b → a\n  \
               prod  b → a\n  \
               prod  with bills 7, which came with it in group 0000000000F0M57FDAT7ZC1HD8: it stays live\n"
        );
    }

    #[test]
    fn preview_names_each_environment_that_moves_and_where_it_goes() {
        let waiting = json!([{"deployment": "01JD3Z9V7Q0000000000000002", "from": "stage", "release": "b",
            "requested_by": "ada", "since": "2026-11-30T11:59:30Z", "approvals_wanted": 1, "because": "waits",
            "expires_at": "2026-12-30T12:00:00Z"}]);
        let on_one = json!([{"account": "222222222222", "region": "eu-west-1", "version": "2", "release": "b"}]);
        let under_way = |id: u8, release: &str, status: &str| json!({"deployment": format!("01JD3Z9V7Q000000000000000{id}"), "release": release, "status": status});
        let open = [under_way(3, "b", "in_progress"), under_way(4, "b", "pending"), under_way(5, "d", "pending")];
        let functions = [
            status("dev", "b", &json!({})),
            status("first", "b", &json!({"rollback_to": null})),
            // An older deployer lists no open deployments.
            status(
                "busy",
                "b",
                &json!({"active": "01JD3Z9V7Q0000000000000001", "pending": "01JD3Z9V7Q0000000000000002"}),
            ),
            status("other", "same", &json!({})),
            status("half", "a", &json!({"targets": on_one})),
            status("prod", "a", &json!({"waiting": waiting})),
            status("test", "c", &json!({"open": open})),
        ];
        assert_eq!(
            shown(&functions, &["heads/x/orders.json is damaged"]),
            "b of orders would be rejected, and rolled back where it is live:\n  \
               dev    b → a\n  \
               first  b: nothing good was live before it, so it stays live\n  \
               busy   b → what was live before\n  \
               busy   deployment 01JD3Z9V7Q0000000000000001 is under way: if it brings b, it is refused, or rolled back \
                      if it is live by then\n  \
               busy   deployment 01JD3Z9V7Q0000000000000002 is next: if it brings b, it is refused\n  \
               other  same (the same code) → a\n  \
               half   b on 1 of 1 target → a\n  \
               prod   promotion 01JD3Z9V7Q0000000000000002 from stage, which waits, ends\n  \
               test   deployment 01JD3Z9V7Q0000000000000003, which is under way, is refused, or rolled back if it is live \
                      by then\n  \
               test   deployment 01JD3Z9V7Q0000000000000004, which is next, is refused\n  \
               cannot be read: heads/x/orders.json is damaged\n"
        );
    }

    #[test]
    fn preview_names_the_waiting_groups_that_bring_the_release() {
        let group = |id: u8, release: &str, phase: &str| {
            json!({
                "id": format!("01JD3Z9V7Q000000000000000{id}"), "environment": "prod", "from": "dev", "status": "pending",
                "phase": phase, "because": "waits", "requested_by": "ada", "since": "2026-11-30T11:59:30Z",
                "functions": [
                    {"function": "bills", "release": "b", "status": null, "deployment": "01JD3Z9V7Q0000000000000007"},
                    {"function": "orders", "release": release, "status": null, "deployment": "01JD3Z9V7Q0000000000000008"},
                ],
            })
        };
        let groups = [group(1, "b", "checking"), group(2, "c", "checking"), group(3, "b", "moving")];
        let report = json!({"functions": [status("dev", "b", &json!({}))], "groups": groups});
        let report = serde_json::from_value(report).unwrap();
        assert_eq!(
            preview(&report, &"orders".parse().unwrap(), &"b".parse().unwrap()),
            "b of orders would be rejected, and rolled back where it is live:\n  \
               dev   b → a\n  \
               prod  group 01JD3Z9V7Q0000000000000001 of bills and orders from dev, which waits, ends\n"
        );
    }

    #[test]
    fn release_that_is_rejected_already_is_said_to_be() {
        let rejects =
            json!([{"release": "b", "reason": "leaks", "requested_by": "ada", "since": "2026-11-30T11:00:00Z"}]);
        assert_eq!(
            shown(&[status("dev", "b", &json!({"rejects": rejects}))], &[]),
            "b of orders is rejected already (leaks), and would be rolled back where it is live:\n  dev  b → a\n"
        );
    }

    #[test]
    fn release_that_is_live_nowhere_moves_nothing() {
        assert_eq!(
            shown(&[status("dev", "c", &json!({}))], &[]),
            "b of orders would be rejected, and is live nowhere: nothing moves\n"
        );
    }
}
