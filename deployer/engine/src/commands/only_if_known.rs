//! `only_if_known`: what became of the command of an id. Nothing is changed or worked on, and no proof is needed.

use deployer_core::decision::{Decided, DecisionEffect};
use deployer_core::function_ref::FunctionRef;
use deployer_core::group::used_by_decision;
use deployer_core::head::{CommandKind, DecisionId, Head, Request, Rollback, Source};
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use deployer_core::promotion::ApprovalDecision;
use deployer_core::record::{CauseKind, DeploymentRecord};
use deployer_core::trigger::Command;
use futures::stream::{self, StreamExt as _};
use serde_json::Value;

use super::approve::decided_as_a_whole;
use super::caller::Caller;
use super::dispatch::{decided_answer, json, promotion_answer, promotion_request};
use super::error::FunctionError;
use super::find_by_id::{FoundById, find_by_id};
use super::progress::{record_by_head, record_if_known};
use super::promoted::promoted;
use super::used_id::ensure_unused_id;
use crate::group::Groups;
use crate::store::READ_AT_ONCE;
use crate::{CommandError, Engine};

/// Answers with what became of the command of the caller's id; null where it is not known.
///
/// # Errors
/// [`FunctionError`]: the command is wrong, the id was another command's, or the ledger cannot be read.
pub(super) async fn what_became_of(engine: &Engine, command: Command, caller: &Caller) -> Result<Value, FunctionError> {
    let deployment = async |(environment, function), kind, source| {
        json(&deployment(engine, (environment, function), (kind, source), caller).await?)
    };
    match command {
        Command::Deploy { environment, function, release, .. } => {
            deployment((&environment, &function), CauseKind::Deploy, Source::Newest { release }).await
        }
        Command::Redeploy { environment, function } => {
            deployment((&environment, &function), CauseKind::Redeploy, Source::Live { of: None }).await
        }
        Command::Rollback { environment, function, to, .. } => {
            let source = Source::Earlier(Rollback::to(to));
            deployment((&environment, &function), CauseKind::Rollback, source).await
        }
        promote @ Command::Promote { .. } => {
            let promotion = promotion_request(engine, promote, caller.clone())?;
            promoted(engine, &promotion).await?.map_or(Ok(Value::Null), promotion_answer)
        }
        Command::Approve { environment, function, deployment } => {
            let found = approved(engine, (&environment, function.as_ref()), deployment, caller).await?;
            found.map_or(Ok(Value::Null), decided_answer)
        }
        Command::Recall { function, release, .. } => json(&engine.recalled(&function, &release, caller).await?),
        _ => Err(FunctionError::InvalidCommand("nothing tells what became of this command".into())),
    }
}

async fn deployment(
    engine: &Engine,
    (environment, function): (&EnvironmentName, &FunctionName),
    (kind, source): (CauseKind, Source),
    caller: &Caller,
) -> Result<Option<DeploymentRecord>, CommandError> {
    let at = engine.at(environment, function)?;
    let drawn = (engine.now(), engine.token());
    let request = Request::by_command((environment, function), source, caller.cause(kind), drawn);
    record_if_known(engine, &at, &request).await
}

/// Finds the promotion, or the group, that the command of this id has approved.
async fn approved(
    engine: &Engine,
    (environment, function): (&EnvironmentName, Option<&FunctionName>),
    deployment: Option<DeploymentId>,
    caller: &Caller,
) -> Result<Option<Decided>, CommandError> {
    engine.ensure_environment(environment)?;
    if let Some(function) = function {
        return approved_of(engine, (environment, function), deployment, caller).await;
    }
    let Some(id) = deployment else { return Ok(None) };
    match find_by_id(engine, environment, id).await? {
        Some(FoundById::Group(group)) => {
            used_by_decision(&group, &caller.id, &ApprovalDecision::Approve).map_or(Ok(()), Err)?;
            let is_it = group.approvals.iter().any(|one| one.is_by(&caller.id));
            Ok(is_it.then(|| Decided::together(*group, DecisionEffect::AlreadyGiven)))
        }
        Some(FoundById::Member(group, function)) => {
            Err(CommandError::Invalid(decided_as_a_whole(&group, &function, id, &ApprovalDecision::Approve)))
        }
        Some(FoundById::Deployment(function)) => {
            approved_of(engine, (environment, &function), deployment, caller).await
        }
        None => Ok(None),
    }
}

/// Finds the promotion of this function that the command of this id has approved.
async fn approved_of(
    engine: &Engine,
    (environment, function): (&EnvironmentName, &FunctionName),
    deployment: Option<DeploymentId>,
    caller: &Caller,
) -> Result<Option<Decided>, CommandError> {
    let at = engine.at(environment, function)?;
    let head = engine.store().head(&at).await?.head;
    let decided = DecisionId { id: &caller.id, decision: &ApprovalDecision::Approve };
    let about = decided.about(&head, &at).filter(|about| deployment.is_none_or(|named| named == *about));
    let remembered = match about {
        Some(about) => record_by_head(engine, &at, &head, about).await?,
        None => None,
    };
    let found = match remembered {
        Some(record) => Some(record),
        None => record_with_approval(engine, (&at, &head), deployment, caller).await?,
    };
    let Some(record) = found else {
        ensure_unused_id(engine, (&head, &at), &caller.id, CommandKind::Other).await?;
        return Ok(None);
    };
    // A member has the approvals of its group, which is decided about as a whole while it is open.
    if let Some(id) = record.promotion.as_ref().and_then(|promotion| promotion.group)
        && let Some(group) = Groups::of(engine).find(environment, id).await?
        && group.finished_at.is_none()
    {
        let decision = ApprovalDecision::Approve;
        return Err(CommandError::Invalid(decided_as_a_whole(&group, function, record.id, &decision)));
    }
    Ok(Some(Decided::one(record, DecisionEffect::AlreadyGiven)))
}

/// Finds the record that has the approval of the caller's id. The head names what is open and the last that have ended,
/// newest first.
async fn record_with_approval(
    engine: &Engine,
    (at, head): (&FunctionRef<'_>, &Head),
    deployment: Option<DeploymentId>,
    caller: &Caller,
) -> Result<Option<DeploymentRecord>, CommandError> {
    let ids = deployment.map_or_else(|| head.deployments(), |id| vec![id]);
    let is_it = |record: &DeploymentRecord| {
        let mut approvals = record.promotion.iter().flat_map(|promotion| &promotion.approvals);
        approvals.any(|one| one.is_by(&caller.id))
    };
    let records = stream::iter(ids).map(|id| record_by_head(engine, at, head, id));
    let mut records = records.buffered(READ_AT_ONCE);
    while let Some(record) = records.next().await {
        if let Some(record) = record?.filter(is_it) {
            return Ok(Some(record));
        }
    }
    Ok(None)
}
