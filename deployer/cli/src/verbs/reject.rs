//! `deployctl reject` and `unreject`: nothing deploys a rejected release until the reject ends.

use deployer_core::hold_and_reject::Reject;
use deployer_core::id::{FunctionName, Release};
use deployer_core::status::{FunctionStatus, RejectedRollout, StatusReport};

use super::{hold, status};
use crate::answer::{Answer, CliError, one_line};
use crate::aws::options::shell_word;
use crate::remote;
use crate::text::records;
use deployer_core::trigger::Command;

/// The options of `reject`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    #[command(flatten)]
    release_args: ReleaseArgs,
    /// The reason; users who are refused read it.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    requester: remote::Requester,
    #[command(flatten)]
    remote: remote::Options,
}

/// The options of `unreject`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct UnrejectOptions {
    #[command(flatten)]
    release_args: ReleaseArgs,
    #[command(flatten)]
    requester: remote::Requester,
    #[command(flatten)]
    remote: remote::Options,
}

#[derive(Debug, clap::Args)]
#[group(skip)]
struct ReleaseArgs {
    /// The function, by its name in upload keys and in the ledger.
    #[arg(long, short, value_name = "NAME")]
    function: FunctionName,
    /// The bad release.
    #[arg(long, short, value_name = "NAME")]
    release: Release,
}

pub(crate) async fn run(options: &Options) -> Result<Answer, CliError> {
    let ReleaseArgs { function, release } = &options.release_args;
    let reason = options.reason.clone();
    let command = Command::Reject { function: function.clone(), release: release.clone(), reason };
    let words = |report: &StatusReport, repeated: &str| rejected(&options.release_args, report, repeated);
    status::answer_after(&options.remote, &options.requester, command, words).await
}

pub(crate) async fn undo(options: &UnrejectOptions) -> Result<Answer, CliError> {
    let ReleaseArgs { function, release } = &options.release_args;
    let command = Command::Unreject { function: function.clone(), release: release.clone() };
    let words = |report: &StatusReport, repeated: &str| not_rejected(&options.release_args, report, repeated);
    status::answer_after(&options.remote, &options.requester, command, words).await
}

/// Says what is true of a rejected release, where it is live still, what the reject has ended, and how it ends.
fn rejected(args: &ReleaseArgs, report: &StatusReport, options: &str) -> String {
    let ReleaseArgs { function, release } = args;
    let mut rejects = report.functions.iter().flat_map(|status| &status.rejects);
    let reject = rejects.find(|reject| reject.release == *release);
    let reason = reject.map_or(String::new(), |reject| format!(" ({})", one_line(&reject.reason)));
    let any_name = reject.is_some_and(|reject| !reject.sha256.is_empty());
    let names = if any_name { ", under this name or another" } else { " under this name; its code is not known" };
    let mut text = format!(
        "release {release} of {function} is rejected{reason}: nothing deploys it in any environment until the reject ends{names}\n"
    );
    if let Some(Reject { reason, requested_by, since, .. }) = &report.replaced_reject {
        text.push_str(&hold::replaced("rejected", (requested_by.as_ref(), *since, reason)));
    }
    text.extend(report.taken_back.iter().map(|one| taken_back(one, report, release)));
    text.extend(report.ended_waiting.iter().map(|one| format!("{}\n", records::ended_waiting(one))));
    let place = |status: &&FunctionStatus| report.environments.iter().position(|name| *name == status.environment);
    let mut functions: Vec<&FunctionStatus> = report.functions.iter().collect();
    functions.sort_by_key(place);
    let live: Vec<String> = functions.into_iter().filter_map(|status| live_in(status, release)).collect();
    if !live.is_empty() {
        let reason =
            reject.map_or(String::new(), |reject| format!(" --reason {}", shell_word(&one_line(&reject.reason))));
        text.push_str(&format!(
            "It is live in {}, and stays so. To roll it back there:\n  deployctl recall -f {function} -r {release}{reason}{options}\n",
            live.join(", ")
        ));
    }
    text + &format!("To end the reject:\n  deployctl unreject -f {function} -r {release}{options}\n")
}

