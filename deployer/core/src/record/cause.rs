//! The request that caused a deployment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{Person, PlainText};

/// What asked for a deployment.
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
    /// A newer deployer's.
    #[serde(other, rename = "?")]
    #[schemars(skip)]
    Unknown,
}

/// What asked for a deployment, and who.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The kind of request.
    pub kind: CauseKind,
    /// Who asked, where a command or a promotion said so.
    pub requested_by: Option<Person>,
    /// The event's or request's id, for finding it in logs.
    pub event_id: Option<PlainText>,
}
