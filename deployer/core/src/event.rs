//! The events that the deployer sends to its bus: their names and their details.
//!
//! Events only inform: the deployer never depends on one. A reader knows an event by `id` and `status`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::id::{DeploymentId, EnvironmentName, FunctionName, Release, Sha256};
use crate::record::EndedWaiting;
use crate::record::RecordedPromotion;
use crate::record::RecordedRollout;
use crate::record::{Cause, CauseKind, Code, DeploymentRecord, RecordedArtifact, SCHEMA, Status, TargetOutcome};
use crate::text::{Person, PlainText};

/// The kind of an event.
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
    #[serde(rename = "Rollout Moved")]
    RolloutMoved,
    #[serde(rename = "Rollout Paused")]
    RolloutPaused,
    #[serde(rename = "Promotion Waiting")]
    PromotionWaiting,
    #[serde(rename = "Promotion Refused")]
    PromotionRefused,
    #[serde(rename = "Upload Ignored")]
    UploadIgnored,
}

impl Announcement {
    /// All kinds of events.
    pub const ALL: [Self; 11] = [
        Self::Started,
        Self::Succeeded,
        Self::Failed,
        Self::Refused,
        Self::Superseded,
        Self::RolledBack,
        Self::RolloutMoved,
        Self::RolloutPaused,
        Self::PromotionWaiting,
        Self::PromotionRefused,
        Self::UploadIgnored,
    ];

    /// Returns the event's detail-type.
    #[must_use]
    pub fn detail_type(self) -> &'static str {
        match self {
            Self::Started => "Deployment Started",
            Self::Succeeded => "Deployment Succeeded",
            Self::Failed => "Deployment Failed",
            Self::Refused => "Deployment Refused",
            Self::Superseded => "Deployment Superseded",
            Self::RolledBack => "Deployment Rolled Back",
            Self::RolloutMoved => "Rollout Moved",
            Self::RolloutPaused => "Rollout Paused",
            Self::PromotionWaiting => "Promotion Waiting",
            Self::PromotionRefused => "Promotion Refused",
            Self::UploadIgnored => "Upload Ignored",
        }
    }

    /// Returns the kind of event for a record's state; none for a deployment that waits for another one to end.
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

/// The detail of an event about a deployment: its record without the artifact's bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DeploymentEvent {
    /// The version of this schema: 1.
    pub schema: u32,
    /// The deployment's id.
    pub id: DeploymentId,
    /// The environment that is deployed to.
    pub environment: EnvironmentName,
    /// The function that is deployed.
    pub function: FunctionName,
    /// The release; null where a request was refused before one was known.
    pub release: Option<Release>,
    /// The deployment's status.
    pub status: Status,
    /// The reason for which the status is not succeeded or unchanged.
    pub code: Option<Code>,
    /// The reason in one sentence.
    pub because: Option<PlainText>,
    /// The request that caused the deployment.
    pub cause: Cause,
    /// The artifact; null where a request was refused before one was known.
    pub artifact: Option<EventArtifact>,
    /// The outcome of each target, in the order of the configuration. Empty if the list does not fit into an event:
    /// then read it from the record.
    pub targets: Vec<TargetOutcome>,
    /// The source and the approvals of a promotion; absent for other deployments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promotion: Option<RecordedPromotion>,
    /// The number of approvals that a waiting promotion still needs. It equals the field of this name in `promotion`,
    /// and is repeated here for rules of EventBridge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approvals_wanted: Option<u32>,
    /// The promotion that has the place of this one, which has ended as superseded; absent where none has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_favour_of: Option<DeploymentId>,
    /// Whether that promotion waited already and brings the same, so that nothing was left to be done; absent where it does
    /// not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeats: bool,
    /// The promotions that waited or were next, and whose place this deployment has taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended_waiting: Vec<EndedWaiting>,
    /// The rollout; absent where all traffic moved at once, and before it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RecordedRollout>,
    /// The time at which the request was accepted.
    pub started_at: Timestamp,
    /// The time at which its turn came and the deployer began to work on it; absent before that, or where it never came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<Timestamp>,
    /// The time at which the deployment ended.
    pub finished_at: Option<Timestamp>,
}

/// The artifact of a deployment, as events show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ToldArtifact")]
pub struct EventArtifact {
    /// The object's key.
    pub key: String,
    /// The object's S3 version id.
    pub version_id: String,
    /// The zip's size in bytes; null until it was read.
    pub size: Option<u64>,
    /// The zip's SHA-256 in base64, as Lambda's `CodeSha256`; null until it was read to the end.
    pub sha256: Option<Sha256>,
    /// The object's user metadata: `commit`, `commit-time`, `build-url` and `uploaded-by`, as far as they were set.
    pub metadata: BTreeMap<String, PlainText>,
}

