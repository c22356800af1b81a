//! Walks through an archive's bytes, from the first to the last: each entry's local header, its data, the data
//! descriptor of a streamed entry, and the gaps between entries. A gap may have nothing that a reader could take for an
//! entry, and no reader may find another end of an entry than we do.

use super::directory::Contents;
use super::entry::{Kind, STORED};
use super::error::PackageError;
use super::item::Item;
use super::item::ReadScope;
use super::limits::LOCAL_HEADER;
use super::offenders::shown;
use super::scan::{Scan, Signature};
use super::unpack::{Inflater, Unpacked, Unpacking};
use super::{descriptor, local};

/// The signature that readers look for between entries.
const OF_ENTRIES: &[Signature] = &[local::SIGNATURE];
/// The signatures that are refused before the first entry: some readers take a record of the directory there for the
/// whole zip.
const OF_RECORDS: &[Signature] = &[local::SIGNATURE, *b"PK\x01\x02", *b"PK\x05\x06", *b"PK\x06\x06", *b"PK\x06\x07"];
/// The signatures that readers look for in data of unknown length.
const OF_ENDS: &[Signature] = &[local::SIGNATURE, descriptor::SIGNATURE];

#[derive(Debug)]
enum Position {
    /// Between entries, or before the first one.
    Gap(Scan),
    Header,
    Data(Data),
    /// After the data of a streamed entry.
    Descriptor {
        left: u64,
    },
    /// In the directory, or after an error.
    Done,
}

#[derive(Debug)]
struct Data {
    left: u64,
    unpacking: Box<Unpacking>,
    /// The search for signatures in the data, if readers of streams can find their end only by what follows.
    ends: Option<Scan>,
}

impl Data {
    fn of(item: &Item, inflater: &mut Inflater) -> Self {
        let needs_end = item.is_streamed() && item.method == STORED && item.packed > 0;
        let ends = needs_end.then(|| Scan::of(OF_ENDS));
        Self { left: item.packed, unpacking: Box::new(Unpacking::of(item, inflater)), ends }
    }

    fn take(&mut self, bytes: &[u8], inflater: &mut Inflater) {
        self.left = self.left.saturating_sub(bytes.len() as u64);
        self.unpacking.feed(bytes, inflater);
        if let Some(ends) = &mut self.ends {
            ends.feed(bytes);
        }
    }
}

/// The state of a walk through an archive's bytes.
#[derive(Debug)]
pub(super) struct Walk {
    contents: Contents,
    at: u64,
    position: Position,
    /// The index of the entry that is read, or is next.
    index: usize,
    /// The bytes of the header or the data descriptor so far.
    held: Vec<u8>,
    inflater: Inflater,
    /// The data that were kept, with the index of their entry.
    unpacked: Vec<(usize, Unpacked)>,
    wrong: Option<PackageError>,
}

