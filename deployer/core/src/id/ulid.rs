//! ULIDs: the id of a deployment, and the token of a writer.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::hash::RequestHash;
use super::invalid::{InvalidName, quoted};

/// A random text that tells one writer of the ledger from another: a ULID of the time at which it was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Token(ulid::Ulid);

impl Token {
    /// Makes a token of a time and a random number.
    #[must_use]
    pub fn drawn(at: Timestamp, chance: u128) -> Self {
        Self(ulid::Ulid::from_parts(u64::try_from(at.as_millisecond()).unwrap_or(0), chance))
    }

    /// Returns the time at which it was drawn.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        i64::try_from(self.0.timestamp_ms())
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok())
            .unwrap_or_default()
    }

    /// Parses the 26 characters of a ULID.
    ///
    /// # Errors
    /// [`InvalidName`] if the text is not a ULID.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        ulid(text, "a token").map(Self)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Token {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

fn ulid(text: &str, what: &'static str) -> Result<ulid::Ulid, InvalidName> {
    ulid::Ulid::from_string(text).ok().filter(|ulid| ulid.to_string() == text).ok_or_else(|| InvalidName {
        what,
        rule: "a ULID: 26 characters of Crockford's base32, in capitals",
        found: quoted(text),
    })
}

/// A deployment's id: a ULID of the request's time in whole seconds and the request's hash, so that ids sort by
/// time and the same request gets the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$"))]
pub struct DeploymentId(ulid::Ulid);

impl DeploymentId {
    /// Makes the id for the request with this time and hash.
    #[must_use]
    pub fn of(time: Timestamp, request: RequestHash) -> Self {
        let seconds = u64::try_from(time.as_second()).unwrap_or(0);
        let mut random = [0_u8; 16];
        random[6..].copy_from_slice(&request.0[..10]);
        Self(ulid::Ulid::from_parts(seconds * 1000, u128::from_be_bytes(random)))
    }

    /// Returns the request's time, in whole seconds.
    #[must_use]
    pub fn time(self) -> Timestamp {
        let seconds = i64::try_from(self.0.timestamp_ms() / 1000).unwrap_or(i64::MAX);
        Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
    }

    /// Parses the 26 characters of a ULID.
    ///
    /// # Errors
    /// [`InvalidName`] if the text is not a ULID.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        ulid(text, "a deployment id").map(Self)
    }

    /// Whether the requests of both were made in the same second. Their order then means nothing.
    #[must_use]
    pub fn is_of_the_second_of(self, other: Self) -> bool {
        self.0.timestamp_ms() / 1000 == other.0.timestamp_ms() / 1000
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for DeploymentId {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Token> for String {
    fn from(token: Token) -> String {
        token.to_string()
    }
}

impl From<DeploymentId> for String {
    fn from(id: DeploymentId) -> String {
        id.to_string()
    }
}
