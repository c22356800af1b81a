//! `approve` and `decline`: a person's word on a promotion that waits, or on a group. IAM decides who may send it.

use deployer_core::approval::DECLINED_BY;
use deployer_core::config::Approval;
use deployer_core::decision::{Decided, DecidedAbout, DecisionEffect};
use deployer_core::function_ref::FunctionRef;
use deployer_core::group::{Group, Phase, used_by_decision};
use deployer_core::head::{self, ApprovalEffect, CommandKind, DecisionId, Head};
use deployer_core::id::{DeploymentId, FunctionName};
use deployer_core::identity::{Identity, Principal};
use deployer_core::ledger_keys;
use deployer_core::promotion::{ApprovalDecision, ApprovalResponse};
use deployer_core::record::{Approved, DeploymentRecord};
use deployer_core::text::Person;

use super::change_head::reused_id;
use super::find_by_id::{FoundById, find_by_id};
use super::known::ensure_known;
use super::progress::record_by_head;
use super::promotion::PromotionOutcome;
use super::used_id::{ensure_unused_by_each, ensure_unused_id};
use crate::group::Groups;
use crate::promotions::stored_requests::submit_without_queue;
use crate::prove_identity::{Giver, ProofDemand};
use crate::store::{Change, Versioned};
use crate::{CommandError, Engine, Transient};

/// The effect of a decision on the head.
enum Effect {
    Recorded,
    Duplicate,
    /// No promotion of this id waits here. Whether the head knows this very decision about it.
    NotWaiting {
        is_known: bool,
    },
}

/// A group after a decision about it.
enum GroupAfter {
    /// It waits or goes on by this decision.
    Open(DecisionEffect),
    /// It was decided before.
    Decided(Box<Group>),
}

impl From<DecidedAbout> for PromotionOutcome {
    fn from(about: DecidedAbout) -> Self {
        match about {
            DecidedAbout::Record(record) => Self::One(record),
            DecidedAbout::Group(group) => Self::Together(group),
        }
    }
}

impl Engine {
    /// Records a person's word on a promotion that waits, and goes on with the promotion if it waits for nothing else.
    ///
    /// # Errors
    /// [`CommandError`]: there is no such promotion, the word does not count, or another try can help.
    pub async fn record_approval_response(&self, response: &ApprovalResponse) -> Result<Decided, CommandError> {
        self.ensure_environment(&response.environment)?;
        let demand = match (rules(self, response), &response.decision) {
            (Some(rules), ApprovalDecision::Approve) if rules.proven => ProofDemand::Wanted,
            _ => ProofDemand::Optional,
        };
        let giver = Giver::new(self, &response.identity, demand)?;
        let about = About::of(self, response).await?;
        let decided = match &about {
            About::Group(id) => record_for_group(self, *id, response, &giver).await?,
            About::Function(function) => {
                let at = self.at(&response.environment, function)?;
                let recorded = record_for_function(self, &at, response, &giver).await;
                if let Err(CommandError::Invalid(_)) = &recorded {
                    ensure_known(self, Some(&at.name), function).await?;
                }
                recorded?
            }
        };
        submit_without_queue(self).await;
        Ok(decided)
    }
}

/// The subject of a decision.
enum About {
    Group(DeploymentId),
    Function(FunctionName),
}

impl About {
    /// Finds the group or the function. An id without a function is a group's, or that of a deployment in this environment,
    /// however it has ended.
    async fn of(engine: &Engine, response: &ApprovalResponse) -> Result<Self, CommandError> {
        let (environment, id) = match (&response.function, response.deployment) {
            (Some(function), _) => return Ok(Self::Function(function.clone())),
            (None, Some(id)) => (&response.environment, id),
            (None, None) => {
                return Err(CommandError::Invalid(
                    "function is missing (or deployment, the id of a promotion or of a group)".into(),
                ));
            }
        };
        match find_by_id(engine, environment, id).await? {
            Some(FoundById::Group(_)) => Ok(Self::Group(id)),
            Some(FoundById::Member(group, member)) => {
                Err(CommandError::Invalid(decided_as_a_whole(&group, &member, id, &response.decision)))
            }
            Some(FoundById::Deployment(function)) => Ok(Self::Function(function)),
            None => Err(CommandError::Invalid(format!(
                "no promotion and no group {id} is known in {environment}: deployctl status -e {environment} lists the \
                 promotions that wait there, those of groups too"
            ))),
        }
    }
}

