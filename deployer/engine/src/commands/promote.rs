//! `promote`: a promotion of one function, of each that matches and is ready, or of several together.

use deployer_core::config::ProvenCommand;
use deployer_core::event::{RecordlessEvent, Refused};
use deployer_core::function_ref::FunctionRef;
use deployer_core::group::Group;
use deployer_core::head::{CommandKind, Head};
use deployer_core::id::FunctionName;
use deployer_core::identity::Principal;
use deployer_core::promotion::{Dispatch, Functions, PromotionRequest};
use deployer_core::record::DeploymentRecord;
use futures::future::try_join_all;
use tracing::Instrument as _;

use super::known::ensure_known;
use super::progress::answer_with_record;
use super::promote_each::submit_each;
use super::promoted::promoted;
use super::promotion::{PromotionOutcome, known_request, request_for};
use super::used_id::{ensure_no_member, ensure_unused_id, group_of_request};
use crate::events::publish_refused_promotion;
use crate::group::Groups;
use crate::promotions::stored_requests::submit_without_queue;
use crate::prove_identity::{Giver, ProofDemand};
use crate::{CommandError, Engine, Transient, deployment};

impl Engine {
    /// Submits a promotion, and works on it if the rules allow it.
    ///
    /// # Errors
    /// [`CommandError`]: there is no such environment, or another try can help. A refused promotion is no error: its
    /// record says so.
    pub async fn promote(&self, promotion: &PromotionRequest) -> Result<PromotionOutcome, CommandError> {
        let outcome = submit(self, promotion).await;
        if let Some(Ok(because)) = outcome.as_ref().err().cloned().map(CommandError::into_refusal) {
            let about = RecordlessEvent {
                refused: Some(Refused::Request),
                function: Some(promotion.functions.to_string().into()),
                from: Some(promotion.from.clone()),
                to: Some(promotion.to.clone()),
                release: promotion.release.clone(),
                requested_by: promotion.requested_by.clone(),
                id: Some(promotion.id.clone().into()),
                ..RecordlessEvent::default()
            };
            publish_refused_promotion(self, &because, about).await;
        }
        outcome
    }
}

/// A promotion of single functions, with what all of them share.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub promotion: &'a PromotionRequest,
    pub giver: &'a Giver<'a>,
    /// The group that a request with the same id has opened.
    pub group: Option<&'a Group>,
}

async fn submit(engine: &Engine, promotion: &PromotionRequest) -> Result<PromotionOutcome, CommandError> {
    engine.ensure_environment(&promotion.to)?;
    let group = async {
        match &promotion.functions {
            Functions::One(_) | Functions::Each(_) => group_of_request(engine, &promotion.id, &promotion.to).await,
            Functions::Together(_) => Ok(None),
        }
    };
    let (known, group) = futures::join!(ensure_all_known(engine, promotion), group);
    if let Err(unknown @ CommandError::UnknownFunction(_)) = known {
        // A repeated promotion has its answer, even if the upload that made its function known was refused since.
        return promoted(engine, promotion).await?.ok_or(unknown);
    }
    known?;
    let group = group?;
    let giver = &Giver::new(engine, &promotion.identity, proof_demand(engine, promotion))?;
    let asked = Asked { promotion, giver, group: group.as_ref() };
    let outcome = match &promotion.functions {
        Functions::One(function) => {
            PromotionOutcome::One(Box::new(submit_one(engine, asked, function, Dispatch::Inline).await?))
        }
        Functions::Each(pattern) => PromotionOutcome::Each(submit_each(engine, asked, pattern).await?),
        Functions::Together(functions) => {
            PromotionOutcome::Together(Box::new(Groups::of(engine).promote((promotion, giver), functions).await?))
        }
    };
    submit_without_queue(engine).await;
    Ok(outcome)
}

/// Refuses a promotion that names a function which nobody knows. A pattern stands for known ones.
async fn ensure_all_known(engine: &Engine, promotion: &PromotionRequest) -> Result<(), CommandError> {
    let named = match &promotion.functions {
        Functions::One(function) => std::slice::from_ref(function),
        Functions::Together(functions) => functions,
        Functions::Each(_) => &[],
    };
    try_join_all(named.iter().map(|function| ensure_known(engine, Some(&promotion.from), function))).await?;
    Ok(())
}

