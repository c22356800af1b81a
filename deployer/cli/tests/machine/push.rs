//! `push` says each thing once, and only what is true of the environment, as far as the ledger bucket tells.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use serde_json::json;

use super::aws::xml_error;
use super::deployed::{ID, record};
use super::home::{Home, Outcome};
use super::server::Server;

const TO: [&str; 9] =
    ["-e", "dev", "-f", "orders", "-r", "1", "--bucket", "acme-artifacts", "--skip-environment-check"];
const LEDGER: [&str; 2] = ["--ledger", "acme-ledger"];
/// The words about an environment of which nothing is known.
const IGNORED: &str = "the deployer ignores an upload to an environment that deployer.json does not have";

/// A person in front of S3, where the notice of `dev` is this one or missing. S3 takes uploads.
fn person(notice: Option<String>) -> (Home, Server) {
    let server = Server::http(move |request| match (&notice, request.line.as_str()) {
        (Some(notice), line) if line.contains("/results/dev/environment.json") => {
            (200, "application/json", notice.clone())
        }
        (_, line) if line.contains("list-type=2") => {
            let prefix = |name: &str| format!("<CommonPrefixes><Prefix>results/{name}/</Prefix></CommonPrefixes>");
            let listed = [prefix("prod"), prefix("dev"), prefix("stage")].concat();
            (200, "application/xml", format!("<ListBucketResult>{listed}</ListBucketResult>"))
        }
        (_, line) if line.starts_with("PUT ") => (200, "application/xml\r\nx-amz-version-id: v1", String::new()),
        _ => (404, "application/xml", xml_error("NoSuchKey", "no")),
    });
    let home = Home::calling(&server).with_keys().file("hello/index.js", "exports.handler = async () => 'ok';\n");
    (home, server)
}

fn notice(accepts: bool) -> String {
    let at = Timestamp::now();
    format!(
        r#"{{"schema": 1, "format": 1, "environment": "dev", "accept_uploads": {accepts}, "uploads_to": [], "at": "{at}"}}"#
    )
}

#[test]
fn push_to_a_known_environment_says_size_and_hash_once_and_warns_of_nothing() {
    let (home, _) = person(Some(notice(true)));
    let (Outcome { exit, err }, out) =
        home.run_with_output(&[&["push", &home.path("hello")], &TO[..8], &LEDGER].concat());
    assert_eq!(exit, Some(0), "{err}");
    let said = format!("{err}{out}");
    assert_eq!((said.matches("sha256 ").count(), said.matches(" bytes, ").count()), (1, 1), "{said}");
    let told = "uploaded s3://acme-artifacts/dev/orders/1.zip\n  S3 version id v1\n  its result will be \
                results/dev/orders/1/v1.json in the ledger bucket\n";
    assert_eq!(out, told);
}

#[test]
fn push_without_a_ledger_bucket_says_what_the_deployer_ignores() {
    let (home, _) = person(None);
    let (Outcome { exit, err }, out) = home.run_with_output(&[&["push", &home.path("hello")], &TO[..8]].concat());
    assert!(exit == Some(0) && out.ends_with(&format!("  {IGNORED}; its log says so\n")), "{out}{err}");
}

#[test]
fn push_to_a_misspelt_environment_is_wrong_use_with_a_hint_and_uploads_nothing() {
    for (environment, hint) in [("devv", "; did you mean dev?"), ("qqq", "; known here: dev, prod, stage")] {
        for wait in [&[][..], &["--wait"]] {
            let (home, server) = person(Some(notice(true)));
            let code = home.path("hello");
            let to = ["push", &code, "-e", environment, "-f", "orders", "-r", "1", "--bucket", "acme-artifacts"];
            let Outcome { exit, err } = home.run(&[&to[..], &LEDGER, wait].concat());
            assert_eq!(exit, Some(2), "{err}");
            let message =
                format!("error: the deployer knows no environment {environment}, and ignores uploads to it{hint}\n");
            assert!(err.contains(&message), "{err}");
            assert!(!server.requests().iter().any(|request| request.line.starts_with("PUT ")), "{err}");
        }
    }
}

#[test]
fn push_past_a_refusal_takes_an_option_also_without_waiting() {
    let (home, _) = person(Some(notice(false)));
    let code = home.path("hello");
    let Outcome { exit, err } = home.run(&[&["push", &code], &TO[..8], &LEDGER].concat());
    assert!(exit == Some(3) && err.contains("environment dev takes no uploads\n  nothing is uploaded; "), "{err}");
    let (Outcome { exit, err }, out) = home.run_with_output(&[&["push", &code], &TO[..], &LEDGER].concat());
    let told = "\n  environment dev takes no uploads. The zip is uploaded all the same\n";
    assert!(exit == Some(0) && out.ends_with(told), "{out}{err}");
}

#[test]
fn misspelt_folder_is_told_with_the_one_beside_it() {
    let (home, _) = person(None);
    let Outcome { exit, err } = home.run(&[&["push", &home.path("helo")], &TO[..8]].concat());
    let (helo, hello) = (home.path("helo"), home.path("hello"));
    assert_eq!((exit, err), (Some(2), format!("error: {helo} does not exist; did you mean {hello}?\n")));
    let Outcome { err, .. } = home.run(&[&["push", &home.path("something-else")], &TO[..8]].concat());
    assert!(err.ends_with("something-else does not exist\n"), "{err}");
}

/// The result comes once push has read the reason, which it does after half a minute.
#[test]
#[ignore = "long: cargo verify"]
fn push_that_waits_says_why_the_deployment_has_not_ended() {
    let told = AtomicBool::new(false);
    let server = Server::http(move |request| match request.line.as_str() {
        line if line.contains("/results/dev/environment.json") => (200, "application/json", notice(true)),
        line if line.contains("/results/dev/orders/progress.json") => {
            told.store(true, Ordering::Relaxed);
            let open = json!({ "id": ID, "release": "1", "version_id": "v1", "status": "in_progress",
                "because": "tries again in 1/eu-west-1 (enter since 2026-11-30T12:00:00Z: denied)" });
            let progress = json!({ "schema": 1, "format": 1, "at": Timestamp::now(), "deployments": [open] });
            (200, "application/json", progress.to_string())
        }
        line if line.contains("/results/dev/orders/1/v1.json") && told.load(Ordering::Relaxed) => {
            (200, "application/json", record(ID, "1").to_string())
        }
        line if line.starts_with("PUT ") => (200, "application/xml\r\nx-amz-version-id: v1", String::new()),
        _ => (404, "application/xml", xml_error("NoSuchKey", "no")),
    });
    let home = Home::calling(&server).with_keys().file("hello/index.js", "exports.handler = async () => 'ok';\n");
    let Outcome { exit, err } = home.run(&[&["push", &home.path("hello"), "--wait"], &TO[..8], &LEDGER].concat());
    assert_eq!(exit, Some(0), "{err}");
    let reason = "\ndev/orders/1: tries again in 1/eu-west-1 (enter since 2026-11-30 12:00:00Z: denied)\n";
    assert!(err.contains(reason), "{err}");
    let looks = server.requests().iter().filter(|request| request.line.contains("progress.json")).count();
    assert_eq!(looks, 1, "it looks from half a minute on, and then every 20 seconds");
}
