//! The owner of a rollout's claim does what its state asks for, until it asks for nothing but a look.

use deployer_core::event::Event;
use deployer_core::function_ref::gone_of;
use deployer_core::head::{self, RolloutLeave, Wakeup, rollout_ending};
use deployer_core::record::{Code, Ending};
use deployer_core::rollout::{
    Abort, AbortReason, GroupWord, Phase, Progress, RolloutAction, RolloutEnd, RolloutState, RolloutTarget,
    abort_where_gone, end_of_way_back, heard, wait_for_group,
};
use futures::stream::{self, StreamExt as _};

use super::super::Deployment;
use super::super::claimed_target::ClaimedTarget;
use super::super::error::{Unfinished, given_up};
use super::super::ownership::Ownership;
use super::group::group_word;
use super::look::look_meanwhile;
use super::move_alias::Moved;
use super::moves::apply;
use super::settings::SettingsOutcome;
use super::state_now::rollout_now;
use super::{PERSISTENCE, RolloutOwner};
use crate::claim::Stopped;
use crate::commit::{FinishDetails, Finished, commit_unless_overruled};
use crate::events::publish;
use crate::mutex::locked;
use crate::reconcile::ReconcileFrom;
use crate::store::{Change, Versioned};
use crate::{TARGETS_AT_ONCE, Transient};

