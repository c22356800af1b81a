//! A door, as the head stores it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Target;
use crate::id::{DeploymentId, Version};
use crate::observed::RevisionId;
use crate::record::Previous;

/// A write to a target's alias that may take effect late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Door {
    /// The target.
    #[serde(flatten)]
    pub target: Target,
    /// The alias's RevisionId that the write names; absent: the alias is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<RevisionId>,
    /// The version that the alias would serve; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The deployment whose write it is.
    pub deployment: DeploymentId,
    /// The time at which it was opened.
    pub since: Timestamp,
    /// The time from which on the write cannot take effect any more: 15 minutes after it can have been sent at the
    /// latest.
    pub until: Timestamp,
}

/// The version that a target's alias was seen to serve before a deployment first wrote to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedBefore {
    /// The target.
    #[serde(flatten)]
    pub target: Target,
    /// The version; none: there was no alias, or it served `$LATEST`.
    pub previous: Option<Previous>,
}

/// A door that is about to be opened, and the version that the alias serves until then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The door.
    pub door: Door,
    /// The version that the alias serves.
    pub previous: Option<Previous>,
}
