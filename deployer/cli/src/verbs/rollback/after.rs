//! The text after a rollback: the live release and the waiting ones, the environments where the release that was left
//! is still live, and the commands that keep it away.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::Style;
use deployer_core::hold_and_reject::Reject;
use deployer_core::id::{DeploymentId, Release, Sha256};
use deployer_core::record::{DeploymentRecord, Status};
use deployer_core::status::{FunctionStatus, LiveStatus, StatusReport, WaitingStatus};
use deployer_core::trigger::Command;
use deployer_engine::History;
use jiff::Timestamp;

use crate::answer::{CliError, one_line, sentence};
use crate::aws::options::shell_word;
use crate::follow::interrupts::Interrupts;
use crate::remote::newest_records;
use crate::remote::{self, Remote};
use crate::text::came_with::CameWith;
use crate::text::colours;
use crate::text::terminal;
use crate::verbs::status::{functions_in_order, one_function};

/// The time that the look takes at most: the rollback itself has ended.
const LOOK: Duration = Duration::from_secs(30);
/// The time that the look at the history takes at most: without it less is said.
const LOOK_BACK: Duration = Duration::from_secs(10);

/// The records that tell the code of the release that was left.
const RECORDS: u32 = 20;

/// The release that a rollback has left, as the ledger knows it. What an alias served says nothing of its code: somebody
/// may have moved the alias, and a deployment that was stopped may not have reached it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    pub release: Release,
    /// The deployment that brought it, where that is known.
    pub deployment: Option<DeploymentId>,
    pub sha256: Option<Sha256>,
}

impl Left {
    /// The release that a deployment brings.
    pub fn of(record: DeploymentRecord) -> Option<Self> {
        let sha256 = record.artifact.and_then(|artifact| artifact.sha256);
        Some(Self { release: record.release?, deployment: Some(record.id), sha256 })
    }

    /// The release that is live.
    pub fn live(live: &LiveStatus) -> Self {
        Self { release: live.release.clone(), deployment: Some(live.deployment), sha256: live.sha256 }
    }

    /// Whether it may have come by this deployment, or by an earlier one than the one that is known. `rollback` is the one
    /// that has left it.
    fn may_have_come_by(&self, record: &DeploymentRecord, rollback: Option<DeploymentId>) -> bool {
        let is_its = record.release.as_ref() == Some(&self.release) && has_acted(record.status);
        Some(record.id) == self.deployment || (is_its && Some(record.id) != rollback)
    }

    /// Whether a deployment other than the rollback that has left it may have brought it.
    fn is_brought_by(&self, record: &DeploymentRecord, rollback: DeploymentId) -> bool {
        match self.deployment {
            Some(deployment) => record.id == deployment,
            None => self.may_have_come_by(record, Some(rollback)),
        }
    }

    /// Returns the hash of its code by the records before the rollback: that of the deployment which brought it, else the
    /// one hash that all records have by which the release was live.
    fn sha256_by(&self, records: &[DeploymentRecord], rollback: DeploymentId) -> Option<Sha256> {
        let records = || records.iter().filter(|record| self.is_brought_by(record, rollback));
        let hash = |record: &DeploymentRecord| record.artifact.as_ref()?.sha256;
        let is_done = |record: &DeploymentRecord| matches!(record.status, Status::Succeeded | Status::Unchanged);
        let first = records().find_map(hash).filter(|first| records().all(|record| hash(record) == Some(*first)));
        first.filter(|_| self.deployment.is_some() || records().any(is_done))
    }
}

/// Whether a deployment that has ended so may have reached a target.
pub(crate) fn has_acted(status: Status) -> bool {
    matches!(status, Status::Succeeded | Status::Unchanged | Status::Failed)
}

/// Finds the release that an earlier rollback has left, by the version that its targets served before. None: the records do
/// not tell.
///
/// # Errors
/// They cannot be read.
pub(crate) async fn left_by(remote: &remote::Options, rollback: &DeploymentRecord) -> Result<Option<Left>, CliError> {
    let DeploymentRecord { environment, function, .. } = rollback;
    let look = async { newest_records::of(&remote.remote().await?, environment, function).await };
    let late = |_| CliError::failed(format!("no answer in {} s", LOOK_BACK.as_secs()));
    let records = tokio::time::timeout(LOOK_BACK, look).await.map_err(late)??;
    let has_brought = |record: &DeploymentRecord| {
        record.id != rollback.id && has_acted(record.status) && is_left_by(record, rollback)
    };
    Ok(records.into_iter().find(has_brought).and_then(Left::of))
}

