//! The formats of the ledger's objects. Objects are read and written here, each in the format that its fields need.
//!
//! An object has the lowest format whose fields it uses, and sinks again when it uses them no more. A field raises the
//! format if a deployer that does not know it would do harm; other unknown fields are kept as they are.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::as_read::AsRead;
use crate::group::Group;
use crate::head::{self, Head, Request};
use crate::record::{DeploymentRecord, SCHEMA};
use crate::rejects::Rejects;
use crate::stored_request::StoredRequest;

/// The format of objects that do not name theirs.
pub const FIRST: u32 = 1;
/// The newest format that this deployer knows. Objects of a newer one are left alone.
pub const KNOWN: u32 = 5;

/// A format, and a test whether a head uses fields that only that format has.
type Rise = (u32, fn(&Head) -> bool);

/// The fields that raise the format of a head, and the format that they raise it to: an older deployer must not touch a
/// head that uses them. No other place raises it.
const RISES: &[Rise] = &[
    // An older deployer believes that every target serves the first of the history.
    (2, |head| head.live().is_some_and(|live| !live.complete)),
    (2, |head| head.live_state().has_unrecovered_live()),
    // An older deployer would go one release too far.
    (2, |head| head.queue().open().any(|request| request.undoes().is_some())),
    // An older deployer believes that the owner of a parked deployment has died, and a newer request would take its
    // place while traffic moves.
    (2, |head| head.active().is_some_and(|active| active.hops > 0 || !active.awaits.is_empty())),
    // An older deployer believes that an alias is done although an earlier write may still move it.
    (2, |head| !head.doors().is_empty()),
    (2, |head| head.active().is_some_and(|active| active.doors.as_ref().is_some_and(|doors| !doors.is_empty()))),
    // An older deployer lets a newer promotion displace a member that holds its place, like any other promotion.
    (2, |head| head.waiting().iter().any(|waiting| waiting.place.is_some())),
    (2, |head| {
        head.queue()
            .open()
            .any(|request| request.promotion_spec().is_some_and(|promoting| promoting.place_token.is_some()))
    }),
    // An older deployer would move all traffic at once, or take the alias's weights away. Format 3 had rollouts that were
    // never given up on their way back, and set no function back.
    (4, |head| head.active().is_some_and(|active| active.rollout.is_some())),
    // An older deployer would make a member of a group live before the others have passed.
    (5, |head| head.active().is_some_and(|active| active.rollout.is_some() && active.request.group().is_some())),
];

impl LedgerObject for Head {
    const RETIRED: &'static [&'static str] = &["keys", "newest"];

    fn format(&self) -> u32 {
        let used = RISES.iter().filter(|(_, uses)| uses(self)).map(|(format, _)| *format);
        used.max().unwrap_or(FIRST)
    }

    fn as_read(&self) -> AsRead {
        self.as_read.clone()
    }

    fn reads(self, as_read: AsRead) -> Self {
        head::read_as(self, as_read)
    }

    fn is_understood(&self) -> bool {
        self.queue().open().all(Request::is_understood)
    }
}

impl LedgerObject for Rejects {
    fn as_read(&self) -> AsRead {
        self.as_read.clone()
    }

    fn reads(mut self, as_read: AsRead) -> Self {
        self.as_read = as_read;
        self
    }
}

impl LedgerObject for Group {
    fn as_read(&self) -> AsRead {
        self.as_read.clone()
    }

    fn reads(mut self, as_read: AsRead) -> Self {
        self.as_read = as_read;
        self
    }
}

impl LedgerObject for DeploymentRecord {}

impl LedgerObject for StoredRequest {
    fn is_understood(&self) -> bool {
        self.request.is_understood()
    }
}

/// An object of the ledger.
pub trait LedgerObject: Serialize + DeserializeOwned {
    /// The fields that the object had once: they are read no more, and dropped.
    const RETIRED: &'static [&'static str] = &[];

    /// Returns the lowest format whose fields it uses.
    fn format(&self) -> u32 {
        FIRST
    }

    /// Returns the object as it was read.
    fn as_read(&self) -> AsRead {
        AsRead::default()
    }

    /// Attaches to the object how it was read.
    #[must_use]
    fn reads(self, _as_read: AsRead) -> Self {
        self
    }

    /// Whether this deployer understands everything that is open in it.
    fn is_understood(&self) -> bool {
        true
    }
}

/// The reason for which an object of the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It is not such an object.
    #[error("{0}")]
    Broken(#[from] serde_json::Error),
    /// It has another schema.
    #[error("it has schema {0}, this deployer knows {SCHEMA}")]
    Schema(u64),
    /// A newer deployer has written it, in a format that this one does not know.
    #[error("it has format {0}, this deployer knows formats up to {KNOWN}")]
    Newer(u64),
    /// A newer deployer has written it, and something in it is open that this one does not know.
    #[error("something is open in it that this deployer does not know")]
    NotUnderstood,
}

/// Reads an object. Schema and format are checked first, for an object of another one may have any shape.
///
/// # Errors
/// [`Unusable`].
pub fn read<T: LedgerObject>(body: &[u8]) -> Result<T, Unusable> {
    let mut value: Value = serde_json::from_slice(body)?;
    if let Some(schema) = value.get("schema").and_then(Value::as_u64).filter(|schema| *schema != u64::from(SCHEMA)) {
        return Err(Unusable::Schema(schema));
    }
    let format = value.as_object_mut().and_then(|fields| fields.remove("format"));
    let format = format.map(|format| format.as_u64().unwrap_or(u64::MAX));
    if let Some(format) = format.filter(|format| *format > u64::from(KNOWN)) {
        return Err(Unusable::Newer(format));
    }
    let object = T::deserialize(&value)?;
    let as_read = AsRead::of(value, &object, T::RETIRED)?;
    let object = object.reads(if format.is_none() { as_read.of_before() } else { as_read });
    if object.is_understood() { Ok(object) } else { Err(Unusable::NotUnderstood) }
}

/// Returns the format that an object tells; none if it is no object of the ledger.
#[must_use]
pub fn told(body: &[u8]) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Told {
        format: Option<u64>,
    }
    let told: Told = serde_json::from_slice(body).ok()?;
    Some(told.format.unwrap_or(u64::from(FIRST)))
}

/// Writes an object in its format, with everything that was read and is unknown to this deployer.
///
/// # Errors
/// It cannot be written as JSON.
pub fn write<T: LedgerObject>(object: &T, as_read: &AsRead) -> Result<Vec<u8>, serde_json::Error> {
    #[derive(Serialize)]
    struct Formatted<'a, T> {
        format: u32,
        #[serde(flatten)]
        object: &'a T,
    }
    let format = object.format();
    if as_read.is_known() {
        return serde_json::to_vec_pretty(&Formatted { format, object });
    }
    let mut value = as_read.with(serde_json::to_value(object)?);
    value["format"] = format.into();
    serde_json::to_vec_pretty(&value)
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn format_is_read_of_any_object_and_is_1_where_none_is_told() {
        assert_eq!(told(br#"{"schema": 1, "format": 7, "shape": ["of", "later"]}"#), Some(7));
        assert_eq!(told(br#"{"schema": 1}"#), Some(1));
        for broken in [&b""[..], b"[]", b"{", br#"{"format": "two"}"#] {
            assert_eq!(told(broken), None, "{}", String::from_utf8_lossy(broken));
        }
    }
}
