//! The ends of rollouts: the release that was taken back, and the end of one that a word was about.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::head::Head;
use crate::id::{DeploymentId, Release};
use crate::record::{DeploymentRecord, Status};
use crate::text::PlainText;

/// A release that a rollout has brought and taken back, before it was live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TakenBack {
    /// The release.
    pub release: Release,
    /// The deployment that had brought it. Its record says why it was taken back.
    pub deployment: DeploymentId,
    /// The time at which that deployment ended.
    pub at: Timestamp,
}

impl TakenBack {
    /// Returns what was taken back last; none where something has become live since.
    pub(super) fn of(head: &Head) -> Option<Self> {
        let left = head.left().iter().find(|left| left.taken_back)?;
        let live_since = head.live().map(|live| live.naming().since);
        let is_last = live_since.is_none_or(|since| since < left.since);
        is_last.then(|| Self { release: left.release.clone(), deployment: left.deployment, at: left.since })
    }
}

/// The rollout that a word was about, and which has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndedRollout {
    /// The deployment.
    pub deployment: DeploymentId,
    /// The release that it brought.
    pub release: Option<Release>,
    /// The status in which it has ended.
    pub status: Status,
    /// The reason in a sentence.
    pub because: Option<PlainText>,
}

impl EndedRollout {
    /// Makes the end from the record of the deployment; none while that has not ended.
    #[must_use]
    pub fn of(record: &DeploymentRecord) -> Option<Self> {
        let because = record.because.as_deref().map(PlainText::from);
        let (deployment, release, status) = (record.id, record.release.clone(), record.status);
        status.is_ended().then_some(Self { deployment, release, status, because })
    }
}
