//! The request that caused a deployment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::Release;
use crate::identity::{Identity, Principal};
use crate::text::{Person, PlainText};

/// The kind of request that caused a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum CauseKind {
    Upload,
    Deploy,
    Redeploy,
    Rollback,
    Promotion,
    AutomaticPromotion,
    /// A kind that only a newer deployer knows.
    #[serde(other, rename = "?")]
    #[schemars(skip)]
    Unknown,
}

impl std::fmt::Display for CauseKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Upload => "upload",
            Self::Deploy => "deploy",
            Self::Redeploy => "redeploy",
            Self::Rollback => "rollback",
            Self::Promotion => "promotion",
            Self::AutomaticPromotion => "automatic promotion",
            Self::Unknown => "deployment",
        })
    }
}

impl CauseKind {
    /// Whether a deployment of this kind gets its traffic by the rollout of its environment. Going back and bringing what
    /// is live never do.
    #[must_use]
    pub fn rolls_out(self) -> bool {
        matches!(self, Self::Upload | Self::Deploy | Self::Promotion | Self::AutomaticPromotion)
    }
}

/// The recall that a rollback belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecallCause {
    /// The release that was recalled.
    pub release: Release,
    /// The reason, in the words of the person who recalled it.
    pub reason: PlainText,
}

/// The request that caused a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The kind of request.
    pub kind: CauseKind,
    /// The person who asked, if a command or a promotion named one.
    pub requested_by: Option<Person>,
    /// The id of the event or request, for finding it in logs.
    pub event_id: Option<PlainText>,
    /// The principal that AWS has named as the one who asked; none where nothing was proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// The reason why a proof of identity that came with the request proves nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unproven: Option<PlainText>,
    /// The recall that a rollback belongs to; absent for any other deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<RecallCause>,
    /// The reason for which a person lets the release skip the steps of the rollout; absent where nobody does. Smoke tests
    /// and the watch stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_rollout: Option<PlainText>,
}

impl Cause {
    /// Makes the cause of a request whose giver has proven nothing.
    #[must_use]
    pub fn new(kind: CauseKind, requested_by: Option<Person>, event_id: Option<PlainText>) -> Self {
        Self { kind, requested_by, event_id, principal: None, unproven: None, recall: None, skip_rollout: None }
    }

    /// Returns the same cause with what is known of its giver's identity.
    #[must_use]
    pub fn by(self, identity: &Identity) -> Self {
        Self { principal: identity.principal(), unproven: identity.unproven(), ..self }
    }
}