/// Returns what a promotion needs of its giver's identity.
fn proof_demand(engine: &Engine, promotion: &PromotionRequest) -> ProofDemand {
    let to = &promotion.to;
    let approval = engine.config.environments.get(to).and_then(|environment| environment.approval.as_ref());
    let counts_proven = approval.is_some_and(|approval| approval.proven);
    let overriding = match promotion.freeze_override {
        Some(_) => ProofDemand::of(engine, ProvenCommand::OverrideFreeze, Some(to)),
        None => ProofDemand::Optional,
    };
    match (overriding, &promotion.functions) {
        (ProofDemand::Optional, _) if !counts_proven => ProofDemand::Optional,
        // Functions that a pattern names and that are not ready are left out without a record.
        (ProofDemand::Optional, Functions::Each(_)) => ProofDemand::Required(format!(
            "{to} counts approvals of proven identities only, so whoever asks must prove theirs"
        )),
        (ProofDemand::Optional, _) => ProofDemand::Wanted,
        (required, _) => required,
    }
}

pub(super) async fn submit_one(
    engine: &Engine,
    Asked { promotion, giver, group }: Asked<'_>,
    function: &FunctionName,
    dispatch: Dispatch,
) -> Result<DeploymentRecord, CommandError> {
    let at = engine.at(&promotion.to, function)?;
    let head = engine.store().head(&at).await.map_err(Transient::from)?.head;
    if head.id_of(&known_request(engine, promotion, &at)).is_none() {
        ensure_unused_id(engine, (&head, &at), &promotion.id, CommandKind::Promotion).await?;
        ensure_no_member(group, function)?;
    }
    if giver.has_proof()
        && let Some(known) = answer_known(engine, promotion, &at, &head).await?
    {
        return Ok(known);
    }
    let promotion = &PromotionRequest { identity: giver.identity().await?, ..promotion.clone() };
    let inputs = engine.reconciler(&at).promotions().inputs(None).await?;
    let request = request_for(engine, promotion, &at, &inputs.sources);
    let span = deployment::span(&at, &request, request.source.release());
    let refusal = promotion.refusal_by_time(engine.now());
    let work = async {
        let principal = request.cause.principal.as_ref().map(Principal::as_str);
        let requested_by = promotion.requested_by.as_deref();
        tracing::info!(from = %promotion.from, requested_by, principal, "promotion asked for");
        if promotion.freeze_override.is_some() {
            tracing::warn!(requested_by, principal, reason = promotion.freeze_override.as_deref(), "freeze overridden");
        }
        if promotion.skip_rollout.is_some() {
            tracing::warn!(requested_by, principal, reason = promotion.skip_rollout.as_deref(), "rollout skipped");
        }
        let outcome = engine.reconciler(&at).promotions().submit(dispatch, &request, &inputs, refusal).await?;
        engine.reconciler(&at).handle_outcome(&request, outcome).await
    };
    answer_with_record(engine, &at, &request, work.instrument(span)).await
}

/// Answers a promotion that the ledger knows, for which STS need not say who asks. None: it is new.
async fn answer_known(
    engine: &Engine,
    promotion: &PromotionRequest,
    at: &FunctionRef<'_>,
    head: &Head,
) -> Result<Option<DeploymentRecord>, CommandError> {
    let request = known_request(engine, promotion, at);
    let record = engine.store().record(at, request.id).await?;
    let is_in_head = head.id_of(&request).is_some();
    // The record counts however long ago the promotion ended.
    let ended = record.filter(|record| record.status.is_ended());
    if !is_in_head && ended.is_none() {
        return Ok(None);
    }
    let span = deployment::span(at, &request, request.source.release());
    let work = async {
        match is_in_head {
            true => engine.reconciler(at).answer_known(&request).await,
            false => Ok(ended),
        }
    };
    answer_with_record(engine, at, &request, work.instrument(span)).await.map(Some)
}