/// Says that the release was rolling out in an environment, and what is live there.
fn taken_back(one: &RejectedRollout, report: &StatusReport, rejected: &Release) -> String {
    let RejectedRollout { environment, deployment, release } = one;
    let same = if release == rejected { "" } else { " (the same code)" };
    let status = report.functions.iter().find(|status| status.environment == *environment);
    let live = status.and_then(|status| status.live.as_ref());
    let live = live.map_or(String::new(), |live| format!("; {} is live", live.release));
    format!("{release}{same} was rolling out in {environment} and is taken back{live} (deployment {deployment})\n")
}

/// Names an environment where the release is live, or the same code under another name, or on some targets only.
fn live_in(status: &FunctionStatus, release: &Release) -> Option<String> {
    let environment = &status.environment;
    let is_code = |reject: &Reject| {
        let code = status.live.as_ref().and_then(|live| live.sha256);
        reject.release == *release && code.is_some_and(|code| reject.sha256.contains(&code))
    };
    match &status.live {
        Some(live) if live.release == *release => Some(environment.to_string()),
        Some(live) if status.rejects.iter().any(is_code) => Some(format!("{environment} (as {})", live.release)),
        _ => {
            let serving = status.targets.iter().filter(|target| target.release.as_ref() == Some(release)).count();
            (serving > 0).then(|| format!("{environment} (on {serving} of {} targets)", status.targets.len()))
        }
    }
}

