//! Bytes as the payload of an invocation, straight and in the envelopes of SQS and SNS.

#![no_main]

use deployer_core::trigger::{self, InboundEvent, Invocation, Message};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|bytes: &[u8]| {
    // The runtime gives the deployer text only.
    let Ok(payload) = str::from_utf8(bytes) else { return };
    let straight = trigger::read(payload);
    if let Ok(value) = serde_json::from_str::<Value>(payload) {
        assert_eq!(trigger::decode(&value), straight);
        assert_eq!(trigger::read(&value.to_string()), straight, "written anew it is another");
    }
    deep(payload);
    let queued = queued(payload);
    match straight {
        Invocation::Event(events) => {
            events.iter().for_each(check_event);
            // Through whichever door it comes, an event tells the same; only a tick is the queue's alone.
            let is_tick = matches!(&queued[..], [InboundEvent::Tick(_) | InboundEvent::NotUnderstood { .. }]);
            let is_array = payload.trim_start().starts_with('[');
            assert!(is_tick || is_array || queued == events, "{queued:?}");
            let notified = queued_sns(payload);
            assert!(is_tick || is_array || notified == events || is_notification(payload), "{notified:?}");
        }
        Invocation::Batch(messages) => {
            let value: Value = serde_json::from_str(payload).expect("it was read");
            assert_eq!(value["Records"].as_array().map(Vec::len), Some(messages.len()));
            messages.iter().flat_map(|message| &message.events).for_each(check_event);
        }
        Invocation::Command(command) => {
            let again = trigger::read(&command.payload().to_string());
            assert_eq!(again, Invocation::Command(command), "a command is read otherwise than it was written");
        }
        Invocation::Unknown { because } => assert!(!because.is_empty()),
    }
    // A message may say what it likes: it gives no command.
    assert!(!queued.is_empty());
    queued.iter().for_each(check_event);
});

fn check_event(event: &InboundEvent) {
    match event {
        InboundEvent::Ignored { because }
        | InboundEvent::NotUnderstood { because }
        | InboundEvent::Malformed { because, .. } => {
            assert!(!because.is_empty());
        }
        InboundEvent::Upload(_)
        | InboundEvent::Promotion(_)
        | InboundEvent::ApprovalResponse(_)
        | InboundEvent::Tick(_) => {}
    }
}

fn only_message(payload: &Value) -> Message {
    match trigger::read(&payload.to_string()) {
        Invocation::Batch(mut messages) if messages.len() == 1 => messages.remove(0),
        other => panic!("a batch of one is {other:?}"),
    }
}

/// Reads it as the body of a message, beside which another is read as if it were alone.
fn queued(body: &str) -> Vec<InboundEvent> {
    let record =
        |id: &str, body: &str| json!({"messageId": id, "receiptHandle": "r", "body": body, "eventSource": "aws:sqs"});
    let Message { id, events, .. } = only_message(&json!({"Records": [record("m1", body)]}));
    assert_eq!(id, "m1");
    let batch = json!({"Records": [record("m1", body), record("m2", "{}")]}).to_string();
    let Invocation::Batch(both) = trigger::read(&batch) else { panic!("no batch") };
    assert_eq!((both.len(), &both[0].events), (2, &events));
    assert!(matches!(both[1].events[..], [InboundEvent::Ignored { .. }]));
    events
}

fn queued_sns(message: &str) -> Vec<InboundEvent> {
    queued(&json!({"Type": "Notification", "Message": message}).to_string())
}

fn is_notification(payload: &str) -> bool {
    let by_sns = |record: &Value| record["EventSource"] == "aws:sns";
    serde_json::from_str::<Value>(payload).is_ok_and(|value| {
        value.get("Type").is_some() || value["Records"].as_array().is_some_and(|records| records.iter().any(by_sns))
    })
}

/// Whatever stands within too many brackets is told to be too deep, and does not end the process.
fn deep(payload: &str) {
    let within = format!("{}{payload}", "[".repeat(1000));
    let Invocation::Unknown { because } = trigger::read(&within) else { panic!("it was taken") };
    assert_eq!(because, "the payload is nested deeper than 127 levels");
    assert!(matches!(queued(&within)[..], [InboundEvent::Malformed { .. }]));
}
