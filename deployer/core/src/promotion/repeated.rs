//! The words of a promotion that ends because another one waits and brings the same.

use std::fmt;

/// The words that follow what the other one brings.
const WAITS_ALREADY: &str = "already, and waits";

/// Says that another promotion waits; `brings` names it and what it brings.
pub(crate) fn waits_already(brings: fmt::Arguments<'_>) -> String {
    format!("{brings} {WAITS_ALREADY}")
}

/// Whether this reason of a superseded promotion says that another one waits and brings the same.
#[must_use]
pub fn repeats_one_that_waits(because: &str) -> bool {
    because.contains(WAITS_ALREADY)
}
