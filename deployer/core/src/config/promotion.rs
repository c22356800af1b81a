//! The rules by which artifacts come from one environment into another.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{SeqAccess, Visitor, value};
use serde::{Deserialize, Deserializer};

use super::Span;
use crate::id::EnvironmentName;

/// The rules of promotion into an environment: what is live in other environments may be brought here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Promotion {
    /// The environment that artifacts come from, or a list of several.
    pub from: Sources,
    /// Whether the rules must hold in all environments of `from`, or only in the one that is promoted from.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Option<Require>", extend("default" = "all"))]
    pub require: Require,
    /// Whether a success in `from` starts the promotion without a request.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Option<bool>")]
    pub automatic: bool,
    /// The time for which an artifact must have been live in `from`, without interruption, before it is promoted.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Option<Span>")]
    pub soak: Span,
    /// The treatment of a waiting automatic promotion when a newer release becomes live in `from`.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Option<Policy>", extend("default" = "newest"))]
    pub policy: Policy,
}

/// The environments of `from` in which the rules of a promotion must hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Require {
    /// All of them.
    #[default]
    All,
    /// Only the one that is promoted from.
    Any,
}

/// The treatment of a waiting automatic promotion when a newer release arrives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// The newer one takes its place, and soaks from its own start.
    #[default]
    Newest,
    /// It continues, and the newer one follows it.
    InOrder,
}

/// The environments that artifacts come from: one name, or a list of different names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources(Vec<EnvironmentName>);

impl Sources {
    /// Returns them in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &EnvironmentName> {
        self.0.iter()
    }

    /// Whether this environment is one of them.
    #[must_use]
    pub fn contains(&self, name: &EnvironmentName) -> bool {
        self.0.contains(name)
    }

    /// Returns their number; a checked configuration has at least one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns the first that is listed twice.
    pub(super) fn duplicate(&self) -> Option<&EnvironmentName> {
        self.0.iter().enumerate().find(|(at, name)| self.0[..*at].contains(name)).map(|(_, name)| name)
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(EnvironmentName::as_str).collect();
        f.write_str(&names.join(" and "))
    }
}

impl<'de> Deserialize<'de> for Sources {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OneOrMore;
        impl<'de> Visitor<'de> for OneOrMore {
            type Value = Sources;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an environment's name, or a list of names")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Sources, E> {
                EnvironmentName::parse(text).map(|name| Sources(vec![name])).map_err(E::custom)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Sources, A::Error> {
                Vec::deserialize(value::SeqAccessDeserializer::new(list)).map(Sources)
            }
        }
        from.deserialize_any(OneOrMore)
    }
}

impl JsonSchema for Sources {
    fn schema_name() -> Cow<'static, str> {
        "Sources".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let name = generator.subschema_for::<EnvironmentName>();
        json_schema!({
            "anyOf": [name, { "type": "array", "items": name, "minItems": 1, "uniqueItems": true }]
        })
    }
}

/// Reads `null` as absent, as everywhere in the file, because Terraform's `jsonencode` writes it.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}
