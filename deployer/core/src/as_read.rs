//! Ledger objects as they were read. Whenever this deployer rewrites an object, it keeps the fields and words that a
//! newer deployer has written into it and that it does not know itself.
//!
//! An object is read twice: as it is, and as this deployer's types know it. Anything that the second reading lacks is
//! unknown here. It is written again beside the values that this deployer writes, wherever the part that it belongs to
//! has gone meanwhile: a request that had waited and is active now is recognised by its id.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

/// The name that an unknown variant has among the known ones (`#[serde(other, rename = "?")]`). It is never written:
/// the name that was read is written instead.
pub const UNKNOWN: &str = "?";

/// A ledger object as it was read. Two objects are equal if all that this deployer knows of them is equal. So this
/// value is equal to any other.
#[derive(Clone, Default)]
pub struct AsRead {
    /// The object in both readings; none: all of it is known.
    both: Option<Arc<Both>>,
    /// Whether it was written before objects had a format.
    is_of_before: bool,
}

/// An object or a part of one, in both readings: as it was, and as it is known here.
struct Both {
    read: Value,
    known: Value,
}

/// A kind of part that stands in lists of an object, or that moves within the object.
struct Kind {
    /// The fields that mark it: a part of this kind has all of them.
    has: &'static [&'static str],
    /// The fields that identify a part of this kind.
    by: &'static [&'static str],
    /// Whether it moves from one place of the object to another.
    moves: bool,
}

/// All kinds. The first that fits a part is its kind.
const KINDS: &[Kind] = &[
    // A request: it waits, is next, or is worked on.
    Kind { has: &["/subject", "/cause"], by: &["/id"], moves: true },
    Kind { has: &["/request", "/claim"], by: &["/request/id"], moves: false },
    Kind { has: &["/request", "/wait"], by: &["/request/id"], moves: false },
    Kind { has: &["/record", "/todo"], by: &["/record/id"], moves: false },
    Kind { has: &["/targets", "/started_at"], by: &["/id"], moves: false },
    // A target of a record, or of a head.
    Kind { has: &["/account", "/region"], by: &["/account", "/region"], moves: false },
    // An entry of the history, or of the artifacts that were left.
    Kind { has: &["/deployment", "/since"], by: &["/deployment", "/artifact/version_id"], moves: true },
    // A promotion that a request has ended.
    Kind { has: &["/deployment", "/waited"], by: &["/deployment"], moves: false },
    Kind { has: &["/hash"], by: &["/hash"], moves: false },
    Kind { has: &["/function", "/deployment"], by: &["/function"], moves: false },
    Kind { has: &["/release", "/reason"], by: &["/release", "/since"], moves: false },
    Kind { has: &["/by", "/at"], by: &["/by", "/at"], moves: false },
];

/// The kind of a part, and the values that identify it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Identity(usize, Vec<String>);

impl Identity {
    fn of(value: &Value) -> Option<Self> {
        let has = |pointer: &&str| value.pointer(pointer).is_some();
        let number = KINDS.iter().position(|kind| kind.has.iter().all(&has))?;
        let part = |pointer: &&str| value.pointer(pointer).map(Value::to_string).unwrap_or_default();
        Some(Self(number, KINDS.get(number)?.by.iter().map(part).collect()))
    }

    fn moves(&self) -> bool {
        KINDS.get(self.0).is_some_and(|kind| kind.moves)
    }
}

/// A part of an object, as it was read and as it is known.
type Parts<'a> = (&'a Value, &'a Value);
/// The parts that may have moved somewhere else.
type Moving<'a> = BTreeMap<Identity, Parts<'a>>;

impl AsRead {
    /// Compares an object as it was read with this deployer's reading of it. The `retired` fields are dropped.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn of<T: Serialize>(mut read: Value, typed: &T, retired: &[&str]) -> Result<Self, serde_json::Error> {
        let known = serde_json::to_value(typed)?;
        if let Some(fields) = read.as_object_mut() {
            retired.iter().for_each(|field| drop(fields.remove(*field)));
        }
        let both = Both { read, known };
        Ok(Self { both: is_more(&both.read, &both.known).then(|| Arc::new(both)), is_of_before: false })
    }

    /// Marks it as one that has no format.
    #[must_use]
    pub fn of_before(self) -> Self {
        Self { is_of_before: true, ..self }
    }

    /// Whether it was written before objects had a format.
    #[must_use]
    pub fn is_of_before(&self) -> bool {
        self.is_of_before
    }

    /// Whether this deployer knows all of it.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.both.is_none()
    }

    /// Returns the part at a JSON pointer.
    #[must_use]
    pub fn part(&self, pointer: &str) -> Self {
        let both = self.both.as_ref().and_then(|both| {
            let (read, known) = (both.read.pointer(pointer)?, both.known.pointer(pointer)?);
            is_more(read, known).then(|| Arc::new(Both { read: read.clone(), known: known.clone() }))
        });
        Self { both, ..self.clone() }
    }

    /// Adds everything that was read and is unknown here to an object that is about to be written.
    #[must_use]
    pub fn with(&self, mut written: Value) -> Value {
        if let Some(both) = &self.both {
            let parts = (&both.read, &both.known);
            let mut moving = Moving::new();
            find_moving(parts, &mut moving);
            carry(&mut written, Some(parts), &moving, true);
        }
        written
    }
}

