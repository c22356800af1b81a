//! Buckets that must belong to an account.

use super::aws::xml_error;
use super::home::{Home, Outcome};
use super::server::Server;

const OWNER: &str = "111111111111";

/// Runs deployctl against an S3 that denies, and returns what it says and the owners that its calls expected.
fn denied(owner: Option<&str>, arguments: impl Fn(&Home) -> Vec<String>) -> (String, Vec<String>) {
    let server = Server::http(|_| (403, "application/xml", xml_error("AccessDenied", "Access Denied")));
    let home = Home::calling(&server).with_keys().file("code/index.js", "exports.handler = async () => 'ok';\n");
    let home = owner.into_iter().fold(home, |home, owner| home.with("DEPLOYER_BUCKET_OWNER", owner));
    let arguments = arguments(&home);
    let Outcome { exit, err } = home.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(exit, Some(1), "{err}");
    let expected = server.requests().iter().map(|one| one.header("x-amz-expected-bucket-owner").to_owned()).collect();
    (err, expected)
}

fn push(home: &Home, more: &[&str]) -> Vec<String> {
    let code = home.path("code");
    let all = [&["push", &code, "-e", "dev", "-f", "orders", "-r", "1", "--bucket", "acme-artifacts"], more].concat();
    all.into_iter().map(str::to_owned).collect()
}

fn status(more: &[&str]) -> Vec<String> {
    [&["status", "--ledger", "acme-ledger"], more].concat().into_iter().map(str::to_owned).collect()
}

#[test]
fn push_and_status_refuse_buckets_of_other_accounts() {
    let option = ["--bucket-owner", OWNER];
    for (said, expected) in [
        denied(None, |home| push(home, &option)),
        denied(Some(OWNER), |home| push(home, &[])),
        denied(None, |_| status(&option)),
        denied(Some(OWNER), |_| status(&[])),
    ] {
        assert!(said.contains("or the bucket does not belong to account 111111111111"), "{said}");
        assert_eq!(expected, [OWNER]);
    }
    // An empty variable counts as not set, as in the Lambda.
    for (said, expected) in [
        denied(None, |home| push(home, &[])),
        denied(None, |_| status(&[])),
        denied(Some(""), |home| push(home, &[])),
        denied(Some(""), |_| status(&[])),
    ] {
        assert!(!said.contains("does not belong"), "{said}");
        assert_eq!(expected, [""]);
    }
}

#[test]
fn owner_that_is_no_account_is_refused() {
    let Outcome { exit, err } = Home::new().run(&["status", "--ledger", "acme-ledger", "--bucket-owner", "12"]);
    assert!(exit == Some(2) && err.contains("\"12\" is not an account id: 12 digits"), "{err}");
    let Outcome { exit, err } = Home::new().run(&["status", "--ledger", "acme-ledger", "--bucket-owner", ""]);
    assert!(exit == Some(2) && err.contains("--bucket-owner"), "an empty option is a mistake: {err}");
}
