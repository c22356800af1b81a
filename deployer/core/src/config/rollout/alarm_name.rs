//! The names of alarms in the target accounts.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::placeholders::{ENVIRONMENT, FUNCTION, fill_in};
use crate::diagnostics;
use crate::id::{EnvironmentName, FunctionName};

/// The name of a CloudWatch alarm, metric or composite; `{function}` and `{environment}` stand for their names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = AlarmName::PATTERN))]
pub struct AlarmName(String);

/// The text is no name of an alarm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAlarmName {
    /// It has `{release}` in it.
    #[error("{{release}} cannot be in {0:?}: an alarm keeps its name from one release to the next")]
    Release(String),
    /// It has an unknown placeholder in it.
    #[error("{1} in {0:?} is not known; {{function}} and {{environment}} are")]
    Unknown(String, String),
    /// It is an ARN.
    #[error("{0:?} is an ARN: give the alarm's name, which each target has in its own account and region")]
    Arn(String),
    /// It has another form.
    #[error("{0:?} is not an alarm's name: 1 to 255 characters, and no braces beside {{function}} and {{environment}}")]
    Form(String),
}

impl AlarmName {
    /// The form of a name as a regular expression.
    pub const PATTERN: &'static str = r"^(?!arn:)([^{}\x00-\x1f\x7f]|\{function\}|\{environment\}){1,255}$";

    /// Parses a name. The lengths are CloudWatch's (API Reference, PutMetricAlarm, AlarmName).
    ///
    /// # Errors
    /// [`InvalidAlarmName`] if the text has another form.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidAlarmName> {
        let text = text.into();
        let found = || diagnostics::truncated(&text);
        let rest = text.replace(FUNCTION, "").replace(ENVIRONMENT, "");
        if rest.contains("{release}") {
            return Err(InvalidAlarmName::Release(found()));
        }
        if text.starts_with("arn:") {
            return Err(InvalidAlarmName::Arn(found()));
        }
        if let Some((_, opened)) = rest.split_once('{')
            && let Some((word, _)) = opened.split_once('}')
        {
            return Err(InvalidAlarmName::Unknown(found(), format!("{{{}}}", diagnostics::truncated(word))));
        }
        let fits = |c: char| !c.is_control() && c != '{' && c != '}';
        if (1..=255).contains(&text.chars().count()) && rest.chars().all(fits) {
            Ok(Self(text))
        } else {
            Err(InvalidAlarmName::Form(found()))
        }
    }

    /// Returns the name as the file has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the alarm's name for one function of one environment.
    #[must_use]
    pub fn fill_in(&self, environment: &EnvironmentName, function: &FunctionName) -> String {
        fill_in(&self.0, environment, function)
    }
}

impl fmt::Display for AlarmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for AlarmName {
    type Error = InvalidAlarmName;
    fn try_from(text: String) -> Result<Self, InvalidAlarmName> {
        Self::parse(text)
    }
}

impl From<AlarmName> for String {
    fn from(name: AlarmName) -> String {
        name.0
    }
}
