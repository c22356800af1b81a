//! Mistakes in a file that a person wrote, each with its place: "`timeout`: expected a whole number, found a list".
//!
//! The manifest and the configuration report their mistakes by these types. `reading` finds the mistakes of form, with
//! serde; the files' own rules add the others.

mod all;
mod reading;

use crate::text::PlainText;
use std::fmt;

pub(crate) use all::read_all;
pub(crate) use reading::{FieldRules, at_least, maybe_at_least, not_json, parse_json, parse_strict, read};

/// The most characters of a found text that a message repeats.
const MAX_QUOTE_LENGTH: usize = 200;
/// The most mistakes that one message lists.
const MAX_LISTED: usize = 20;

/// One mistake: the path of the field (`environments.prod.targets[1].account`) and a sentence about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The path of the field; empty if the mistake concerns the file as a whole.
    pub path: PlainText,
    /// The mistake as a lowercase fragment.
    pub sentence: PlainText,
}

impl Diagnostic {
    /// Makes a mistake in the field at this path.
    pub(crate) fn new(path: impl Into<PlainText>, sentence: impl fmt::Display) -> Self {
        Self { path: path.into(), sentence: PlainText::of(sentence) }
    }

    /// Whether this mistake's field contains the other's field, or is an item of the same list.
    pub(crate) fn path_concerns(&self, other: &Self) -> bool {
        let list = other.path.rfind('[').and_then(|item| other.path.get(..=item));
        let holds = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
        other.path.strip_prefix(&*self.path).is_some_and(holds) || list.is_some_and(|list| self.path.starts_with(list))
    }

    /// Prefixes the path with that of the parent table.
    pub(crate) fn prefixed(self, parent: &str) -> Self {
        Self { path: join(parent, &self.path).into(), sentence: self.sentence }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.sentence) } else { write!(f, "{}: {}", self.path, self.sentence) }
    }
}

/// One or more mistakes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Returns all mistakes as an error, if there are any.
    pub(crate) fn error_if_any(diagnostics: Vec<Diagnostic>) -> Result<(), Self> {
        if diagnostics.is_empty() { Ok(()) } else { Err(Self(diagnostics)) }
    }

    /// Returns each mistake.
    #[must_use]
    pub fn all(&self) -> &[Diagnostic] {
        &self.0
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

/// Writes all on one line, because this text becomes the `because` of a record.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().take(MAX_LISTED).enumerate() {
            write!(f, "{}{diagnostic}", if index == 0 { "" } else { " | " })?;
        }
        match self.0.len().saturating_sub(MAX_LISTED) {
            0 => Ok(()),
            more => write!(f, " | and {more} more"),
        }
    }
}

impl std::error::Error for Diagnostics {}

/// Returns "; did you mean X?" for the nearest known word, or the list of all known words if none is near.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_unstable();
    let near = |other: &&&str| similarity(word, other);
    match known.iter().max_by(|a, b| near(a).total_cmp(&near(b))) {
        None => String::new(),
        Some(best) if near(&best) >= SIMILAR => format!("; did you mean {best}?"),
        Some(_) => format!("; known here: {}", known.join(", ")),
    }
}

/// Returns the known word that is meant most likely by one that nobody knows; of equally near ones the first.
#[must_use]
pub fn similar<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.into_iter().map(|other| (similarity(word, other), other)).filter(|(score, _)| *score >= SIMILAR);
    let nearest = scored.reduce(|best, other| if other.0 > best.0 { other } else { best });
    nearest.map(|(_, other)| other)
}

/// Returns "; did you mean X?" for the nearest known word, and nothing if none is near.
#[must_use]
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    similar(word, known).map_or(String::new(), |near| format!("; did you mean {near}?"))
}

/// The similarity from which on one word may be meant by the other.
pub(crate) const SIMILAR: f64 = 0.75;

/// Returns the similarity of two words, between 0 and 1.
pub(crate) fn similarity(word: &str, other: &str) -> f64 {
    match word.len() {
        // The comparison's cost grows with the product of both lengths, and nobody mistypes a name this long.
        101.. => 0.0,
        // One typing error in a short word counts for less than Jaro-Winkler makes of it.
        2.. if strsim::osa_distance(word, other) == 1 => 1.0,
        _ => strsim::jaro_winkler(word, other),
    }
}

/// Returns a file's text without its byte order mark.
///
/// # Errors
/// [`Diagnostic`] if the file is UTF-16, or names the first byte that is not UTF-8.
pub fn text(bytes: &[u8]) -> Result<&str, Diagnostic> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(Diagnostic::new("", "UTF-16 (PowerShell's default): save as UTF-8"));
    }
    let text = str::from_utf8(bytes).map_err(|error| {
        let position = error.valid_up_to();
        Diagnostic::new("", format_args!("not UTF-8: the byte at {position} (counted from 0) begins no character"))
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Cuts a text to its first 200 characters.
pub(crate) fn truncated(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTE_LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn join(parent: &str, field: &str) -> String {
    match (parent, field) {
        ("", path) | (path, "") => path.to_owned(),
        (parent, field) if field.starts_with('[') => format!("{parent}{field}"),
        (parent, field) => format!("{parent}.{field}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn nearest_known_word_is_named_or_all_if_none_is_near() {
        assert_eq!(nearest("memroy_size", ["timeout", "memory_size"]), "; did you mean memory_size?");
        assert_eq!(nearest("memorySize", ["timeout", "memory_size"]), "; did you mean memory_size?");
        assert_eq!(nearest("dve", ["dev", "staging"]), "; did you mean dev?");
        assert_eq!(nearest("qqq", ["timeout", "memory_size"]), "; known here: memory_size, timeout");
        assert_eq!(
            did_you_mean("1.1.1", ["1.1.0", "1.1.2", "1.0.0"]),
            "; did you mean 1.1.0?",
            "the first of the nearest"
        );
        assert_eq!(did_you_mean("qqq", ["timeout", "memory_size"]), "");
        assert_eq!(nearest("qqq", []), "");
    }

    #[test]
    fn repeated_field_is_refused() {
        let diagnostic = parse_json("{\"a\": {\"b\": 1,\n \"b\": 2}}").unwrap_err();
        assert_eq!(diagnostic.to_string(), "not JSON: the field \"b\" is there twice at line 2 column 4");
        assert!(parse_json("{\"a\": 1, \"b\": {\"a\": 1}}").is_ok());
    }

    #[test]
    fn only_the_first_twenty_mistakes_are_listed() {
        let diagnostics =
            Diagnostics::error_if_any((1..=23).map(|n| Diagnostic::new(format!("f{n}"), "bad")).collect()).unwrap_err();
        assert!(diagnostics.to_string().starts_with("f1: bad | f2: bad | "));
        assert!(diagnostics.to_string().ends_with("f20: bad | and 3 more"));
        assert_eq!(diagnostics.all().len(), 23);
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(truncated(&"é".repeat(300)), format!("{}…", "é".repeat(200)));
        assert_eq!(truncated("short"), "short");
    }
}
