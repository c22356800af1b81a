//! The way through an archive's bytes, from the first to the last: each entry's local header, its data, and what lies between
//! them. Nothing may lie there that a reader could take for an entry.

use super::LOCAL_HEADER;
use super::directory::{Contents, Item};
use super::error::{PackageError, shown};
use super::local;
use super::unpack::{Unpacked, Unpacking};

/// A data descriptor is no longer.
const DESCRIPTOR: u64 = 24;

#[derive(Debug)]
enum Place {
    /// Between entries, or before the first.
    Gap {
        from: u64,
    },
    Header,
    Data {
        left: u64,
        unpacking: Option<Box<Unpacking>>,
    },
    /// In the directory, or after something was found wrong.
    Done,
}

/// Goes through the bytes of an archive as they come.
#[derive(Debug)]
pub(super) struct Walk {
    contents: Contents,
    at: u64,
    place: Place,
    /// The entry that is read, or is next.
    index: usize,
    /// The header so far, or the last bytes of a gap.
    held: Vec<u8>,
    /// The data that were wanted, by the index of their entry.
    unpacked: Vec<(usize, Unpacked)>,
    wrong: Option<PackageError>,
}

impl Walk {
    pub(super) fn of(contents: Contents) -> Self {
        let (place, held) = (Place::Gap { from: 0 }, Vec::new());
        Self { contents, at: 0, place, index: 0, held, unpacked: Vec::new(), wrong: None }
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
            self.takes(now);
        }
    }

    /// What was unpacked, with the entries; all bytes have come.
    pub(super) fn finish(mut self) -> Result<(Contents, Vec<(usize, Unpacked)>), PackageError> {
        while self.left() == Some(0) {
            self.arrives();
        }
        match (self.wrong, self.place, self.contents.items.get(self.index)) {
            (Some(wrong), ..) => Err(wrong),
            // Its header says that it is longer than all that there is.
            (None, Place::Header | Place::Data { .. }, Some(item)) => {
                Err(PackageError::LocalHeader { name: shown(item.name.as_bytes()) })
            }
            _ => Ok((self.contents, self.unpacked)),
        }
    }

    /// How many bytes this place still has; none where nothing is looked at any more.
    fn left(&self) -> Option<u64> {
        Some(match &self.place {
            Place::Gap { .. } => self.next_at().saturating_sub(self.at),
            Place::Header => {
                let held = self.held.len() as u64;
                local::length(&self.held).unwrap_or(LOCAL_HEADER).saturating_sub(held)
            }
            Place::Data { left, .. } => *left,
            Place::Done => return None,
        })
    }

    fn item(&self) -> Option<&Item> {
        self.contents.items.get(self.index)
    }

    /// Where the next entry begins, or the directory.
    fn next_at(&self) -> u64 {
        self.item().map_or(self.contents.until, |item| item.at)
    }

    fn takes(&mut self, bytes: &[u8]) {
        match &mut self.place {
            Place::Gap { from } => {
                // A short gap is kept whole, of a long one as much as a signature may begin with.
                let short = self.at.saturating_sub(*from) <= DESCRIPTOR;
                self.held.extend_from_slice(bytes);
                if !short {
                    self.refuse_hidden();
                    let last = self.held.len().saturating_sub(local::SIGNATURE.len() - 1);
                    self.held.drain(..last);
                }
            }
            Place::Header => self.held.extend_from_slice(bytes),
            Place::Data { left, unpacking } => {
                *left = left.saturating_sub(bytes.len() as u64);
                if let Some(unpacking) = unpacking {
                    unpacking.feed(bytes);
                }
            }
            Place::Done => {}
        }
    }

    fn arrives(&mut self) {
        match std::mem::replace(&mut self.place, Place::Done) {
            Place::Gap { .. } => {
                let before = self.index.checked_sub(1).and_then(|before| self.contents.items.get(before));
                if !before.is_some_and(|before| local::is_descriptor(&self.held, before)) {
                    self.refuse_hidden();
                }
                self.held.clear();
                if self.wrong.is_none() && self.item().is_some() {
                    self.place = Place::Header;
                }
            }
            Place::Header => self.arrives_at_data(),
            Place::Data { unpacking, .. } => {
                self.unpacked.extend(unpacking.map(|unpacking| (self.index, unpacking.finish())));
                self.index += 1;
                self.place = Place::Gap { from: self.at };
            }
            Place::Done => {}
        }
    }

    fn arrives_at_data(&mut self) {
        let next = self.contents.items.get(self.index + 1).map_or(self.contents.until, |next| next.at);
        let Some(item) = self.contents.items.get(self.index) else { return };
        let fits = self.at.saturating_add(item.packed) <= next;
        if !fits || !local::agrees(&self.held, item) {
            self.wrong = Some(PackageError::LocalHeader { name: shown(item.name.as_bytes()) });
            return;
        }
        self.place = Place::Data { left: item.packed, unpacking: Unpacking::of(item).map(Box::new) };
        self.held.clear();
    }

    fn refuse_hidden(&mut self) {
        let found = self.held.windows(local::SIGNATURE.len()).any(|bytes| *bytes == local::SIGNATURE);
        if found && self.wrong.is_none() {
            self.wrong = Some(PackageError::Hidden);
            self.place = Place::Done;
        }
    }
}
