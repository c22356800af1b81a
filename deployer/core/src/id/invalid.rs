//! A text that breaks the rule of a name.

/// A text that breaks the rule of a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not {what}: {rule}")]
pub struct InvalidName {
    /// The kind of name that was expected, with its article: "an account id".
    pub what: &'static str,
    /// The rule in words.
    pub rule: &'static str,
    /// The text that was found, cut to 200 characters; `***` if it may be a secret.
    pub found: String,
}

/// Cuts a wrong text to the 200 characters that a message repeats.
pub(super) fn quoted(text: &str) -> String {
    text.chars().take(200).collect()
}
