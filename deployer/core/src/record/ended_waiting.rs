//! The deployments that a request has ended while they waited.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::deployment::DeploymentRecord;
use super::promotion::RecordedPromotion;
use crate::id::{DeploymentId, EnvironmentName, FunctionName, Release};
use crate::text::PlainText;
use crate::waiting_words;

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
    /// The functions of the group that it is; absent if it is no group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<FunctionName>,
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
            waited: waiting_words::all_of(&record.promotion.as_ref().map_or_else(Vec::new, conditions)).into(),
            functions: vec![],
        }
    }
}

/// Describes the conditions that a promotion's record has kept.
fn conditions(promotion: &RecordedPromotion) -> Vec<String> {
    let approvals = waiting_words::approvals(promotion.approvals_wanted.unwrap_or(0), ("an approval", "approvals"));
    waiting_words::conditions(promotion.soak_until, approvals, (promotion.freeze_begins, promotion.frozen_until))
}
