//! Asks the user for confirmation at the terminal.

use std::io::{IsTerminal as _, Write as _};

use super::advice;
use super::streams::stderr;
use super::terminal;
use crate::answer::CliError;
use crate::text::width::fitted;

/// Whether a user is at a terminal who can see a question and answer it.
pub(crate) fn is_possible() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks, and takes any answer but a clear yes as no. `undone` says what was not done, for an answer that cannot be
/// read.
///
/// # Errors
/// The terminal cannot be written to or read.
pub(crate) fn is_given(question: &str, undone: &str) -> Result<bool, CliError> {
    print_stderr(&format!("{question} [y/N] "))?;
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.map_err(|error| CliError::failed(format!("reading the confirmation: {error}; {undone}")))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Writes to standard error, because standard output may go to a program. At a terminal it is wrapped.
///
/// # Errors
/// Standard error cannot be written to.
pub(crate) fn print_stderr(words: &str) -> Result<(), CliError> {
    let mut err = stderr();
    let words = advice::complete(words, terminal::error_columns());
    let written = write!(err, "{}", fitted(&words, terminal::error_columns())).and_then(|()| err.flush());
    written.map_err(|error| CliError::failed(format!("writing to standard error: {error}")))
}
