//! The header before an entry's data (APPNOTE 4.3.7), which must say what the directory says.

use super::LOCAL_HEADER;
use super::directory::Item;
use super::entry::ENCRYPTION_FLAGS;
use super::extra::Extra;
use super::fields::Fields;

/// What a local header begins with.
pub(super) const SIGNATURE: [u8; 4] = *b"PK\x03\x04";
/// Checksum and sizes come after the data.
const DESCRIPTOR_FLAG: u16 = 1 << 3;
const DESCRIPTOR_SIGNATURE: [u8; 4] = *b"PK\x07\x08";

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
    let deferred = flags & DESCRIPTOR_FLAG != 0;
    let says = |found: u64, listed: u64| found == listed || (deferred && found == 0);
    Some(
        flags & ENCRYPTION_FLAGS == 0
            && method == item.method
            && name == item.name.as_bytes()
            && !extra.has_another_name(name)
            && says(crc32.into(), item.crc32.into())
            && says(packed, item.packed)
            && says(unpacked, item.unpacked),
    )
}

/// Whether these bytes between an entry's data and the next are its data descriptor (APPNOTE 4.3.9): checksum and sizes, of
/// four bytes or eight, with a signature or without.
pub(super) fn is_descriptor(bytes: &[u8], item: &Item) -> bool {
    let bytes = bytes.strip_prefix(&DESCRIPTOR_SIGNATURE).unwrap_or(bytes);
    let mut fields = Fields(bytes);
    let Some(crc32) = fields.u32() else { return false };
    let sizes = match fields.0.len() {
        8 => fields.u32().map(u64::from).zip(fields.u32().map(u64::from)),
        16 => fields.u64().zip(fields.u64()),
        _ => None,
    };
    crc32 == item.crc32 && sizes == Some((item.packed, item.unpacked))
}
