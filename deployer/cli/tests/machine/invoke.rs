//! `invoke`: one call of a function, and every way in which it ends.

use serde_json::Value;

use super::aws::error;
use super::deployed::{person, server};
use super::home::Outcome;
use super::server::{Answer, Request, Server};

const CALL: [&str; 9] = ["invoke", "-e", "prod", "-f", "orders", "--target-profile", "target", "--payload", "{}"];
const ANSWERED: &str = "application/json\r\nX-Amz-Executed-Version: 7\r\nX-Amz-Log-Result: U1RBUlQKRU5ECg==";
const THREW: &str = "application/json\r\nX-Amz-Executed-Version: 8\r\nX-Amz-Function-Error: Unhandled";

fn is_call(request: &Request) -> bool {
    request.line.starts_with("POST /2015-03-31/functions/prod-orders/invocations?Qualifier=serving ")
}

/// A function that answers like this.
fn function(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Server {
    server(move |request| is_call(request).then(&answer))
}

fn run(server: &Server, more: &[&str]) -> (Outcome, String) {
    person(server).run_with_output(&[&CALL[..], more].concat())
}

#[test]
fn answer_has_version_payload_and_the_end_of_the_log() {
    let server = function(|| (200, ANSWERED, r#"{"ok":true}"#.to_owned()));
    let call = [&CALL[..8], &[r#"{"order": 17}"#]].concat();
    let (Outcome { exit, err }, out) = person(&server).run_with_output(&call);
    assert_eq!(exit, Some(0), "{err}");
    let called = "calling prod-orders by alias serving in 222222222222/eu-central-1, which serves version 7 (1.4.3)\n";
    assert_eq!(err, called);
    assert_eq!(
        out,
        "version 7, by alias serving, answered (status 200)\n{\n  \"ok\": true\n}\nthe end of its log:\n  START\n  END\n"
    );
    let sent = server.requests().into_iter().find(is_call).unwrap();
    assert_eq!((sent.body.as_str(), sent.header("x-amz-log-type")), (r#"{"order": 17}"#, "Tail"));
    assert_eq!((sent.signer(), sent.region()), ("mine", "eu-central-1"));
    let (_, out) = run(&server, &["-o", "json"]);
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&answer["payload"]["ok"], &answer["executed_version"]), (&true.into(), &"7".into()));
    assert_eq!((&answer["status"], &answer["log_tail"]), (&200.into(), &"START\nEND\n".into()));
}

#[test]
fn error_of_the_function_exits_with_1_and_another_version_is_told() {
    let server = function(|| (200, THREW, r#"{"errorMessage":"no\u001b[2J"}"#.to_owned()));
    let (Outcome { exit, err }, out) = run(&server, &[]);
    assert!(
        exit == Some(1) && out.starts_with("version 8, by alias serving, failed: Unhandled (status 200)\n"),
        "{out}{err}"
    );
    assert!(err.contains("version 8 ran, and the ledger says that the alias serves version 7"), "{err}");
    assert!(!out.contains('\u{1b}'), "{out:?}");
}

#[test]
fn call_without_an_answer_is_sent_once_and_says_what_may_be() {
    for (status, code, exit, expected) in [
        (
            403,
            "AccessDeniedException",
            1,
            "lambda:InvokeFunction on arn:aws:lambda:eu-central-1:222222222222:function:prod-orders:serving",
        ),
        (404, "ResourceNotFoundException", 1, "deployctl plan -e "),
        (429, "TooManyRequestsException", 1, "try again"),
        (413, "RequestTooLargeException", 1, "6 MB"),
        (500, "ServiceException", 4, "nobody knows whether it has run"),
    ] {
        let server = function(move || error(status, code, "no"));
        let Outcome { exit: found, err } = run(&server, &[]).0;
        assert!(found == Some(exit) && err.contains(expected), "{code}: {err}");
        assert_eq!(server.requests().iter().filter(|request| is_call(request)).count(), 1, "{code}");
    }
}

#[test]
fn wrong_use_calls_nothing() {
    let server = function(|| (200, ANSWERED, "{}".to_owned()));
    for (arguments, expected) in [
        (&["invoke", "-e", "prod", "-f", "orders", "--payload", "{"][..], "--payload is not JSON"),
        (&["invoke", "-e", "prod", "-f", "orders", "--payload", "-"], "standard input is not JSON"),
        (&["invoke", "-e", "prod", "-f", "orders", "--payload", "none.json"], "neither JSON nor a file"),
        (
            &["invoke", "-e", "prod", "-f", "orders", "--payload", "{}"],
            "--target-profile or --role-arn (-i) says as whom",
        ),
        (&["invoke", "-e", "prod", "-f", "orders", "--payload", "{}", "--external-id", "ext-1"], "--role-arn"),
        (&["invoke", "-f", "orders", "--payload", "{}"], "--environment"),
        (&["invoke", "-e", "prod", "-f", "orders", "--target-profile", "target"], "--payload <FILE|-|JSON>"),
    ] {
        let Outcome { exit, err } = person(&server).run(arguments);
        assert!(exit == Some(2) && err.contains(expected), "{arguments:?}: {err}");
    }
    assert!(!server.requests().iter().any(is_call));
}

#[test]
fn invocation_of_what_was_never_deployed_is_refused() {
    let server = function(|| (200, ANSWERED, "{}".to_owned()));
    let mut arguments = CALL;
    arguments[2] = "dev";
    let Outcome { exit, err } = person(&server).run(&arguments);
    let nothing =
        "error: nothing was deployed for orders in dev yet. To see what is live where:\n  deployctl status orders\n";
    assert_eq!((exit, err.as_str()), (Some(3), nothing));
    assert!(!server.requests().iter().any(is_call));
}
