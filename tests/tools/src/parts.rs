//! Takes a zip apart, so that one part can be changed while the rest still fits.

/// Offsets of the fields of a local header (APPNOTE 4.3.7).
pub(super) mod header {
    pub const VERSION: usize = 4;
    pub const FLAGS: usize = 6;
    pub const METHOD: usize = 8;
    pub const CRC: usize = 14;
    pub const PACKED: usize = 18;
    pub const UNPACKED: usize = 22;
    pub const NAME: usize = 26;
    pub const EXTRA: usize = 28;
    pub const LENGTH: usize = 30;
}

/// Offsets of the fields of an entry of the directory (APPNOTE 4.3.12).
pub(super) mod record {
    pub const MADE_BY: usize = 4;
    pub const HOST: usize = 5;
    pub const VERSION: usize = 6;
    pub const FLAGS: usize = 8;
    pub const METHOD: usize = 10;
    pub const CRC: usize = 16;
    pub const PACKED: usize = 20;
    pub const UNPACKED: usize = 24;
    pub const NAME: usize = 28;
    pub const EXTRA: usize = 30;
    pub const COMMENT: usize = 32;
    pub const DISK: usize = 34;
    pub const DOS: usize = 38;
    pub const MODE: usize = 40;
    pub const PLACE: usize = 42;
    pub const LENGTH: usize = 46;
}

const END: usize = 22;

/// The fixed fields of a header or a record, with its name, extra fields and comment.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) fixed: Vec<u8>,
    pub(super) name: Vec<u8>,
    pub(super) extra: Vec<u8>,
    pub(super) comment: Vec<u8>,
}

impl Block {
    /// Returns the data of the first extra field with this number.
    pub(super) fn field(&self, number: u16) -> Option<&[u8]> {
        let mut rest = &self.extra[..];
        loop {
            let length = usize::from(u16_at(rest, 2)?);
            let data = rest.get(4..4 + length)?;
            if u16_at(rest, 0)? == number {
                return Some(data);
            }
            rest = rest.get(4 + length..)?;
        }
    }

    /// Returns the packed size of a record, which may be in its zip64 field.
    fn packed(&self) -> Option<usize> {
        match self.u32(record::PACKED) {
            u32::MAX if self.u32(record::UNPACKED) == u32::MAX => long(self.field(1)?, 8),
            u32::MAX => long(self.field(1)?, 0),
            packed => usize::try_from(packed).ok(),
        }
    }

    pub(super) fn u16(&self, at: usize) -> u16 {
        u16_at(&self.fixed, at).unwrap_or_default()
    }

    pub(super) fn u32(&self, at: usize) -> u32 {
        u32_at(&self.fixed, at).unwrap_or_default()
    }

    pub(super) fn set16(&mut self, at: usize, value: u16) {
        set(&mut self.fixed, at, &value.to_le_bytes());
    }

    pub(super) fn set32(&mut self, at: usize, value: u32) {
        set(&mut self.fixed, at, &value.to_le_bytes());
    }
}

/// An entry: header, data, the bytes after them, and the directory's record.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) header: Block,
    pub(super) data: Vec<u8>,
    /// The bytes up to the next entry.
    pub(super) after: Vec<u8>,
    /// The directory's record; `None` for an entry that is not listed.
    pub(super) record: Option<Block>,
    /// The error of the entry's offset in the directory.
    pub(super) off: i64,
}

/// A zip.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    pub(super) before: Vec<u8>,
    pub(super) parts: Vec<Part>,
    /// Whether the directory lists the entries in reverse order.
    pub(super) backwards: bool,
    /// The zip64 end record between the directory and the end record.
    pub(super) zip64: Option<Zip64>,
    /// Errors added to fields of the end record: disks, counts, size, offset.
    pub(super) wrong: [u32; 6],
    pub(super) comment: Vec<u8>,
}

/// A zip64 end record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Zip64 {
    /// Whether the classic record refers to it.
    pub(super) is_needed: bool,
    /// The number of entries that it claims beyond the real ones.
    pub(super) more: u64,
}

impl Zip64 {
    /// Returns the offset of the record that the locator before the classic record names.
    fn before(bytes: &[u8], end: usize) -> Option<usize> {
        let locator = end.checked_sub(20)?;
        let is_locator = bytes.get(locator..locator + 4)? == b"PK\x06\x07";
        is_locator.then(|| long(bytes, locator + 8)).flatten()
    }
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn set(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32_at(bytes, at)?).ok()
}

fn cut(bytes: &[u8], from: usize, length: usize) -> Option<Vec<u8>> {
    Some(bytes.get(from..from.checked_add(length)?)?.to_vec())
}

