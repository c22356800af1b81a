//! A search for the first bytes of records, through bytes that come in pieces.

/// A record begins with these bytes.
pub(super) type Signature = [u8; 4];

/// Looks for signatures in the bytes that are fed to it.
#[derive(Debug)]
pub(super) struct Scan {
    wanted: &'static [Signature],
    /// The last four bytes; no signature has a zero among its first, so zeros before the first byte find nothing.
    last: u32,
    found: bool,
    is_empty: bool,
}

impl Scan {
    pub(super) fn of(wanted: &'static [Signature]) -> Self {
        Self { wanted, last: 0, found: false, is_empty: true }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.is_empty &= bytes.is_empty();
        for byte in bytes {
            self.last = self.last << 8 | u32::from(*byte);
            // Each signature begins with a letter of its own, which few other bytes are.
            self.found |= self.wanted.iter().any(|signature| u32::from_be_bytes(*signature) == self.last);
        }
    }

    /// No bytes were fed to it.
    pub(super) fn is_empty(&self) -> bool {
        self.is_empty
    }

    pub(super) fn found(&self) -> bool {
        self.found
    }
}
