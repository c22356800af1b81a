//! A zip written byte by byte, right or wrong: no zip library would write most of these.
#![allow(clippy::unwrap_used, reason = "a mistake in a test ends the test")]

use std::io::Write as _;

use flate2::{Compression, Crc, write::DeflateEncoder};

/// The host system whose modes are Unix modes.
pub const UNIX: u8 = 3;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// The flag for sizes and checksum that follow the data (APPNOTE 4.4.4).
const DESCRIPTOR: u16 = 1 << 3;

/// An entry as it is to be written.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The name in the directory.
    pub name: Vec<u8>,
    /// The name in the local header, where that is another one.
    pub local_name: Option<Vec<u8>>,
    /// The extra fields in the directory.
    pub extra: Vec<u8>,
    /// The system that the zip says it was made on.
    pub host: u8,
    /// The Unix mode, with the type of the file.
    pub mode: u32,
    /// The attributes below the mode: those of DOS.
    pub dos: u32,
    /// The flags, in the directory and in the local header.
    pub flags: u16,
    /// The flags of the local header, where they are others.
    pub local_flags: Option<u16>,
    /// The method of compression.
    pub method: u16,
    /// The checksum of the unpacked data.
    pub crc32: u32,
    /// The packed data.
    pub data: Vec<u8>,
    /// The size that the local header gives the packed data, where it is another one.
    pub local_packed: Option<u32>,
    /// The size of the unpacked data.
    pub unpacked: u32,
    /// Whether the directory lists it.
    pub is_listed: bool,
    /// Whether checksum and sizes follow its data where its flags say so.
    pub is_described: bool,
    /// Bytes between it and the next entry.
    pub gap: Vec<u8>,
}

/// Packs data as every zip tool does.
#[must_use]
pub fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// The checksum of APPNOTE 4.4.7.
#[must_use]
pub fn checksum(data: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(data);
    crc.sum()
}

impl Entry {
    /// A file that everybody may read; a folder where the name ends with a slash.
    #[must_use]
    pub fn file(name: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Self {
        let stored = Self::stored(name, &body);
        if stored.name.ends_with(b"/") {
            return stored;
        }
        Self { method: DEFLATED, data: deflate(body.as_ref()), ..stored }
    }

    /// The same, not compressed.
    #[must_use]
    pub fn stored(name: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Self {
        let (name, body) = (name.as_ref().to_vec(), body.as_ref());
        Self {
            mode: if name.ends_with(b"/") { 0o040_755 } else { 0o100_644 },
            method: STORED,
            crc32: checksum(body),
            unpacked: size(body),
            name,
            local_name: None,
            extra: Vec::new(),
            host: UNIX,
            dos: 0,
            flags: 0,
            local_flags: None,
            data: body.to_vec(),
            local_packed: None,
            is_listed: true,
            is_described: true,
            gap: Vec::new(),
        }
    }

    /// A folder.
    #[must_use]
    pub fn folder(name: &str) -> Self {
        Self::file(format!("{name}/"), b"")
    }

    /// A link.
    #[must_use]
    pub fn link(name: &str, to: &str) -> Self {
        Self::file(name, to).mode(0o120_777)
    }

    /// The same with this mode.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// The same, written as a stream: its sizes and its checksum follow its data.
    #[must_use]
    pub fn streamed(self) -> Self {
        Self { flags: self.flags | DESCRIPTOR, ..self }
    }

    /// The same with whatever is changed.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

fn size(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap()
}

fn short(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap()
}

fn u16s(out: &mut Vec<u8>, values: &[u16]) {
    values.iter().for_each(|value| out.extend(value.to_le_bytes()));
}

fn u32s(out: &mut Vec<u8>, values: &[u32]) {
    values.iter().for_each(|value| out.extend(value.to_le_bytes()));
}

/// The header of an entry, its data, and what follows them where it is written as a stream (APPNOTE 4.3.7 to 4.3.9).
fn local(entry: &Entry, out: &mut Vec<u8>) {
    let name = entry.local_name.as_ref().unwrap_or(&entry.name);
    let sizes = [entry.crc32, entry.local_packed.unwrap_or(size(&entry.data)), entry.unpacked];
    let flags = entry.local_flags.unwrap_or(entry.flags);
    let is_streamed = flags & DESCRIPTOR != 0;
    out.extend(b"PK\x03\x04");
    u16s(out, &[20, flags, entry.method, 0, 0x21]);
    u32s(out, if is_streamed { &[0; 3] } else { &sizes });
    u16s(out, &[short(name), 0]);
    out.extend(name);
    out.extend(&entry.data);
    if is_streamed && entry.is_described {
        out.extend(b"PK\x07\x08");
        u32s(out, &sizes);
    }
    out.extend(&entry.gap);
}

/// An entry of the directory (APPNOTE 4.3.12).
fn listed(entry: &Entry, at: u32, out: &mut Vec<u8>) {
    out.extend(b"PK\x01\x02");
    u16s(out, &[u16::from_le_bytes([20, entry.host]), 20, entry.flags, entry.method, 0, 0x21]);
    u32s(out, &[entry.crc32, size(&entry.data), entry.unpacked]);
    u16s(out, &[short(&entry.name), short(&entry.extra), 0, 0, 0]);
    u32s(out, &[entry.mode << 16 | entry.dos, at]);
    out.extend(&entry.name);
    out.extend(&entry.extra);
}

/// The zip of these entries.
#[must_use]
pub fn archive(entries: &[Entry]) -> Vec<u8> {
    commented(entries, b"")
}

/// The same with a comment at its end.
#[must_use]
pub fn commented(entries: &[Entry], comment: &[u8]) -> Vec<u8> {
    behind(b"", entries, comment)
}

/// The same behind other bytes, which its offsets count.
#[must_use]
pub fn behind(stub: &[u8], entries: &[Entry], comment: &[u8]) -> Vec<u8> {
    let (mut out, mut directory) = (stub.to_vec(), Vec::new());
    for entry in entries {
        let at = size(&out);
        local(entry, &mut out);
        if entry.is_listed {
            listed(entry, at, &mut directory);
        }
    }
    let at = size(&out);
    let count = u16::try_from(entries.iter().filter(|entry| entry.is_listed).count()).unwrap();
    out.extend(&directory);
    out.extend(b"PK\x05\x06");
    u16s(&mut out, &[0, 0, count, count]);
    u32s(&mut out, &[size(&directory), at]);
    u16s(&mut out, &[short(comment)]);
    out.extend(comment);
    out
}
