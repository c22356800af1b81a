//! Values of a manifest with rules of their own: runtimes, roles, secrets, reserved concurrency.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use crate::diagnostics::truncated;
use crate::id::{AccountId, InvalidName, RoleArn, RoleName};

/// The identifier of a runtime. The list is not closed, because Lambda adds and retires runtimes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = r"^[a-z0-9.]{1,64}$"))]
pub struct Runtime(String);

impl Runtime {
    /// Parses a runtime's identifier.
    ///
    /// # Errors
    /// [`InvalidName`] with the rule and what was found.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidName> {
        let text = text.into();
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.';
        if (1..=64).contains(&text.len()) && text.chars().all(fits) {
            Ok(Self(text))
        } else {
            Err(InvalidName { what: "a runtime", rule: "1 to 64 of a-z, 0-9 and .", found: truncated(&text) })
        }
    }

    /// Returns the identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the zip brings its own runtime, as a file `bootstrap`.
    #[must_use]
    pub fn is_provided(&self) -> bool {
        self.0 == "provided" || self.0.starts_with("provided.")
    }
}

impl TryFrom<String> for Runtime {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::parse(text)
    }
}

impl From<Runtime> for String {
    fn from(runtime: Runtime) -> String {
        runtime.0
    }
}

/// The execution role that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ExecutionRole {
    /// A role's name, optionally with a path, in the account of each target.
    Name(RolePath),
    /// The ARN of a role in one account.
    Arn(RoleArn),
}

/// A role's name with its path before it: `orders-api`, `app/orders-api`. IAM API Reference, CreateRole.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RolePath(String);

impl RolePath {
    fn parse(text: String) -> Result<Self, InvalidName> {
        let name = text.rsplit('/').next().unwrap_or_default();
        // The rules of the path are those of a role's ARN.
        if RoleName::parse(name).is_ok() && arn_in("aws", "000000000000", &text).is_ok() {
            Ok(Self(text))
        } else {
            Err(InvalidName { what: "a role", rule: "a name, path/name or a role's full ARN", found: truncated(&text) })
        }
    }

    /// Returns path and name, without a leading slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn arn_in(partition: &str, account: &str, path_and_name: &str) -> Result<RoleArn, InvalidName> {
    RoleArn::parse(format!("arn:{partition}:iam::{account}:role/{path_and_name}"))
}

/// A manifest names a role that belongs to another account or partition than the target's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the role {found} does not belong to the account {expected} of the target; name the role without its account")]
pub struct ForeignRole {
    /// The target's account.
    pub expected: AccountId,
    /// The role that was named.
    pub found: String,
}

impl ExecutionRole {
    /// Parses a name, a path with a name, or an ARN.
    ///
    /// # Errors
    /// [`InvalidName`] with the rule and what was found.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidName> {
        let text = text.into();
        if text.starts_with("arn:") {
            RoleArn::parse(text).map(Self::Arn)
        } else {
            RolePath::parse(text).map(Self::Name)
        }
    }

    /// Returns the name or ARN as the manifest has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Name(path) => path.as_str(),
            Self::Arn(arn) => arn.as_str(),
        }
    }

    /// Returns path and name, without the account.
    #[must_use]
    pub fn path_and_name(&self) -> &str {
        match self {
            Self::Name(path) => path.as_str(),
            Self::Arn(arn) => arn.as_str().split_once(":role/").map_or("", |(_, path_and_name)| path_and_name),
        }
    }

    /// Returns the role's ARN in a target's partition and account.
    ///
    /// # Errors
    /// [`ForeignRole`] if the manifest names a role of another account or partition.
    pub fn in_account(&self, partition: &str, account: &AccountId) -> Result<RoleArn, ForeignRole> {
        let foreign = || ForeignRole { expected: account.clone(), found: self.as_str().to_owned() };
        match self {
            Self::Name(path) => arn_in(partition, account.as_str(), path.as_str()).map_err(|_| foreign()),
            Self::Arn(arn) if arn.as_str().starts_with(&format!("arn:{partition}:iam::{account}:")) => Ok(arn.clone()),
            Self::Arn(_) => Err(foreign()),
        }
    }
}

impl TryFrom<String> for ExecutionRole {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::parse(text)
    }
}

impl From<ExecutionRole> for String {
    fn from(role: ExecutionRole) -> String {
        role.as_str().to_owned()
    }
}

impl JsonSchema for ExecutionRole {
    fn schema_name() -> Cow<'static, str> {
        "ExecutionRole".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^(arn:aws[a-z-]*:iam::[0-9]{12}:role/)?((?!\.{1,2}/)[A-Za-z0-9+=,.@_-]+/)*(?!\.{1,2}$)[A-Za-z0-9+=,.@_-]{1,64}$",
        })
    }
}

/// The value of a variable. It is never printed or serialized; only [`Secret::expose`] returns it.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Returns the value itself. Only calls to Lambda may use it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str("***")
    }
}

/// An amount of memory in GiB, above 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schemars(extend("exclusiveMinimum" = 0))]
pub struct Gib(f64);

/// The number is finite, so it equals itself.
impl Eq for Gib {}

impl TryFrom<f64> for Gib {
    type Error = String;
    fn try_from(number: f64) -> Result<Self, String> {
        if number.is_finite() && number > 0.0 {
            Ok(Self(number))
        } else {
            Err(format!("{number} is out of range: above 0"))
        }
    }
}

impl From<Gib> for f64 {
    fn from(amount: Gib) -> f64 {
        amount.0
    }
}

/// The number of executions that are reserved for a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub enum ReservedConcurrency {
    /// No executions are reserved: the function shares the account's unreserved ones. Written -1, as in Terraform.
    Unreserved,
    /// This many executions are reserved. 0 keeps the function from running.
    Reserved(i32),
}

impl TryFrom<i64> for ReservedConcurrency {
    type Error = String;
    fn try_from(number: i64) -> Result<Self, String> {
        match i32::try_from(number) {
            Ok(-1) => Ok(Self::Unreserved),
            Ok(number) if number >= 0 => Ok(Self::Reserved(number)),
            _ => Err(format!("{number} is out of range: -1 (none reserved) to {}", i32::MAX)),
        }
    }
}

impl From<ReservedConcurrency> for i64 {
    fn from(reserved: ReservedConcurrency) -> i64 {
        match reserved {
            ReservedConcurrency::Unreserved => -1,
            ReservedConcurrency::Reserved(number) => number.into(),
        }
    }
}
