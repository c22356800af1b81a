//! `approve`: with --yes it approves at once; otherwise it says before the plan what is known before.

use serde_json::{Value, json};

use super::deployed::{ID, ok, person, record, server};
use super::home::Outcome;

const APPROVE: [&str; 7] = ["approve", "-e", "prod", "-f", "orders", "--deployment", ID];
const BY_BOB: [&str; 2] = ["--requested-by", "bob"];

/// Runs `approve` against a deployer that cannot plan, and returns what it says and the commands that it sends. The
/// promotion that waits is ada's, and carl has approved it.
fn run(more: &[&str]) -> (Outcome, Vec<String>) {
    let server = server(|request| {
        let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
        match command["command"].as_str() {
            Some("approve") => Some(ok(&record(ID, "1.4.3"))),
            Some("status") => {
                let waiting = json!({ "deployment": ID, "from": "stage", "release": "1.4.3", "requested_by": "ada",
                    "since": "2026-11-25T20:00:00Z", "approvals": [{ "by": "carl", "at": "2026-11-25T20:01:00Z" }],
                    "approvals_wanted": 1, "expires_at": "2026-12-25T20:00:00Z", "because": "waits for an approval" });
                Some(ok(&json!({ "approved_by_name": ["prod"], "functions": [{ "environment": "prod",
                    "function": "orders", "live": null, "targets": [], "active": null, "pending": null, "hold": null,
                    "rejected": false, "waiting": [waiting] }] })))
            }
            Some("plan") => Some(ok(&json!({ "errorType": "Internal", "errorMessage": "no target answers" }))),
            _ => None,
        }
    });
    let outcome = person(&server).run(&[&APPROVE[..], more].concat());
    let command = |body: &str| Some(serde_json::from_str::<Value>(body).ok()?["command"].as_str()?.to_owned());
    (outcome, server.requests().iter().filter_map(|request| command(&request.body)).collect())
}

#[test]
fn approve_with_yes_sends_the_approval_and_nothing_else() {
    let (Outcome { exit, err }, sent) = run(&[&BY_BOB[..], &["--yes"]].concat());
    assert_eq!((exit, sent), (Some(0), vec!["approve".to_owned()]), "{err}");
    assert!(!err.contains("plan"), "{err}");
}

#[test]
fn plan_that_fails_without_a_terminal_is_told_and_holds_nothing_up() {
    let (Outcome { exit, err }, sent) = run(&BY_BOB);
    assert_eq!((exit, sent), (Some(0), vec!["status".to_owned(), "plan".to_owned(), "approve".to_owned()]), "{err}");
    assert!(err.contains("the plan cannot be shown: "), "{err}");
}

#[test]
fn requester_is_refused_before_the_plan() {
    let (Outcome { exit, err }, sent) = run(&["--requested-by", "ada"]);
    assert_eq!((exit, sent), (Some(2), vec!["status".to_owned()]), "{err}");
    assert_eq!(err, "error: ada has asked for this promotion, and somebody else must approve it\n");
}

#[test]
fn second_approval_of_one_person_is_told_and_shows_no_plan() {
    let (Outcome { exit, err }, sent) = run(&["--requested-by", "carl"]);
    assert_eq!((exit, sent), (Some(0), vec!["status".to_owned(), "approve".to_owned()]), "{err}");
    assert!(err.starts_with("carl has approved this promotion already: each person counts once\n"), "{err}");
}

#[test]
fn approve_without_a_name_is_wrong_use_before_anything_is_looked_up() {
    for more in [&[][..], &["--yes"]] {
        let (Outcome { exit, err }, sent) = run(more);
        assert_eq!((exit, sent), (Some(2), Vec::<String>::new()), "{err}");
        assert!(err.contains("somebody must be named who approves it: say --requested-by NAME"), "{err}");
    }
}
