//! Walks through an archive's bytes, from the first to the last: each entry's local header, its data, the data
//! descriptor of a streamed entry, and the gaps between entries. A gap may have nothing that a reader could take for an
//! entry, and no reader may find another end of an entry than we do.

use super::directory::Contents;
use super::entry::{Kind, STORED};
use super::error::PackageError;
use super::item::Item;
use super::item::Wanted;
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
enum Place {
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
    place: Place,
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
        let (place, held, inflater) = (Place::Gap(Scan::of(OF_RECORDS)), Vec::new(), Inflater::new());
        Self { contents, at: 0, place, index: 0, held, inflater, unpacked: Vec::new(), wrong: None }
    }

    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let left = match self.left() {
                Some(0) => {
                    self.arrives();
                    continue;
                }
                Some(left) => usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len()),
                None => return,
            };
            let (now, rest) = bytes.split_at(left);
            self.at = self.at.saturating_add(now.len() as u64);
            bytes = rest;
            match &mut self.place {
                Place::Gap(scan) => scan.feed(now),
                Place::Header | Place::Descriptor { .. } => self.held.extend_from_slice(now),
                Place::Data(data) => data.take(now, &mut self.inflater),
                Place::Done => {}
            }
            if let Place::Descriptor { left } = &mut self.place {
                *left = left.saturating_sub(now.len() as u64);
            }
        }
    }

    /// Returns the entries and the kept data after the last byte.
    pub(super) fn finish(mut self) -> Result<(Contents, Vec<(usize, Unpacked)>), PackageError> {
        while self.left() == Some(0) {
            self.arrives();
        }
        match (self.wrong, self.place, self.contents.items.get(self.index)) {
            (Some(wrong), ..) => Err(wrong),
            // The header claims more bytes than there are.
            (None, Place::Header | Place::Data(_), Some(item)) => {
                Err(PackageError::LocalHeader { name: shown(item.name.as_bytes()) })
            }
            _ => Ok((self.contents, self.unpacked)),
        }
    }

    /// Returns the number of bytes that this position still takes; none if the rest is ignored.
    fn left(&self) -> Option<u64> {
        Some(match &self.place {
            Place::Gap(_) => self.begins(self.index).saturating_sub(self.at),
            Place::Header => {
                let held = self.held.len() as u64;
                local::length(&self.held).unwrap_or(LOCAL_HEADER).saturating_sub(held)
            }
            Place::Data(Data { left, .. }) | Place::Descriptor { left } => *left,
            Place::Done => return None,
        })
    }

    /// Returns the offset of the entry with this index, or of the directory after the last entry.
    fn begins(&self, index: usize) -> u64 {
        self.contents.items.get(index).map_or(self.contents.until, |item| item.at)
    }

    fn arrives(&mut self) {
        let held = std::mem::take(&mut self.held);
        let next = match std::mem::replace(&mut self.place, Place::Done) {
            Place::Gap(scan) if scan.found() => Err(PackageError::Hidden),
            Place::Gap(scan) => self.after_gap(&scan),
            Place::Done => Ok(Place::Done),
            Place::Header => self.after_header(&held),
            Place::Data(data) => self.after_data(data),
            Place::Descriptor { .. } => self.after_descriptor(&held),
        };
        match next {
            Ok(place) => self.place = place,
            Err(wrong) => self.wrong = Some(wrong),
        }
    }

    fn after_gap(&self, scan: &Scan) -> Result<Place, PackageError> {
        match self.contents.items.get(self.index) {
            // A reader that starts at the first entry misses nothing before it, and there is nothing to miss after the
            // last.
            Some(item) if self.index > 0 && !scan.is_empty() => {
                Err(PackageError::Gap { name: shown(item.name.as_bytes()) })
            }
            Some(_) => Ok(Place::Header),
            None => Ok(Place::Done),
        }
    }

    fn after_header(&mut self, header: &[u8]) -> Result<Place, PackageError> {
        let Some(item) = self.contents.items.get(self.index) else { return Ok(Place::Done) };
        let fits = self.at.saturating_add(item.packed) <= self.begins(self.index + 1);
        match fits && local::agrees(header, item) {
            true => Ok(Place::Data(Data::of(item, &mut self.inflater))),
            false => Err(PackageError::LocalHeader { name: shown(item.name.as_bytes()) }),
        }
    }

    fn after_data(&mut self, data: Data) -> Result<Place, PackageError> {
        let Some(item) = self.contents.items.get(self.index) else { return Ok(Place::Done) };
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
        if item.wanted != Wanted::Nothing {
            self.unpacked.push((self.index, unpacked));
        }
        if is_streamed {
            let room = self.begins(self.index + 1).saturating_sub(self.at);
            return Ok(Place::Descriptor { left: room.min(descriptor::LONGEST) });
        }
        self.index += 1;
        Ok(Place::Gap(Scan::of(OF_ENTRIES)))
    }

    /// Takes the bytes after the entry's data: its descriptor, and the first bytes of the gap.
    fn after_descriptor(&mut self, bytes: &[u8]) -> Result<Place, PackageError> {
        let Some(item) = self.contents.items.get(self.index) else { return Ok(Place::Done) };
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
        Ok(Place::Gap(scan))
    }
}
