//! The text of the demo: wrapped at the terminal's width, with styles on a terminal and without them elsewhere.

use std::fmt::{Display, Write as _};
use std::io::{IsTerminal as _, Write as _};

use rustix::process::{Signal, getpid, kill_process};

/// The widest line of the demo's own sentences, which are hard to read beyond it.
const WIDEST: usize = 88;
/// The narrowest terminal that lines are wrapped for.
const NARROWEST: usize = 30;
/// The indent of commands and of what they print.
const INDENT: usize = 2;

/// Standard output.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    colours: bool,
    /// The columns of the terminal; none where lines go to a file or a program.
    columns: Option<usize>,
}

impl Screen {
    /// Returns the process's standard output. It has styles on a terminal, unless NO_COLOR is set or TERM is dumb
    /// (no-color.org).
    #[must_use]
    pub fn of_stdout() -> Self {
        let out = std::io::stdout();
        let size = out.is_terminal().then(|| rustix::termios::tcgetwinsize(&out).ok()).flatten();
        let columns = size.map(|size| if size.ws_col == 0 { 80 } else { usize::from(size.ws_col) });
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { colours: out.is_terminal() && !is_plain, columns: columns.map(|columns| columns.max(NARROWEST)) }
    }

    /// Whether text has styles.
    #[must_use]
    pub fn has_colours(&self) -> bool {
        self.colours
    }

    /// Returns the columns that a command's output may take; none where nothing is to be cut.
    #[must_use]
    pub fn columns_of_output(&self) -> Option<usize> {
        self.columns.map(|columns| columns - INDENT)
    }

    /// Prints the title of a part, and sentences below it.
    pub fn title(&self, title: &str, words: &str) {
        self.print(format_args!("\n{}\n{}", self.styled("1;38;5;30", title), self.sentences(words)));
    }

    /// Prints sentences, apart from what stands above.
    pub fn prose(&self, words: &str) {
        self.print(format_args!("\n{}", self.sentences(words)));
    }

    fn sentences(&self, words: &str) -> String {
        wrapped(words, self.columns.unwrap_or(WIDEST).min(WIDEST), 0, 0)
    }

    /// Prints the heading of some lines, apart from what stands above.
    pub fn heading(&self, words: &str) {
        let width = self.columns.unwrap_or(usize::MAX);
        self.print(format_args!("\n{}", wrapped(&self.bold(words), width, 0, 4)));
    }

    /// Prints a command line as a user types it, which is never broken.
    pub fn command(&self, line: &str) {
        self.print(format_args!("\n{:INDENT$}{} {}", "", self.dim("$"), self.bold(line)));
    }

    /// Prints a line of a command's output. A long one goes on below, further to the right, unless users copy it.
    pub fn output(&self, line: &str) {
        let words = line.trim_start();
        if words.is_empty() {
            return self.gap();
        }
        let own = line.chars().take_while(|c| *c == ' ').count();
        let width = self.columns.filter(|_| !deployer_cli::is_copied(&plain(words))).unwrap_or(usize::MAX);
        self.print(wrapped(words, width, INDENT + own, INDENT + own + 4));
    }

    /// Prints a line that users copy, which is never broken.
    pub fn verbatim(&self, line: &str) {
        self.print(format_args!("{:INDENT$}{line}", ""));
    }

    /// Prints an empty line.
    pub fn gap(&self) {
        self.print("");
    }

    /// Prints a command and what it is for.
    pub fn item(&self, command: &str, words: &str) {
        const NAME: usize = 26;
        let width = self.columns.unwrap_or(WIDEST).min(WIDEST);
        let padding = " ".repeat(NAME.saturating_sub(command.len()));
        self.print(wrapped(&format!("{}{padding}{words}", self.bold(command)), width, INDENT, INDENT + NAME));
    }

    /// Prints a step: when, and what.
    pub fn row(&self, name: &str, words: &str) {
        let width = self.columns.unwrap_or(usize::MAX);
        let row = format!("{} {words}", self.dim(&format!("{name:<9}")));
        self.print(wrapped(&row, width, INDENT, INDENT + 12));
    }

    /// Prints text. Where nobody reads any more, the demo ends as at the end of its terminal.
    fn print(&self, text: impl Display) {
        if writeln!(std::io::stdout(), "{text}").is_err() {
            let _told = kill_process(getpid(), Signal::HUP);
        }
    }

    /// Makes text bold.
    #[must_use]
    pub fn bold(&self, text: &str) -> String {
        self.styled("1", text)
    }

    /// Makes text faint.
    #[must_use]
    pub fn dim(&self, text: &str) -> String {
        self.styled("2", text)
    }

    /// Makes text green.
    #[must_use]
    pub fn good(&self, text: &str) -> String {
        self.styled("38;5;28", text)
    }

    fn styled(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Breaks text between words so that no line is wider than `width`, unless a word is. The first line begins at column
/// `first`, the others at column `next`.
fn wrapped(text: &str, width: usize, first: usize, next: usize) -> String {
    let mut lines = " ".repeat(first);
    let mut column = first;
    for (number, word) in text.split(' ').enumerate() {
        let length = visible_length(word);
        let is_first = number == 0;
        if !is_first && column + 1 + length > width {
            let _infallible = write!(lines, "\n{:next$}", "");
            column = next;
        } else if !is_first {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    lines
}

/// Returns the number of characters that a terminal shows of a text with escape sequences.
fn visible_length(text: &str) -> usize {
    plain(text).chars().count()
}

/// Returns a text without its escape sequences (ECMA-48, "Control sequences").
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => drop(chars.by_ref().skip(1).find(|c| ('@'..='~').contains(c))),
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_between_words_at_the_width() {
        assert_eq!(wrapped("one two three", 9, 0, 2), "one two\n  three");
        assert_eq!(wrapped("one two three", 8, 2, 4), "  one\n    two\n    three");
        assert_eq!(wrapped("a-long-word b", 4, 0, 0), "a-long-word\nb", "a word is never broken");
        assert_eq!(wrapped("", 10, 2, 2), "  ");
    }

    #[test]
    fn escape_sequences_take_no_columns() {
        assert_eq!(plain("\u{1b}[1;36mab\u{1b}[0m"), "ab");
        assert_eq!(wrapped("\u{1b}[1mab\u{1b}[0m cd", 5, 0, 0), "\u{1b}[1mab\u{1b}[0m cd");
    }

    #[test]
    fn screen_without_colours_has_plain_text() {
        let screen = |colours| Screen { colours, columns: None };
        assert_eq!((screen(false).bold("x"), screen(true).bold("x")), ("x".into(), "\u{1b}[1mx\u{1b}[0m".into()));
    }
}
