//! Compares other readers of zips with the deployer's own reading.
//!
//! [`mutated`] makes random zips. Each reader of [`READERS`] on this machine reads those that
//! [`deployer_core::package`] accepts, and each deviation from the zip's directory as the deployer reads it is a
//! [`Difference`]. [`KNOWN`] is the table of the differences that are left, with their reasons.
//!
//! [`guard`] plays rollouts under seeded traffic.

mod cause;
mod compare;
pub mod guard;
mod known;
mod mutate;
mod page;
mod parts;
mod run;
mod survey;

pub use cause::Case;
pub use compare::{Difference, DifferenceKind, SeenEntry, differences};
pub use known::{KNOWN, Known, known};
pub use mutate::mutated;
pub use page::table;
pub use run::{Found, READERS, Reader, Reading, read};
pub use survey::{Survey, Tally, survey};

use deployer_core::package::{Directory, Opening, inspect};

use fixtures::packages::corpus;

/// Returns the zips to mutate: all accepted fixtures that are not large.
#[must_use]
pub fn bases() -> Vec<Vec<u8>> {
    corpus()
        .into_iter()
        .map(|fixture| fixture.bytes)
        .filter(|bytes| inspect(bytes).is_ok() && bytes.len() < 10_000)
        .collect()
}

/// Returns the entries of a zip; `None` if the deployer refuses it.
#[must_use]
pub fn seen(bytes: &[u8]) -> Option<Vec<SeenEntry>> {
    inspect(bytes).ok()?;
    listed(bytes)
}

/// Returns the entries of a zip by its directory alone, as if the deployer did not check the other bytes.
#[must_use]
pub fn listed(bytes: &[u8]) -> Option<Vec<SeenEntry>> {
    match Directory::open(bytes.len() as u64, bytes).ok()? {
        Opening::Ready(directory) => Some(directory.entries().map(SeenEntry::of).collect()),
        Opening::NeedsFrom(_) => None,
    }
}
