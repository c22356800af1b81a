//! An entry that obeys all rules for single entries.

use super::descriptor;
use super::entry::{Entry, Kind};
use crate::manifest::ManifestFormat;

/// An entry that obeys all rules for single entries.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) executable: bool,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc32: u32,
    pub(super) packed: u64,
    pub(super) unpacked: u64,
    /// The offset of its local header.
    pub(super) offset: u64,
    /// The lowest possible end of the entry. The lengths of the local header's extra fields are not known yet, but this
    /// is enough to find every overlap.
    pub(super) least_end: u64,
    /// The part of its data that is kept.
    pub(super) read_scope: ReadScope,
}

/// An entry as every reader must find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed<'a> {
    /// Its name; that of a folder ends with a slash.
    pub name: &'a str,
    /// The kind of entry.
    pub kind: Kind,
    /// The unpacked size of its data, in bytes.
    pub size: u64,
    /// The checksum of its data (APPNOTE 4.4.7).
    pub crc32: u32,
}

impl Item {
    pub(super) fn of(entry: &Entry<'_>) -> Option<Self> {
        let (name, least_end) = (entry.text()?.to_owned(), entry.least_end()?);
        let Entry { flags, method, crc32, packed, unpacked, offset, .. } = *entry;
        let (kind, executable) = (entry.kind(), entry.is_executable());
        let read_scope = ReadScope::Nothing;
        Some(Self { name, kind, executable, flags, method, crc32, packed, unpacked, offset, least_end, read_scope })
    }

    pub(super) fn listed(&self) -> Listed<'_> {
        Listed { name: &self.name, kind: self.kind, size: self.unpacked, crc32: self.crc32 }
    }

    /// Returns the name without the slash that marks a folder.
    pub(super) fn path(&self) -> &str {
        self.name.strip_suffix('/').unwrap_or(&self.name)
    }

    /// Whether it was zipped as a stream, so that its checksum and sizes follow its data.
    pub(super) fn is_streamed(&self) -> bool {
        self.flags & descriptor::FLAG != 0
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &str> {
        self.path().split('/')
    }

    pub(super) fn manifest(&self) -> Option<ManifestFormat> {
        ManifestFormat::of(&self.name)
    }

    /// Whether the directory describes both entries alike.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.kind, self.unpacked, self.crc32) == (other.kind, other.unpacked, other.crc32)
    }
}

/// The part of an entry's data that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadScope {
    Nothing,
    /// All data, which are few.
    All,
    /// The first bytes.
    Program,
    /// The hash and the first bytes.
    Hash,
}
