//! The most that an archive may hold, and the fixed lengths of its format.

/// How many bytes of the object's end are read first.
pub const WINDOW: u64 = 2 * 1024 * 1024;
/// 250 MB, the most that a function may have unzipped (Lambda Developer Guide, "Lambda quotas").
pub const UNZIPPED_LIMIT: u64 = 262_144_000;
/// 50 MB, the most that Lambda takes inline (Lambda Developer Guide, "Lambda quotas").
pub const INLINE_LIMIT: u64 = 52_428_800;
/// A larger central directory is refused.
pub const DIRECTORY_LIMIT: u64 = 16 * 1024 * 1024;
/// More entries are refused: they are all held at once while their names are compared.
pub const ENTRIES_LIMIT: u64 = 200_000;
/// A larger object is refused without reading it. 250 MB that cannot be packed, with headers and directory, are less.
pub const ARCHIVE_LIMIT: u64 = UNZIPPED_LIMIT + 4 * DIRECTORY_LIMIT;
/// A larger manifest is refused.
pub const MANIFEST_LIMIT: u64 = crate::manifest::MOST_BYTES as u64;
/// An entry may unpack to so many times its size: deflate reaches 1,032.
pub const RATIO_LIMIT: u64 = 1033;
/// A longer link is refused: no path of Linux is longer (PATH_MAX).
pub const LINK_LIMIT: u64 = 4096;
/// More text of links is refused: it is all held at once while they are followed.
pub const LINKS_LIMIT: u64 = 16 * 1024 * 1024;
/// A local header without name and extra fields (APPNOTE 4.3.7).
pub(super) const LOCAL_HEADER: u64 = 30;
