//! The comparison of one reading with ours.

use std::collections::BTreeMap;
use std::fmt;

use deployer_core::package::{Kind, Listed};

use super::run::{Found, Reader, Reading};

/// An entry as we see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its name; that of a folder ends with a slash.
    pub name: String,
    /// An entry becomes this when it is unpacked.
    pub kind: Kind,
    /// How many bytes it has.
    pub size: u64,
    /// Their checksum.
    pub crc32: u32,
}

impl Seen {
    pub(super) fn of(listed: Listed<'_>) -> Self {
        let Listed { name, kind, size, crc32 } = listed;
        Self { name: name.to_owned(), kind, size, crc32 }
    }
}

/// What a reader says otherwise than we do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// It does not read the zip, or not to its end, and says so.
    Refuses,
    /// It does not read the entry, and says so.
    Fails,
    /// It misses an entry, and says nothing.
    Misses,
    /// It sees an entry that we do not see.
    Adds,
    /// An entry is of another kind.
    Kind,
    /// An entry has other bytes.
    Bytes,
}

impl What {
    /// The same for people.
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

/// A difference between a reading and ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The reader's name.
    pub reader: &'static str,
    /// What it says otherwise.
    pub what: What,
    /// The entry's name, where it is about one.
    pub name: String,
    /// The reader's words, or what it found.
    pub words: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?} {}", self.reader, self.what, self.name, self.words)
    }
}

/// All that a reader says otherwise. `hashes` are those of the entries that other readers found in the same zip.
pub fn differences(
    reader: Reader,
    ours: &[Seen],
    reading: &Reading,
    hashes: &mut BTreeMap<String, String>,
) -> Vec<Difference> {
    let mut all = Vec::new();
    let mut say = |what, name: &str, words: &str| {
        all.push(Difference { reader: reader.name, what, name: name.to_owned(), words: words.to_owned() });
    };
    if let Some(error) = &reading.error {
        say(What::Refuses, "", error);
    }
    for found in &reading.entries {
        let Some(our) = ours.iter().find(|our| our.name == found.name) else {
            let is_above = |our: &Seen| our.name.starts_with(&found.name);
            if !(reader.unpacks && found.kind == "folder" && ours.iter().any(is_above)) {
                say(What::Adds, &found.name, found.error.as_deref().unwrap_or_default());
            }
            continue;
        };
        if let Some(error) = &found.error {
            say(What::Fails, &found.name, error);
            continue;
        }
        if found.kind != kind(our.kind) {
            say(What::Kind, &found.name, &found.kind);
        }
        let is_first = !hashes.contains_key(&found.name);
        if (found.size, found.crc32) != (our.size, our.crc32) {
            say(What::Bytes, &found.name, &format!("{} bytes, checksum {:x}", found.size, found.crc32));
        } else if is_first {
            hashes.insert(found.name.clone(), found.sha256.clone());
        } else if hashes.get(&found.name) != Some(&found.sha256) {
            say(What::Bytes, &found.name, "another hash than another reader's");
        }
    }
    let is_found = |our: &Seen| reading.entries.iter().any(|found: &Found| found.name == our.name);
    // Whoever says that something is wrong has said that something may be missing.
    for our in ours.iter().filter(|our| reading.error.is_none() && !is_found(our)) {
        say(What::Misses, &our.name, "");
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
