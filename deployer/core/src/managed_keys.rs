//! The keys that the deployer manages on a function.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The names (never the values) of variables and tags that a deployment has set, so that a later one can remove those
/// that are no longer named.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ManagedKeys {
    /// Environment variables.
    pub variables: BTreeSet<String>,
    /// Tags.
    pub tags: BTreeSet<String>,
}

impl ManagedKeys {
    /// These and those.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self { variables: &self.variables | &other.variables, tags: &self.tags | &other.tags }
    }
}
