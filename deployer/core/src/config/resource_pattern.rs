//! The log groups and dead-letter targets that the manifests of an environment may name. Lambda has no condition keys
//! for them, so no policy can bound them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::placeholders::{ENVIRONMENT, FUNCTION, fill_in};
use crate::diagnostics;
use crate::id::{EnvironmentName, FunctionName};

macro_rules! patterns {
    ($(
        $(#[$doc:meta])*
        $name:ident: $error:ident, $what:literal, $prefix:literal, $characters:literal, $pattern:literal;
    )+) => {$(
        $(#[$doc])*
        ///
        /// `{function}` and `{environment}` stand for the names in the artifact's key, and each `*` for any characters.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("pattern" = $name::PATTERN))]
        pub struct $name(String);

        #[doc = concat!("The text is no pattern of ", $what, ".")]
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[error("{0:?} is no pattern of {what}; {{function}}, {{environment}} and * may be in it", what = $what)]
        pub struct $error(String);

        impl $name {
            /// The form of a pattern as a regular expression.
            pub const PATTERN: &'static str = $pattern;

            /// Parses a pattern.
            ///
            /// # Errors
            /// The text has another form.
            pub fn parse(text: impl Into<String>) -> Result<Self, $error> {
                let text = text.into();
                let filled = text.replace(FUNCTION, "f").replace(ENVIRONMENT, "e");
                let rest = filled.strip_prefix($prefix).unwrap_or_default();
                let fits = |c: char| c.is_ascii_alphanumeric() || c == '*' || $characters.contains(c);
                if !rest.is_empty() && text.len() <= 1024 && rest.chars().all(fits) {
                    Ok(Self(text))
                } else {
                    Err($error(diagnostics::truncated(&text)))
                }
            }

            /// Fills in the placeholders for one function of one environment; each `*` stays.
            #[must_use]
            pub fn fill_in(&self, environment: &EnvironmentName, function: &FunctionName) -> String {
                fill_in(&self.0, environment, function)
            }

            /// Whether the function's name is in the pattern.
            #[must_use]
            pub fn names_function(&self) -> bool {
                self.0.contains(FUNCTION)
            }

            /// Whether the pattern matches what the manifest of a function names.
            #[must_use]
            pub fn matches(&self, environment: &EnvironmentName, function: &FunctionName, named: &str) -> bool {
                is_like(named, &self.fill_in(environment, function))
            }
        }

        impl TryFrom<String> for $name {
            type Error = $error;
            fn try_from(text: String) -> Result<Self, $error> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(pattern: $name) -> String {
                pattern.0
            }
        }
    )+};
}

patterns! {
    /// A pattern of the names of log groups: `/acme/{environment}/*`.
    LogGroupPattern: InvalidLogGroupPattern, "log groups, such as /acme/{environment}/*", "", "._/#-",
        r"^([A-Za-z0-9._/#*-]|\{function\}|\{environment\})+$";
    /// A pattern of the ARNs of queues and topics: `arn:aws:sqs:*:*:{function}-dead-letters`.
    DeadLetterPattern: InvalidDeadLetterPattern,
        "dead-letter targets, such as arn:aws:sqs:*:*:{function}-dead-letters", "arn:", "._:-",
        r"^arn:([A-Za-z0-9._:*-]|\{function\}|\{environment\})+$";
}

/// Whether a text matches a pattern in which each `*` stands for any characters.
pub(super) fn is_like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn text_matches_a_pattern_with_wildcards() {
        for (pattern, good, bad) in [
            ("/orders", &["/orders"][..], &["/orders/", "/order", ""][..]),
            ("/acme/*", &["/acme/", "/acme/a/b"], &["/acme", "x/acme/a"]),
            ("*-dead", &["-dead", "a-dead", "-dead-dead"], &["a-dead-", "dead"]),
            ("a*b*c", &["abc", "axbxc", "abbc", "abcbc"], &["ab", "acb", "bc", "abcd"]),
            ("a**b", &["ab", "axb"], &["a", "b"]),
            ("ab*ba", &["abba", "abxba"], &["aba", "ab"]),
            ("*", &["", "x"], &[]),
        ] {
            assert!(good.iter().all(|text| is_like(text, pattern)), "{pattern}");
            assert!(!bad.iter().any(|text| is_like(text, pattern)), "{pattern}");
        }
    }

    #[test]
    fn placeholders_are_the_names_in_the_key() {
        let (dev, orders) = (EnvironmentName::parse("dev").unwrap(), FunctionName::parse("orders").unwrap());
        let group = LogGroupPattern::parse("/acme/{environment}/{function}/*").unwrap();
        assert!(group.matches(&dev, &orders, "/acme/dev/orders/x"));
        assert!(
            !group.matches(&dev, &orders, "/acme/prod/orders/x") && !group.matches(&dev, &orders, "/acme/dev/hello/x")
        );
        let letters = DeadLetterPattern::parse("arn:aws:sqs:*:*:{function}-dead").unwrap();
        assert!(letters.matches(&dev, &orders, "arn:aws:sqs:eu-west-1:111111111111:orders-dead"));
        assert!(!letters.matches(&dev, &orders, "arn:aws:sns:eu-west-1:111111111111:orders-dead"));
    }

    #[test]
    fn pattern_of_another_form_is_refused() {
        for bad in ["", "a b", "/acme/{release}", "/acme/{function", "arn:aws:logs:x", "a,b", &"a".repeat(1025)] {
            let error = LogGroupPattern::parse(bad).unwrap_err().to_string();
            assert!(error.contains("is no pattern of log groups, such as /acme/{environment}/*"), "{error}");
        }
        for bad in ["", "*", "arn:", "orders-dead", "https://sqs", "arn:aws:sqs:{region}:*:x", "arn:aws:sqs:*:*:a b"] {
            let error = DeadLetterPattern::parse(bad).unwrap_err().to_string();
            assert!(error.contains("is no pattern of dead-letter targets, such as arn:aws:sqs"), "{error}");
        }
    }
}