/// Whether the rollback found a target on the version that this deployment has brought there.
fn is_left_by(record: &DeploymentRecord, rollback: &DeploymentRecord) -> bool {
    rollback.targets.iter().any(|back| {
        let version = back.previous.as_ref().map(|previous| &previous.version);
        let mut brought = record.targets.iter().filter(|brought| brought.target() == back.target());
        version.is_some() && brought.any(|brought| brought.version.as_ref() == version)
    })
}

/// Looks at the function in all environments, and writes what comes next. A look that fails is told, and fails nothing.
pub(crate) async fn text(remote: &remote::Options, record: &DeploymentRecord, mut left: Option<Left>) -> String {
    let look = async {
        let status = remote::request(Command::status(None, Some(record.function.clone())));
        let remote = remote.remote().await?;
        let (seen, ()) = tokio::join!(remote.send::<StatusReport>(&status), complete(left.as_mut(), &remote, record));
        seen
    };
    let interrupted = async {
        match Interrupts::listen() {
            Ok(mut interrupts) => interrupts.received().await,
            Err(_) => std::future::pending().await,
        }
    };
    let seen = tokio::select! {
        seen = look => seen,
        () = tokio::time::sleep(LOOK) => Err(CliError::failed(format!("no answer in {} s", LOOK.as_secs()))),
        () = interrupted => Err(CliError::failed("interrupted")),
    };
    next_steps((record, left.as_ref()), &seen, &remote.repeated(), (Timestamp::now(), terminal::columns()))
}

/// Completes the release that was left with the hash of its code, if the history tells it.
async fn complete(left: Option<&mut Left>, remote: &Remote, record: &DeploymentRecord) {
    let is_unknown = |left: &&mut Left| left.sha256.is_none() && record.release.as_ref() != Some(&left.release);
    let Some(left) = left.filter(is_unknown) else { return };
    let (environment, function) = (record.environment.clone(), record.function.clone());
    let command = remote::request(Command::History { environment, function, limit: Some(RECORDS) });
    if let Ok(Ok(history)) = tokio::time::timeout(LOOK_BACK, remote.send::<History>(&command)).await {
        left.sha256 = left.sha256_by(&history.deployments, record.id);
    }
}

