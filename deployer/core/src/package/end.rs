//! The end of a zip: the record that locates the central directory (APPNOTE 4.3.14 to 4.3.16).
//!
//! It is stricter than common readers on purpose. They search, guess and correct, each in its own way, so a zip could
//! contain one thing for us and another for Lambda. Here the end must be unmistakable: one record whose comment ends
//! with the object, directly after the directory, with absolute offsets, and a zip64 record that agrees with it.

use super::error::PackageError;
use super::fields::Fields;
use super::image;

const SIGNATURE: [u8; 4] = *b"PK\x05\x06";
const LOCATOR_SIGNATURE: [u8; 4] = *b"PK\x06\x07";
const ZIP64_SIGNATURE: [u8; 4] = *b"PK\x06\x06";

const RECORD: usize = 22;
const LOCATOR: usize = 20;
const MAX_COMMENT: usize = 65_535;
/// The bytes of a zip64 record that its size field does not count.
const ZIP64_LEAD: u64 = 12;
/// The size field of a zip64 record without extensible data.
const ZIP64_LEAST: u64 = 44;
/// The most that the size field may be. Nobody writes extensible data, so this is generous.
const ZIP64_MOST: u64 = 65_536;

/// All end records are within this many bytes of the object's end: comment, record, locator and zip64 record.
pub(super) const REACH: u64 = 262_144;

/// The place of the directory, and its number of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub(super) from: u64,
    pub(super) until: u64,
    pub(super) entries: u64,
}

/// The fields that the classic and the zip64 record share.
#[derive(Clone, Copy)]
struct Record {
    disk: u64,
    directory_disk: u64,
    entries_here: u64,
    entries: u64,
    size: u64,
    from: u64,
}

/// Finds the directory in the last bytes of an object. `tail` has the last [`REACH`] bytes or the whole object.
pub(super) fn find(size: u64, tail: &[u8]) -> Result<End, PackageError> {
    let (at, classic) = locate(size, tail)?;
    let tail_from = size.saturating_sub(tail.len() as u64);
    let before = tail.get(..at).unwrap_or_default();
    let (record, until) = match zip64(tail_from, before, &classic)? {
        Some(found) => found,
        None => (classic, tail_from.saturating_add(at as u64)),
    };
    if record.disk != 0 || record.directory_disk != 0 || record.entries_here != record.entries {
        return Err(PackageError::MultiDisk);
    }
    let stated = record.from.saturating_add(record.size);
    if stated != until {
        return Err(PackageError::Misplaced { stated, found: until });
    }
    Ok(End { from: record.from, until, entries: record.entries })
}

/// Finds the classic record in the tail.
fn locate(size: u64, tail: &[u8]) -> Result<(usize, Record), PackageError> {
    let start = tail.len().saturating_sub(RECORD + MAX_COMMENT);
    let region = tail.get(start..).unwrap_or_default();
    let signatures = || region.windows(4).enumerate().filter(|(_, bytes)| **bytes == SIGNATURE);
    let mut fitting = signatures().filter_map(|(at, _)| Some((start + at, classic(region.get(at..)?)?)));
    match (fitting.next(), fitting.next()) {
        // A signature in the comment misleads readers that search from the end.
        (Some((at, _)), None) if tail.get(at + 1..).unwrap_or_default().windows(4).any(|bytes| *bytes == SIGNATURE) => {
            Err(PackageError::AmbiguousEnd)
        }
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(PackageError::AmbiguousEnd),
        (None, _) if signatures().next().is_some() => Err(PackageError::UnclearEnd),
        (None, _) => Err(name_other_format(if size == tail.len() as u64 { tail } else { &[] })),
    }
}

/// Reads a classic record whose comment takes all remaining bytes.
fn classic(bytes: &[u8]) -> Option<Record> {
    let mut fields = Fields(bytes);
    fields.signature(SIGNATURE)?;
    let record = Record {
        disk: fields.u16()?.into(),
        directory_disk: fields.u16()?.into(),
        entries_here: fields.u16()?.into(),
        entries: fields.u16()?.into(),
        size: fields.u32()?.into(),
        from: fields.u32()?.into(),
    };
    let comment = fields.u16()?;
    (fields.0.len() == usize::from(comment)).then_some(record)
}

/// Reads the zip64 record and its offset, if a locator stands directly before the classic record.
fn zip64(tail_from: u64, before: &[u8], classic: &Record) -> Result<Option<(Record, u64)>, PackageError> {
    let Some(locator_at) = before.len().checked_sub(LOCATOR) else { return Ok(None) };
    let mut locator = Fields(before.get(locator_at..).unwrap_or_default());
    if locator.signature(LOCATOR_SIGNATURE).is_none() {
        return Ok(None);
    }
    let (Some(disk), Some(from), Some(disks)) = (locator.u32(), locator.u64(), locator.u32()) else {
        return Err(PackageError::BrokenZip64);
    };
    if disk != 0 || disks > 1 {
        return Err(PackageError::MultiDisk);
    }
    let record = from
        .checked_sub(tail_from)
        .and_then(|at| before.get(usize::try_from(at).ok()?..locator_at))
        .and_then(zip64_record)
        .filter(|record| agree(classic, record))
        .ok_or(PackageError::BrokenZip64)?;
    Ok(Some((record, from)))
}

/// Reads a zip64 record that takes all the bytes.
fn zip64_record(bytes: &[u8]) -> Option<Record> {
    let mut fields = Fields(bytes);
    fields.signature(ZIP64_SIGNATURE)?;
    let size = fields.u64()?;
    let whole = size.checked_add(ZIP64_LEAD)? == bytes.len() as u64;
    if !whole || !(ZIP64_LEAST..=ZIP64_MOST).contains(&size) {
        return None;
    }
    fields.take(4)?; // the versions that made it and that are needed
    Some(Record {
        disk: fields.u32()?.into(),
        directory_disk: fields.u32()?.into(),
        entries_here: fields.u64()?,
        entries: fields.u64()?,
        size: fields.u64()?,
        from: fields.u64()?,
    })
}

/// Whether each field of the classic record either refers to the zip64 record or equals it.
fn agree(classic: &Record, zip64: &Record) -> bool {
    let short = |classic: u64, zip64: u64| classic == u64::from(u16::MAX) || classic == zip64;
    let long = |classic: u64, zip64: u64| classic == u64::from(u32::MAX) || classic == zip64;
    short(classic.disk, zip64.disk)
        && short(classic.directory_disk, zip64.directory_disk)
        && short(classic.entries_here, zip64.entries_here)
        && short(classic.entries, zip64.entries)
        && long(classic.size, zip64.size)
        && long(classic.from, zip64.from)
}

/// Names what an object without an end of central directory looks like, if all its bytes are given.
fn name_other_format(whole: &[u8]) -> PackageError {
    let text = whole.trim_ascii_start();
    let begins = |with: &[u8]| text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    if whole.starts_with(b"PK\x03\x04") {
        PackageError::Truncated
    } else if whole.starts_with(&[0x1f, 0x8b]) {
        PackageError::LooksLike("a gzip file")
    } else if whole.get(257..262) == Some(b"ustar") {
        PackageError::LooksLike("a tar archive")
    } else if begins(b"<!doctype html") || begins(b"<html") {
        PackageError::LooksLike("an HTML page")
    } else if image::is_reference(whole) {
        PackageError::ImageReference
    } else {
        PackageError::NotAZip
    }
}
