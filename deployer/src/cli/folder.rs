//! A folder as a zip: the same folder gives the same bytes, on every machine and at any time.
//!
//! Entries are sorted by name and all of one time; of permissions only the executable bit counts. Folders have no entries of
//! their own. What `.lambdaignore` names (by gitignore's rules) stays out, and so do `.lambdaignore` and `.git`.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use deployer_core::package::{PackageError, UNZIPPED_LIMIT};
use ignore::{DirEntry, WalkBuilder};
use indicatif::ProgressBar;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::zips::Found;

/// Names what is not to be packed.
const IGNORE_FILE: &str = ".lambdaignore";
/// Never packed.
const NOT_PACKED: [&str; 2] = [".git", IGNORE_FILE];
/// So many of the largest files are named where they are too much together.
const NAMED: usize = 3;
const EXECUTABLE: u32 = 0o755;
const PLAIN: u32 = 0o644;

/// A file that belongs into the zip.
#[derive(Debug)]
struct Entry {
    /// With forward slashes, from the folder's root.
    name: String,
    path: PathBuf,
    executable: bool,
    size: u64,
}

/// Packs a folder into a temporary file, which has no name and goes away by itself.
///
/// # Errors
/// All that cannot be packed.
pub(super) fn pack(folder: &Path, bar: &ProgressBar) -> Result<File, Vec<Found>> {
    let entries = entries(folder)?;
    zipped(&entries, bar).map_err(|found| vec![found])
}

/// The files, sorted by name.
fn entries(folder: &Path) -> Result<Vec<Entry>, Vec<Found>> {
    // A link to a folder is that folder; only within it are links refused.
    let root = folder.canonicalize().map_err(|error| vec![Found::whole(format!("cannot be read: {error}"))])?;
    let (mut entries, mut wrong) = (Vec::new(), Vec::new());
    let mut walk = WalkBuilder::new(&root);
    walk.standard_filters(false).add_custom_ignore_filename(IGNORE_FILE);
    walk.filter_entry(|entry| entry.depth() == 0 || NOT_PACKED.iter().all(|name| entry.file_name() != *name));
    for found in walk.build() {
        match found.map_err(|error| error.to_string()).and_then(|found| entry(&root, &found)) {
            Ok(entry) => entries.extend(entry),
            Err(message) => wrong.push(Found::whole(message)),
        }
    }
    wrong.extend(too_large(&mut entries));
    if entries.is_empty() && wrong.is_empty() {
        wrong.push(Found::whole("there is nothing in it to be packed"));
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    if wrong.is_empty() { Ok(entries) } else { Err(wrong) }
}

/// A file; nothing for a folder.
fn entry(root: &Path, found: &DirEntry) -> Result<Option<Entry>, String> {
    // A line of an ignore file that is none; other lines would have counted.
    if let Some(error) = found.error() {
        return Err(error.to_string());
    }
    let path = found.path();
    let relative = path.strip_prefix(root).unwrap_or(path);
    let kind = found.file_type().ok_or_else(|| format!("{} cannot be read", relative.display()))?;
    if kind.is_dir() {
        return Ok(None);
    }
    if kind.is_symlink() {
        let to = std::fs::read_link(path).map(|to| format!(" (to {})", to.display())).unwrap_or_default();
        return Err(format!(
            "{} is a symbolic link{to}, which a zip must not have: put the file itself there, or name it in {IGNORE_FILE}",
            relative.display()
        ));
    }
    if !kind.is_file() {
        return Err(format!("{} is no regular file: name it in {IGNORE_FILE}", relative.display()));
    }
    let Some(name) = relative.to_str() else {
        return Err(format!("the name of {} is not UTF-8: rename it", relative.display()));
    };
    let about = found.metadata().map_err(|error| error.to_string())?;
    let executable = about.permissions().mode() & 0o111 != 0;
    Ok(Some(Entry { name: name.to_owned(), path: path.to_owned(), executable, size: about.len() }))
}

/// Too much is not even packed.
fn too_large(entries: &mut [Entry]) -> Option<Found> {
    let found = entries.iter().map(|entry| entry.size).sum();
    if found <= UNZIPPED_LIMIT {
        return None;
    }
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.size));
    let largest = entries.iter().take(NAMED).map(|entry| format!("{} ({} bytes)", entry.name, entry.size));
    let largest = largest.collect::<Vec<_>>().join(", ");
    let rule = PackageError::TooLargeUnzipped { found, limit: UNZIPPED_LIMIT };
    Some(Found::whole(format!("{rule}; the largest are {largest}; {IGNORE_FILE} may name what is not needed")))
}

