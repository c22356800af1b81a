//! The status of a deployment, and the code of the reason for it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The status of a deployment, or of one of its targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted, and waiting for something that `because` names.
    Pending,
    /// Under way.
    InProgress,
    /// Live on every target.
    Succeeded,
    /// Every target already served exactly this code and configuration.
    Unchanged,
    /// A newer deployment took its place.
    Superseded,
    /// A rule refused it; nothing was tried.
    Refused,
    /// At least one target failed.
    Failed,
    /// Rolled back by the deployer itself.
    RolledBack,
}

impl Status {
    /// Whether it is final. An ended record is never changed.
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

/// The reason for which a deployment is not succeeded or unchanged.
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
    Unhealthy,
    AlarmFired,
    Aborted,
    /// A code that only a newer deployer knows.
    #[serde(other, rename = "?")]
    #[schemars(skip)]
    Unknown,
}
