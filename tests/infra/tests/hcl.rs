//! Reads blocks of formatted Terraform files, as far as tables of variables and outputs need them. Whatever it does not
//! understand is an error.

/// The result of reading, or what is not understood.
pub(super) type Reading<T> = std::result::Result<T, String>;

/// A block at the top of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The block's kind and labels, such as `variable "name"`.
    pub head: String,
    /// The arguments with their expressions, and the names of inner blocks with nothing.
    pub parts: Vec<(String, String)>,
}

impl Block {
    /// Returns the label of a block of this kind that has one.
    pub(super) fn label(&self, kind: &str) -> Option<&str> {
        let label = self.head.strip_prefix(kind)?.strip_prefix(" \"")?.strip_suffix('"')?;
        label.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_').then_some(label)
    }

    /// Returns the expression of an argument.
    pub(super) fn get(&self, argument: &str) -> Option<&str> {
        self.parts.iter().find(|(name, _)| name == argument).map(|(_, text)| text.as_str())
    }
}

/// Reads the blocks of a formatted file.
pub(super) fn blocks(text: &str) -> Reading<Vec<Block>> {
    let mut lines = text.lines().enumerate().map(|(number, line)| (number + 1, line));
    let mut blocks = Vec::new();
    while let Some((number, line)) = lines.next() {
        if is_nothing(line) {
            continue;
        }
        let head = line.strip_suffix(" {").filter(|head| !head.starts_with(' '));
        let head = head.ok_or_else(|| format!("line {number} begins no block: {line}"))?.to_owned();
        let mut parts = Vec::new();
        loop {
            let (number, line) = lines.next().ok_or_else(|| format!("{head} does not end"))?;
            if line == "}" {
                break;
            }
            if is_nothing(line) {
                continue;
            }
            let inner = line.strip_prefix("  ").filter(|inner| !inner.starts_with(' '));
            let inner = inner.ok_or_else(|| format!("line {number} is not understood: {line}"))?;
            let part = match inner.strip_suffix(" {").filter(|name| is_name(name)) {
                Some(name) => {
                    lines.find(|(_, line)| *line == "  }").ok_or_else(|| format!("{name} in {head} does not end"))?;
                    (name.to_owned(), String::new())
                }
                None => argument(number, inner, &mut lines)?,
            };
            let is_argument = |part: &(String, String)| !part.1.is_empty();
            if is_argument(&part) && parts.iter().any(|other: &(String, String)| other.0 == part.0) {
                return Err(format!("line {number} says {} a second time", part.0));
            }
            parts.push(part);
        }
        blocks.push(Block { head, parts });
    }
    Ok(blocks)
}

/// Reads an argument, which goes on until its brackets are closed.
fn argument<'a>(
    number: usize,
    line: &str,
    lines: &mut impl Iterator<Item = (usize, &'a str)>,
) -> Reading<(String, String)> {
    let not_understood = || format!("line {number} is not understood: {line}");
    let (name, expression) = line.split_once(" = ").ok_or_else(not_understood)?;
    let name = name.trim_end();
    if !is_name(name) || expression.is_empty() || expression.contains("<<") {
        return Err(not_understood());
    }
    let mut expression = expression.to_owned();
    let mut open = depth(&expression).ok_or_else(not_understood)?;
    while open > 0 {
        let (number, line) = lines.next().ok_or_else(|| format!("{name} in line {number} does not end"))?;
        let not_understood = || format!("line {number} is not understood: {line}");
        open += depth(line).ok_or_else(not_understood)?;
        expression.push('\n');
        expression.push_str(line.strip_prefix("  ").ok_or_else(not_understood)?);
    }
    if open < 0 { Err(not_understood()) } else { Ok((name.to_owned(), expression)) }
}

/// Returns how many brackets a line opens more than it closes; `None` if it has a text that does not end or a heredoc.
fn depth(line: &str) -> Option<i32> {
    let (mut open, mut signs) = (0, line.chars().peekable());
    while let Some(sign) = signs.next() {
        match sign {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open -= 1,
            '<' if signs.peek() == Some(&'<') => return None,
            '#' => return Some(open),
            '"' => loop {
                match signs.next()? {
                    '\\' => drop(signs.next()?),
                    '"' => break,
                    _ => {}
                }
            },
            _ => {}
        }
    }
    Some(open)
}

fn is_nothing(line: &str) -> bool {
    line.is_empty() || line.trim_start().starts_with('#')
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|sign| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '_')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn block_has_its_arguments_and_inner_blocks() {
        let text = r#"# About it.

variable "a" {
  # Why.
  type = object({
    b = optional(string, "}") # not }
  })
  default     = { b = "{\"" }
  description = "A = b."

  validation {
    condition = var.a == "}"
  }

  validation {
    condition = true
  }
}
"#;
        let part = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let parts = vec![
            part("type", "object({\n  b = optional(string, \"}\") # not }\n})"),
            part("default", r#"{ b = "{\"" }"#),
            part("description", r#""A = b.""#),
            part("validation", ""),
            part("validation", ""),
        ];
        let expected = Block { head: r#"variable "a""#.to_owned(), parts };
        assert_eq!(expected.label("variable"), Some("a"));
        assert_eq!(expected.label("output"), None);
        assert_eq!(blocks(text).unwrap(), [expected]);
    }

    #[test]
    fn text_that_is_not_understood_is_refused() {
        for (text, because) in [
            ("x = 1\n", "line 1 begins no block"),
            ("variable \"a\" {}\n", "line 1 begins no block"),
            ("variable \"a\" {\n", "does not end"),
            ("variable \"a\" {\n  type = object({\n}\n", "line 3 is not understood"),
            ("variable \"a\" {\n  type = list(\n", "type in line 2 does not end"),
            ("variable \"a\" {\n  type = string)\n}\n", "line 2 is not understood"),
            ("variable \"a\" {\n  description = <<-TEXT\n    A.\n  TEXT\n}\n", "line 2 is not understood"),
            ("variable \"a\" {\n  description = \"A.\n}\n", "line 2 is not understood"),
            ("variable \"a\" {\n    type = string\n}\n", "line 2 is not understood"),
            ("variable \"a\" {\n  type=string\n}\n", "line 2 is not understood"),
            ("variable \"a\" {\n  type = string\n  type = number\n}\n", "line 3 says type a second time"),
            ("variable \"a\" {\n  validation {\n", "validation in variable \"a\" does not end"),
        ] {
            let refused = blocks(text).unwrap_err();
            assert!(refused.contains(because), "{text}: {refused}");
        }
    }
}
