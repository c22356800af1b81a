//! Exit codes: one rule for all verbs.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc;

use serde_json::{Value, json};

use super::deployed::{ID, ok, person, record, server};
use super::home::Outcome;

#[test]
fn release_that_no_environment_knows_is_refused_by_every_verb() {
    let because = "no release 9 of orders is known in any environment: status and history tell which are";
    let server = server(move |request| {
        let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let is_marking = ["reject", "recall"].iter().any(|name| command["command"] == *name);
        is_marking.then(|| ok(&json!({ "errorType": "UnknownRelease", "errorMessage": because })))
    });
    for verb in [&["reject"][..], &["recall", "--yes"]] {
        let arguments = [verb, &["-f", "orders", "-r", "9", "--reason", "x"]].concat();
        let Outcome { exit, err } = person(&server).run(&arguments);
        assert_eq!((exit, err), (Some(3), format!("error: {because}\n")), "{verb:?}");
    }
    // A release that is not rejected is another thing: there is nothing to undo.
    let server = super::deployed::server(|request| {
        let because = "release 1 of orders is not rejected: there is nothing to undo";
        let answer = json!({ "errorType": "InvalidCommand", "errorMessage": because });
        request.body.contains("unreject").then(|| ok(&answer))
    });
    let Outcome { exit, err } = person(&server).run(&["unreject", "-f", "orders", "-r", "1"]);
    assert_eq!(exit, Some(2), "{err}");
}

#[test]
fn watch_that_ctrl_c_ends_exits_with_130() {
    let server = server(|_| None);
    let home = person(&server);
    let mut child = home.command(&["status", "--watch=60"]).stdout(Stdio::piped()).spawn().unwrap();
    // The first table is printed, so the signal meets the watch.
    let mut first = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    let killed = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

/// Sends a signal to a verb once it has asked the deployer for `asked`, which never answers that; returns the exit code.
fn stopped_while_it_asks(asked: &'static str, answer: Value, (arguments, signal): (&[&str], &str)) -> Option<i32> {
    let (arrived, has_arrived) = mpsc::channel();
    let (end, never) = mpsc::channel::<()>();
    let never = Mutex::new(never);
    let server = server(move |request| {
        let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
        if command["command"] == asked {
            arrived.send(()).unwrap();
            let _ended = never.lock().unwrap().recv();
        }
        (command["command"] == "promote").then(|| ok(&answer))
    });
    let home = person(&server);
    let mut child = home.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    has_arrived.recv().unwrap();
    let killed = Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.id())]).status().unwrap();
    assert!(killed.success());
    let code = child.wait().unwrap().code();
    drop(end);
    code
}

#[test]
fn signal_ends_the_looks_after_a_promotion() {
    let promote = ["promote", "--from", "dev", "--to", "prod", "-f"];
    let mut superseded = record(ID, "1.4.3");
    superseded["status"] = json!("superseded");
    superseded["because"] = json!("deployment 01M8A5XFDRZTNV54H8T47JKK4Z brings release 1.4.3 already, and waits");
    for signal in ["INT", "TERM"] {
        let one = [&promote[..], &["orders"]].concat();
        assert_eq!(stopped_while_it_asks("status", superseded.clone(), (&one, signal)), Some(130));
        let wait = [&one[..], &["--wait"]].concat();
        assert_eq!(stopped_while_it_asks("history", superseded.clone(), (&wait, signal)), Some(130));
    }
}
