//! The notice of an environment that push reads before it uploads.

use jiff::{SignedDuration, Timestamp};

use super::aws::xml_error;
use super::home::{Home, Outcome};
use super::server::Server;

/// Pushes to an environment whose notice refuses uploads, has no time, and was written so long ago. S3 takes no upload.
fn push(age: SignedDuration) -> Outcome {
    let modified = (Timestamp::now() - age).strftime("application/json\r\nlast-modified: %a, %d %b %Y %H:%M:%S GMT");
    let kind: &'static str = modified.to_string().leak();
    let notice = r#"{"schema": 1, "format": 1, "environment": "dev", "accept_uploads": false, "uploads_to": []}"#;
    let server = Server::http(move |request| match request.line.contains("/results/dev/environment.json") {
        true => (200, kind, notice.to_owned()),
        false => (403, "application/xml", xml_error("AccessDenied", "Access Denied")),
    });
    let home = Home::calling(&server).with_keys().file("code/index.js", "exports.handler = async () => 'ok';\n");
    let code = home.path("code");
    let to = ["push", &code, "-e", "dev", "-f", "orders", "-r", "1", "--bucket", "acme-artifacts"];
    home.run(&[&to[..], &["--ledger", "acme-ledger", "--wait"]].concat())
}

/// Pushes to an environment whose old notice refuses uploads, and waits for a second. S3 takes the upload, and no result
/// comes.
fn ignored() -> Outcome {
    let server = Server::http(|request| {
        let notice = r#"{"schema": 1, "format": 1, "environment": "dev", "accept_uploads": false, "uploads_to": []}"#;
        let line = request.line.as_str();
        match line.contains("/results/dev/environment.json") {
            true => (200, "application/json\r\nlast-modified: Thu, 01 Jan 2026 00:00:00 GMT", notice.to_owned()),
            false if line.starts_with("PUT ") => (200, "application/xml\r\nx-amz-version-id: v1", String::new()),
            false => (404, "application/xml", xml_error("NoSuchKey", "no")),
        }
    });
    let home = Home::calling(&server).with_keys().file("code/index.js", "exports.handler = async () => 'ok';\n");
    let code = home.path("code");
    let to = ["push", &code, "-e", "dev", "-f", "orders", "-r", "1", "--bucket", "acme-artifacts"];
    home.run(&[&to[..], &["--ledger", "acme-ledger", "--wait", "--timeout", "1s"]].concat())
}

#[test]
fn upload_that_is_probably_ignored_is_told_with_the_reason_and_without_its_history() {
    let Outcome { exit, err } = ignored();
    assert_eq!(exit, Some(4), "{err}");
    let because = "error: no result within 1s: the deployer has probably ignored the upload of dev/orders/1: environment dev \
                   takes no uploads.\n  deployctl doctor --verbose\n";
    assert!(err.contains(because), "{err}");
    assert!(err.contains("the deployer ignores an upload to an environment that deployer.json does not have"), "{err}");
    assert!(!err.contains("deployctl history") && !err.contains("goes on"), "{err}");
}

#[test]
fn notice_of_an_older_deployer_is_as_old_as_its_object() {
    let Outcome { exit, err } = push(SignedDuration::from_mins(3));
    assert!(exit == Some(3) && err.contains("nothing is uploaded; the deployer said so 3 min ago"), "{err}");
    let Outcome { exit, err } = push(SignedDuration::from_hours(3));
    assert!(
        exit == Some(1) && err.contains("error: uploading s3://acme-artifacts/dev/orders/1.zip: "),
        "it is tried: {err}"
    );
}

#[test]
fn push_without_the_ledger_says_before_the_upload_that_it_cannot_tell() {
    let server = Server::http(|request| match request.line.starts_with("PUT ") {
        true => (200, "application/xml\r\nx-amz-version-id: v1", String::new()),
        false => (403, "application/xml", xml_error("AccessDenied", "Access Denied")),
    });
    let home = Home::calling(&server).with_keys().file("code/index.js", "exports.handler = async () => 'ok';\n");
    let code = home.path("code");
    let to = ["push", &code, "-e", "dev", "-f", "orders", "-r", "1", "--bucket", "acme-artifacts"];
    let note = "note: without the ledger bucket push does not know whether dev takes uploads: --ledger or \
                DEPLOYER_LEDGER_BUCKET says which it is\n";
    let Outcome { exit, err } = home.run(&to);
    assert!(exit == Some(0) && err.contains(note), "{err}");
    // Where the notice cannot be read, the reason stands below the upload.
    let (Outcome { exit, err }, out) = home.run_with_output(&[&to[..], &["--ledger", "acme-ledger"]].concat());
    assert!(exit == Some(0) && !err.contains("note: without"), "{err}");
    assert!(out.contains("\n  reading s3://acme-ledger/results/dev/environment.json is denied: "), "{out}");
}
