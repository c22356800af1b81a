//! The request that caused a deployment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// The request that caused a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The kind of request.
    pub kind: CauseKind,
    /// The person who asked, if a command or a promotion named one.
    pub requested_by: Option<Person>,
    /// The id of the event or request, for finding it in logs.
    pub event_id: Option<PlainText>,
}
