//! Zips as CI would build them, and as it should not, made in memory.

use std::io::{Cursor, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

/// The manifest of [`Zip::function`].
pub const MANIFEST: &str = r#"runtime = "provided.al2023"
handler = "bootstrap"
role = "lambda-execution"
memory_size = 256
timeout = 10
description = "A sample"

[environment.variables]
LOG_LEVEL = "info"

[tags]
team = "samples"
"#;

/// The machine numbers of ELF headers (System V ABI): Lambda's x86_64.
pub const X86_64: u16 = 62;
/// Lambda's arm64.
pub const AARCH64: u16 = 183;

/// A zip could not be made.
pub type ZipError = zip::result::ZipError;

/// A zip in the making: entries in the order in which they will be written.
#[derive(Debug, Clone, Default)]
pub struct Zip {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    name: String,
    body: Vec<u8>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A file with these permissions.
    File { mode: u32 },
    /// A file that is not compressed.
    Stored,
    /// A link to what the body names.
    Symlink,
}

impl Zip {
    /// Nothing yet.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// A good function for `provided.al2023`; another `content` is another code.
    #[must_use]
    pub fn function(content: &str) -> Self {
        Self::empty().executable("bootstrap", script(content)).file("function.toml", MANIFEST)
    }

    /// The same without a manifest.
    #[must_use]
    pub fn code(content: &str) -> Self {
        Self::function(content).without("function.toml")
    }

    /// The files of a folder, with their executable bits, as CI would zip them.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn folder(path: &Path) -> std::io::Result<Self> {
        let mut zip = Self::empty();
        let mut paths: Vec<_> =
            std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
        paths.sort();
        for path in paths.into_iter().filter(|path| path.is_file()) {
            let (name, body) = (path.file_name().unwrap_or_default().to_string_lossy(), std::fs::read(&path)?);
            let is_executable = path.metadata()?.permissions().mode() & 0o111 != 0;
            zip = if is_executable { zip.executable(&name, body) } else { zip.file(&name, body) };
        }
        Ok(zip)
    }

    /// Adds a file, or replaces it.
    #[must_use]
    pub fn file(self, name: &str, body: impl Into<Vec<u8>>) -> Self {
        self.entry(name, body.into(), Kind::File { mode: 0o644 })
    }

    /// Adds a file with the executable bit, or replaces it.
    #[must_use]
    pub fn executable(self, name: &str, body: impl Into<Vec<u8>>) -> Self {
        self.entry(name, body.into(), Kind::File { mode: 0o755 })
    }

    /// Adds a link.
    #[must_use]
    pub fn symlink(self, name: &str, to: &str) -> Self {
        self.entry(name, to.into(), Kind::Symlink)
    }

    /// Replaces the manifest.
    #[must_use]
    pub fn manifest(self, text: &str) -> Self {
        self.file("function.toml", text)
    }

    /// Puts something else into the manifest where this is.
    #[must_use]
    pub fn with(mut self, what: &str, instead: &str) -> Self {
        for entry in self.entries.iter_mut().filter(|entry| entry.name == "function.toml") {
            entry.body = String::from_utf8_lossy(&entry.body).replace(what, instead).into_bytes();
        }
        self
    }

    /// Takes a file out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.entries.retain(|entry| entry.name != name);
        self
    }

    /// Takes the executable bit from a file.
    #[must_use]
    pub fn not_executable(mut self, name: &str) -> Self {
        for entry in self.entries.iter_mut().filter(|entry| entry.name == name) {
            entry.kind = Kind::File { mode: 0o644 };
        }
        self
    }

    /// Makes `bootstrap` an ELF file for this machine: a header, which nobody here runs.
    #[must_use]
    pub fn elf(self, machine: u16) -> Self {
        let mut header = vec![0; 64];
        header[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1]);
        header[16..18].copy_from_slice(&2_u16.to_le_bytes());
        header[18..20].copy_from_slice(&machine.to_le_bytes());
        self.executable("bootstrap", header)
    }

    /// Adds so many megabytes that cannot be compressed: the same ones each time.
    #[must_use]
    pub fn ballast(self, megabytes: usize) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let words = std::iter::repeat_with(move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        });
        let body = words.take(megabytes * 1024 * 1024 / 8).flatten().collect();
        self.entry("ballast", body, Kind::Stored)
    }

    /// The zip's bytes: the same entries give the same bytes.
    ///
    /// # Errors
    /// The zip library's words.
    pub fn build(&self) -> Result<Vec<u8>, ZipError> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for Entry { name, body, kind } in &self.entries {
            let options = SimpleFileOptions::default().last_modified_time(zip::DateTime::default());
            match kind {
                Kind::File { mode } => {
                    zip.start_file(name, options.unix_permissions(*mode))?;
                    zip.write_all(body)?;
                }
                Kind::Stored => {
                    zip.start_file(name, options.compression_method(CompressionMethod::Stored))?;
                    zip.write_all(body)?;
                }
                Kind::Symlink => zip.add_symlink(name, String::from_utf8_lossy(body), options)?,
            }
        }
        Ok(zip.finish()?.into_inner())
    }

    fn entry(mut self, name: &str, body: Vec<u8>, kind: Kind) -> Self {
        let entry = Entry { name: name.to_owned(), body, kind };
        match self.entries.iter_mut().find(|entry| entry.name == name) {
            Some(there) => *there = entry,
            None => self.entries.push(entry),
        }
        self
    }
}

fn script(content: &str) -> String {
    format!("#!/bin/sh\n# {content}\nexit 0\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_same_entries_give_the_same_bytes_and_another_content_others() {
        let bytes = |content| Zip::function(content).build().unwrap();
        assert_eq!(bytes("1.0.0"), bytes("1.0.0"));
        assert_ne!(bytes("1.0.0"), bytes("1.1.0"));
    }

    #[test]
    fn bootstrap_is_executable_unless_it_is_asked_not_to_be() {
        let mode = |zip: &Zip| {
            let mut archive = zip::ZipArchive::new(Cursor::new(zip.build().unwrap())).unwrap();
            archive.by_name("bootstrap").unwrap().unix_mode().unwrap() & 0o777
        };
        assert_eq!(mode(&Zip::function("1")), 0o755);
        assert_eq!(mode(&Zip::function("1").not_executable("bootstrap")), 0o644);
    }

    #[test]
    fn ballast_cannot_be_packed() {
        assert!(Zip::empty().ballast(2).build().unwrap().len() > 2 * 1024 * 1024);
    }
}
