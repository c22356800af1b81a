//! A deployer that is older or newer than this deployctl: what one says that the other does not know.

use serde_json::{Value, json};

use super::deployed::{ID, ok, person, record, server};
use super::home::Outcome;

/// Runs a verb against a deployer that answers every command with this; returns what is said on both outputs, and how many
/// commands it was sent.
fn run(arguments: &[&str], answer: Value) -> (Outcome, String, usize) {
    let server = server(move |request| request.line.contains("/functions/deployer").then(|| ok(&answer)));
    let (outcome, out) = person(&server).run_with_output(arguments);
    let sent = server.requests().iter().filter(|request| request.body.contains("\"command\"")).count();
    (outcome, out, sent)
}

#[test]
fn error_that_only_a_newer_deployer_knows_keeps_its_name_and_is_sent_once() {
    let newer = json!({ "errorType": "BudgetSpent", "errorMessage": "the budget of orders is spent" });
    for verb in [
        &["status"][..],
        &["redeploy", "-e", "dev", "-f", "orders"],
        &["hold", "-e", "dev", "-f", "orders", "--reason", "x"],
    ] {
        let (Outcome { exit, err }, _, sent) = run(verb, newer.clone());
        assert_eq!((exit, sent), (Some(1), 1), "{verb:?}: {err}");
        let told = "error: the budget of orders is spent\n  this deployctl does not know the deployer's error BudgetSpent: update deployctl\n";
        assert_eq!(err, told, "{verb:?}");
        let (Outcome { exit, .. }, out, _) = run(&[verb, &["-o", "json"]].concat(), newer.clone());
        let answer: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((exit, &answer["errorType"]), (Some(1), &json!("BudgetSpent")), "{out}");
    }
}

#[test]
fn error_of_lambda_itself_is_no_newer_deployers() {
    for error_type in ["Runtime.ExitError", ""] {
        let (Outcome { exit, err }, out, _) =
            run(&["status", "-o", "json"], json!({ "errorType": error_type, "errorMessage": "exited" }));
        let answer: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((exit, answer), (Some(1), json!({ "errorType": "Internal", "errorMessage": "exited" })), "{err}");
    }
}

#[test]
fn record_of_a_newer_deployer_is_shown_with_what_is_known_of_it() {
    let mut newer = record(ID, "1.4.3");
    newer["status"] = json!("failed");
    (newer["code"], newer["because"]) = (json!("BudgetSpent"), json!("the budget is spent"));
    newer["cause"]["kind"] = json!("forecast");
    newer["forecast"] = json!({ "of": "later" });
    newer["targets"][0]["status"] = json!("failed");
    newer["targets"][0]["error"] = json!({ "code": "NoBudget", "message": "spent", "step": "pay", "more": 1 });
    let history = json!({ "deployments": [newer], "more": true });
    let (Outcome { exit, err }, out, _) = run(&["history", "-e", "prod", "-f", "orders"], history);
    assert_eq!((exit, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("failed") && out.contains("the budget is spent"), "{out}");
}

#[test]
fn answers_of_an_older_deployer_are_read_without_newer_fields() {
    let status = json!({ "functions": [{ "environment": "prod", "function": "orders",
        "live": { "release": "1.4.2", "deployment": ID, "since": "2026-11-25T20:21:30Z", "sha256": null },
        "targets": [], "active": null, "pending": null,
        "hold": { "reason": "stock-taking", "requested_by": "ada", "since": "2026-11-25T21:00:00Z" }, "rejected": false }] });
    let of = ["-e", "prod", "-f", "orders"];
    for verb in [&["status"][..], &["hold", "--reason", "stock-taking"]] {
        let (Outcome { exit, err }, out, _) = run(&[verb, &of].concat(), status.clone());
        assert_eq!((exit, err.as_str()), (Some(0), ""), "{verb:?}: {out}");
        assert!(out.contains("stock-taking") && !out.contains("in place of"), "{verb:?}: {out}");
    }
    // Its records have no `claimed_at`, and its refusals are of one kind.
    let (Outcome { exit, err }, out, _) =
        run(&[&["history"], &of[..]].concat(), json!({ "deployments": [record(ID, "1.4.2")] }));
    assert!(exit == Some(0) && out.contains("1.4.2"), "{out}{err}");
    let unknown = json!({ "errorType": "InvalidCommand", "errorMessage": "no release 9 of orders is known" });
    let (Outcome { exit, err }, ..) = run(&["reject", "-f", "orders", "-r", "9", "--reason", "x"], unknown);
    assert_eq!((exit, err.as_str()), (Some(2), "error: no release 9 of orders is known\n"));
}

#[test]
fn refusal_by_a_rule_exits_with_3_whatever_the_verb() {
    let refused = json!({ "errorType": "Refused", "errorMessage": "ada has asked for this promotion" });
    for verb in [
        &["approve", "-e", "prod", "-f", "orders", "--deployment", ID, "--yes", "--requested-by", "ada"][..],
        &["reject", "-f", "orders", "-r", "9", "--reason", "x"],
        &["hold", "-e", "prod", "-f", "orders", "--reason", "x"],
        &["rollout", "pause", "-e", "prod", "-f", "orders", "--deployment", ID],
    ] {
        let (Outcome { exit, err }, ..) = run(verb, refused.clone());
        assert_eq!((exit, err.as_str()), (Some(3), "error: ada has asked for this promotion\n"), "{verb:?}");
    }
}
