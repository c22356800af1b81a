//! Warnings on standard error, so that programs which read the answer do not get them.

use std::io::Write as _;

use super::advice;
use super::streams::stderr;
use super::terminal;
use crate::text::width::fitted;

/// Prints a warning.
pub(crate) fn warn(message: &str) {
    let style = super::colours::ATTENTION;
    // An unread warning must not stop the answer.
    let message = advice::complete(message, terminal::error_columns());
    let text = fitted(&format!("{style}warning:{style:#} {message}"), terminal::error_columns());
    let _unread = writeln!(stderr(), "{text}");
}
