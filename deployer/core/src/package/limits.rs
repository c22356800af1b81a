//! The limits of an archive, and the fixed lengths of the zip format.

/// The number of bytes at the object's end that are read first.
pub const WINDOW: u64 = 2 * 1024 * 1024;
/// The most bytes of an unzipped function, 250 MB (Lambda Developer Guide, "Lambda quotas").
pub const UNZIPPED_LIMIT: u64 = 262_144_000;
/// The most bytes of a zip that is sent inline, 50 MB (Lambda Developer Guide, "Lambda quotas").
pub const INLINE_LIMIT: u64 = 52_428_800;
/// The most bytes of a central directory.
pub const DIRECTORY_LIMIT: u64 = 16 * 1024 * 1024;
/// The most entries: they are all in memory while their names are compared.
pub const ENTRIES_LIMIT: u64 = 200_000;
/// The most bytes of an object; a larger one is refused unread. 250 MB that cannot be compressed, with headers and
/// directory, are less.
pub const ARCHIVE_LIMIT: u64 = UNZIPPED_LIMIT + 4 * DIRECTORY_LIMIT;
/// The most bytes of a manifest.
pub const MANIFEST_LIMIT: u64 = crate::manifest::MOST_BYTES as u64;
/// The most bytes of `smoke.json`. The head keeps the smoke tests while a release rolls out.
pub const SMOKE_LIMIT: u64 = 64 * 1024;
/// The most that an entry's size may grow by unpacking, as a factor: deflate reaches 1,032.
pub const RATIO_LIMIT: u64 = 1033;
/// The most bytes of a link's target: no path of Linux is longer (PATH_MAX).
pub const LINK_LIMIT: u64 = 4096;
/// The most bytes of all links' targets together, which are in memory while links are followed.
pub const LINKS_LIMIT: u64 = 16 * 1024 * 1024;
/// The length of a local header without name and extra fields (APPNOTE 4.3.7).
pub(super) const LOCAL_HEADER: u64 = 30;
