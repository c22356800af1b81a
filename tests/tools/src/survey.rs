//! Lets every reader read many zips and counts the differences.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use super::compare::{Difference, SeenEntry, differences};
use super::known::known;
use super::mutate::mutated;
use super::run::{Reader, read};
use fixtures::error::{Doing as _, Error, Result};

/// The number of zips that are made before they are read.
const AT_ONCE: u64 = 500;

/// The results of one reader.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// The number of zips that the reader has read.
    pub zips: usize,
    /// The number of zips without a difference.
    pub alike: usize,
    /// The number of zips with a known difference, by the index of its row.
    pub known: BTreeMap<usize, usize>,
    /// The differences that are not in the table, by the zip's seed.
    pub unknown: BTreeMap<u64, Vec<Difference>>,
}

/// The results of all readers.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// The number of zips that were made.
    pub made: usize,
    /// The number of zips that readers have read.
    pub given: usize,
    /// The results by the readers' names; a reader that is not on this machine has none.
    pub tallies: BTreeMap<&'static str, Tally>,
}

impl Survey {
    /// Returns the number of zips with differences that are not in the table.
    #[must_use]
    pub fn unknown(&self) -> usize {
        self.tallies.values().map(|tally| tally.unknown.len()).sum()
    }
}

/// Makes zips of these seeds and lets each reader on this machine read those for which `ours` returns entries. Reports
/// progress from time to time.
///
/// # Errors
/// A reader fails, or a file operation does.
pub fn survey(
    readers: &[Reader],
    bases: &[Vec<u8>],
    seeds: Range<u64>,
    ours: fn(&[u8]) -> Option<Vec<SeenEntry>>,
    mut tell: impl FnMut(&Survey),
) -> Result<Survey> {
    let mut all = Survey::default();
    let mut from = seeds.start;
    while from < seeds.end {
        let until = from.saturating_add(AT_ONCE).min(seeds.end);
        let zips = (from..until).map(|seed| (seed, mutated(bases, seed)));
        let given = zips.filter_map(|(seed, zip)| Some((seed, (ours(&zip)?, zip)))).collect();
        all.made += usize::try_from(until - from).unwrap_or_default();
        some(readers, &given, &mut all)?;
        tell(&all);
        from = until;
    }
    Ok(all)
}

type Given = BTreeMap<u64, (Vec<SeenEntry>, Vec<u8>)>;

fn some(readers: &[Reader], given: &Given, all: &mut Survey) -> Result<()> {
    let folder = tempfile::tempdir().doing("making a folder for zips")?;
    for (seed, (_, zip)) in given {
        std::fs::write(folder.path().join(format!("{seed}.zip")), zip).doing("writing a zip")?;
    }
    all.given += given.len();
    let mut hashes = BTreeMap::new();
    for reader in readers {
        one(*reader, folder.path(), given, &mut hashes, all)?;
    }
    Ok(())
}

/// The hashes that earlier readers found, by seed and name.
type Hashes = BTreeMap<u64, BTreeMap<String, String>>;

fn one(reader: Reader, folder: &Path, given: &Given, hashes: &mut Hashes, all: &mut Survey) -> Result<()> {
    let Some(readings) = read(reader, folder)? else { return Ok(()) };
    let tally = all.tallies.entry(reader.name).or_default();
    let mut read = BTreeSet::new();
    for reading in readings {
        let Some((seed, (ours, zip))) = reading.zip.parse().ok().and_then(|seed| given.get_key_value(&seed)) else {
            continue;
        };
        read.insert(*seed);
        let found = differences(reader, ours, &reading, hashes.entry(*seed).or_default());
        tally.alike += usize::from(found.is_empty());
        let mut rows = BTreeSet::new();
        for difference in found {
            match known(&difference, zip) {
                Some(row) => _ = rows.insert(row),
                None => tally.unknown.entry(*seed).or_default().push(difference),
            }
        }
        rows.into_iter().for_each(|row| *tally.known.entry(row).or_default() += 1);
    }
    tally.zips += given.len();
    if read.len() == given.len() {
        return Ok(());
    }
    let (name, missing) = (reader.name, given.len() - read.len());
    Err(Error::Machine(format!("the reader {name} says nothing of {missing} zips of {}", given.len())))
}
