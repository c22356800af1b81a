//! Queues that do not keep up: the log and the sweep report them.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::time::Duration;

use deployer_core::names::{AGAIN_LINE, QUEUE_LINE};
use deployer_core::trigger::{Delivery, Invocation, Message, decode};
use deployer_engine::batch::{handle_batch, put_back};
use deployer_engine::port::CallErrorKind;
use deployer_engine::{QueueLength, Swept};
use fixtures::lines;
use jiff::Timestamp;
use serde_json::{Value, json};
use world::payloads::notification;
use world::zips::code;
use world::{DEV, Op, Outcome, Trigger, World};

const UPLOADS: &str = "deployer";
const WAKES: &str = "deployer-wakes";

/// Returns a message as Lambda delivers it, sent at this time with this delay in seconds.
fn message(queue: &str, body: &Value, sent: Timestamp, delay: u64, received: u32) -> Vec<Message> {
    let record = json!({"messageId": "m", "receiptHandle": "r", "eventSource": "aws:sqs", "body": body.to_string(),
        "eventSourceARN": format!("arn:aws:sqs:eu-west-1:000000000000:{queue}"),
        "attributes": {"SentTimestamp": sent.as_millisecond().to_string(), "ApproximateReceiveCount": received.to_string()},
        "messageAttributes": {"delay": {"dataType": "Number", "stringValue": delay.to_string()}}});
    match decode(&json!({ "Records": [record] })) {
        Invocation::Batch(messages) => messages,
        other => panic!("no batch: {other:?}"),
    }
}

/// Returns queue and seconds of each log line about a queue that does not keep up.
fn slow_queue_lines(lines: &[Value]) -> Vec<(&str, u64)> {
    let told = lines.iter().filter(|line| line["message"].as_str().unwrap_or_default().starts_with(QUEUE_LINE));
    told.map(|line| (line["queue"].as_str().unwrap(), line["waited_seconds"].as_u64().unwrap_or_default())).collect()
}

fn with_wakes() -> World {
    let mut world = World::with_orders();
    world.reconfigure(&config(&json!({"queue_url": url(UPLOADS), "wake_queue_url": url(WAKES)})));
    world
}

fn url(queue: &str) -> String {
    format!("https://sqs.eu-west-1.amazonaws.com/000000000000/{queue}")
}

/// Returns the deployer.json of `World::dev` with these queues.
fn config(queues: &Value) -> Value {
    let mut config = json!({
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-deployer-ledger",
        "environments": {"dev": {"targets": [{"account": DEV, "region": "eu-west-1"}], "external_id": "dev-8c1f"}},
    });
    config.as_object_mut().unwrap().extend(queues.as_object().unwrap().clone());
    config
}

async fn log_lines_of(world: &World, messages: Vec<Message>) -> Vec<Value> {
    lines::of(handle_batch(&world.engine(Duration::from_secs(300)), messages)).await.1
}

