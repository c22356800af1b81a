//! `recall` asks before it moves anything; without a terminal it takes --yes. A misspelt name comes before that.

use serde_json::{Value, json};

use super::deployed::{GROUP, ID, ok, person, record, server};
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
fn recall_names_the_others_of_the_group_by_the_status_of_its_function() {
    let rollback = record("01M8A5XGD0ST9H1MN79C7EX22R", "1.4.2");
    let server = server(move |request| {
        let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let beside = json!({ "group": GROUP, "functions": [{ "function": "bills", "release": "7" }] });
        let left = json!({ "release": "1.4.3", "deployment": ID, "came_with": beside });
        match command["command"].as_str() {
            Some("recall") => Some(ok(&json!({ "function": "orders", "release": "1.4.3", "environments": [
                { "environment": "prod", "left": "1.4.3", "deployment": rollback, "because": null }] }))),
            Some("status") if command["function"] == "orders" => Some(ok(&json!({ "functions": [{
                "environment": "prod", "function": "orders", "live": null, "left": left, "targets": [], "active": null,
                "pending": null, "hold": null, "rejected": false }] }))),
            _ => None,
        }
    });
    let (Outcome { exit, err }, out) =
        person(&server).run_with_output(&["recall", "-f", "orders", "-r", "1.4.3", "--yes"]);
    assert_eq!(exit, Some(0), "{err}");
    assert!(out.contains(&format!("\nbills 7 came with 1.4.3 in group {GROUP}, and is still live in prod. ")), "{out}");
}
