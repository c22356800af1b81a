//! Names and ids, each a type with one parser.
//!
//! Every type here has a private field and one fallible `parse`, which serde uses too. Nothing here knows the use of
//! the names.

mod hash;
mod invalid;
mod name;
#[cfg(test)]
mod tests;
mod ulid;

pub use hash::{RequestHash, Sha256};
pub use invalid::InvalidName;
pub use name::{
    AccountId, AliasName, BucketName, EnvironmentName, ExternalId, FunctionName, FunctionPattern, Region, Release,
    RoleArn, RoleName, Version,
};
pub use ulid::{DeploymentId, Token};
