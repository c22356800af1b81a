//! The data of one entry as they stream by: unpacked, counted, checked, and kept as far as they are wanted.

use flate2::{Crc, Decompress, DecompressError, FlushDecompress, Status};
use sha2::{Digest as _, Sha256};

use super::bootstrap::FIRST_BYTES;
use super::entry::DEFLATED;
use super::item::Item;
use super::item::Wanted;

/// So much is unpacked at once.
const CHUNK: usize = 32 * 1024;

/// What came of an entry's data.
#[derive(Debug)]
pub(super) struct Unpacked {
    /// As much of them as was wanted.
    pub(super) kept: Vec<u8>,
    /// Where it was wanted.
    pub(super) hash: Option<[u8; 32]>,
    /// Whether they are as long as the directory says, and have its checksum.
    pub(super) whole: bool,
}

/// Inflates one entry after the other, in the same memory.
#[derive(Debug)]
pub(super) struct Inflater {
    stream: Decompress,
    chunk: Box<[u8]>,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self { stream: Decompress::new(false), chunk: vec![0; CHUNK].into() }
    }

    /// Inflates some of the packed bytes: how many it took, what came of them, and whether the stream goes on.
    fn inflate(&mut self, packed: &[u8], flush: FlushDecompress) -> (usize, &[u8], Result<Status, DecompressError>) {
        let (read, written) = (self.stream.total_in(), self.stream.total_out());
        let status = self.stream.decompress(packed, &mut self.chunk, flush);
        let since = |total: u64, before| usize::try_from(total - before).unwrap_or(usize::MAX);
        let (read, written) = (since(self.stream.total_in(), read), since(self.stream.total_out(), written));
        (read, self.chunk.get(..written).unwrap_or_default(), status)
    }
}

/// Takes an entry's packed data.
#[derive(Debug)]
pub(super) struct Unpacking {
    deflated: bool,
    crc: Crc,
    hash: Option<Sha256>,
    keep: usize,
    kept: Vec<u8>,
    /// How many bytes it may be, and whether anything is wrong already.
    declared: u64,
    length: u64,
    broken: bool,
    ended: bool,
    crc32: u32,
}

impl Unpacking {
    /// Begins with an entry's data; the inflater has done with the entry before.
    pub(super) fn of(item: &Item, inflater: &mut Inflater) -> Self {
        inflater.stream.reset(false);
        let keep = match item.wanted {
            Wanted::Nothing => 0,
            Wanted::All => usize::try_from(item.unpacked).unwrap_or(usize::MAX),
            // What comes twice may be the program to which a link leads.
            Wanted::Program | Wanted::Hash => usize::try_from(FIRST_BYTES).unwrap_or(usize::MAX),
        };
        let deflated = item.method == DEFLATED;
        Self {
            deflated,
            crc: Crc::new(),
            hash: (item.wanted == Wanted::Hash).then(Sha256::new),
            keep,
            kept: Vec::new(),
            declared: item.unpacked,
            length: 0,
            broken: false,
            ended: !deflated,
            crc32: item.crc32,
        }
    }

    /// The next packed bytes.
    pub(super) fn feed(&mut self, mut packed: &[u8], inflater: &mut Inflater) {
        if !self.deflated {
            return self.take(packed);
        }
        while !self.broken && !packed.is_empty() {
            // Whatever follows the stream's end is no data of this entry.
            if self.ended {
                self.broken = true;
                break;
            }
            let (read, unpacked, status) = inflater.inflate(packed, FlushDecompress::None);
            packed = packed.get(read..).unwrap_or_default();
            self.take(unpacked);
            match status {
                Ok(Status::StreamEnd) => self.ended = true,
                Ok(_) if read == 0 && unpacked.is_empty() => self.broken = true,
                Ok(_) => {}
                Err(_) => self.broken = true,
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.length = self.length.saturating_add(bytes.len() as u64);
        // The declared size is not trusted: unpacking stops there.
        if self.length > self.declared {
            self.broken = true;
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
        // A stream may have ended without saying so before its last byte was asked for.
        while !self.ended && !self.broken {
            let (_, unpacked, status) = inflater.inflate(&[], FlushDecompress::Finish);
            self.take(unpacked);
            match status {
                Ok(Status::StreamEnd) => self.ended = true,
                Ok(_) if !unpacked.is_empty() => {}
                _ => self.broken = true,
            }
        }
        let whole = !self.broken && self.length == self.declared && self.crc.sum() == self.crc32;
        Unpacked { kept: self.kept, hash: self.hash.map(|hash| hash.finalize().into()), whole }
    }
}