/// Returns the rules of approvals in the environment that a promotion goes to.
fn rules<'a>(engine: &'a Engine, response: &ApprovalResponse) -> Option<&'a Approval> {
    engine.config.environments.get(&response.environment)?.approval.as_ref()
}

/// Records the word in a group's object, and reconciles the group.
async fn record_for_group(
    engine: &Engine,
    id: DeploymentId,
    response: &ApprovalResponse,
    giver: &Giver<'_>,
) -> Result<Decided, CommandError> {
    let key = ledger_keys::open_group(&response.environment, id);
    let change = async |group: Option<&Group>| {
        let Some(group) = group else { return Ok::<_, CommandError>(Change::Keep(None)) };
        if !matches!(group.phase, Phase::Checking | Phase::Placing) {
            return Ok(Change::Keep(Some(GroupAfter::Decided(Box::new(group.clone())))));
        }
        let already_given = || Change::Keep(Some(GroupAfter::Open(DecisionEffect::AlreadyGiven)));
        if is_given_again(response, giver, &group.approvals).await? {
            return Ok(already_given());
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
                let because = declined(response, &identity, reason.as_deref());
                Some(group.declined((&response.by, because), engine.now()))
            }
        };
        Ok(match next {
            Some(next) => Change::Write(next, Some(GroupAfter::Open(DecisionEffect::Recorded))),
            None => already_given(),
        })
    };
    let decided = match engine.store().update(&key, change).await? {
        Some(GroupAfter::Open(effect)) => {
            let group = Groups::of(engine).reconcile(&response.environment, id).await?;
            return Ok(Decided::together(group, effect));
        }
        Some(GroupAfter::Decided(group)) => *group,
        None => {
            let ended = Groups::of(engine).read(&ledger_keys::ended_group(&response.environment, id)).await?;
            ended.ok_or(Transient::TakenOver)?
        }
    };
    let effect = late_effect(response, giver, (&decided.approvals, decided.declined_by.as_ref())).await;
    Ok(Decided::together(decided, effect))
}

/// Records the word in a function's head, and goes on with the promotion.
async fn record_for_function(
    engine: &Engine,
    at: &FunctionRef<'_>,
    response: &ApprovalResponse,
    giver: &Giver<'_>,
) -> Result<Decided, CommandError> {
    let change = async |seen: &mut Versioned| {
        let head = &seen.head;
        let decided = DecisionId { id: &response.id, decision: &response.decision };
        let before = decided.about(head, at);
        let id = waiting_id(head, at, response.deployment.or(before))?;
        let not_waiting = Effect::NotWaiting { is_known: before == Some(id) };
        let Some(waiting) = head.waiting().iter().find(|waiting| waiting.request.id == id) else {
            return Ok(Change::Keep((id, not_waiting)));
        };
        if let Some(group) = waiting.request.group() {
            let group = Groups::of(engine).find(&at.name, group).await?.ok_or_else(|| is_gone(group, id))?;
            return Err(CommandError::Invalid(decided_as_a_whole(&group, &at.function, id, &response.decision)));
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
                let because = declined(response, &identity, reason.as_deref());
                head::decline(head, id, (Some(&response.by), because), at, engine.now())
            }
        };
        Ok(match effect.remembering(head, decided, at, id) {
            ApprovalEffect::Write(head) => Change::Write(head, (id, Effect::Recorded)),
            ApprovalEffect::Duplicate(Some(head)) => Change::Write(head, (id, Effect::Duplicate)),
            ApprovalEffect::Duplicate(None) => Change::Keep((id, Effect::Duplicate)),
            ApprovalEffect::NotWaiting => Change::Keep((id, not_waiting)),
            ApprovalEffect::Ineligible(because) => return Err(CommandError::Refused(because)),
        })
    };
    let (seen, (id, effect)) = engine.store().update_head(at, None, change).await?;
    let effect = match effect {
        Effect::NotWaiting { is_known } => {
            let record = recorded(engine, (at, &seen.head), id, response).await?;
            let effect = match is_known {
                true => DecisionEffect::AlreadyGiven,
                false => late_effect_on(engine, response, giver, &record).await?,
            };
            return Ok(Decided::one(record, effect));
        }
        Effect::Duplicate => DecisionEffect::AlreadyGiven,
        Effect::Recorded => {
            let principal = giver.identity().await?.principal();
            tracing::warn!(deployment = %id, by = response.by.as_str(), account = response.account,
                principal = principal.as_ref().map(Principal::as_str), decision = ?response.decision, "a waiting promotion is approved or declined");
            if let Err(error) = engine.reconciler(at).outbox().flush(seen).await {
                tracing::warn!("left to the sweep: {error}");
            }
            DecisionEffect::Recorded
        }
    };
    let records = engine.reconciler(at).promotions().resume_waiting(id).await?;
    let record = match records.into_iter().find(|record| record.id == id) {
        Some(record) => record,
        None => {
            let head = engine.store().head(at).await?.head;
            recorded(engine, (at, &head), id, response).await?
        }
    };
    Ok(Decided::one(record, effect))
}

