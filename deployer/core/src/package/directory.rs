//! Reads the central directory, and checks every entry against every rule.
//!
//! The data of entries are not known here.

use super::end::End;
use super::entry::{Entry, Kind, RULES};
use super::error::PackageError;
use super::item::Item;
use super::item::ReadScope;
use super::limits::{ENTRIES_LIMIT, MANIFEST_LIMIT, SMOKE_LIMIT, UNZIPPED_LIMIT};
use super::offenders::{Offenders, shown};
use super::smoke_file;

/// The program that `provided.*` runtimes start.
pub(super) const BOOTSTRAP: &str = "bootstrap";

/// The entries of a directory that obeys all rules.
#[derive(Debug)]
pub(super) struct Contents {
    /// The entries in the order of their offsets.
    pub(super) items: Vec<Item>,
    pub(super) unzipped: u64,
    /// The offset at which the room of the last entry ends.
    pub(super) until: u64,
}

/// Reads a directory from its bytes.
pub(super) fn read(bytes: &[u8], end: End) -> Result<Contents, PackageError> {
    if end.entries > ENTRIES_LIMIT {
        return Err(PackageError::TooManyEntries { found: end.entries, limit: ENTRIES_LIMIT });
    }
    check_each(bytes, end)?;
    let mut items = Vec::new();
    let mut outside = Offenders::default();
    let mut unzipped = 0_u64;
    for entry in entries(bytes, end) {
        let entry = entry?;
        unzipped = unzipped.saturating_add(entry.unpacked);
        match Item::of(&entry).filter(|item| item.least_end <= end.from) {
            Some(item) => items.push(item),
            None => outside.add(|| shown(entry.name)),
        }
    }
    outside.refuse(PackageError::Outside)?;
    if items.iter().all(|item| item.kind == Kind::Folder) {
        return Err(PackageError::Empty);
    }
    check_names(&mut items)?;
    check_places(&mut items)?;
    if unzipped > UNZIPPED_LIMIT {
        return Err(PackageError::TooLargeUnzipped { found: unzipped, limit: UNZIPPED_LIMIT });
    }
    mark_wanted(&mut items)?;
    Ok(Contents { items, unzipped, until: end.from })
}

/// Returns the entries in the directory's order, then an error if the directory is not as its end record says.
fn entries(bytes: &[u8], end: End) -> impl Iterator<Item = Result<Entry<'_>, PackageError>> {
    let broken =
        move |entry: u64| PackageError::BrokenDirectory { entry: entry.saturating_add(1), entries: end.entries };
    let mut rest = bytes;
    let mut done = 0_u64;
    std::iter::from_fn(move || {
        if done >= end.entries {
            // Readers that go by the directory's size would take following bytes for an entry.
            return (!std::mem::take(&mut rest).is_empty()).then(|| Err(broken(done)));
        }
        let Some((entry, after)) = Entry::read(rest) else {
            let at = std::mem::replace(&mut done, u64::MAX);
            rest = &[];
            return Some(Err(broken(at)));
        };
        rest = after;
        done = done.saturating_add(1);
        Some(Ok(entry))
    })
}

/// Checks the rules for single entries. The first broken rule is reported, with all its offenders.
fn check_each(bytes: &[u8], end: End) -> Result<(), PackageError> {
    let mut offenders: Vec<Offenders> = RULES.iter().map(|_| Offenders::default()).collect();
    for entry in entries(bytes, end) {
        let entry = entry?;
        if entry.disk != 0 {
            return Err(PackageError::MultiDisk);
        }
        for (rule, offenders) in RULES.iter().zip(&mut offenders) {
            if (rule.broken)(&entry) {
                offenders.add(|| (rule.shown)(&entry));
            }
        }
    }
    RULES.iter().zip(offenders).try_for_each(|(rule, offenders)| offenders.refuse(rule.error))
}

