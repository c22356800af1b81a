#![allow(clippy::unwrap_used)]
//! The texts of a status at the widths of terminals, with and without colours.

mod rollouts;

use deployer_core::id::FunctionPattern;
use deployer_core::status::StatusReport;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::filter::{Filter, State};
use super::{detail, table};
use crate::answer::Exit;
use crate::text::golden::{assert_golden, plain};
use crate::text::width::width;

const WIDTHS: [usize; 4] = [60, 80, 120, 200];

fn now() -> Timestamp {
    "2026-11-28T17:20:00.5Z".parse().unwrap()
}

fn id(number: u8) -> String {
    format!("01M8HJPF9GGV79DDES31DZT8{number:02}")
}

/// Makes the status of a function that has a release live, with these fields in place of others.
fn status(function: &str, environment: &str, release: &str, more: Value) -> Value {
    let target = json!({"account": "111111111111", "region": "eu-west-1", "version": "7", "release": release});
    let mut status = json!({
        "environment": environment, "function": function, "targets": [target], "rejected": false, "active": null,
        "pending": null, "hold": null,
        "live": {"release": release, "deployment": id(1), "since": "2026-11-28T17:16:30.123456789Z", "sha256": null,
            "by": "ada"},
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        status[name] = value.clone();
    }
    status
}

/// Makes a report with everything that a table shows, in three environments of a chain.
fn report() -> StatusReport {
    let long = "invoices-reconciliation-monthly-worker-of-the-accounting-team";
    let behind = json!([{"environment": "dev", "release": "1.4.3", "since": "2026-11-28T17:00:00Z", "sha256": null,
        "releases": 2, "ahead_since": "2026-11-28T16:00:00.5Z"}]);
    let waiting = json!([{"deployment": id(3), "from": "stage", "release": "1.4.2", "requested_by": "bob",
        "since": "2026-11-28T17:10:00Z", "approvals_wanted": 2, "expires_at": "2026-12-05T17:10:00.25Z",
        "because": "waits for 2 approvals, until 2026-12-05T17:10:00Z at most"}]);
    let hold =
        json!({"reason": "stock-taking until Friday", "requested_by": "José García", "since": "2026-11-27T08:00:00Z"});
    let failed = json!({"deployment": id(4), "at": "2026-11-28T17:19:57.9Z"});
    let sha = "4f5c2e19d3b7a6c8e0f1a2b3c4d5e6f708192a3b";
    let functions = json!([
        status("orders-api", "dev", "1.4.3", json!({})),
        status("orders-api", "prod", "1.4.1", json!({"waiting": waiting, "hold": hold})),
        status("orders-api", "stage", "1.4.1", json!({"behind": behind, "active": id(5)})),
        status("stock", "dev", "2.0.0", json!({"last_failed": failed, "rejected": true})),
        status(long, "dev", sha, json!({})),
        status(
            long,
            "prod",
            "3.0.0",
            json!({"live": {"release": "3.0.0", "deployment": id(2), "sha256": null,
            "since": "2026-11-20T08:00:00Z", "by": "東京の人々の長い名前", "complete": false}})
        ),
    ]);
    let environments = ["dev", "stage", "prod"];
    serde_json::from_value(json!({"functions": functions, "environments": environments})).unwrap()
}

/// Makes a report of as many environments as no terminal has room for side by side.
fn wide() -> StatusReport {
    let names: Vec<String> = ["dev", "integration", "staging", "production-eu-west", "production-us-east", "canary"]
        .map(str::to_owned)
        .to_vec();
    let of = |function: &str| {
        names.iter().map(|name| status(function, name, "2026.11.28-rc.1", json!({}))).collect::<Vec<_>>()
    };
    let functions = [of("orders-api"), of("payments-worker")].concat();
    serde_json::from_value(json!({"functions": functions, "environments": names})).unwrap()
}

fn filtered(names: Option<&str>, states: &[State]) -> (StatusReport, Option<String>) {
    let names = names.map(|names| FunctionPattern::parse(names).unwrap());
    let (filter, mut report) = (Filter { names: names.as_ref(), states }, report());
    filter.keep(&mut report, now());
    (report, filter.nothing(None))
}

fn found(report: &StatusReport) -> Vec<String> {
    report.functions.iter().map(|status| format!("{}/{}", status.environment, status.function)).collect()
}

#[test]
fn group_that_waits_is_in_the_state_waiting() {
    let group = |decided_at: Value| {
        json!({"id": id(9), "environment": "prod", "from": "stage", "status": "pending", "phase": "checking",
            "because": null, "requested_by": "ada", "since": "2026-11-20T08:00:00Z", "decided_at": decided_at,
            "functions": [{"function": "bills", "release": "7", "deployment": id(8), "status": null}]})
    };
    let kept = |state, decided_at| {
        let mut report: StatusReport =
            serde_json::from_value(json!({"functions": [], "groups": [group(decided_at)]})).unwrap();
        Filter { names: None, states: &[state] }.keep(&mut report, now());
        report.groups.len()
    };
    assert_eq!(kept(State::Waiting, Value::Null), 1);
    assert_eq!(kept(State::Held, Value::Null), 0);
    assert_eq!(kept(State::Waiting, json!("2026-11-20T09:00:00Z")), 0);
}

#[test]
fn function_that_a_waiting_group_brings_shows_it_in_its_cell() {
    let member = |function: &str| json!({"function": function, "release": "9", "deployment": id(8), "status": null});
    let group = |phase: &str| {
        json!({"id": id(9), "environment": "prod", "from": "stage", "status": "pending", "phase": phase,
            "because": "stock: waits for an approval", "requested_by": "ada", "since": "2026-11-20T08:00:00Z",
            "approvals_wanted": 1, "functions": [member("orders-api"), member("stock")]})
    };
    let report = |phase: &str| -> StatusReport {
        let functions = [status("orders-api", "prod", "8", json!({})), status("stock", "stage", "9", json!({}))];
        let environments = ["stage", "prod"];
        serde_json::from_value(json!({"functions": functions, "environments": environments, "groups": [group(phase)]}))
            .unwrap()
    };
    let shown = |report: &StatusReport| plain(&table::text(report, now(), None, "-"));
    let waits = shown(&report("checking"));
    assert_eq!(waits.matches("9 wants an approval").count(), 2, "{waits}");
    assert!(waits.lines().any(|line| line.contains("stock") && line.ends_with("nothing live")), "{waits}");
    assert!(!shown(&report("moving")).contains("wants"));
    let mut waiting = report("checking");
    Filter { names: None, states: &[State::Waiting] }.keep(&mut waiting, now());
    assert_eq!((found(&waiting), waiting.groups.len()), (vec!["prod/orders-api".to_owned()], 1));
}

#[test]
fn pattern_without_a_match_is_refused_with_the_names_that_there_are() {
    let refused = |pattern: &str, environment: Option<&str>| {
        let names = FunctionPattern::parse(pattern).unwrap();
        let environment = environment.map(|name| name.parse().unwrap());
        Filter { names: Some(&names), states: &[] }.ensure_any(&report(), environment.as_ref())
    };
    let error = refused("ordesr-*", None).unwrap_err();
    assert_eq!((error.exit, error.error_type.as_ref()), (Exit::Refused, "UnknownFunction"));
    assert_eq!(error.message, "no function matches ordesr-*; did you mean orders-api?");
    let error = refused("zz*", Some("stage")).unwrap_err();
    assert!(error.message.starts_with("no function of stage matches zz*; it has "), "{}", error.message);
    assert!(refused("orders-*", None).is_ok());
    let (empty, all) = (StatusReport::default(), FunctionPattern::parse("*").unwrap());
    assert!(Filter { names: Some(&all), states: &[] }.ensure_any(&empty, None).is_ok(), "there may be none yet");
    let unreadable = StatusReport { unreadable: vec!["heads/dev/zz.json: cut off".to_owned()], ..report() };
    let names = FunctionPattern::parse("zz*").unwrap();
    let filter = Filter { names: Some(&names), states: &[] };
    assert!(filter.ensure_any(&unreadable, None).is_ok(), "what cannot be read may match");
}

#[test]
fn table_fits_terminals_of_60_to_200_columns() {
    for columns in WIDTHS {
        let coloured = table::text(&report(), now(), Some(columns), "-");
        assert_golden(&format!("status-{columns}.txt"), &plain(&coloured));
        assert_golden(&format!("status-{columns}-coloured.txt"), &coloured);
        assert_golden(&format!("status-wide-{columns}.txt"), &plain(&table::text(&wide(), now(), Some(columns), "-")));
    }
    for columns in 40..=220 {
        for report in [report(), wide()] {
            let text = table::text(&report, now(), Some(columns), "-");
            let longest = text.lines().map(width).max();
            assert!(longest <= Some(columns), "{columns}: {longest:?}\n{}", plain(&text));
        }
    }
}

#[test]
fn table_without_a_terminal_cuts_nothing() {
    let text = plain(&table::text(&report(), now(), None, "-"));
    assert!(text.contains("invoices-reconciliation-monthly-worker-of-the-accounting-team"), "{text}");
    assert!(text.contains("4f5c2e19d3b7a6c8e0f1a2b3c4d5e6f708192a3b v7") && !text.contains('…'), "{text}");
}

#[test]
fn environments_stand_in_the_order_of_promotion() {
    let heading = |report| plain(&table::text(&report, now(), None, "-")).lines().next().unwrap().to_owned();
    let words = |heading: String| heading.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(heading(report())), ["FUNCTION", "dev", "stage", "prod"]);
    let of_an_older_deployer = StatusReport { environments: vec![], ..report() };
    assert_eq!(words(heading(of_an_older_deployer)), ["FUNCTION", "dev", "prod", "stage"], "by name");
    let text = plain(&detail::text(&report(), now(), None));
    let places = ["orders-api in dev", "orders-api in stage", "orders-api in prod"].map(|words| text.find(words));
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{places:?}\n{text}");
}

