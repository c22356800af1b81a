//! A change that somebody else makes to an alias during a rollout.

use serde::{Deserialize, Serialize};

use crate::id::Version;
use crate::text::PlainText;

/// A change that somebody else has made to the alias of a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignAlias {
    /// The traffic that the alias was expected to serve, and the one that it was found to serve.
    pub said: PlainText,
    /// The version that was found to get all traffic; none where several share it, or there is no alias.
    pub alone: Option<Version>,
}

impl std::fmt::Display for ForeignAlias {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.said.as_str())
    }
}
