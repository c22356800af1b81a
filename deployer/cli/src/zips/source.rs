//! The zip of a verb's argument: given as it is, or packed from a folder. Every verb that reads code opens it here.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use deployer_core::diagnostics::similar;
use deployer_core::package::{Package, PrivateRule};
use serde::Serialize;
use zip::ZipArchive;

use super::folder;
use super::ignore_rules::IGNORE_FILE;
use crate::answer::{CliError, one_line};
use crate::text::names::Names;
use crate::text::{progress, warning};
use crate::zips::{self, Finding};

/// An open zip that is not checked yet.
#[derive(Debug)]
pub(crate) struct SourceZip {
    /// The zip.
    pub file: File,
    path: PathBuf,
    /// The files and folders that are not packed because they look private; none: the zip was given as it is.
    left_out: Option<Names>,
    /// The key stores that are packed although nobody can tell whether a key is in them.
    unknown: Names,
}

/// The reason why there is no zip.
#[derive(Debug)]
pub(crate) enum NoZip {
    /// The path does not exist or cannot be read.
    Unreadable(String),
    /// The folder cannot be packed.
    Refused(Vec<Finding>),
}

/// A file or a link in a zip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Listed {
    /// The path.
    pub path: String,
    /// The unpacked size in bytes.
    pub size: u64,
    /// Whether it is a symbolic link.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub link: bool,
}

impl SourceZip {
    /// Opens a zip, or packs a folder.
    ///
    /// # Errors
    /// [`NoZip`]
    pub fn open(path: &Path) -> Result<Self, NoZip> {
        let cannot = |error: io::Error| NoZip::Unreadable(unreadable(&error));
        if path.metadata().map_err(cannot)?.is_dir() {
            let waiting = progress::spinner(format!("packing {}", path.display()));
            let folder::Packed { file, left_out, unknown } = folder::pack(path, &waiting).map_err(NoZip::Refused)?;
            return Ok(Self { file, path: path.to_owned(), left_out: Some(left_out), unknown });
        }
        let (left_out, unknown) = Default::default();
        Ok(Self { file: File::open(path).map_err(cannot)?, path: path.to_owned(), left_out, unknown })
    }

    /// Reads the zip as the deployer does. `each` gets all bytes, in order.
    ///
    /// # Errors
    /// The mistakes in it.
    pub fn read(&self, each: impl FnMut(&[u8])) -> Result<Package, Vec<Finding>> {
        let _waiting = progress::spinner(format!("checking {}", self.path.display()));
        zips::read(&self.file, each)
    }

    /// Returns the files that a folder's zip lacks because they look private.
    pub fn left_out(&self) -> Option<&Names> {
        self.left_out.as_ref().filter(|names| !names.is_empty())
    }

    /// Returns the notes about files that look private: those that are left out, or those that a given zip has. The
    /// zip has passed [`SourceZip::read`].
    pub fn notes(&self) -> Vec<String> {
        match &self.left_out {
            Some(left_out) => {
                let left_out = left_out.iter().next().map(|first| left_out_note(left_out, first));
                left_out.into_iter().chain(unknown_note(&self.unknown)).collect()
            }
            None => match self.private_files() {
                Ok((private, unknown)) => {
                    let private = (!private.is_empty()).then(|| {
                        format!(
                            "it has files that look private, and they go up with it: {private}; a folder is packed \
                             without them"
                        )
                    });
                    private.into_iter().chain(unknown_note(&unknown)).collect()
                }
                Err(error) => vec![format!("it was not searched for private files: {error}")],
            },
        }
    }

    /// Prints the notes to standard error.
    pub fn tell(&self) {
        self.notes().iter().for_each(|note| warning::warn(&format!("{}: {note}", self.path.display())));
    }

    /// Lists the files and links, in the zip's order. The zip has passed [`SourceZip::read`].
    ///
    /// # Errors
    /// The zip cannot be read.
    pub fn list(&self) -> io::Result<Vec<Listed>> {
        let mut archive = ZipArchive::new(&self.file)?;
        let mut listed = Vec::new();
        for at in 0..archive.len() {
            let entry = archive.by_index_raw(at)?;
            if !entry.is_dir() {
                listed.push(Listed { path: entry.name()?.into_owned(), size: entry.size(), link: entry.is_symlink() });
            }
        }
        Ok(listed)
    }

    /// Finds the files of a given zip that a folder would be packed without, and those of which nobody can tell.
    fn private_files(&self) -> io::Result<(Names, Names)> {
        let mut archive = ZipArchive::new(&self.file)?;
        let (mut private, mut unknown) = (Names::default(), Names::default());
        for at in 0..archive.len() {
            let mut entry = archive.by_index(at)?;
            let name = entry.name()?.into_owned();
            if entry.is_dir() {
                continue;
            }
            let (folders, file) = name.rsplit_once('/').unwrap_or(("", &name));
            let rule = PrivateRule::of(file);
            let is_private = folders.split('/').any(|folder| PrivateRule::of(folder) == PrivateRule::Name)
                || match rule.bytes_to_read(entry.size()) {
                    _ if rule == PrivateRule::Name => true,
                    Some(most) if !entry.is_symlink() => {
                        let mut bytes = Vec::new();
                        entry.by_ref().take(most as u64).read_to_end(&mut bytes)?;
                        if rule.is_unknown(&bytes) {
                            unknown.push(name.clone());
                        }
                        rule.is_private(&bytes)
                    }
                    _ => false,
                };
            if is_private {
                private.push(name);
            }
        }
        Ok((private, unknown))
    }
}

impl NoZip {
    /// Makes the error of a verb that was given this path.
    pub fn error(self, path: &Path) -> CliError {
        match self {
            Self::Unreadable(message) => {
                let hint = if path.exists() { String::new() } else { similar_path(path) };
                CliError::wrong_use(format!("{} {message}{hint}", path.display()))
            }
            Self::Refused(findings) => zips::invalid_zip(path, &findings),
        }
    }
}

/// Names the folder or the zip beside a path that does not exist which may be meant.
fn similar_path(path: &Path) -> String {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_source =
        |path: &Path| path.is_dir() || path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip"));
    let beside = fs::read_dir(folder).into_iter().flatten().flatten().filter(|entry| is_source(&entry.path()));
    let mut names: Vec<String> = beside.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable();
    let name = path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
    let meant = similar(&name, names.iter().map(String::as_str)).map(|near| path.with_file_name(near));
    meant.map_or(String::new(), |near| format!("; did you mean {}?", one_line(&near.display().to_string())))
}

/// Says why a path cannot be read, in plain words where it does not exist.
pub(crate) fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

fn unknown_note(unknown: &Names) -> Option<String> {
    let note = || format!("nobody can tell whether a private key is in these key stores, and they go up: {unknown}");
    (!unknown.is_empty()).then(note)
}

fn left_out_note(left_out: &Names, first: &str) -> String {
    format!("left out as private or needless: {left_out}; a line such as !{first} in {IGNORE_FILE} packs it")
}
