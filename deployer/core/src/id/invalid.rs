//! A text that is not the name it should be.

/// A text that is not the name it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not {what}: {rule}")]
pub struct InvalidName {
    /// What was expected, with its article: "an account id".
    pub what: &'static str,
    /// The rule in words.
    pub rule: &'static str,
    /// What was found (cut to 200 characters); `***` where it is meant for few.
    pub found: String,
}

/// As much of a wrong text as a message repeats.
pub(super) fn quoted(text: &str) -> String {
    text.chars().take(200).collect()
}
