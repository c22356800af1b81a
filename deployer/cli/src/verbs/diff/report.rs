//! The answer of `diff`, and the comparison of the files.

use std::collections::BTreeMap;

use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName, Release};
use deployer_core::package::Kind;
use deployer_core::plan::PlannedChange;
use deployer_core::record::{RecordedArtifact, Status};
use jiff::Timestamp;
use serde::Serialize;

/// The answer of `diff`.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub function: FunctionName,
    pub from: Deployed,
    pub to: Deployed,
    /// Whether both are the same zip, with the same configuration for their environments.
    pub same: bool,
    /// The fields that the manifests name differently; values of variables are masked.
    pub changes: Vec<PlannedChange>,
    pub files: Files,
}

/// A release, and the deployment by which it is known.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Deployed {
    pub environment: EnvironmentName,
    pub release: Release,
    pub deployment: DeploymentId,
    pub status: Status,
    pub at: Timestamp,
    pub artifact: RecordedArtifact,
}

/// The files that differ.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Files {
    pub added: Vec<OneFile>,
    pub changed: Vec<ChangedFile>,
    pub removed: Vec<OneFile>,
    /// The number of files that both have alike.
    pub same: usize,
}

/// A file that only one of the two has.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct OneFile {
    pub name: String,
    /// Its unpacked size in bytes.
    pub size: u64,
}

/// A file that both have, with other data.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct ChangedFile {
    pub name: String,
    pub from: u64,
    pub to: u64,
}

/// An entry as its directory describes it: two with the same size and checksum count as the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub kind: Kind,
    pub size: u64,
    pub crc32: u32,
}

impl Files {
    /// Compares the files of two archives by name, size and checksum.
    pub fn between(from: &BTreeMap<String, Entry>, to: &BTreeMap<String, Entry>) -> Self {
        let mut files = Self::default();
        for (name, entry) in to {
            match from.get(name) {
                None => files.added.push(OneFile { name: name.clone(), size: entry.size }),
                Some(before) if before == entry => files.same += 1,
                Some(before) => {
                    files.changed.push(ChangedFile { name: name.clone(), from: before.size, to: entry.size });
                }
            }
        }
        let removed = from.iter().filter(|(name, _)| !to.contains_key(*name));
        files.removed.extend(removed.map(|(name, entry)| OneFile { name: name.clone(), size: entry.size }));
        files
    }

    /// Whether no file differs.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_differ_by_name_size_and_checksum() {
        let contents = |entries: &[(&str, u64, u32)]| -> BTreeMap<String, Entry> {
            let entry =
                |&(name, size, crc32): &(&str, u64, u32)| (name.to_owned(), Entry { kind: Kind::File, size, crc32 });
            entries.iter().map(entry).collect()
        };
        let from = contents(&[("a", 1, 1), ("b", 2, 2), ("c", 3, 3), ("same", 9, 9)]);
        let to = contents(&[("b", 2, 7), ("c", 4, 3), ("d", 5, 5), ("same", 9, 9)]);
        let files = Files::between(&from, &to);
        assert_eq!(files.added, [OneFile { name: "d".into(), size: 5 }]);
        assert_eq!(files.removed, [OneFile { name: "a".into(), size: 1 }]);
        let changed = |name: &str, from, to| ChangedFile { name: name.into(), from, to };
        assert_eq!((files.changed, files.same), (vec![changed("b", 2, 2), changed("c", 3, 4)], 1));
        assert!(Files::between(&from, &from).is_empty());
    }
}