#[test]
fn detail_fits_the_terminal_and_keeps_ids_and_commands_whole() {
    let (report, _) = filtered(Some("orders-api"), &[]);
    for columns in WIDTHS {
        let text = detail::text(&report, now(), Some(columns));
        assert_golden(&format!("status-detail-{columns}.txt"), &plain(&text));
        let too_long = |line: &&str| width(line) > columns && !line.contains("deployctl approve");
        assert_eq!(text.lines().find(too_long), None, "{columns}");
    }
    assert_golden("status-detail-80-coloured.txt", &detail::text(&report, now(), Some(80)));
}

#[test]
fn rejected_release_that_is_still_live_has_the_command_that_recalls_it() {
    let rejects = json!({"rejected": true, "rejects": [{"release": "1.4.2", "reason": "loses orders",
        "requested_by": "ada", "since": "2026-11-28T17:00:00Z"}]});
    let shown = |live: &str| {
        let functions =
            [status("orders-api", "dev", "1.4.1", json!({})), status("orders-api", "prod", live, rejects.clone())];
        let report = serde_json::from_value(json!({"functions": functions, "environments": ["dev", "prod"]})).unwrap();
        plain(&detail::text(&report, now(), None))
    };
    let live = shown("1.4.2");
    assert!(live.ends_with(": loses orders\n  recall   deployctl recall -f orders-api -r 1.4.2\n"), "{live}");
    assert!(!shown("1.4.1").contains("deployctl recall"));
}

