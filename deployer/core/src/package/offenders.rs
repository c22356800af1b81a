//! The entries that break a rule, for messages.

use std::fmt;

/// The most entries that a message names.
const MAX_SHOWN: usize = 5;

/// The most characters of an entry's name that a message shows.
const MAX_NAME_LENGTH: usize = 200;

/// The entries that break a rule: the first five by name, the rest as a number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offenders {
    first: Vec<String>,
    more: usize,
}

impl Offenders {
    pub(super) fn add(&mut self, shown: impl FnOnce() -> String) {
        if self.first.len() < MAX_SHOWN {
            self.first.push(shown());
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// Returns the rule's error if any entry breaks it.
    pub(super) fn refuse<E>(self, error: fn(Self) -> E) -> Result<(), E> {
        if self.is_empty() { Ok(()) } else { Err(error(self)) }
    }
}

impl fmt::Display for Offenders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first.join(", "))?;
        if self.more > 0 {
            write!(f, " and {} more", self.more)?;
        }
        Ok(())
    }
}

/// Formats an entry's name for a message: in backticks, escaped (names come from strangers and end up in terminals),
/// and cut to 200 characters.
pub(super) fn shown(name: &[u8]) -> String {
    let escaped: String = match std::str::from_utf8(name) {
        Ok(text) => text.chars().flat_map(char::escape_debug).take(MAX_NAME_LENGTH + 1).collect(),
        Err(_) => name.escape_ascii().map(char::from).take(MAX_NAME_LENGTH + 1).collect(),
    };
    match escaped.char_indices().nth(MAX_NAME_LENGTH) {
        Some((end, _)) => format!("`{}…`", escaped.get(..end).unwrap_or_default()),
        None => format!("`{escaped}`"),
    }
}
