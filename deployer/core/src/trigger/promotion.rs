//! Decodes promotion requests, approvals and declines from EventBridge (EventBridge User Guide, "Events").
//!
//! EventBridge itself sets `account`, which names the sender of an event. The sender writes everything in `detail`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::command::SKIP_ROLLOUT;
use super::fields::{check_free_text, decode_proof, with_field};
use super::inbound::InboundEvent;
use crate::event::{RecordlessEvent, Refused};
use crate::id::{DeploymentId, EnvironmentName, FunctionName, FunctionPattern, Release};
use crate::identity::{Identity, IdentityProof, RequestDigest, without_identity, without_proofs};
use crate::promotion::{ApprovalDecision, ApprovalResponse, Functions, PromotionRequest};
use crate::record::account_name;
use crate::text::{PlainText, plain_json};

struct Envelope<T> {
    sent: Sent,
    detail: T,
    identity: Identity,
}

/// The fields of an event that EventBridge sets.
#[derive(Deserialize)]
struct Sent {
    id: String,
    account: Option<String>,
    time: Timestamp,
    #[serde(rename = "replay-name")]
    replay: Option<String>,
}

/// The detail-type of an event that asks for a promotion.
const REQUESTED: &str = "Promotion Requested";

/// The detail of a `Promotion Requested` event.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromotionRequested {
    /// The function, or a pattern of names: each function that matches and is ready is promoted.
    pub function: Option<FunctionPattern>,
    /// Several functions that are promoted together: none moves unless all may. Use it in place of `function`.
    pub functions: Option<Vec<FunctionName>>,
    /// The environment to promote from.
    pub from: EnvironmentName,
    /// The environment to promote to.
    pub to: EnvironmentName,
    /// The release, one of those that are or were live in `from`. Default: the live one.
    pub release: Option<Release>,
    /// The person who asks. Default: the account that sent the event.
    pub requested_by: Option<String>,
    /// The time after which the request expires.
    pub not_after: Option<Timestamp>,
    /// The id of the request; a repeated id is the same request. Default: the event's id.
    pub id: Option<String>,
    /// The proof of the identity of the person who asks, which is signed for this event as it is. It needs `id`.
    #[serde(default, skip_serializing, deserialize_with = "decoded_apart")]
    pub identity: Option<IdentityProof>,
}

/// The detail of a `Promotion Approved` event.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromotionApproved {
    /// The environment that the promotion goes to.
    pub environment: EnvironmentName,
    /// The function of the promotion; absent if `deployment` is a group.
    pub function: Option<FunctionName>,
    /// The id of the waiting promotion or group.
    pub deployment: DeploymentId,
    /// The person who approves. Default: the account that sent the event.
    pub approved_by: Option<String>,
    /// The proof of the identity of the person who approves, which is signed for this event as it is.
    #[serde(default, skip_serializing, deserialize_with = "decoded_apart")]
    pub identity: Option<IdentityProof>,
}

/// The detail of a `Promotion Declined` event.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromotionDeclined {
    /// The environment that the promotion goes to.
    pub environment: EnvironmentName,
    /// The function of the promotion; absent if `deployment` is a group.
    pub function: Option<FunctionName>,
    /// The id of the waiting promotion or group.
    pub deployment: DeploymentId,
    /// The person who declines. Default: the account that sent the event.
    pub declined_by: Option<String>,
    /// The reason.
    pub reason: Option<String>,
    /// The proof of the identity of the person who declines, which is signed for this event as it is.
    #[serde(default, skip_serializing, deserialize_with = "decoded_apart")]
    pub identity: Option<IdentityProof>,
}

/// The proof is read together with what it is signed for ([`decode_proof`]), so it is never read here.
fn decoded_apart<'de, D: Deserializer<'de>>(from: D) -> Result<Option<IdentityProof>, D::Error> {
    serde::de::IgnoredAny::deserialize(from).map(|_| None)
}

fn check_text(field: &str, text: Option<&str>) -> Result<(), String> {
    text.map_or(Ok(()), |text| check_free_text(field, text))
}

pub(super) fn decode_request(value: &Value) -> Vec<InboundEvent> {
    decode_event(REQUESTED, value, |event: Envelope<PromotionRequested>| {
        let PromotionRequested { function, functions, from, to, release, requested_by, not_after, id, .. } =
            event.detail;
        check_text("requested_by", requested_by.as_deref())?;
        check_text("id", id.as_deref())?;
        if event.identity != Identity::None && id.is_none() {
            return Err("identity needs id: a proof is for one request".into());
        }
        let functions = Functions::of(function, functions)?;
        if from == to {
            return Err("from and to must be two environments".into());
        }
        check_release(&functions, release.as_ref())?;
        Ok(InboundEvent::Promotion(Box::new(PromotionRequest {
            functions,
            from,
            to,
            release,
            // Without a name the requester is the account that EventBridge names, so nobody can approve their own
            // request by leaving the name out.
            requested_by: requested_by.or(event.sent.account.as_deref().map(account_name)).map(Into::into),
            identity: event.identity,
            not_after,
            freeze_override: None,
            skip_rollout: None,
            id: id.unwrap_or(event.sent.id),
            time: event.sent.time,
            keeps_its_time: true,
            is_replay: event.sent.replay.is_some(),
        })))
    })
}