fn zipped(entries: &[Entry], bar: &ProgressBar) -> Result<File, Found> {
    let packing = |error: &dyn std::error::Error| Found::whole(format!("cannot be packed: {error}"));
    let file = tempfile::tempfile().map_err(|error| packing(&error))?;
    let mut zip = ZipWriter::new(BufWriter::new(file));
    for entry in entries {
        add(&mut zip, entry).map_err(|error| Found::whole(format!("{} cannot be packed: {error}", entry.name)))?;
        bar.tick();
    }
    let mut written = zip.finish().map_err(|error| packing(&error))?;
    written.flush().map_err(|error| packing(&error))?;
    written.into_inner().map_err(|error| packing(&error))
}

fn add(zip: &mut ZipWriter<BufWriter<File>>, entry: &Entry) -> io::Result<()> {
    let mode = if entry.executable { EXECUTABLE } else { PLAIN };
    // 1980-01-01: a zip knows no earlier time, and every file gets this one.
    let options = SimpleFileOptions::default().last_modified_time(zip::DateTime::default()).unix_permissions(mode);
    zip.start_file(&entry.name, options)?;
    let mut file = BufReader::new(File::open(&entry.path)?);
    io::copy(&mut file, zip).map(drop)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs::{self, FileTimes, Permissions};
    use std::io::Read as _;
    use std::time::{Duration, SystemTime};

    use deployer_core::package::inspect;
    use tempfile::TempDir;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> TempDir {
        let folder = TempDir::new().unwrap();
        for (name, body) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, body).unwrap();
        }
        folder
    }

    fn bytes(folder: &Path) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut file = packed(folder).unwrap();
        io::Seek::rewind(&mut file).unwrap();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn packed(folder: &Path) -> Result<File, Vec<String>> {
        pack(folder, &ProgressBar::hidden()).map_err(|found| found.iter().map(ToString::to_string).collect())
    }

    fn names(folder: &Path) -> Vec<String> {
        let archive = zip::ZipArchive::new(packed(folder).unwrap()).unwrap();
        archive.file_names().map(|name| name.unwrap().into_owned()).collect()
    }

    #[test]
    fn the_same_folder_gives_the_same_bytes_in_whatever_order_and_when_it_was_made() {
        let files = [("bootstrap", "#!/bin/sh\n"), ("lib/a.txt", "a"), ("lib/b/c.txt", "c"), ("lib.txt", "l")];
        let one = folder(&files);
        let mut backwards = files;
        backwards.reverse();
        let other = folder(&backwards);
        for file in files.map(|(name, _)| other.path().join(name)) {
            let long_ago = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
            File::options().write(true).open(&file).unwrap().set_times(long_ago).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        }
        assert_eq!(bytes(one.path()), bytes(one.path()));
        assert_eq!(bytes(one.path()), bytes(other.path()));
        fs::write(other.path().join("lib/a.txt"), "b").unwrap();
        assert_ne!(bytes(one.path()), bytes(other.path()));
    }

    #[test]
    fn names_are_sorted_with_forward_slashes_and_executable_bits_are_kept() {
        let folder = folder(&[("z", ""), ("lib/x.so", "x"), ("lib-2", ""), ("bootstrap", "#!/bin/sh\n")]);
        fs::set_permissions(folder.path().join("bootstrap"), Permissions::from_mode(0o700)).unwrap();
        assert_eq!(names(folder.path()), ["bootstrap", "lib-2", "lib/x.so", "z"]);
        let mut archive = zip::ZipArchive::new(packed(folder.path()).unwrap()).unwrap();
        let modes: Vec<u32> = (0..4).map(|at| archive.by_index(at).unwrap().unix_mode().unwrap() & 0o777).collect();
        assert_eq!(modes, [0o755, 0o644, 0o644, 0o644]);
        assert!(inspect(&bytes(folder.path())).unwrap().startup.bootstrap.unwrap().executable);
    }

    #[test]
    fn what_lambdaignore_names_stays_out_by_gits_rules_and_so_do_git_and_itself() {
        let folder = folder(&[
            (".lambdaignore", "# not for Lambda\n*.log\n!keep.log\n/target/\ntests/**/data\n\\#odd\n"),
            (".git/HEAD", "ref"),
            (".gitignore", "bootstrap\n"),
            ("bootstrap", "#!/bin/sh\n"),
            ("a.log", ""),
            ("keep.log", ""),
            ("lib/deep.log", ""),
            ("lib/target/kept", ""),
            ("target/debug/x", ""),
            ("tests/a/b/data/x", ""),
            ("#odd", ""),
            (".env", ""),
        ]);
        assert_eq!(names(folder.path()), [".env", ".gitignore", "bootstrap", "keep.log", "lib/target/kept"]);
    }

    #[test]
    fn ignore_files_of_the_folders_above_do_not_count() {
        let above = folder(&[(".lambdaignore", "*\n"), (".gitignore", "*\n"), ("function/bootstrap", "#!/bin/sh\n")]);
        assert_eq!(names(&above.path().join("function")), ["bootstrap"]);
    }

    #[test]
    fn every_link_is_named_unless_it_stays_out_anyhow() {
        let folder = folder(&[("bootstrap", "#!/bin/sh\n"), (".lambdaignore", "node_modules/.bin\n")]);
        fs::create_dir_all(folder.path().join("node_modules/.bin")).unwrap();
        for link in ["current", "node_modules/.bin/tool", "node_modules/link"] {
            std::os::unix::fs::symlink("/etc/hostname", folder.path().join(link)).unwrap();
        }
        let mut wrong = packed(folder.path()).unwrap_err();
        wrong.sort();
        let what = "is a symbolic link (to /etc/hostname), which a zip must not have: put the file itself there, or name \
                    it in .lambdaignore";
        assert_eq!(wrong, [format!("current {what}"), format!("node_modules/link {what}")]);
    }

    #[test]
    fn a_link_to_the_folder_is_the_folder() {
        let folder = folder(&[("dist/bootstrap", "#!/bin/sh\n")]);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path().join("dist"), &link).unwrap();
        assert_eq!(names(&link), ["bootstrap"]);
    }

    #[test]
    fn a_line_of_lambdaignore_that_is_no_pattern_is_a_mistake() {
        let folder = folder(&[(".lambdaignore", "*.log\n{a,b\n"), ("bootstrap", "#!/bin/sh\n")]);
        let wrong = packed(folder.path()).unwrap_err();
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].contains(".lambdaignore: line 2"), "{wrong:?}");
    }

    #[test]
    fn an_empty_folder_and_one_that_is_too_large_are_not_packed() {
        let empty = folder(&[(".lambdaignore", "*.log\n"), ("a.log", "")]);
        assert_eq!(packed(empty.path()).unwrap_err(), ["there is nothing in it to be packed"]);
        let large = folder(&[("bootstrap", "#!/bin/sh\n")]);
        File::create(large.path().join("model.bin")).unwrap().set_len(300_000_000).unwrap();
        let wrong = packed(large.path()).unwrap_err();
        assert_eq!(
            wrong,
            ["the zip unpacks to 300000010 bytes, more than Lambda's 262144000 (250 MB): put less into it, or use \
              layers; the largest are model.bin (300000000 bytes), bootstrap (10 bytes); .lambdaignore may name what is \
              not needed"]
        );
    }
}