/// Writes what comes next. `options` are those that a command needs to reach the same deployer.
fn next_steps(
    (record, left): (&DeploymentRecord, Option<&Left>),
    seen: &Result<StatusReport, CliError>,
    options: &str,
    (now, columns): (Timestamp, Option<usize>),
) -> String {
    let bold = Style::new().bold();
    let mut text = String::new();
    let mut say = |words: &str| {
        let _always = writeln!(text, "{words}");
    };
    let here = seen
        .as_ref()
        .ok()
        .and_then(|report| report.functions.iter().find(|status| status.environment == record.environment));
    match (seen, here) {
        (_, Some(status)) => say(&format!("\n{bold}now:{bold:#} {}", one_function(status, now, columns).trim_end())),
        (Ok(_), None) => say(&format!("\nnothing of {} is live in {} now", record.function, record.environment)),
        (Err(error), None) => {
            let because = sentence(error.message.lines().next().unwrap_or_default());
            say(&format!("\nwhat is live now, here and elsewhere, cannot be read: {because}"));
        }
    }
    let unreadable = seen.as_ref().map(|report| report.unreadable.as_slice()).unwrap_or_default();
    unreadable.iter().for_each(|because| say(&format!("cannot be read: {}", sentence(because))));
    // A rollback that goes forth again leaves nothing bad: the next rollback would go back to what it has left.
    let is_before = |left: &Left| here.and_then(|status| status.rollback_to.as_ref()) == Some(&left.release);
    if let Some(same) = left.filter(|left| is_same_code(record, left)) {
        let (back, left) = (record.release.as_ref().map_or("what is live", Release::as_str), &same.release);
        say(&format!("\n{back} is the same code as {left}: to leave that code, go back further (--to RELEASE)"));
    }
    let is_bad = |left: &&Left| record.release.as_ref() != Some(&left.release) && !is_before(left);
    let Some(left) = left.filter(is_bad) else { return text };
    let others = seen.as_ref().map(functions_in_order).unwrap_or_default();
    let others = || others.iter().filter(|status| status.environment != record.environment);
    let elsewhere: Vec<&str> =
        others().filter(|status| serves(status, left)).map(|status| status.environment.as_str()).collect();
    let same_code: Vec<String> = others().filter_map(|status| same_code(status, left)).collect();
    let reject = seen.as_ref().ok().and_then(|report| reject_of(report, left));
    if seen.is_ok() {
        let red = colours::BAD;
        match elsewhere.as_slice() {
            [] if unreadable.is_empty() => say(&format!("\n{} is live in no other environment", left.release)),
            [] => {}
            names => say(&format!("\n{} is still live in {red}{}{red:#}", left.release, names.join(", "))),
        }
        if let [first, ..] = same_code.as_slice() {
            let is = if same_code.len() == 1 { "is" } else { "are" };
            let recalled = match same_code.len() {
                1 => first.clone(),
                _ => "them".to_owned(),
            };
            // A release that is rejected already is recalled by the name that the reject has.
            let name = reject.map_or(&left.release, |reject| &reject.release);
            say(&format!(
                "{} {is} the same code: a recall of {name} rolls {recalled} back too",
                same_code.join(" and ")
            ));
        }
    }
    others().filter_map(|status| goes_on(status, record, left)).for_each(|waits| say(&format!("{waits}{options}")));
    let came_with = here.and_then(|status| CameWith::of_left(status, &left.release));
    came_with.iter().for_each(|came_with| say(&format!("\n{}", came_with.after(options))));
    let Left { release, .. } = left;
    let DeploymentRecord { environment, function, .. } = record;
    let is_held = here.is_some_and(|status| status.hold.is_some());
    if !is_held {
        say(&format!(
            "\nTo let nothing new into {environment}:\n  \
             deployctl hold -e {environment} -f {function} --reason \"{release} is bad\"{options}"
        ));
    }
    let begin = if is_held { "\n" } else { "" };
    // A recall meets here what this rollback has met.
    let here_once_mended = match record.status {
        Status::Failed => format!(" (in {environment} once what is in the way is mended)"),
        _ => String::new(),
    };
    match reject {
        // Nothing brings it back. A recall would move nothing, or environments that never had this release.
        Some(reject) if !same_code.is_empty() || (elsewhere.is_empty() && unreadable.is_empty()) => {
            say(&format!("{begin}{}: {}", rejected_already(reject, left), one_line(&reject.reason)));
        }
        Some(reject) => say(&format!(
            "{begin}{}. To roll it back wherever it is still live:\n  \
             deployctl recall -f {function} -r {} --reason {}{options}",
            rejected_already(reject, left),
            reject.release,
            shell_word(&one_line(&reject.reason))
        )),
        // A recall goes by the code: it would reach environments that never had this release.
        None if same_code.is_empty() => say(&format!(
            "{begin}To reject {release} and roll it back wherever it is live{here_once_mended}:\n  \
             deployctl recall -f {function} -r {release} --reason \"{release} is bad\"{options}"
        )),
        None => {}
    }
    text
}

/// Finds the reject of the release that was left, by its name or its code.
fn reject_of<'a>(report: &'a StatusReport, left: &Left) -> Option<&'a Reject> {
    let is_it = |reject: &&Reject| {
        let same_code = left.sha256.is_some_and(|sha256| reject.sha256.contains(&sha256));
        reject.release == left.release || same_code
    };
    report.functions.iter().flat_map(|status| &status.rejects).find(is_it)
}

/// Says that the release that was left is rejected, and by which name.
fn rejected_already(reject: &Reject, left: &Left) -> String {
    match (&left.release, &reject.release) {
        (left, rejected) if left == rejected => format!("{left} is rejected already"),
        (left, rejected) => format!("{left} is rejected already, as {rejected} with the same code"),
    }
}

