//! The table `[rollout]` of a manifest: what a function asks for beyond its environment's rollout. It can only make a
//! rollout stricter.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use crate::config::rollout::{AlarmName, WhenQuiet, repeated_alarms};
use crate::diagnostics::{self, Diagnostic, Diagnostics, FieldRules};

/// The table's name in a manifest.
pub(super) const ROLLOUT: &str = "rollout";

/// The rules that a function adds to its environment's rollout. In an environment without one it adds nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StricterRollout {
    /// More alarms that take a rollout back.
    #[schemars(with = "Option<Vec<AlarmName>>", length(max = 20), extend("uniqueItems" = true))]
    pub alarms: Option<Vec<AlarmName>>,
    /// The factor by which each step lasts longer.
    #[serde(deserialize_with = "between::<_, 1, 10>")]
    #[schemars(range(min = 1, max = 10))]
    pub slower: Option<u32>,
    /// The weight of the first step in percent, at most that of the environment.
    #[serde(deserialize_with = "between::<_, 1, 99>")]
    #[schemars(range(min = 1, max = 99))]
    pub first_weight: Option<u32>,
    /// The reaction to a step with too few invocations, at least as strict as in the environment: `fail` is stricter
    /// than `pause`, and `pause` than `proceed`.
    pub when_quiet: Option<WhenQuiet>,
    /// Whether a release needs a smoke test.
    pub smoke_test: Option<SmokeTestRule>,
}

/// Whether a release needs a smoke test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SmokeTestRule {
    /// It needs one, of its own or of the environment.
    Required,
}

impl fmt::Display for SmokeTestRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Required => "required",
        })
    }
}

const READING: FieldRules = FieldRules { hidden: &[], also_known: &[], explain_unknown: |_| None };

impl StricterRollout {
    /// Reads and checks the table `rollout` of a manifest.
    ///
    /// # Errors
    /// [`Diagnostics`] with the path of each field that is wrong, from the table on.
    pub fn parse(value: &Value) -> Result<Self, Diagnostics> {
        let (table, mut found) = diagnostics::read_all::<Self>(value, &READING, |_| None);
        let table = table.unwrap_or_default();
        found.extend(table.diagnostics());
        Diagnostics::error_if_any(found)?;
        Ok(table)
    }

    /// Finds the rules that it breaks by itself.
    pub(super) fn diagnostics(&self) -> Vec<Diagnostic> {
        repeated_alarms(self.alarms.as_deref().unwrap_or_default())
    }
}

/// Reads a whole number between two bounds, or nothing.
fn between<'de, D: Deserializer<'de>, const LEAST: i64, const MOST: i64>(from: D) -> Result<Option<u32>, D::Error> {
    let Some(number) = Option::<i64>::deserialize(from)? else { return Ok(None) };
    match u32::try_from(number) {
        Ok(fits) if (LEAST..=MOST).contains(&number) => Ok(Some(fits)),
        _ => Err(de::Error::custom(format_args!("{number} is out of range: {LEAST} to {MOST}"))),
    }
}
