//! Formats the table of known differences for `docs/readers.md`.

use std::fmt::Write as _;

use super::known::KNOWN;

/// Returns the table as Markdown.
#[must_use]
pub fn table() -> String {
    let mut table =
        "| no. | readers | say otherwise | in zips with | why it is left so |\n|---|---|---|---|---|\n".to_owned();
    for (index, known) in KNOWN.iter().enumerate() {
        let kinds: Vec<&str> = known.kinds.iter().map(|what| what.words()).collect();
        let (readers, kinds) = (known.readers.join(", "), kinds.join(", "));
        let _infallible =
            writeln!(table, "| {} | {readers} | {kinds} | {} | {} |", index + 1, known.zips, known.reason);
    }
    table
}
