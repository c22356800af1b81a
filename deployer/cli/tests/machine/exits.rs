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

#[test]
fn signal_ends_the_looks_after_the_time_of_a_pattern() {
    let superseded = |function: &str| {
        let mut superseded = record(ID, "1.4.3");
        (superseded["function"], superseded["status"]) = (json!(function), json!("superseded"));
        superseded["because"] = json!("deployment 01M8A5XFDRZTNV54H8T47JKK4Z brings release 1.4.3 already, and waits");
        superseded
    };
    let each = json!({ "deployments": [superseded("bills"), superseded("carts"), superseded("orders")] });
    let waiting = {
        let mut waiting = superseded("bills");
        (waiting["id"], waiting["because"]) = (json!("01M8A5XFDRZTNV54H8T47JKK4Z"), json!("waits"));
        (waiting["status"], waiting["finished_at"]) = (json!("pending"), json!(null));
        waiting
    };
    let (arrived, has_arrived) = mpsc::channel();
    let (end, never) = mpsc::channel::<()>();
    let never = Mutex::new(never);
    let server = server(move |request| {
        let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
        match (command["command"].as_str(), command["function"].as_str()) {
            (Some("promote"), _) => Some(ok(&each)),
            (Some("history"), Some("bills")) => Some(ok(&json!({ "deployments": [waiting] }))),
            (Some("history"), _) => {
                arrived.send(()).unwrap();
                let _ended = never.lock().unwrap().recv();
                None
            }
            _ => None,
        }
    });
    let promote = ["promote", "--from", "dev", "--to", "prod", "-f", "*", "--wait", "--timeout", "1s"];
    let home = person(&server);
    let mut child = home.command(&promote).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Both are looked at side by side.
    has_arrived.recv().unwrap();
    let began = std::time::Instant::now();
    let killed = Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(began.elapsed().as_secs() < 8);
    drop(end);
}
