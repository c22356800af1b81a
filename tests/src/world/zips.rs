//! Zips in a word, and zips that no zip library writes: each entry's header says what the test wants it to say.
//!
//! Good zips come from [`crate::fixtures`].

use crate::fixtures::Zip;

/// A good zip without a manifest; another label is another code.
#[must_use]
pub fn code(label: &str) -> Vec<u8> {
    Zip::code(label).build().unwrap()
}

/// A good zip that a function can be created from.
#[must_use]
pub fn function(label: &str) -> Vec<u8> {
    Zip::function(label).build().unwrap()
}

/// A good zip with this manifest.
#[must_use]
pub fn with_manifest(label: &str, manifest: &str) -> Vec<u8> {
    Zip::code(label).manifest(manifest).build().unwrap()
}

/// An entry, with what its headers say.
#[derive(Debug, Clone)]
pub struct Raw {
    /// Its name, whatever that is.
    pub name: String,
    /// Its bytes.
    pub body: Vec<u8>,
    /// The flags: 1 is "encrypted".
    pub flags: u16,
    /// The Unix mode with the file's type.
    pub mode: u32,
    /// 0 is stored, 8 deflated.
    pub method: u16,
    /// The size that it says it unpacks to, if it lies.
    pub unpacks_to: Option<u32>,
}

impl Raw {
    /// A plain file.
    #[must_use]
    pub fn file(name: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { name: name.to_owned(), body: body.into(), flags: 0, mode: 0o100_644, method: 0, unpacks_to: None }
    }

    /// A program that `provided.*` runtimes start.
    #[must_use]
    pub fn bootstrap(content: &str) -> Self {
        Self { mode: 0o100_755, ..Self::file("bootstrap", format!("#!/bin/sh\n# {content}\n")) }
    }
}

/// The zip of these entries, all of them stored.
///
/// # Panics
/// If it has more than 4 GB.
#[must_use]
pub fn raw(entries: &[Raw]) -> Vec<u8> {
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let at = u32::try_from(zip.len()).unwrap();
        // Nobody looks at the checksum of a large body here, and this way of computing it is slow.
        let crc = if entry.body.len() < 100_000 { crc32(&entry.body) } else { 0 };
        let size = u32::try_from(entry.body.len()).unwrap();
        let mut shared = Vec::new();
        shared.extend([entry.flags, entry.method, 0, 0x21].map(u16::to_le_bytes).concat());
        shared.extend([crc, size, entry.unpacks_to.unwrap_or(size)].map(u32::to_le_bytes).concat());
        shared.extend([u16::try_from(entry.name.len()).unwrap(), 0].map(u16::to_le_bytes).concat());

        zip.extend(b"PK\x03\x04\x14\x00");
        zip.extend(&shared);
        zip.extend(entry.name.as_bytes());
        zip.extend(&entry.body);

        // Made on Unix (3); no comment, disk 0, no internal attributes.
        directory.extend(b"PK\x01\x02\x14\x03\x14\x00");
        directory.extend(&shared);
        directory.extend([0; 6]);
        directory.extend([entry.mode << 16, at].map(u32::to_le_bytes).concat());
        directory.extend(entry.name.as_bytes());
    }
    let (at, size) = (u32::try_from(zip.len()).unwrap(), u32::try_from(directory.len()).unwrap());
    let count = u16::try_from(entries.len()).unwrap();
    zip.extend(directory);
    zip.extend(b"PK\x05\x06\x00\x00\x00\x00");
    zip.extend([count, count].map(u16::to_le_bytes).concat());
    zip.extend([size, at].map(u32::to_le_bytes).concat());
    zip.extend([0, 0]);
    zip
}

/// A good zip of about so many bytes; the label makes its code another.
#[must_use]
pub fn large(label: &str, bytes: usize, manifest: Option<&str>) -> Vec<u8> {
    let mut entries = vec![Raw::file("ballast", vec![b'x'; bytes]), Raw::bootstrap(label)];
    entries.extend(manifest.map(|text| Raw::file("function.toml", text)));
    raw(&entries)
}

/// ISO 3309, as APPNOTE 4.4.7 wants it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}
