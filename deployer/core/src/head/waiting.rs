//! A promotion that waits in the head.

use serde::{Deserialize, Serialize};

use super::request::Request;
use crate::function_ref::FunctionRef;
use crate::id::DeploymentId;
use crate::promotion::Wait;
use crate::record::{CauseKind, Code, DeploymentRecord, Ending, Status};

/// A promotion that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The request.
    pub request: Request,
    /// The conditions that it waits for.
    pub wait: Wait,
    /// Whether its record is written and the event that it waits is sent.
    #[serde(default, rename = "told", skip_serializing_if = "std::ops::Not::not")]
    pub notified: bool,
    /// The place that it holds as a member of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

impl Waiting {
    /// Makes its record.
    #[must_use]
    pub fn record(&self, at: &FunctionRef<'_>) -> DeploymentRecord {
        let record = at.record(&self.request, Status::Pending);
        let promotion = record.promotion.map(|promotion| promotion.waiting(&self.wait));
        let artifact =
            self.request.promotion_spec().and_then(|promoting| Some(promoting.artifact.as_ref()?.recorded()));
        let because = Some(self.wait.to_string());
        DeploymentRecord { code: Some(Code::Waiting), because: because.map(Into::into), promotion, artifact, ..record }
    }

    /// Returns the ending by a refusal that comes while it waits: whatever interrupts a soak cancels it.
    #[must_use]
    pub fn cancelled_by(&self, refusal: Ending) -> Ending {
        let is_automatic = self.request.cause.kind == CauseKind::AutomaticPromotion;
        match refusal {
            Ending::Refused { code: Code::Held | Code::Rejected | Code::NotLive, because }
                if is_automatic && self.wait.soak_until.is_some() =>
            {
                Ending::Refused { code: Code::SoakCancelled, because: format!("its soak was interrupted: {because}") }
            }
            other => other,
        }
    }
}

/// The place that a member of a group holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Place {
    /// The deployments that were next when the place was taken: they go first.
    #[serde(default, rename = "behind", skip_serializing_if = "Vec::is_empty")]
    pub ahead: Vec<DeploymentId>,
}
