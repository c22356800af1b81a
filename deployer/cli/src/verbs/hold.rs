//! `deployctl hold` and `release-hold`: a held function takes no new release until its hold is released.

use super::status;
use crate::answer::{Answer, CliError, by_whom, one_line};
use crate::follow;
use crate::remote::{self, open_deployments};
use crate::text::ago::moment;
use crate::text::records;
use deployer_core::hold_and_reject::Hold;
use deployer_core::record::Status;
use deployer_core::status::{FunctionStatus, OpenDeployment, ReleaseWays, StatusReport};
use deployer_core::text::{Person, PlainText};
use deployer_core::trigger::Command;
use jiff::Timestamp;

/// The options of `hold`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    #[command(flatten)]
    args: follow::FunctionArgs,
    /// The reason; users whose uploads are refused read it.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Hold a function to come, which no environment knows yet.
    #[arg(long)]
    new: bool,
    #[command(flatten)]
    requester: remote::Requester,
    #[command(flatten)]
    remote: remote::Options,
}

/// The options of `release-hold`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct ReleaseOptions {
    #[command(flatten)]
    args: follow::FunctionArgs,
    #[command(flatten)]
    requester: remote::Requester,
    #[command(flatten)]
    remote: remote::Options,
}

pub(crate) async fn run(options: &Options) -> Result<Answer, CliError> {
    let follow::FunctionArgs { environment, function } = &options.args;
    let reason = options.reason.clone();
    let command =
        Command::Hold { environment: environment.clone(), function: function.clone(), reason, new: options.new };
    let words = |report: &StatusReport, repeated: &str| held(&options.args, report, repeated);
    status::answer_after(&options.remote, &options.requester, command, words).await
}

pub(crate) async fn release(options: &ReleaseOptions) -> Result<Answer, CliError> {
    let follow::FunctionArgs { environment, function } = &options.args;
    let command = Command::ReleaseHold { environment: environment.clone(), function: function.clone() };
    let words = |report: &StatusReport, repeated: &str| released(&options.args, report.ways, repeated);
    status::answer_after(&options.remote, &options.requester, command, words).await
}

/// Says what is true of a held function, the hold that this one replaces, what the hold has ended, and how it is released.
fn held(args: &follow::FunctionArgs, report: &StatusReport, options: &str) -> String {
    let follow::FunctionArgs { environment, function } = args;
    let hold = report.functions.iter().find_map(|status| status.hold.as_ref());
    let reason = hold.map_or(String::new(), |hold| format!(" ({})", one_line(&hold.reason)));
    let still = still_works(report).map_or(String::new(), |still| format!(". {still}"));
    let mut text = format!(
        "{function} in {environment} is held{reason}: nothing is deployed there until the hold is released{still}\n"
    );
    if let Some(Hold { reason, requested_by, since, .. }) = &report.replaced_hold {
        text.push_str(&replaced("held", (requested_by.as_ref(), *since, reason)));
    }
    for status in &report.functions {
        for OpenDeployment { deployment, release, status: stage } in open_deployments::of(status) {
            let of = release.map_or(String::new(), |release| format!(" of {release}"));
            match stage {
                Status::InProgress if status.rollout.is_some() => text.push_str(&format!(
                    "deployment {deployment}{of} rolls out, and goes on, for a hold leaves no traffic half-way. To stop it:\n  \
                     deployctl rollout pause -e {environment} -f {function} --deployment {deployment}{options}\n  \
                     deployctl rollout abort -e {environment} -f {function} --deployment {deployment}{options}\n"
                )),
                Status::InProgress => {
                    text.push_str(&format!("deployment {deployment}{of} is under way, and goes on\n"))
                }
                // An older deployer does not say whether the hold has ended it.
                _ if status.open.is_empty() => text.push_str(&format!("deployment {deployment} is next\n")),
                _ => {}
            }
        }
    }
    text.extend(report.ended_waiting.iter().map(|one| format!("{}\n", records::ended_waiting(one))));
    text + &format!("To release it:\n  deployctl release-hold -e {environment} -f {function}{options}\n")
}

/// Says what a hold leaves possible: a rollback where there is something to leave or to stop, and promotions from what is live.
fn still_works(report: &StatusReport) -> Option<&'static str> {
    let goes_back = |status: &FunctionStatus| {
        status.live.is_some() || status.rollback_to.is_some() || status.active.or(status.pending).is_some()
    };
    let is_live = report.functions.iter().any(|status| status.live.is_some());
    let promoted_from = is_live && report.ways.is_some_and(|ways| ways.promoted_from);
    match (report.functions.iter().any(goes_back), promoted_from) {
        (true, true) => Some("A rollback still works, and so does a promotion from there"),
        (true, false) => Some("A rollback still works"),
        (false, _) => None,
    }
}

/// Says who has held the function, or rejected the release, before, since when and why.
pub(crate) fn replaced(how: &str, (by, since, reason): (Option<&Person>, Timestamp, &PlainText)) -> String {
    let by = by_whom(by.map(Person::as_str));
    format!("it was {how} already, since {}{by}: {}; that reason is replaced\n", moment(since), one_line(reason))
}

