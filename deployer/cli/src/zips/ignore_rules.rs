//! The rules of `.lambdaignore`, of each folder on the way to a file.
//!
//! As in git, the deepest folder's rules count first, and within a file the last line that fits. Beyond git's rules this
//! file tells whether a line names a path: `!.env` names `.env`, while `!src/**` fits everything and names nothing. Only
//! a named path is packed where it looks private.

use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The file that names paths to exclude.
pub(crate) const IGNORE_FILE: &str = ".lambdaignore";
/// Names that only a pattern for all files fits, hidden or not.
const ANY_NAMES: [&str; 2] = ["\u{1}", ".\u{1}"];

/// The rules for one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A line excludes it.
    Excluded,
    /// A line includes it by its own name.
    Named,
    /// No line excludes it, and none names it.
    Included,
}

/// The rules of the folders from the root to the one that is being read.
#[derive(Debug, Default)]
pub(crate) struct IgnoreRules {
    folders: Vec<FolderRules>,
}

#[derive(Debug)]
struct FolderRules {
    all: Gitignore,
    /// A matcher of each line that includes paths.
    including: Vec<Gitignore>,
}

impl IgnoreRules {
    /// Adds the rules of a folder, below those that were added before.
    ///
    /// # Errors
    /// The wrong lines, or why the file cannot be read.
    pub fn enter(&mut self, folder: &Path) -> Result<(), String> {
        let file = folder.join(IGNORE_FILE);
        let (all, error) = if file.is_file() { Gitignore::new(&file) } else { (Gitignore::empty(), None) };
        let text = if all.num_whitelists() == 0 { String::new() } else { read(&file)? };
        let including = text.lines().map(str::trim_start).filter(|line| line.starts_with('!'));
        let including = including.filter_map(|line| only(folder, line)).collect();
        self.folders.push(FolderRules { all, including });
        error.map_or(Ok(()), |error| Err(error.to_string()))
    }

    /// Removes the rules that were added last.
    pub fn leave(&mut self) {
        self.folders.pop();
    }

    /// Applies the rules to a path in the folder that was added last.
    pub fn apply(&self, path: &Path, is_folder: bool) -> Verdict {
        let found = self.folders.iter().rev().map(|rules| rules.all.matched(path, is_folder)).find(|is| !is.is_none());
        let names = |line: &Gitignore| {
            let fits = |path: &Path| line.matched(path, is_folder).is_whitelist();
            fits(path) && !ANY_NAMES.iter().any(|any| fits(&path.with_file_name(any)))
        };
        match found {
            Some(found) if found.is_ignore() => Verdict::Excluded,
            Some(_) if self.folders.iter().any(|rules| rules.including.iter().any(names)) => Verdict::Named,
            _ => Verdict::Included,
        }
    }
}

fn read(file: &PathBuf) -> Result<String, String> {
    std::fs::read(file)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .map_err(|error| format!("{} cannot be read: {error}", file.display()))
}

/// Makes a matcher of one line; none if the line is wrong, which the matcher of all lines reports.
fn only(folder: &Path, line: &str) -> Option<Gitignore> {
    let mut builder = GitignoreBuilder::new(folder);
    builder.add_line(None, line).ok()?;
    builder.build().ok()
}
