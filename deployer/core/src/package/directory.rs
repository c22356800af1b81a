//! The central directory: every entry against every rule.
//!
//! Nothing of an entry's data is known here. Names are borrowed from the tail, so that a directory of the largest
//! size costs a few megabytes while it is looked at, and nothing afterwards.

use super::entry::{Entry, RULES};
use super::error::{Offenders, PackageError, shown};
use super::piece::Piece;
use super::{ENTRIES_LIMIT, UNZIPPED_LIMIT, end::End};
use crate::manifest::ManifestFormat;

/// What is needed of a directory that obeys all rules.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) entries: usize,
    pub(super) unzipped: u64,
    pub(super) manifest: Option<(ManifestFormat, Piece)>,
    /// Whether it is executable, and where it is.
    pub(super) bootstrap: Option<(bool, Piece)>,
    /// A file of that name in a folder.
    pub(super) nested: Option<String>,
}

/// An entry's name and the bytes it certainly takes: local header, name and data. The header's extra fields are
/// known only there, so this is the least it can be; that is enough to see every overlap.
struct Placed<'a> {
    name: &'a str,
    folder: bool,
    from: u64,
    until: u64,
}

/// Reads the directory, whose bytes these are.
pub(super) fn read(bytes: &[u8], end: End) -> Result<Contents, PackageError> {
    if end.entries > ENTRIES_LIMIT {
        return Err(PackageError::TooManyEntries { found: end.entries, limit: ENTRIES_LIMIT });
    }
    check_each(bytes, end)?;
    let mut placed = Vec::new();
    let mut outside = Offenders::default();
    let mut unzipped = 0_u64;
    for entry in entries(bytes, end) {
        let entry = entry?;
        unzipped = unzipped.saturating_add(entry.unpacked);
        match (entry.text(), entry.least_end()) {
            (Some(name), Some(until)) if until <= end.from => {
                placed.push(Placed { name, folder: entry.is_folder(), from: entry.at, until });
            }
            _ => outside.add(|| shown(entry.name)),
        }
    }
    outside.refuse(PackageError::Outside)?;
    if placed.iter().all(|entry| entry.folder) {
        return Err(PackageError::Empty);
    }
    check_names(&mut placed)?;
    check_places(&mut placed)?;
    if unzipped > UNZIPPED_LIMIT {
        return Err(PackageError::TooLargeUnzipped { found: unzipped, limit: UNZIPPED_LIMIT });
    }
    let (manifest, bootstrap) = wanted(bytes, end, &placed)?;
    let is_nested = |entry: &&Placed<'_>| !entry.folder && entry.name.ends_with("/bootstrap");
    let nested = placed.iter().find(is_nested).map(|entry| shown(entry.name.as_bytes()));
    Ok(Contents { entries: placed.len(), unzipped, manifest, bootstrap, nested })
}

/// The entries in the directory's order; an error once it is not as its end says.
fn entries(bytes: &[u8], end: End) -> impl Iterator<Item = Result<Entry<'_>, PackageError>> {
    let broken =
        move |entry: u64| PackageError::BrokenDirectory { entry: entry.saturating_add(1), entries: end.entries };
    let mut rest = bytes;
    let mut done = 0_u64;
    std::iter::from_fn(move || {
        if done >= end.entries {
            // What follows the last entry would be an entry for readers that go by the size.
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

/// The rules that an entry breaks on its own. The first broken rule is reported, with all its offenders.
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

/// No name twice, and no file that is also a folder.
fn check_names(placed: &mut [Placed<'_>]) -> Result<(), PackageError> {
    // In the order of their parts, whatever is in a folder comes directly after it: looking at neighbours is enough.
    placed.sort_unstable_by(|a, b| a.parts().cmp(b.parts()).then(a.folder.cmp(&b.folder)));
    let (mut twice, mut both) = (Offenders::default(), Offenders::default());
    for (one, next) in placed.iter().zip(placed.iter().skip(1)) {
        if one.path() == next.path() {
            twice.add(|| shown(next.name.as_bytes()));
        } else if !one.folder && next.path().strip_prefix(one.path()).is_some_and(|rest| rest.starts_with('/')) {
            both.add(|| shown(one.name.as_bytes()));
        }
    }
    twice.refuse(PackageError::Duplicate)?;
    both.refuse(PackageError::FileAndFolder)
}

impl<'a> Placed<'a> {
    /// The name without the slash that marks a folder.
    fn path(&self) -> &'a str {
        self.name.strip_suffix('/').unwrap_or(self.name)
    }

    fn parts(&self) -> impl Iterator<Item = &'a str> {
        self.path().split('/')
    }
}

/// No two entries share bytes. Leaves the entries in the order of their places.
fn check_places(placed: &mut [Placed<'_>]) -> Result<(), PackageError> {
    placed.sort_unstable_by_key(|entry| (entry.from, entry.until));
    let mut overlaps = Offenders::default();
    let mut entries = placed.iter();
    let mut furthest = entries.next();
    for next in entries {
        if let Some(before) = furthest.filter(|before| next.from < before.until) {
            overlaps.add(|| format!("{} with {}", shown(next.name.as_bytes()), shown(before.name.as_bytes())));
        }
        if furthest.is_none_or(|before| next.until > before.until) {
            furthest = Some(next);
        }
    }
    overlaps.refuse(PackageError::Overlap)
}

type Wanted = (Option<(ManifestFormat, Piece)>, Option<(bool, Piece)>);

/// The entries whose bytes are wanted. `placed` is in the order of places: an entry's room ends where the next begins.
fn wanted(bytes: &[u8], end: End, placed: &[Placed<'_>]) -> Result<Wanted, PackageError> {
    let room = |entry: &Entry<'_>| {
        let next = placed.partition_point(|other| other.from <= entry.at);
        placed.get(next).map_or(end.from, |other| other.from)
    };
    let (mut manifest, mut bootstrap) = (None, None);
    for entry in entries(bytes, end) {
        let entry = entry?;
        let file = match entry.name {
            _ if entry.is_folder() => continue,
            b"function.toml" => ManifestFormat::Toml,
            b"function.json" => ManifestFormat::Json,
            b"bootstrap" => {
                bootstrap = Some((entry.is_executable(), Piece::start("bootstrap", &entry, room(&entry))));
                continue;
            }
            _ => continue,
        };
        if manifest.is_some() {
            return Err(PackageError::BothManifests);
        }
        manifest = Some((file, Piece::whole(file.file_name(), &entry, room(&entry))?));
    }
    Ok((manifest, bootstrap))
}
