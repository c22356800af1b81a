//! The length of a file without the tests at its end.

/// Returns the number of lines before a `#[cfg(test)]` module that reaches to the end of the file.
#[must_use]
pub fn without_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let Some(start) = lines.iter().rposition(|line| *line == "#[cfg(test)]") else { return lines.len() };
    let after = &lines[start + 1..];
    let item = after.iter().position(|line| !line.starts_with("#["));
    let is_module = item.is_some_and(|item| after[item].starts_with("mod ") && after[item].ends_with('{'));
    let closes = after.iter().position(|line| *line == "}");
    if is_module && closes.is_some_and(|at| at + 1 == after.len()) { start } else { lines.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_at_the_end_do_not_count() {
        assert_eq!(without_tests("a\nb\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n    c\n}\n"), 2);
    }

    #[test]
    fn tests_followed_by_code_count() {
        assert_eq!(without_tests("a\n#[cfg(test)]\nmod tests {\n}\nb\n"), 5);
        assert_eq!(without_tests("a\n#[cfg(test)]\nmod tests;\nb\n"), 4);
    }
}