/// Names the promotions of the release that was left which wait to go on from here, and the commands that end them.
fn goes_on(status: &FunctionStatus, record: &DeploymentRecord, left: &Left) -> Option<String> {
    let FunctionStatus { environment, function, .. } = status;
    let is_of_left =
        |one: &&WaitingStatus| one.from == record.environment && one.release.as_ref() == Some(&left.release);
    let waits = status.waiting.iter().find(is_of_left)?;
    let (release, id, because) = (&left.release, waits.deployment, sentence(&waits.because));
    Some(format!(
        "\n{release} waits to go on from here to {environment}: promotion {id} {because}. To end that:\n  \
         deployctl decline -e {environment} -f {function} --deployment {id}"
    ))
}

/// Whether the rollback went back to the code of the release that it has left.
fn is_same_code(record: &DeploymentRecord, left: &Left) -> bool {
    let sha256 = record.artifact.as_ref().and_then(|artifact| artifact.sha256);
    let is_other = record.release.as_ref().is_some_and(|release| *release != left.release);
    is_other && sha256.is_some() && sha256 == left.sha256
}

/// Whether an environment has the release live, or a target that serves it.
fn serves(status: &FunctionStatus, left: &Left) -> bool {
    let is_live = status.live.as_ref().is_some_and(|live| live.release == left.release);
    is_live || status.targets.iter().any(|target| target.release.as_ref() == Some(&left.release))
}

