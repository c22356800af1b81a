//! Packs a folder as a zip: the same folder gives the same bytes on every machine and at any time.
//!
//! Entries are sorted by name and have one fixed time. Permissions are reduced to the executable bit. Folders have no
//! entries of their own. Links are packed as links and never followed; the reader of the zip checks their targets.
//! `.lambdaignore` excludes paths by gitignore's rules, and is excluded itself. Files and folders that look private are
//! left out and named, unless `.lambdaignore` names them (`!.env`).

use std::fs::{self, DirEntry, File};
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use deployer_core::package::{PackageError, PrivateRule, UNZIPPED_LIMIT};
use indicatif::ProgressBar;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::ignore_rules::{IGNORE_FILE, IgnoreRules, Verdict};
use crate::text::names::Names;
use crate::zips::Finding;

/// The number of largest files that the error for a too large folder names.
const LARGEST_NAMED: usize = 3;
const EXECUTABLE: u32 = 0o755;
const REGULAR: u32 = 0o644;

/// A packed folder.
#[derive(Debug)]
pub(crate) struct Packed {
    /// The zip: a temporary file without a name, which disappears when it is closed.
    pub file: File,
    /// The files and folders that look private and are not packed.
    pub left_out: Names,
    /// The key stores that are packed although nobody can tell whether a key is in them.
    pub unknown: Names,
}

/// A file or a link to pack.
#[derive(Debug)]
struct Entry {
    /// The path from the folder's root, with forward slashes.
    name: String,
    size: u64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    File {
        path: PathBuf,
        executable: bool,
    },
    /// The target of the link.
    Link(String),
}

/// Packs a folder.
///
/// # Errors
/// The paths that cannot be packed.
pub(crate) fn pack(folder: &Path, bar: &ProgressBar) -> Result<Packed, Vec<Finding>> {
    let Walk { entries, left_out, unknown, .. } = Walk::of(folder)?;
    let file = write_zip(&entries, bar).map_err(|found| vec![found])?;
    Ok(Packed { file, left_out, unknown })
}

/// A walk through a folder, and the files that it has found.
#[derive(Debug, Default)]
struct Walk {
    root: PathBuf,
    rules: IgnoreRules,
    entries: Vec<Entry>,
    left_out: Names,
    unknown: Names,
    problems: Vec<Finding>,
}

