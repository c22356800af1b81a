//! One entry of the central directory (APPNOTE 4.3.12) and the rules it has to obey on its own.

use super::error::{Offenders, PackageError, shown};
use super::fields::Fields;
use super::{LOCAL_HEADER, RATIO_LIMIT};

const SIGNATURE: [u8; 4] = *b"PK\x01\x02";
const ZIP64_EXTRA: u16 = 1;

/// APPNOTE 4.4.4: encrypted, strongly encrypted, local header masked because the directory is encrypted.
pub(super) const ENCRYPTION_FLAGS: u16 = 1 | 1 << 6 | 1 << 13;
pub(super) const STORED: u16 = 0;
pub(super) const DEFLATED: u16 = 8;

const UNIX: u8 = 3;
const MACOS: u8 = 19;
const FILE_TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

/// What the directory says of an entry.
pub(super) struct Entry<'a> {
    pub(super) name: &'a [u8],
    made_on: u8,
    flags: u16,
    pub(super) method: u16,
    pub(super) crc32: u32,
    pub(super) packed: u64,
    pub(super) unpacked: u64,
    pub(super) disk: u32,
    attributes: u32,
    /// Where its local header begins.
    pub(super) at: u64,
}

impl<'a> Entry<'a> {
    /// Reads the entry that the bytes begin with; gives back the bytes after it.
    pub(super) fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut fields = Fields(bytes);
        fields.signature(SIGNATURE)?;
        let [_zip_version, made_on] = fields.u16()?.to_le_bytes();
        fields.take(2)?; // the version that is needed
        let (flags, method) = (fields.u16()?, fields.u16()?);
        fields.take(4)?; // time and date
        let crc32 = fields.u32()?;
        let (packed, unpacked) = (fields.u32()?, fields.u32()?);
        let (name, extra, comment) = (fields.u16()?, fields.u16()?, fields.u16()?);
        let disk = fields.u16()?;
        fields.take(2)?; // internal attributes
        let (attributes, at) = (fields.u32()?, fields.u32()?);
        let name = fields.take(name.into())?;
        let extra = fields.take(extra.into())?;
        fields.take(comment.into())?;

        // APPNOTE 4.5.3: the zip64 field holds those values, in this order, that are all ones in the header.
        let mut zip64 = Zip64(zip64_extra(extra));
        let unpacked = zip64.long(unpacked)?;
        let packed = zip64.long(packed)?;
        let at = zip64.long(at)?;
        let disk = zip64.disk(disk)?;
        Some((Self { name, made_on, flags, method, crc32, packed, unpacked, disk, attributes, at }, fields.0))
    }

    /// The name, if it is text.
    pub(super) fn text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.name).ok()
    }

    /// The first byte that is certainly not the entry's: after its local header, name and data.
    pub(super) fn least_end(&self) -> Option<u64> {
        self.at.checked_add(LOCAL_HEADER)?.checked_add(self.name.len() as u64)?.checked_add(self.packed)
    }

    pub(super) fn is_folder(&self) -> bool {
        self.name.ends_with(b"/") || self.mode().is_some_and(|mode| mode & FILE_TYPE == FOLDER)
    }

    /// Whether somebody may execute it. A zip from a system without modes says nothing of it, which counts as no.
    pub(super) fn is_executable(&self) -> bool {
        self.mode().is_some_and(|mode| mode & 0o111 != 0)
    }

    /// The Unix mode, if the zip was made where there are modes.
    fn mode(&self) -> Option<u32> {
        matches!(self.made_on, UNIX | MACOS).then_some(self.attributes >> 16)
    }

    fn is_special(&self) -> bool {
        match self.mode() {
            Some(mode) => !matches!(mode & FILE_TYPE, 0 | REGULAR | FOLDER),
            // Some unzip programs make links whatever the system of the zip.
            None => (self.attributes >> 16) & FILE_TYPE == LINK,
        }
    }

    fn is_absolute(&self) -> bool {
        matches!(self.name, [b'/' | b'\\', ..])
            || matches!(self.name, [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic())
    }

    fn has_part(&self, like: fn(&[u8]) -> bool) -> bool {
        self.name.strip_suffix(b"/").unwrap_or(self.name).split(|byte| *byte == b'/').any(like)
    }

    fn shown_with_method(&self) -> String {
        format!("{} (method {})", shown(self.name), self.method)
    }

    fn shown_with_sizes(&self) -> String {
        format!("{} ({} bytes unpack to {})", shown(self.name), self.packed, self.unpacked)
    }
}

/// What is left of the zip64 field, if there is one.
struct Zip64<'a>(Option<Fields<'a>>);

impl Zip64<'_> {
    fn long(&mut self, value: u32) -> Option<u64> {
        if value == u32::MAX { self.0.as_mut()?.u64() } else { Some(value.into()) }
    }

    fn disk(&mut self, value: u16) -> Option<u32> {
        if value == u16::MAX { self.0.as_mut()?.u32() } else { Some(value.into()) }
    }
}

/// Finds the zip64 field. Extra fields that make no sense are left alone: some tools pad with zeros.
fn zip64_extra(extra: &[u8]) -> Option<Fields<'_>> {
    let mut fields = Fields(extra);
    loop {
        let (id, length) = (fields.u16()?, fields.u16()?);
        let data = fields.take(length.into())?;
        if id == ZIP64_EXTRA {
            return Some(Fields(data));
        }
    }
}

/// A rule that an entry can break on its own.
pub(super) struct Rule {
    pub(super) broken: fn(&Entry<'_>) -> bool,
    pub(super) shown: fn(&Entry<'_>) -> String,
    pub(super) error: fn(Offenders) -> PackageError,
}

const fn rule(broken: fn(&Entry<'_>) -> bool, error: fn(Offenders) -> PackageError) -> Rule {
    Rule { broken, shown: |e| shown(e.name), error }
}

/// The rules in the order in which they are reported.
pub(super) const RULES: [Rule; 11] = [
    rule(|e| e.flags & ENCRYPTION_FLAGS != 0, PackageError::Encrypted),
    Rule {
        broken: |e| !matches!(e.method, STORED | DEFLATED),
        shown: |e| e.shown_with_method(),
        error: PackageError::Method,
    },
    rule(|e| e.text().is_none(), PackageError::NotUtf8),
    rule(|e| e.name.contains(&0), PackageError::Nul),
    rule(|e| e.is_absolute(), PackageError::Absolute),
    rule(|e| e.name.contains(&b'\\'), PackageError::Backslash),
    rule(|e| e.has_part(|part| part == b".."), PackageError::Parent),
    rule(|e| e.has_part(|part| part.is_empty() || part == b"."), PackageError::EmptyPart),
    rule(|e| e.is_special(), PackageError::Special),
    Rule {
        broken: |e| e.method == STORED && e.packed != e.unpacked,
        shown: |e| e.shown_with_sizes(),
        error: PackageError::StoredSizes,
    },
    Rule {
        broken: |e| e.unpacked > e.packed.saturating_mul(RATIO_LIMIT),
        shown: |e| e.shown_with_sizes(),
        error: PackageError::Ratio,
    },
];
