//! A function that the deployer has deployed: the answers of the deployer's Lambda, of STS and of the target.

use serde_json::{Value, json};

use super::aws;
use super::home::Home;
use super::server::{Answer, Request, Server};

pub const ID: &str = "01M8A5XGD0ST9H1MN79C7EX22P";
/// A group that has brought the function and others.
pub const GROUP: &str = "0000000000F0M57FDAT7ZC1HD8";
const BEFORE: &str = "01M8A5XFDRZTNV54H8T47JKK4Z";
/// The target's account. Keys of anybody but `keys` belong to it.
pub const ACCOUNT: &str = "222222222222";
pub const REGION: &str = "eu-central-1";

/// A server where `special` answers first.
pub fn server(special: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) -> Server {
    Server::http(move |request| special(request).unwrap_or_else(|| answer(request)))
}

/// A person whose keys are the tooling account's, and whose profile `target` is the target's.
pub fn person(server: &Server) -> Home {
    let config = "[profile target]\naws_access_key_id = mine\naws_secret_access_key = secret\n";
    let logs = server.address("http");
    Home::calling(server).with_keys().config(config).with("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", &logs)
}

/// Whether this is the call with this name to CloudWatch Logs.
pub fn is_logs_call(request: &Request) -> bool {
    request.header("x-amz-target") == "Logs_20140328.FilterLogEvents"
}

pub fn ok(body: &Value) -> Answer {
    (200, "application/json", body.to_string())
}

/// A record of the function in `prod`, with its target.
pub fn record(id: &str, release: &str) -> Value {
    let target = json!({ "account": ACCOUNT, "region": REGION, "status": "succeeded", "function_name": "prod-orders",
        "alias": "serving", "version": "7", "previous": null, "error": null });
    let artifact = json!({ "bucket": "acme-artifacts", "key": format!("prod/orders/{release}.zip"),
        "version_id": format!("v-{release}"), "size": 1234, "sha256": null, "metadata": { "commit": format!("c-{release}") } });
    json!({ "id": id, "environment": "prod", "function": "orders", "release": release, "status": "succeeded", "code": null,
        "because": null, "cause": { "kind": "upload", "requested_by": null, "event_id": null }, "artifact": artifact,
        "targets": [target], "started_at": "2026-11-25T20:21:24Z", "finished_at": "2026-11-25T20:21:30Z" })
}

fn answer(request: &Request) -> Answer {
    let line = request.line.as_str();
    let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
    match command["command"].as_str() {
        Some("history") if command["environment"] == "prod" => {
            return ok(&json!({ "deployments": [record(ID, "1.4.3"), record(BEFORE, "1.4.2")] }));
        }
        Some("history") => return ok(&json!({ "deployments": [] })),
        Some("status") => {
            let target = json!({ "account": ACCOUNT, "region": REGION, "version": "7", "release": "1.4.3" });
            return ok(
                &json!({ "functions": [{ "environment": command["environment"], "function": "orders", "live": null,
                "targets": [target], "active": null, "pending": null, "hold": null, "rejected": false }] }),
            );
        }
        _ => {}
    }
    if request.body.contains("Action=GetCallerIdentity") {
        let account = if request.signer() == "keys" { "999999999999" } else { ACCOUNT };
        let body = format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <Arn>arn:aws:iam::{account}:user/ada</Arn><UserId>A</UserId><Account>{account}</Account>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>"
        );
        return (200, "text/xml", body);
    }
    if line.starts_with("GET /2015-03-31/functions/prod-orders/configuration?Qualifier=serving ") {
        return ok(&json!({ "FunctionName": "prod-orders", "LoggingConfig": { "LogGroup": "/acme/orders" } }));
    }
    if is_logs_call(request) {
        return ok(&json!({ "events": [] }));
    }
    aws::answer(request)
}
