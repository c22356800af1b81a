//! The file `smoke.json` at the zip's root: the smoke tests of the release. Only where a rollout needs it is it judged: a
//! zip that rolls out nowhere may have any file of that name.

use std::collections::HashMap;

use super::entry::Kind;
use super::item::Item;
use super::limits::SMOKE_LIMIT;
use super::unpack::Unpacked;

/// The file's name.
pub(super) const NAME: &str = "smoke.json";

/// The file `smoke.json` at the zip's root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SmokeFile {
    /// There is none.
    #[default]
    Absent,
    /// Its content, unzipped.
    Content(Vec<u8>),
    /// It cannot be the file with the release's smoke tests.
    Unusable(UnusableSmokeFile),
}

/// The reason why something named `smoke.json` is no file with smoke tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusableSmokeFile {
    /// It is a folder.
    #[error("smoke.json is a folder: put the file with the smoke tests there, or give the folder another name")]
    Folder,
    /// It is a symbolic link.
    #[error("smoke.json is a symbolic link: put the file itself into the zip")]
    Link,
    /// It is there more than once.
    #[error("the zip has smoke.json more than once: keep one of them")]
    Twice,
    /// It is too large.
    #[error("smoke.json has more than {SMOKE_LIMIT} bytes: the smoke tests of a release are kept while it rolls out")]
    TooLarge,
}

/// Finds the file among the entries, and takes its content.
pub(super) fn find(items: &[Item], data: &mut HashMap<usize, Unpacked>) -> SmokeFile {
    let is_below = |item: &Item| item.name.strip_prefix(NAME).is_some_and(|rest| rest.starts_with('/'));
    if items.iter().any(is_below) {
        return SmokeFile::Unusable(UnusableSmokeFile::Folder);
    }
    let mut named = items.iter().enumerate().filter(|(_, item)| item.name == NAME);
    let (first, second) = (named.next(), named.next());
    match first {
        None => SmokeFile::Absent,
        Some(_) if second.is_some() => SmokeFile::Unusable(UnusableSmokeFile::Twice),
        Some((_, item)) if item.kind == Kind::Link => SmokeFile::Unusable(UnusableSmokeFile::Link),
        Some((_, item)) if item.unpacked > SMOKE_LIMIT => SmokeFile::Unusable(UnusableSmokeFile::TooLarge),
        Some((at, _)) => SmokeFile::Content(data.remove(&at).map(|unpacked| unpacked.kept).unwrap_or_default()),
    }
}