/// Says what is true of a release whose reject has ended, and how it is rejected again.
fn not_rejected(args: &ReleaseArgs, report: &StatusReport, options: &str) -> String {
    let ReleaseArgs { function, release } = args;
    let text = match &report.still_rejected_as {
        None => format!(
            "release {release} of {function} is rejected no more: it may be deployed again. Nothing that was refused or rolled \
             back comes by itself\n"
        ),
        Some(other) => format!(
            "the reject of release {release} of {function} has ended, but its code is still rejected, as release {other}: \
             nothing deploys it until that reject ends too\n  deployctl unreject -f {function} -r {other}{options}\n"
        ),
    };
    text + &format!("To reject it again:\n  deployctl reject -f {function} -r {release} --reason TEXT{options}\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use deployer_core::id::Sha256;
    use serde_json::{Value, json};

    use super::*;

    fn args() -> ReleaseArgs {
        ReleaseArgs { function: "orders".parse().unwrap(), release: "2".parse().unwrap() }
    }

    fn status(environment: &str, live: &str, code: &[u8], rejects: &[&str]) -> Value {
        let target = |region: &str, release: &str| json!({"account": "111111111111", "region": region, "version": "1", "release": release});
        let partly = if environment == "half" { "2" } else { live };
        json!({
            "environment": environment, "function": "orders", "active": null, "pending": null, "hold": null, "rejected": true,
            "live": {"release": live, "deployment": "01JD3Z9V7Q0000000000000000", "since": "2026-11-30T11:59:00Z",
                "sha256": Sha256::of(code)},
            "targets": [target("eu-west-1", live), target("us-east-1", partly)],
            "rejects": rejects.iter().map(|release| json!({"release": release, "sha256": [Sha256::of(b"bad")],
                "reason": "leaks", "requested_by": null, "since": "2026-11-30T12:00:00Z"})).collect::<Vec<_>>(),
        })
    }

    fn report(functions: &[Value], ended: &Value) -> StatusReport {
        let environments = ["dev", "stage", "half", "prod"];
        serde_json::from_value(json!({"functions": functions, "ended_waiting": ended, "environments": environments}))
            .unwrap()
    }

    #[test]
    fn rejected_release_names_where_it_is_live_and_what_ended() {
        let ended = json!([{"environment": "prod", "deployment": "01JD3Z9V7Q0000000000000002", "release": "2",
            "from": "stage", "waited": "until 2026-11-30T13:00:00Z for its soak"}]);
        let functions = [
            status("stage", "2-again", b"bad", &["2"]),
            status("dev", "2", b"bad", &["2"]),
            status("half", "1", b"good", &["2"]),
            status("prod", "1", b"good", &["2"]),
        ];
        assert_eq!(
            rejected(&args(), &report(&functions, &ended), " --profile acme"),
            "release 2 of orders is rejected (leaks): nothing deploys it in any environment until the reject ends, under this name or \
             another\n\
             ended: promotion 01JD3Z9V7Q0000000000000002 of 2 from stage to prod, which waited until 2026-11-30 13:00:00Z for \
             its soak\n\
             It is live in dev, stage (as 2-again), half (on 1 of 2 targets), and stays so. To roll it back there:\n  \
               deployctl recall -f orders -r 2 --reason leaks --profile acme\n\
             To end the reject:\n  deployctl unreject -f orders -r 2 --profile acme\n"
        );
        let nowhere = rejected(&args(), &report(&functions[3..], &json!([])), "");
        assert!(!nowhere.contains("live") && !nowhere.contains("ended:"), "{nowhere}");
        let mut unknown = status("prod", "1", b"good", &["2"]);
        unknown["rejects"][0]["sha256"] = json!([]);
        let unknown = rejected(&args(), &report(&[unknown], &json!([])), "");
        assert!(unknown.contains("until the reject ends under this name; its code is not known\n"), "{unknown}");
    }

    #[test]
    fn reject_of_what_rolls_out_says_that_it_is_taken_back() {
        let mut report = report(&[status("dev", "1", b"good", &["2"])], &json!([]));
        let taken = json!([{"environment": "dev", "deployment": "01JD3Z9V7Q0000000000000002", "release": "2"}]);
        report.taken_back = serde_json::from_value(taken).unwrap();
        let text = rejected(&args(), &report, "");
        let told = "\n2 was rolling out in dev and is taken back; 1 is live (deployment 01JD3Z9V7Q0000000000000002)\n";
        assert!(text.contains(told), "{text}");
    }

    #[test]
    fn second_reject_tells_the_one_that_it_replaces() {
        let mut report = report(&[status("dev", "1", b"good", &["2"])], &json!([]));
        let former = json!({"release": "2", "reason": "INC-50 loses orders", "requested_by": "bob",
            "since": "2026-11-30T11:00:00Z"});
        report.replaced_reject = Some(serde_json::from_value(former).unwrap());
        let text = rejected(&args(), &report, "");
        let told = "\nit was rejected already, since 2026-11-30 11:00:00Z by bob: INC-50 loses orders; that reason is replaced\n";
        assert!(text.starts_with("release 2 of orders is rejected (leaks): ") && text.contains(told), "{text}");
    }

    #[test]
    fn ended_reject_names_the_same_code_that_is_still_rejected() {
        let again = "To reject it again:\n  deployctl reject -f orders -r 2 --reason TEXT\n";
        let text = not_rejected(&args(), &report(&[status("dev", "2", b"bad", &[])], &json!([])), "");
        assert_eq!(
            text,
            format!(
                "release 2 of orders is rejected no more: it may be deployed again. Nothing that was refused or rolled back \
                 comes by itself\n{again}"
            )
        );
        let mut report = report(&[], &json!([]));
        report.still_rejected_as = Some("2-again".parse().unwrap());
        assert_eq!(
            not_rejected(&args(), &report, ""),
            format!(
                "the reject of release 2 of orders has ended, but its code is still rejected, as release 2-again: nothing \
                 deploys it until that reject ends too\n  deployctl unreject -f orders -r 2-again\n{again}"
            )
        );
    }
}