impl From<RecordedArtifact> for EventArtifact {
    fn from(recorded: RecordedArtifact) -> Self {
        let RecordedArtifact { bucket: _, key, version_id, size, sha256, metadata } = recorded;
        Self { key, version_id, size, sha256, metadata }
    }
}

impl From<DeploymentRecord> for DeploymentEvent {
    fn from(record: DeploymentRecord) -> Self {
        // All fields are named, so that the compiler reports a new field of the record here.
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
            in_favour_of,
            repeats,
            ended_waiting,
            rollout,
            started_at,
            claimed_at,
            finished_at,
            deployer: _,
        } = record;
        let approvals_wanted = promotion.as_ref().and_then(|promotion| promotion.approvals_wanted);
        let artifact = artifact.map(EventArtifact::from);
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
            in_favour_of,
            repeats,
            ended_waiting,
            rollout,
            started_at,
            claimed_at,
            finished_at,
        }
    }
}

/// The thing that a `Promotion Refused` without a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// A request: there is no such promotion, or the group has ended.
    Request,
    /// An approval or a decline, which does not count. The promotion goes on waiting.
    Approval,
}

/// The detail of an event about something that has no record, as far as the request could be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RecordlessEvent {
    /// The version of this schema: 1.
    pub schema: u32,
    /// The reason why nothing is deployed or recorded, or for which a group waits or has ended.
    pub because: PlainText,
    /// Whether a request is refused, or an approval or a decline, in `Promotion Refused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
    /// The key of an upload that was ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PlainText>,
    /// The function of a promotion, or the pattern of function names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<PlainText>,
    /// The functions of a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub functions: Option<Vec<FunctionName>>,
    /// The group's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<DeploymentId>,
    /// The number of approvals that a waiting group still needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approvals_wanted: Option<u32>,
    /// The environment that the promotion comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<EnvironmentName>,
    /// The environment that the promotion goes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<EnvironmentName>,
    /// The requested release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// The person who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<Person>,
    /// The id of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<PlainText>,
    /// The detail of a promotion request, an approval or a decline that cannot be read, as it was sent. Absent if it
    /// does not fit into an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Value>,
}

/// The detail of an event that the deployer sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum EventDetail {
    /// A deployment has reached a status.
    Deployment(Box<DeploymentEvent>),
    /// Something without a record: an ignored upload, a promotion that goes nowhere, or a group.
    Recordless(Box<RecordlessEvent>),
}

/// An event for the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The kind, and with it the detail-type.
    pub announces: Announcement,
    /// The detail: a JSON object.
    pub detail: Value,
}

/// The longest detail in bytes. PutEvents takes 256 KB in all (EventBridge API Reference, PutEvents), and names and
/// source need some of it.
const MAX_DETAIL: usize = 240 * 1024;

/// The longest unreadable request that an event repeats, in bytes; a valid one has a few hundred.
const MAX_REQUEST: usize = 16 * 1024;

impl Event {
    /// Makes the event for a record's state: the record without the artifact's bucket.
    #[must_use]
    pub fn of(record: &DeploymentRecord) -> Option<Self> {
        Some(Self::with_record(Announcement::of(record)?, record))
    }

    /// Makes the event of a rollout that has moved the traffic of a wave, from the record of its deployment.
    #[must_use]
    pub fn rollout_moved(record: &DeploymentRecord) -> Self {
        Self::with_record(Announcement::RolloutMoved, record)
    }

    /// Makes the event of a rollout that is paused, from the record of its deployment.
    #[must_use]
    pub fn rollout_paused(record: &DeploymentRecord) -> Self {
        Self::with_record(Announcement::RolloutPaused, record)
    }

    fn with_record(announces: Announcement, record: &DeploymentRecord) -> Self {
        let detail = EventDetail::Deployment(Box::new(record.clone().into()));
        let mut detail = serde_json::to_value(detail).unwrap_or_else(|_| json!({ "schema": SCHEMA }));
        if detail.to_string().len() > MAX_DETAIL
            && let Some(targets) = detail.get_mut("targets")
        {
            // The list of targets is too long, with their errors: the record has it.
            *targets = json!([]);
        }
        Self { announces, detail }
    }

    /// Makes the event that a deployment has started, from the record of its end.
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

    /// Makes the event for something without a record.
    #[must_use]
    pub fn without_record(announces: Announcement, because: &str, about: RecordlessEvent) -> Self {
        let too_long = about.request.as_ref().is_some_and(|request| request.to_string().len() > MAX_REQUEST);
        let request = if too_long { None } else { about.request };
        let detail = RecordlessEvent { schema: SCHEMA, because: because.into(), request, ..about };
        let detail = serde_json::to_value(EventDetail::Recordless(Box::new(detail)));
        Self { announces, detail: detail.unwrap_or_else(|_| json!({ "schema": SCHEMA })) }
    }
}
