//! Packs a folder as a zip: the same folder gives the same bytes on every machine and at any time.
//!
//! Entries are sorted by name and have one fixed time. Permissions are reduced to the executable bit. Folders have no
//! entries of their own. Links are packed as links and never followed; the reader of the zip checks their targets.
//! `.lambdaignore` excludes paths by gitignore's rules; `.lambdaignore` itself and `.git` are excluded too.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use deployer_core::package::{PackageError, UNZIPPED_LIMIT};
use ignore::{DirEntry, WalkBuilder};
use indicatif::ProgressBar;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::zips::Finding;

/// The file that names paths to exclude.
const IGNORE_FILE: &str = ".lambdaignore";
/// Paths that are never packed.
const NOT_PACKED: [&str; 2] = [".git", IGNORE_FILE];
/// The number of largest files that the error for a too large folder names.
const LARGEST_NAMED: usize = 3;
const EXECUTABLE: u32 = 0o755;
const REGULAR: u32 = 0o644;

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

/// Packs a folder into a temporary file without a name, which disappears when it is closed.
///
/// # Errors
/// The paths that cannot be packed.
pub(super) fn pack(folder: &Path, bar: &ProgressBar) -> Result<File, Vec<Finding>> {
    let entries = entries(folder)?;
    write_zip(&entries, bar).map_err(|found| vec![found])
}

