//! An entry of the central directory (APPNOTE 4.3.12), and the rules that each entry must obey on its own.

use super::attributes::{Attributes, FOLDER, REGULAR};
use super::error::PackageError;
use super::extra::Extra;
use super::fields::Fields;
use super::limits::{LOCAL_HEADER, RATIO_LIMIT};
use super::offenders::{Offenders, shown};

const SIGNATURE: [u8; 4] = *b"PK\x01\x02";

/// The flags of encryption: encrypted, strongly encrypted, local header masked because the directory is encrypted
/// (APPNOTE 4.4.4).
const ENCRYPTION_FLAGS: u16 = 1 | 1 << 6 | 1 << 13;
/// The flag of data that are a patch for other data (APPNOTE 4.4.4).
const PATCH_FLAG: u16 = 1 << 5;
/// The newest version of the format that Info-ZIP unpacks. Only methods and encryption that are refused here need a
/// later one (APPNOTE 4.4.3).
const NEWEST_VERSION: u8 = 46;
pub(super) const STORED: u16 = 0;
pub(super) const DEFLATED: u16 = 8;

/// The permissions for others count, because Lambda runs a function as a user who owns none of its files.
const OTHERS_READ: u32 = 0o004;
const OTHERS_EXECUTE: u32 = 0o001;

/// The kinds of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A folder: its name ends with a slash.
    Folder,
    /// A symbolic link: its data are the path that it leads to.
    Link,
}

/// An entry as the directory describes it.
pub(super) struct Entry<'a> {
    pub(super) name: &'a [u8],
    extra: &'a [u8],
    /// The version of the format that a reader needs; 20 means 2.0.
    needed_version: u8,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc32: u32,
    pub(super) packed: u64,
    pub(super) unpacked: u64,
    pub(super) disk: u32,
    attributes: Attributes,
    /// The offset of its local header.
    pub(super) offset: u64,
}

impl<'a> Entry<'a> {
    /// Reads the entry at the beginning of the bytes. Returns it with the bytes that follow.
    pub(super) fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut fields = Fields(bytes);
        fields.signature(SIGNATURE)?;
        let [_zip_version, made_on] = fields.u16()?.to_le_bytes();
        let [needed_version, _system] = fields.u16()?.to_le_bytes();
        let (flags, method) = (fields.u16()?, fields.u16()?);
        fields.take(4)?; // time and date
        let crc32 = fields.u32()?;
        let (packed, unpacked) = (fields.u32()?, fields.u32()?);
        let (name, extra, comment) = (fields.u16()?, fields.u16()?, fields.u16()?);
        let disk = fields.u16()?;
        fields.take(2)?; // internal attributes
        let (bits, offset) = (fields.u32()?, fields.u32()?);
        let attributes = Attributes { made_on, bits };
        let name = fields.take(name.into())?;
        let extra = fields.take(extra.into())?;
        fields.take(comment.into())?;

