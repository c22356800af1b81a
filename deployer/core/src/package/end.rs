//! The end of a zip: the record that says where the central directory is (APPNOTE 4.3.14 to 4.3.16).
//!
//! Stricter than common readers on purpose. They search, guess and correct, each in its own way, so a zip could
//! hold one thing for us and another for Lambda. Here the end has to be unmistakable: one record whose comment ends
//! with the object, directly after the directory, with absolute offsets, and a zip64 record that agrees with it.

use super::error::PackageError;
use super::fields::Fields;

const SIGNATURE: [u8; 4] = *b"PK\x05\x06";
const LOCATOR_SIGNATURE: [u8; 4] = *b"PK\x06\x07";
const ZIP64_SIGNATURE: [u8; 4] = *b"PK\x06\x06";

const RECORD: usize = 22;
const LOCATOR: usize = 20;
const MAX_COMMENT: usize = 65_535;
/// The part of a zip64 record that its own size does not count.
const ZIP64_LEAD: u64 = 12;
/// A zip64 record without extensible data, as its own size counts it.
const ZIP64_LEAST: u64 = 44;
/// Nobody writes extensible data; this is generous.
const ZIP64_MOST: u64 = 65_536;

/// All end records lie within so many bytes of the object's end: comment, record, locator and zip64 record.
pub(super) const REACH: u64 = 262_144;

/// Where the directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub(super) from: u64,
    pub(super) until: u64,
    pub(super) entries: u64,
}

/// The classic record, or the zip64 one: the fields that both have.
#[derive(Clone, Copy)]
struct Record {
    disk: u64,
    directory_disk: u64,
    entries_here: u64,
    entries: u64,
    size: u64,
    from: u64,
}

/// Finds the directory by the last bytes of an object. `tail` holds the last [`REACH`] bytes or the whole object.
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
    let said = record.from.saturating_add(record.size);
    if said != until {
        return Err(PackageError::Misplaced { said, found: until });
    }
    Ok(End { from: record.from, until, entries: record.entries })
}

/// Where in the tail the classic record begins, and what it says.
fn locate(size: u64, tail: &[u8]) -> Result<(usize, Record), PackageError> {
    let start = tail.len().saturating_sub(RECORD + MAX_COMMENT);
    let region = tail.get(start..).unwrap_or_default();
    let signatures = || region.windows(4).enumerate().filter(|(_, bytes)| **bytes == SIGNATURE);
    let mut fitting = signatures().filter_map(|(at, _)| Some((start + at, classic(region.get(at..)?)?)));
    match (fitting.next(), fitting.next()) {
        // Readers that search from the end would take one in the comment for the end, or stumble over it.
        (Some((at, _)), None) if tail.get(at + 1..).unwrap_or_default().windows(4).any(|bytes| *bytes == SIGNATURE) => {
            Err(PackageError::AmbiguousEnd)
        }
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(PackageError::AmbiguousEnd),
        (None, _) if signatures().next().is_some() => Err(PackageError::UnclearEnd),
        (None, _) => Err(no_zip(if size == tail.len() as u64 { tail } else { &[] })),
    }
}

/// Reads a classic record whose comment takes all the rest.
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

/// The zip64 record and where it begins, if there is a locator for one directly before the classic record.
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

/// Reads a zip64 record that takes all the bytes given.
fn zip64_record(bytes: &[u8]) -> Option<Record> {
    let mut fields = Fields(bytes);
    fields.signature(ZIP64_SIGNATURE)?;
    let size = fields.u64()?;
    let whole = size.checked_add(ZIP64_LEAD)? == bytes.len() as u64;
    if !whole || !(ZIP64_LEAST..=ZIP64_MOST).contains(&size) {
        return None;
    }
    fields.take(4)?; // by and for which version: of no use
    Some(Record {
        disk: fields.u32()?.into(),
        directory_disk: fields.u32()?.into(),
        entries_here: fields.u64()?,
        entries: fields.u64()?,
        size: fields.u64()?,
        from: fields.u64()?,
    })
}

/// Whether each field of the classic record refers to the zip64 record or says the same.
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

/// What an object without an end of central directory seems to be, if all of it is at hand.
fn no_zip(whole: &[u8]) -> PackageError {
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
    } else {
        PackageError::NotAZip
    }
}
