//! The names of things, each a type with one door.
//!
//! Every type here has a private field and one fallible `parse`; serde goes through the same door. Nothing here
//! knows what the names are used for.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256 as Hasher};

use crate::names;

/// A text that is not the name it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not {what}: {rule}")]
pub struct InvalidName {
    /// What was expected, with its article: "an account id".
    pub what: &'static str,
    /// The rule in words.
    pub rule: &'static str,
    /// What was found (cut to 200 characters); `***` where it is meant for few.
    pub found: String,
}

macro_rules! names {
    (@shown) => { quoted };
    (@shown $shown:expr) => { $shown };
    ($( $(#[$doc:meta])* $name:ident: $what:literal, $rule:literal, $pattern:literal, $valid:expr $(, $shown:expr)?; )*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("pattern" = $pattern))]
        pub struct $name(String);

        impl $name {
            /// The rule as a regular expression, for schemas and for the infrastructure.
            pub const PATTERN: &'static str = $pattern;

            /// Takes a text that obeys the rule of this name.
            ///
            /// # Errors
            /// [`InvalidName`] with the rule and what was found.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) {
                    Ok(Self(text))
                } else {
                    let shown: fn(&str) -> String = names!(@shown $($shown)?);
                    Err(InvalidName { what: $what, rule: $rule, found: shown(&text) })
                }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    )* };
}

/// As much of a wrong text as a message repeats.
fn quoted(text: &str) -> String {
    text.chars().take(200).collect()
}

/// Instead of a text that is meant for few.
fn hidden(_: &str) -> String {
    "***".to_owned()
}

/// Between one and `longest` characters, all of them ASCII letters, digits or one of `others`.
fn made_of(text: &str, longest: usize, others: &str) -> bool {
    (1..=longest).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

fn starts_with(text: &str, start: fn(char) -> bool) -> bool {
    text.chars().next().is_some_and(start)
}

names! {
    /// The 12 digits of an AWS account.
    AccountId: "an account id", "12 digits", r"^[0-9]{12}$",
        |t| t.len() == 12 && t.bytes().all(|b| b.is_ascii_digit());

    /// An AWS region's code, such as `eu-west-1` or `us-gov-east-1`.
    Region: "a region", "a region's code such as eu-west-1", r"^[a-z]{2,4}(-[a-z]+)+-[0-9]+$",
        |t| {
            let parts: Vec<&str> = t.split('-').collect();
            parts.len() >= 3
                && t.len() <= 32
                && (2..=4).contains(&parts[0].len())
                && parts[..parts.len() - 1].iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase()))
                && parts.last().is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
        };

    /// A named place to deploy to: `[a-z][a-z0-9-]{0,31}`.
    EnvironmentName: "an environment", "a lower-case letter, then at most 31 of a-z, 0-9 and -",
        r"^[a-z][a-z0-9-]{0,31}$",
        |t| made_of(t, 32, "-") && !t.contains(|c: char| c.is_ascii_uppercase())
            && starts_with(t, |c| c.is_ascii_lowercase());

    /// A function's name: in an object key, and (after the environment's template) in Lambda.
    /// Lambda API Reference, CreateFunction: up to 64 of letters, digits, `-` and `_`.
    FunctionName: "a function name", "1 to 64 of letters, digits, - and _", r"^[A-Za-z0-9_-]{1,64}$",
        |t| made_of(t, 64, "-_");

    /// A function's name, or a pattern of names: `*` stands for any characters.
    FunctionPattern: "a function name or a pattern of names", "1 to 64 of letters, digits, -, _ and *",
        r"^[A-Za-z0-9_*-]{1,64}$", |t| made_of(t, 64, "-_*");

    /// The label CI gave to an artifact: the key's last part without `.zip`.
    Release: "a release", "a letter or digit, then at most 127 of letters, digits and . _ + -",
        r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$",
        |t| made_of(t, 128, "._+-") && starts_with(t, |c| c.is_ascii_alphanumeric());

    /// A number that Lambda's PublishVersion returned.
    Version: "a version", "a number without leading zeros, as PublishVersion returns it", r"^[1-9][0-9]*$",
        |t| made_of(t, 20, "") && t.bytes().all(|b| b.is_ascii_digit()) && !t.starts_with('0');

    /// A Lambda alias's name. Lambda API Reference, CreateAlias: not only digits.
    AliasName: "an alias", "1 to 128 of letters, digits, - and _, not digits only",
        r"^(?!^[0-9]+$)[a-zA-Z0-9_-]{1,128}$",
        |t| made_of(t, 128, "-_") && !t.bytes().all(|b| b.is_ascii_digit());

    /// The name of a role that the deployer assumes. IAM API Reference, CreateRole.
    RoleName: "a role name", "1 to 64 of letters, digits and + = , . @ _ -", r"^[A-Za-z0-9+=,.@_-]{1,64}$",
        |t| made_of(t, 64, "+=,.@_-");

    /// STS API Reference, AssumeRole, ExternalId: 2 to 1,224 characters.
    ExternalId: "an external id", "2 to 1224 of letters, digits and _ + = , . @ : / -",
        r"^[A-Za-z0-9_+=,.@:/-]{2,1224}$",
        |t| t.len() >= 2 && made_of(t, 1224, "_+=,.@:/-"), hidden;

    /// A bucket's name. S3 User Guide, "General purpose bucket naming rules".
    BucketName: "a bucket name", "3 to 63 of a-z, 0-9, . and -", r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        |t| t.len() >= 3 && made_of(t, 63, ".-") && !t.contains(|c: char| c.is_ascii_uppercase())
            && starts_with(t, |c| c.is_ascii_alphanumeric()) && t.ends_with(|c: char| c.is_ascii_alphanumeric());

    /// An execution role of a function: always a full ARN, `arn:<partition>:iam::<account>:role/<path and name>`.
    /// A part of its path that is empty, `.` or `..` could be read as another role.
    RoleArn: "a role's ARN", "arn:<partition>:iam::<account>:role/<name>",
        r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/((?!\.{1,2}/)[A-Za-z0-9+=,.@_-]+/)*(?!\.{1,2}$)[A-Za-z0-9+=,.@_-]+$",
        |t| {
            let parts: Vec<&str> = t.splitn(6, ':').collect();
            matches!(parts[..], ["arn", partition, "iam", "", account, role]
                if partition.starts_with("aws") && AccountId::parse(account).is_ok()
                    && role.strip_prefix("role/").is_some_and(|r| made_of(r, 576, "/+=,.@_-")
                        && r.split('/').all(|part| !["", ".", ".."].contains(&part))))
        };
}

