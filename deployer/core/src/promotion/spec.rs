//! What the request of a promotion carries.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::head::ResolvedArtifact;
use crate::id::{DeploymentId, EnvironmentName, Release, Token};
use crate::record::{Approved, RecordedPromotion};
use crate::text::PlainText;

/// What a promotion asks for: enough to go on with it when the message is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotionSpec {
    /// The environment that the artifact comes from.
    pub from: EnvironmentName,
    /// The release, where it was named. One that was named need not be live any more.
    pub named: Option<Release>,
    /// The artifact that is meant, from the moment on at which the request was taken in; none: `from` had none such.
    pub artifact: Option<ResolvedArtifact>,
    /// It is of no use after this.
    pub not_after: Option<Timestamp>,
    /// Who has approved it so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approved>,
    /// Since when what its source serves could not be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen_since: Option<Timestamp>,
    /// Why it goes into a frozen environment all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze_override: Option<PlainText>,
    /// The group of functions that it goes together with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<DeploymentId>,
    /// The token of the places that its group's members hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Token>,
}

impl PromotionSpec {
    /// The release, as far as it is known.
    #[must_use]
    pub fn release(&self) -> Option<&Release> {
        self.artifact.as_ref().map(|chosen| &chosen.release).or(self.named.as_ref())
    }

    /// As the record tells of it.
    #[must_use]
    pub fn recorded(&self) -> RecordedPromotion {
        RecordedPromotion {
            from: self.from.clone(),
            approvals: self.approvals.clone(),
            approvals_wanted: None,
            soak_until: None,
            frozen_until: None,
            freeze_override: self.freeze_override.clone(),
            group: self.group,
        }
    }
}
