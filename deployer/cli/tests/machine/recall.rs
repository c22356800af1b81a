//! `recall` asks before it moves anything; without a terminal it takes --yes. A misspelt name comes before that.

use serde_json::{Value, json};

use super::deployed::{GROUP, ok, person, record, server};
use super::home::Outcome;

/// Runs a verb, and returns what it says and the commands that it sends.
fn run(arguments: &[&str]) -> (Outcome, Vec<String>) {
    let server = server(|request| {
        let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let recalled = json!({ "function": "orders", "release": "1.4.3", "environments": [] });
        (command["command"] == "recall").then(|| ok(&recalled))
    });
    let outcome = person(&server).run(arguments);
    let command = |body: &str| Some(serde_json::from_str::<Value>(body).ok()?["command"].as_str()?.to_owned());
    (outcome, server.requests().iter().filter_map(|request| command(&request.body)).collect())
}

#[test]
fn recall_without_a_terminal_takes_yes_and_only_looks_before() {
    let recall = ["recall", "-f", "orders", "-r", "1.4.3"];
    let (Outcome { exit, err }, sent) = run(&recall);
    assert_eq!((exit, sent), (Some(2), vec!["status".to_owned()]), "{err}");
    assert!(err.contains("nobody is at a terminal who could confirm it: say --yes"), "{err}");
    let (Outcome { exit, err }, sent) = run(&[&recall[..], &["--yes"]].concat());
    assert_eq!((exit, sent), (Some(0), vec!["recall".to_owned()]), "{err}");
}

#[test]
fn recall_names_the_others_of_the_group_that_stay_live_each_time() {
    let rollback = record("01M8A5XGD0ST9H1MN79C7EX22R", "1.4.2");
    let beside = json!({ "group": GROUP, "functions": [{ "function": "bills", "release": "7" }] });
    let recalled = json!({ "function": "orders", "release": "1.4.3", "environments": [
        { "environment": "prod", "left": "1.4.3", "came_with": beside, "deployment": rollback, "because": null }] });
    let server = server(move |request| {
        let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
        (command["command"] == "recall").then(|| ok(&recalled))
    });
    let recall = ["recall", "-f", "orders", "-r", "1.4.3", "--yes"];
    for more in [&[][..], &["--id", "again"]] {
        let (Outcome { exit, err }, out) = person(&server).run_with_output(&[&recall[..], more].concat());
        assert_eq!(exit, Some(0), "{err}");
        let told = format!("\nbills 7 came with 1.4.3 in group {GROUP}, and is still live in prod. ");
        assert!(out.contains(&told) && out.ends_with("\n  deployctl rollback -e prod -f bills\n"), "{out}");
        let (_, out) = person(&server).run_with_output(&[&recall[..], more, &["--output", "json"]].concat());
        let answer: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(answer["environments"][0]["came_with"], beside, "{answer:#}");
    }
}

#[test]
fn recall_of_what_is_rejected_and_live_nowhere_asks_nothing() {
    let reject =
        json!({ "release": "1.4.3", "reason": "leaks", "requested_by": "ada", "since": "2026-11-30T11:00:00Z" });
    let status = json!({ "functions": [{ "environment": "prod", "function": "orders", "live": null, "targets": [],
        "active": null, "pending": null, "hold": null, "rejected": false, "rejects": [reject] }] });
    let server = server(move |request| {
        let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
        (command["command"] == "status").then(|| ok(&status))
    });
    let recall = ["recall", "-f", "orders", "-r", "1.4.3"];
    for reason in [&[][..], &["--reason", "leaks"]] {
        let (Outcome { exit, err }, out) = person(&server).run_with_output(&[&recall[..], reason].concat());
        let nothing = "1.4.3 of orders is rejected already (leaks), and is live nowhere: there is nothing to recall\n";
        assert_eq!((exit, out.as_str()), (Some(0), nothing), "{err}");
    }
    // Another reason would replace the one that it has.
    let (Outcome { exit, err }, _) = person(&server).run_with_output(&[&recall[..], &["--reason", "slow"]].concat());
    assert!(exit == Some(2) && err.contains("nobody is at a terminal"), "{err}");
}

#[test]
fn recall_of_rejected_code_that_is_live_under_another_label_asks() {
    let sha256 = format!("{}=", "A".repeat(43));
    let reject = |release: &str, sha256: &[&str]| {
        json!({ "release": release, "sha256": sha256, "reason": "leaks", "requested_by": "ada",
            "since": "2026-11-30T11:00:00Z" })
    };
    let live = json!({ "release": "2.0.1", "deployment": "01M8A5XGD0ST9H1MN79C7EX22R",
        "since": "2026-11-30T11:59:00Z", "sha256": sha256 });
    let serves = json!([{ "account": "111111111111", "region": "eu-west-1", "version": "1", "release": "2.0.1",
        "rejected": true }]);
    for (case, reject, live, rejected, targets) in [
        ("the code", reject("2.0.0", &[&sha256]), live.clone(), true, json!([])),
        ("what the deployer knows", reject("2.0.0", &[]), live, true, json!([])),
        ("a target", reject("2.0.0", &[]), json!(null), false, serves),
    ] {
        let status = json!({ "functions": [{ "environment": "prod", "function": "orders", "live": live,
            "targets": targets, "active": null, "pending": null, "hold": null, "rejected": rejected,
            "rollback_to": "1.9.0", "rejects": [reject] }] });
        let server = server(move |request| {
            let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
            (command["command"] == "status").then(|| ok(&status))
        });
        let (Outcome { exit, err }, out) = person(&server).run_with_output(&["recall", "-f", "orders", "-r", "2.0.0"]);
        assert_eq!(exit, Some(2), "{case}: {out}");
        assert!(err.contains("nobody is at a terminal"), "{case}: {err}");
    }
}
