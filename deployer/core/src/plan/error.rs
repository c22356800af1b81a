//! The reason why there is no plan.

use crate::package::PackageError;
use crate::record::{TargetError, TargetErrorCode};

/// The reason why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The artifact breaks a rule about zips, for the function as it is or shall be.
    #[error("{0}")]
    IncompatiblePackage(PackageError),
    /// The plan would make a function that nobody knows, where uploads make none.
    #[error("{0}")]
    UnknownFunction(String),
    /// The target or its configuration is at fault.
    #[error(transparent)]
    Target(#[from] TargetError),
}

impl From<PlanError> for TargetError {
    fn from(no_plan: PlanError) -> Self {
        match no_plan {
            PlanError::IncompatiblePackage(error) => {
                Self::new(TargetErrorCode::InvalidConfiguration, "plan", error.to_string())
            }
            PlanError::UnknownFunction(because) => Self::new(TargetErrorCode::InvalidConfiguration, "plan", because),
            PlanError::Target(error) => error,
        }
    }
}
