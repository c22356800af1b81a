//! The reason why a rollout goes back.

use serde::{Deserialize, Serialize};

use crate::text::{Person, PlainText};

/// The reason why a rollout goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abort {
    /// Its kind.
    pub reason: AbortReason,
    /// The person who asked for it; none: the deployer.
    pub by: Option<Person>,
    /// The reason in a sentence.
    pub because: PlainText,
}

/// The kind of the reason why a rollout goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbortReason {
    /// A target could not publish.
    PublishFailed,
    /// A smoke test failed.
    SmokeTestFailed,
    /// The guard's verdict was bad, or the release could not be proven.
    Unhealthy,
    /// An alarm fired.
    AlarmFired,
    /// A person asked for it.
    Aborted,
    /// A pause lasted too long.
    Expired,
    /// Something newer takes its place.
    Superseded,
    /// The release was rejected.
    Rejected,
    /// Somebody else changed an alias.
    ForeignChange,
    /// The deployer could not move an alias.
    MoveFailed,
    /// Another function of its group did not get there.
    GroupWentBack,
}

impl Abort {
    /// Makes the reason of a rollout that nobody asked to stop.
    pub(super) fn by_deployer(reason: AbortReason, because: impl Into<PlainText>) -> Self {
        Self { reason, by: None, because: because.into() }
    }
}
