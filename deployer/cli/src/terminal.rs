//! The terminal that answers are printed to.

use std::io::IsTerminal;
use std::os::fd::AsFd;

/// Returns the columns that an answer may take: `COLUMNS` if it is set, or the terminal's. None without a terminal, for
/// a program that reads the text wants whole names.
pub(super) fn columns() -> Option<usize> {
    columns_of(std::io::stdout())
}

/// Returns the columns that an error, a warning or a question may take.
pub(super) fn error_columns() -> Option<usize> {
    columns_of(std::io::stderr())
}

fn columns_of(stream: impl IsTerminal + AsFd) -> Option<usize> {
    let wanted = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse::<usize>().ok());
    wanted.filter(|columns| *columns > 0).or_else(|| {
        let (terminal_size::Width(columns), _) =
            stream.is_terminal().then(|| terminal_size::terminal_size_of(stream))??;
        (columns > 0).then_some(usize::from(columns))
    })
}
