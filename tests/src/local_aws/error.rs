//! What can go wrong in the harness itself, in words that say what to do.
//!
//! `Debug` is `Display`, for a test that ends in an error prints the former.

use std::error::Error as StdError;
use std::fmt;

/// The harness could not do its part.
#[derive(Clone, thiserror::Error)]
pub enum Error {
    /// Something is missing on this machine: one sentence that says what to install.
    #[error("{0}")]
    Machine(String),
    /// Something was tried and did not succeed.
    #[error("{doing}: {cause}")]
    Failed {
        /// What was tried, on what.
        doing: String,
        /// Every cause there is.
        cause: String,
    },
    /// What a test asked to be so is not so.
    #[error("{0}")]
    Unexpected(String),
}

/// The harness's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error {
    /// What was tried, and why it failed.
    pub fn failed(doing: impl Into<String>, cause: impl fmt::Display) -> Self {
        Self::Failed { doing: doing.into(), cause: cause.to_string() }
    }
}

/// Says what was being done when an error came.
pub trait Doing<T> {
    /// Adds it.
    ///
    /// # Errors
    /// [`Error::Failed`] with the whole chain of causes.
    fn doing(self, what: impl fmt::Display) -> Result<T>;
}

impl<T, E: StdError> Doing<T> for Result<T, E> {
    fn doing(self, what: impl fmt::Display) -> Result<T> {
        self.map_err(|error| Error::failed(what.to_string(), chain(&error)))
    }
}

/// An error and its causes, each of which says something that the one before does not.
pub(super) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    text
}
