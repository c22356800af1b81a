//! Proofs of identity that commands carry.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::aws;
use super::home::Home;
use super::server::{Answer, Request, Server};

const HOLD: [&str; 9] = ["hold", "-e", "prod", "-f", "orders", "--reason", "audit", "--output", "json"];

/// The commands that have come to the Lambda.
fn commands(server: &Server) -> Vec<Value> {
    let to_lambda = server.requests().into_iter().filter(|request| request.line.contains("/functions/"));
    to_lambda.map(|request| serde_json::from_str(&request.body).unwrap()).collect()
}

/// A deployer that takes no proofs yet.
fn older(request: &Request) -> Answer {
    let is_proven = request.line.contains("/functions/") && request.body.contains("\"identity\"");
    if !is_proven {
        return aws::answer(request);
    }
    let message = "command hold: unknown field `identity`, expected one of `environment`, `function`, `reason`";
    (200, "application/json", json!({"errorType": "InvalidCommand", "errorMessage": message}).to_string())
}

#[test]
fn command_that_changes_something_carries_a_proof_for_its_deployer() {
    let server = Server::http(aws::answer);
    let home = Home::calling(&server).with_keys();
    let name = "arn:aws:lambda:eu-west-1:123456789012:function:deployer:live";
    for arguments in [&HOLD[..], &["status"]] {
        let outcome = home.run(&[arguments, &["--function-name", name]].concat());
        assert_eq!(outcome.exit, Some(0), "{outcome:?}");
    }
    let [held, status] = &commands(&server)[..] else { panic!("{:?}", server.requests()) };
    let identity = &held["identity"];
    assert_eq!(identity["access_key_id"], "keys");
    assert_eq!(identity["audience"], "arn:aws:lambda:eu-west-1:123456789012:function:deployer");
    assert_eq!(identity["signature"].as_str().unwrap().len(), 64);
    assert_eq!((&identity["session_token"], &status["identity"]), (&Value::Null, &Value::Null));
    assert!(!held.to_string().contains("secret"), "{held}");
}

#[test]
fn word_about_a_rollout_carries_a_proof() {
    let server = Server::http(aws::answer);
    let about = ["-e", "prod", "-f", "orders", "--deployment", "01JBJ4GZ00ABCDEFGH0123456J", "--yes"];
    for action in ["pause", "continue", "finish", "abort"] {
        let outcome = Home::calling(&server).with_keys().run(&[&["rollout", action], &about[..]].concat());
        assert_eq!(outcome.exit, Some(0), "{outcome:?}");
    }
    let words: Vec<Value> = commands(&server).into_iter().filter(|sent| sent["command"] == "rollout").collect();
    assert_eq!(words.len(), 4, "{words:?}");
    assert!(words.iter().all(|word| word["identity"]["signature"].is_string() && word["id"].is_string()), "{words:?}");
}

#[test]
fn account_of_a_function_that_is_called_by_its_name_is_asked_of_sts() {
    let server = Server::http(aws::answer);
    let outcome = Home::calling(&server).with_keys().run(&HOLD);
    assert_eq!(outcome.exit, Some(0), "{outcome:?}");
    let audience = commands(&server)[0]["identity"]["audience"].as_str().unwrap().to_owned();
    assert!(
        audience.starts_with("arn:aws:lambda:eu-west-1:") && audience.ends_with(":function:deployer"),
        "{audience}"
    );
}

#[test]
fn older_deployer_is_asked_again_without_a_proof() {
    let server = Server::http(older);
    let outcome = Home::calling(&server).with_keys().run(&HOLD);
    assert_eq!(outcome.exit, Some(0), "{outcome:?}");
    let [proven, plain] = &commands(&server)[..] else { panic!("{:?}", server.requests()) };
    assert!(proven["identity"].is_object() && plain.get("identity").is_none());
    assert_eq!(proven["id"], plain["id"], "it is the same request");
}

/// The record of a redeploy in this state.
fn record(status: &str) -> Answer {
    let record = json!({"schema": 1, "id": "01JBJ4GZ00ABCDEFGH0123456J", "environment": "dev", "function": "orders",
        "release": "1", "status": status, "code": null, "because": null,
        "cause": {"kind": "redeploy", "requested_by": "ann", "event_id": "r"}, "artifact": null, "targets": [],
        "started_at": "2026-11-30T12:00:00Z", "finished_at": null});
    (200, "application/json", record.to_string())
}

/// Redeploys at a deployer that ends the deployment in its third answer, and returns whether each request had a proof.
fn proofs_of_looks(refusal_without: Option<&'static str>) -> Vec<bool> {
    let asked = AtomicUsize::new(0);
    let server = Server::http(move |request| {
        if !request.line.contains("/functions/") {
            return aws::answer(request);
        }
        if let (Some(message), false) = (refusal_without, request.body.contains("\"identity\"")) {
            let refusal = json!({"errorType": "InvalidCommand", "errorMessage": message});
            return (200, "application/json", refusal.to_string());
        }
        record(if asked.fetch_add(1, Ordering::Relaxed) < 2 { "in_progress" } else { "succeeded" })
    });
    let outcome = Home::calling(&server).with_keys().run(&["redeploy", "-e", "dev", "-f", "orders"]);
    assert_eq!(outcome.exit, Some(0), "{outcome:?}");
    let commands = commands(&server);
    assert!(commands.iter().all(|command| command["id"] == commands[0]["id"]), "{commands:?}");
    commands.iter().map(|command| command["identity"].is_object()).collect()
}

#[test]
fn looks_at_an_accepted_request_carry_no_proof() {
    assert_eq!(proofs_of_looks(None), [true, false, false]);
}

/// Recalls a release at a deployer that takes recalls from proven identities only, and returns whether each request had
/// a proof.
fn proofs_of_recall() -> Vec<bool> {
    let asked = AtomicUsize::new(0);
    let server = Server::http(move |request| {
        if !request.line.contains("/functions/") {
            return aws::answer(request);
        }
        let (_, _, record) =
            record(if asked.fetch_add(1, Ordering::Relaxed) < 2 { "in_progress" } else { "succeeded" });
        let record: Value = serde_json::from_str(&record).unwrap();
        let one = json!({"environment": "dev", "deployment": record, "because": null});
        let recalled = json!({"function": "orders", "release": "2", "environments": [one]});
        (200, "application/json", recalled.to_string())
    });
    let outcome = Home::calling(&server).with_keys().run(&["recall", "-f", "orders", "-r", "2", "--yes"]);
    assert_eq!(outcome.exit, Some(0), "{outcome:?}");
    let recalls = commands(&server).into_iter().filter(|command| command["command"] == "recall");
    recalls.map(|command| command["identity"].is_object()).collect()
}

#[test]
fn looks_at_a_recall_carry_a_proof_so_that_none_is_refused() {
    assert_eq!(proofs_of_recall(), [true, true, true]);
}

#[test]
fn looks_carry_a_proof_where_the_deployer_wants_it_each_time() {
    std::thread::scope(|scope| {
        for refusal in [
            "dev takes it from proven identities only, and the request carries no proof (identity)",
            "this deployer wants to know who asks",
        ] {
            scope.spawn(move || assert_eq!(proofs_of_looks(Some(refusal)), [true, false, true, true], "{refusal}"));
        }
    });
}
