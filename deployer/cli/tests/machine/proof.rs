//! Proofs of identity that commands carry.

use serde_json::{Value, json};

use super::aws;
use super::home::Home;
use super::server::{Answer, Request, Server};

const HOLD: [&str; 7] = ["hold", "-e", "prod", "-f", "orders", "--reason", "audit"];

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
