//! The names of functions in the target accounts, and a check if two environments may give the same name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::placeholders::{ENVIRONMENT, FUNCTION, fill_in};
use crate::diagnostics;
use crate::id::{EnvironmentName, FunctionName, InvalidName};

/// A template of function names in the target accounts: text with `{function}`, and optionally `{environment}`, in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = FunctionNameTemplate::PATTERN))]
pub struct FunctionNameTemplate(String);

/// The text is no template of function names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// The template has `{release}` in it.
    #[error("{{release}} cannot be in {0:?}: a function keeps its name from one release to the next")]
    Release(String),
    /// The template has an unknown placeholder in it.
    #[error("{1} in {0:?} is not known; {{function}} and {{environment}} are")]
    Unknown(String, String),
    /// The template lacks `{function}`, so all functions would share one name.
    #[error("{0:?} must have {{function}} in it, or all functions would share one name")]
    NoFunction(String),
    /// The rest has characters that no function's name may have.
    #[error("{0:?} may have letters, digits, - and _ beside {{function}} and {{environment}}")]
    Characters(String),
}

impl FunctionNameTemplate {
    /// The form of a template as a regular expression.
    pub const PATTERN: &'static str =
        r"^([A-Za-z0-9_-]|\{environment\})*\{function\}([A-Za-z0-9_-]|\{function\}|\{environment\})*$";

    /// Parses a template.
    ///
    /// # Errors
    /// [`InvalidTemplate`] if the text has another form.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidTemplate> {
        let text = text.into();
        let rest = text.replace(FUNCTION, "").replace(ENVIRONMENT, "");
        if rest.contains("{release}") {
            return Err(InvalidTemplate::Release(diagnostics::truncated(&text)));
        }
        if let Some((_, opened)) = rest.split_once('{')
            && let Some((word, _)) = opened.split_once('}')
        {
            return Err(InvalidTemplate::Unknown(
                diagnostics::truncated(&text),
                format!("{{{}}}", diagnostics::truncated(word)),
            ));
        }
        if !rest.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
            return Err(InvalidTemplate::Characters(diagnostics::truncated(&text)));
        }
        if !text.contains(FUNCTION) {
            return Err(InvalidTemplate::NoFunction(diagnostics::truncated(&text)));
        }
        Ok(Self(text))
    }

    /// Returns the template as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name that this function of this environment has in Lambda.
    ///
    /// # Errors
    /// [`InvalidName`] if the result is longer than the 64 characters that Lambda allows.
    pub fn name(&self, environment: &EnvironmentName, function: &FunctionName) -> Result<FunctionName, InvalidName> {
        FunctionName::parse(fill_in(&self.0, environment, function))
    }

    /// Returns a fragment, with an example, that says how functions of two environments may get the same name; none if
    /// they cannot. It compares only the text before the first and after the last `{function}`, and ignores lengths. So
    /// it may report a clash that cannot happen, but misses none.
    pub(super) fn clash(&self, environment: &EnvironmentName, other: (&EnvironmentName, &Self)) -> Option<String> {
        let (other_environment, other) = other;
        let (before, after) = self.fixed_parts(environment);
        let (other_before, other_after) = other.fixed_parts(other_environment);
        let first = if before.starts_with(&other_before) { &before } else { &other_before };
        let last = if after.ends_with(&other_after) { &after } else { &other_after };
        let meets = first.starts_with(&before)
            && first.starts_with(&other_before)
            && last.ends_with(&after)
            && last.ends_with(&other_after);
        if !meets {
            return None;
        }
        let name = format!("{first}orders{last}");
        let function = |before: &str, after: &str| name[before.len()..name.len() - after.len()].to_owned();
        let (one, two) = (function(&before, &after), function(&other_before, &other_after));
        let is_made = |template: &Self, environment: &EnvironmentName, function: &str| {
            template.0.replace(FUNCTION, function).replace(ENVIRONMENT, environment.as_str()) == name
        };
        let example = is_made(self, environment, &one) && is_made(other, other_environment, &two);
        Some(if example {
            format!("{one} of {environment} and {two} of {other_environment} are both called {name}")
        } else {
            format!("{} and {} can give the same name", self.0, other.0)
        })
    }

    /// Returns the text before the first and after the last `{function}`.
    fn fixed_parts(&self, environment: &EnvironmentName) -> (String, String) {
        let (before, rest) = self.0.split_once(FUNCTION).unwrap_or((&self.0, ""));
        let after = rest.rsplit_once(FUNCTION).map_or(rest, |(_, after)| after);
        let named = |text: &str| text.replace(ENVIRONMENT, environment.as_str());
        (named(before), named(after))
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn clash(one: (&str, &str), other: (&str, &str)) -> Option<String> {
        let read = |(environment, template): (&str, &str)| {
            (EnvironmentName::parse(environment).unwrap(), FunctionNameTemplate::parse(template).unwrap())
        };
        let ((environment, template), (other_environment, other)) = (read(one), read(other));
        let found = template.clash(&environment, (&other_environment, &other));
        assert_eq!(found.is_some(), other.clash(&other_environment, (&environment, &template)).is_some());
        found
    }

    #[test]
    fn templates_that_can_give_one_name_clash() {
        for (one, other, expected) in [
            (("dev", "{function}"), ("prod", "{function}"), "orders of dev and orders of prod are both called orders"),
            (
                ("team", "{environment}-{function}"),
                ("team-pay", "{environment}-{function}"),
                "pay-orders of team and orders of team-pay are both called team-pay-orders",
            ),
            (
                ("pay", "{function}-{environment}"),
                ("team-pay", "{function}-{environment}"),
                "orders-team of pay and orders of team-pay are both called orders-team-pay",
            ),
            (
                ("dev", "a-{function}"),
                ("prod", "{function}-b"),
                "orders-b of dev and a-orders of prod are both called a-orders-b",
            ),
            (
                ("dev", "{function}_{function}"),
                ("prod", "{function}"),
                "{function}_{function} and {function} can give the same name",
            ),
        ] {
            assert_eq!(clash(one, other).as_deref(), Some(expected));
        }
        for (one, other) in [
            (("dev", "{environment}-{function}"), ("prod", "{environment}-{function}")),
            (("dev", "{function}-{environment}"), ("prod", "{function}-{environment}")),
            (("team", "{environment}_{function}"), ("team-pay", "{environment}_{function}")),
            (("dev", "dev-{function}"), ("prod", "prod-{function}")),
        ] {
            assert_eq!(clash(one, other), None, "{one:?} {other:?}");
        }
    }

    proptest! {
        #[test]
        fn templates_without_a_clash_never_give_the_same_name(
            one in "[ab_]{0,2}(\\{environment\\})?[ab_]?\\{function\\}[ab_]{0,2}",
            other in "[ab_]{0,2}(\\{environment\\})?[ab_]?\\{function\\}[ab_]{0,2}",
            function in "[ab_]{1,4}", its in "[ab_]{1,4}",
        ) {
            let environments = [EnvironmentName::parse("a").unwrap(), EnvironmentName::parse("ab").unwrap()];
            let templates = [FunctionNameTemplate::parse(one).unwrap(), FunctionNameTemplate::parse(other).unwrap()];
            let made = |index: usize, function: &str| {
                templates[index].name(&environments[index], &FunctionName::parse(function).unwrap()).unwrap()
            };
            let meets = templates[0].clash(&environments[0], (&environments[1], &templates[1])).is_some();
            prop_assert!(meets || made(0, &function) != made(1, &its));
        }
    }
}
