//! Patterns of the principals whose approvals count.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::resource_pattern::is_like;
use crate::diagnostics;
use crate::id::AccountId;
use crate::identity::{Principal, PrincipalKind};

/// The path of the roles that IAM Identity Center makes.
const IDENTITY_CENTER_PATH: &str = "aws-reserved/sso.amazonaws.com/";

/// The ARN of a role or a user, in which a `*` in the name stands for any characters but `/`.
///
/// STS does not tell the path of a role, so the path of a role's ARN is not compared: in an account, a role's name is
/// enough to find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = PrincipalPattern::PATTERN))]
pub struct PrincipalPattern {
    arn: String,
}

/// The text is no pattern of principals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} {because}")]
pub struct InvalidPrincipalPattern {
    found: String,
    because: &'static str,
}

const FORM: &str = "is not the ARN of a role or a user in one account, such as \
                    arn:aws:iam::123456789012:role/release-*";
const SESSION: &str = "is the ARN of a session: name its role, arn:aws:iam::<account>:role/<name>";
const PATH_AND_STAR: &str = "has a path and a * in its name: STS does not tell the path of a role, so roles of other \
                             paths would count too; leave the path out, or the *";

impl PrincipalPattern {
    /// The form of a pattern as a regular expression.
    pub const PATTERN: &'static str =
        r"^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/([!-)+-.0->@-~]+/)*[A-Za-z0-9_+=,.@*-]+$";

    /// Parses a pattern.
    ///
    /// # Errors
    /// [`InvalidPrincipalPattern`] with the rule that it breaks.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidPrincipalPattern> {
        let arn = text.into();
        let invalid = |because| InvalidPrincipalPattern { found: diagnostics::truncated(&arn), because };
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        if let ["arn", _, "sts", ..] = parts[..] {
            return Err(invalid(SESSION));
        }
        let ["arn", partition, "iam", "", account, resource] = parts[..] else { return Err(invalid(FORM)) };
        let is_partition =
            partition.starts_with("aws") && partition.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        let Some(("role" | "user", path_and_name)) = resource.split_once('/') else { return Err(invalid(FORM)) };
        let (path, name) = self::path_and_name(path_and_name);
        let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-*".contains(c);
        let is_path = path_and_name.len() <= 640
            && path.chars().all(|c| c.is_ascii_graphic() && c != '*' && c != '?')
            && path_and_name.split('/').all(|part| !part.is_empty());
        let is_name = (1..=128).contains(&name.len()) && name.chars().all(fits);
        if !is_partition || AccountId::parse(account).is_err() || !is_name || !is_path {
            return Err(invalid(FORM));
        }
        let is_identity_center =
            format!("{path}/").starts_with(IDENTITY_CENTER_PATH) && name.starts_with("AWSReservedSSO_");
        if resource.starts_with("role/") && !path.is_empty() && name.contains('*') && !is_identity_center {
            return Err(invalid(PATH_AND_STAR));
        }
        Ok(Self { arn })
    }

    /// Returns the pattern as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.arn
    }

    /// Whether it matches a principal.
    #[must_use]
    pub fn matches(&self, principal: &Principal) -> bool {
        if principal.partition() != self.partition() || principal.account() != self.account() {
            return false;
        }
        match principal.kind() {
            PrincipalKind::Role { role, .. } => self.is_role() && is_like(role, self.name()),
            PrincipalKind::User { path_and_name: found } => {
                let ((path, name), (own_path, own_name)) = (path_and_name(found), path_and_name(self.path_and_name()));
                !self.is_role() && path == own_path && is_like(name, own_name)
            }
            PrincipalKind::Other => false,
        }
    }

    /// Returns its partition.
    #[must_use]
    pub fn partition(&self) -> &str {
        self.arn.split(':').nth(1).unwrap_or_default()
    }

    fn account(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }

    fn resource(&self) -> &str {
        self.arn.splitn(6, ':').nth(5).unwrap_or_default()
    }

    fn path_and_name(&self) -> &str {
        self.resource().split_once('/').map_or("", |(_, path_and_name)| path_and_name)
    }

    /// Returns the name of the role or the user, which may have `*` in it.
    pub(super) fn name(&self) -> &str {
        self.resource().rsplit('/').next().unwrap_or_default()
    }

    /// Whether it means roles.
    pub(super) fn is_role(&self) -> bool {
        self.resource().starts_with("role/")
    }

    /// Whether it means one role or user.
    pub(super) fn is_exact(&self) -> bool {
        !self.arn.contains('*')
    }

    /// Returns a role's ARN without its path, as STS tells it; a user's as it is.
    pub(super) fn without_path(&self) -> String {
        match self.is_role() {
            true => format!("arn:{}:iam::{}:role/{}", self.partition(), self.account(), self.name()),
            false => self.arn.clone(),
        }
    }
}

/// Returns the path and the name of a user.
fn path_and_name(text: &str) -> (&str, &str) {
    text.rsplit_once('/').unwrap_or(("", text))
}

impl fmt::Display for PrincipalPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)
    }
}

impl TryFrom<String> for PrincipalPattern {
    type Error = InvalidPrincipalPattern;
    fn try_from(text: String) -> Result<Self, InvalidPrincipalPattern> {
        Self::parse(text)
    }
}

impl From<PrincipalPattern> for String {
    fn from(pattern: PrincipalPattern) -> String {
        pattern.arn
    }
}
