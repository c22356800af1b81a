//! Reads a JSON value into a type. The expected and the found part of an error are kept apart until the path is known,
//! so that a field that may hold a secret is never quoted. Nothing here knows the meaning of fields.

use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_json::{Map, Number, Value};
use serde_path_to_error::Segment;

use super::{Diagnostic, join, nearest, truncated};

/// The rules by which messages speak about a file's fields.
pub(crate) struct FieldRules {
    /// Top-level fields whose values are never quoted, because they may hold secrets.
    pub hidden: &'static [&'static str],
    /// Top-level fields that the file may have, but the type that is read does not.
    pub also_known: &'static [&'static str],
    /// Returns a special sentence for an unknown field, by its path; none where the nearest known field should be
    /// suggested.
    pub explain_unknown: fn(&[&str]) -> Option<String>,
}

/// Reads a value as `T`, or returns the first mistake.
pub(crate) fn read<'a, T: Deserialize<'a>>(value: &'a Value, rules: &FieldRules) -> Result<T, Diagnostic> {
    read_first(value).map_err(|(steps, wrong)| wrong.diagnostic(&steps, rules))
}

/// A step of the path to a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Field(String),
    Item(usize),
    /// A step that serde does not name.
    Unknown,
}

/// Reads a value as `T`, or returns the first mistake and the path to it.
pub(super) fn read_first<'a, T: Deserialize<'a>>(value: &'a Value) -> Result<T, (Vec<Step>, FormError)> {
    serde_path_to_error::deserialize(Node(value)).map_err(|error| {
        let step = |segment: &Segment| match segment {
            Segment::Seq { index } => Step::Item(*index),
            Segment::Map { key } | Segment::Enum { variant: key } => Step::Field(key.clone()),
            Segment::Unknown => Step::Unknown,
        };
        (error.path().iter().map(step).collect(), error.into_inner())
    })
}

/// Reads JSON and refuses repeated fields, of which serde_json would silently keep the last.
pub(crate) fn parse_json(text: &str) -> Result<Value, Diagnostic> {
    parse_strict(text).map_err(|error| not_json(&error))
}

/// Reads JSON like [`parse_json`], and returns serde_json's own error.
pub(crate) fn parse_strict(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str::<Strict>(text).map(|strict| strict.0)
}

/// Makes the mistake of a file that is not JSON.
pub(crate) fn not_json(error: &serde_json::Error) -> Diagnostic {
    Diagnostic::new("", format_args!("not JSON: {}", truncated(&error.to_string())))
}

/// Reads a whole number from `LEAST` to the most that AWS's 32-bit integers hold.
pub(crate) fn at_least<'de, D: Deserializer<'de>, const LEAST: i32>(from: D) -> Result<u32, D::Error> {
    let number = i64::deserialize(from)?;
    match u32::try_from(number) {
        Ok(fits) if (i64::from(LEAST)..=i64::from(i32::MAX)).contains(&number) => Ok(fits),
        _ if number < i64::from(LEAST) => {
            Err(de::Error::custom(format_args!("{number} is out of range: at least {LEAST}")))
        }
        _ => Err(de::Error::custom(format_args!("{number} is out of range: at most {}", i32::MAX))),
    }
}

/// Reads like [`at_least`] a field that may be absent.
pub(crate) fn maybe_at_least<'de, D: Deserializer<'de>, const LEAST: i32>(from: D) -> Result<Option<u32>, D::Error> {
    struct Bounded<const LEAST: i32>(u32);
    impl<'de, const LEAST: i32> Deserialize<'de> for Bounded<LEAST> {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            at_least::<D, LEAST>(from).map(Self)
        }
    }
    Ok(Option::<Bounded<LEAST>>::deserialize(from)?.map(|number| number.0))
}

/// The value that serde found: its kind in plain words, and its text if it has one.
#[derive(Debug)]
pub(super) struct Found {
    kind: &'static str,
    shown: Option<String>,
}

impl Found {
    fn of(unexpected: Unexpected<'_>) -> Self {
        let (kind, text) = match unexpected {
            Unexpected::Str(text) => ("string", Some(format!("{:?}", truncated(text)))),
            Unexpected::Unsigned(number) => ("number", Some(number.to_string())),
            Unexpected::Signed(number) => ("number", Some(number.to_string())),
            Unexpected::Float(number) => ("number", Some(format!("{number:?}"))),
            Unexpected::Bool(truth) => ("boolean", Some(truth.to_string())),
            Unexpected::Unit => ("null", None),
            Unexpected::Seq => ("list", None),
            Unexpected::Map => ("table", None),
            _ => ("value of another kind", None),
        };
        Self { kind, shown: text }
    }

    fn describe(&self, hidden: bool) -> String {
        match &self.shown {
            Some(text) if !hidden => format!("the {} {text}", self.kind),
            _ if self.kind == "null" => "null".to_owned(),
            _ => format!("a {}", self.kind),
        }
    }
}

