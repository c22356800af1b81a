//! Java's own format of a key store (JKS, JCEKS): whether it has certificates only. Other formats are encrypted as a
//! whole, and nobody can tell.
//!
//! The format is that of `sun.security.provider.JavaKeyStore` in OpenJDK: a magic number, a version, the number of
//! entries, and of each entry its kind, alias and time before its content.

const MAGIC_NUMBERS: [u32; 2] = [0xfeed_feed, 0xcece_cece];
/// The kind of an entry that is a certificate; 1 is a private key, and 3 in JCEKS a secret one.
const CERTIFICATE: u32 = 2;
/// The bytes of an entry's time.
const TIME: usize = 8;

/// Whether a file is such a key store, whole, and has no private key.
pub(super) fn has_only_certificates(bytes: &[u8]) -> bool {
    Reader(bytes).read().is_some()
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    /// Reads all entries; `None` if one is no certificate, or the file is of another format.
    fn read(&mut self) -> Option<()> {
        if !MAGIC_NUMBERS.contains(&self.number()?) {
            return None;
        }
        let version = self.number()?;
        for _ in 0..self.number()? {
            if self.number()? != CERTIFICATE {
                return None;
            }
            self.text()?;
            self.skip(TIME)?;
            // The first version knows one kind of certificate only.
            if version == 2 {
                self.text()?;
            }
            let length = self.number()?;
            self.skip(usize::try_from(length).ok()?)?;
        }
        Some(())
    }

    fn text(&mut self) -> Option<()> {
        let (length, rest) = self.0.split_first_chunk::<2>()?;
        self.0 = rest;
        self.skip(usize::from(u16::from_be_bytes(*length)))
    }

    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a key store with entries of these kinds.
    fn store(magic: u32, kinds: &[u32]) -> Vec<u8> {
        let number = |number: usize| u32::try_from(number).unwrap_or_default().to_be_bytes();
        let mut bytes = [magic.to_be_bytes(), number(2), number(kinds.len())].concat();
        for kind in kinds {
            bytes.extend(kind.to_be_bytes());
            bytes.extend([&[0, 2][..], b"ca", &[0; TIME], &[0, 5], b"X.509", &number(3), b"der"].concat());
        }
        bytes.extend([7; 20]);
        bytes
    }

    #[test]
    fn key_store_with_certificates_only_is_public() {
        assert!(has_only_certificates(&store(0xfeed_feed, &[2, 2])));
        assert!(has_only_certificates(&store(0xcece_cece, &[2])));
        assert!(has_only_certificates(&store(0xfeed_feed, &[])));
    }

    #[test]
    fn key_store_with_a_key_or_of_another_format_is_not() {
        for bytes in [store(0xfeed_feed, &[2, 1]), store(0xcece_cece, &[3]), store(1, &[2]), vec![], b"0\x82".to_vec()]
        {
            assert!(!has_only_certificates(&bytes), "{bytes:?}");
        }
        let whole = store(0xfeed_feed, &[2, 2]);
        assert!(!has_only_certificates(&whole[..whole.len() - 30]), "cut short");
    }
}
