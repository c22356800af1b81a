//! The place of a deployment, whatever the configuration says meanwhile.

use serde::{Deserialize, Serialize};

use crate::config::{DeployRole, Target};
use crate::id::{AliasName, FunctionName};

/// The targets, the alias and the function's name that a deployment is claimed for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedFor {
    /// The targets.
    pub targets: Vec<Target>,
    /// The alias that moves.
    pub alias: AliasName,
    /// The function's name in the targets.
    pub function_name: FunctionName,
}

/// The place that a deployment was claimed for, and the role by which the deployer enters its targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenPlace {
    /// The targets, the alias and the function's name.
    pub claimed_for: ClaimedFor,
    /// The role.
    pub role: DeployRole,
}
