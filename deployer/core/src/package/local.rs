//! The header before an entry's data (APPNOTE 4.3.7), which must agree with the directory.

use super::entry::DEFLATED;
use super::extra::Extra;
use super::fields::Fields;
use super::item::Item;
use super::limits::LOCAL_HEADER;
use super::scan::Signature;

/// The first bytes of a local header.
pub(super) const SIGNATURE: Signature = *b"PK\x03\x04";
/// The flag of a name in UTF-8.
const UTF8: u16 = 1 << 11;
/// The flags of deflate's compression level (APPNOTE 4.4.4).
const COMPRESSION_LEVEL: u16 = 1 << 1 | 1 << 2;

/// Returns the length of a local header. At least its fixed part must be given.
pub(super) fn length(header: &[u8]) -> Option<u64> {
    let mut fields = Fields(header);
    fields.take(26)?;
    let (name, extra) = (fields.u16()?, fields.u16()?);
    Some(LOCAL_HEADER + u64::from(name) + u64::from(extra))
}

/// Whether a whole local header agrees with the directory.
pub(super) fn matches_directory(header: &[u8], item: &Item) -> bool {
    fields_agree(header, item).unwrap_or(false)
}

fn fields_agree(header: &[u8], item: &Item) -> Option<bool> {
    let mut fields = Fields(header);
    fields.signature(SIGNATURE)?;
    fields.take(2)?; // the version that is needed
    let (flags, method) = (fields.u16()?, fields.u16()?);
    fields.take(4)?; // time and date
    let (crc32, packed, unpacked) = (fields.u32()?, fields.u32()?, fields.u32()?);
    let (name, extra) = (fields.u16()?, fields.u16()?);
    let name = fields.take(name.into())?;
    let extra = Extra(fields.take(extra.into())?);
    let mut zip64 = extra.zip64();
    let unpacked = zip64.value(unpacked)?;
    let packed = zip64.value(packed)?;
    // A writer of streams knows these values only afterwards, and leaves zeros here.
    let says = |found: u64, listed: u64| found == listed || (item.is_streamed() && found == 0);
    // 7-Zip does not unpack an entry if its flags differ in anything but these.
    let of_name = if name.is_ascii() { UTF8 } else { 0 };
    let of_method = if method == DEFLATED { COMPRESSION_LEVEL } else { 0 };
    Some(
        (flags ^ item.flags) & !(of_name | of_method) == 0
            && method == item.method
            && name == item.name.as_bytes()
            && !extra.is_torn()
            && !extra.has_another_name(name)
            && says(crc32.into(), item.crc32.into())
            && says(packed, item.packed)
            && says(unpacked, item.unpacked),
    )
}
