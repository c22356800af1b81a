//! `approve` and `decline`: a person's word on a promotion that waits, or on a group. IAM decides who may send it.

use deployer_core::approval::DECLINED_BY;
use deployer_core::config::Approval;
use deployer_core::function_ref::FunctionRef;
use deployer_core::group::{Group, Phase, used_by_decision};
use deployer_core::head::{self, ApprovalEffect, CommandKind, DecisionId, Head};
use deployer_core::id::{DeploymentId, FunctionName};
use deployer_core::identity::{Identity, Principal};
use deployer_core::ledger_keys;
use deployer_core::promotion::{ApprovalDecision, ApprovalResponse};
use deployer_core::record::{Approved, DeploymentRecord};

use super::change_head::reused_id;
use super::known::ensure_known;
use super::progress::record_by_head;
use super::promote::PromotionOutcome;
use super::used_id::{ensure_unused_by_each, ensure_unused_id};
use crate::group::Groups;
use crate::promotions::stored_requests::submit_without_queue;
use crate::prove_identity::{Giver, ProofDemand};
use crate::store::{Change, Versioned};
use crate::{CommandError, Engine};

/// The effect of an approval on the head.
enum Effect {
    Recorded,
    Duplicate,
    NotWaiting,
}

impl Engine {
    /// Records a person's word on a promotion that waits, and goes on with the promotion if it waits for nothing else.
    ///
    /// # Errors
    /// [`CommandError`]: no promotion waits there, the word does not count, or another try can help.
    pub async fn record_approval_response(
        &self,
        response: &ApprovalResponse,
    ) -> Result<PromotionOutcome, CommandError> {
        self.ensure_environment(&response.environment)?;
        let demand = match (rules(self, response), &response.decision) {
            (Some(rules), ApprovalDecision::Approve) if rules.proven => ProofDemand::Wanted,
            _ => ProofDemand::Optional,
        };
        let giver = Giver::new(self, &response.identity, demand)?;
        let outcome = match &response.function {
            None => PromotionOutcome::Together(Box::new(record_for_group(self, response, &giver).await?)),
            Some(function) => {
                let at = self.at(&response.environment, function)?;
                let recorded = record_for_function(self, &at, response, &giver).await;
                if let Err(CommandError::Invalid(_)) = &recorded {
                    ensure_known(self, Some(&at.name), function).await?;
                }
                PromotionOutcome::One(Box::new(recorded?))
            }
        };
        submit_without_queue(self).await;
        Ok(outcome)
    }
}

/// Returns the rules of approvals in the environment that a promotion goes to.
fn rules<'a>(engine: &'a Engine, response: &ApprovalResponse) -> Option<&'a Approval> {
    engine.config.environments.get(&response.environment)?.approval.as_ref()
}

/// Records the word in a group's object, and reconciles the group.
async fn record_for_group(
    engine: &Engine,
    response: &ApprovalResponse,
    giver: &Giver<'_>,
) -> Result<Group, CommandError> {
    let Some(id) = response.deployment else {
        return Err(CommandError::Invalid("function is missing (or deployment, the id of a group)".into()));
    };
    let key = ledger_keys::open_group(&response.environment, id);
    let change = async |group: Option<&Group>| {
        let Some(group) = group else { return Ok::<_, CommandError>(Change::Keep(None)) };
        if !matches!(group.phase, Phase::Checking | Phase::Placing) {
            return Ok(Change::Keep(Some(Some(group.clone()))));
        }
        if is_given_again(response, giver, &group.approvals).await? {
            return Ok(Change::Keep(Some(None)));
        }
        used_by_decision(group, &response.id, &response.decision).map_or(Ok(()), Err)?;
        let functions: Vec<FunctionName> = group.functions.iter().map(|member| member.function.clone()).collect();
        let members = (&group.environment, functions.as_slice());
        ensure_unused_by_each(engine, members, &response.id, CommandKind::Approval(group.id)).await?;
        let identity = giver.identity().await?;
        let next = match &response.decision {
            ApprovalDecision::Approve => group
                .with_approval(&approved(engine, response, &identity), rules(engine, response))
                .map_err(CommandError::Refused)?,
            ApprovalDecision::Decline { reason } => {
                Some(group.declined(declined(response, &identity, reason.as_deref()), engine.now()))
            }
        };
        Ok(match next {
            Some(next) => Change::Write(next, Some(None)),
            None => Change::Keep(Some(None)),
        })
    };
    match engine.store().update(&key, change).await? {
        Some(Some(decided)) => Ok(decided),
        Some(None) => Ok(Groups::of(engine).reconcile(&response.environment, id).await?),
        None => {
            if let Some(ended) = Groups::of(engine).read(&ledger_keys::ended_group(&response.environment, id)).await? {
                return Ok(ended);
            }
            let unknown = || {
                format!(
                    "no group {id} is known in {0}: deployctl status -e {0} lists the promotions that wait there, those of \
                     groups too; with the id of one function's promotion, name the function",
                    response.environment
                )
            };
            Err(CommandError::Invalid(about_its_group(engine, id, response).await?.unwrap_or_else(unknown)))
        }
    }
}

