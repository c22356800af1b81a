//! Text in the columns of a terminal: how many it takes, how it is cut, wrapped and laid side by side. Styles take none.

use anstream::adapter::strip_str;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Returns the columns that a text takes (Unicode Standard Annex #11, East Asian Width).
pub(crate) fn width(text: &str) -> usize {
    strip_str(text).to_string().width()
}

/// Cuts a text without styles in the middle so that it takes no more than so many columns: names mostly differ at both
/// ends.
pub(crate) fn cut_in_the_middle(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let Some(rest) = most.checked_sub(1) else { return String::new() };
    let head = taken(text.chars(), rest - rest / 2);
    let tail: String = taken(text.chars().rev(), rest / 2).chars().rev().collect();
    // A mark without the letter that it belongs to would change the dots.
    let tail = tail.trim_start_matches(|c: char| c.width() == Some(0));
    format!("{head}…{tail}")
}

/// Takes characters up to so many columns.
fn taken(characters: impl Iterator<Item = char>, most: usize) -> String {
    let mut used = 0;
    characters
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= most
        })
        .collect()
}

/// Wraps a text at its spaces to lines of no more than so many columns; all lines but the first are indented. A longer
/// word has a line of its own. Spaces at the end of a line that goes on are left out.
pub(crate) fn wrapped(text: &str, most: usize, indent: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    let mut is_empty = true;
    for word in text.split(' ') {
        let columns = width(word);
        // Two spaces have an empty word between them, which begins no line.
        if !is_empty && !word.is_empty() && used + 1 + columns > most {
            if let Some(line) = lines.last_mut() {
                line.truncate(line.trim_end_matches(' ').len());
            }
            lines.push(" ".repeat(indent));
            (used, is_empty) = (indent, true);
        }
        if let Some(line) = lines.last_mut() {
            if !is_empty {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
        }
        used += columns;
        is_empty = false;
    }
    lines
}

/// The beginnings of lines that people copy.
pub(crate) const COMMANDS: [&str; 4] = ["deployctl ", "aws ", "terraform ", "eval "];

/// Wraps each line of a text that is longer than the terminal, and indents the rest of it deeper than the line itself:
/// below the words behind a label, such as `live` or `OK`, if it has one. The branches of a tree go on beside it. Lines
/// that people copy, which are commands and JSON, stay whole. Without a terminal nothing is wrapped. A text that fits is
/// unchanged.
pub(crate) fn fitted(text: &str, columns: Option<usize>) -> String {
    const DEEPER: usize = 4;
    let Some(columns) = columns else { return text.to_owned() };
    let line = |line: &str| {
        let body = line.trim_start_matches([' ', '│', '├', '└', '─']);
        if is_copied(body) {
            return line.to_owned();
        }
        let before = line.strip_suffix(body).unwrap_or_default();
        let beside = before.replace(['└', '─'], " ").replace('├', "│");
        let room = columns.saturating_sub(width(before)).max(columns / 2);
        let indent = label(body).filter(|label| *label <= room / 3).unwrap_or(DEEPER);
        format!("{before}{}", wrapped(body, room, indent).join(&format!("\n{beside}")))
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Whether people copy a line, which is a command or JSON. Its indent is left out.
#[must_use]
pub fn is_copied(line: &str) -> bool {
    line.starts_with(['"', '{', '}', '[', ']']) || COMMANDS.iter().any(|command| line.starts_with(command))
}

/// Returns the columns before the words behind a label: what stands before the first two spaces, and all spaces there.
fn label(line: &str) -> Option<usize> {
    let plain = strip_str(line).to_string();
    let (before, behind) = plain.split_once("  ")?;
    Some(before.width() + 2 + behind.width() - behind.trim_start_matches(' ').width())
}

/// Wraps a text without styles as [`wrapped`] does, and cuts longer words in the middle. One long name stays on the line
/// of the words beside it if enough of it is left.
pub(crate) fn wrapped_and_cut(text: &str, most: usize) -> Vec<String> {
    const LEAST_OF_A_NAME: usize = 9;
    if width(text) <= most {
        return vec![text.to_owned()];
    }
    let longest = text.split(' ').max_by_key(|word| width(word)).unwrap_or_default();
    let room = most.saturating_sub(width(text) - width(longest));
    if width(longest) > most && room >= LEAST_OF_A_NAME {
        return vec![text.replacen(longest, &cut_in_the_middle(longest, room), 1)];
    }
    let indent = if most < 8 { 0 } else { 2 };
    let room = |number: usize| if number == 0 { most } else { most - indent };
    let words: Vec<String> =
        text.split(' ').enumerate().map(|(number, word)| cut_in_the_middle(word, room(number))).collect();
    wrapped(&words.join(" "), most, indent)
}

/// Cuts the words in the middle that are longer than so many columns. Words with styles stay whole.
pub(crate) fn with_words_cut(text: &str, most: usize) -> String {
    let cut = |word: &str| match word.contains('\u{1b}') {
        true => word.to_owned(),
        false => cut_in_the_middle(word, most),
    };
    text.split(' ').map(cut).collect::<Vec<_>>().join(" ")
}

/// Fills a text with spaces up to so many columns.
pub(crate) fn filled(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Shares so many columns out: each gets what it needs, and the widest give way first.
pub(crate) fn shared_out(needs: &[usize], columns: usize) -> Vec<usize> {
    let given = |cap: usize| needs.iter().map(move |need| (*need).min(cap));
    let widest = needs.iter().copied().max().unwrap_or(0);
    let cap = (0..=widest).rev().find(|cap| given(*cap).sum::<usize>() <= columns).unwrap_or(0);
    let mut left = columns.saturating_sub(given(cap).sum());
    needs
        .iter()
        .map(|need| {
            let more = usize::from(*need > cap && left > 0);
            left -= more;
            (*need).min(cap) + more
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_counts_columns_and_no_styles() {
        for (text, columns) in [
            ("orders", 6),
            ("", 0),
            ("東京", 4),
            ("Grüße", 5),
            ("e\u{301}", 1),
            ("\u{1b}[31mred\u{1b}[0m", 3),
            ("👍", 2),
        ] {
            assert_eq!(width(text), columns, "{text:?}");
        }
    }

    #[test]
    fn long_name_is_cut_in_the_middle_to_its_columns() {
        for (text, most, cut) in [
            ("orders-api", 10, "orders-api"),
            ("orders-api", 9, "orde…-api"),
            ("orders-api", 8, "orde…api"),
            ("orders-api", 2, "o…"),
            ("orders-api", 1, "…"),
            ("orders-api", 0, ""),
            ("東京の人々", 6, "東…々"),
            ("東京の人々", 5, "東…々"),
            ("ae\u{301}bcdee\u{301}", 4, "ae\u{301}…e\u{301}"),
        ] {
            assert_eq!(cut_in_the_middle(text, most), cut);
            assert!(width(cut) <= most, "{cut}");
        }
    }

    #[test]
    fn text_is_wrapped_at_spaces_and_words_stay_whole() {
        assert_eq!(wrapped("one two three", 7, 2), ["one two", "  three"]);
        assert_eq!(wrapped("one two three", 4, 2), ["one", "  two", "  three"]);
        assert_eq!(wrapped("東京 東京 東京", 9, 0), ["東京 東京", "東京"]);
        assert_eq!(wrapped("  indented text", 60, 2), ["  indented text"]);
        for most in 5..8 {
            assert_eq!(wrapped("first  second   third", most, 2), ["first", "  second", "  third"], "{most}");
        }
        assert_eq!(wrapped("\u{1b}[31mred text\u{1b}[0m", 8, 0), ["\u{1b}[31mred text\u{1b}[0m"]);
        assert_eq!(wrapped_and_cut("behind development", 10), ["behind", "  deve…ent"]);
        assert_eq!(wrapped_and_cut("2026.11.28-rc.1 v7", 16), ["2026.11.28-rc.1", "  v7"]);
        assert_eq!(wrapped_and_cut("2026.11.28-rc.1 v7", 14), ["2026.…-rc.1 v7"]);
        assert_eq!(with_words_cut("release 2026.11.28-rc.1, since", 9), "release 2026…c.1, since");
        assert_eq!(with_words_cut("\u{1b}[31m2026.11.28-rc.1\u{1b}[0m", 9), "\u{1b}[31m2026.11.28-rc.1\u{1b}[0m");
    }

    #[test]
    fn long_line_goes_on_below_deeper_and_beside_its_branches() {
        let text = "root\n├─ FAIL one two three\n│  └─ OK   four five six\n└─ end end end end\n  ~ sha: aaaa → bbbb\n";
        assert_eq!(fitted("  \"Action\": \"sts:AssumeRole\",", Some(17)), "  \"Action\": \"sts:AssumeRole\",");
        for command in ["deployctl status orders-api", "terraform output -raw queue", "eval \"$(aws configure x)\""] {
            let line = format!("  {command}");
            assert_eq!(fitted(&line, Some(17)), line);
        }
        let fitted = |columns| fitted(text, columns);
        assert_eq!(fitted(None), text);
        assert_eq!(fitted(Some(80)), text);
        assert_eq!(super::fitted(&fitted(Some(17)), Some(17)), fitted(Some(17)), "what fits is unchanged");
        assert_eq!(
            fitted(Some(17)),
            "root\n├─ FAIL one two\n│      three\n│  └─ OK   four\n│         five\n│         six\n└─ end end end\n       end\n  ~ sha: aaaa →\n      bbbb\n"
        );
    }

    #[test]
    fn long_line_with_a_label_goes_on_below_its_words() {
        let text = "  \u{1b}[31mlive\u{1b}[0m     1.4.2, since yesterday\n";
        assert_eq!(fitted(text, Some(30)), "  \u{1b}[31mlive\u{1b}[0m     1.4.2, since\n           yesterday\n");
        assert_eq!(fitted("a long label  and more words here", Some(24)), "a long label  and more\n    words here");
    }

    #[test]
    fn widest_columns_give_way_first() {
        assert_eq!(shared_out(&[5, 30, 10], 100), [5, 30, 10]);
        assert_eq!(shared_out(&[5, 30, 10], 30), [5, 15, 10]);
        assert_eq!(shared_out(&[5, 30, 10], 20), [5, 8, 7]);
        assert_eq!(shared_out(&[5, 30, 10], 2), [1, 1, 0]);
        assert_eq!(shared_out(&[], 2), [0; 0]);
    }
}
