//! Makes a whole zip again of one that chance has changed: without it nearly all end at a checksum or an offset.
//!
//! Names, modes, flags, extra fields, data and comments stay as chance made them.

use std::io::Read as _;

use flate2::Crc;
use flate2::read::DeflateDecoder;

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
/// More is not unpacked here.
const MOST: u64 = 1 << 20;

/// Mends, in its place, as much of it as is there.
pub fn mend(zip: &mut [u8]) {
    let Some(end) = places(zip, END).last().copied() else { return };
    let centrals: Vec<usize> = places(&zip[..end], CENTRAL);
    let Some(directory) = centrals.first().copied() else { return };
    let locals: Vec<usize> = places(&zip[..directory], LOCAL);
    for (index, (central, local)) in centrals.iter().zip(&locals).enumerate() {
        let until = locals.get(index + 1).copied().unwrap_or(directory);
        let _mended = entry(zip, *central, *local, until);
    }
    let (entries, size) = (number(centrals.len()), number(end - directory));
    write(zip, end + 8, &entries[..2]);
    write(zip, end + 10, &entries[..2]);
    write(zip, end + 12, &size);
    write(zip, end + 16, &number(directory));
}

/// The header before an entry's data says what the directory says, and both what is true of the data.
fn entry(zip: &mut [u8], central: usize, local: usize, until: usize) -> Option<()> {
    write(zip, central + 42, &number(local));
    let same = zip.get(central + 6..central + 16)?.to_vec();
    let name_length = u16_at(zip, central + 28)?;
    let name = zip.get(central + 46..central + 46 + name_length)?.to_vec();
    if u16_at(zip, local + 26)? != name_length {
        return None;
    }
    let from = local + 30 + name_length + u16_at(zip, local + 28)?;
    let data = zip.get(from..until)?.to_vec();
    let unpacked = match u16_at(zip, central + 10)? {
        8 => unpack(&data)?,
        _ => data.clone(),
    };
    let mut crc = Crc::new();
    crc.update(&unpacked);
    let about: Vec<u8> = [crc.sum().to_le_bytes(), number(data.len()), number(unpacked.len())].concat();
    write(zip, local + 4, &same);
    write(zip, local + 30, &name);
    write(zip, local + 14, &about);
    write(zip, central + 16, &about);
    Some(())
}

fn unpack(data: &[u8]) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    DeflateDecoder::new(data).take(MOST).read_to_end(&mut unpacked).ok()?;
    Some(unpacked)
}

fn places(bytes: &[u8], signature: [u8; 4]) -> Vec<usize> {
    bytes.windows(4).enumerate().filter(|(_, four)| **four == signature).map(|(at, _)| at).collect()
}

fn number(value: usize) -> [u8; 4] {
    u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    let two = bytes.get(at..at + 2)?;
    Some(usize::from(two[0]) | usize::from(two[1]) << 8)
}

fn write(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}
