//! The deployments that a request has ended while they waited.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::deployment::DeploymentRecord;
use super::promotion::RecordedPromotion;
use crate::id::{DeploymentId, EnvironmentName, Release};
use crate::moment::not_before;
use crate::text::PlainText;

/// A deployment that a request has ended while it waited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndedWaiting {
    /// The environment that it waited to be deployed to.
    pub environment: EnvironmentName,
    /// The deployment's id.
    pub deployment: DeploymentId,
    /// The release that it would have brought.
    pub release: Option<Release>,
    /// The environment that it would have been promoted from; absent if it was no promotion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<EnvironmentName>,
    /// The conditions that it waited for, in words such as `for an approval`.
    pub waited: PlainText,
}

impl EndedWaiting {
    /// Makes it from the record of a deployment that has ended, or is about to, before its turn came.
    #[must_use]
    pub fn of(record: &DeploymentRecord) -> Self {
        Self {
            environment: record.environment.clone(),
            deployment: record.id,
            release: record.release.clone(),
            from: record.promotion.as_ref().map(|promotion| promotion.from.clone()),
            waited: record.promotion.as_ref().map_or_else(turn, conditions).into(),
        }
    }
}

fn turn() -> String {
    "for its turn".to_owned()
}

/// Describes the conditions that a promotion's record has kept.
fn conditions(promotion: &RecordedPromotion) -> String {
    let mut parts = Vec::new();
    if let Some(until) = promotion.soak_until {
        parts.push(format!("until {} for its soak", not_before(until)));
    }
    match promotion.approvals_wanted {
        None => {}
        Some(1) => parts.push("for an approval".to_owned()),
        Some(more) => parts.push(format!("for {more} approvals")),
    }
    if let Some(until) = promotion.frozen_until {
        parts.push(format!("until {} for the freeze to end", not_before(until)));
    }
    if parts.is_empty() { turn() } else { parts.join(", and ") }
}