/// Records the word in a function's head, and goes on with the promotion.
async fn record_for_function(
    engine: &Engine,
    at: &FunctionRef<'_>,
    response: &ApprovalResponse,
    giver: &Giver<'_>,
) -> Result<DeploymentRecord, CommandError> {
    let change = async |seen: &mut Versioned| {
        let head = &seen.head;
        let decided = DecisionId { id: &response.id, decision: &response.decision };
        let id = waiting_id(head, at, response.deployment.or_else(|| decided.about(head, at)))?;
        let Some(waiting) = head.waiting().iter().find(|waiting| waiting.request.id == id) else {
            return Ok(Change::Keep((id, Effect::NotWaiting)));
        };
        if let Some(group) = waiting.request.group() {
            let group = Groups::of(engine).find(&at.name, group).await?.ok_or_else(|| is_gone(group, id))?;
            return Err(CommandError::Invalid(decided_as_a_whole(&group, &at.function, id, response)));
        }
        let given = waiting.request.promotion_spec().map_or(&[][..], |spec| &spec.approvals);
        if is_given_again(response, giver, given).await? {
            return Ok(Change::Keep((id, Effect::Duplicate)));
        }
        let kind = match &response.decision {
            ApprovalDecision::Approve => CommandKind::Approval(id),
            ApprovalDecision::Decline { .. } => CommandKind::Other,
        };
        ensure_unused_id(engine, (head, at), &response.id, kind).await?;
        let identity = giver.identity().await?;
        let effect = match &response.decision {
            ApprovalDecision::Approve => {
                head::approve(head, id, &approved(engine, response, &identity), rules(engine, response))
            }
            ApprovalDecision::Decline { reason } => {
                head::decline(head, id, declined(response, &identity, reason.as_deref()), at, engine.now())
            }
        };
        Ok(match effect.remembering(head, decided, at, id) {
            ApprovalEffect::Write(head) => Change::Write(head, (id, Effect::Recorded)),
            ApprovalEffect::Duplicate(Some(head)) => Change::Write(head, (id, Effect::Duplicate)),
            ApprovalEffect::Duplicate(None) => Change::Keep((id, Effect::Duplicate)),
            ApprovalEffect::NotWaiting => Change::Keep((id, Effect::NotWaiting)),
            ApprovalEffect::Ineligible(because) => return Err(CommandError::Refused(because)),
        })
    };
    let (seen, (id, effect)) = engine.store().update_head(at, None, change).await?;
    match effect {
        Effect::NotWaiting => return recorded(engine, (at, &seen.head), id, response).await,
        Effect::Duplicate => {}
        Effect::Recorded => {
            let principal = giver.identity().await?.principal();
            tracing::warn!(deployment = %id, by = response.by.as_str(), account = response.account,
                principal = principal.as_ref().map(Principal::as_str), decision = ?response.decision, "a waiting promotion is approved or declined");
            if let Err(error) = engine.reconciler(at).outbox().flush(seen).await {
                tracing::warn!("left to the sweep: {error}");
            }
        }
    }
    let records = engine.reconciler(at).promotions().resume_waiting(id).await?;
    match records.into_iter().find(|record| record.id == id) {
        Some(record) => Ok(record),
        None => {
            let head = engine.store().head(at).await?.head;
            recorded(engine, (at, &head), id, response).await
        }
    }
}

