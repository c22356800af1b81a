//! The events that the deployer sends to its bus: what they are called, and what they say.
//!
//! They only tell. Nothing that the deployer does depends on one; whoever reads them knows one by `id` and `status`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::record::{CauseKind, DeploymentRecord, SCHEMA, Status, TargetOutcome};

/// What an event announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Announcement {
    #[serde(rename = "Deployment Started")]
    Started,
    #[serde(rename = "Deployment Succeeded")]
    Succeeded,
    #[serde(rename = "Deployment Failed")]
    Failed,
    #[serde(rename = "Deployment Refused")]
    Refused,
    #[serde(rename = "Deployment Superseded")]
    Superseded,
    #[serde(rename = "Deployment Rolled Back")]
    RolledBack,
    #[serde(rename = "Promotion Waiting")]
    PromotionWaiting,
    #[serde(rename = "Promotion Refused")]
    PromotionRefused,
    #[serde(rename = "Upload Ignored")]
    UploadIgnored,
}

impl Announcement {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Started,
        Self::Succeeded,
        Self::Failed,
        Self::Refused,
        Self::Superseded,
        Self::RolledBack,
        Self::PromotionWaiting,
        Self::PromotionRefused,
        Self::UploadIgnored,
    ];

    /// The event's detail-type.
    #[must_use]
    pub fn detail_type(self) -> &'static str {
        match self {
            Self::Started => "Deployment Started",
            Self::Succeeded => "Deployment Succeeded",
            Self::Failed => "Deployment Failed",
            Self::Refused => "Deployment Refused",
            Self::Superseded => "Deployment Superseded",
            Self::RolledBack => "Deployment Rolled Back",
            Self::PromotionWaiting => "Promotion Waiting",
            Self::PromotionRefused => "Promotion Refused",
            Self::UploadIgnored => "Upload Ignored",
        }
    }

    /// What a record's state is announced as; nothing while a deployment waits for another one to end.
    #[must_use]
    pub fn of(record: &DeploymentRecord) -> Option<Self> {
        let is_promotion = matches!(record.cause.kind, CauseKind::Promotion | CauseKind::AutomaticPromotion);
        Some(match record.status {
            Status::Pending => return is_promotion.then_some(Self::PromotionWaiting),
            Status::InProgress => Self::Started,
            Status::Succeeded if record.cause.kind == CauseKind::Rollback => Self::RolledBack,
            Status::Succeeded | Status::Unchanged => Self::Succeeded,
            Status::Superseded => Self::Superseded,
            Status::Refused if is_promotion => Self::PromotionRefused,
            Status::Refused => Self::Refused,
            Status::Failed => Self::Failed,
            Status::RolledBack => Self::RolledBack,
        })
    }
}

/// An event, as it is put on the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its detail-type.
    pub announces: Announcement,
    /// Its detail: a JSON object.
    pub detail: Value,
}

/// PutEvents takes 256 KB in all (EventBridge API Reference, PutEvents); the names and the source need some of it.
const LONGEST_DETAIL: usize = 240 * 1024;

impl Event {
    /// What a record's state is announced by: the record without the artifact's bucket.
    #[must_use]
    pub fn of(record: &DeploymentRecord) -> Option<Self> {
        let announces = Announcement::of(record)?;
        let mut detail = serde_json::to_value(record).unwrap_or_else(|_| json!({ "schema": SCHEMA }));
        if let Some(artifact) = detail.get_mut("artifact").and_then(Value::as_object_mut) {
            let _bucket = artifact.remove("bucket");
        }
        let wanted = record.promotion.as_ref().and_then(|promotion| promotion.approvals_wanted);
        if let (Some(wanted), Some(detail)) = (wanted, detail.as_object_mut()) {
            // Where a rule of EventBridge can see it.
            let _none = detail.insert("approvals_wanted".into(), wanted.into());
        }
        if detail.to_string().len() > LONGEST_DETAIL
            && let Some(targets) = detail.get_mut("targets")
        {
            // A thousand targets with their errors: the record has them all.
            *targets = json!([]);
        }
        Some(Self { announces, detail })
    }

    /// That a deployment has started, of which the record of its end is known.
    #[must_use]
    pub fn started(ended: &DeploymentRecord) -> Option<Self> {
        let untouched = |target: &TargetOutcome| TargetOutcome {
            status: Status::InProgress,
            version: None,
            previous: None,
            error: None,
            ..target.clone()
        };
        Self::of(&DeploymentRecord {
            status: Status::InProgress,
            code: None,
            because: None,
            finished_at: None,
            targets: ended.targets.iter().map(untouched).collect(),
            ..ended.clone()
        })
    }

    /// What there is no record of.
    #[must_use]
    pub fn without_record(announces: Announcement, because: &str, mut about: Value) -> Self {
        if let Some(fields) = about.as_object_mut() {
            let _none = fields.insert("schema".into(), SCHEMA.into());
            let _none = fields.insert("because".into(), because.into());
        }
        Self { announces, detail: about }
    }
}
