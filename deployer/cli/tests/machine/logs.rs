//! `logs`: the deployer's lines and a function's own, and the rights that are missing.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::channel;

use serde_json::{Value, json};

use super::aws::error;
use super::deployed::{ACCOUNT, ID, REGION, is_logs_call, ok, person, server};
use super::home::Outcome;
use super::server::{Answer, Request, Server};

const FUNCTION: [&str; 5] = ["logs", "-e", "prod", "-f", "orders"];

/// The milliseconds of the deployment's request.
const REQUESTED: i64 = 1_795_638_084_000;

fn line(id: &str, after: i64, message: &Value) -> Value {
    let message = message.as_str().map_or_else(|| message.to_string(), str::to_owned);
    json!({ "eventId": id, "timestamp": REQUESTED + after, "logStreamName": "2026/11/25/[7]0123", "message": message })
}

fn step() -> Value {
    line(
        "1",
        1_000,
        &json!({ "level": "INFO", "message": "step done", "step": "update code", "spans": [
            { "name": "deployment", "deployment": ID }, { "name": "target", "account": ACCOUNT, "region": REGION }] }),
    )
}

fn end() -> Value {
    ended("2", 2_000, ID)
}

fn ended(id: &str, after: i64, deployment: &str) -> Value {
    line(
        id,
        after,
        &json!({ "level": "INFO", "message": "deployment ended: as told", "deployment": deployment, "status": "succeeded" }),
    )
}

/// Answers each call to CloudWatch Logs.
fn logs(answer: impl Fn(&Value) -> Answer + Send + Sync + 'static) -> Server {
    server(move |request| is_logs_call(request).then(|| answer(&body(request))))
}

fn body(request: &Request) -> Value {
    serde_json::from_str(&request.body).unwrap()
}

fn asked(server: &Server) -> Vec<Request> {
    server.requests().into_iter().filter(is_logs_call).collect()
}

fn run(server: &Server, more: &[&str]) -> (Outcome, String) {
    person(server).run_with_output(&[&FUNCTION[..], more].concat())
}

#[test]
fn newest_deployments_lines_are_printed_once_from_its_request_to_its_end() {
    let server = logs(|asked| match asked["nextToken"].as_str() {
        None => ok(&json!({ "events": [step()], "nextToken": "more" })),
        Some(_) => ok(&json!({ "events": [step(), end()] })),
    });
    let (Outcome { exit, err }, out) = run(&server, &[]);
    assert_eq!((exit, err.as_str()), (Some(0), ""));
    assert_eq!(
        out,
        "2026-11-25 20:21:25Z  INFO   222222222222/eu-central-1: step done  step=update code\n\
         2026-11-25 20:21:26Z  INFO   deployment ended: as told  deployment=01M8A5XGD0ST9H1MN79C7EX22P  status=succeeded\n"
    );
    let asked = asked(&server);
    let first = body(&asked[0]);
    assert_eq!(first["logGroupName"], "/aws/lambda/deployer");
    assert_eq!(first["filterPattern"], format!("\"{ID}\""));
    assert_eq!(first["startTime"], REQUESTED - 60_000);
    assert_eq!((asked[0].signer(), asked[0].region()), ("keys", "eu-west-1"));
    // The search of a deployment that has ended goes no further than a quarter of an hour.
    let last = asked.last().map(|request| body(request)["endTime"].as_i64().unwrap());
    assert!(last.is_some_and(|last| last <= REQUESTED + 3_600_000), "{last:?}");
}

#[test]
fn lines_are_json_objects_one_a_line() {
    let server = logs(|_| ok(&json!({ "events": [step(), end()] })));
    let (Outcome { exit, err }, out) = run(&server, &["--output", "json"]);
    assert_eq!(exit, Some(0), "{err}");
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["message"]["step"]), (2, &"update code".into()));
}

#[test]
fn deployment_by_its_id_asks_the_deployer_nothing() {
    let server = logs(|_| ok(&json!({ "events": [step(), end()] })));
    let arn = "arn:aws:lambda:us-east-1:999999999999:function:tools:live";
    let home = person(&server).with("DEPLOYER_FUNCTION_NAME", arn);
    let (Outcome { exit, err }, out) = home.run_with_output(&["logs", "--deployment", ID]);
    assert!(exit == Some(0) && out.lines().count() == 2, "{err}");
    assert!(!server.requests().iter().any(|request| request.line.contains("/invocations")));
    let asked = asked(&server);
    assert_eq!((&body(&asked[0])["logGroupName"], asked[0].region()), (&"/aws/lambda/tools".into(), "us-east-1"));
}

#[test]
fn log_without_a_line_is_told() {
    let (Outcome { exit, err }, out) = run(&logs(|_| ok(&json!({ "events": [] }))), &["--log-group", "/other"]);
    assert_eq!((exit, out.as_str()), (Some(0), ""));
    assert!(err.contains(&format!("/other in eu-west-1 has no line of deployment {ID} since 2026-11-25 20:20:24Z")));
}

#[test]
fn follow_goes_on_until_the_deployment_has_ended() {
    let calls = Mutex::new(0);
    let server = logs(move |asked| {
        // Another deployment that this one has stopped names it.
        let before = [step(), ended("0", 1_500, "01M8A5XFDRZTNV54H8T47JKK4Z")];
        if !asked["endTime"].is_null() {
            return ok(&json!({ "events": before }));
        }
        let mut calls = calls.lock().unwrap();
        *calls += 1;
        match *calls {
            1 => error(400, "ThrottlingException", "Rate exceeded"),
            _ => ok(&json!({ "events": [step(), end()] })),
        }
    });
    let (Outcome { exit, err }, out) = run(&server, &["-F"]);
    assert!(exit == Some(0) && out.lines().count() == 2, "the other one's end is not among them: {out}{err}");
}

