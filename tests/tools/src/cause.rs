//! Properties of the entries of a zip that a difference is about.

use super::compare::Difference;
use super::parts::{Block, Part, Parts, header, record};

const STREAMED: u16 = 1 << 3;
const UTF8: u16 = 1 << 11;
const STORED: u16 = 0;
const LINK: u16 = 0o120_000;
const FILE_TYPE: u16 = 0o170_000;
const ZIP64: u16 = 1;

/// A difference, and the zip in which it was found.
#[derive(Debug)]
pub struct Case {
    /// The entry's name; empty for a difference about the whole zip.
    name: String,
    parts: Parts,
}

impl Case {
    /// Returns the case of a difference in this zip; `None` if the zip cannot be taken apart.
    #[must_use]
    pub fn of(difference: &Difference, zip: &[u8]) -> Option<Self> {
        Some(Self { name: difference.name.clone(), parts: Parts::of(zip)? })
    }

    /// Returns the entries that the difference names, or all entries if it names none.
    fn named(&self) -> impl Iterator<Item = (&Part, &Block)> {
        let is_meant = |listed: &Block| self.name.is_empty() || listed.name == self.name.as_bytes();
        self.listed().filter(move |(_, listed)| is_meant(listed))
    }

    fn listed(&self) -> impl Iterator<Item = (&Part, &Block)> {
        self.parts.parts.iter().filter_map(|part| Some((part, part.record.as_ref()?)))
    }

    /// Whether an entry is a link.
    pub(super) fn has_link(&self) -> bool {
        self.named().any(|(_, listed)| is_link(listed))
    }

    /// Whether an entry is a link with compressed data.
    pub(super) fn has_packed_link(&self) -> bool {
        self.named().any(|(_, listed)| is_link(listed) && listed.u16(record::METHOD) != STORED)
    }

    /// Whether an entry is a link to an absolute path.
    pub(super) fn has_absolute_link(&self) -> bool {
        self.named().any(|(part, listed)| is_link(listed) && unpacked(part, listed).starts_with(b"/"))
    }

    /// Whether a name has letters beyond ASCII and is not marked as UTF-8.
    pub(super) fn is_unmarked_name(&self) -> bool {
        self.named().any(|(_, listed)| is_unmarked(listed))
    }

    /// Whether the name is an unmarked one, read with one letter for each of its bytes.
    pub(super) fn is_unmarked_name_read_by_bytes(&self) -> bool {
        let found: Vec<char> = self.name.chars().collect();
        let is_like = |name: &[u8]| {
            let fits = |(byte, letter): (&u8, &char)| {
                if byte.is_ascii() { char::from(*byte) == *letter } else { !letter.is_ascii() }
            };
            name.len() == found.len() && name.iter().zip(&found).all(fits)
        };
        self.listed().any(|(_, listed)| is_unmarked(listed) && is_like(&listed.name))
    }

    /// Whether an entry's comment is not UTF-8.
    pub(super) fn has_strange_comment(&self) -> bool {
        self.listed().any(|(_, listed)| std::str::from_utf8(&listed.comment).is_err())
    }

    /// Whether an entry is streamed and stored without compression.
    pub(super) fn has_stored_stream(&self) -> bool {
        self.listed().any(|(part, _)| is_streamed(part) && part.header.u16(header::METHOD) == STORED)
    }

    /// Whether a folder is marked as streamed and has no descriptor.
    pub(super) fn has_folder_without_descriptor(&self) -> bool {
        self.listed()
            .any(|(part, _)| is_streamed(part) && part.header.name.ends_with(b"/") && descriptor(part).is_none())
    }

    /// Whether a folder is marked as streamed and has no descriptor with a signature.
    pub(super) fn has_folder_without_signature(&self) -> bool {
        let is_signed = |part: &Part| part.after.starts_with(b"PK\x07\x08");
        self.listed().any(|(part, _)| is_streamed(part) && part.header.name.ends_with(b"/") && !is_signed(part))
    }

    /// Whether a descriptor has sizes of eight bytes without a zip64 field in the header that announces them.
    pub(super) fn has_unannounced_long_sizes(&self) -> bool {
        self.named().any(|(part, _)| descriptor(part) == Some(8) && part.header.field(ZIP64).is_none())
    }

