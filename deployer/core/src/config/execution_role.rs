//! The execution roles that the manifests of an environment may name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::placeholders::{ENVIRONMENT, FUNCTION, fill_in};
use crate::diagnostics;
use crate::id::{EnvironmentName, FunctionName};

/// A pattern of the roles that a manifest may name, by path and name: `lambda/{function}`, `lambda/{function}-*`.
///
/// `{function}` and `{environment}` stand for the names in the artifact's key, and a `*` at the end for any characters
/// but `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = ExecutionRolePattern::PATTERN))]
pub struct ExecutionRolePattern(String);

/// The text is no pattern of execution roles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no pattern of execution roles: a role's path and name without its account, such as lambda/{{function}}; \
     {{function}} and {{environment}} may be in it, and a * at its end"
)]
pub struct InvalidPattern(String);

impl ExecutionRolePattern {
    /// The form of a pattern as a regular expression. Besides, no part may be `.` or `..`.
    pub const PATTERN: &'static str = r"^(([A-Za-z0-9+=,.@_-]|\{function\}|\{environment\})+/)*(([A-Za-z0-9+=,.@_-]|\{function\}|\{environment\})+\*?|\*)$";

    /// Parses a pattern.
    ///
    /// # Errors
    /// [`InvalidPattern`] if the text has another form.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidPattern> {
        let text = text.into();
        let filled = text.replace(FUNCTION, "f").replace(ENVIRONMENT, "e");
        let (parts, has_wildcard) = filled.strip_suffix('*').map_or((filled.as_str(), false), |rest| (rest, true));
        let last = parts.split('/').count() - 1;
        let is_part = |(index, part): (usize, &str)| {
            (!part.is_empty() || (index == last && has_wildcard))
                && !matches!(part, "." | "..")
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c))
        };
        if filled.len() <= 576 && parts.split('/').enumerate().all(is_part) {
            Ok(Self(text))
        } else {
            Err(InvalidPattern(diagnostics::truncated(&text)))
        }
    }

    /// Fills in the placeholders for one function of one environment; a `*` stays.
    #[must_use]
    pub fn fill_in(&self, environment: &EnvironmentName, function: &FunctionName) -> String {
        fill_in(&self.0, environment, function)
    }

    /// Whether the function's name is in the pattern.
    #[must_use]
    pub fn names_function(&self) -> bool {
        self.0.contains(FUNCTION)
    }

    /// Whether the pattern matches a role with this path and name for a function.
    #[must_use]
    pub fn matches(&self, environment: &EnvironmentName, function: &FunctionName, path_and_name: &str) -> bool {
        let filled = self.fill_in(environment, function);
        match filled.strip_suffix('*') {
            Some(start) => path_and_name.strip_prefix(start).is_some_and(|rest| !rest.contains('/')),
            None => path_and_name == filled,
        }
    }

    /// Returns the pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ExecutionRolePattern {
    type Error = InvalidPattern;
    fn try_from(text: String) -> Result<Self, InvalidPattern> {
        Self::parse(text)
    }
}

impl From<ExecutionRolePattern> for String {
    fn from(pattern: ExecutionRolePattern) -> String {
        pattern.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn matches(pattern: &str, role: &str) -> bool {
        let (dev, orders) = (EnvironmentName::parse("dev").unwrap(), FunctionName::parse("orders").unwrap());
        ExecutionRolePattern::parse(pattern).unwrap().matches(&dev, &orders, role)
    }

    #[test]
    fn role_matches_by_its_path_and_name() {
        for (pattern, good, bad) in [
            (
                "lambda/{function}",
                &["lambda/orders"][..],
                &["orders", "lambda/orders-x", "admin", "x/lambda/orders"][..],
            ),
            ("lambda/{function}-*", &["lambda/orders-", "lambda/orders-api"], &["lambda/orders", "lambda/orders-a/b"]),
            ("{environment}/*", &["dev/a"], &["dev/a/b", "prod/a", "a"]),
            ("*", &["orders"], &["a/b"]),
            ("{function}-{environment}", &["orders-dev"], &["orders-prod"]),
        ] {
            assert!(good.iter().all(|role| matches(pattern, role)), "{pattern}");
            assert!(!bad.iter().any(|role| matches(pattern, role)), "{pattern}");
        }
    }

    #[test]
    fn pattern_of_another_form_is_refused() {
        for bad in [
            "",
            "/lambda/x",
            "lambda//x",
            "lambda/",
            "../admin",
            "./x",
            "a*b",
            "**",
            "{release}",
            "{function",
            "a b",
            "*/x",
        ] {
            let error = ExecutionRolePattern::parse(bad).unwrap_err().to_string();
            assert!(error.contains("is no pattern of execution roles"), "{bad}");
        }
        assert!(ExecutionRolePattern::parse("arn:aws:iam::111111111111:role/x").is_err());
    }
}
