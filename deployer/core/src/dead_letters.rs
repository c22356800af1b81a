//! Dead letters: the messages that the deployer could not handle, as a person looks at them before a redrive.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{DeploymentId, EnvironmentName, FunctionName, Release};
use crate::promotion::ApprovalDecision;
use crate::text::PlainText;
use crate::trigger::{self, InboundEvent};

/// The contents of a dead-letter queue, and its latest redrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadLetters {
    /// The ARN of the dead-letter queue.
    pub queue: String,
    /// The number of messages that could be received before the redrive, as SQS counts them (approximately).
    pub waiting: u64,
    /// The number of messages that somebody had received and not yet given back.
    pub in_flight: u64,
    /// The messages that were looked at, the oldest first; fewer than there are where there are many.
    pub messages: Vec<DeadLetter>,
    /// The latest redrive of the queue: this one, once it has begun.
    pub redrive: Option<Redrive>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadLetter {
    /// SQS's id of the message, which the deployer's log names.
    pub message_id: String,
    /// The time at which the message was first sent.
    pub sent: Option<Timestamp>,
    /// The queue that it comes from and goes back to, by its name.
    pub from: Option<String>,
    /// The events in the message, usually one.
    pub events: Vec<LetterEvent>,
}

/// An event in a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LetterEvent {
    /// An upload.
    Upload {
        /// The object's key.
        key: PlainText,
        /// The object's version id.
        version_id: Option<PlainText>,
    },
    /// The deployer wakes itself for a deployment.
    Tick {
        /// The environment.
        environment: EnvironmentName,
        /// The function.
        function: FunctionName,
        /// The deployment.
        deployment: DeploymentId,
    },
    /// A request for a promotion.
    Promotion {
        /// The id of the request.
        id: PlainText,
        /// The functions.
        functions: PlainText,
        /// The environment to promote from.
        from: EnvironmentName,
        /// The environment to promote to.
        to: EnvironmentName,
        /// The release; none for the one that is live.
        release: Option<Release>,
        /// The person who asked, as they say.
        requested_by: Option<PlainText>,
    },
    /// An approval or a decline of a promotion.
    Approval {
        /// The environment that the promotion goes to.
        environment: EnvironmentName,
        /// The function; none for a group.
        function: Option<FunctionName>,
        /// The promotion or the group.
        deployment: Option<DeploymentId>,
        /// Whether it is an approval.
        approved: bool,
        /// The person who decides, as they say.
        by: PlainText,
    },
    /// The message itself is the trouble: it is a newer deployer's, malformed, or no event of the deployer's.
    Unreadable {
        /// The reason.
        because: PlainText,
    },
}

/// A redrive: a message move task of SQS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Redrive {
    /// The status, in SQS's words.
    pub status: RedriveStatus,
    /// The number of messages that went back (approximately).
    pub moved: u64,
    /// The number of messages that lay in the queue when it began; null until SQS has counted them.
    pub to_move: Option<u64>,
    /// The time of its beginning.
    pub started: Option<Timestamp>,
    /// The reason of a failure, in SQS's words.
    pub because: Option<PlainText>,
}

/// The status of a redrive (SQS API Reference, `ListMessageMoveTasksResultEntry`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RedriveStatus {
    /// It moves messages.
    Running,
    /// It has moved all messages that lay there.
    Completed,
    /// Somebody has cancelled it, and it still moves some.
    Cancelling,
    /// Somebody has cancelled it.
    Cancelled,
    /// It has failed.
    Failed,
}

impl RedriveStatus {
    /// Reads SQS's word. A word that this version does not know is taken for a running redrive, because the end of one
    /// must not be reported too early.
    #[must_use]
    pub fn of(word: &str) -> Self {
        match word {
            "COMPLETED" => Self::Completed,
            "CANCELLING" => Self::Cancelling,
            "CANCELLED" => Self::Cancelled,
            "FAILED" => Self::Failed,
            _ => Self::Running,
        }
    }

    /// Whether the redrive may still move messages.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Cancelling)
    }
}

impl DeadLetter {
    /// Reads a message. `from` is the ARN of the queue that it comes from.
    #[must_use]
    pub fn of(message_id: &str, sent: Option<Timestamp>, from: Option<&str>, body: &str) -> Self {
        let name = |arn: &str| arn.rsplit(':').next().unwrap_or(arn).to_owned();
        Self {
            message_id: message_id.to_owned(),
            sent,
            from: from.map(name),
            events: trigger::read_message(body).into_iter().map(LetterEvent::from).collect(),
        }
    }
}

