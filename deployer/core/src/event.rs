//! The events that the deployer sends to its bus: what they are called, and what they say.
//!
//! They only tell. Nothing that the deployer does depends on one; whoever reads them knows one by `id` and `status`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::id::{DeploymentId, EnvironmentName, FunctionName, Release, Sha256};
use crate::record::RecordedPromotion;
use crate::record::{Cause, CauseKind, Code, DeploymentRecord, RecordedArtifact, SCHEMA, Status, TargetOutcome};
use crate::text::{Person, PlainText};

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

/// The detail of an event that tells how far a deployment is: its record, without the artifact's bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DeploymentEvent {
    /// The version of this form: 1.
    pub schema: u32,
    /// The deployment.
    pub id: DeploymentId,
    /// Where to.
    pub environment: EnvironmentName,
    /// Which function.
    pub function: FunctionName,
    /// Which release; null where a request never got as far as naming one.
    pub release: Option<Release>,
    /// How far it is.
    pub status: Status,
    /// Why it is not succeeded or unchanged.
    pub code: Option<Code>,
    /// The same in one sentence.
    pub because: Option<PlainText>,
    /// What asked for it.
    pub cause: Cause,
    /// The artifact; null where a request never got as far as naming one.
    pub artifact: Option<ToldArtifact>,
    /// Each target's outcome, in the order of the configuration. Empty where there are so many that an event cannot hold them:
    /// the record has them.
    pub targets: Vec<TargetOutcome>,
    /// Where it was promoted from, and who has approved that; absent where it is no promotion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promotion: Option<RecordedPromotion>,
    /// How many must approve it before it goes on, where it waits for that: the same as in `promotion`, where a rule of
    /// EventBridge sees it first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approvals_wanted: Option<u32>,
    /// When it was accepted.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// The artifact of a deployment, as events tell of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ToldArtifact {
    /// The object's key.
    pub key: String,
    /// The object's S3 version id.
    pub version_id: String,
    /// Bytes; null until read.
    pub size: Option<u64>,
    /// The zip's hash; null until read to the end.
    pub sha256: Option<Sha256>,
    /// `commit`, `commit-time`, `build-url`, `uploaded-by` of the object's user metadata.
    pub metadata: BTreeMap<String, PlainText>,
}

impl From<RecordedArtifact> for ToldArtifact {
    fn from(recorded: RecordedArtifact) -> Self {
        let RecordedArtifact { bucket: _, key, version_id, size, sha256, metadata } = recorded;
        Self { key, version_id, size, sha256, metadata }
    }
}

impl From<DeploymentRecord> for DeploymentEvent {
    fn from(record: DeploymentRecord) -> Self {
        // Taken apart, so that a new field of the record is not forgotten here.
        let DeploymentRecord {
            schema,
            id,
            environment,
            function,
            release,
            status,
            code,
            because,
            cause,
            artifact,
            targets,
            promotion,
            started_at,
            finished_at,
        } = record;
        let approvals_wanted = promotion.as_ref().and_then(|promotion| promotion.approvals_wanted);
        let artifact = artifact.map(ToldArtifact::from);
        Self {
            schema,
            id,
            environment,
            function,
            release,
            status,
            code,
            because,
            cause,
            artifact,
            targets,
            promotion,
            approvals_wanted,
            started_at,
            finished_at,
        }
    }
}

/// The detail of an event of which there is no record: what was asked for, as far as it could be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RecordlessEvent {
    /// The version of this form: 1.
    pub schema: u32,
    /// Why there is none.
    pub because: PlainText,
    /// The key of an upload that was ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PlainText>,
    /// The function of a promotion, or the pattern.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<PlainText>,
    /// The functions of a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub functions: Option<Vec<FunctionName>>,
    /// The group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<DeploymentId>,
    /// How many must approve the group before it goes on, where it waits for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approvals_wanted: Option<u32>,
    /// Where a promotion comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<EnvironmentName>,
    /// Where it was to go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<EnvironmentName>,
    /// The release that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// Who has asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<Person>,
    /// By what the request is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<PlainText>,
    /// The detail of a request, an approval or a refusal to approve that cannot be read, as it was sent. Absent where it is so
    /// long that an event cannot hold it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Value>,
}

/// The detail of an event that the deployer sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum EventDetail {
    /// How far a deployment is.
    Deployment(Box<DeploymentEvent>),
    /// What there is no record of: an upload that is ignored, a promotion that goes nowhere, and a group.
    Recordless(Box<RecordlessEvent>),
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

/// The longest request that cannot be read which an event holds, in bytes: a right one has some hundred.
const LONGEST_REQUEST: usize = 16 * 1024;

impl Event {
    /// What a record's state is announced by: the record without the artifact's bucket.
    #[must_use]
    pub fn of(record: &DeploymentRecord) -> Option<Self> {
        let announces = Announcement::of(record)?;
        let detail = EventDetail::Deployment(Box::new(record.clone().into()));
        let mut detail = serde_json::to_value(detail).unwrap_or_else(|_| json!({ "schema": SCHEMA }));
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
    pub fn without_record(announces: Announcement, because: &str, about: RecordlessEvent) -> Self {
        let too_long = about.request.as_ref().is_some_and(|request| request.to_string().len() > LONGEST_REQUEST);
        let request = if too_long { None } else { about.request };
        let detail = RecordlessEvent { schema: SCHEMA, because: because.into(), request, ..about };
        let detail = serde_json::to_value(EventDetail::Recordless(Box::new(detail)));
        Self { announces, detail: detail.unwrap_or_else(|_| json!({ "schema": SCHEMA })) }
    }
}