#[test]
fn texts_have_no_time_finer_than_a_second() {
    let texts = [table::text(&report(), now(), None, "-"), detail::text(&report(), now(), None)];
    for text in texts {
        let is_fine = |word: &str| word.contains(':') && word.contains('.') && word.contains('Z');
        assert_eq!(text.split_whitespace().find(|word| is_fine(word)), None, "{text}");
    }
}

#[test]
fn pattern_keeps_the_functions_whose_names_match() {
    let (kept, nothing) = filtered(Some("*-*"), &[]);
    assert_eq!(kept.functions.len(), 5);
    assert!(!found(&kept).contains(&"dev/stock".to_owned()));
    assert_eq!(nothing, None);
    assert_eq!(found(&filtered(Some("stoc"), &[]).0), [""; 0]);
}

#[test]
fn states_keep_functions_where_they_are_in_one_of_them() {
    for (states, expected) in [
        (&[State::Failed][..], &["dev/stock"][..]),
        (&[State::Rejected], &["dev/stock"]),
        (&[State::Held, State::Failed], &["prod/orders-api", "dev/stock"]),
        (&[State::Waiting], &["prod/orders-api"]),
        (&[State::Behind], &["stage/orders-api"]),
        (&[State::Deploying], &["stage/orders-api"]),
        (&[State::Pending, State::Split, State::Late], &[]),
        (&[State::Incomplete], &["prod/invoices-reconciliation-monthly-worker-of-the-accounting-team"]),
    ] {
        assert_eq!(found(&filtered(None, states).0), expected, "{states:?}");
    }
    let (kept, nothing) = filtered(Some("orders-*"), &[State::Held, State::Failed]);
    assert_eq!(found(&kept), ["prod/orders-api"]);
    assert_eq!(nothing.as_deref(), Some("no function orders-* is in one of these states: held, failed\n"));
    let text = plain(&table::text(&kept, now(), None, ""));
    assert_eq!(text.lines().next(), Some("FUNCTION     prod"), "{text}");
}