/// Names the release and the environment where the same code is live as another release.
fn same_code(status: &FunctionStatus, left: &Left) -> Option<String> {
    let live = status.live.as_ref().filter(|live| live.release != left.release)?;
    let is_same = left.sha256.is_some() && live.sha256 == left.sha256;
    is_same.then(|| format!("{} in {}", live.release, status.environment))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn record() -> DeploymentRecord {
        serde_json::from_value(json!({
            "schema": 1, "id": "01JD3Z9V7Q0000000000000000", "environment": "dev", "function": "orders", "release": "a",
            "status": "succeeded", "code": null, "because": null,
            "cause": {"kind": "rollback", "requested_by": "ada", "event_id": null}, "artifact": null, "targets": [],
            "started_at": "2026-11-30T12:00:00Z", "finished_at": "2026-11-30T12:00:01Z",
        }))
        .unwrap()
    }

    fn status(environment: &str, release: &str, more: &Value) -> Value {
        let mut status = json!({
            "environment": environment, "function": "orders", "active": null, "pending": null, "hold": null, "rejected": false,
            "live": {"release": release, "deployment": "01JD3Z9V7Q0000000000000000", "since": "2026-11-30T11:59:00Z",
                "sha256": null},
            "targets": [{"account": "111111111111", "region": "eu-west-1", "version": "1", "release": release}],
        });
        for (field, value) in more.as_object().unwrap() {
            status[field] = value.clone();
        }
        status
    }

    fn next(left: &str, seen: &Result<StatusReport, CliError>) -> String {
        next_of(Left { release: left.parse().unwrap(), deployment: None, sha256: None }, seen)
    }

    fn next_of(left: Left, seen: &Result<StatusReport, CliError>) -> String {
        let now = "2026-11-30T12:00:00Z".parse().unwrap();
        let text = next_steps((&record(), Some(&left)), seen, " --profile acme", (now, None));
        anstream::adapter::strip_str(&text).to_string()
    }

    fn report(functions: &[Value], unreadable: &[&str]) -> Result<StatusReport, CliError> {
        // The deployer lists functions by the names of their environments, which are in the order of promotion here.
        let environments: Vec<&Value> = functions.iter().map(|status| &status["environment"]).collect();
        let functions: Vec<&Value> = functions.iter().rev().collect();
        let report = json!({"functions": functions, "environments": environments, "unreadable": unreadable});
        Ok(serde_json::from_value(report).unwrap())
    }

    const BOTH: &str = "To reject b and roll it back wherever it is live:\n  \
        deployctl recall -f orders -r b --reason \"b is bad\" --profile acme\n";

    #[test]
    fn rollback_says_what_is_live_and_where_the_left_release_still_is() {
        let seen = report(
            &[
                status("dev", "a", &json!({})),
                status("stage", "b", &json!({})),
                status(
                    "prod",
                    "a",
                    &json!({"targets":
                    [{"account": "222222222222", "region": "eu-west-1", "version": "2", "release": "b"}]}),
                ),
                status("test", "c", &json!({})),
            ],
            &[],
        );
        assert_eq!(
            next("b", &seen),
            format!(
                "\nnow: orders in dev\n  \
                   live     a, since 2026-11-30 11:59:00Z (1 min ago), deployment 01JD3Z9V7Q0000000000000000\n  \
                   target   111111111111/eu-west-1: version 1 (a)\n\n\
                 b is still live in stage, prod\n\n\
                 To let nothing new into dev:\n  \
                   deployctl hold -e dev -f orders --reason \"b is bad\" --profile acme\n{BOTH}"
            )
        );
    }

    #[test]
    fn promotion_of_the_left_release_that_waits_downstream_is_named() {
        let waits = |from: &str, release: &str| {
            json!({"waiting": [{"deployment": "01JD3Z9V7Q0000000000000007", "from": from, "release": release,
                "requested_by": "ann", "since": "2026-11-30T11:00:00Z", "approvals_wanted": 1,
                "expires_at": "2026-12-07T11:00:00Z", "because": "waits for an approval"}]})
        };
        let text = |more: &Value| next("b", &report(&[status("dev", "a", &json!({})), status("prod", "a", more)], &[]));
        let told = "\nb waits to go on from here to prod: promotion 01JD3Z9V7Q0000000000000007 waits for an approval. To end \
                    that:\n  deployctl decline -e prod -f orders --deployment 01JD3Z9V7Q0000000000000007 --profile acme\n";
        assert!(text(&waits("dev", "b")).contains(told), "{}", text(&waits("dev", "b")));
        for other in [waits("dev", "c"), waits("stage", "b"), json!({})] {
            assert!(!text(&other).contains("waits to go on"), "{}", text(&other));
        }
    }

    #[test]
    fn same_code_under_another_name_is_told_and_gets_no_recall() {
        let sha256 = Sha256::of(b"b");
        let of = |environment: &str, release: &str| {
            let mut status = status(environment, release, &json!({}));
            status["live"]["sha256"] = json!(sha256);
            status
        };
        let left = || Left { release: "b".parse().unwrap(), deployment: None, sha256: Some(sha256) };
        let here = status("dev", "a", &json!({}));
        let text = next_of(left(), &report(&[here.clone(), of("prod", "1.2.0")], &[]));
        assert!(
            text.contains(
                "\nb is live in no other environment\n\
                 1.2.0 in prod is the same code: a recall of b rolls 1.2.0 in prod back too\n\n\
                 To let nothing new into dev:\n"
            ),
            "{text}"
        );
        assert!(!text.contains("deployctl recall"), "{text}");
        let both = next_of(left(), &report(&[here, of("stage", "b"), of("test", "1.1.9"), of("prod", "1.2.0")], &[]));
        assert!(
            both.contains(
                "\nb is still live in stage\n\
                 1.1.9 in test and 1.2.0 in prod are the same code: a recall of b rolls them back too\n"
            ),
            "{both}"
        );
        assert!(!both.contains("deployctl recall"), "{both}");
    }

    /// The ids of the rollback, and of deployments before it.
    const ROLLBACK: &str = "01JD3Z9V7Q0000000000000000";
    const B: &str = "01JD3Z9V7Q000000000000000B";
    const OLD_B: &str = "01JD3Z9V7Q000000000000000A";

    /// Makes a record of the history. Its alias had served the code "same".
    fn of_history(id: &str, release: &str, status: &str, code: Option<&[u8]>) -> DeploymentRecord {
        let mut record = serde_json::to_value(record()).unwrap();
        for (field, value) in [
            ("id", json!(id)),
            ("release", json!(release)),
            ("status", json!(status)),
            (
                "artifact",
                json!({"bucket": "acme-artifacts", "key": format!("dev/orders/{release}.zip"), "version_id": "v", "size": 1,
                    "sha256": code.map(Sha256::of), "metadata": {}}),
            ),
            (
                "targets",
                json!([{"account": "111111111111", "region": "eu-west-1", "function_name": "orders", "alias": "live",
                    "status": "succeeded", "version": "3", "error": null,
                    "previous": {"version": "2", "sha256": Sha256::of(b"same")}}]),
            ),
        ] {
            record[field] = value;
        }
        serde_json::from_value(record).unwrap()
    }

    /// Returns what is said after a rollback to release a, whose code is "same".
    fn said(left: &Left, history: &[DeploymentRecord]) -> String {
        let record = of_history(ROLLBACK, "a", "succeeded", Some(b"same"));
        let left = Left { sha256: left.sha256.or(left.sha256_by(history, record.id)), ..left.clone() };
        let now = "2026-11-30T12:00:00Z".parse().unwrap();
        let seen = report(&[status("dev", "a", &json!({}))], &[]);
        anstream::adapter::strip_str(&next_steps((&record, Some(&left)), &seen, "", (now, None))).to_string()
    }

    const SAME: &str = "\na is the same code as b: to leave that code, go back further (--to RELEASE)\n";

    #[test]
    fn rollback_that_stops_a_deployment_goes_by_its_code_and_not_by_what_was_served() {
        // The alias served a all the time: b had not reached it.
        for (code, is_same) in [(Some(&b"other"[..]), false), (None, false), (Some(b"same"), true)] {
            let stopped = of_history(B, "b", "in_progress", code);
            let text = said(&Left::of(stopped).unwrap(), &[]);
            assert_eq!((text.contains(SAME), text.contains("the same code")), (is_same, is_same), "{text}");
            assert!(text.contains("deployctl recall -f orders -r b "), "{text}");
        }
        // Its end tells the hash that was not known before.
        let left = Left::of(of_history(B, "b", "in_progress", None)).unwrap();
        let ended = |code| [of_history(B, "b", "superseded", code), of_history(OLD_B, "b", "succeeded", Some(b"same"))];
        assert!(said(&left, &ended(Some(b"same"))).contains(SAME));
        assert!(!said(&left, &ended(Some(b"other"))).contains("the same code"));
        assert!(!said(&left, &ended(None)).contains("the same code"));
    }

    #[test]
    fn rollback_from_a_named_release_goes_by_its_records_and_not_by_what_was_served() {
        // Somebody had moved the alias from b to the code of a by hand.
        let left = Left { release: "b".parse().unwrap(), deployment: None, sha256: None };
        let is_same = |history: &[DeploymentRecord]| {
            let text = said(&left, history);
            assert!(text.contains("deployctl recall -f orders -r b "), "{text}");
            assert_eq!(text.contains(SAME), text.contains("the same code"), "{text}");
            text.contains(SAME)
        };
        let b = |status, code| of_history(B, "b", status, Some(code));
        assert!(!is_same(&[b("succeeded", b"other")]));
        assert!(is_same(&[b("succeeded", b"same")]));
        assert!(!is_same(&[]), "nothing is known of b");
        assert!(!is_same(&[of_history(B, "c", "succeeded", Some(b"same"))]));
        assert!(!is_same(&[b("refused", b"same")]), "it was never live");
        assert!(!is_same(&[b("failed", b"same")]), "it may not have been live");
        let old = |code| of_history(OLD_B, "b", "unchanged", Some(code));
        assert!(!is_same(&[b("failed", b"other"), old(b"same")]), "either may have been live");
        assert!(is_same(&[b("refused", b"other"), old(b"same")]));
    }

    #[test]
    fn held_environment_gets_no_hold_and_unread_ones_no_all_clear() {
        let hold = json!({"hold": {"reason": "sale", "requested_by": null, "since": "2026-11-30T11:00:00Z"}});
        let seen = report(&[status("dev", "a", &hold)], &["heads/prod/orders.json is damaged"]);
        let text = next("b", &seen);
        assert!(text.contains("cannot be read: heads/prod/orders.json is damaged\n"), "{text}");
        assert!(!text.contains("no other environment") && !text.contains("deployctl hold"), "{text}");
        assert!(text.ends_with(BOTH), "{text}");
        let clear = next("b", &report(&[status("dev", "a", &json!({}))], &[]));
        assert!(clear.contains("\nb is live in no other environment\n"), "{clear}");
    }

    #[test]
    fn rollback_whose_effect_cannot_be_read_says_so_and_names_the_commands() {
        let denied = Err(CliError::failed("lambda:InvokeFunction is denied\n  a hint"));
        let text = next("b", &denied);
        assert!(
            text.starts_with(
                "\nwhat is live now, here and elsewhere, cannot be read: lambda:InvokeFunction is denied\n\nTo let"
            ),
            "{text}"
        );
        assert!(text.ends_with(BOTH), "{text}");
    }

    #[test]
    fn completed_rollback_names_no_bad_release() {
        let text = next("a", &report(&[status("dev", "a", &json!({}))], &[]));
        assert!(!text.contains("recall") && text.contains("now: orders in dev"), "{text}");
    }

    #[test]
    fn recall_of_a_rejected_release_is_offered_only_where_it_is_still_live() {
        let reject = json!({"rejects": [{"release": "b", "reason": "loses orders", "requested_by": "ada",
            "since": "2026-11-30T11:00:00Z"}]});
        let gone = next("b", &report(&[status("dev", "a", &reject), status("stage", "a", &json!({}))], &[]));
        assert!(gone.ends_with("--profile acme\nb is rejected already: loses orders\n"), "{gone}");
        assert!(!gone.contains("recall"), "{gone}");
        let recall = "b is rejected already. To roll it back wherever it is still live:\n  \
            deployctl recall -f orders -r b --reason 'loses orders' --profile acme\n";
        let elsewhere = [status("dev", "a", &reject), status("stage", "b", &json!({}))];
        assert!(next("b", &report(&elsewhere, &[])).ends_with(recall));
        let unread = next("b", &report(&elsewhere[..1], &["heads/stage/orders.json is damaged"]));
        assert!(unread.ends_with(recall), "{unread}");
    }

    #[test]
    fn recall_of_a_rejected_release_is_not_offered_where_its_code_has_another_name() {
        let sha256 = Sha256::of(b"b");
        let rejected_as = |release: &str| {
            json!({"rejects": [{"release": release, "sha256": [sha256], "reason": "loses orders", "requested_by": "ada",
                "since": "2026-11-30T11:00:00Z"}]})
        };
        let left = || Left { release: "b".parse().unwrap(), deployment: None, sha256: Some(sha256) };
        let same = |environment: &str, release: &str| {
            let mut status = status(environment, release, &json!({}));
            status["live"]["sha256"] = json!(sha256);
            status
        };
        let here = |release: &str| status("dev", "a", &rejected_as(release));
        let text = next_of(left(), &report(&[here("b"), same("prod", "1.2.0")], &[]));
        assert!(
            text.contains("\n1.2.0 in prod is the same code: a recall of b rolls 1.2.0 in prod back too\n"),
            "{text}"
        );
        assert!(
            text.ends_with("\nb is rejected already: loses orders\n") && !text.contains("deployctl recall"),
            "{text}"
        );
        // The reject names another release of the same code, and a recall of that one finds the reject.
        let text = next_of(left(), &report(&[here("1.1.9"), same("prod", "b")], &[]));
        assert!(
            text.ends_with(
                "\nb is rejected already, as 1.1.9 with the same code. To roll it back wherever it is still live:\n  \
                 deployctl recall -f orders -r 1.1.9 --reason 'loses orders' --profile acme\n"
            ),
            "{text}"
        );
        let text = next_of(left(), &report(&[here("1.1.9"), same("prod", "1.2.0")], &[]));
        assert!(
            text.contains("\n1.2.0 in prod is the same code: a recall of 1.1.9 rolls 1.2.0 in prod back too\n"),
            "{text}"
        );
        let gone = next_of(left(), &report(&[here("1.1.9")], &[]));
        assert!(gone.ends_with("\nb is rejected already, as 1.1.9 with the same code: loses orders\n"), "{gone}");
    }

    #[test]
    fn rollback_that_goes_forth_again_names_no_bad_release() {
        let text = next("b", &report(&[status("dev", "a", &json!({"rollback_to": "b"}))], &[]));
        assert!(!text.contains("recall") && text.contains("\n  before   b: a rollback goes back to it\n"), "{text}");
    }
}
