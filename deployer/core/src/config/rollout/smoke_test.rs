//! A smoke test: an invocation of the new version before it gets traffic.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::super::Span;
use crate::diagnostics::{self, Diagnostic, Diagnostics, FieldRules};

/// The most smoke tests of a release.
pub const MOST_SMOKE_TESTS: usize = 5;
/// The most bytes of an event: the head keeps it while a release rolls out.
const MOST_EVENT_BYTES: usize = 64 * 1024;
/// The longest time in which a version must answer a smoke test.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);

const READING: FieldRules = FieldRules { hidden: &[], also_known: &[], explain_unknown: |_| None };

/// Returns a placeholder for a missing event, so that the other fields can be read.
fn event(field: &str) -> Option<Value> {
    (field == "event").then_some(Value::Null)
}

/// An invocation of the new version before it gets traffic. It may run twice, so it must be harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SmokeTest {
    /// The event that the version is invoked with, at most 64 KB.
    pub event: Value,
    /// The content that the answer must have; an object in the answer may have more fields. Default: any answer without an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Value>,
    /// The time in which the version must answer, at most 60s. Default: `60s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
}

impl SmokeTest {
    /// Reads the file `smoke.json` of a release: one smoke test, or a list of at most five.
    ///
    /// # Errors
    /// [`Diagnostics`] with the path of each field that is wrong.
    pub fn parse_file(content: &[u8]) -> Result<Vec<Self>, Diagnostics> {
        let value = diagnostics::parse_json(diagnostics::text(content)?)?;
        let (tests, found) = diagnostics::read_all::<OneOrMore>(&value, &READING, event);
        Diagnostics::error_if_any(found)?;
        let tests = tests.map(Vec::from).unwrap_or_default();
        if tests.is_empty() {
            return Err(Diagnostic::new("", "has no smoke test: put one in, or leave the file out").into());
        }
        Diagnostics::error_if_any(diagnostics_of(&tests, ""))?;
        Ok(tests)
    }

    /// Returns the time in which the version must answer.
    #[must_use]
    pub fn time_to_answer(&self) -> Duration {
        self.timeout.map_or(LONGEST_TIMEOUT, Span::as_duration)
    }

    /// Finds the rules that it breaks.
    fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let bytes = self.event.to_string().len();
        if bytes > MOST_EVENT_BYTES {
            found.push(Diagnostic::new(
                "event",
                format_args!("is {bytes} bytes long; at most {MOST_EVENT_BYTES} (64 KB)"),
            ));
        }
        if let Some(timeout) =
            self.timeout.filter(|timeout| timeout.is_zero() || timeout.as_duration() > LONGEST_TIMEOUT)
        {
            found.push(Diagnostic::new("timeout", format_args!("must be 1s to 60s, and is {timeout}")));
        }
        found
    }
}

/// Finds the rules that the smoke tests at this path break.
pub(super) fn diagnostics_of(tests: &[SmokeTest], path: &str) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if tests.len() > MOST_SMOKE_TESTS {
        found.push(Diagnostic::new(path, format_args!("are {} smoke tests; at most {MOST_SMOKE_TESTS}", tests.len())));
    }
    for (index, test) in tests.iter().enumerate() {
        let path = if tests.len() == 1 { path.to_owned() } else { format!("{path}[{index}]") };
        let prefixed = |wrong: Diagnostic| if path.is_empty() { wrong } else { wrong.prefixed(&path) };
        found.extend(test.diagnostics().into_iter().map(prefixed));
    }
    found
}

/// One smoke test, or a list.
pub(super) struct OneOrMore(Vec<SmokeTest>);

impl From<OneOrMore> for Vec<SmokeTest> {
    fn from(tests: OneOrMore) -> Self {
        tests.0
    }
}

impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OneOrMoreVisitor;
        impl<'de> Visitor<'de> for OneOrMoreVisitor {
            type Value = OneOrMore;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table or a list")
            }
            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<OneOrMore, A::Error> {
                SmokeTest::deserialize(MapAccessDeserializer::new(fields)).map(|one| OneOrMore(vec![one]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<OneOrMore, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(items)).map(OneOrMore)
            }
        }
        from.deserialize_any(OneOrMoreVisitor)
    }
}

impl JsonSchema for OneOrMore {
    fn schema_name() -> Cow<'static, str> {
        "SmokeTests".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<SmokeTest>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "maxItems": MOST_SMOKE_TESTS }] })
    }
}