impl Walk {
    pub(super) fn of(contents: Contents) -> Self {
        let (position, held, inflater) = (Position::Gap(Scan::of(OF_RECORDS)), Vec::new(), Inflater::new());
        Self { contents, at: 0, position, index: 0, held, inflater, unpacked: Vec::new(), wrong: None }
    }

    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let left = match self.remaining() {
                Some(0) => {
                    self.advance();
                    continue;
                }
                Some(left) => usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len()),
                None => return,
            };
            let (now, rest) = bytes.split_at(left);
            self.at = self.at.saturating_add(now.len() as u64);
            bytes = rest;
            match &mut self.position {
                Position::Gap(scan) => scan.feed(now),
                Position::Header | Position::Descriptor { .. } => self.held.extend_from_slice(now),
                Position::Data(data) => data.take(now, &mut self.inflater),
                Position::Done => {}
            }
            if let Position::Descriptor { left } = &mut self.position {
                *left = left.saturating_sub(now.len() as u64);
            }
        }
    }

    /// Returns the entries and the kept data after the last byte.
    pub(super) fn finish(mut self) -> Result<(Contents, Vec<(usize, Unpacked)>), PackageError> {
        while self.remaining() == Some(0) {
            self.advance();
        }
        match (self.wrong, self.position, self.contents.items.get(self.index)) {
            (Some(wrong), ..) => Err(wrong),
            // The header claims more bytes than there are.
            (None, Position::Header | Position::Data(_), Some(item)) => {
                Err(PackageError::LocalHeader { name: shown(item.name.as_bytes()) })
            }
            _ => Ok((self.contents, self.unpacked)),
        }
    }

    /// Returns the number of bytes that this position still takes; none if the rest is ignored.
    fn remaining(&self) -> Option<u64> {
        Some(match &self.position {
            Position::Gap(_) => self.start_of(self.index).saturating_sub(self.at),
            Position::Header => {
                let held = self.held.len() as u64;
                local::length(&self.held).unwrap_or(LOCAL_HEADER).saturating_sub(held)
            }
            Position::Data(Data { left, .. }) | Position::Descriptor { left } => *left,
            Position::Done => return None,
        })
    }

    /// Returns the offset of the entry with this index, or of the directory after the last entry.
    fn start_of(&self, index: usize) -> u64 {
        self.contents.items.get(index).map_or(self.contents.until, |item| item.offset)
    }

    fn advance(&mut self) {
        let held = std::mem::take(&mut self.held);
        let next = match std::mem::replace(&mut self.position, Position::Done) {
            Position::Gap(scan) if scan.found() => Err(PackageError::Hidden),
            Position::Gap(scan) => self.after_gap(&scan),
            Position::Done => Ok(Position::Done),
            Position::Header => self.after_header(&held),
            Position::Data(data) => self.after_data(data),
            Position::Descriptor { .. } => self.after_descriptor(&held),
        };
        match next {
            Ok(position) => self.position = position,
            Err(wrong) => self.wrong = Some(wrong),
        }
    }

    fn after_gap(&self, scan: &Scan) -> Result<Position, PackageError> {
        match self.contents.items.get(self.index) {
            // A reader that starts at the first entry misses nothing before it, and there is nothing to miss after the
            // last.
            Some(item) if self.index > 0 && !scan.is_empty() => {
                Err(PackageError::Gap { name: shown(item.name.as_bytes()) })
            }
            Some(_) => Ok(Position::Header),
            None => Ok(Position::Done),
        }
    }

    fn after_header(&mut self, header: &[u8]) -> Result<Position, PackageError> {
        let Some(item) = self.contents.items.get(self.index) else { return Ok(Position::Done) };
        let fits = self.at.saturating_add(item.packed) <= self.start_of(self.index + 1);
        match fits && local::matches_directory(header, item) {
            true => Ok(Position::Data(Data::of(item, &mut self.inflater))),
            false => Err(PackageError::LocalHeader { name: shown(item.name.as_bytes()) }),
        }
    }

    fn after_data(&mut self, data: Data) -> Result<Position, PackageError> {
        let Some(item) = self.contents.items.get(self.index) else { return Ok(Position::Done) };
        let name = || shown(item.name.as_bytes());
        let unpacked = data.unpacking.finish(&mut self.inflater);
        match unpacked.whole {
            true => {}
            false if item.is_streamed() => return Err(PackageError::StreamedData { name: name() }),
            false => return Err(PackageError::Damaged { name: name() }),
        }
        if data.ends.is_some_and(|ends| ends.found()) {
            return Err(PackageError::StoredStream { name: name() });
        }
        let is_streamed = item.is_streamed();
        if item.read_scope != ReadScope::Nothing {
            self.unpacked.push((self.index, unpacked));
        }
        if is_streamed {
            let room = self.start_of(self.index + 1).saturating_sub(self.at);
            return Ok(Position::Descriptor { left: room.min(descriptor::LONGEST) });
        }
        self.index += 1;
        Ok(Position::Gap(Scan::of(OF_ENTRIES)))
    }

    /// Takes the bytes after the entry's data: its descriptor, and the first bytes of the gap.
    fn after_descriptor(&mut self, bytes: &[u8]) -> Result<Position, PackageError> {
        let Some(item) = self.contents.items.get(self.index) else { return Ok(Position::Done) };
        let name = || shown(item.name.as_bytes());
        let length = match descriptor::length(bytes, item) {
            Some(length) => length,
            // Some libraries set the flag for folders, which have no data, and write no descriptor.
            None if item.kind == Kind::Folder => 0,
            None => return Err(PackageError::NoDescriptor { name: name() }),
        };
        if item.method == STORED && item.packed > 0 && !bytes.starts_with(&descriptor::SIGNATURE) {
            return Err(PackageError::StoredStream { name: name() });
        }
        let mut scan = Scan::of(OF_ENTRIES);
        scan.feed(bytes.get(length..).unwrap_or_default());
        self.index += 1;
        Ok(Position::Gap(scan))
    }
}