impl Default for RoleName {
    /// The deploy role's, where an environment names no other.
    fn default() -> Self {
        Self(names::DEPLOY_ROLE.to_owned())
    }
}

impl Default for AliasName {
    /// The one that is moved, where an environment names no other.
    fn default() -> Self {
        Self(names::ALIAS.to_owned())
    }
}

impl Version {
    /// The number; versions only grow.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0.parse().unwrap_or(u64::MAX)
    }
}

impl RoleArn {
    /// The account that the role belongs to.
    #[must_use]
    pub fn account(&self) -> AccountId {
        // An account's digits have stood there since it was parsed.
        AccountId(self.0.split(':').nth(4).unwrap_or_default().to_owned())
    }
}

/// The SHA-256 of an artifact, written as Lambda writes `CodeSha256`: base64 with padding.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = r"^[A-Za-z0-9+/]{43}=$"))]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// Takes the base64 text that Lambda answers with.
    ///
    /// # Errors
    /// [`InvalidName`] when it is not 32 bytes in base64.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| InvalidName { what: "a sha256", rule: "32 bytes in base64", found: quoted(text) })
    }

    /// What a hasher that has seen the whole artifact gives.
    #[must_use]
    pub fn finish(hasher: Hasher) -> Self {
        Self(hasher.finalize().into())
    }

    /// The hash of bytes at hand.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Hasher::digest(bytes).into())
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

impl From<Sha256> for String {
    fn from(sha: Sha256) -> String {
        sha.to_string()
    }
}

/// The hash by which a request is known, however often and through whichever door it comes. Written as base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestHash([u8; 32]);

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

    /// As a part of an object's key.
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

impl From<RequestHash> for String {
    fn from(hash: RequestHash) -> String {
        Sha256(hash.0).to_string()
    }
}

/// A text that nobody else draws: it tells one writer of the ledger from another. A ULID of the time it was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Token(ulid::Ulid);

impl Token {
    /// The token of this draw.
    #[must_use]
    pub fn drawn(at: Timestamp, chance: u128) -> Self {
        Self(ulid::Ulid::from_parts(u64::try_from(at.as_millisecond()).unwrap_or(0), chance))
    }

    /// When it was drawn.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        i64::try_from(self.0.timestamp_ms())
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok())
            .unwrap_or_default()
    }

    /// Takes the 26 characters of a ULID.
    ///
    /// # Errors
    /// [`InvalidName`] when the text is not a ULID.
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