/// A mistake as serde reports it, before its path is known.
#[derive(Debug)]
pub(super) enum FormError {
    Kind { expected: String, found: Found },
    Unknown { field: String, known: &'static [&'static str] },
    Missing(&'static str),
    Rule(String),
}

impl FormError {
    /// Returns the name of the missing field, if the mistake is that.
    pub(super) fn missing(&self) -> Option<&'static str> {
        if let Self::Missing(field) = self { Some(field) } else { None }
    }

    /// Makes the diagnostic for the mistake at the end of this path.
    pub(super) fn diagnostic(self, steps: &[Step], rules: &FieldRules) -> Diagnostic {
        let path = steps.iter().fold(String::new(), |path, step| match step {
            Step::Item(index) => format!("{path}[{index}]"),
            Step::Field(name) => join(&path, &truncated(name)),
            Step::Unknown => join(&path, "?"),
        });
        let hidden =
            steps.iter().any(|step| matches!(step, Step::Field(name) if rules.hidden.contains(&name.as_str())));
        if let Self::Unknown { .. } = &self {
            let names =
                steps.iter().filter_map(|step| if let Step::Field(name) = step { Some(name.as_str()) } else { None });
            if let Some(sentence) = (rules.explain_unknown)(&names.collect::<Vec<_>>()) {
                return Diagnostic::new(path, sentence);
            }
        }
        self.at(path, hidden, if steps.len() == 1 { rules.also_known } else { &[] })
    }

    fn at(self, path: String, hidden: bool, also_known: &[&'static str]) -> Diagnostic {
        match self {
            Self::Kind { expected, found } => {
                let quote = expected == "a string" && matches!(found.kind, "number" | "boolean");
                let hint = if quote { "; put it in quotes" } else { "" };
                Diagnostic::new(path, format_args!("expected {expected}, found {}{hint}", found.describe(hidden)))
            }
            Self::Unknown { field, known } => {
                let hint = nearest(&field, known.iter().chain(also_known).copied());
                Diagnostic::new(path, format_args!("unknown field{hint}"))
            }
            Self::Missing(field) => Diagnostic::new(join(&path, field), "required, but missing"),
            Self::Rule(sentence) => Diagnostic::new(path, sentence),
        }
    }
}

/// Translates serde's name of the expected type into plain words.
fn in_words(expected: &dyn Expected) -> String {
    match expected.to_string().as_str() {
        "u8" | "u16" | "u32" | "u64" | "i8" | "i16" | "i32" | "i64" | "usize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table".to_owned(),
        text => text.to_owned(),
    }
}

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for FormError {}

impl de::Error for FormError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Rule(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Kind { expected: in_words(expected), found: Found::of(found) }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match found {
            // The number is of the right kind, but the type cannot hold it.
            Unexpected::Signed(number) => Self::Rule(format!("{number} is out of range")),
            Unexpected::Unsigned(number) => Self::Rule(format!("{number} is out of range")),
            _ => Self::invalid_type(found, expected),
        }
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        Self::Kind { expected: known.join(" or "), found: Found::of(Unexpected::Str(found)) }
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::Unknown { field: field.to_owned(), known }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

/// A JSON value that is read with [`FormError`] as its error.
struct Node<'a>(&'a Value);

impl Node<'_> {
    fn is_not(&self, expected: &dyn Expected) -> FormError {
        let found = match self.0 {
            Value::Null => Unexpected::Unit,
            Value::Bool(truth) => Unexpected::Bool(*truth),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => Unexpected::Unsigned(number),
                (None, Some(number)) => Unexpected::Signed(number),
                (None, None) => Unexpected::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        };
        de::Error::invalid_type(found, expected)
    }
}

impl<'de> IntoDeserializer<'de, FormError> for Node<'de> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = FormError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FormError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(truth) => visitor.visit_bool(*truth),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => visitor.visit_seq(SeqDeserializer::new(items.iter().map(Node))),
            Value::Object(fields) => {
                visitor.visit_map(MapDeserializer::new(fields.iter().map(|(name, value)| (name.as_str(), Node(value)))))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FormError> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, FormError> {
        visitor.visit_newtype_struct(self)
    }

    /// Takes tables only: serde's derived code would also take a list of the fields' values.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FormError> {
        if self.0.is_object() { self.deserialize_any(visitor) } else { Err(self.is_not(&"a table")) }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FormError> {
        match self.0 {
            Value::String(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            _ => Err(self.is_not(&words.join(" or ").as_str())),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier ignored_any
    }
}

/// A JSON value without repeated fields.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut table = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if table.contains_key(&name) {
                return Err(de::Error::custom(format_args!("the field {:?} is there twice", truncated(&name))));
            }
            table.insert(name, fields.next_value::<Strict>()?.0);
        }
        Ok(Value::Object(table))
    }
}