/// Answers with the record of a promotion that has gone on or ended, as the head has it: what was written may be from the
/// time at which it waited. A member of a group that is not decided has none yet.
async fn recorded(
    engine: &Engine,
    (at, head): (&FunctionRef<'_>, &Head),
    id: DeploymentId,
    response: &ApprovalResponse,
) -> Result<DeploymentRecord, CommandError> {
    let is_members =
        |record: &DeploymentRecord| record.promotion.as_ref().is_some_and(|promotion| promotion.group.is_some());
    let record = match record_by_head(engine, at, head, id).await? {
        Some(record) if is_members(&record) => engine.store().record(at, id).await?,
        record => record,
    };
    if let Some(record) = record {
        return Ok(record);
    }
    let unknown = || format!("no promotion {id} of {} waits in {}: status tells which do", at.function, at.name);
    Err(CommandError::Invalid(about_its_group(engine, id, response).await?.unwrap_or_else(unknown)))
}

/// Says that a word on a member of an open group is to be about the group; none if the id is no member's.
async fn about_its_group(
    engine: &Engine,
    id: DeploymentId,
    response: &ApprovalResponse,
) -> Result<Option<String>, CommandError> {
    let found = Groups::of(engine).open().with_member(&response.environment, id).await?;
    Ok(found.map(|(group, member)| decided_as_a_whole(&group, &member.function, id, response)))
}

/// Says which command decides about the group of a member.
fn decided_as_a_whole(group: &Group, function: &FunctionName, id: DeploymentId, response: &ApprovalResponse) -> String {
    let functions: Vec<&str> = group.functions.iter().map(|member| member.function.as_str()).collect();
    let (group, functions, environment) = (group.id, functions.join(" and "), &response.environment);
    let verb = if response.decision == ApprovalDecision::Approve { "approve" } else { "decline" };
    format!(
        "promotion {id} of {function} belongs to group {group} ({functions}), which is decided about as a whole: deployctl \
         {verb} -e {environment} --deployment {group}"
    )
}

/// Says that the ledger has lost the group of a member that waits.
fn is_gone(group: DeploymentId, id: DeploymentId) -> CommandError {
    CommandError::Invalid(format!(
        "promotion {id} belongs to group {group}, which is decided about as a whole, and the ledger has no such group"
    ))
}

/// Finds the promotion that is meant: the named one, or that of the same command before, or the only one that waits.
fn waiting_id(head: &Head, at: &FunctionRef<'_>, named: Option<DeploymentId>) -> Result<DeploymentId, CommandError> {
    let waiting: Vec<DeploymentId> = head.waiting().iter().map(|waiting| waiting.request.id).collect();
    match (named, waiting.as_slice()) {
        (Some(id), _) => Ok(id),
        (None, [id]) => Ok(*id),
        (None, []) => Err(CommandError::Invalid(format!("no promotion of {} waits in {}", at.function, at.name))),
        (None, several) => {
            let several: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(CommandError::Invalid(format!("several promotions wait, name one of them: {}", several.join(", "))))
        }
    }
}

/// Whether this very command or event has approved before. One without a proof is judged anew, as one under another id.
///
/// # Errors
/// [`CommandError`]: the id was another person's, or STS cannot be asked who this one is.
async fn is_given_again(
    response: &ApprovalResponse,
    giver: &Giver<'_>,
    given: &[Approved],
) -> Result<bool, CommandError> {
    if response.decision != ApprovalDecision::Approve {
        return Ok(false);
    }
    let Some(before) = given.iter().find(|one| one.is_by(&response.id)) else { return Ok(false) };
    if before.by == response.by && before.account == response.account {
        return Ok(giver.has_proof());
    }
    // The same person may have given another name.
    let principal = giver.identity().await?.principal();
    if principal.is_some() && principal == before.principal { Ok(true) } else { Err(reused_id(&response.id)) }
}

/// Makes the reason of a promotion that a person declines.
fn declined(response: &ApprovalResponse, identity: &Identity, reason: Option<&str>) -> String {
    let account = match (identity.principal(), &response.account) {
        (Some(principal), _) => format!(" ({principal})"),
        (None, Some(account)) => format!(" (account {account})"),
        (None, None) => String::new(),
    };
    let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
    format!("{DECLINED_BY}{}{account}{reason}", response.by)
}

fn approved(engine: &Engine, response: &ApprovalResponse, identity: &Identity) -> Approved {
    Approved {
        by: response.by.clone(),
        account: response.account.clone(),
        at: engine.now(),
        principal: identity.principal(),
        unproven: identity.unproven(),
        event_id: Some(response.id.clone().into()),
    }
}
