//! The variables and tags that the deployer manages on a function.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The names (never the values) of the variables and tags that a deployment set. A later deployment removes those that
/// its manifest no longer names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ManagedKeys {
    /// The names of environment variables.
    pub variables: BTreeSet<String>,
    /// The keys of tags.
    pub tags: BTreeSet<String>,
}

impl ManagedKeys {
    /// Returns the union of both.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self { variables: &self.variables | &other.variables, tags: &self.tags | &other.tags }
    }
}
