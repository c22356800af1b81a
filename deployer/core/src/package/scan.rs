//! Searches for the signatures of records in bytes that come in pieces.

/// The first bytes of a record.
pub(super) type Signature = [u8; 4];

/// Looks for signatures in the bytes that are fed to it.
#[derive(Debug)]
pub(super) struct Scan {
    signatures: &'static [Signature],
    /// The last four bytes. No signature contains a zero, so the initial zeros match nothing.
    last: u32,
    found: bool,
    is_empty: bool,
}

impl Scan {
    pub(super) fn of(signatures: &'static [Signature]) -> Self {
        Self { signatures, last: 0, found: false, is_empty: true }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.is_empty &= bytes.is_empty();
        for byte in bytes {
            self.last = self.last << 8 | u32::from(*byte);
            self.found |= self.signatures.iter().any(|signature| u32::from_be_bytes(*signature) == self.last);
        }
    }

    /// Whether no bytes were fed to it.
    pub(super) fn is_empty(&self) -> bool {
        self.is_empty
    }

    pub(super) fn found(&self) -> bool {
        self.found
    }
}
