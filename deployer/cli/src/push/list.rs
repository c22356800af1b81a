//! `deployctl push --list`: what would go up.

use std::fmt;

use deployer_core::id::Sha256;
use deployer_core::package::Package;
use serde::Serialize;

use super::super::answer::one_line;
use super::super::names::Names;
use super::super::source_zip::Listed;
use super::super::zips;
use super::{Answer, CheckedZip, CliError, Exit, Options, refused};

/// The contents of a zip that is not uploaded.
#[derive(Debug, Serialize)]
struct Listing {
    entries: Vec<Listed>,
    /// The number of files.
    files: usize,
    /// The bytes of all files, unzipped.
    unzipped: u64,
    /// The bytes of the zip.
    size: u64,
    /// The manifest's name; null where there is none.
    manifest: Option<&'static str>,
    sha256: Sha256,
    /// The files and folders that look private and are not in the zip.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<Names>,
}

/// Lists what would go up, and uploads nothing.
///
/// # Errors
/// The zip or the folder cannot be read.
pub(super) fn run(options: &Options) -> Result<Answer, CliError> {
    let CheckedZip { zip, package, .. } = match options.check()? {
        Ok(checked) => checked,
        Err(findings) => return Ok(refused(options, &findings)),
    };
    let cannot = |error| CliError::failed(format!("{} cannot be listed: {error}", options.source.display()));
    let entries = zip.list().map_err(cannot)?;
    let Package { sha256, size, unzipped, files, manifest, .. } = package;
    let manifest = manifest.map(|(format, _)| format.file_name());
    let listing = Listing { entries, files, unzipped, size, manifest, sha256, left_out: zip.left_out().cloned() };
    Ok(Answer::of(&listing, Exit::Done))
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entries, files, unzipped, size, manifest, sha256, .. } = self;
        let width = entries.iter().map(|entry| entry.size.to_string().len()).max().unwrap_or_default();
        for Listed { path, size, link } in entries {
            let link = if *link { " (a link)" } else { "" };
            writeln!(f, "{size:>width$}  {}{link}", one_line(path))?;
        }
        let note = zips::manifest_note(*manifest);
        writeln!(f, "{files} files of {unzipped} bytes; the zip has {size} bytes, {note}\n  sha256 {sha256}")?;
        writeln!(f, "nothing is uploaded")
    }
}