impl Walk {
    /// Finds the files and links, sorted by name.
    fn of(folder: &Path) -> Result<Self, Vec<Finding>> {
        // A link to the folder is followed; links within it are packed as links.
        let cannot = |error: &io::Error| vec![Finding::whole(format!("cannot be read: {error}"))];
        let root = folder.canonicalize().map_err(|error| cannot(&error))?;
        let mut walk = Self { root: root.clone(), ..Self::default() };
        walk.read_folder(&root);
        let Self { entries, left_out, unknown, problems, .. } = &mut walk;
        problems.extend(too_large(entries));
        if entries.is_empty() && problems.is_empty() {
            let private = if left_out.is_empty() { String::new() } else { format!("; left out: {left_out}") };
            problems.push(Finding::whole(format!("there is nothing in it to be packed{private}")));
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        left_out.sort();
        unknown.sort();
        if problems.is_empty() { Ok(walk) } else { Err(walk.problems) }
    }

    fn read_folder(&mut self, folder: &Path) {
        if let Err(message) = self.rules.enter(folder) {
            // A wrong line of an ignore file is an error, because the other lines would be applied all the same.
            self.problems.push(Finding::whole(message));
        }
        match fs::read_dir(folder) {
            Ok(found) => found.for_each(|one| {
                if let Err(message) =
                    one.map_err(|error| self.unreadable(folder, &error)).and_then(|one| self.add(&one))
                {
                    self.problems.push(Finding::whole(message));
                }
            }),
            Err(error) => self.problems.push(Finding::whole(self.unreadable(folder, &error))),
        }
        self.rules.leave();
    }

    /// Adds a file or a link, or reads a folder, unless it is excluded or looks private.
    fn add(&mut self, found: &DirEntry) -> Result<(), String> {
        let path = found.path();
        let kind = found.file_type().map_err(|error| self.unreadable(&path, &error))?;
        let verdict = self.rules.apply(&path, kind.is_dir());
        let file_name = found.file_name();
        if verdict == Verdict::Excluded || file_name == IGNORE_FILE {
            return Ok(());
        }
        let rule = PrivateRule::of(&file_name.to_string_lossy());
        if verdict != Verdict::Named && self.is_private(rule, found)? {
            let slash = if kind.is_dir() { "/" } else { "" };
            self.left_out.push(format!("{}{slash}", self.relative(&path).display()));
            return Ok(());
        }
        if kind.is_dir() {
            self.read_folder(&path);
            return Ok(());
        }
        let entry = self.entry(found)?;
        self.entries.push(entry);
        Ok(())
    }

    /// Whether a file or a folder looks private, by its name or by its content. Notes a file of which nobody can tell.
    fn is_private(&mut self, rule: PrivateRule, found: &DirEntry) -> Result<bool, String> {
        let (path, kind) = (found.path(), found.file_type());
        if rule == PrivateRule::Name || !kind.is_ok_and(|kind| kind.is_file()) {
            return Ok(rule == PrivateRule::Name);
        }
        let read = || {
            let Some(most) = rule.bytes_to_read(found.metadata()?.len()) else { return Ok((false, false)) };
            let mut bytes = Vec::new();
            File::open(&path)?.take(most as u64).read_to_end(&mut bytes)?;
            Ok((rule.is_private(&bytes), rule.is_unknown(&bytes)))
        };
        let (is_private, is_unknown) = read().map_err(|error| self.unreadable(&path, &error))?;
        if is_unknown {
            self.unknown.push(self.relative(&path).display().to_string());
        }
        Ok(is_private)
    }

    /// Makes the entry of a file or a link.
    fn entry(&self, found: &DirEntry) -> Result<Entry, String> {
        let path = found.path();
        let relative = self.relative(&path);
        let about = found.metadata().map_err(|error| self.unreadable(&path, &error))?;
        if !about.is_file() && !about.is_symlink() {
            return Err(format!("{} is no regular file: name it in {IGNORE_FILE}", relative.display()));
        }
        let Some(name) = relative.to_str().map(str::to_owned) else {
            return Err(format!("the name of {} is not UTF-8: rename it", relative.display()));
        };
        if about.is_symlink() {
            let target = fs::read_link(&path).map_err(|error| self.unreadable(&path, &error))?;
            let Some(target) = target.to_str().map(str::to_owned) else {
                return Err(format!("{name} is a link to {}, which is not UTF-8: rename that", target.display()));
            };
            return Ok(Entry { name, size: target.len() as u64, content: Content::Link(target) });
        }
        let executable = about.permissions().mode() & 0o111 != 0;
        Ok(Entry { name, size: about.len(), content: Content::File { path, executable } })
    }

    fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }

    fn unreadable(&self, path: &Path, error: &io::Error) -> String {
        format!("{} cannot be read: {error}", self.relative(path).display())
    }
}

/// Returns the mistake of a folder that is too large, before it is packed.
fn too_large(entries: &mut [Entry]) -> Option<Finding> {
    let found = entries.iter().map(|entry| entry.size).sum();
    if found <= UNZIPPED_LIMIT {
        return None;
    }
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.size));
    let largest = entries.iter().take(LARGEST_NAMED).map(|entry| format!("{} ({} bytes)", entry.name, entry.size));
    let largest = largest.collect::<Vec<_>>().join(", ");
    let rule = PackageError::TooLargeUnzipped { found, limit: UNZIPPED_LIMIT };
    Some(Finding::whole(format!("{rule}; the largest are {largest}; {IGNORE_FILE} may name what is not needed")))
}

fn write_zip(entries: &[Entry], bar: &ProgressBar) -> Result<File, Finding> {
    let packing = |error: &dyn std::error::Error| Finding::whole(format!("cannot be packed: {error}"));
    let file = tempfile::tempfile().map_err(|error| packing(&error))?;
    let mut zip = ZipWriter::new(BufWriter::new(file));
    for entry in entries {
        add(&mut zip, entry).map_err(|error| Finding::whole(format!("{} cannot be packed: {error}", entry.name)))?;
        bar.tick();
    }
    let mut written = zip.finish().map_err(|error| packing(&error))?;
    written.flush().map_err(|error| packing(&error))?;
    written.into_inner().map_err(|error| packing(&error))
}

fn add(zip: &mut ZipWriter<BufWriter<File>>, entry: &Entry) -> io::Result<()> {
    // Every file gets 1980-01-01, the earliest time that a zip can hold.
    let options = SimpleFileOptions::default().last_modified_time(zip::DateTime::default());
    let (path, executable) = match &entry.content {
        Content::File { path, executable } => (path, *executable),
        Content::Link(target) => return Ok(zip.add_symlink(&entry.name, target, options)?),
    };
    zip.start_file(&entry.name, options.unix_permissions(if executable { EXECUTABLE } else { REGULAR }))?;
    let mut file = BufReader::new(File::open(path)?);
    io::copy(&mut file, zip).map(drop)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