#[tokio::test(start_paused = true)]
async fn message_that_waited_too_long_is_logged_with_its_wait() {
    let world = with_wakes();
    let upload = notification(&world.put("dev/orders/1.1.0.zip", code("1.1.0")));
    let ago = |seconds: u64| world.now() - Duration::from_secs(seconds);
    for (queue, waited, told) in [
        (UPLOADS, 300, vec![]),
        (UPLOADS, 301, vec![(UPLOADS, 301)]),
        (WAKES, 120, vec![]),
        (WAKES, 121, vec![(WAKES, 121)]),
    ] {
        let lines = log_lines_of(&world, message(queue, &upload, ago(waited), 0, 1)).await;
        assert_eq!(slow_queue_lines(&lines), told, "{queue} after {waited} seconds: {lines:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn requested_delay_is_no_wait() {
    let world = with_wakes();
    let sent = world.now() - Duration::from_secs(900);
    assert!(slow_queue_lines(&log_lines_of(&world, message(WAKES, &json!({}), sent, 800, 1)).await).is_empty());
    assert_eq!(slow_queue_lines(&log_lines_of(&world, message(WAKES, &json!({}), sent, 700, 1)).await), [(WAKES, 200)]);
}

#[tokio::test(start_paused = true)]
async fn returned_message_is_not_counted_against_the_queue() {
    let world = with_wakes();
    let sent = world.now() - Duration::from_secs(900);
    assert!(slow_queue_lines(&log_lines_of(&world, message(UPLOADS, &json!({}), sent, 0, 2)).await).is_empty());
}

/// Returns such a message that was received for the first time so many seconds ago.
fn received_again(queue: &str, now: Timestamp, first_received: u64, received: u32) -> Vec<Message> {
    let ago = |seconds: u64| (now - Duration::from_secs(seconds)).as_millisecond().to_string();
    let record = json!({"messageId": "m", "receiptHandle": "r", "eventSource": "aws:sqs", "body": "{}",
        "eventSourceARN": format!("arn:aws:sqs:eu-west-1:000000000000:{queue}"),
        "attributes": {"SentTimestamp": ago(first_received), "ApproximateReceiveCount": received.to_string(),
            "ApproximateFirstReceiveTimestamp": ago(first_received)}});
    match decode(&json!({ "Records": [record] })) {
        Invocation::Batch(messages) => messages,
        other => panic!("no batch: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn message_of_a_killed_invocation_is_logged_once() {
    let world = with_wakes();
    for queue in [UPLOADS, WAKES] {
        let lines = log_lines_of(&world, received_again(queue, world.now(), 1_800, 2)).await;
        assert_eq!(slow_queue_lines(&lines), [(queue, 1_800)], "{lines:?}");
        let told = lines.iter().find(|line| line["waited_seconds"] == 1_800).unwrap();
        assert!(
            told["message"].as_str().unwrap().contains("an invocation that had it has died, or could not begin"),
            "{told}"
        );
        assert!(
            slow_queue_lines(&log_lines_of(&world, received_again(queue, world.now(), 3_600, 3)).await).is_empty(),
            "it was told"
        );
        // Its invocation took all its time, and the message was then put back.
        assert!(slow_queue_lines(&log_lines_of(&world, received_again(queue, world.now(), 320, 2)).await).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn message_is_logged_at_its_fourth_failure_only() {
    let world = World::with_orders();
    let engine = world.engine(Duration::from_secs(300));
    for (received, told) in [(1, 0), (3, 0), (4, 1), (20, 1)] {
        let queue = Some(format!("arn:aws:sqs:eu-west-1:000000000000:{WAKES}"));
        let delivery = Delivery { receipt: "r".to_owned(), received, queue, due: None, first_received: None };
        let failed = vec![("m".to_owned(), Some(delivery))];
        let work = put_back(None, (engine.ports.clock.as_ref(), Duration::from_secs(300)), failed);
        let (_, lines) = lines::of(work).await;
        let again: Vec<&Value> =
            lines.iter().filter(|line| line["message"].as_str().unwrap_or_default().starts_with(AGAIN_LINE)).collect();
        assert_eq!(again.len(), told, "received {received} times: {lines:?}");
        assert!(
            again
                .iter()
                .all(|line| line["queue"] == WAKES && line["received"] == received && line["message_id"] == "m")
        );
    }
}

async fn sweep(world: &World) -> (Swept, Vec<Value>) {
    let (run, lines) = lines::of(world.invocation().run(&Trigger::Sweep)).await;
    match run.outcome {
        Outcome::Swept(swept) => (swept, lines),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn sweep_logs_the_queue_lengths() {
    let world = World::with_orders();
    world.aws(|aws| {
        aws.queue.put("{}");
        aws.queue.in_flight = 2;
    });
    let (swept, lines) = sweep(&world).await;
    let name = UPLOADS.to_owned();
    assert_eq!(swept.queues, [QueueLength { name, waiting: 1, in_flight: 2, delayed: 0 }]);
    assert!(slow_queue_lines(&lines).is_empty(), "somebody receives them: {lines:?}");
    let told = serde_json::to_value(&swept).unwrap();
    assert_eq!(told["queues"], json!([{"name": UPLOADS, "waiting": 1, "in_flight": 2, "delayed": 0}]));
}

#[tokio::test(start_paused = true)]
async fn queue_without_a_receiver_is_logged_by_each_sweep() {
    let world = World::with_orders();
    world.aws(|aws| aws.queue.put("{}"));
    for _ in 0..2 {
        let (swept, lines) = sweep(&world).await;
        assert_eq!(slow_queue_lines(&lines), [(UPLOADS, 0)], "{lines:?}");
        assert_eq!(swept.failed, 0, "that is no failure of the sweep");
    }
}

#[tokio::test(start_paused = true)]
async fn unreadable_queue_fails_no_sweep() {
    let world = World::with_orders();
    world.on(Op::GetQueueAttributes).always().fail(CallErrorKind::Denied);
    let (swept, lines) = sweep(&world).await;
    assert_eq!((swept.queues, swept.failed), (vec![], 0));
    assert!(
        lines
            .iter()
            .any(|line| line["message"].as_str().unwrap_or_default().contains("cannot tell how long a queue is"))
    );
}

#[tokio::test(start_paused = true)]
async fn sweep_without_a_queue_logs_no_lengths() {
    let mut world = World::with_orders();
    world.reconfigure(&config(&json!({})));
    let (swept, _) = sweep(&world).await;
    assert!(swept.queues.is_empty());
    assert!(serde_json::to_value(&swept).unwrap().get("queues").is_none());
}
