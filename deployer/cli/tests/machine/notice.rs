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
