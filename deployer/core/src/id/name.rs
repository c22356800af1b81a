//! Names: of environments, functions, releases, accounts, roles and buckets.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::invalid::{InvalidName, quoted};
use crate::names;

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
            /// The rule as a regular expression, for schemas and for Terraform.
            pub const PATTERN: &'static str = $pattern;

            /// Parses a text that obeys the rule of this name.
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

            /// Returns the name as text.
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

/// Replaces a text that may be a secret.
fn hidden(_: &str) -> String {
    "***".to_owned()
}

/// Whether a text has one to `longest` characters, all of them ASCII letters, digits or one of `others`.
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

    /// The name of an environment: a lower-case letter, then at most 31 of `a-z`, `0-9` and `-`.
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

    /// A Lambda alias's name: at most 128 letters, digits, `-` and `_`, and not only digits (Lambda API Reference,
    /// CreateAlias).
    AliasName: "an alias", "1 to 128 of letters, digits, - and _, not digits only",
        r"^(?!^[0-9]+$)[a-zA-Z0-9_-]{1,128}$",
        |t| made_of(t, 128, "-_") && !t.bytes().all(|b| b.is_ascii_digit());

    /// The name of a role that the deployer assumes, with its path before it where it has one: `platform/deployer-target`
    /// (IAM API Reference, CreateRole).
    RoleName: "a role name", "1 to 64 of letters, digits and + = , . @ _ -, perhaps with a path before it (platform/deployer)",
        r"^((?!\.{1,2}/)[A-Za-z0-9+=,.@_-]+/)*(?!\.{1,2}$)[A-Za-z0-9+=,.@_-]{1,64}$",
        |t| made_of(t, 576, "/+=,.@_-") && t.split('/').all(|part| !["", ".", ".."].contains(&part))
            && t.rsplit('/').next().is_some_and(|name| name.len() <= 64);

    /// An external id of a role's trust policy: 2 to 1,224 letters, digits and `_+=,.@:/-` (STS API Reference, AssumeRole).
    ExternalId: "an external id", "2 to 1224 of letters, digits and _ + = , . @ : / -",
        r"^[A-Za-z0-9_+=,.@:/-]{2,1224}$",
        |t| t.len() >= 2 && made_of(t, 1224, "_+=,.@:/-"), hidden;

    /// A bucket's name: 3 to 63 of `a-z`, `0-9`, `.` and `-` (S3 User Guide, "General purpose bucket naming rules").
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
    /// Returns the deploy role's default name.
    fn default() -> Self {
        Self(names::DEPLOY_ROLE.to_owned())
    }
}

impl Default for AliasName {
    /// Returns the alias's default name.
    fn default() -> Self {
        Self(names::ALIAS.to_owned())
    }
}

impl Version {
    /// Returns the number. Lambda gives out increasing numbers.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0.parse().unwrap_or(u64::MAX)
    }
}

impl RoleArn {
    /// Returns the account that the role belongs to.
    #[must_use]
    pub fn account(&self) -> AccountId {
        // Parsing has checked that the account's digits are there.
        AccountId(self.0.split(':').nth(4).unwrap_or_default().to_owned())
    }
}
