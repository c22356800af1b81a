//! Searches the machine for a mirror.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::mirror::{Mirror, is_provider};

/// The folder of a working folder's own providers, which is not searched because it is temporary.
const WORKING: &str = ".terraform";
/// The depth of the program below a mirror's root: host, namespace, type, version, platform, file.
const DEPTH: usize = 6;

/// The folders to search and to skip.
#[derive(Debug, Default)]
pub(super) struct Search {
    likely: Vec<PathBuf>,
    rest: Vec<PathBuf>,
    /// The folders that are skipped below `rest`.
    skipped: BTreeSet<PathBuf>,
}

impl Search {
    /// Makes a search of the whole machine except the target folder, which tests and downloads fill.
    pub(super) fn of_machine(home: Option<&OsStr>, target: &Path) -> Self {
        let mut likely: Vec<_> = home.map(|home| Path::new(home).join(".terraform.d")).into_iter().collect();
        likely.extend(["/usr/local/share", "/opt", "/usr/share"].map(PathBuf::from));
        let skipped = [Path::new("/proc"), Path::new("/sys"), Path::new("/dev"), target].map(Path::to_path_buf);
        Self { likely, rest: vec!["/".into()], skipped: skipped.into() }
    }

    /// Returns the first mirror in the likely places.
    pub(super) fn likely(&self) -> Option<Mirror> {
        self.likely.iter().find_map(|place| look_through(place, &self.skipped))
    }

    /// Returns the first mirror anywhere else.
    pub(super) fn rest(&self) -> Option<Mirror> {
        let mut skipped = self.skipped.clone();
        skipped.extend(self.likely.iter().cloned());
        self.rest.iter().find_map(|place| look_through(place, &skipped))
    }
}

/// Searches breadth first, because a mirror is seldom deep. Links are not followed, unreadable folders are skipped.
pub(super) fn look_through(place: &Path, skipped: &BTreeSet<PathBuf>) -> Option<Mirror> {
    let mut folders = VecDeque::from([place.to_path_buf()]);
    while let Some(folder) = folders.pop_front() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (name, path) = (entry.file_name(), entry.path());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if name != WORKING && !skipped.contains(&path) {
                    folders.push_back(path);
                }
            } else if is_provider(&name)
                && let Some(mirror) = path.ancestors().nth(DEPTH).and_then(Mirror::at)
            {
                return Some(mirror);
            }
        }
    }
    None
}
