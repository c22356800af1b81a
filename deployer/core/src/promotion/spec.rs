//! The part of a request that only promotions have.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::head::ResolvedArtifact;
use crate::id::{DeploymentId, EnvironmentName, Release, Token};
use crate::record::{Approved, RecordedPromotion};
use crate::text::PlainText;

/// The parameters of a promotion, which suffice to continue it without the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotionSpec {
    /// The environment that the artifact comes from.
    pub from: EnvironmentName,
    /// The release, if it was named. A named release need not be live any more.
    pub named: Option<Release>,
    /// The artifact, which is fixed when the request is accepted; none if `from` had no such artifact.
    pub artifact: Option<ResolvedArtifact>,
    /// The time after which the promotion expires.
    pub not_after: Option<Timestamp>,
    /// The approvals so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approved>,
    /// The time since which it could not be checked what the source serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen_since: Option<Timestamp>,
    /// The reason for overriding a freeze.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze_override: Option<PlainText>,
    /// The group that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<DeploymentId>,
    /// The token of the places that the group's members hold.
    #[serde(default, rename = "place", skip_serializing_if = "Option::is_none")]
    pub place_token: Option<Token>,
}

impl PromotionSpec {
    /// Returns the release, if it is known.
    #[must_use]
    pub fn release(&self) -> Option<&Release> {
        self.artifact.as_ref().map(|resolved| &resolved.release).or(self.named.as_ref())
    }

    /// Returns the promotion as the record has it.
    #[must_use]
    pub fn recorded(&self) -> RecordedPromotion {
        RecordedPromotion {
            from: self.from.clone(),
            approvals: self.approvals.clone(),
            approvals_wanted: None,
            soak_until: None,
            frozen_until: None,
            freeze_begins: None,
            freeze_override: self.freeze_override.clone(),
            declined_by: None,
            warnings: self.artifact.iter().filter_map(|artifact| artifact.warning.clone()).collect(),
            group: self.group,
        }
    }
}