/// Says what is true of a function that is held no more, and how it is held again.
fn released(args: &follow::FunctionArgs, ways: Option<ReleaseWays>, options: &str) -> String {
    let follow::FunctionArgs { environment, function } = args;
    // An older deployer does not tell the ways.
    let taken = match ways.map(|ways| (ways.uploads, ways.promotions)) {
        Some((true, false)) => "uploads and deploys are",
        Some((false, true)) => "promotions are",
        Some((true, true)) => "uploads, deploys and promotions are",
        Some((false, false)) | None => "what the environment takes is",
    };
    format!(
        "{function} in {environment} is held no more: {taken} taken there again. What was refused meanwhile does not come by \
         itself\n\
         To hold it again:\n  deployctl hold -e {environment} -f {function} --reason TEXT{options}\n"
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn args() -> follow::FunctionArgs {
        follow::FunctionArgs { environment: "prod".parse().unwrap(), function: "orders".parse().unwrap() }
    }

    #[test]
    fn held_function_names_what_the_hold_has_ended_and_how_it_is_released() {
        let report = serde_json::from_value(json!({
            "functions": [{
                "environment": "prod", "function": "orders", "live": null, "targets": [], "pending": null, "rejected": false,
                "active": "01JD3Z9V7Q0000000000000001",
                "open": [{"deployment": "01JD3Z9V7Q0000000000000001", "release": "1.4.1", "status": "in_progress"}],
                "hold": {"reason": "stock-taking", "requested_by": "ann", "since": "2026-11-30T12:00:00Z"},
            }],
            "ended_waiting": [
                {"environment": "prod", "deployment": "01JD3Z9V7Q0000000000000002", "release": "1.4.2", "from": "stage",
                    "waited": "for an approval"},
                {"environment": "prod", "deployment": "01JD3Z9V7Q0000000000000003", "release": "1.4.3",
                    "waited": "for its turn"},
                {"environment": "prod", "deployment": "01JD3Z9V7Q0000000000000004", "release": "1.4.3", "from": "stage",
                    "waited": "for an approval", "functions": ["bills", "orders"]},
            ],
        }))
        .unwrap();
        assert_eq!(
            held(&args(), &report, " --profile acme"),
            "orders in prod is held (stock-taking): nothing is deployed there until the hold is released. A rollback still works\n\
             deployment 01JD3Z9V7Q0000000000000001 of 1.4.1 is under way, and goes on\n\
             ended: promotion 01JD3Z9V7Q0000000000000002 of 1.4.2 from stage to prod, which waited for an approval\n\
             ended: deployment 01JD3Z9V7Q0000000000000003 of 1.4.3 to prod, which waited for its turn\n\
             ended: group 01JD3Z9V7Q0000000000000004 of bills and orders from stage to prod, which waited for an approval\n\
             To release it:\n  deployctl release-hold -e prod -f orders --profile acme\n"
        );
    }

    #[test]
    fn hold_of_an_older_deployer_names_what_goes_on_and_what_is_next() {
        let report = serde_json::from_value(json!({"functions": [{
            "environment": "prod", "function": "orders", "live": null, "targets": [], "rejected": false,
            "active": "01JD3Z9V7Q0000000000000001", "pending": "01JD3Z9V7Q0000000000000002",
            "hold": {"reason": "sale", "requested_by": "ann", "since": "2026-11-30T12:00:00Z"},
        }]}));
        let text = held(&args(), &report.unwrap(), "");
        assert!(
            text.contains(
                "\ndeployment 01JD3Z9V7Q0000000000000001 is under way, and goes on\n\
                 deployment 01JD3Z9V7Q0000000000000002 is next\n\
                 To release it:\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn second_hold_tells_the_one_that_it_replaces() {
        let hold =
            |reason: &str, by: &str| json!({"reason": reason, "requested_by": by, "since": "2026-11-30T12:00:00Z"});
        let report = serde_json::from_value(json!({"functions": [{
            "environment": "prod", "function": "orders", "live": null, "targets": [], "active": null, "pending": null,
            "rejected": false, "hold": hold("typo", "ada"),
        }], "replaced_hold": hold("INC-50 do not touch", "bob")}))
        .unwrap();
        let text = held(&args(), &report, "");
        let told =
            "\nit was held already, since 2026-11-30 12:00:00Z by bob: INC-50 do not touch; that reason is replaced\n";
        assert!(text.starts_with("orders in prod is held (typo): ") && text.contains(told), "{text}");
    }

    #[test]
    fn hold_and_its_release_name_the_ways_that_the_environment_has() {
        let ways = |uploads, promotions, promoted_from| Some(ReleaseWays { uploads, promotions, promoted_from });
        for (ways, taken, from_there) in [
            (ways(true, false, true), "uploads and deploys are", true),
            (ways(false, true, false), "promotions are", false),
            (ways(true, true, false), "uploads, deploys and promotions are", false),
            (None, "what the environment takes is", false),
        ] {
            assert_eq!(
                released(&args(), ways, ""),
                format!(
                    "orders in prod is held no more: {taken} taken there again. What was refused meanwhile does not come by \
                     itself\n\
                     To hold it again:\n  deployctl hold -e prod -f orders --reason TEXT\n"
                )
            );
            let live = json!({
                "release": "1", "sha256": null, "deployment": "01JD3Z9V7Q0000000000000001", "since": "2026-11-30T12:00:00Z",
                "complete": true,
            });
            for (live, works) in [(live, true), (json!(null), false)] {
                let function = json!({
                    "environment": "prod", "function": "orders", "live": live, "targets": [], "active": null,
                    "pending": null, "rejected": false,
                });
                let mut report: StatusReport = serde_json::from_value(json!({ "functions": [function] })).unwrap();
                report.ways = ways;
                let text = held(&args(), &report, "");
                let still = "A rollback still works, and so does a promotion from there\n";
                assert_eq!(text.contains(still), works && from_there, "{text}");
                assert_eq!(
                    text.contains("A rollback still works"),
                    works,
                    "nothing is live, nothing goes back: {text}"
                );
            }
        }
    }
}
