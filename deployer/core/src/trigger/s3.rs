//! Decodes S3 event notifications (S3 User Guide, "Event message structure").
//!
//! Object keys in them are form-encoded; they are decoded here and nowhere else.

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;

use super::inbound::InboundEvent;
use crate::artifact::Upload;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_name: String,
    event_time: Timestamp,
    #[serde(default)]
    response_elements: ResponseElements,
    s3: Entity,
}

#[derive(Deserialize, Default)]
struct ResponseElements {
    #[serde(rename = "x-amz-request-id")]
    request_id: Option<String>,
}

#[derive(Deserialize)]
struct Entity {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    key: String,
    version_id: Option<String>,
    sequencer: Option<String>,
}

/// Decodes the records of one notification.
pub(super) fn records(records: &[Value]) -> Vec<InboundEvent> {
    if records.is_empty() {
        return InboundEvent::ignored("an event without records");
    }
    records.iter().map(record).collect()
}

fn record(value: &Value) -> InboundEvent {
    let source = value.get("eventSource").or_else(|| value.get("EventSource")).and_then(Value::as_str);
    if source != Some("aws:s3") {
        let source = source.unwrap_or("nobody");
        return InboundEvent::Ignored { because: format!("a record from {source}, not from aws:s3") };
    }
    let record = match Record::deserialize(value) {
        Ok(record) => record,
        Err(error) => return malformed(format!("an S3 record that cannot be read: {error}")),
    };
    if !record.event_name.starts_with("ObjectCreated:") {
        return InboundEvent::Ignored {
            because: format!("{} of {:?} is no upload", record.event_name, record.s3.object.key),
        };
    }
    let object = record.s3.object;
    let spaced = object.key.replace('+', " ");
    let Ok(key) = percent_decode_str(&spaced).decode_utf8() else {
        return malformed(format!("the key {:?} is not UTF-8", object.key));
    };
    InboundEvent::Upload(Upload {
        bucket: record.s3.bucket.name,
        key: key.into_owned(),
        version_id: object.version_id,
        sequencer: object.sequencer,
        time: record.event_time,
        event_id: record.response_elements.request_id,
    })
}

fn malformed(because: String) -> InboundEvent {
    InboundEvent::Malformed { because, readable_request: None }
}