/// Whether anything that was read is unknown.
fn is_more(read: &Value, known: &Value) -> bool {
    match (read, known) {
        (Value::Object(read), Value::Object(known)) => {
            read.iter().any(|(field, read)| known.get(field).is_none_or(|known| is_more(read, known)))
        }
        (Value::Array(read), Value::Array(known)) => {
            read.len() != known.len() || read.iter().zip(known).any(|(read, known)| is_more(read, known))
        }
        (read, known) => known == UNKNOWN && read != known,
    }
}

/// Collects the parts that may move, with both readings.
fn find_moving<'a>((read, known): Parts<'a>, moving: &mut Moving<'a>) {
    match (read, known) {
        (Value::Object(fields), Value::Object(known_fields)) => {
            if let Some(identity) = Identity::of(known).filter(Identity::moves) {
                moving.insert(identity, (read, known));
            }
            for (field, known) in known_fields {
                if let Some(read) = fields.get(field) {
                    find_moving((read, known), moving);
                }
            }
        }
        (Value::Array(read), Value::Array(known)) if read.len() == known.len() => {
            read.iter().zip(known).for_each(|parts| find_moving(parts, moving));
        }
        _ => {}
    }
}

/// Adds the unknown fields and words of a part, and of all parts within it, to the same part as it is about to be
/// written.
fn carry(written: &mut Value, was: Option<Parts<'_>>, moving: &Moving<'_>, is_whole: bool) {
    let identity = Identity::of(written).filter(Identity::moves);
    let was = identity.map_or(was, |identity| moving.get(&identity).copied());
    match written {
        Value::Object(fields) => {
            if let Some((Value::Object(read), Value::Object(known))) = was {
                keep_fields(fields, read, known);
            }
            for (field, written) in fields.iter_mut() {
                let was = was.and_then(|(read, known)| Some((read.get(field)?, known.get(field)?)));
                let was = was.filter(|(_, known)| is_same(known, written, is_whole));
                carry(written, was, moving, false);
            }
        }
        Value::Array(all) => {
            let was = was.and_then(|(read, known)| Some((read.as_array()?, known.as_array()?)));
            if let Some((read, known)) = was {
                keep_words(all, read, known);
            }
            for written in all {
                let same = was.and_then(|(read, known)| {
                    let mut parts = read.iter().zip(known).filter(|_| read.len() == known.len());
                    parts.find(|(_, known)| Identity::of(known).is_some() && is_same(known, written, true))
                });
                carry(written, same, moving, false);
            }
        }
        Value::String(text) if text == UNKNOWN => {
            if let Some((read, _)) = was {
                *written = read.clone();
            }
        }
        _ => {}
    }
}

/// Whether two values are the same part, by their identities. A value without an identity is the same part if it stands
/// in the same part. If it stands directly in the whole object, it must be equal as well: another hold is another hold.
fn is_same(known: &Value, written: &Value, is_whole: bool) -> bool {
    match (Identity::of(known), Identity::of(written)) {
        (None, None) if is_whole && known.is_object() => known == written,
        (one, other) => one == other,
    }
}

/// Adds the unknown fields of an object that were read.
fn keep_fields(written: &mut Map<String, Value>, read: &Map<String, Value>, known: &Map<String, Value>) {
    for (field, value) in read {
        if !known.contains_key(field) && !written.contains_key(field) {
            written.insert(field.clone(), value.clone());
        }
    }
}

/// Replaces the word that stands for unknown ones in a list by the unknown words that were read.
fn keep_words(written: &mut Vec<Value>, read: &[Value], known: &[Value]) {
    if written.iter().any(|word| word == UNKNOWN) {
        written.retain(|word| word != UNKNOWN);
        written.extend(read.iter().filter(|word| word.is_string() && !known.contains(word)).cloned());
    }
}

impl PartialEq for AsRead {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for AsRead {}

impl fmt::Debug for AsRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_known() { "AsRead" } else { "AsRead(with more than is known)" })
    }
}
