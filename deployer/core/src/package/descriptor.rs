//! The data descriptor (APPNOTE 4.3.9): checksum and sizes that follow the data of an entry that was zipped as a
//! stream.

use super::fields::Fields;
use super::item::Item;
use super::scan::Signature;

/// Flag bit 3: checksum and sizes follow the data.
pub(super) const FLAG: u16 = 1 << 3;
pub(super) const SIGNATURE: Signature = *b"PK\x07\x08";
/// The longest descriptor: a signature, the checksum, and two sizes of eight bytes.
pub(super) const LONGEST: u64 = 24;

/// Returns the length of an entry's descriptor at the beginning of these bytes: its sizes have four or eight bytes,
/// with or without a signature. None if its values are not the entry's.
pub(super) fn length(bytes: &[u8], item: &Item) -> Option<usize> {
    let signed = bytes.strip_prefix(&SIGNATURE).and_then(|rest| unsigned(rest, item)).map(|length| 4 + length);
    signed.or_else(|| unsigned(bytes, item))
}

fn unsigned(bytes: &[u8], item: &Item) -> Option<usize> {
    let mut fields = Fields(bytes);
    if fields.u32()? != item.crc32 {
        return None;
    }
    let (mut long, mut short) = (Fields(fields.0), fields);
    let sizes = (item.packed, item.unpacked);
    if long.u64().zip(long.u64()) == Some(sizes) {
        return Some(4 + 8 + 8);
    }
    let short = short.u32().zip(short.u32()).map(|(packed, unpacked)| (packed.into(), unpacked.into()));
    (short == Some(sizes)).then_some(4 + 4 + 4)
}
