//! The ways by which releases come to an environment, and go on from it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::id::EnvironmentName;

/// The ways by which releases come to an environment, and go on from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseWays {
    /// Whether it takes uploads and deploy commands.
    pub uploads: bool,
    /// Whether it takes promotions.
    pub promotions: bool,
    /// Whether another environment takes promotions from it.
    pub promoted_from: bool,
}

impl ReleaseWays {
    /// Returns the ways of an environment; none if deployer.json does not have it.
    #[must_use]
    pub fn of(config: &Config, name: &EnvironmentName) -> Option<Self> {
        let environment = config.environments.get(name)?;
        let mut promotions = config.environments.values().filter_map(|other| other.promotion.as_ref());
        Some(Self {
            uploads: environment.accept_uploads,
            promotions: environment.promotion.is_some(),
            promoted_from: promotions.any(|promotion| promotion.from.contains(name)),
        })
    }
}
