//! Rules of text fields, and a search for the field of a serde error.

use serde::Deserialize;
use serde_json::Value;

use crate::identity::{IDENTITY, IdentityProof, RequestDigest};
use crate::text::Person;

/// The most characters of a free text.
const MAX_TEXT_LENGTH: usize = 500;

/// Adds the field's name to an error of serde, which does not name it for values: it is the field without which the
/// error changes.
pub(super) fn with_field<T: for<'de> Deserialize<'de>>(fields: &Value, error: &str) -> String {
    if error.starts_with("missing field") || error.starts_with("unknown field") {
        return error.to_owned();
    }
    let is_it = |field: &&String| {
        let mut others = fields.clone();
        let _taken = others.as_object_mut().and_then(|others| others.remove(*field));
        T::deserialize(&others).err().is_none_or(|other| other.to_string() != error)
    };
    let mut named =
        fields.as_object().into_iter().flatten().map(|(field, _)| field).filter(|field| *field != "command");
    named.find(is_it).map_or_else(|| error.to_owned(), |field| format!("{field}: {error}"))
}

/// Reads the proof of identity of a request, if it carries one. `digest` hashes the request.
pub(super) fn decode_proof(
    request: &Value,
    digest: impl Fn() -> RequestDigest,
) -> Result<Option<IdentityProof>, String> {
    match request.get(IDENTITY) {
        None | Some(Value::Null) => Ok(None),
        Some(proof) => IdentityProof::parse(proof, digest()).map(Some),
    }
}

pub(super) fn check_free_text(field: &str, text: &str) -> Result<(), String> {
    if Person::from(text).is_empty() {
        return Err(format!("{field} must not be empty"));
    }
    if text.chars().count() > MAX_TEXT_LENGTH || text.chars().any(char::is_control) {
        return Err(format!("{field} must be one line of at most {MAX_TEXT_LENGTH} characters"));
    }
    Ok(())
}
