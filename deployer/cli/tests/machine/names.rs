//! Names by which the deployer is found, misspelt or another installation's: each error says where the name comes from.

use super::aws::{error, xml_error};
use super::home::{Home, Outcome};
use super::server::Server;

const LEDGER: &str = "DEPLOYER_LEDGER_BUCKET";

/// Runs deployctl against a server that gives this answer to each call, and returns what it says.
fn said(
    (status, code): (u16, &'static str),
    variables: &[(&str, &str)],
    arguments: impl Fn(&Home) -> Vec<String>,
) -> String {
    let server = Server::http(move |request| match request.line.contains("/functions/") {
        true => error(status, code, "no"),
        false => (status, "application/xml", xml_error(code, "no")),
    });
    let home = Home::calling(&server).with_keys().file("code/index.js", "exports.handler = async () => 'ok';\n");
    let home = variables.iter().fold(home, |home, (name, value)| home.with(name, value));
    let arguments = arguments(&home);
    let Outcome { exit, err } = home.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(exit, Some(1), "{err}");
    err
}

fn push(home: &Home, more: &[&str]) -> Vec<String> {
    let code = home.path("code");
    let all = [&["push", &code, "-e", "dev", "-f", "orders", "-r", "1", "--bucket", "acme-artifacts"], more].concat();
    all.into_iter().map(str::to_owned).collect()
}

fn words(line: &[&str]) -> Vec<String> {
    line.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn ledger_bucket_that_is_not_there_is_named_with_what_names_it() {
    let missing = (404, "NoSuchBucket");
    let by_option = said(missing, &[], |_| words(&["status", "--ledger", "acme-ledgr"]));
    assert!(by_option.contains("\n  --ledger names the bucket acme-ledgr; "), "{by_option}");
    assert!(by_option.contains("deployctl doctor --verbose"), "{by_option}");
    let by_variable = said(missing, &[(LEDGER, "acme-ledgr")], |_| words(&["status"]));
    assert!(by_variable.contains("DEPLOYER_LEDGER_BUCKET names the bucket acme-ledgr; "), "{by_variable}");
    let foreign = said((403, "AccessDenied"), &[(LEDGER, "acme-ledgr")], |_| words(&["status"]));
    let or = "\n  or it is not the deployer's ledger bucket: DEPLOYER_LEDGER_BUCKET names the bucket acme-ledgr; ";
    assert!(foreign.contains(or), "{foreign}");
}

#[test]
fn push_without_such_a_ledger_bucket_uploads_nothing() {
    let waits = ["--wait", "--ledger", "acme-ledgr"];
    let said = said((404, "NoSuchBucket"), &[], |home| push(home, &waits));
    assert!(said.contains("--ledger names the bucket acme-ledgr; "), "{said}");
    assert!(said.ends_with("\n  nothing is uploaded\n") && !said.contains("uploaded s3://"), "{said}");
}

#[test]
fn artifact_bucket_that_is_missing_or_denied_is_named_with_what_names_it() {
    for (answer, begins) in [
        ((404, "NoSuchBucket"), "--bucket names the bucket acme-artifacts; "),
        (
            (403, "AccessDenied"),
            "or it is not the deployer's artifact bucket: --bucket names the bucket acme-artifacts; ",
        ),
    ] {
        let said = said(answer, &[], |home| push(home, &[]));
        assert!(said.contains(&format!("\n  {begins}")), "{said}");
    }
}

#[test]
fn deployer_that_is_missing_or_denied_is_told_with_where_its_name_and_region_come_from() {
    for answer in [(404, "ResourceNotFoundException"), (403, "AccessDeniedException")] {
        let default = said(answer, &[], |_| words(&["status"]));
        let line =
            "\n  the deployer that is asked is deployer, as no option names another, in eu-west-1 (AWS_REGION); ";
        assert!(default.contains(line), "{default}");
        let named =
            said(answer, &[("DEPLOYER_FUNCTION_NAME", "deployr")], |_| words(&["status", "--region", "eu-west-2"]));
        let line = "\n  the deployer that is asked is deployr (DEPLOYER_FUNCTION_NAME) in eu-west-2 (--region); ";
        assert!(named.contains(line), "{named}");
    }
}

#[test]
fn wrong_use_shows_every_way_to_call_the_verb_and_no_option_of_the_environment() {
    let home = Home::new().with(LEDGER, "acme-ledger").with("DEPLOYER_FUNCTION_NAME", "acme-deployer");
    for (arguments, usage) in [
        (
            &["logs"][..],
            "Usage: deployctl logs [OPTIONS] -e <NAME> -f <NAME>\n       deployctl logs [OPTIONS] --deployment <ID>",
        ),
        (&["logs", "-e", "prod"], "\n       deployctl logs [OPTIONS] --deployment <ID>"),
        (&["history", "-e", "prod"], "Usage: deployctl history [OPTIONS] --environment <NAME> --function <NAME>"),
        (&["diff", "-f", "orders"], "Usage: deployctl diff [OPTIONS] --function <NAME> <A> <B>"),
        (&["plan", "--to", "1"], "Usage: deployctl plan [OPTIONS] [DIR|FILE]"),
        (&["status", "a", "-f", "b"], "Usage: deployctl status [OPTIONS] [FUNCTION]"),
        (&["open"], "Usage: deployctl open [OPTIONS] --environment <NAME> --function <NAME>"),
    ] {
        let Outcome { exit, err } = home.run(arguments);
        assert_eq!(exit, Some(2), "{err}");
        assert!(err.contains(usage) && !err.contains("--ledger") && !err.contains("--function-name"), "{err}");
    }
}
