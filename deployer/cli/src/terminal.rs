//! The terminal that answers are printed to.

use std::io::IsTerminal as _;

/// Returns the columns that an answer may take: `COLUMNS` if it is set, or the terminal's. None without a terminal, for
/// a program that reads the text wants whole names.
pub(super) fn columns() -> Option<usize> {
    let wanted = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse::<usize>().ok());
    wanted.filter(|columns| *columns > 0).or_else(|| {
        let out = std::io::stdout();
        let (terminal_size::Width(columns), _) = out.is_terminal().then(|| terminal_size::terminal_size_of(out))??;
        (columns > 0).then_some(usize::from(columns))
    })
}
