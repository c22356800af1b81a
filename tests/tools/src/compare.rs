//! Compares a reader's reading of a zip with the deployer's.

use std::collections::BTreeMap;
use std::fmt;

use deployer_core::package::{Kind, Listed};

use super::run::{Found, Reader, Reading};

/// An entry as the deployer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenEntry {
    /// The name; a folder's ends with a slash.
    pub name: String,
    /// The kind of file that the entry is unpacked as.
    pub kind: Kind,
    /// The size in bytes.
    pub size: u64,
    /// The checksum of the bytes.
    pub crc32: u32,
}

impl SeenEntry {
    pub(super) fn of(listed: Listed<'_>) -> Self {
        let Listed { name, kind, size, crc32 } = listed;
        Self { name: name.to_owned(), kind, size, crc32 }
    }
}

/// The kind of a difference between a reader and the deployer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// The reader reports that it cannot read the zip, or not to its end.
    Refuses,
    /// The reader reports that it cannot read the entry.
    Fails,
    /// The reader misses an entry without an error.
    Misses,
    /// The reader sees an entry that the deployer does not see.
    Adds,
    /// The reader sees an entry as another kind of file.
    Kind,
    /// The reader reads other bytes.
    Bytes,
}

impl DifferenceKind {
    /// Returns a description for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Refuses => "refuses the zip",
            Self::Fails => "refuses the entry",
            Self::Misses => "misses the entry",
            Self::Adds => "sees another entry",
            Self::Kind => "another kind",
            Self::Bytes => "other bytes",
        }
    }
}

/// A difference between a reader and the deployer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The reader's name.
    pub reader: &'static str,
    /// The kind of the difference.
    pub what: DifferenceKind,
    /// The entry's name, if the difference is about one.
    pub name: String,
    /// The reader's error, or its finding.
    pub words: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?} {}", self.reader, self.what, self.name, self.words)
    }
}

/// Returns all differences of a reader. `hashes` holds the hashes that other readers found in the same zip.
pub fn differences(
    reader: Reader,
    ours: &[SeenEntry],
    reading: &Reading,
    hashes: &mut BTreeMap<String, String>,
) -> Vec<Difference> {
    let mut all = Vec::new();
    let mut say = |what, name: &str, words: &str| {
        all.push(Difference { reader: reader.name, what, name: name.to_owned(), words: words.to_owned() });
    };
    if let Some(error) = &reading.error {
        say(DifferenceKind::Refuses, "", error);
    }
    for found in &reading.entries {
        let Some(our) = ours.iter().find(|our| our.name == found.name) else {
            let is_above = |our: &SeenEntry| our.name.starts_with(&found.name);
            if !(reader.unpacks && found.kind == "folder" && ours.iter().any(is_above)) {
                say(DifferenceKind::Adds, &found.name, found.error.as_deref().unwrap_or_default());
            }
            continue;
        };
        if let Some(error) = &found.error {
            say(DifferenceKind::Fails, &found.name, error);
            continue;
        }
        if found.kind != kind(our.kind) {
            say(DifferenceKind::Kind, &found.name, &found.kind);
        }
        let is_first = !hashes.contains_key(&found.name);
        if (found.size, found.crc32) != (our.size, our.crc32) {
            say(DifferenceKind::Bytes, &found.name, &format!("{} bytes, checksum {:x}", found.size, found.crc32));
        } else if is_first {
            hashes.insert(found.name.clone(), found.sha256.clone());
        } else if hashes.get(&found.name) != Some(&found.sha256) {
            say(DifferenceKind::Bytes, &found.name, "another hash than another reader's");
        }
    }
    let is_found = |our: &SeenEntry| reading.entries.iter().any(|found: &Found| found.name == our.name);
    // A reader that reports an error may miss entries.
    for our in ours.iter().filter(|our| reading.error.is_none() && !is_found(our)) {
        say(DifferenceKind::Misses, &our.name, "");
    }
    all
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Folder => "folder",
        Kind::Link => "link",
        Kind::File => "file",
    }
}
