#![allow(clippy::unwrap_used)]
//! Payloads in each wrapping, and invalid ones.

use serde_json::json;

use super::*;
use crate::artifact::Upload;
use crate::event::Refused;
use crate::identity::Identity;

fn s3_event(key: &str) -> Value {
    json!({"Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-west-1",
        "eventTime": "2026-11-01T10:00:00.123Z", "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "ci"}, "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": "R1", "x-amz-id-2": "I2"},
        "s3": {"s3SchemaVersion": "1.0", "configurationId": "uploads",
            "bucket": {"name": "acme-artifacts", "arn": "arn:aws:s3:::acme-artifacts"},
            "object": {"key": key, "size": 10, "eTag": "e", "versionId": "v1", "sequencer": "0055AED6DCD90281E5"}}}]})
}

fn eventbridge_event(key: &str) -> Value {
    json!({"version": "0", "id": "E1", "detail-type": "Object Created", "source": "aws.s3", "account": "123456789012",
        "time": "2026-11-01T10:00:00Z", "region": "eu-west-1", "resources": ["arn:aws:s3:::acme-artifacts"],
        "detail": {"version": "0", "bucket": {"name": "acme-artifacts"},
            "object": {"key": key, "size": 10, "etag": "e", "version-id": "v1", "sequencer": "0055AED6DCD90281E5"},
            "request-id": "R1", "requester": "123456789012", "reason": "PutObject"}})
}

fn sqs(bodies: &[&str]) -> Value {
    let records: Vec<Value> = (bodies.iter().enumerate())
        .map(|(n, body)| {
            json!({"messageId": format!("m{n}"), "receiptHandle": "r", "body": body,
            "attributes": {"ApproximateReceiveCount": "1"}, "messageAttributes": {}, "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:deployer", "awsRegion": "eu-west-1"})
        })
        .collect();
    json!({ "Records": records })
}

fn only_upload(events: &[InboundEvent]) -> Upload {
    match events {
        [InboundEvent::Upload(upload)] => upload.clone(),
        other => panic!("expected one upload, found {other:?}"),
    }
}

fn because(events: &[InboundEvent]) -> String {
    match events {
        [InboundEvent::Ignored { because }] => format!("ignored: {because}"),
        [InboundEvent::Malformed { because, .. }] => format!("malformed: {because}"),
        [InboundEvent::NotUnderstood { because }] => format!("not understood: {because}"),
        other => panic!("expected a reason, found {other:?}"),
    }
}

fn sns(message: &str) -> Value {
    json!({"Type": "Notification", "MessageId": "n", "TopicArn": "arn:aws:sns:eu-west-1:123456789012:t",
        "Subject": "Amazon S3 Notification", "Message": message, "Timestamp": "2026-11-01T10:00:01Z"})
}

/// Returns the payload with which SNS invokes a function.
fn sns_event(message: &str) -> Value {
    json!({"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0",
        "EventSubscriptionArn": "arn:aws:sns:eu-west-1:123456789012:t:s", "Sns": sns(message)}]})
}

#[test]
fn all_eight_wrappings_decode_to_the_same_upload() {
    let (s3, eventbridge) = (s3_event("dev/orders-api/1.4.2.zip"), eventbridge_event("dev/orders-api/1.4.2.zip"));
    let sns = sns(&s3.to_string());
    let straight = |value: &Value| match decode(value) {
        Invocation::Event(events) => only_upload(&events),
        other => panic!("{other:?}"),
    };
    let queued = |value: &Value| match decode(&sqs(&[&value.to_string()])) {
        Invocation::Batch(messages) => only_upload(&messages[0].events),
        other => panic!("{other:?}"),
    };
    let by_sns = sns_event(&s3.to_string());
    let by_a_pipe = sqs(&[&s3.to_string()])["Records"].clone();
    let by_a_pipe_with_a_template = json!([s3]);
    let uploads = [
        straight(&s3),
        straight(&eventbridge),
        straight(&by_sns),
        straight(&by_a_pipe),
        straight(&by_a_pipe_with_a_template),
        queued(&s3),
        queued(&sns),
        queued(&eventbridge),
    ];
    for upload in uploads {
        assert_eq!(upload.bucket, "acme-artifacts");
        assert_eq!(upload.key, "dev/orders-api/1.4.2.zip");
        assert_eq!(upload.version_id.as_deref(), Some("v1"));
        assert_eq!(upload.sequencer.as_deref(), Some("0055AED6DCD90281E5"));
        assert_eq!(upload.time.as_second(), 1_793_527_200);
    }
}

