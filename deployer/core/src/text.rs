//! Text from outside: names of fields and files, reasons, metadata, messages of AWS.
//!
//! Such text ends up in terminals, records, events and e-mails. [`PlainText`] is the type by which it gets there:
//! characters that control a terminal or that nobody sees are escaped in it. [`Person`] is the name of somebody who
//! asks for something.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Text in which control characters, direction marks and zero-width characters are escaped as in Rust: `\n`,
/// `\u{202e}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String")]
#[schemars(with = "String", inline)]
pub struct PlainText(String);

/// Escapes the characters that control a terminal or are invisible. Escaping twice changes nothing more.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_treacherous) {
        return Cow::Borrowed(text);
    }
    let escaped = |c: char| if is_treacherous(c) { c.escape_default().collect() } else { String::from(c) };
    Cow::Owned(text.chars().map(escaped).collect())
}

/// Escapes all text in a JSON value, names of fields included.
#[must_use]
pub fn plain_json(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(plain(text).into_owned()),
        Value::Array(items) => items.iter().map(plain_json).collect(),
        Value::Object(fields) => {
            let plainly = |(name, value): (&String, &Value)| (plain(name).into_owned(), plain_json(value));
            Value::Object(fields.iter().map(plainly).collect())
        }
        other => other.clone(),
    }
}

/// Lists names as in `a`, `a and b`, and `a, b and c`.
#[must_use]
pub fn listed<T: fmt::Display>(names: &[T]) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    match &names[..] {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Writes a number and the noun that it counts, whose plural ends in `s`: `1 message`, `2 messages`.
#[must_use]
pub fn counted<N: fmt::Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Whether a character is a control character, invisible, or changes the direction of the text around it (Unicode
/// Character Database: `Default_Ignorable_Code_Point`, `Bidi_Control`, line and paragraph separators, interlinear
/// annotations).
fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

impl PlainText {
    /// Makes the text of anything that can be displayed.
    #[must_use]
    pub fn of(text: impl fmt::Display) -> Self {
        text.to_string().into()
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for PlainText {
    fn from(text: String) -> Self {
        match plain(&text) {
            Cow::Borrowed(_) => Self(text),
            Cow::Owned(escaped) => Self(escaped),
        }
    }
}

impl From<&str> for PlainText {
    fn from(text: &str) -> Self {
        Self(plain(text).into_owned())
    }
}

impl From<&String> for PlainText {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

/// The name of a person who asks for, approves or stops something, as they give it. Invisible characters and
/// surrounding spaces are removed, so that names which look alike in those are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String")]
#[schemars(with = "String", inline)]
pub struct Person(String);

impl Person {
    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Person {
    fn from(name: String) -> Self {
        let seen: String = name.chars().filter(|c| !is_treacherous(*c)).collect();
        Self(seen.trim().to_owned())
    }
}

impl From<&str> for Person {
    fn from(name: &str) -> Self {
        name.to_owned().into()
    }
}

/// Implements the conversions and comparisons of both types as text.
macro_rules! texts {
    ($($name:ident),*) => { $(
        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<String> for $name {
            fn eq(&self, other: &String) -> bool {
                self.0 == *other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }
    )* };
}

texts!(PlainText, Person);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn control_and_invisible_characters_are_escaped() {
        for (text, shown) in [
            ("plain", "plain"),
            ("Grüße, 東京 e\u{301} 👍", "Grüße, 東京 e\u{301} 👍"),
            ("two\nlines\tand \u{1b}[31mred", "two\\nlines\\tand \\u{1b}[31mred"),
            ("safe\u{202e}piz", "safe\\u{202e}piz"),
            ("a\u{200b}b\u{2066}c\u{feff}d\u{ad}e\u{e0041}", "a\\u{200b}b\\u{2066}c\\u{feff}d\\u{ad}e\\u{e0041}"),
            ("\u{9b}31m\u{2028}", "\\u{9b}31m\\u{2028}"),
        ] {
            assert_eq!(PlainText::from(text), shown);
            let read: PlainText = serde_json::from_value(serde_json::json!(text)).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::json!(shown));
        }
    }

    #[test]
    fn listed_names_have_and_before_the_last_only() {
        let all = [&[][..], &["a"], &["a", "b"], &["a", "b", "c"]].map(listed);
        assert_eq!(all, ["", "a", "a and b", "a, b and c"]);
    }

    #[test]
    fn noun_is_singular_after_one_only() {
        let all = [0_u64, 1, 2].map(|number| counted(number, "message"));
        assert_eq!(all, ["0 messages", "1 message", "2 messages"]);
    }

    #[test]
    fn names_that_differ_invisibly_are_one_person() {
        for same in ["bob", " bob ", "b\u{200b}ob", "bob\u{202c}", "\u{feff}bob\u{fe0f}", "b\u{ad}ob\u{e0101}"] {
            assert_eq!(Person::from(same), Person::from("bob"), "{same:?}");
        }
        assert_ne!(Person::from("bób"), Person::from("bob"));
    }

    proptest! {
        #[test]
        fn escaping_is_idempotent(text in "\\PC{0,20}|[\\x00-\\x1f\u{200b}-\u{206f}a-z\\\\]{0,20}") {
            let once = PlainText::from(text.clone());
            prop_assert_eq!(PlainText::from(once.as_str()), once.clone());
            prop_assert!(!once.chars().any(is_treacherous));
        }
    }
}
