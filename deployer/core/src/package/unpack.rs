//! The data of one entry as they stream by: unpacked, counted, checked, and kept as far as they are wanted.

use flate2::{Crc, Decompress, FlushDecompress, Status};
use sha2::{Digest as _, Sha256};

use super::bootstrap::FIRST_BYTES;
use super::directory::Item;
use super::entry::DEFLATED;

/// So much is unpacked at once.
const CHUNK: usize = 32 * 1024;

/// What is wanted of an entry's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Nothing,
    /// All of them; they are few.
    All,
    /// The first bytes, and that they are whole.
    Program,
    /// Their hash.
    Hash,
}

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

/// Takes an entry's packed data.
#[derive(Debug)]
pub(super) struct Unpacking {
    inflate: Option<Decompress>,
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
    pub(super) fn of(item: &Item) -> Self {
        let keep = match item.wanted {
            Wanted::Nothing | Wanted::Hash => 0,
            Wanted::All => usize::try_from(item.unpacked).unwrap_or(usize::MAX),
            Wanted::Program => usize::try_from(FIRST_BYTES).unwrap_or(usize::MAX),
        };
        let deflated = item.method == DEFLATED;
        Self {
            inflate: deflated.then(|| Decompress::new(false)),
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
    pub(super) fn feed(&mut self, mut packed: &[u8]) {
        let Some(mut inflate) = self.inflate.take() else { return self.take(packed) };
        let mut chunk = vec![0; CHUNK];
        while !self.broken && !packed.is_empty() {
            // Whatever follows the stream's end is no data of this entry.
            if self.ended {
                self.broken = true;
                break;
            }
            let (read, written) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(packed, &mut chunk, FlushDecompress::None);
            let read = usize::try_from(inflate.total_in() - read).unwrap_or(usize::MAX);
            let written = usize::try_from(inflate.total_out() - written).unwrap_or(usize::MAX);
            packed = packed.get(read..).unwrap_or_default();
            self.take(chunk.get(..written).unwrap_or_default());
            match status {
                Ok(Status::StreamEnd) => self.ended = true,
                Ok(_) if read == 0 && written == 0 => self.broken = true,
                Ok(_) => {}
                Err(_) => self.broken = true,
            }
        }
        self.inflate = Some(inflate);
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

    pub(super) fn finish(mut self) -> Unpacked {
        // A stream may have ended without saying so before its last byte was asked for.
        if let Some(inflate) = self.inflate.take().filter(|_| !self.ended && !self.broken) {
            self.drain(inflate);
        }
        let whole = !self.broken && self.ended && self.length == self.declared && self.crc.sum() == self.crc32;
        Unpacked { kept: self.kept, hash: self.hash.map(|hash| hash.finalize().into()), whole }
    }

    /// What the decompressor still holds when all packed bytes were given to it.
    fn drain(&mut self, mut inflate: Decompress) {
        let mut chunk = vec![0; CHUNK];
        while !self.ended && !self.broken {
            let written = inflate.total_out();
            let status = inflate.decompress(&[], &mut chunk, FlushDecompress::Finish);
            let written = usize::try_from(inflate.total_out() - written).unwrap_or(usize::MAX);
            self.take(chunk.get(..written).unwrap_or_default());
            match status {
                Ok(Status::StreamEnd) => self.ended = true,
                Ok(_) if written > 0 => {}
                _ => self.broken = true,
            }
        }
    }
}