/// Returns the files and links, sorted by name.
fn entries(folder: &Path) -> Result<Vec<Entry>, Vec<Finding>> {
    // A link to the folder is followed; links within it are packed as links.
    let root = folder.canonicalize().map_err(|error| vec![Finding::whole(format!("cannot be read: {error}"))])?;
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    let mut walk = WalkBuilder::new(&root);
    walk.standard_filters(false).add_custom_ignore_filename(IGNORE_FILE);
    walk.filter_entry(|entry| entry.depth() == 0 || NOT_PACKED.iter().all(|name| entry.file_name() != *name));
    for found in walk.build() {
        match found.map_err(|error| error.to_string()).and_then(|found| entry(&root, &found)) {
            Ok(entry) => entries.extend(entry),
            Err(message) => problems.push(Finding::whole(message)),
        }
    }
    problems.extend(too_large(&mut entries));
    if entries.is_empty() && problems.is_empty() {
        problems.push(Finding::whole("there is nothing in it to be packed"));
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    if problems.is_empty() { Ok(entries) } else { Err(problems) }
}

/// Makes the entry of a file or a link; a folder has none.
fn entry(root: &Path, found: &DirEntry) -> Result<Option<Entry>, String> {
    // A wrong line of an ignore file is an error, because the other lines would be applied all the same.
    if let Some(error) = found.error() {
        return Err(error.to_string());
    }
    let path = found.path();
    let relative = path.strip_prefix(root).unwrap_or(path);
    let kind = found.file_type().ok_or_else(|| format!("{} cannot be read", relative.display()))?;
    if kind.is_dir() {
        return Ok(None);
    }
    if !kind.is_file() && !kind.is_symlink() {
        return Err(format!("{} is no regular file: name it in {IGNORE_FILE}", relative.display()));
    }
    let Some(name) = relative.to_str().map(str::to_owned) else {
        return Err(format!("the name of {} is not UTF-8: rename it", relative.display()));
    };
    if kind.is_symlink() {
        let target = std::fs::read_link(path).map_err(|error| format!("{name} cannot be read: {error}"))?;
        let Some(target) = target.to_str().map(str::to_owned) else {
            return Err(format!("{name} is a link to {}, which is not UTF-8: rename that", target.display()));
        };
        return Ok(Some(Entry { name, size: target.len() as u64, content: Content::Link(target) }));
    }
    let about = found.metadata().map_err(|error| error.to_string())?;
    let executable = about.permissions().mode() & 0o111 != 0;
    let content = Content::File { path: path.to_owned(), executable };
    Ok(Some(Entry { name, size: about.len(), content }))
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
    fn same_folder_made_in_any_order_gives_same_bytes() {
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
    fn paths_in_lambdaignore_and_git_folder_are_not_packed() {
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
    fn ignore_files_above_the_folder_are_ignored() {
        let above = folder(&[(".lambdaignore", "*\n"), (".gitignore", "*\n"), ("function/bootstrap", "#!/bin/sh\n")]);
        assert_eq!(names(&above.path().join("function")), ["bootstrap"]);
    }

    fn link(folder: &TempDir, name: &str, to: &str) {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(to, path).unwrap();
    }

    /// Makes a tree like those of npm and pnpm: links to files, to folders, through other links, and to a layer.
    fn linked() -> TempDir {
        let folder = folder(&[
            ("function.toml", "runtime = \"nodejs22.x\"\nhandler = \"index.handler\"\n"),
            ("index.js", "exports.handler = 1\n"),
            ("node_modules/.pnpm/a@1/node_modules/a/bin/a.js", "#!/usr/bin/env node\n"),
        ]);
        link(&folder, "node_modules/.bin/a", "../a/bin/a.js");
        link(&folder, "node_modules/a", ".pnpm/a@1/node_modules/a");
        link(&folder, "node_modules/layered", "/opt/nodejs/node_modules/layered");
        link(&folder, "nowhere", "node_modules/b");
        folder
    }

    #[test]
    fn links_are_packed_as_links_and_never_followed() {
        let folder = linked();
        let mut archive = zip::ZipArchive::new(packed(folder.path()).unwrap()).unwrap();
        let mut links = Vec::new();
        for at in 0..archive.len() {
            let mut entry = archive.by_index(at).unwrap();
            if entry.unix_mode() == Some(0o120_777) {
                let mut target = String::new();
                entry.read_to_string(&mut target).unwrap();
                assert_eq!(entry.compression(), zip::CompressionMethod::Stored);
                links.push(format!("{} -> {target}", entry.name().unwrap()));
            }
        }
        assert_eq!(
            links,
            [
                "node_modules/.bin/a -> ../a/bin/a.js",
                "node_modules/a -> .pnpm/a@1/node_modules/a",
                "node_modules/layered -> /opt/nodejs/node_modules/layered",
                "nowhere -> node_modules/b",
            ]
        );
        assert_eq!(archive.len(), 7);
        assert_eq!(inspect(&bytes(folder.path())).unwrap().entries, 7);
    }

    #[test]
    fn same_folder_with_links_gives_the_same_bytes() {
        assert_eq!(bytes(linked().path()), bytes(linked().path()));
        let other = linked();
        fs::remove_file(other.path().join("nowhere")).unwrap();
        link(&other, "nowhere", "node_modules/c");
        assert_ne!(bytes(linked().path()), bytes(other.path()));
    }

    #[test]
    fn links_out_of_the_zip_are_refused_unless_excluded() {
        let folder = folder(&[("bootstrap", "#!/bin/sh\n"), (".lambdaignore", "node_modules/.bin\n")]);
        for name in ["current", "node_modules/.bin/tool"] {
            link(&folder, name, "/etc/hostname");
        }
        link(&folder, "node_modules/up", "../../secret");
        let error = inspect(&bytes(folder.path())).unwrap_err().to_string();
        let which = "`current` to `/etc/hostname`, `node_modules/up` to `../../secret`;";
        assert!(error.starts_with("the zip has symbolic links that lead out of it: "), "{error}");
        assert!(error.contains(which), "{error}");
        fs::remove_file(folder.path().join("current")).unwrap();
        fs::remove_file(folder.path().join("node_modules/up")).unwrap();
        link(&folder, "one", "other");
        link(&folder, "other", "one");
        let error = inspect(&bytes(folder.path())).unwrap_err().to_string();
        assert!(error.starts_with("the zip has symbolic links that lead in circles"), "{error}");
    }

    #[test]
    fn link_to_the_folder_is_followed() {
        let folder = folder(&[("dist/bootstrap", "#!/bin/sh\n")]);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path().join("dist"), &link).unwrap();
        assert_eq!(names(&link), ["bootstrap"]);
    }

    #[test]
    fn invalid_line_of_lambdaignore_is_an_error() {
        let folder = folder(&[(".lambdaignore", "*.log\n{a,b\n"), ("bootstrap", "#!/bin/sh\n")]);
        let problems = packed(folder.path()).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains(".lambdaignore: line 2"), "{problems:?}");
    }

    #[test]
    fn empty_or_too_large_folder_is_refused() {
        let empty = folder(&[(".lambdaignore", "*.log\n"), ("a.log", "")]);
        assert_eq!(packed(empty.path()).unwrap_err(), ["there is nothing in it to be packed"]);
        let large = folder(&[("bootstrap", "#!/bin/sh\n")]);
        File::create(large.path().join("model.bin")).unwrap().set_len(300_000_000).unwrap();
        let problems = packed(large.path()).unwrap_err();
        assert_eq!(
            problems,
            ["the zip unpacks to 300000010 bytes, more than Lambda's 262144000 (250 MB): put less into it, or use \
              layers; the largest are model.bin (300000000 bytes), bootstrap (10 bytes); .lambdaignore may name what is \
              not needed"]
        );
    }
}
