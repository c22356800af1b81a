//! Recognizes keys in a key store of Java, without its password.
//!
//! JKS and JCEKS are laid out as in `sun.security.provider.JavaKeyStore` of OpenJDK: a magic number, a version, the number
//! of entries, and of each entry its kind, alias and time before its content. From JDK 9 on, `keytool` makes PKCS #12
//! (RFC 7292) whatever the file's ending: Java encrypts each key by itself and leaves the bags around the keys readable.

use super::content::contains;

const MAGIC_NUMBERS: [u32; 2] = [0xfeed_feed, 0xcece_cece];
/// The kind of an entry that is a certificate; 1 is a private key, and 3 in JCEKS a secret one.
const CERTIFICATE: u32 = 2;
/// The bytes of an entry's time.
const TIME: usize = 8;
/// The object identifiers of PKCS #12's bags, 1.2.840.113549.1.12.10.1, without the last number.
const BAG: [u8; 10] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01];
/// The last numbers of the bags with a key: keyBag, pkcs8ShroudedKeyBag, and secretBag, in which Java keeps secret keys.
const KEY_BAGS: [u8; 3] = [1, 2, 5];
/// The version with which PKCS #12 begins, as DER.
const PKCS12_VERSION: [u8; 3] = [0x02, 0x01, 0x03];

/// The content of a key store, as far as its bytes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    /// It is whole, and no key is in it.
    CertificatesOnly,
    /// A key is in it.
    Key,
    /// It is cut short or of another format, and nothing in it says that there is a key.
    Unknown,
}

impl Contents {
    /// Reads the contents of a key store from its first bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let has_key_bag = |last: u8| contains(bytes, &[&BAG[..], &[last]].concat());
        if let Some(contents) = Reader(bytes).read_entries() {
            return contents;
        }
        match KEY_BAGS.into_iter().any(has_key_bag) {
            true => Self::Key,
            false if Reader(bytes).is_whole_pkcs12().is_some_and(|is_whole| is_whole) => Self::CertificatesOnly,
            false => Self::Unknown,
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    /// Reads all entries of Java's own format up to the first key; `None` if the file is of another format or cut short.
    fn read_entries(&mut self) -> Option<Contents> {
        if !MAGIC_NUMBERS.contains(&self.number()?) {
            return None;
        }
        let version = self.number()?;
        for _ in 0..self.number()? {
            if self.number()? != CERTIFICATE {
                return Some(Contents::Key);
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
        Some(Contents::CertificatesOnly)
    }

    /// Whether the file is PKCS #12 and not cut short: a DER sequence that begins with version 3.
    fn is_whole_pkcs12(&mut self) -> Option<bool> {
        let [tag, length] = *self.bytes::<2>()?;
        let length = match length {
            0..=0x7f => usize::from(length),
            0x81 => usize::from(self.bytes::<1>()?[0]),
            0x82 => usize::from(u16::from_be_bytes(*self.bytes()?)),
            0x83 => {
                let [high, middle, low] = *self.bytes::<3>()?;
                usize::try_from(u32::from_be_bytes([0, high, middle, low])).ok()?
            }
            _ => return None,
        };
        Some(tag == 0x30 && self.0.starts_with(&PKCS12_VERSION) && self.0.len() >= length)
    }

    fn text(&mut self) -> Option<()> {
        let length = u16::from_be_bytes(*self.bytes()?);
        self.skip(usize::from(length))
    }

    fn number(&mut self) -> Option<u32> {
        self.bytes().map(|number| u32::from_be_bytes(*number))
    }

    fn bytes<const N: usize>(&mut self) -> Option<&[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(bytes)
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

    /// Makes PKCS #12 as `keytool` lays it out, with bags of these kinds; the certificates are encrypted.
    fn pkcs12(bags: &[u8]) -> Vec<u8> {
        let bags = bags.iter().flat_map(|bag| [&BAG[..], &[*bag], &[0xa0, 0x02, 0x05, 0x00]].concat());
        let content: Vec<u8> = [&PKCS12_VERSION[..], &[0x5a; 300]].concat().into_iter().chain(bags).collect();
        let length = u16::try_from(content.len()).unwrap_or_default();
        [&[0x30, 0x82][..], &length.to_be_bytes(), &content].concat()
    }

    #[test]
    fn key_store_with_certificates_only_is_a_trust_store_in_each_format() {
        let trust_stores = [
            store(0xfeed_feed, &[2, 2]),
            store(0xcece_cece, &[2]),
            store(0xfeed_feed, &[]),
            pkcs12(&[]),
            // A certificate's bag, which a trust store without a password has.
            pkcs12(&[3]),
        ];
        for bytes in trust_stores {
            assert_eq!(Contents::of(&bytes), Contents::CertificatesOnly, "{bytes:x?}");
        }
    }

    #[test]
    fn key_in_a_key_store_is_found_in_each_format_also_in_one_that_is_cut() {
        let jks = store(0xfeed_feed, &[2, 1]);
        let pkcs12_cut = pkcs12(&[2]);
        let pkcs12_cut = pkcs12_cut[..pkcs12_cut.len() - 2].to_vec();
        for bytes in
            [jks, store(0xcece_cece, &[3]), pkcs12(&[1]), pkcs12(&[3, 2]), pkcs12(&[5]), pkcs12_cut, key_of_keytool()]
        {
            assert_eq!(Contents::of(&bytes), Contents::Key, "{bytes:x?}");
        }
    }

    /// The beginning of a store that `keytool -genkeypair` of JDK 21 has made under the name `key.jks`.
    fn key_of_keytool() -> Vec<u8> {
        let hex = "308203c60201033082037006092a864886f70d010701a08203610482035d308203593082012006092a864886f70d010701a0\
                   8201110482010d3082010930820105060b2a864886f70d010c0a0102a081bd";
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let byte = |pair: &[u8]| pair.iter().filter_map(|each| digit(*each)).fold(0, |byte, digit| byte * 16 + digit);
        hex.as_bytes().chunks(2).map(byte).collect()
    }

    #[test]
    fn key_store_that_is_cut_or_of_another_format_is_unknown() {
        let (jks, pkcs12) = (store(0xfeed_feed, &[2, 2]), pkcs12(&[]));
        let cut = [&jks[..jks.len() - 30], &pkcs12[..pkcs12.len() - 1], &pkcs12[..3], &jks[..6]];
        for bytes in cut.into_iter().chain([&b""[..], b"0\x82", b"0\x03\x02\x01\x02", b"\0\0\0\x02bks"]) {
            assert_eq!(Contents::of(bytes), Contents::Unknown, "{bytes:x?}");
        }
    }
}
