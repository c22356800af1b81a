//! The commands that an environment takes from proven identities only.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

/// A command that an environment may take from proven identities only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProvenCommand {
    /// Holding a function here, and ending the hold.
    Hold,
    /// Rejecting a release, and ending the reject: it concerns every environment, so this one too.
    Reject,
    /// Recalling a release: it concerns every environment, so this one too.
    Recall,
    /// Promoting into this environment in spite of a freeze.
    OverrideFreeze,
    /// Pausing, continuing, finishing and aborting a rollout here.
    Rollout,
}

impl fmt::Display for ProvenCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hold => "hold",
            Self::Reject => "reject",
            Self::Recall => "recall",
            Self::OverrideFreeze => "override-freeze",
            Self::Rollout => "rollout",
        })
    }
}