impl From<Token> for String {
    fn from(token: Token) -> String {
        token.to_string()
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
    /// The id of the request with this hash, made at this time.
    #[must_use]
    pub fn of(time: Timestamp, request: RequestHash) -> Self {
        let seconds = u64::try_from(time.as_second()).unwrap_or(0);
        let mut random = [0_u8; 16];
        random[6..].copy_from_slice(&request.0[..10]);
        Self(ulid::Ulid::from_parts(seconds * 1000, u128::from_be_bytes(random)))
    }

    /// The request's time, in whole seconds.
    #[must_use]
    pub fn time(self) -> Timestamp {
        let seconds = i64::try_from(self.0.timestamp_ms() / 1000).unwrap_or(i64::MAX);
        Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
    }

    /// Takes the 26 characters of a ULID.
    ///
    /// # Errors
    /// [`InvalidName`] when the text is not a ULID.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        ulid(text, "a deployment id").map(Self)
    }

    /// Whether both are of requests of the same second: their order then says nothing.
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

impl From<DeploymentId> for String {
    fn from(id: DeploymentId) -> String {
        id.to_string()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_name_keeps_its_rule() {
        assert_eq!(RoleName::parse(RoleName::default().as_str()), Ok(RoleName::default()));
        assert_eq!(AliasName::parse(AliasName::default().as_str()), Ok(AliasName::default()));
        assert!(AccountId::parse("123456789012").is_ok());
        assert!(AccountId::parse("12345678901").is_err());
        for good in ["eu-west-1", "us-gov-east-1", "ap-southeast-4", "mx-central-1"] {
            assert!(Region::parse(good).is_ok(), "{good}");
        }
        for bad in ["eu", "eu-west", "eu-west-", "EU-WEST-1", "eu--1", ""] {
            assert!(Region::parse(bad).is_err(), "{bad}");
        }
        assert!(EnvironmentName::parse("a".repeat(32)).is_ok());
        for bad in ["a".repeat(33).as_str(), "Dev", "1dev", "-dev", "", "dev_1"] {
            assert!(EnvironmentName::parse(bad).is_err(), "{bad}");
        }
        assert!(Release::parse("1.4.2+build-7").is_ok());
        assert!(Release::parse(".hidden").is_err());
        for bad in ["0", "01", "$LATEST", "1a", ""] {
            assert!(Version::parse(bad).is_err(), "{bad}");
        }
        assert!(AliasName::parse("42").is_err());
        assert!(RoleArn::parse("arn:aws:iam::111111111111:role/app/orders").is_ok());
        for bad in ["arn:aws:iam::1:role/x", "arn:aws:iam::111111111111:user/x", "arn:aws:iam::111111111111:role/"] {
            assert!(RoleArn::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn external_ids_rule_names_each_sign_that_is_taken_and_no_id() {
        let error = ExternalId::parse("a b").unwrap_err();
        assert!(!error.to_string().contains("a b"), "{error}");
        for sign in (' '..='~').filter(|sign| !sign.is_ascii_alphanumeric() && *sign != ' ') {
            let named = error.rule.split(' ').any(|word| word == sign.to_string());
            assert_eq!(ExternalId::parse(format!("a{sign}")).is_ok(), named, "{sign}");
        }
    }

    #[test]
    fn a_role_knows_its_account() {
        let role = RoleArn::parse("arn:aws:iam::111111111111:role/app/orders").unwrap();
        assert_eq!(role.account(), AccountId::parse("111111111111").unwrap());
    }

    #[test]
    fn a_sha256_reads_as_lambda_writes_it() {
        let sha = Sha256::of(b"hello");
        assert_eq!(sha.to_string(), "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=");
        assert_eq!(Sha256::parse(&sha.to_string()).unwrap(), sha);
        assert!(Sha256::parse("aGVsbG8=").is_err());
    }

    #[test]
    fn no_two_lists_of_parts_have_the_same_identity() {
        assert_ne!(RequestHash::of(&["ab", "c"]), RequestHash::of(&["a", "bc"]));
        assert_ne!(RequestHash::of(&["a"]), RequestHash::of(&["a", ""]));
    }

    proptest! {
        #[test]
        fn ids_sort_by_time_and_round_trip(a in 0_i64..4_000_000_000, b in 0_i64..4_000_000_000, x in ".*", y in ".*") {
            let id = |second, text: &str| DeploymentId::of(Timestamp::from_second(second).unwrap(), RequestHash::of(&[text]));
            let (first, second) = (id(a, &x), id(b, &y));
            prop_assert_eq!(DeploymentId::parse(&first.to_string()).unwrap(), first);
            if a < b {
                prop_assert!(first.to_string() < second.to_string());
            }
        }

        #[test]
        fn a_name_that_parses_reads_back_as_itself(text in "[A-Za-z0-9._+-]{1,40}") {
            if let Ok(release) = Release::parse(text.clone()) {
                prop_assert_eq!(release.as_str(), text.as_str());
                let json = serde_json::to_string(&release).unwrap();
                prop_assert_eq!(serde_json::from_str::<Release>(&json).unwrap(), release);
            }
        }
    }
}