impl RolloutOwner<'_> {
    /// Goes on with a rollout under a claim that is ours. `end`: it has succeeded, and commits, unless somebody has
    /// asked for another end meanwhile.
    pub async fn resume(&self, mut end: Option<RolloutEnd>) -> Result<Finished, Unfinished> {
        loop {
            let (ending, details) = match end.take() {
                Some(end) => match pass(*self).await {
                    Ok(SettingsOutcome::Set) => self.end_rollout(&end),
                    Ok(SettingsOutcome::NotNow) => continue,
                    Err(transient) => return Err(self.hand_on(transient).await),
                },
                None => {
                    if self.claim.only_observes()
                        && let Err(transient) = self.give_moves_up().await
                    {
                        return Err(self.hand_on(transient).await);
                    }
                    self.roll_out().await?
                }
            };
            let has_succeeded = matches!(ending, Ending::Tried(_));
            let reconciler = self.deployment.engine.reconciler(self.deployment.at);
            match commit_unless_overruled(reconciler, self.claim, ending, details).await {
                Ok(Some(finished)) => {
                    // The next deployment, which is claimed already, deletes old versions itself.
                    if has_succeeded && matches!(finished.next, ReconcileFrom::Head(_)) {
                        self.prune_old_versions().await;
                    }
                    return Ok(finished);
                }
                Ok(None) => tracing::warn!("somebody has asked the rollout for another end before it was live"),
                Err(transient) => return Err(self.hand_on(transient).await),
            }
        }
    }

    /// Does what the rollout asks for, one action after the other.
    pub(super) async fn roll_out(&self) -> Result<(Ending, FinishDetails), Unfinished> {
        loop {
            match self.next_step().await {
                Ok(Some(end)) => return Ok(self.end_rollout(&end)),
                Ok(None) => {}
                Err(Unfinished::Transient(transient)) => return Err(self.hand_on(transient).await),
                Err(unfinished) => return Err(unfinished),
            }
        }
    }

    /// Does the next action, and returns the end of a rollout that has gone back.
    async fn next_step(&self) -> Result<Option<RolloutEnd>, Unfinished> {
        self.heed_stop().await?;
        look_meanwhile(*self).await?;
        let state = rollout_now(self.claim)?;
        if let Some(end) = end_of_way_back(&state) {
            self.set_functions_back(&state).await?;
            return Ok(Some(end));
        }
        match state.next_action() {
            RolloutAction::Smoke(targets) => self.run_smoke_tests(&state, &targets).await?,
            RolloutAction::Move(targets) | RolloutAction::GoBack(targets) => {
                self.move_aliases(&state, &targets).await?;
            }
            RolloutAction::Look { .. } => {
                if self.claim.active_now().lease_until > self.deployment.engine.now() {
                    // Nothing is to be done but to look, so nobody needs the claim.
                    self.advance(continues).await?;
                }
                return Err(self.parked_rollout().await);
            }
            // A rollout begins when all have published.
            RolloutAction::Publish(_) => return Err(Transient::TakenOver.into()),
        }
        Ok(None)
    }

    /// Leaves a rollout that this invocation cannot go on with, although its time is not up: the ledger is away, or
    /// others kept writing the head. Nothing of ours is under way any more, so nobody waits for the lease to end.
    async fn hand_on(&self, transient: Transient) -> Unfinished {
        tracing::warn!("the rollout is left to another invocation: {transient}");
        self.leave_rollout(RolloutLeave::OutOfTime).await;
        transient.into()
    }

    /// Takes the rollout back where there is a reason: a reject, a rollback, an environment or a target that is in the
    /// configuration no more, or another function of its group that did not get there. It reads the head and the rejects
    /// anew: neither tests nor a move whose alias cannot be read come to that by themselves.
    pub(super) async fn heed_stop(&self) -> Result<(), Transient> {
        match rollout_now(self.claim)?.next_action() {
            RolloutAction::Move(_) | RolloutAction::Smoke(_) => {
                Ownership { deployment: self.deployment, claim: self.claim }.ensure_for_its_code().await?;
            }
            _ => return Ok(()),
        }
        let state = rollout_now(self.claim)?;
        if state.phase == Phase::GoingBack {
            return Ok(());
        }
        let Deployment { engine, at, request, .. } = self.deployment;
        let abort = match self.claim.stopped() {
            Some(Stopped { code, because, .. }) => {
                let reason = if code == Code::Rejected { AbortReason::Rejected } else { AbortReason::Aborted };
                Some(Abort { reason, by: None, because: because.into() })
            }
            None => gone_of(at, &self.claim.active_now()).and_then(|gone| abort_where_gone(&state, &gone)),
        };
        if let Some(abort) = abort {
            return self.advance(|state| state.aborted(abort.clone())).await;
        }
        match group_word(engine, at, request).await {
            Some(word @ GroupWord::GoBack(_)) => self.advance(|state| heard(state, &word)).await,
            _ => Ok(()),
        }
    }

    /// Writes down what was done for the rollout.
    pub(super) async fn advance(&self, change: impl Fn(RolloutState) -> Progress) -> Result<(), Transient> {
        let advance = async |seen: &mut Versioned| match head::advance_rollout(
            &seen.head,
            self.claim.token(),
            self.deployment.engine.now(),
            &change,
        ) {
            Some(head) => Ok(Change::Write(Box::new(head), ())),
            None => Err(Transient::TakenOver),
        };
        let store = self.deployment.engine.store();
        let (seen, ()) =
            store.update_head_with(self.deployment.at, Some(self.claim.seen()), PERSISTENCE, advance).await?;
        self.claim.set_seen(seen);
        Ok(())
    }

    /// Gives the moves up over which too many owners have died.
    async fn give_moves_up(&self) -> Result<(), Transient> {
        let error = given_up("what the aliases serve was not looked at");
        let (because, failed) = (error.message.clone(), Moved::Failed(error));
        let now = self.deployment.engine.now();
        self.advance(|state| match state.next_action() {
            RolloutAction::Smoke(_) => state.smoke_failed(because.clone()),
            RolloutAction::Move(targets) => match targets.first() {
                Some(target) => state.move_failed(target, because.clone(), now),
                None => continues(state),
            },
            // The new version still has traffic: the way back is tried again.
            RolloutAction::GoBack(targets) => {
                let open = state.targets.clone().into_iter().filter(|one| targets.contains(&one.target));
                let apply = |progress, one: RolloutTarget| apply(self.deployment.at, progress, (&one, &failed), now);
                open.fold(continues(state), apply)
            }
            RolloutAction::Look { .. } | RolloutAction::Publish(_) => continues(state),
        })
        .await
    }

    /// Deletes old versions after the rollout has succeeded, but neither the new one nor the one before. Best effort.
    async fn prune_old_versions(&self) {
        let Ok(state) = rollout_now(self.claim) else { return };
        let prune = |one: RolloutTarget| async move {
            let (deployment, claim) = (self.deployment, self.claim);
            let Some(new) = &one.new else { return };
            match deployment.open_session(&deployment.session(&one.target)).await {
                Ok(account) => {
                    let on = ClaimedTarget { deployment, claim, target: &one.target, account: &account };
                    on.prune(new, &one.old.iter().chain(&one.new).cloned().collect()).await;
                }
                Err(error) => tracing::warn!("old versions stay for now: {error}"),
            }
        };
        stream::iter(state.targets).for_each_concurrent(TARGETS_AT_ONCE, prune).await;
    }

    /// Leaves the rollout to the next look: the head says so already.
    async fn parked_rollout(&self) -> Unfinished {
        let head = self.claim.seen().head;
        let Some(active) = head.active() else { return Transient::TakenOver.into() };
        let record = self.deployment.at.rolling_out(active);
        tracing::info!("{}", record.because.as_deref().unwrap_or_default());
        if let Err(error) = self.deployment.engine.store().write_record(&record, self.claim.record_etag()).await {
            tracing::warn!("the record does not say how far the rollout is: {error}");
        }
        // Best effort: the next move tells of itself.
        let _ = publish(self.deployment.engine, Some(Event::rollout_moved(&record))).await;
        Unfinished::Saved(Box::new(record))
    }

    /// Leaves the rollout to another invocation, although something is left to be done.
    pub(super) async fn leave_rollout(&self, how: RolloutLeave) -> Unfinished {
        let (engine, at) = (self.deployment.engine, self.deployment.at);
        let leave = async |seen: &mut Versioned| {
            Ok::<_, Transient>(match head::leave_rollout(&seen.head, self.claim.token(), how, engine.now()) {
                Some(head) => Change::Write(Box::new(head), ()),
                None => Change::Keep(()),
            })
        };
        match engine.store().update_head(at, Some(self.claim.seen()), leave).await {
            Ok((seen, ())) => self.claim.set_seen(seen),
            Err(error) => tracing::warn!("the claim stays until its lease ends: {error}"),
        }
        let when = match how {
            RolloutLeave::OutOfTime => Some(engine.now()),
            RolloutLeave::AwaitsTraffic(look_at) => look_at,
            // The sweep tries again.
            RolloutLeave::HeldUp => None,
        };
        let wakeup = Wakeup { id: self.deployment.request.id, claim: Some(self.claim.token()) };
        if let Some(when) = when
            && let Err(error) = engine.reconciler(at).send_tick(wakeup, when).await
        {
            tracing::warn!("no tick was sent, so the sweep will go on with this rollout: {error}");
        }
        Unfinished::Saved(Box::new(at.rolling_out(&self.claim.active_now())))
    }

    /// Makes the end of the deployment from the end of its rollout.
    fn end_rollout(&self, end: &RolloutEnd) -> (Ending, FinishDetails) {
        let active = self.claim.active_now();
        if let RolloutEnd::Succeeded { unproven: true } = end {
            locked(&self.claim.warnings).insert("unproven: a step had too few invocations".to_owned());
        }
        if let (RolloutEnd::Succeeded { .. }, Some(state)) = (end, &active.rollout) {
            let new: Vec<String> =
                state.targets.iter().filter(|one| one.old.is_none()).map(|one| one.target.to_string()).collect();
            if !new.is_empty() {
                let warning = format!("the guard had no old version to compare with in {}", new.join(", "));
                locked(&self.claim.warnings).insert(warning);
            }
        }
        let brings = active.brings.clone();
        let details = FinishDetails {
            artifact: brings.as_ref().map(|brings| brings.artifact.clone()),
            managed_keys: brings.and_then(|brings| brings.managed),
            provisioned: self.deployment.progress.provisioned(),
            ..self.deployment.details(None)
        };
        (rollout_ending(&active, end, self.deployment.at), details)
    }
}

pub(super) fn continues(state: RolloutState) -> Progress {
    Progress::Continues(Box::new(state))
}

/// Sets what the release sets on functions, once its last look was good. A member of a group waits for the others then:
/// it is not to become live now. When they have passed, its functions are set already.
async fn pass(owner: RolloutOwner<'_>) -> Result<SettingsOutcome, Transient> {
    if owner.deployment.request.group().is_none() {
        return owner.set_functions().await;
    }
    if !owner.claim.active_now().must_wait_for_group() {
        return Ok(SettingsOutcome::Set);
    }
    if matches!(owner.set_functions().await?, SettingsOutcome::Set) {
        let now = owner.deployment.engine.now();
        owner.advance(|state| wait_for_group(state, now)).await?;
    }
    Ok(SettingsOutcome::NotNow)
}
