#![allow(clippy::unwrap_used)]
//! The texts of a status at the widths of terminals, with and without colours.

use deployer_core::id::FunctionPattern;
use deployer_core::status::StatusReport;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::filter::{Filter, State};
use super::{detail, table};
use crate::golden::{assert_golden, plain};
use crate::text_width::width;

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
    (report, filter.nothing())
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
    assert_eq!(nothing.as_deref(), Some("nothing was deployed yet for *-*\n"));
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
    assert!(text.contains(&by_first), "{text}");
}

fn rollout(more: &Value) -> Value {
    let target = |region: &str, weight: u8| {
        json!({"account": "111111111111", "region": region, "old": "6", "new": "7",
        "weight": weight, "at": "2026-11-28T17:10:03Z"})
    };
    let mut rollout = json!({
        "deployment": id(5), "release": "1.4.3", "phase": "shifting", "wave": 1, "waves": 2, "step": 1, "steps": 2,
        "weight": 10, "since": "2026-11-28T17:10:03Z", "due": "2026-11-28T17:24:03Z",
        "targets": [target("eu-west-1", 10), target("us-east-2", 0)],
    });
    for (name, value) in more.as_object().unwrap() {
        rollout[name] = value.clone();
    }
    let rolling =
        json!({"rollout": rollout, "active": id(5), "active_because": "the new version gets 10 % of the traffic"});
    let environments = ["prod"];
    json!({"functions": [status("orders-api", "prod", "1.4.2", rolling)], "environments": environments})
}

fn going_back() -> Value {
    let target = |region: &str, more: Value| {
        let mut target = json!({"account": "111111111111", "region": region, "old": "6", "new": "7", "weight": 0,
            "at": null});
        more.as_object().unwrap().iter().for_each(|(name, value)| target[name] = value.clone());
        target
    };
    let held_up = json!({"goes_back": true, "because": "111111111111/us-east-2: AccessDenied: UpdateAlias"});
    json!({"phase": "going_back", "weight": 0, "because": "1.4.3 failed 12 of 96 (12.5 %)", "targets": [
        target("eu-west-1", json!({"at": "2026-11-28T17:10:03Z"})), target("us-east-2", held_up),
    ]})
}

fn passed() -> Value {
    json!({"phase": "watching", "step": 3, "weight": 100, "due": null, "passed_at": "2026-11-28T17:19:00Z",
        "waits_for": ["billing", "stock"]})
}

fn paused() -> Value {
    json!({"due": "2026-11-29T17:12:00Z", "disarmed": ["orders-5xx"], "paused": {"since": "2026-11-28T17:12:00Z",
        "reason": "asked", "by": "ann", "because": "ann has asked for it: look at the logs"}})
}

#[test]
fn rollout_in_detail_says_what_it_does_until_when_and_the_commands_for_it() {
    for (name, more) in [
        ("shifting", json!({})),
        ("paused", paused()),
        ("watching", json!({"phase": "watching", "step": 3, "weight": 100})),
        ("going-back", going_back()),
    ] {
        let report: StatusReport = serde_json::from_value(rollout(&more)).unwrap();
        for columns in WIDTHS {
            let text = detail::text(&report, now(), Some(columns));
            assert_golden(&format!("rollout-{name}-{columns}.txt"), &plain(&text));
            let too_long = |line: &&str| width(line) > columns && !line.starts_with("deployctl rollout");
            assert_eq!(text.lines().find(too_long), None, "{columns}");
        }
    }
}

#[test]
fn rollout_in_the_table_stands_in_place_of_deploying() {
    for (more, said) in [
        (json!({}), "1.4.3 gets 10 %"),
        (paused(), "1.4.3 is paused at 10 %"),
        (passed(), "1.4.3 waits for its group"),
        (json!({"phase": "smoke", "weight": 0}), "1.4.3 is tested"),
        (json!({"phase": "going_back", "weight": 0, "because": "bad"}), "1.4.3 goes back"),
    ] {
        let report: StatusReport = serde_json::from_value(rollout(&more)).unwrap();
        let text = plain(&table::text(&report, now(), Some(80), "-"));
        assert!(text.contains(said) && !text.contains("deploying"), "{text}");
    }
}

#[test]
fn rollout_that_moves_or_finishes_says_so() {
    for (more, said) in [
        (json!({"since": null, "due": null}), "1.4.3 is about to get 10 % (step 1 of 2, wave 1 of 2)"),
        (
            json!({"phase": "smoke", "weight": 0, "due": null}),
            "1.4.3 is tested (step 1 of 2, wave 1 of 2) before it gets traffic",
        ),
        (
            passed(),
            "1.4.3 gets all traffic (wave 1 of 2), has passed its watch, and waits for billing and 1 other of its group",
        ),
        (json!({"finishes": true}), ", and finishes: no wait is longer than until 2026-11-28 17:24:03Z (in 4 min)"),
        (
            json!({"verdict": {"verdict": "quiet", "because": "1.4.3 had 12 of 50 invocations"}}),
            "looked at now: quiet: 1.4.3 had 12 of 50 invocations",
        ),
        (json!({"not_looked_at": "no answer within 10 seconds"}), "not looked at: no answer within 10 seconds"),
    ] {
        let report: StatusReport = serde_json::from_value(rollout(&more)).unwrap();
        let text = plain(&detail::text(&report, now(), None));
        assert!(text.contains(said), "{text}");
    }
}
