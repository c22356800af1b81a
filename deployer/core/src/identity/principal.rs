//! A principal of AWS, as STS names the giver of a call (IAM User Guide, "IAM identifiers"; STS API Reference,
//! GetCallerIdentity).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostics::truncated;
use crate::id::AccountId;

/// The ARN of a user, or of a session of a role, as STS answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", inline)]
pub struct Principal(String);

/// The text is no ARN that STS answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no ARN of a user, a role's session, a federated user or an account's root")]
pub struct InvalidPrincipal(String);

/// The parts of a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrincipalKind<'a> {
    /// A session of a role. STS does not tell the role's path.
    Role {
        /// The role's name.
        role: &'a str,
        /// The session's name.
        session: &'a str,
    },
    /// An IAM user.
    User {
        /// The user's path and name, without a leading slash.
        path_and_name: &'a str,
    },
    /// A user of GetFederationToken, or the root of an account.
    Other,
}

/// An ARN in its parts: the partition, the account, and what is in it.
type Parts<'a> = (&'a str, &'a str, PrincipalKind<'a>);

impl Principal {
    /// Parses an ARN that STS has answered.
    ///
    /// # Errors
    /// [`InvalidPrincipal`] if it is of no form that STS answers.
    pub fn parse(arn: impl Into<String>) -> Result<Self, InvalidPrincipal> {
        let arn = arn.into();
        match parts(&arn) {
            Some(_) => Ok(Self(arn)),
            None => Err(InvalidPrincipal(truncated(&arn))),
        }
    }

    /// Returns the ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the partition.
    #[must_use]
    pub fn partition(&self) -> &str {
        parts(&self.0).map_or("", |(partition, ..)| partition)
    }

    /// Returns the account.
    #[must_use]
    pub fn account(&self) -> &str {
        parts(&self.0).map_or("", |(_, account, _)| account)
    }

    /// Returns what it is in its account.
    #[must_use]
    pub fn kind(&self) -> PrincipalKind<'_> {
        parts(&self.0).map_or(PrincipalKind::Other, |(.., kind)| kind)
    }
}

fn parts(arn: &str) -> Option<Parts<'_>> {
    // IAM API Reference: the characters of names, and of paths before them.
    let is_name = |text: &str| {
        (1..=128).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c))
    };
    let is_path_and_name = |text: &str| {
        text.len() <= 640 && text.rsplit('/').next().is_some_and(is_name) && text.chars().all(|c| c.is_ascii_graphic())
    };
    let mut fields = arn.splitn(6, ':');
    let (Some("arn"), Some(partition), Some(service)) = (fields.next(), fields.next(), fields.next()) else {
        return None;
    };
    let (Some(""), Some(account), Some(resource)) = (fields.next(), fields.next(), fields.next()) else { return None };
    let is_partition = !partition.is_empty() && partition.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    if !is_partition || AccountId::parse(account).is_err() {
        return None;
    }
    let (first, rest) = resource.split_once('/').unwrap_or((resource, ""));
    let kind = match (service, first) {
        ("sts", "assumed-role") => match rest.split_once('/') {
            Some((role, session)) if is_name(role) && is_name(session) => PrincipalKind::Role { role, session },
            _ => return None,
        },
        ("iam", "user") if is_path_and_name(rest) => PrincipalKind::User { path_and_name: rest },
        ("sts", "federated-user") if is_name(rest) => PrincipalKind::Other,
        ("iam", "root") if resource == "root" => PrincipalKind::Other,
        _ => return None,
    };
    Some((partition, account, kind))
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Principal {
    type Error = InvalidPrincipal;
    fn try_from(arn: String) -> Result<Self, InvalidPrincipal> {
        Self::parse(arn)
    }
}

impl From<Principal> for String {
    fn from(principal: Principal) -> String {
        principal.0
    }
}
