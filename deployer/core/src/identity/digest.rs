//! The hash of a request, which its giver signs.

use std::fmt;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The field of a request that holds the proof of identity.
pub(crate) const IDENTITY: &str = "identity";

/// The SHA-256 of a request without its proof. It covers the request's id and all that is asked for, so a proof fits no
/// other request.
///
/// The request is hashed as compact JSON with sorted names, so it does not matter how it was written on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestDigest([u8; 32]);

impl RequestDigest {
    /// Hashes a command.
    #[must_use]
    pub fn of_command(payload: &Value) -> Self {
        Self::of(&without_identity(payload))
    }

    /// Hashes an event of EventBridge: its detail, and what kind of event it is. The rest is EventBridge's.
    #[must_use]
    pub fn of_event(detail_type: &str, detail: &Value) -> Self {
        Self::of(&serde_json::json!({ "detail": without_identity(detail), "detail-type": detail_type }))
    }

    fn of(value: &Value) -> Self {
        let mut text = String::new();
        write_sorted(value, &mut text);
        Self(Sha256::digest(text.as_bytes()).into())
    }
}

impl fmt::Display for RequestDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Returns the value without its field `identity`.
pub(crate) fn without_identity(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(fields) = value.as_object_mut() {
        let _proof = fields.remove(IDENTITY);
    }
    value
}

/// Returns a request without anything that looks like a proof, wherever it stands and whatever its name.
pub(crate) fn without_proofs(value: &Value) -> Value {
    let is_proof = |value: &Value| ["signature", "session_token"].iter().any(|field| value.get(field).is_some());
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, value)| *name != IDENTITY && !is_proof(value));
            let kept = kept.filter(|(name, _)| *name != "signature" && *name != "session_token");
            Value::Object(kept.map(|(name, value)| (name.clone(), without_proofs(value))).collect())
        }
        Value::Array(values) => {
            Value::Array(values.iter().filter(|value| !is_proof(value)).map(without_proofs).collect())
        }
        plain => plain.clone(),
    }
}

fn write_sorted(value: &Value, to: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            to.push('{');
            for (index, (name, value)) in fields.into_iter().enumerate() {
                to.push_str(if index > 0 { "," } else { "" });
                to.push_str(&Value::from(name.as_str()).to_string());
                to.push(':');
                write_sorted(value, to);
            }
            to.push('}');
        }
        Value::Array(items) => {
            to.push('[');
            for (index, item) in items.iter().enumerate() {
                to.push_str(if index > 0 { "," } else { "" });
                write_sorted(item, to);
            }
            to.push(']');
        }
        other => to.push_str(&other.to_string()),
    }
}