        let mut zip64 = Extra(extra).zip64();
        let unpacked = zip64.value(unpacked)?;
        let packed = zip64.value(packed)?;
        let offset = zip64.value(offset)?;
        let disk = zip64.disk(disk)?;
        let entry =
            Self { name, extra, needed_version, flags, method, crc32, packed, unpacked, disk, attributes, offset };
        Some((entry, fields.0))
    }

    /// Returns the name, if it is UTF-8.
    pub(super) fn text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.name).ok()
    }

    /// Returns the lowest possible end of the entry: local header, name and data without extra fields.
    pub(super) fn least_end(&self) -> Option<u64> {
        self.offset.checked_add(LOCAL_HEADER)?.checked_add(self.name.len() as u64)?.checked_add(self.packed)
    }

    pub(super) fn kind(&self) -> Kind {
        match self.has_name_of_folder() {
            true => Kind::Folder,
            false if self.attributes.is_link() => Kind::Link,
            false => Kind::File,
        }
    }

    /// Whether others may execute it. It is false for a zip from a system without modes.
    pub(super) fn is_executable(&self) -> bool {
        self.attributes.mode().is_some_and(|mode| mode & OTHERS_EXECUTE != 0)
    }

    fn has_name_of_folder(&self) -> bool {
        self.name.ends_with(b"/")
    }

    fn is_special(&self) -> bool {
        match self.attributes.may_be_link() {
            true => self.has_name_of_folder(),
            false => !matches!(self.attributes.file_type(), None | Some(0 | REGULAR | FOLDER)),
        }
    }

    fn is_unclear_link(&self) -> bool {
        self.attributes.may_be_link() && !self.attributes.is_link()
    }

    /// Whether readers disagree on file or folder: some go by the name and others by the attributes. A folder with data
    /// is unclear too.
    fn is_unclear_folder(&self) -> bool {
        if self.has_name_of_folder() { self.unpacked > 0 } else { self.attributes.may_be_folder() }
    }

    /// Whether others have this permission. A mode without a file type counts as no mode: it is a tool's default
    /// (Python writes 600).
    fn allows_others(&self, what: u32) -> bool {
        let has_type = self.attributes.file_type().is_some_and(|found| found != 0);
        !has_type || self.attributes.mode().is_some_and(|mode| mode & what != 0)
    }

    fn is_unreadable(&self) -> bool {
        self.kind() == Kind::File && !self.allows_others(OTHERS_READ)
    }

    fn is_not_enterable(&self) -> bool {
        self.kind() == Kind::Folder && !self.allows_others(OTHERS_EXECUTE)
    }

    fn is_absolute(&self) -> bool {
        matches!(self.name, [b'/' | b'\\', ..])
            // bsdtar takes a letter with a colon for a drive, and removes it.
            || matches!(self.name, [drive, b':', ..] if drive.is_ascii_alphabetic())
    }

    fn has_part(&self, like: fn(&[u8]) -> bool) -> bool {
        self.name.strip_suffix(b"/").unwrap_or(self.name).split(|byte| *byte == b'/').any(like)
    }

    /// Whether a Unicode-path field has another name. Some tools write the name once more in it, and some readers go by
    /// that.
    fn has_another_name(&self) -> bool {
        Extra(self.extra).has_another_name(self.name)
    }

    fn has_torn_extra(&self) -> bool {
        Extra(self.extra).is_torn()
    }

    /// Whether some readers do not unpack it: it needs a later version, or is a patch (Python refuses those).
    fn is_beyond_deflate(&self) -> bool {
        self.needed_version > NEWEST_VERSION || self.flags & PATCH_FLAG != 0
    }

    fn shown_with_need(&self) -> String {
        match self.needed_version > NEWEST_VERSION {
            true => {
                format!(
                    "{} (needs version {}.{}, deflate is 2.0)",
                    shown(self.name),
                    self.needed_version / 10,
                    self.needed_version % 10
                )
            }
            false => format!("{} (a patch)", shown(self.name)),
        }
    }

    fn shown_with_method(&self) -> String {
        format!("{} (method {})", shown(self.name), self.method)
    }

    fn shown_with_mode(&self) -> String {
        format!("{} (mode {:o})", shown(self.name), self.attributes.mode().unwrap_or_default() & 0o7777)
    }

    fn shown_with_system(&self) -> String {
        format!("{} (of system {}, Unix is 3)", shown(self.name), self.attributes.made_on)
    }

    fn shown_with_sizes(&self) -> String {
        format!("{} ({} bytes unpack to {})", shown(self.name), self.packed, self.unpacked)
    }
}

/// A rule for single entries.
pub(super) struct Rule {
    pub(super) broken: fn(&Entry<'_>) -> bool,
    pub(super) shown: fn(&Entry<'_>) -> String,
    pub(super) error: fn(Offenders) -> PackageError,
}

const fn rule(broken: fn(&Entry<'_>) -> bool, error: fn(Offenders) -> PackageError) -> Rule {
    Rule { broken, shown: |e| shown(e.name), error }
}

const fn shown_rule(
    broken: fn(&Entry<'_>) -> bool,
    shown: fn(&Entry<'_>) -> String,
    error: fn(Offenders) -> PackageError,
) -> Rule {
    Rule { broken, shown, error }
}

/// The rules, in the order in which they are reported.
pub(super) const RULES: [Rule; 19] = [
    rule(|e| e.flags & ENCRYPTION_FLAGS != 0, PackageError::Encrypted),
    shown_rule(|e| !matches!(e.method, STORED | DEFLATED), |e| e.shown_with_method(), PackageError::Method),
    shown_rule(|e| e.is_beyond_deflate(), |e| e.shown_with_need(), PackageError::BeyondDeflate),
    rule(|e| e.text().is_none(), PackageError::NotUtf8),
    rule(|e| e.name.contains(&0), PackageError::Nul),
    rule(|e| e.is_absolute(), PackageError::Absolute),
    rule(|e| e.name.contains(&b'\\'), PackageError::Backslash),
    rule(|e| e.has_part(|part| part == b".."), PackageError::Parent),
    rule(|e| e.has_part(|part| part == b"."), PackageError::DotPart),
    rule(|e| e.has_part(<[u8]>::is_empty), PackageError::EmptyPart),
    rule(|e| e.has_torn_extra(), PackageError::TornExtra),
    rule(|e| e.has_another_name(), PackageError::AnotherName),
    rule(|e| e.is_special(), PackageError::Special),
    shown_rule(|e| e.is_unclear_link(), |e| e.shown_with_system(), PackageError::UnclearLink),
    rule(|e| e.is_unclear_folder(), PackageError::UnclearFolder),
    shown_rule(|e| e.is_unreadable(), |e| e.shown_with_mode(), PackageError::Unreadable),
    shown_rule(|e| e.is_not_enterable(), |e| e.shown_with_mode(), PackageError::Impassable),
    shown_rule(|e| e.method == STORED && e.packed != e.unpacked, |e| e.shown_with_sizes(), PackageError::StoredSizes),
    shown_rule(|e| e.unpacked > e.packed.saturating_mul(RATIO_LIMIT), |e| e.shown_with_sizes(), PackageError::Ratio),
];
