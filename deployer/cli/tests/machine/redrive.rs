//! Redrives whose calls get no answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::aws::error;
use super::home::{Home, Outcome};
use super::server::{Answer, Request, Server};

const YES: [&str; 2] = ["redrive", "--yes"];

/// A queue of SQS: a flag says whether the call that changes something has come.
fn sqs(answer: impl Fn(&str, bool) -> Option<Answer> + Send + Sync + 'static) -> Server {
    let changed = Arc::new(AtomicBool::new(false));
    Server::http(move |request: &Request| {
        let call = request.header("x-amz-target").rsplit('.').next().unwrap_or_default().to_owned();
        let is_change = matches!(call.as_str(), "StartMessageMoveTask" | "CancelMessageMoveTask");
        let before = changed.fetch_or(is_change, Ordering::SeqCst) || is_change;
        answer(&call, before).unwrap_or_else(|| match call.as_str() {
            "GetQueueUrl" => json(r#"{"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/1/deployer-dead-letters"}"#),
            "GetQueueAttributes" => json(
                r#"{"Attributes": {"QueueArn": "arn:aws:sqs:eu-west-1:1:deployer-dead-letters",
                    "ApproximateNumberOfMessages": "2", "ApproximateNumberOfMessagesNotVisible": "0"}}"#,
            ),
            "ReceiveMessage" => json("{}"),
            "ListMessageMoveTasks" => json(r#"{"Results": []}"#),
            _ => unreachable!("nobody expects {call}"),
        })
    })
}

fn json(body: &str) -> Answer {
    (200, "application/json", body.to_owned())
}

fn task(status: &str, more: &str) -> Answer {
    json(&format!(
        r#"{{"Results": [{{"Status": "{status}", "StartedTimestamp": 1790000000000,
            "ApproximateNumberOfMessagesMoved": 2, "ApproximateNumberOfMessagesToMove": 2{more}}}]}}"#
    ))
}

fn run(server: &Server, arguments: &[&str]) -> Outcome {
    Home::new().with_keys().with("AWS_ENDPOINT_URL_SQS", &server.address("http")).run(arguments)
}

fn count(server: &Server, call: &str) -> usize {
    server.requests().iter().filter(|request| request.header("x-amz-target").ends_with(call)).count()
}

fn broken() -> Answer {
    error(500, "InternalFailure", "no")
}

#[test]
fn lost_answer_of_a_begun_redrive_is_found_by_its_time_and_settings() {
    let server = sqs(|call, begun| match call {
        "StartMessageMoveTask" => Some(broken()),
        "ListMessageMoveTasks" if begun => Some(task("COMPLETED", "")),
        _ => None,
    });
    let Outcome { exit, err } = run(&server, &YES);
    assert_eq!((exit, count(&server, "StartMessageMoveTask")), (Some(0), 1), "{err}");
    assert!(err.contains("the answer of SQS was lost (StartMessageMoveTask: InternalFailure: no)"), "{err}");
    assert!(err.contains("it is taken for this one, because SQS does not say who began it"), "{err}");
}

#[test]
fn redrive_with_other_settings_is_somebody_elses() {
    let server = sqs(|call, begun| match call {
        "StartMessageMoveTask" => Some(broken()),
        "ListMessageMoveTasks" if begun => Some(task("RUNNING", r#", "MaxNumberOfMessagesPerSecond": 7"#)),
        _ => None,
    });
    let Outcome { exit, err } = run(&server, &YES);
    assert!(exit == Some(3) && err.contains("is under way already: 2 of 2 messages went back"), "{err}");
}

#[test]
fn lost_answer_without_a_redrive_says_that_none_is_shown() {
    let server = sqs(|call, _| (call == "StartMessageMoveTask").then(broken));
    let Outcome { exit, err } = run(&server, &YES);
    assert!(exit == Some(1) && err.contains("SQS shows no redrive of deployer-dead-letters that has begun"), "{err}");
    let blind = sqs(|call, begun| match call {
        "StartMessageMoveTask" => Some(broken()),
        "ListMessageMoveTasks" if begun => Some(error(400, "Broken", "no")),
        _ => None,
    });
    let Outcome { exit, err } = run(&blind, &YES);
    assert!(exit == Some(4) && err.contains("nobody can say whether a redrive of deployer-dead-letters"), "{err}");
}

#[test]
fn cancelled_redrive_is_told_when_the_look_after_it_fails() {
    let server = sqs(|call, _| match call {
        "ListMessageMoveTasks" => Some(task("RUNNING", r#", "TaskHandle": "handle""#)),
        "CancelMessageMoveTask" => Some(json(r#"{"ApproximateNumberOfMessagesMoved": 3}"#)),
        "ReceiveMessage" => Some(error(403, "AccessDenied", "no")),
        _ => None,
    });
    let Outcome { exit, err } = run(&server, &["redrive", "--cancel"]);
    assert_eq!(exit, Some(1), "{err}");
    assert!(
        err.contains("the redrive of deployer-dead-letters is cancelled: 3 messages went back before; then"),
        "{err}"
    );
    assert!(err.contains("you need sqs:ReceiveMessage"), "{err}");
}

#[test]
fn lost_answer_of_a_cancel_is_told_by_what_sqs_shows() {
    for (status, exit, told) in [
        ("CANCELLED", 0, ""),
        ("COMPLETED", 2, "is under way any more: the latest is done, 2 messages went back"),
        ("RUNNING", 1, "CancelMessageMoveTask: ResourceNotFoundException: no"),
    ] {
        let server = sqs(move |call, cancelled| match call {
            "ListMessageMoveTasks" if cancelled => Some(task(status, "")),
            "ListMessageMoveTasks" => Some(task("RUNNING", r#", "TaskHandle": "handle""#)),
            "CancelMessageMoveTask" => Some(error(404, "ResourceNotFoundException", "no")),
            _ => None,
        });
        let outcome = run(&server, &["redrive", "--cancel"]);
        assert!(outcome.exit == Some(exit) && outcome.err.contains(told), "{status}: {outcome:?}");
        assert!(!outcome.err.contains("--queue"), "{outcome:?}");
    }
}