impl Parts {
    /// Takes a zip apart by its directory.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let fits =
            |at: &usize| u16_at(bytes, at + 20).is_some_and(|comment| at + END + usize::from(comment) == bytes.len());
        let is_end = |at: &usize| bytes.get(*at..at + 4) == Some(&b"PK\x05\x06"[..]);
        let end = (0..=bytes.len().checked_sub(END)?).rev().find(|at| is_end(at) && fits(at))?;
        let (count, directory, zip64) = match Zip64::before(bytes, end) {
            Some(at) => {
                let is_needed = u32_at(bytes, end + 16)? == u32::MAX;
                (u16_at(bytes, at + 32)?, long(bytes, at + 48)?, Some(Zip64 { is_needed, more: 0 }))
            }
            None => (u16_at(bytes, end + 10)?, long(bytes, end + 16)?, None),
        };
        let mut records = Vec::new();
        let mut at = directory;
        for _ in 0..count {
            let length = |field| Some(usize::from(u16_at(bytes, at + field)?));
            let (name, extra) = (length(record::NAME)?, length(record::EXTRA)?);
            let comment = length(record::COMMENT)?;
            let from = at + record::LENGTH;
            records.push(Block {
                fixed: cut(bytes, at, record::LENGTH)?,
                name: cut(bytes, from, name)?,
                extra: cut(bytes, from + name, extra)?,
                comment: cut(bytes, from + name + extra, comment)?,
            });
            at = from + name + extra + comment;
        }
        records.sort_by_key(|block| block.u32(record::PLACE));
        let place = |block: &Block| usize::try_from(block.u32(record::PLACE)).ok();
        let mut parts = Vec::new();
        for (index, listed) in records.iter().enumerate() {
            let at = place(listed)?;
            let length = |field| Some(usize::from(u16_at(bytes, at + field)?));
            let (name, extra) = (length(header::NAME)?, length(header::EXTRA)?);
            let (from, packed) = (at + header::LENGTH, listed.packed()?);
            let data = from + name + extra;
            let next = records.get(index + 1).map_or(Some(directory), place)?;
            parts.push(Part {
                header: Block {
                    fixed: cut(bytes, at, header::LENGTH)?,
                    name: cut(bytes, from, name)?,
                    extra: cut(bytes, from + name, extra)?,
                    comment: Vec::new(),
                },
                data: cut(bytes, data, packed)?,
                after: bytes.get(data + packed..next)?.to_vec(),
                record: Some(listed.clone()),
                off: 0,
            });
        }
        let before = bytes.get(..records.first().map_or(Some(directory), place)?)?.to_vec();
        let comment = bytes.get(end + END..)?.to_vec();
        Some(Self { before, parts, backwards: false, zip64, wrong: [0; 6], comment })
    }

    /// Puts the zip together again.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = self.before.clone();
        let mut records = Vec::new();
        for Part { header: block, data, after, record: listed, off } in &self.parts {
            let at = u32::try_from(out.len() as i64 + off).unwrap_or_default();
            if let Some(mut listed) = listed.clone() {
                let lengths =
                    [(record::NAME, &listed.name), (record::EXTRA, &listed.extra), (record::COMMENT, &listed.comment)]
                        .map(|(field, bytes)| (field, short(bytes)));
                lengths.into_iter().for_each(|(field, length)| listed.set16(field, length));
                if listed.u32(record::PLACE) != u32::MAX {
                    listed.set32(record::PLACE, at);
                }
                records.push([listed.fixed, listed.name, listed.extra, listed.comment].concat());
            }
            let mut block = block.clone();
            block.set16(header::NAME, short(&block.name));
            block.set16(header::EXTRA, short(&block.extra));
            out.extend([&block.fixed[..], &block.name, &block.extra, data, after].concat());
        }
        if self.backwards {
            records.reverse();
        }
        let (from, count, directory) = (out.len(), records.len(), records.concat());
        out.extend(&directory);
        if let Some(zip64) = self.zip64 {
            let until = out.len() as u64;
            out.extend(b"PK\x06\x06");
            out.extend(44_u64.to_le_bytes());
            out.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            let counted = count as u64 + zip64.more;
            for value in [counted, counted, directory.len() as u64, from as u64] {
                out.extend(value.to_le_bytes());
            }
            out.extend(b"PK\x06\x07\0\0\0\0");
            out.extend(until.to_le_bytes());
            out.extend(1_u32.to_le_bytes());
        }
        out.extend(b"PK\x05\x06");
        let is_long = self.zip64.is_some_and(|zip64| zip64.is_needed);
        let fields = [0, 0, count, count, directory.len(), from];
        for (index, (field, wrong)) in fields.into_iter().zip(self.wrong).enumerate() {
            let value = u32::try_from(field).unwrap_or(u32::MAX).wrapping_add(wrong);
            match (index, is_long && index > 1) {
                (..4, true) => out.extend(u16::MAX.to_le_bytes()),
                (_, true) => out.extend(u32::MAX.to_le_bytes()),
                (..4, false) => out.extend((value as u16).to_le_bytes()),
                (_, false) => out.extend(value.to_le_bytes()),
            }
        }
        out.extend(short(&self.comment).to_le_bytes());
        out.extend(&self.comment);
        out
    }
}

fn short(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fixtures::packages::corpus;

    #[test]
    fn parts_of_every_plain_fixture_make_the_same_bytes() {
        let taken_apart = corpus().into_iter().filter_map(|fixture| Some((Parts::of(&fixture.bytes)?, fixture)));
        let mut count = 0;
        for (parts, fixture) in taken_apart {
            assert!(parts.bytes() == fixture.bytes, "{}", fixture.name);
            count += 1;
        }
        assert!(count > 60, "only {count}");
    }
}
