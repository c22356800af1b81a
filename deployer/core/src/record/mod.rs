//! The record of a deployment, which people, CI and the deployer itself read.

mod artifact;
mod cause;
mod deployment;
mod ended_waiting;
mod ending;
mod exception;
mod promotion;
mod rollout;
mod status;
mod target;

pub use artifact::RecordedArtifact;
pub use cause::{Cause, CauseKind, RecallCause};
pub use deployment::{DeploymentRecord, SCHEMA};
pub use ended_waiting::EndedWaiting;
pub use ending::Ending;
pub use exception::Exception;
pub use promotion::{Approved, RecordedPromotion, account_name};
pub use rollout::{RecordedMove, RecordedRollout};
pub use status::{Code, Status};
pub use target::{Previous, TargetError, TargetErrorCode, TargetOutcome, Weight};
