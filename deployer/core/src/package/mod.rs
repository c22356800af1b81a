//! Inspects an uploaded deployment zip while it is read once, in constant memory.
//!
//! The caller first reads the object's last [`WINDOW`] bytes, and [`Directory::open`] checks every rule about the
//! central directory. Then all bytes, from the first to the last, go through [`Reader::feed`]. It hashes them, compares
//! each local header with the directory, and unpacks each entry. Readers of streams go by the end of an entry's data,
//! and others by the directory, so both have to agree. Unpacked bytes are kept only of the manifest, of `smoke.json`, of
//! links, and of the beginning of `bootstrap`. Offsets count from the object's first byte: a zip behind other bytes is accepted only
//! if its offsets say so.
//!
//! The format is read here and not by a library because the result must hold for Lambda's reader too: libraries correct
//! and guess, each in its own way, and need the whole archive. Nothing here knows where the bytes come from or what
//! they are deployed to.

mod attributes;
mod bootstrap;
mod describe;
mod descriptor;
mod directory;
mod end;
mod entry;
mod error;
mod extra;
mod fields;
mod handler;
pub(crate) mod image;
mod item;
mod limits;
mod links;
mod local;
mod offenders;
mod private;
mod scan;
mod smoke_file;
mod startup;
#[cfg(test)]
mod tests;
mod unpack;
mod walk;

use directory::Contents;
use sha2::Digest as _;
use walk::Walk;

use crate::id::Sha256;
use crate::manifest::ManifestFormat;

pub use bootstrap::{Bootstrap, BootstrapKind, Machine};
pub use entry::Kind;
pub use error::PackageError;
pub use item::Listed;
pub use limits::{
    ARCHIVE_LIMIT, DIRECTORY_LIMIT, ENTRIES_LIMIT, INLINE_LIMIT, LINK_LIMIT, LINKS_LIMIT, MANIFEST_LIMIT, RATIO_LIMIT,
    SMOKE_LIMIT, UNZIPPED_LIMIT, WINDOW,
};
pub use offenders::Offenders;
pub use private::PrivateRule;
pub use smoke_file::{SmokeFile, UnusableSmokeFile};
pub use startup::{Run, Startup, code_path_variable};

/// The result of opening an archive by its end.
#[derive(Debug)]
pub enum Opening {
    /// The tail has the whole directory, and it obeys the rules.
    Ready(Directory),
    /// The directory begins before the tail: read from this byte to the end, and open again.
    NeedsFrom(u64),
}

/// The directory of an archive, which obeys all rules.
#[derive(Debug)]
pub struct Directory {
    size: u64,
    contents: Box<Contents>,
}

impl Directory {
    /// Reads the directory from the last bytes of an archive of `size` bytes.
    ///
    /// # Errors
    /// [`PackageError`] for the first rule that the archive breaks.
    pub fn open(size: u64, tail: &[u8]) -> Result<Opening, PackageError> {
        if size == 0 {
            return Err(PackageError::NoBytes);
        }
        let length = tail.len() as u64;
        let tail_from = size.checked_sub(length).ok_or(PackageError::Incomplete { expected: size, found: length })?;
        if length < size.min(end::REACH) {
            return Ok(Opening::NeedsFrom(size.saturating_sub(WINDOW)));
        }
        let end = end::find(size, tail)?;
        let found = end.until.saturating_sub(end.from);
        if found > DIRECTORY_LIMIT {
            return Err(PackageError::DirectoryTooLarge { found, limit: DIRECTORY_LIMIT });
        }
        let index = |position: u64| usize::try_from(position.checked_sub(tail_from)?).ok();
        let Some(from) = index(end.from) else { return Ok(Opening::NeedsFrom(end.from)) };
        let bytes = index(end.until).and_then(|until| tail.get(from..until)).unwrap_or_default();
        let contents = Box::new(directory::read(bytes, end)?);
        if size > ARCHIVE_LIMIT {
            return Err(PackageError::TooLarge { found: size, limit: ARCHIVE_LIMIT });
        }
        Ok(Opening::Ready(Self { size, contents }))
    }

    /// Returns the entries in the order of their offsets, for a comparison with other readers.
    pub fn entries(&self) -> impl Iterator<Item = Listed<'_>> {
        self.contents.items.iter().map(item::Item::listed)
    }

    /// Returns a reader for the bytes of this archive.
    #[must_use]
    pub fn reader(self) -> Reader {
        Reader { size: self.size, walk: Walk::of(*self.contents), at: 0, hasher: sha2::Sha256::new() }
    }
}

/// Reads an archive's bytes as they come.
#[derive(Debug)]
pub struct Reader {
    size: u64,
    walk: Walk,
    at: u64,
    hasher: sha2::Sha256,
}

impl Reader {
    /// Takes the next bytes of the archive: all of them, in order, from the first on.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.walk.feed(bytes);
        self.at = self.at.saturating_add(bytes.len() as u64);
    }

    /// Returns the package after its last byte.
    ///
    /// # Errors
    /// [`PackageError`] if fewer or more bytes came than the archive has, an entry does not unpack to what the
    /// directory says, a local header contradicts the directory, or readers could see other entries than the
    /// directory's.
    pub fn finish(self) -> Result<Package, PackageError> {
        let Self { size, walk, at, hasher } = self;
        if at != size {
            return Err(PackageError::Incomplete { expected: size, found: at });
        }
        let (Contents { items, unzipped, .. }, unpacked) = walk.finish()?;
        let (entries, files) = (items.len(), describe::files(&items).count());
        let (manifest, smoke_file, startup) = describe::describe(&items, unpacked)?;
        Ok(Package { sha256: Sha256::finish(hasher), size, unzipped, entries, files, manifest, smoke_file, startup })
    }
}

/// A deployment zip that obeys the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The hash of all its bytes.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
    /// The bytes of all its entries unzipped, as its directory declares them.
    pub unzipped: u64,
    /// The number of its entries, folders included.
    pub entries: usize,
    /// The number of its entries that are no folders.
    pub files: usize,
    /// The manifest, unzipped, if there is one.
    pub manifest: Option<(ManifestFormat, Vec<u8>)>,
    /// The file with its smoke tests.
    pub smoke_file: SmokeFile,
    /// The facts that decide whether Lambda can start it.
    pub startup: Startup,
}

/// Inspects an archive in memory, in the same way as one that is streamed.
///
/// # Errors
/// [`PackageError`] for the first rule that the archive breaks.
pub fn inspect(bytes: &[u8]) -> Result<Package, PackageError> {
    let size = bytes.len() as u64;
    let mut reader = open_from(bytes, size.saturating_sub(WINDOW))?.reader();
    reader.feed(bytes);
    reader.finish()
}

/// Opens an archive with its bytes from a position on, or from an earlier one if more are needed.
fn open_from(bytes: &[u8], from: u64) -> Result<Directory, PackageError> {
    let tail = usize::try_from(from).ok().and_then(|from| bytes.get(from..)).unwrap_or(bytes);
    match Directory::open(bytes.len() as u64, tail)? {
        Opening::Ready(directory) => Ok(directory),
        Opening::NeedsFrom(earlier) => open_from(bytes, earlier),
    }
}