    /// Whether a descriptor has sizes of eight bytes although the header's sizes do not refer to a zip64 field.
    pub(super) fn has_unneeded_long_sizes(&self) -> bool {
        let is_needed = |part: &Part| part.header.u32(header::PACKED) == u32::MAX && part.header.field(ZIP64).is_some();
        self.named().any(|(part, _)| descriptor(part) == Some(8) && !is_needed(part))
    }

    /// Whether a zip64 field is longer or shorter than the fields that refer to it.
    pub(super) fn has_unneeded_field(&self) -> bool {
        let is_right = |listed: &Block, length: usize| {
            let long = [record::PACKED, record::UNPACKED, record::PLACE];
            let needed = long.into_iter().filter(|at| listed.u32(*at) == u32::MAX).count() * 8;
            length == needed + if listed.u16(record::DISK) == u16::MAX { 4 } else { 0 }
        };
        self.listed().any(|(_, listed)| listed.field(ZIP64).is_some_and(|data| !is_right(listed, data.len())))
    }

    /// Whether an entry that is not from Unix has an unmarked name.
    pub(super) fn has_unmarked_name_of_another_system(&self) -> bool {
        self.listed().any(|(_, listed)| is_unmarked(listed) && listed.fixed.get(record::HOST) != Some(&3))
    }

    /// Whether a descriptor has sizes of four bytes although a zip64 field in the header announces eight.
    pub(super) fn has_announced_short_sizes(&self) -> bool {
        self.named().any(|(part, _)| descriptor(part) == Some(4) && part.header.field(ZIP64).is_some())
    }

    /// Whether a header's sizes are in its zip64 field.
    pub(super) fn has_long_sizes(&self) -> bool {
        self.named()
            .any(|(part, _)| [header::PACKED, header::UNPACKED].into_iter().any(|at| part.header.u32(at) == u32::MAX))
    }

    /// Whether the end record refers to the zip64 end record.
    pub(super) fn has_needed_long_end(&self) -> bool {
        self.parts.zip64.is_some_and(|zip64| zip64.is_needed)
    }

    /// Whether there are bytes before the first entry.
    pub(super) fn has_stub(&self) -> bool {
        !self.parts.before.is_empty()
    }

    /// Whether an entry from DOS or NTFS has the attribute of a reparse point.
    pub(super) fn has_reparse_point(&self) -> bool {
        let is_of_windows = |listed: &Block| matches!(listed.fixed.get(record::HOST), Some(0 | 11));
        self.named().any(|(_, listed)| is_of_windows(listed) && listed.u16(record::DOS) & 0x400 != 0)
    }
}

fn is_link(listed: &Block) -> bool {
    listed.u16(record::MODE) & FILE_TYPE == LINK
}

fn is_unmarked(listed: &Block) -> bool {
    !listed.name.is_ascii() && listed.u16(record::FLAGS) & UTF8 == 0
}

fn is_streamed(part: &Part) -> bool {
    part.header.u16(header::FLAGS) & STREAMED != 0
}

fn unpacked(part: &Part, listed: &Block) -> Vec<u8> {
    use std::io::Read as _;
    let mut out = Vec::new();
    match listed.u16(record::METHOD) {
        STORED => out.extend(&part.data),
        _ => drop(flate2::read::DeflateDecoder::new(&part.data[..]).read_to_end(&mut out)),
    }
    out
}

/// Returns the number of bytes of each size in an entry's descriptor; `None` without a descriptor. An accepted zip has
/// the right descriptors.
fn descriptor(part: &Part) -> Option<usize> {
    let listed = part.record.as_ref().filter(|_| is_streamed(part))?;
    let after = part.after.strip_prefix(b"PK\x07\x08").unwrap_or(&part.after);
    if after.get(..4)? != listed.u32(record::CRC).to_le_bytes() {
        return None;
    }
    let size = u64::try_from(part.data.len()).ok()?.to_le_bytes();
    let (long, short) = (after.get(..20).and_then(|all| all.get(4..12)), after.get(..12).and_then(|all| all.get(4..8)));
    let is_long = long.is_some_and(|found| found == size).then_some(8);
    is_long.or_else(|| short.is_some_and(|found| size.starts_with(found)).then_some(4))
}
