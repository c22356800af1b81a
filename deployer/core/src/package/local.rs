//! The header before an entry's data (APPNOTE 4.3.7), which must say what the directory says.

use super::entry::DEFLATED;
use super::extra::Extra;
use super::fields::Fields;
use super::item::Item;
use super::limits::LOCAL_HEADER;
use super::scan::Signature;

/// What a local header begins with.
pub(super) const SIGNATURE: Signature = *b"PK\x03\x04";
/// The name is UTF-8.
const UTF8: u16 = 1 << 11;
/// How hard deflate tried (APPNOTE 4.4.4).
const EFFORT: u16 = 1 << 1 | 1 << 2;

/// How long a local header is, of which at least the fixed part is given.
pub(super) fn length(header: &[u8]) -> Option<u64> {
    let mut fields = Fields(header);
    fields.take(26)?;
    let (name, extra) = (fields.u16()?, fields.u16()?);
    Some(LOCAL_HEADER + u64::from(name) + u64::from(extra))
}

/// Whether a whole local header is the one that the directory describes.
pub(super) fn agrees(header: &[u8], item: &Item) -> bool {
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
    let unpacked = zip64.long(unpacked)?;
    let packed = zip64.long(packed)?;
    // Who writes as a stream knows them only afterwards, and leaves zeros here.
    let says = |found: u64, listed: u64| found == listed || (item.is_streamed() && found == 0);
    // 7-Zip does not unpack an entry whose flags differ in anything else.
    let of_name = if name.is_ascii() { UTF8 } else { 0 };
    let of_method = if method == DEFLATED { EFFORT } else { 0 };
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
