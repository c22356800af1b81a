//! Values that only the configuration has: lengths of time, and how functions are named.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{EnvironmentName, FunctionName, InvalidName};
use crate::mistake;

/// A length of time, written as a number with a unit: `90s`, `30m`, `2h`, `1d`, `0s`. At most 365 days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = Span::PATTERN))]
pub struct Span(Duration);

/// The units, the longest first, with their seconds.
pub(crate) const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
/// In seconds.
pub(crate) const LONGEST_SPAN: u64 = 365 * 86_400;

impl Span {
    /// How one is written; it may still be too long.
    pub const PATTERN: &'static str = r"^[0-9]{1,9}[smhd]$";

    /// Takes a number with a unit.
    ///
    /// # Errors
    /// [`InvalidName`] with the rule and what was found.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let seconds = || {
            let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
            let (_, length) = UNITS.iter().find(|(name, _)| unit.starts_with(*name))?;
            let digits = (1..=9).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
            let seconds = digits.then(|| number.parse::<u64>().ok())??.checked_mul(*length)?;
            (seconds <= LONGEST_SPAN).then_some(seconds)
        };
        seconds().map(|seconds| Self(Duration::from_secs(seconds))).ok_or_else(|| InvalidName {
            what: "a duration",
            rule: "a whole number and s, m, h or d, such as 30m, and at most 365d",
            found: mistake::cut(text),
        })
    }

    /// The same as std's type.
    #[must_use]
    pub fn as_duration(self) -> Duration {
        self.0
    }

    /// Whether there is nothing to wait for.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let whole = UNITS.iter().find(|(_, length)| seconds > 0 && seconds.is_multiple_of(*length));
        let (unit, length) = whole.unwrap_or(&('s', 1));
        write!(f, "{}{unit}", seconds / length)
    }
}

impl TryFrom<String> for Span {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::parse(&text)
    }
}

impl From<Span> for String {
    fn from(span: Span) -> String {
        span.to_string()
    }
}

/// How a function's name in the target accounts is made: text with `{function}` and perhaps `{environment}` in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = FunctionNameTemplate::PATTERN))]
pub struct FunctionNameTemplate(String);

const FUNCTION: &str = "{function}";
const ENVIRONMENT: &str = "{environment}";

/// Why a text is not a template of function names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// It names the release.
    #[error("{{release}} cannot be in {0:?}: a function keeps its name from one release to the next")]
    Release(String),
    /// It names something that is not known.
    #[error("{1} in {0:?} is not known; {{function}} and {{environment}} are")]
    Unknown(String, String),
    /// All functions would have one name.
    #[error("{0:?} must have {{function}} in it, or all functions would share one name")]
    NoFunction(String),
    /// The rest has characters that no function's name has.
    #[error("{0:?} may have letters, digits, - and _ beside {{function}} and {{environment}}")]
    Characters(String),
}

impl FunctionNameTemplate {
    /// How one is written.
    pub const PATTERN: &'static str =
        r"^([A-Za-z0-9_-]|\{environment\})*\{function\}([A-Za-z0-9_-]|\{function\}|\{environment\})*$";

    /// Takes a template.
    ///
    /// # Errors
    /// [`InvalidTemplate`] says what is wrong with it.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidTemplate> {
        let text = text.into();
        let rest = text.replace(FUNCTION, "").replace(ENVIRONMENT, "");
        if rest.contains("{release}") {
            return Err(InvalidTemplate::Release(mistake::cut(&text)));
        }
        if let Some((_, opened)) = rest.split_once('{')
            && let Some((word, _)) = opened.split_once('}')
        {
            return Err(InvalidTemplate::Unknown(mistake::cut(&text), format!("{{{}}}", mistake::cut(word))));
        }
        if !rest.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
            return Err(InvalidTemplate::Characters(mistake::cut(&text)));
        }
        if !text.contains(FUNCTION) {
            return Err(InvalidTemplate::NoFunction(mistake::cut(&text)));
        }
        Ok(Self(text))
    }

    /// The template as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What this function of this environment is called in Lambda.
    ///
    /// # Errors
    /// [`InvalidName`] when the result is longer than the 64 characters that Lambda allows.
    pub fn name(&self, environment: &EnvironmentName, function: &FunctionName) -> Result<FunctionName, InvalidName> {
        FunctionName::parse(self.0.replace(FUNCTION, function.as_str()).replace(ENVIRONMENT, environment.as_str()))
    }
}

impl Default for FunctionNameTemplate {
    fn default() -> Self {
        Self(FUNCTION.to_owned())
    }
}

impl TryFrom<String> for FunctionNameTemplate {
    type Error = InvalidTemplate;
    fn try_from(text: String) -> Result<Self, InvalidTemplate> {
        Self::parse(text)
    }
}

impl From<FunctionNameTemplate> for String {
    fn from(template: FunctionNameTemplate) -> String {
        template.0
    }
}
