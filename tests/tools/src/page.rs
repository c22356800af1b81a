//! The table of known differences for people: a part of `docs/readers.md`.

use std::fmt::Write as _;

use super::known::KNOWN;

/// The table.
#[must_use]
pub fn table() -> String {
    let mut table =
        "| no. | readers | say otherwise | in zips with | why it is left so |\n|---|---|---|---|---|\n".to_owned();
    for (index, known) in KNOWN.iter().enumerate() {
        let whats: Vec<&str> = known.whats.iter().map(|what| what.words()).collect();
        let (readers, whats) = (known.readers.join(", "), whats.join(", "));
        let _infallible =
            writeln!(table, "| {} | {readers} | {whats} | {} | {} |", index + 1, known.zips, known.reason);
    }
    table
}