/// Answers with the record of a promotion that has gone on or ended, as the head has it: what was written may be from the
/// time at which it waited. A member of a group that is not decided has none yet.
async fn recorded(
    engine: &Engine,
    (at, head): (&FunctionRef<'_>, &Head),
    id: DeploymentId,
    response: &ApprovalResponse,
) -> Result<DeploymentRecord, CommandError> {
    if let Some(record) = record_by_head(engine, at, head, id).await? {
        return Ok(record);
    }
    let (function, environment) = (&at.function, &at.name);
    Err(CommandError::Invalid(match find_by_id(engine, environment, id).await? {
        Some(FoundById::Member(group, member)) => decided_as_a_whole(&group, &member, id, &response.decision),
        Some(FoundById::Deployment(owner)) if owner != *function => {
            format!("{id} is a deployment of {owner} in {environment}, not of {function}")
        }
        Some(FoundById::Group(_)) => {
            format!("{id} is a group in {environment}, which is decided about as a whole: leave {function} out")
        }
        Some(FoundById::Deployment(_)) | None => {
            format!("no promotion {id} of {function} waits in {environment}: status tells which do")
        }
    }))
}

/// Returns the effect of a word on a promotion that waits no more. That on a member was given on its group.
async fn late_effect_on(
    engine: &Engine,
    response: &ApprovalResponse,
    giver: &Giver<'_>,
    record: &DeploymentRecord,
) -> Result<DecisionEffect, CommandError> {
    let Some(promotion) = &record.promotion else { return Ok(DecisionEffect::TooLate) };
    let group = match promotion.group {
        Some(group) => Groups::of(engine).find(&response.environment, group).await?,
        None => None,
    };
    let declined_by = group.as_ref().map_or(&promotion.declined_by, |group| &group.declined_by);
    Ok(late_effect(response, giver, (&promotion.approvals, declined_by.as_ref())).await)
}

/// Returns the effect of a word on what waits no more: it is too late, unless the same person had given it before.
async fn late_effect(
    response: &ApprovalResponse,
    giver: &Giver<'_>,
    (approvals, declined_by): (&[Approved], Option<&Person>),
) -> DecisionEffect {
    let is_given = match &response.decision {
        ApprovalDecision::Decline { .. } => declined_by == Some(&response.by),
        ApprovalDecision::Approve => {
            let is_named = |one: &Approved| one.is_by(&response.id) || one.by == response.by;
            approvals.iter().any(is_named) || is_proven_before(giver, approvals).await
        }
    };
    if is_given { DecisionEffect::AlreadyGiven } else { DecisionEffect::TooLate }
}

/// Whether the same principal has approved before, under whatever name; only where principals count, for else people are
/// their names, and a team may share a role. Where AWS does not say who it is, it has not.
async fn is_proven_before(giver: &Giver<'_>, approvals: &[Approved]) -> bool {
    if !giver.counts_by_principal() || approvals.iter().all(|one| one.principal.is_none()) {
        return false;
    }
    let principal = giver.identity().await.ok().and_then(|identity| identity.principal());
    principal.is_some() && approvals.iter().any(|one| one.principal == principal)
}

/// Says which command decides about the group of a member.
pub(super) fn decided_as_a_whole(
    group: &Group,
    function: &FunctionName,
    id: DeploymentId,
    decision: &ApprovalDecision,
) -> String {
    let functions: Vec<&str> = group.functions.iter().map(|member| member.function.as_str()).collect();
    let (group, functions, environment) = (group.id, functions.join(" and "), &group.environment);
    let verb = if *decision == ApprovalDecision::Approve { "approve" } else { "decline" };
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