#[test]
fn follow_of_an_old_deployment_ends_without_another_look() {
    let server = logs(|_| ok(&json!({ "events": [step(), end()] })));
    let (Outcome { exit, err }, out) = run(&server, &["-F"]);
    assert!(exit == Some(0) && out.lines().count() == 2, "{out}{err}");
    assert!(asked(&server).iter().all(|request| !body(request)["endTime"].is_null()));
}

#[test]
fn interrupt_ends_following_with_its_code() {
    let (asked, was_asked) = channel();
    let asked = Mutex::new(asked);
    let server = logs(move |_| {
        let _ended = asked.lock().unwrap().send(());
        ok(&json!({ "events": [step()] }))
    });
    let home = person(&server);
    let mut child = home.command(&[&FUNCTION[..], &["--follow"]].concat()).stdout(Stdio::piped()).spawn().unwrap();
    was_asked.recv().unwrap();
    // The first line is printed, so the signal meets the follower.
    let mut first = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    let killed = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn functions_lines_are_read_in_the_target_as_the_person() {
    let server = logs(|_| ok(&json!({ "events": [line("1", 0, &"hello\u{1b}[2J\n".into())] })));
    let (Outcome { exit, err }, out) =
        run(&server, &["--function-logs", "--since", "1h", "--target-profile", "target"]);
    assert_eq!(exit, Some(0), "{err}");
    assert!(out.starts_with("2026-11-25 20:21:24Z  [7]  hello") && !out.contains('\u{1b}'), "{out:?}");
    let asked = asked(&server);
    assert_eq!(body(&asked[0])["logGroupName"], "/acme/orders");
    assert_eq!((asked[0].signer(), asked[0].region()), ("mine", REGION));
    assert_eq!(body(&asked[0])["filterPattern"], Value::Null);
    let role = &["--function-logs", "-i", "arn:aws:iam::222222222222:role/support", "--log-group", "/own"];
    let (Outcome { exit, err }, _) = run(&server, role);
    assert_eq!(exit, Some(0), "{err}");
    let last = server.requests().into_iter().rfind(is_logs_call).unwrap();
    assert_eq!((last.signer(), &body(&last)["logGroupName"]), ("support.by.keys", &"/own".into()));
}

#[test]
fn missing_rights_are_named_with_action_and_resource() {
    let denied = || error(400, "AccessDeniedException", "not authorized");
    let (Outcome { exit, err }, _) = run(&logs(move |_| denied()), &[]);
    let right = "you need logs:FilterLogEvents on arn:aws:logs:eu-west-1:999999999999:log-group:/aws/lambda/deployer:* (the \
                 policy \"operate\"";
    assert!(exit == Some(1) && err.contains(right), "{err}");
    let server = server(move |request| {
        let is_configuration = request.line.contains("/configuration");
        let denied = (is_logs_call(request) || is_configuration).then(denied)?;
        Some(if is_configuration { (403, denied.1, denied.2) } else { denied })
    });
    let (Outcome { exit, err }, _) = run(&server, &["--function-logs", "--target-profile", "target"]);
    assert_eq!(exit, Some(1), "{err}");
    for right in [
        "lambda:GetFunctionConfiguration on arn:aws:lambda:eu-central-1:222222222222:function:prod-orders:serving",
        "logs:FilterLogEvents on arn:aws:logs:eu-central-1:222222222222:log-group:/aws/lambda/prod-orders:*",
    ] {
        assert!(err.contains(right), "{err}");
    }
}

#[test]
fn wrong_use_says_what_to_do() {
    let server = logs(|_| ok(&json!({ "events": [] })));
    let deploy_role = "arn:aws:iam::222222222222:role/deployer-target";
    for (arguments, expected) in [
        (&["logs"][..], "required"),
        (&["logs", "-e", "prod"], "required"),
        (&["logs", "--deployment", "7"], "deployment id"),
        (&["logs", "--deployment", ID, "--function-logs"], "cannot be used with"),
        (&["logs", "--deployment", ID, "--target", "222222222222/eu-central-1"], "are for --function-logs"),
        (&["logs", "-e", "prod", "-f", "orders", "--since", "soon"], "a whole number and s, m, h or d"),
        (
            &["logs", "-e", "prod", "-f", "orders", "--function-logs"],
            "those of account 999999999999, and the target is in 2",
        ),
        (
            &["logs", "-e", "prod", "-f", "orders", "--function-logs", "-i", deploy_role],
            "which only the deployer enters",
        ),
        (&["logs", "-e", "prod", "-f", "orders", "--function-logs", "--target", "1/x"], "--target"),
    ] {
        let Outcome { exit, err } = person(&server).run(arguments);
        assert!(exit == Some(2) && err.contains(expected), "{arguments:?}: {err}");
    }
    assert_eq!(asked(&server).len(), 0);
}

#[test]
fn logs_of_what_was_never_deployed_are_none_and_function_logs_are_refused() {
    let server = logs(|_| ok(&json!({ "events": [] })));
    let nothing = "nothing was deployed for orders in dev yet. To see what is live where:\n  deployctl status orders\n";
    let of = ["logs", "-e", "dev", "-f", "orders"];
    for more in [&[][..], &["-F"], &["-o", "json"]] {
        let Outcome { exit, err } = person(&server).run(&[&of[..], more].concat());
        assert_eq!((exit, err.as_str()), (Some(0), nothing), "{more:?}");
    }
    let Outcome { exit, err } = person(&server).run(&[&of[..], &["--function-logs"]].concat());
    assert_eq!((exit, err), (Some(3), format!("error: {nothing}")));
    assert_eq!(asked(&server).len(), 0);
}
