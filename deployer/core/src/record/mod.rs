//! The record of a deployment, which people, CI and the deployer itself read.

mod artifact;
mod cause;
mod deployment;
mod ending;
mod promotion;
mod status;
mod target;

pub use artifact::RecordedArtifact;
pub use cause::{Cause, CauseKind};
pub use deployment::{DeploymentRecord, SCHEMA};
pub use ending::Ending;
pub use promotion::{Approved, RecordedPromotion, account_name};
pub use status::{Code, Status};
pub use target::{Previous, TargetError, TargetErrorCode, TargetOutcome, Weight};
