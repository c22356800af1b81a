//! Texts for people: what several verbs print, in the columns and colours of the terminal.

pub(crate) mod advice;
pub(crate) mod ago;
pub(crate) mod came_with;
pub(crate) mod colours;
pub(crate) mod confirm;
pub(crate) mod ends;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod golden;
pub(crate) mod hints;
pub(crate) mod names;
pub(crate) mod progress;
pub(crate) mod records;
pub(crate) mod streams;
pub(crate) mod terminal;
pub(crate) mod waiting;
pub(crate) mod warning;
pub(crate) mod width;