#[test]
fn keys_are_form_decoded_from_s3_and_plain_from_eventbridge() {
    assert_eq!(
        only_upload(&s3::records(s3_event("dev/f/1.0%2Bb+7.zip")["Records"].as_array().unwrap())).key,
        "dev/f/1.0+b 7.zip"
    );
    assert_eq!(only_upload(&eventbridge::decode(&eventbridge_event("dev/f/1.0+b.zip"))).key, "dev/f/1.0+b.zip");
    let broken = s3_event("dev/f/%FF.zip");
    assert_eq!(
        because(&s3::records(broken["Records"].as_array().unwrap())),
        "malformed: the key \"dev/f/%FF.zip\" is not UTF-8"
    );
}

#[test]
fn test_deletion_and_foreign_events_are_ignored_with_a_reason() {
    let ignored = |value: &Value| because(&event(value).unwrap());
    assert_eq!(
        ignored(&json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"})),
        "ignored: S3 has tested whether it may send notifications"
    );
    let mut removed = s3_event("dev/f/1.zip");
    removed["Records"][0]["eventName"] = json!("ObjectRemoved:DeleteMarkerCreated");
    assert_eq!(ignored(&removed), "ignored: ObjectRemoved:DeleteMarkerCreated of \"dev/f/1.zip\" is no upload");
    let mut deleted = eventbridge_event("dev/f/1.zip");
    deleted["detail-type"] = json!("Object Deleted");
    assert_eq!(ignored(&deleted), "ignored: an event \"Object Deleted\" of \"aws.s3\"");
    let scheduled = json!({"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}});
    assert_eq!(ignored(&scheduled), "ignored: an event \"Scheduled Event\" of \"aws.events\"");
    assert_eq!(ignored(&json!({"Records": []})), "ignored: an event without records");
    assert_eq!(
        ignored(&json!({"Records": [{"eventSource": "aws:ses"}]})),
        "ignored: a record from aws:ses, not from aws:s3"
    );
}

#[test]
fn sns_record_without_an_event_is_malformed_or_ignored_with_a_reason() {
    let told = |value: &Value| because(&event(value).unwrap());
    let known = json!({"Event": "s3:TestEvent"}).to_string();
    assert_eq!(told(&sns_event(&known)), "ignored: S3 has tested whether it may send notifications");
    assert_eq!(told(&sns_event("{\"a\":1}")), "ignored: the SNS message is no event that this deployer knows");
    assert!(told(&sns_event("hello")).starts_with("malformed: the SNS message is not JSON: "));
    assert_eq!(told(&sns_event(&sns(&known).to_string())), "ignored: an SNS message within an SNS message");
    assert_eq!(
        told(&sns_event(&sns_event(&s3_event("dev/f/1.zip").to_string()).to_string())),
        "ignored: a record from aws:sns, not from aws:s3"
    );
    let mut without = sns_event("");
    without["Records"][0]["Sns"].as_object_mut().unwrap().remove("Message");
    assert_eq!(told(&without), "malformed: an SNS record without a text Sns.Message");
}

#[test]
fn each_record_of_sns_and_s3_is_decoded() {
    let mut both = sns_event(&s3_event("dev/f/1.zip").to_string());
    let other = s3_event("dev/f/2.zip")["Records"][0].clone();
    both["Records"].as_array_mut().unwrap().push(other);
    let Invocation::Event(events) = decode(&both) else { panic!("{both}") };
    let keys: Vec<String> = events.chunks(1).map(|event| only_upload(event).key).collect();
    assert_eq!(keys, ["dev/f/1.zip", "dev/f/2.zip"]);
}

#[test]
fn array_of_a_pipe_is_one_event_and_unknown_items_are_ignored() {
    let mut items = sqs(&[&s3_event("dev/f/1.zip").to_string(), "{not json"])["Records"].clone();
    let items = items.as_array_mut().unwrap();
    items.push(json!({"eventSource": "aws:kinesis", "data": "e30="}));
    items.push(eventbridge_event("dev/f/2.zip"));
    let Invocation::Event(events) = decode(&json!(items)) else { panic!("{items:?}") };
    assert_eq!(only_upload(&events[..1]).key, "dev/f/1.zip");
    assert!(because(&events[1..2]).starts_with("malformed: the message's body is not JSON: "));
    assert_eq!(because(&events[2..3]), "ignored: item 3 of the pipe's array is no event that this deployer knows");
    assert_eq!(only_upload(&events[3..]).key, "dev/f/2.zip");
}

#[test]
fn array_without_any_event_is_refused_with_what_is_taken() {
    for items in [json!([{"eventSource": "aws:kinesis"}, {"a": 1}]), json!([{"command": "sweep"}]), json!([1])] {
        let Invocation::Unknown { because } = decode(&items) else { panic!("{items}") };
        let expected = "no item of the array, which is what a pipe sends, is an event; this deployer takes S3 notif";
        assert!(because.starts_with(expected), "{because}");
    }
    let Invocation::Unknown { because } = decode(&json!([])) else { panic!("it was taken") };
    assert!(because.starts_with("the payload is not a JSON object; "), "{because}");
}

#[test]
fn message_with_undecodable_fields_that_nobody_needs_is_still_read() {
    let mut event = sqs(&[&s3_event("dev/f/1.zip").to_string()]);
    let record = &mut event["Records"][0];
    record["messageAttributes"] = json!([{"delay": 1}]);
    record["attributes"]["SenderId"] = json!(7);
    record["attributes"]["SentTimestamp"] = json!({"at": "noon"});
    record["attributes"]["ApproximateReceiveCount"] = json!("3");
    record["eventSourceARN"] = json!(["a", "b"]);
    record["md5OfBody"] = json!(false);
    let Invocation::Batch(messages) = decode(&event) else { panic!("no batch") };
    assert_eq!(only_upload(&messages[0].events).key, "dev/f/1.zip");
    assert_eq!(messages[0].id, "m0");
    let delivery = Delivery { receipt: "r".into(), received: 3, queue: None, due: None, first_received: None };
    assert_eq!(messages[0].delivery, Some(delivery));
}

#[test]
fn message_whose_body_is_no_text_is_malformed_and_keeps_its_id() {
    let mut event = sqs(&["{}"]);
    event["Records"][0]["body"] = json!({"Records": []});
    let Invocation::Batch(messages) = decode(&event) else { panic!("no batch") };
    assert_eq!(because(&messages[0].events), "malformed: an SQS message whose body is no text");
    assert_eq!((messages[0].id.as_str(), messages[0].delivery.is_some()), ("m0", true));
}

#[test]
fn malformed_body_leaves_the_other_messages_of_a_batch_intact() {
    let good = s3_event("dev/f/1.zip").to_string();
    let Invocation::Batch(messages) = decode(&sqs(&["{not json", &good, "[1,2]", "{\"a\":1}"])) else { panic!() };
    assert!(because(&messages[0].events).starts_with("malformed: the message's body is not JSON: "));
    assert_eq!(only_upload(&messages[1].events).key, "dev/f/1.zip");
    assert_eq!(because(&messages[2].events), "ignored: the message is no event that this deployer knows");
    assert_eq!(messages[3].id, "m3");
}

#[test]
fn record_without_its_fields_is_malformed_and_says_which() {
    let mut event = s3_event("dev/f/1.zip");
    event["Records"][0]["s3"]["object"].as_object_mut().unwrap().remove("key");
    assert_eq!(
        because(&s3::records(event["Records"].as_array().unwrap())),
        "malformed: an S3 record that cannot be read: missing field `key`"
    );
    let mut event = eventbridge_event("dev/f/1.zip");
    event["time"] = json!("yesterday");
    assert!(because(&eventbridge::decode(&event)).starts_with("malformed: an \"Object Created\" event"));
}

#[test]
fn payload_that_is_no_event_is_an_invalid_command() {
    for (payload, expected) in [
        (json!("hello"), "the payload is not a JSON object"),
        (json!({"hello": 1}), "the payload is neither an event nor a command"),
        (json!({"command": "dance"}), "unknown command \"dance\"; this deployer knows deploy"),
        (json!({"command": 1}), "\"command\" must be a text"),
        (json!({"command": "history", "environment": "dev"}), "command history: missing field `function`"),
        (
            json!({"command": "history", "environment": "Dev", "function": "f"}),
            "command history: environment: \"Dev\" is not an environment",
        ),
        (json!({"command": "sweep", "now": true}), "command sweep: unknown field `now`"),
    ] {
        let Invocation::Unknown { because } = decode(&payload) else { panic!("{payload}") };
        assert!(because.starts_with(expected), "{because}");
    }
}

#[test]
fn tick_comes_through_the_queue_and_a_command_by_hand() {
    let tick =
        json!({"tick": {"environment": "dev", "function": "f", "id": "01JBJ4GZ00ABCDEFGH0123456J", "claim": null}});
    let broken = json!({"tick": {"environment": "dev"}});
    let with = |tick: &Value, format: u32| json!({"tick": tick["tick"], "format": format});
    let bodies = [&tick.to_string(), &broken.to_string(), &with(&tick, 1).to_string(), &with(&tick, 2).to_string()];
    let Invocation::Batch(messages) = decode(&sqs(&bodies.map(String::as_str))) else { panic!() };
    assert!(matches!(&messages[0].events[..], [InboundEvent::Tick(tick)] if tick.claim.is_none()), "{messages:?}");
    assert_eq!(because(&messages[1].events), "not understood: a tick that cannot be read: missing field `function`");
    assert!(matches!(&messages[2].events[..], [InboundEvent::Tick(_)]), "{messages:?}");
    assert_eq!(because(&messages[3].events), "not understood: a tick of format 2, and this deployer knows 1");
    assert!(matches!(decode(&tick), Invocation::Unknown { .. }), "ticks are the queue's alone");
    let sweep = json!({"command": "sweep", "requested_by": "the schedule"});
    let Invocation::Command(order) = decode(&sweep) else { panic!("no command") };
    assert_eq!((order.command, order.requested_by.as_deref()), (Command::Sweep {}, Some("the schedule")));
}

#[test]
fn message_keeps_its_receipt_and_receive_count() {
    let Invocation::Batch(messages) = decode(&sqs(&["{}"])) else { panic!() };
    let queue = Some("arn:aws:sqs:eu-west-1:123456789012:deployer".to_owned());
    let delivery = Delivery { receipt: "r".into(), received: 1, queue, due: None, first_received: None };
    assert_eq!(messages[0].delivery, Some(delivery));
    assert_eq!(messages[0].delivery.as_ref().and_then(Delivery::queue_name), Some("deployer"));
}

#[test]
fn message_is_due_after_its_delay() {
    let due = |delay: Value| {
        let mut event = sqs(&["{}"]);
        event["Records"][0]["attributes"]["SentTimestamp"] = json!("1700000000000");
        event["Records"][0]["messageAttributes"] = delay;
        let Invocation::Batch(messages) = decode(&event) else { panic!() };
        messages[0].delivery.as_ref().unwrap().due.unwrap().as_second()
    };
    let delay = |seconds: &str| json!({"delay": {"stringValue": seconds, "dataType": "Number"}});
    assert_eq!(due(json!({})), 1_700_000_000);
    assert_eq!(due(delay("300")), 1_700_000_300);
    for odd in ["", "-1", "soon", "18446744073709551616"] {
        assert_eq!(due(delay(odd)), 1_700_000_000, "{odd:?}");
    }
}

#[test]
fn too_deeply_nested_json_is_reported_in_every_wrapping() {
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let Invocation::Unknown { because } = read(&deep) else { panic!("it was taken") };
    assert_eq!(because, "the payload is nested deeper than 127 levels");
    let fits = format!("{}1{}", "[".repeat(127), "]".repeat(127));
    let Invocation::Unknown { because } = read(&fits) else { panic!("it was taken") };
    assert!(because.starts_with("no item of the array"), "{because}");

    let sns = json!({"Type": "Notification", "Message": deep}).to_string();
    let Invocation::Batch(messages) = read(&sqs(&[&deep, &sns, &s3_event("dev/orders/1.zip").to_string()]).to_string())
    else {
        panic!("no batch");
    };
    let events = |number: usize| match &messages[number].events[..] {
        [InboundEvent::Malformed { because, .. }] => because.clone(),
        [InboundEvent::Upload(upload)] => upload.key.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(events(0), "the message's body is nested deeper than 127 levels");
    assert_eq!(events(1), "the SNS message is nested deeper than 127 levels");
    assert_eq!(events(2), "dev/orders/1.zip");
}

fn identity() -> Value {
    json!({"access_key_id": "AKIASECRET", "date": "20261101T100000Z", "session_token": "t0ken",
        "signature": "0a".repeat(32), "audience": "arn:aws:lambda:eu-west-1:123456789012:function:deployer"})
}

#[test]
fn proof_of_a_command_is_read_and_written_for_its_receiver_only() {
    let mut payload = json!({"command": "hold", "environment": "prod", "function": "orders", "reason": "x", "id": "1"});
    let plain = payload.clone();
    payload["identity"] = identity();
    let Invocation::Command(request) = decode(&payload) else { panic!() };
    assert!(request.identity.is_some());
    assert_eq!(request.payload(), payload);
    assert_eq!(serde_json::to_value(&request).unwrap(), plain);
    assert!(!format!("{request:?}").contains("t0ken"));
    payload["identity"] = Value::Null;
    let Invocation::Command(request) = decode(&payload) else { panic!() };
    assert_eq!(request.identity, None);
    for (field, wrong, expected) in [
        ("identity", json!({"signature": "t0ken"}), "command hold: identity.access_key_id must be a text"),
        ("identity", json!("t0ken"), "command hold: identity must be an object"),
    ] {
        payload[field] = wrong;
        let Invocation::Unknown { because } = decode(&payload) else { panic!() };
        assert!(because.starts_with(expected) && !because.contains("t0ken"), "{because}");
    }
    payload["identity"] = identity();
    payload.as_object_mut().unwrap().remove("id");
    let Invocation::Unknown { because } = decode(&payload) else { panic!() };
    assert_eq!(because, "command hold: identity needs id: a proof is for one request");
}

#[test]
fn proof_in_an_event_is_in_no_answer_to_its_sender() {
    let event = |kind: &str, detail: &Value| {
        json!({"version": "0", "id": "E1", "detail-type": kind, "source": "acme.release", "account": "999999999999",
            "time": "2026-11-01T10:00:00Z", "region": "eu-west-1", "resources": [], "detail": detail})
    };
    let word = json!({"environment": "prod", "function": "orders", "deployment": "01JD3Z9V7Q0000000000000000",
        "identity": identity()});
    for (kind, by) in [("Promotion Approved", "approved_by"), ("Promotion Declined", "declined_by")] {
        let mut word = word.clone();
        word[by] = json!("bob");
        let Invocation::Event(events) = decode(&event(kind, &word)) else { panic!() };
        let [InboundEvent::ApprovalResponse(response)] = events.as_slice() else { panic!("{events:?}") };
        assert!(matches!(response.identity, Identity::Unchecked(_)));
        word["deployment"] = json!(7);
        let Invocation::Event(events) = decode(&event(kind, &word)) else { panic!() };
        let [InboundEvent::Malformed { because, readable_request: Some(told) }] = events.as_slice() else { panic!() };
        assert_eq!(told.refused, Some(Refused::Approval), "{kind}");
        let told = format!("{because} {} {told:?}", serde_json::to_string(told).unwrap());
        assert!(["t0ken", "AKIASECRET", "0a0a"].iter().all(|secret| !told.contains(secret)), "{told}");
    }
    let promote = json!({"function": "orders", "from": "dev", "to": "prod", "identity": identity()});
    let Invocation::Event(events) = decode(&event("Promotion Requested", &promote)) else { panic!() };
    assert!(because(&events).ends_with("identity needs id: a proof is for one request"), "{events:?}");
    for misplaced in [
        json!({"proof": identity()}),
        json!({"auth": {"Identity": identity()}}),
        json!({"proofs": [identity()]}),
        json!({"signature": "0a0a", "session_token": "t0ken"}),
    ] {
        let mut promote = json!({"function": "orders", "from": "dev", "to": "prod"});
        promote.as_object_mut().unwrap().extend(misplaced.as_object().unwrap().clone());
        let Invocation::Event(events) = decode(&event("Promotion Requested", &promote)) else { panic!() };
        let [InboundEvent::Malformed { because, readable_request: Some(told) }] = events.as_slice() else { panic!() };
        assert_eq!(told.refused, Some(Refused::Request));
        let told = format!("{because} {} {told:?}", serde_json::to_string(told).unwrap());
        assert!(["t0ken", "AKIASECRET", "0a0a"].iter().all(|secret| !told.contains(secret)), "{told}");
    }
    let mut promote = promote;
    promote["id"] = json!("r1");
    let Invocation::Event(events) = decode(&event("Promotion Requested", &promote)) else { panic!() };
    let [InboundEvent::Promotion(request)] = events.as_slice() else { panic!("{events:?}") };
    assert!(matches!(request.identity, Identity::Unchecked(_)));
}