/// Refuses a release in a request for a pattern of functions.
pub(super) fn check_release(functions: &Functions, release: Option<&Release>) -> Result<(), String> {
    match (functions, release) {
        (Functions::Each(_), Some(_)) => {
            Err("a release belongs to one function: name it, or leave the release out".into())
        }
        _ => Ok(()),
    }
}

pub(super) fn decode_approval(value: &Value) -> Vec<InboundEvent> {
    decode_event("Promotion Approved", value, |event: Envelope<PromotionApproved>| {
        let PromotionApproved { environment, function, deployment, approved_by, .. } = event.detail;
        let by = (approved_by, event.identity);
        decision_event((environment, function, deployment), ApprovalDecision::Approve, by, event.sent)
    })
}

pub(super) fn decode_decline(value: &Value) -> Vec<InboundEvent> {
    decode_event("Promotion Declined", value, |event: Envelope<PromotionDeclined>| {
        let PromotionDeclined { environment, function, deployment, declined_by, reason, .. } = event.detail;
        check_text("reason", reason.as_deref())?;
        let decision = ApprovalDecision::Decline { reason: reason.map(Into::into) };
        decision_event((environment, function, deployment), decision, (declined_by, event.identity), event.sent)
    })
}

fn decision_event(
    (environment, function, deployment): (EnvironmentName, Option<FunctionName>, DeploymentId),
    decision: ApprovalDecision,
    (by, identity): (Option<String>, Identity),
    Sent { id, account, replay, .. }: Sent,
) -> Result<InboundEvent, String> {
    if replay.is_some() {
        let because = "somebody's word on a promotion, played again from an archive".to_owned();
        return Ok(InboundEvent::Ignored { because });
    }
    check_text("approved_by or declined_by", by.as_deref())?;
    let by = by.or_else(|| account.as_deref().map(account_name));
    let by = by.ok_or("nobody is named, and no account")?;
    let deployment = Some(deployment);
    Ok(InboundEvent::ApprovalResponse(Box::new(ApprovalResponse {
        environment,
        function,
        deployment,
        decision,
        by: by.into(),
        account,
        identity,
        id,
    })))
}

fn decode_event<T: for<'de> Deserialize<'de>>(
    kind: &str,
    value: &Value,
    read: impl Fn(Envelope<T>) -> Result<InboundEvent, String>,
) -> Vec<InboundEvent> {
    let event = Sent::deserialize(value).map_err(|error| error.to_string()).and_then(|sent| {
        let detail = value.get("detail").ok_or("it has no detail")?;
        if detail.get(SKIP_ROLLOUT).is_some() {
            return Err(format!("{SKIP_ROLLOUT} is not for events: a person gives it, by the command promote"));
        }
        let identity = Identity::of(decode_proof(detail, || RequestDigest::of_event(kind, detail))?);
        let detail = &without_identity(detail);
        let detail = T::deserialize(detail).map_err(|error| with_field::<T>(detail, &error.to_string()))?;
        Ok(Envelope { sent, detail, identity })
    });
    match event.and_then(read) {
        Ok(event) => vec![event],
        Err(error) => {
            let because = format!("a {kind:?} event that cannot be read: {error}");
            vec![InboundEvent::Malformed { because, readable_request: Some(Box::new(readable_part(kind, value))) }]
        }
    }
}

/// Reads as much as possible of an invalid event, for the answer to its sender.
fn readable_part(kind: &str, value: &Value) -> RecordlessEvent {
    const NONE: &Value = &Value::Null;
    let detail = value.get("detail").unwrap_or(NONE);
    let text = |field: &str| detail.get(field).and_then(Value::as_str);
    let name = |field: &str| text(field).and_then(|name| EnvironmentName::parse(name).ok());
    let by = ["requested_by", "approved_by", "declined_by"].into_iter().find_map(text);
    let by = by.filter(|by| check_free_text("by", by).is_ok());
    let id =
        text("id").filter(|id| check_free_text("id", id).is_ok()).or_else(|| value.get("id").and_then(Value::as_str));
    let refused = if kind == REQUESTED { Refused::Request } else { Refused::Approval };
    RecordlessEvent {
        refused: Some(refused),
        function: text("function").and_then(|name| FunctionPattern::parse(name).ok()).map(PlainText::of),
        functions: detail.get("functions").and_then(|names| Vec::deserialize(names).ok()),
        from: name("from"),
        to: name("to").or_else(|| name("environment")),
        release: text("release").and_then(|release| Release::parse(release).ok()),
        requested_by: by.map(Into::into),
        id: id.map(Into::into),
        request: value.get("detail").map(|detail| plain_json(&without_proofs(detail))),
        ..RecordlessEvent::default()
    }
}
