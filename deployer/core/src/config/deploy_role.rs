//! The role by which the deployer enters the accounts of an environment's targets.

use serde::{Deserialize, Serialize};

use super::Environment;
use crate::id::{ExternalId, RoleName};

/// The role that the deployer assumes in each target account of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployRole {
    /// Its name in each account.
    pub name: RoleName,
    /// The external id that its trust policies ask for. It is no secret: it opens nothing to anybody but the deployer,
    /// and whoever reads heads reads it in deployer.json too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
}

impl Environment {
    /// Returns the role that the deployer assumes in the target accounts.
    #[must_use]
    pub fn deploy_role(&self) -> DeployRole {
        DeployRole { name: self.role_name.clone(), external_id: self.external_id.clone() }
    }
}