#[test]
fn rejected_waiting_release_is_told_to_end_and_gets_no_approve_line() {
    let waiting = |more: Value| {
        let mut one = json!({"deployment": id(3), "from": "stage", "release": "4.0.0", "requested_by": "bob",
            "since": "2026-11-28T17:10:00Z", "approvals_wanted": 1, "expires_at": "2026-12-05T17:10:00Z",
            "because": "waits for an approval"});
        for (name, value) in more.as_object().into_iter().flatten() {
            one[name] = value.clone();
        }
        let functions = [status("orders", "prod", "3", json!({"waiting": [one]}))];
        serde_json::from_value::<StatusReport>(json!({"functions": functions, "environments": ["prod"]})).unwrap()
    };
    let (open, rejected) = (waiting(json!({})), waiting(json!({"rejected": true})));
    let text = |report: &StatusReport| plain(&detail::text(report, now(), None));
    assert!(text(&open).contains("4.0.0 from stage waits for an approval (") && text(&open).contains("\n  approve  "));
    let text = text(&rejected);
    assert!(text.contains("  waiting  4.0.0 from stage is rejected: it ends with the next sweep (asked for"), "{text}");
    assert!(!text.contains("approve"), "{text}");
    let table = plain(&table::text(&rejected, now(), None, "-"));
    assert!(table.contains("4.0.0 is rejected") && !table.contains("approval"), "{table}");
}

#[test]
fn rejected_release_that_an_environment_is_behind_is_marked() {
    let behind = json!([{"environment": "stage", "release": "2.0.0", "since": "2026-11-28T17:00:00Z", "sha256": null,
        "releases": 1, "ahead_since": "2026-11-28T16:00:00Z", "rejected": true}]);
    let functions = [status("orders", "prod", "1", json!({"behind": behind}))];
    let report: StatusReport = serde_json::from_value(json!({"functions": functions})).unwrap();
    let text = plain(&detail::text(&report, now(), None));
    assert!(text.contains("it has 2.0.0 (rejected)\n"), "{text}");
    let table = plain(&table::text(&report, now(), None, "-"));
    assert!(table.contains("behind stage (2.0.0, rejected)"), "{table}");
}

