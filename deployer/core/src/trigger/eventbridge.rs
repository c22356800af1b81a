//! Decodes events from EventBridge, those of S3 included (S3 User Guide, "EventBridge event message structure").
//!
//! Object keys in them are plain.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::inbound::InboundEvent;
use super::promotion;
use crate::artifact::Upload;
use crate::names::{PROMOTION_APPROVED, PROMOTION_DECLINED, PROMOTION_REQUESTED};

#[derive(Deserialize)]
struct ObjectCreated {
    id: Option<String>,
    time: Timestamp,
    detail: Detail,
}

#[derive(Deserialize)]
struct Detail {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Object {
    key: String,
    version_id: Option<String>,
    sequencer: Option<String>,
}

pub(super) fn decode(value: &Value) -> Vec<InboundEvent> {
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
    let (source, kind) = (text("source"), text("detail-type"));
    match kind {
        PROMOTION_REQUESTED => return promotion::decode_request(value),
        PROMOTION_APPROVED => return promotion::decode_approval(value),
        PROMOTION_DECLINED => return promotion::decode_decline(value),
        _ => {}
    }
    if (source, kind) != ("aws.s3", "Object Created") {
        return InboundEvent::ignored(format!("an event {kind:?} of {source:?}"));
    }
    match ObjectCreated::deserialize(value) {
        Ok(event) => vec![InboundEvent::Upload(Upload {
            bucket: event.detail.bucket.name,
            key: event.detail.object.key,
            version_id: event.detail.object.version_id,
            sequencer: event.detail.object.sequencer,
            time: event.time,
            event_id: event.id,
        })],
        Err(error) => InboundEvent::malformed(format!("an \"Object Created\" event that cannot be read: {error}")),
    }
}
