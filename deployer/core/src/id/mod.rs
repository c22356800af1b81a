//! The names of things, each a type with one door.
//!
//! Every type here has a private field and one fallible `parse`; serde goes through the same door. Nothing here
//! knows what the names are used for.

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