#[test]
fn release_that_was_rolled_back_here_is_marked_behind() {
    let behind = |rejected: bool| {
        json!([{"environment": "stage", "release": "2.0.0", "since": "2026-11-28T17:00:00Z", "sha256": null, "releases": 1,
            "ahead_since": "2026-11-28T16:00:00Z", "rejected": rejected, "rolled_back": true}])
    };
    for (rejected, words, in_table) in [
        (false, "it has 2.0.0 (rolled back here)\n", "behind stage (2.0.0, rolled back here)"),
        (true, "it has 2.0.0 (rejected, and rolled back here)\n", "behind stage (2.0.0, rejected)"),
    ] {
        let functions = [status("orders", "prod", "1", json!({"behind": behind(rejected)}))];
        let report: StatusReport = serde_json::from_value(json!({"functions": functions})).unwrap();
        let text = plain(&detail::text(&report, now(), None));
        assert!(text.contains(words), "{text}");
        let table = plain(&table::text(&report, now(), None, "-"));
        assert!(table.contains(in_table), "{table}");
    }
}

#[test]
fn status_names_those_who_approved_what_is_live() {
    let live = json!({"release": "3", "deployment": id(1), "since": "2026-11-28T17:16:30Z", "sha256": null, "by": "ada",
        "approved_by": ["bob", "cleo"]});
    let functions = [status("orders", "prod", "3", json!({"live": live}))];
    let report: StatusReport = serde_json::from_value(json!({"functions": functions})).unwrap();
    let text = plain(&detail::text(&report, now(), None));
    assert!(text.contains(" by ada, approved by bob and cleo, deployment "), "{text}");
}

#[test]
fn status_of_renamed_code_keeps_the_two_deployments_apart() {
    let renamed = json!({"release": "4", "deployment": id(2), "since": "2026-11-28T17:18:00Z", "by": "dora"});
    let live = json!({"release": "4", "deployment": id(1), "since": "2026-11-28T17:16:30Z", "sha256": null, "by": "ada",
        "approved_by": ["bob"], "renamed": renamed, "renamed_approved_by": ["cleo"]});
    let functions = [status("orders", "prod", "4", json!({"live": live}))];
    let report: StatusReport = serde_json::from_value(json!({"functions": functions})).unwrap();
    let text = plain(&detail::text(&report, now(), None));
    let (renamer, first) = (id(2), id(1));
    let by_renamer = format!(" by dora, approved by cleo, deployment {renamer}; the same code is live since ");
    assert!(text.contains(&by_renamer), "{text}");
    let by_first = format!(" by ada, approved by bob, deployment {first}, under another name before\n");
    assert!(text.contains(&by_first), "an older deployer has not kept the name: {text}");
    let mut report = serde_json::to_value(report).unwrap();
    report["functions"][0]["live"]["renamed"]["first"] = json!("3");
    let text = plain(&detail::text(&serde_json::from_value(report).unwrap(), now(), None));
    assert!(text.contains(&format!(" by ada, approved by bob, deployment {first}, as 3 before\n")), "{text}");
}

#[test]
fn function_that_came_with_others_names_them() {
    let group = "0000000000F0M57FDAT7ZC1HD8";
    let live = json!({"release": "2", "deployment": id(1), "since": "2026-11-28T17:16:30Z", "sha256": null,
        "came_with": {"group": group, "functions": [{"function": "bills", "release": "7"}]}});
    let status = serde_json::from_value(status("orders", "prod", "2", json!({ "live": live }))).unwrap();
    let text = plain(&detail::one(&status, now(), None));
    assert!(text.contains(&format!("\n  with     bills 7, which came with it in group {group}\n")), "{text}");
}
