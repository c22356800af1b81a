//! `rollout`: a person pauses, continues, finishes or aborts the rollout that is under way.

use deployer_core::config::ProvenCommand;
use deployer_core::function_ref::FunctionRef;
use deployer_core::group::word_of;
use deployer_core::head::{self, Active, CommandKind, Head, RolloutCommand, RolloutRefusal};
use deployer_core::hold_and_reject::CommandEffect;
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use deployer_core::identity::Principal;
use deployer_core::rollout::{Gone, GroupWord, RolloutVerb, awaits_look};
use deployer_core::status::{EndedRollout, FunctionStatus, StatusReport};
use deployer_core::text::PlainText;

use super::caller::Caller;
use super::change_head::change_head;
use crate::gone_environment::at_or_gone;
use crate::prove_identity::{Giver, ProofDemand};
use crate::reconcile::ReconcileFrom;
use crate::{CommandError, Engine, Transient};

/// Writes into the record of a rollout what a person has asked for. What goes back writes its record when it ends.
async fn record_word(engine: &Engine, at: &FunctionRef<'_>, active: &Active) {
    if active.rollout.as_ref().is_none_or(|rollout| !awaits_look(rollout)) {
        return;
    }
    let record = at.as_claimed(active).rolling_out(active);
    if let Err(error) = engine.store().write_record(&record, None).await {
        tracing::warn!("the record does not say what was asked for: {error}");
    }
}

/// Refuses to pause a rollout that its group has released: others of the group may be live already.
async fn ensure_not_released(
    engine: &Engine,
    (environment, function): (&EnvironmentName, &FunctionName),
    head: &Head,
) -> Result<(), CommandError> {
    let Some(id) = head.active().and_then(|active| active.request.group()) else { return Ok(()) };
    let found = engine.store().group(environment, id).await.map_err(Transient::from)?;
    match word_of(found.as_ref(), id, function) {
        GroupWord::Release => Err(CommandError::Refused(format!(
            "the rollout cannot pause: all functions of group {id} have passed, and its group has released it to become \
             live with them; abort takes all of them back"
        ))),
        GroupWord::Wait(_) | GroupWord::GoBack(_) => Ok(()),
    }
}

/// Carries out a person's word about a rollout, and goes on with the deployment if something is to be done now. A way
/// back that does not end in this invocation is gone on with by a tick or the sweep.
///
/// # Errors
/// [`CommandError`]: this deployment is not rolled out here, the word does not fit what its rollout does, or the proof of
/// identity is none or missing.
pub(super) async fn command_rollout(
    engine: &Engine,
    (environment, function): (&EnvironmentName, &FunctionName),
    (deployment, action, reason): (DeploymentId, RolloutVerb, Option<PlainText>),
    caller: Caller,
) -> Result<StatusReport, CommandError> {
    let at = at_or_gone(engine, environment, function).await?;
    let demand = ProofDemand::of(engine, ProvenCommand::Rollout, Some(environment));
    let giver = Giver::new(engine, &caller.identity, demand)?;
    let (by, id) = (caller.requested_by, caller.id);
    let command = RolloutCommand { deployment, action, by, principal: None, unproven: None, reason, id };
    let obeyed = |head: &Head, command: &RolloutCommand| {
        // A rollout that waits for nothing but its environment cannot be moved by a word.
        if at.is_gone() && head.active().is_some() && !head::goes_on_where_gone(head) {
            return Err(engine.unknown_environment(environment));
        }
        let written = head::command_rollout(head, command, &at, engine.now());
        if at.is_gone() && command.action != RolloutVerb::Abort && matches!(written, Ok(CommandEffect::Write(_))) {
            // Whether it needs a proof of identity is said where the environment is configured.
            let gone = Gone::Environment(environment.clone());
            let because = format!("{gone}: put it back first, or abort the rollout");
            return Err(CommandError::Refused(because));
        }
        written.map_err(|refusal| match refusal {
            RolloutRefusal::DoesNotFit(because) => CommandError::Refused(because.to_string()),
            _ if at.is_gone() => engine.unknown_environment(environment),
            RolloutRefusal::None | RolloutRefusal::Another(..) => CommandError::Invalid(refusal.to_string()),
        })
    };
    let change = async |head: &Head| {
        Ok(Some(match obeyed(head, &command)? {
            CommandEffect::Write(_) => {
                if command.action == RolloutVerb::Pause {
                    ensure_not_released(engine, (environment, function), head).await?;
                }
                let identity = giver.identity().await?;
                let (principal, unproven) = (identity.principal(), identity.unproven());
                obeyed(head, &RolloutCommand { principal, unproven, ..command.clone() })?
            }
            known => known,
        }))
    };
    if change_head(engine, &at, Some((&command.id, CommandKind::Other)), change)
        .await?
        .is_some_and(|changed| changed.is_written)
    {
        let (by, reason) = (command.by.as_deref(), command.reason.as_deref());
        let principal = giver.identity().await?.principal();
        let principal = principal.as_ref().map(Principal::as_str);
        tracing::warn!(%environment, %function, %deployment, by, principal, reason, "rollout: {}", action.as_str());
    }
    let resumed = async {
        let seen = engine.store().head(&at).await?;
        if let Some(active) = seen.head.active().filter(|active| active.request.id == deployment) {
            record_word(engine, &at, active).await;
        }
        engine.reconciler(&at).resume_function(ReconcileFrom::Head(Box::new(seen))).await
    };
    if let Err(transient) = resumed.await {
        tracing::warn!("the rollout is gone on with later: {transient}");
    }
    let head = engine.store().head(&at).await.map_err(crate::Transient::from)?.head;
    let rejects = engine.store().rejects(&at.function).await.unwrap_or_default();
    let ended_rollout = match head.active().is_some_and(|active| active.request.id == deployment) {
        true => None,
        false => engine.store().record(&at, deployment).await.ok().flatten().as_ref().and_then(EndedRollout::of),
    };
    let functions = vec![FunctionStatus::of(&at, &head, &rejects)];
    Ok(StatusReport { functions, ended_rollout, ..StatusReport::default() })
}