impl From<InboundEvent> for LetterEvent {
    fn from(event: InboundEvent) -> Self {
        match event {
            InboundEvent::Upload(upload) => {
                Self::Upload { key: upload.key.into(), version_id: upload.version_id.map(Into::into) }
            }
            InboundEvent::Tick(tick) => {
                Self::Tick { environment: tick.environment, function: tick.function, deployment: tick.id }
            }
            InboundEvent::Promotion(request) => Self::Promotion {
                id: request.id.into(),
                functions: PlainText::of(&request.functions),
                from: request.from,
                to: request.to,
                release: request.release,
                requested_by: request.requested_by.map(PlainText::of),
            },
            InboundEvent::ApprovalResponse(response) => Self::Approval {
                environment: response.environment,
                function: response.function,
                deployment: response.deployment,
                approved: response.decision == ApprovalDecision::Approve,
                by: PlainText::of(response.by),
            },
            InboundEvent::Ignored { because }
            | InboundEvent::NotUnderstood { because }
            | InboundEvent::Malformed { because, .. } => Self::Unreadable { because: because.into() },
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(body: &serde_json::Value) -> serde_json::Value {
        let letter = DeadLetter::of("m1", None, Some("arn:aws:sqs:eu-west-1:1:deployer-wakes"), &body.to_string());
        assert_eq!((letter.from.as_deref(), letter.events.len()), (Some("deployer-wakes"), 1));
        serde_json::to_value(&letter.events[0]).unwrap()
    }

    #[test]
    fn message_of_each_kind_is_told_by_what_it_concerns() {
        let s3 = json!({"Records": [{"eventSource": "aws:s3", "eventVersion": "2.1", "eventName": "ObjectCreated:Put",
            "eventTime": "2026-11-25T10:00:00Z", "s3": {"bucket": {"name": "acme-artifacts"},
            "object": {"key": "dev/orders+api/1.zip", "versionId": "v1", "sequencer": "01"}}}]});
        assert_eq!(event(&s3), json!({"kind": "upload", "key": "dev/orders api/1.zip", "version_id": "v1"}));

        let id = "01M8A5K79RQBSV76AT3ARZPEW6";
        let tick = json!({"format": 1, "tick": {"environment": "dev", "function": "orders", "id": id, "claim": null}});
        let told = json!({"kind": "tick", "environment": "dev", "function": "orders", "deployment": id});
        assert_eq!(event(&tick), told);

        let sent = |kind: &str, detail: serde_json::Value| {
            json!({"id": "e1", "source": "acme", "account": "123456789012", "time": "2026-11-25T10:00:00Z",
                "detail-type": kind, "detail": detail})
        };
        let detail = json!({"function": "orders", "from": "dev", "to": "prod", "requested_by": "ann"});
        let told = json!({"kind": "promotion", "id": "e1", "functions": "orders", "from": "dev", "to": "prod",
            "release": null, "requested_by": "ann"});
        assert_eq!(event(&sent("Promotion Requested", detail)), told);

        let detail = json!({"environment": "prod", "function": "orders", "deployment": id, "approved_by": "bob"});
        let told = json!({"kind": "approval", "environment": "prod", "function": "orders", "deployment": id,
            "approved": true, "by": "bob"});
        assert_eq!(event(&sent("Promotion Approved", detail)), told);
    }

    #[test]
    fn message_that_cannot_be_read_has_its_reason_without_control_characters() {
        let newer = json!({"format": 99, "tick": {}});
        let because = "a tick of format 99, and this deployer knows 1";
        assert_eq!(event(&newer), json!({"kind": "unreadable", "because": because}));
        let letter = DeadLetter::of("m1", None, None, "\u{1b}[2J");
        assert!(!format!("{:?}", letter.events).contains('\u{1b}') && letter.from.is_none());
    }

    #[test]
    fn unknown_status_counts_as_running() {
        for (word, status, active) in [
            ("RUNNING", RedriveStatus::Running, true),
            ("CANCELLING", RedriveStatus::Cancelling, true),
            ("CANCELLED", RedriveStatus::Cancelled, false),
            ("COMPLETED", RedriveStatus::Completed, false),
            ("FAILED", RedriveStatus::Failed, false),
            ("PAUSED", RedriveStatus::Running, true),
        ] {
            assert_eq!((RedriveStatus::of(word), status.is_active()), (status, active), "{word}");
        }
    }
}