/// Checks that names come twice only for equal entries, that no file is also a folder, and that no entry is reached
/// through a link.
fn check_names(items: &mut [Item]) -> Result<(), PackageError> {
    // Sorted by the parts of the path, a folder's entries come directly after it, so comparing neighbours is enough.
    items.sort_unstable_by(|a, b| a.parts().cmp(b.parts()).then(a.offset.cmp(&b.offset)));
    let (mut twice, mut both, mut through) = (Offenders::default(), Offenders::default(), Offenders::default());
    for at in 1..items.len() {
        let Some([one, next]) = items.get_mut(at - 1..=at) else { break };
        if one.path() == next.path() {
            let is_checked = next.name == BOOTSTRAP || next.manifest().is_some();
            if is_checked || !one.is_like(next) {
                twice.add(|| shown(next.name.as_bytes()));
            }
            // The directory's checksums prove nothing. The bytes are compared by hash when they stream by.
            (one.read_scope, next.read_scope) = (ReadScope::Hash, ReadScope::Hash);
        } else if one.kind != Kind::Folder
            && next.path().strip_prefix(one.path()).is_some_and(|rest| rest.starts_with('/'))
        {
            match one.kind {
                Kind::Link => through.add(|| shown(next.name.as_bytes())),
                _ => both.add(|| shown(one.name.as_bytes())),
            }
        }
    }
    twice.refuse(PackageError::Duplicate)?;
    through.refuse(PackageError::ThroughLink)?;
    both.refuse(PackageError::FileAndFolder)
}

/// Checks that no two entries share bytes, and sorts the entries by their offsets.
fn check_places(items: &mut [Item]) -> Result<(), PackageError> {
    items.sort_unstable_by_key(|item| (item.offset, item.least_end));
    let mut overlaps = Offenders::default();
    let mut entries = items.iter();
    let mut furthest = entries.next();
    for next in entries {
        if let Some(before) = furthest.filter(|before| next.offset < before.least_end) {
            overlaps.add(|| format!("{} with {}", shown(next.name.as_bytes()), shown(before.name.as_bytes())));
        }
        if furthest.is_none_or(|before| next.least_end > before.least_end) {
            furthest = Some(next);
        }
    }
    overlaps.refuse(PackageError::Overlap)
}

/// Marks the entries whose data are wanted: the manifest, `smoke.json`, links, and the program. If `bootstrap` is a link, any file
/// may be the program.
fn mark_wanted(items: &mut [Item]) -> Result<(), PackageError> {
    let is_bootstrap = |item: &Item, kind| item.name == BOOTSTRAP && item.kind == kind;
    let linked = items.iter().any(|item| is_bootstrap(item, Kind::Link));
    let (mut manifests, mut long, mut links) = (0_usize, Offenders::default(), 0_u64);
    for item in items.iter_mut() {
        match (item.kind, item.manifest()) {
            (Kind::Link, Some(format)) => return Err(PackageError::ManifestLink { name: format.file_name() }),
            (Kind::File, Some(format)) => {
                // Deflate makes nothing much larger, so a packed size beyond the limit is wrong too.
                if item.unpacked > MANIFEST_LIMIT || item.packed > MANIFEST_LIMIT + 1024 {
                    return Err(PackageError::ManifestTooLarge { name: format.file_name(), limit: MANIFEST_LIMIT });
                }
                (item.read_scope, manifests) = (ReadScope::All, manifests + 1);
            }
            (Kind::Link, None) => {
                links = links.saturating_add(item.unpacked);
                if item.unpacked > super::LINK_LIMIT || links > super::LINKS_LIMIT {
                    long.add(|| shown(item.name.as_bytes()));
                }
                item.read_scope = ReadScope::All;
            }
            (Kind::File, None)
                if item.name == smoke_file::NAME
                    && item.read_scope == ReadScope::Nothing
                    && item.unpacked <= SMOKE_LIMIT =>
            {
                item.read_scope = ReadScope::All;
            }
            (Kind::File, None)
                if (linked && item.read_scope == ReadScope::Nothing) || is_bootstrap(item, Kind::File) =>
            {
                item.read_scope = ReadScope::Program;
            }
            _ => {}
        }
    }
    if manifests > 1 {
        return Err(PackageError::BothManifests);
    }
    long.refuse(PackageError::LinkTooLong)
}
