//! Masks the values of variables in texts that may quote them, such as Lambda's errors
//! (`... String measured: {"DB_PASSWORD":"..."}`).
//!
//! Must not know where a text comes from or what it is for.

use std::collections::BTreeSet;

use crate::text::plain;

/// The length of the shortest value that is masked: shorter ones are words that any text may have.
const SHORTEST: usize = 6;
const MASK: &str = "***";

/// The values of one function's variables, as a text may quote them.
///
/// Where a value of six characters or more stands in a text as a whole word, `***` takes its place.
#[derive(Debug, Default)]
pub struct KnownValues {
    values: BTreeSet<String>,
    /// The names that every text may have: a variable whose value is the function's own name or its region is no
    /// secret.
    names: BTreeSet<String>,
}

impl KnownValues {
    /// Adds names that are never masked.
    pub fn exempt<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        self.names.extend(names.into_iter().map(str::to_owned));
    }

    /// Adds values that are masked from now on.
    pub fn learn<'v>(&mut self, values: impl IntoIterator<Item = &'v str>) {
        let known =
            values.into_iter().filter(|value| value.chars().count() >= SHORTEST && !self.names.contains(*value));
        for value in known {
            // A text may quote the value itself or its JSON form, and each of them made plain.
            let quoted = serde_json::Value::from(value).to_string();
            let json = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&quoted);
            self.values.extend([value, json].map(str::to_owned));
            self.values.extend([value, json].map(|form| plain(form).into_owned()));
        }
    }

    /// Returns the text with every known value masked, the longest first, because a value may be a part of another.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        let mut values: Vec<&String> = self.values.iter().filter(|value| text.contains(value.as_str())).collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.into_iter().fold(text.to_owned(), |text, value| mask_value(&text, value))
    }
}

/// Returns the text with each whole word that is this value masked.
fn mask_value(text: &str, value: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut masked, mut rest, mut before) = (String::with_capacity(text.len()), text, None);
    while let Some(at) = rest.find(value) {
        let (start, end) = (&rest[..at], &rest[at + value.len()..]);
        let joins = |outer: Option<char>, inner: Option<char>| outer.is_some_and(is_word) && inner.is_some_and(is_word);
        // The letter of an escaped line end is no part of a word.
        let is_escape = ["\\n", "\\r", "\\t"].iter().any(|escape| start.ends_with(escape));
        let is_part = (!is_escape && joins(start.chars().next_back().or(before), value.chars().next()))
            || joins(end.chars().next(), value.chars().next_back());
        masked.push_str(start);
        if is_part {
            // The value may begin once more within itself.
            let first = value.chars().next().map_or(0, char::len_utf8);
            masked.push_str(&value[..first]);
            (before, rest) = (value.chars().next(), &rest[at + first..]);
        } else {
            masked.push_str(MASK);
            (before, rest) = (value.chars().next_back(), end);
        }
    }
    masked + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_known_value_is_masked_where_it_is_a_whole_word() {
        let mut known = KnownValues::default();
        known.exempt(["eu-west-1", "orders-api"]);
        known.learn([
            "eu-west-1",
            "orders-api",
            "\u{feff}token-1",
            "hunter2",
            "hunter2-long",
            "https://x.example/?a=1",
            "two\nlines \"q\"",
            "info",
            "éclair",
        ]);
        for (text, masked) in [
            ("no value", "no value"),
            ("PASSWORD hunter2 is not allowed", "PASSWORD *** is not allowed"),
            ("hunter2hunter2 hunter22 _hunter2", "hunter2hunter2 hunter22 _hunter2"),
            ("{\"A\":\"hunter2\",\"B\":\"hunter2-long\"}", "{\"A\":\"***\",\"B\":\"***\"}"),
            ("at https://x.example/?a=1, and", "at ***, and"),
            ("json two\\nlines \\\"q\\\".", "json ***."),
            ("raw two\nlines \"q\"", "raw ***"),
            ("the level info stays", "the level info stays"),
            ("éclair, éclairs", "***, éclairs"),
            ("plain text\\nhunter2 and knhunter2", "plain text\\n*** and knhunter2"),
            ("as JSON {\\\"A\\\": \\\"\\u{feff}token-1\\\"}", "as JSON {\\\"A\\\": \\\"***\\\"}"),
            ("arn:aws:lambda:eu-west-1:function:orders-api", "arn:aws:lambda:eu-west-1:function:orders-api"),
        ] {
            assert_eq!(known.mask(text), masked, "{text}");
        }
    }
}
