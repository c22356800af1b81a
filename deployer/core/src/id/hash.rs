//! Hashes of artifacts and of requests.

use std::fmt;

use base64::Engine as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256 as Hasher};

use super::invalid::{InvalidName, quoted};

/// The SHA-256 of an artifact, written as Lambda writes `CodeSha256`: base64 with padding.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = r"^[A-Za-z0-9+/]{43}=$"))]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// Parses the base64 text that Lambda answers with.
    ///
    /// # Errors
    /// [`InvalidName`] if it is not 32 bytes in base64.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| InvalidName { what: "a sha256", rule: "32 bytes in base64", found: quoted(text) })
    }

    /// Returns the hash from a hasher that was fed the whole artifact.
    #[must_use]
    pub fn finish(hasher: Hasher) -> Self {
        Self(hasher.finalize().into())
    }

    /// Hashes bytes in memory.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Hasher::digest(bytes).into())
    }

    /// Returns the hash in hexadecimal digits, as `sha256sum` prints it. Texts for people have it so; JSON has base64.
    #[must_use]
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns the first twelve hexadecimal digits, for texts where the whole hash has no room.
    #[must_use]
    pub fn to_short_hex(&self) -> String {
        self.to_hex().chars().take(12).collect()
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64::engine::general_purpose::STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

impl TryFrom<String> for Sha256 {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

/// The identity of a request, the same however often and by whichever way it comes. Written as base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestHash(pub(super) [u8; 32]);

impl RequestHash {
    /// Hashes the parts of an identity, each with its length, so that no two lists of parts look alike.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        let mut hasher = Hasher::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        Self(hasher.finalize().into())
    }

    /// Returns the hash in hexadecimal, as a part of an object's key.
    #[must_use]
    pub fn in_key(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl TryFrom<String> for RequestHash {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Sha256::parse(&text).map(|Sha256(bytes)| Self(bytes))
    }
}

impl From<Sha256> for String {
    fn from(sha: Sha256) -> String {
        sha.to_string()
    }
}

impl From<RequestHash> for String {
    fn from(hash: RequestHash) -> String {
        Sha256(hash.0).to_string()
    }
}
