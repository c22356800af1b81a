//! The payloads by which the deployer hears of an upload, as JSON: S3's notification and EventBridge's event.

use std::time::Duration;

use deployer_core::artifact::Upload;
use deployer_core::trigger::{InboundEvent, Invocation, decode};
use deployer_engine::EventOutcome;
use serde_json::{Value, json};

use super::{Outcome, Trigger, World};

/// Returns S3's notification of an upload, as Lambda delivers it.
#[must_use]
pub fn notification(upload: &Upload) -> Value {
    json!({"Records": [{
        "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": upload.time.to_string(),
        "responseElements": {"x-amz-request-id": upload.event_id},
        "s3": {"bucket": {"name": upload.bucket}, "object": {
            "key": upload.key.replace('+', "%2B"), "versionId": upload.version_id, "sequencer": upload.sequencer}},
    }]})
}

/// Returns EventBridge's event of the same upload: a plain key, another id, whole seconds, and a little later.
#[must_use]
pub fn eventbridge(upload: &Upload) -> Value {
    let time = jiff::Timestamp::from_second((upload.time + Duration::from_secs(1)).as_second()).unwrap();
    json!({
        "id": format!("eventbridge-{}", upload.event_id.as_deref().unwrap_or_default()),
        "source": "aws.s3", "detail-type": "Object Created", "time": time.to_string(),
        "detail": {"bucket": {"name": upload.bucket}, "object": {
            "key": upload.key, "version-id": upload.version_id, "sequencer": upload.sequencer}},
    })
}

/// Returns a batch of SQS with one message that has this body.
#[must_use]
pub fn queued(body: &str) -> Value {
    json!({"Records": [{
        "messageId": "m1", "receiptHandle": "r", "body": body, "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {}, "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:deployer", "awsRegion": "eu-west-1",
    }]})
}

impl World {
    async fn handled(&self, work: Trigger) -> EventOutcome {
        match self.invocation().run(&work).await.outcome {
            Outcome::EventOutcome(handled) => handled,
            other => panic!("{other:?}"),
        }
    }

    /// Decodes a payload and handles its events one after the other.
    ///
    /// # Panics
    /// If an event must come again.
    pub async fn receive(&self, payload: &Value) -> Vec<EventOutcome> {
        let events = match decode(payload) {
            Invocation::Event(events) => events,
            Invocation::Batch(messages) => messages.into_iter().flat_map(|message| message.events).collect(),
            Invocation::Command(command) => panic!("a command: {command:?}"),
            Invocation::Unknown { because } => vec![InboundEvent::Ignored { because }],
        };
        let mut handled = Vec::new();
        for one in events {
            handled.push(match one {
                InboundEvent::Upload(upload) => self.deliver(&upload).await.unwrap_or_else(|error| panic!("{error}")),
                InboundEvent::Tick(tick) => panic!("a tick: {tick:?}"),
                InboundEvent::Promotion(promotion) => self.handled(Trigger::Promotion(promotion)).await,
                InboundEvent::ApprovalResponse(response) => self.handled(Trigger::ApprovalResponse(response)).await,
                InboundEvent::Ignored { because } => EventOutcome::Ignored { because },
                InboundEvent::NotUnderstood { because } => panic!("put back: {because}"),
                InboundEvent::Malformed { because, .. } => {
                    EventOutcome::Ignored { because: format!("malformed: {because}") }
                }
            });
        }
        handled
    }
}
