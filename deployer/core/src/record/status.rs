//! How far a deployment is, and the rule by which it got no further.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a deployment, or one target of it, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted; waits for something that `because` names.
    Pending,
    /// Being worked on.
    InProgress,
    /// Live on every target.
    Succeeded,
    /// Every target already served exactly this code and configuration.
    Unchanged,
    /// A newer one took its place.
    Superseded,
    /// A rule said no; nothing was tried.
    Refused,
    /// At least one target did not get there.
    Failed,
    /// Undone by the deployer itself.
    RolledBack,
}

impl Status {
    /// Whether nothing more will happen to it. An ended record is never changed.
    #[must_use]
    pub fn is_ended(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::InProgress => "in progress",
            Self::Succeeded => "succeeded",
            Self::Unchanged => "unchanged",
            Self::Superseded => "superseded",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::RolledBack => "rolled back",
        })
    }
}

/// Why a deployment is not succeeded or unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Code {
    InvalidArtifact,
    InvalidManifest,
    ArtifactGone,
    UploadsNotAccepted,
    ImmutableRelease,
    Held,
    Rejected,
    Superseded,
    NothingToRollBack,
    NotLive,
    NotPromotable,
    Expired,
    SoakCancelled,
    LiveChanged,
    TargetFailed,
    Waiting,
    /// A newer deployer's.
    #[serde(other, rename = "?")]
    #[schemars(skip)]
    Unknown,
}
