//! The terminal that answers are printed to.

use std::io::IsTerminal;
use std::os::fd::AsFd;

/// Returns the columns that an answer may take: `COLUMNS` if it is set, or the terminal's. None without a terminal, for
/// a program that reads the text wants whole lines, and shells may export `COLUMNS`.
pub(crate) fn columns() -> Option<usize> {
    of_terminal(std::io::stdout(), wanted().as_deref())
}

/// Returns the columns that a table may take: as [`columns`], and `COLUMNS` also without a terminal.
pub(crate) fn table_columns() -> Option<usize> {
    of_table(std::io::stdout(), wanted().as_deref())
}

/// Returns the columns that an error, a warning or a question may take.
pub(crate) fn error_columns() -> Option<usize> {
    of_terminal(std::io::stderr(), wanted().as_deref())
}

fn wanted() -> Option<String> {
    std::env::var("COLUMNS").ok()
}

fn of_table(stream: impl IsTerminal + AsFd, wanted: Option<&str>) -> Option<usize> {
    wanted.and_then(parsed).or_else(|| of_terminal(stream, None))
}

fn of_terminal(stream: impl IsTerminal + AsFd, wanted: Option<&str>) -> Option<usize> {
    if !stream.is_terminal() {
        return None;
    }
    wanted.and_then(parsed).or_else(|| {
        let (terminal_size::Width(columns), _) = terminal_size::terminal_size_of(stream)?;
        (columns > 0).then_some(usize::from(columns))
    })
}

fn parsed(columns: &str) -> Option<usize> {
    columns.trim().parse().ok().filter(|columns| *columns > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipe_has_no_width_and_its_tables_that_of_columns() -> std::io::Result<()> {
        let (_reader, writer) = std::io::pipe()?;
        for (wanted, columns) in [(Some("60"), Some(60)), (Some(" 60\n"), Some(60)), (Some("0"), None), (None, None)] {
            assert_eq!(of_table(writer.as_fd(), wanted), columns, "{wanted:?}");
            assert_eq!(of_terminal(writer.as_fd(), wanted), None, "{wanted:?}");
        }
        Ok(())
    }
}
