//! Other readers of zips, and whether they see in a zip what we see.
//!
//! [`mutated`] makes zips by chance; those that [`deployer_core::package`] accepts are given to each reader of [`READERS`] that is
//! on the machine, and whatever it says otherwise than our directory is a [`Difference`]. [`KNOWN`] is the table of those that
//! are left as they are, with their reasons.

mod cause;
mod compare;
mod known;
mod mutate;
mod page;
mod parts;
mod run;
mod survey;

pub use cause::Case;
pub use compare::{Difference, Seen, What, differences};
pub use known::{KNOWN, Known, known};
pub use mutate::mutated;
pub use page::table;
pub use run::{Found, READERS, Reader, Reading, read};
pub use survey::{Survey, Tally, survey};

use deployer_core::package::{Directory, Opening, inspect};

use fixtures::packages::corpus;

/// The zips that are changed: all fixtures that are accepted and not large.
#[must_use]
pub fn bases() -> Vec<Vec<u8>> {
    corpus()
        .into_iter()
        .map(|fixture| fixture.bytes)
        .filter(|bytes| inspect(bytes).is_ok() && bytes.len() < 10_000)
        .collect()
}

/// What we say is in a zip; none of one that is refused.
#[must_use]
pub fn seen(bytes: &[u8]) -> Option<Vec<Seen>> {
    inspect(bytes).ok()?;
    listed(bytes)
}

/// What the directory says is in a zip, whatever its other bytes say: as if the product did not look at them.
#[must_use]
pub fn listed(bytes: &[u8]) -> Option<Vec<Seen>> {
    match Directory::open(bytes.len() as u64, bytes).ok()? {
        Opening::Ready(directory) => Some(directory.entries().map(Seen::of).collect()),
        Opening::NeedsFrom(_) => None,
    }
}
