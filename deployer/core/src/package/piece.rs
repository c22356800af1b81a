//! The few bytes of an archive that are kept while it streams by: one entry from its local header on.

use std::io::Read;

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

use super::bootstrap::{BootstrapKind, FIRST_BYTES};
use super::entry::{DEFLATED, ENCRYPTION_FLAGS, Entry};
use super::error::PackageError;
use super::fields::Fields;
use super::{LOCAL_HEADER, MANIFEST_LIMIT};

const SIGNATURE: [u8; 4] = *b"PK\x03\x04";
/// The longest extra fields of a local header, whose real length is known only when it is read.
const MAX_EXTRA: u64 = 65_535;
/// How much of a program's data is kept to unpack its first bytes.
const START: u64 = 65_536;

/// An entry whose bytes are wanted.
#[derive(Debug)]
pub(super) struct Piece {
    name: &'static str,
    method: u16,
    crc32: u32,
    packed: u64,
    unpacked: u64,
    /// Where it begins in the archive, and where the bytes that are kept end.
    from: u64,
    until: u64,
    /// Where the next entry, or the directory, begins: the entry's data may not reach beyond.
    room: u64,
    bytes: Vec<u8>,
}

impl Piece {
    /// All of a small entry.
    pub(super) fn whole(name: &'static str, entry: &Entry<'_>, room: u64) -> Result<Self, PackageError> {
        // Deflate makes nothing much larger, so a larger packed size is as wrong as a larger unpacked one.
        if entry.unpacked > MANIFEST_LIMIT || entry.packed > MANIFEST_LIMIT + 1024 {
            return Err(PackageError::ManifestTooLarge { name, limit: MANIFEST_LIMIT });
        }
        Ok(Self::new(name, entry, room, entry.packed))
    }

    /// Enough of an entry to unpack its first bytes.
    pub(super) fn start(name: &'static str, entry: &Entry<'_>, room: u64) -> Self {
        Self::new(name, entry, room, entry.packed.min(START))
    }

    fn new(name: &'static str, entry: &Entry<'_>, room: u64, data: u64) -> Self {
        let Entry { method, crc32, packed, unpacked, at, .. } = *entry;
        let most = LOCAL_HEADER + name.len() as u64 + MAX_EXTRA;
        let until = at.saturating_add(most).saturating_add(data).min(room);
        Self { name, method, crc32, packed, unpacked, from: at, until, room, bytes: Vec::new() }
    }

    /// Keeps what it wants of the archive's bytes from `at` on. Bytes come in order.
    pub(super) fn feed(&mut self, at: u64, bytes: &[u8]) {
        let index = |position: u64| usize::try_from(position.saturating_sub(at)).unwrap_or(usize::MAX).min(bytes.len());
        self.bytes.extend_from_slice(bytes.get(index(self.from)..index(self.until)).unwrap_or_default());
    }

    /// The entry's data as far as they were kept, once its local header is seen to agree with the directory.
    fn data(&self) -> Result<&[u8], PackageError> {
        self.after_header()
            .filter(|data| {
                let before = (self.bytes.len() - data.len()) as u64;
                self.from.saturating_add(before).saturating_add(self.packed) <= self.room
            })
            .map(|data| data.get(..usize::try_from(self.packed).unwrap_or(usize::MAX)).unwrap_or(data))
            .ok_or(PackageError::LocalHeader { name: self.name })
    }

    /// What comes after the local header (APPNOTE 4.3.7), if it is the one that the directory describes.
    fn after_header(&self) -> Option<&[u8]> {
        let mut fields = Fields(&self.bytes);
        fields.signature(SIGNATURE)?;
        fields.take(2)?; // the version that is needed
        let (flags, method) = (fields.u16()?, fields.u16()?);
        fields.take(16)?; // time, date, checksum and sizes: zero where a data descriptor follows
        let (name, extra) = (fields.u16()?, fields.u16()?);
        let name = fields.take(name.into())?;
        fields.take(extra.into())?;
        let agrees = flags & ENCRYPTION_FLAGS == 0 && method == self.method && name == self.name.as_bytes();
        agrees.then_some(fields.0)
    }

    /// The first bytes of what is packed, or the longest part of them that can be unpacked, and whether it could.
    fn unpack(&self, limit: u64) -> Result<(Vec<u8>, std::io::Result<usize>), PackageError> {
        let data = self.data()?;
        let mut bytes = Vec::new();
        let outcome = if self.method == DEFLATED {
            DeflateDecoder::new(data).take(limit).read_to_end(&mut bytes)
        } else {
            data.take(limit).read_to_end(&mut bytes)
        };
        Ok((bytes, outcome))
    }

    /// The manifest, unpacked. The declared size is not trusted: unpacking stops at the limit.
    pub(super) fn manifest(&self) -> Result<Vec<u8>, PackageError> {
        let (bytes, outcome) = self.unpack(MANIFEST_LIMIT + 1)?;
        if bytes.len() as u64 > MANIFEST_LIMIT {
            return Err(PackageError::ManifestTooLarge { name: self.name, limit: MANIFEST_LIMIT });
        }
        let mut crc = Crc::new();
        crc.update(&bytes);
        if outcome.is_err() || bytes.len() as u64 != self.unpacked || crc.sum() != self.crc32 {
            return Err(PackageError::ManifestDamaged { name: self.name });
        }
        Ok(bytes)
    }

    /// What kind of program it is. One that cannot be unpacked is none: its first bytes decide, as far as they go.
    pub(super) fn program(&self) -> Result<BootstrapKind, PackageError> {
        let (first, _) = self.unpack(FIRST_BYTES)?;
        Ok(BootstrapKind::of(&first))
    }
}
