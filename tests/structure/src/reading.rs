//! Turns Rust source text into the tokens that the checks read.

/// One token: a word, `::`, or a single sign.
pub type Token = String;

/// Returns the tokens of a source text without comments, literals and everything below `#[cfg(test)]`.
#[must_use]
pub fn tokens(text: &str) -> Vec<Token> {
    without_tests(&all_tokens(text))
}

/// Returns the texts of the string literals in a source text, without raw ones, as they are written; a line that goes on
/// with a backslash is one line.
#[must_use]
pub fn strings(text: &str) -> Vec<String> {
    let mut strings = Vec::new();
    read(text, |string| strings.push(joined(string)));
    strings
}

/// Joins the lines of a literal that end with a backslash.
fn joined(literal: &[char]) -> String {
    let literal: String = literal.iter().collect();
    let mut lines = literal.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |joined, line| joined + line.trim_start())
}

fn all_tokens(text: &str) -> Vec<Token> {
    read(text, |_| {})
}

/// Reads the tokens, and tells of each string literal.
fn read(text: &str, mut tell: impl FnMut(&[char])) -> Vec<Token> {
    let signs: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&sign) = signs.get(at) {
        let next = signs.get(at + 1).copied();
        match (sign, next) {
            ('/', Some('/')) => at = position(&signs, at, '\n'),
            ('/', Some('*')) => at = end_of_block_comment(&signs, at),
            ('"', _) => {
                let end = end_of_string(&signs, at);
                tell(&signs[at + 1..(end - 1).max(at + 1)]);
                at = end;
            }
            ('r' | 'b' | 'c', _) if is_raw_string(&signs, at) => at = end_of_raw_string(&signs, at),
            ('\'', _) => at = end_of_quote(&signs, at),
            (':', Some(':')) => {
                tokens.push("::".to_owned());
                at += 2;
            }
            _ if is_word(sign) => {
                let word: String = signs[at..].iter().take_while(|sign| is_word(**sign)).collect();
                at += word.chars().count();
                tokens.push(word);
            }
            _ => {
                if !sign.is_whitespace() {
                    tokens.push(sign.to_string());
                }
                at += 1;
            }
        }
    }
    tokens
}

/// Whether a token is a word: a keyword, a name or a number.
#[must_use]
pub fn is_name(token: &str) -> bool {
    token.chars().next().is_some_and(is_word)
}

fn is_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

fn position(signs: &[char], from: usize, wanted: char) -> usize {
    signs[from..].iter().position(|sign| *sign == wanted).map_or(signs.len(), |found| from + found)
}

fn end_of_block_comment(signs: &[char], from: usize) -> usize {
    let (mut at, mut depth) = (from + 2, 1);
    while depth > 0 && at < signs.len() {
        match (signs[at], signs.get(at + 1)) {
            ('*', Some('/')) => (at, depth) = (at + 2, depth - 1),
            ('/', Some('*')) => (at, depth) = (at + 2, depth + 1),
            _ => at += 1,
        }
    }
    at
}

fn end_of_string(signs: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while let Some(sign) = signs.get(at) {
        match sign {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// A word that ends right before a `"` or `#` is the prefix of a raw string: `r"`, `r#"`, `br"`.
fn is_raw_string(signs: &[char], at: usize) -> bool {
    let starts_here = at == 0 || !is_word(signs[at - 1]);
    let rest: String = signs[at..].iter().take(8).collect();
    let rest = rest.trim_start_matches(['b', 'c']);
    starts_here && rest.strip_prefix('r').is_some_and(|rest| rest.trim_start_matches('#').starts_with('"'))
}

fn end_of_raw_string(signs: &[char], from: usize) -> usize {
    let open = position(signs, from, '"');
    let hashes = signs[from..open].iter().filter(|sign| **sign == '#').count();
    let mut at = open + 1;
    while at < signs.len() {
        let closes = signs[at] == '"' && signs[at + 1..].iter().take(hashes).filter(|s| **s == '#').count() == hashes;
        at += 1;
        if closes {
            return at + hashes;
        }
    }
    at
}

/// A quote begins a character or a lifetime.
fn end_of_quote(signs: &[char], from: usize) -> usize {
    match (signs.get(from + 1), signs.get(from + 2)) {
        (Some('\\'), _) => position(signs, from + 3, '\'') + 1,
        (Some(_), Some('\'')) => from + 3,
        _ => from + 1,
    }
}

/// Leaves out each item below `#[cfg(test)]`.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const CFG_TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at..].iter().take(CFG_TEST.len()).eq(CFG_TEST.iter()) {
            at = end_of_item(tokens, at + CFG_TEST.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Returns the index after the item that begins here, further attributes included.
fn end_of_item(tokens: &[Token], mut at: usize) -> usize {
    while tokens.get(at).is_some_and(|token| token == "#") {
        at = closing(tokens, at + 1) + 1;
    }
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            ";" => return at + 1,
            "{" => return closing(tokens, at) + 1,
            "(" | "[" => at = closing(tokens, at) + 1,
            _ => at += 1,
        }
    }
    at
}

/// Returns the index of the bracket that closes the one at `open`.
#[must_use]
pub fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        tokens(text).join(" ")
    }

    #[test]
    fn line_that_goes_on_is_one_string() {
        let text = "f(\"one \\\n      two\", r\"raw\", \"three\nfour\") // \"five\"";
        assert_eq!(strings(text), ["one two", "three\nfour"]);
    }

    #[test]
    fn comments_and_literals_are_left_out() {
        assert_eq!(read("a /* crate::b /* c */ */ d // crate::e\nf"), "a d f");
        assert_eq!(read(r##"x("crate::\"a") + r#"super::"b"# + 'c' + '\'' + b"d""##), "x ( ) + + + + b");
    }

    #[test]
    fn lifetime_is_no_character() {
        assert_eq!(read("fn f<'a>(x: &'a crate::T) {}"), "fn f < a > ( x : & a crate :: T ) { }");
    }

    #[test]
    fn items_below_cfg_test_are_left_out() {
        assert_eq!(read("#[cfg(test)]\nmod tests;\nuse a;"), "use a ;");
        assert_eq!(read("#[cfg(test)]\n#[allow(x)]\nmod tests { use b; } use a;"), "use a ;");
        assert_eq!(read("#[cfg(test)] fn f(a: [u8; 3]) { g(); } use a;"), "use a ;");
    }
}
