//! Unpacks the data of one entry while they stream by: counts and checks them, and keeps the part that is wanted.

use flate2::{Crc, Decompress, DecompressError, FlushDecompress, Status};
use sha2::{Digest as _, Sha256};

use super::bootstrap::FIRST_BYTES;
use super::entry::DEFLATED;
use super::item::Item;
use super::item::ReadScope;

/// The number of bytes that are unpacked at once.
const CHUNK: usize = 32 * 1024;

/// The result of unpacking an entry's data.
#[derive(Debug)]
pub(super) struct Unpacked {
    /// The first bytes, as many as were wanted.
    pub(super) kept: Vec<u8>,
    /// The SHA-256 of the data, if it was wanted.
    pub(super) hash: Option<[u8; 32]>,
    /// Whether the data have the length and the checksum that the directory says.
    pub(super) whole: bool,
}

/// Inflates one entry after the other with the same buffers.
#[derive(Debug)]
pub(super) struct Inflater {
    stream: Decompress,
    chunk: Box<[u8]>,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self { stream: Decompress::new(false), chunk: vec![0; CHUNK].into() }
    }

    /// Inflates some of the packed bytes. Returns the number of bytes taken, the bytes that came out, and the stream's
    /// status.
    fn inflate(&mut self, packed: &[u8], flush: FlushDecompress) -> (usize, &[u8], Result<Status, DecompressError>) {
        let (read, written) = (self.stream.total_in(), self.stream.total_out());
        let status = self.stream.decompress(packed, &mut self.chunk, flush);
        let since = |total: u64, before| usize::try_from(total - before).unwrap_or(usize::MAX);
        let (read, written) = (since(self.stream.total_in(), read), since(self.stream.total_out(), written));
        (read, self.chunk.get(..written).unwrap_or_default(), status)
    }
}

/// Unpacks the data of one entry.
#[derive(Debug)]
pub(super) struct Unpacking {
    deflated: bool,
    crc: Crc,
    hash: Option<Sha256>,
    keep: usize,
    kept: Vec<u8>,
    /// The unpacked size that the directory declares; more is an error.
    declared: u64,
    length: u64,
    damaged: bool,
    ended: bool,
    crc32: u32,
}

impl Unpacking {
    /// Begins an entry. The inflater is reset, so the entry before must be finished.
    pub(super) fn of(item: &Item, inflater: &mut Inflater) -> Self {
        inflater.stream.reset(false);
        let keep = match item.read_scope {
            ReadScope::Nothing => 0,
            ReadScope::All => usize::try_from(item.unpacked).unwrap_or(usize::MAX),
            // An entry whose name comes twice may be the program that a link leads to.
            ReadScope::Program | ReadScope::Hash => usize::try_from(FIRST_BYTES).unwrap_or(usize::MAX),
        };
        let deflated = item.method == DEFLATED;
        Self {
            deflated,
            crc: Crc::new(),
            hash: (item.read_scope == ReadScope::Hash).then(Sha256::new),
            keep,
            kept: Vec::new(),
            declared: item.unpacked,
            length: 0,
            damaged: false,
            ended: !deflated,
            crc32: item.crc32,
        }
    }

    /// Takes the next packed bytes.
    pub(super) fn feed(&mut self, mut packed: &[u8], inflater: &mut Inflater) {
        if !self.deflated {
            return self.take(packed);
        }
        while !self.damaged && !packed.is_empty() {
            // Bytes after the stream's end are no data of this entry.
            if self.ended {
                self.damaged = true;
                break;
            }
            let (read, unpacked, status) = inflater.inflate(packed, FlushDecompress::None);
            packed = packed.get(read..).unwrap_or_default();
            self.take(unpacked);
            match status {
                Ok(Status::StreamEnd) => self.ended = true,
                Ok(_) if read == 0 && unpacked.is_empty() => self.damaged = true,
                Ok(_) => {}
                Err(_) => self.damaged = true,
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.length = self.length.saturating_add(bytes.len() as u64);
        // The declared size is not trusted: unpacking stops there.
        if self.length > self.declared {
            self.damaged = true;
            return;
        }
        self.crc.update(bytes);
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        let room = self.keep.saturating_sub(self.kept.len()).min(bytes.len());
        self.kept.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }

    pub(super) fn finish(mut self, inflater: &mut Inflater) -> Unpacked {
        // A stream may report its end only after its last byte was taken.
        while !self.ended && !self.damaged {
            let (_, unpacked, status) = inflater.inflate(&[], FlushDecompress::Finish);
            self.take(unpacked);
            match status {
                Ok(Status::StreamEnd) => self.ended = true,
                Ok(_) if !unpacked.is_empty() => {}
                _ => self.damaged = true,
            }
        }
        let whole = !self.damaged && self.length == self.declared && self.crc.sum() == self.crc32;
        Unpacked { kept: self.kept, hash: self.hash.map(|hash| hash.finalize().into()), whole }
    }
}
