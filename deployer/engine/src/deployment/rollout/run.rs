//! The owner of a rollout's claim does what its state asks for, until it asks for nothing but a look.

use deployer_core::config::Target;
use deployer_core::head::{self, RolloutLeave, Wakeup, rollout_ending};
use deployer_core::record::{Code, Ending};
use deployer_core::rollout::{
    Abort, AbortReason, Phase, Progress, RolloutAction, RolloutEnd, RolloutState, RolloutTarget, awaits_look,
    end_of_way_back,
};
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::super::claimed_target::ClaimedTarget;
use super::super::error::{Unfinished, given_up};
use super::RolloutOwner;
use super::move_alias::Moved;
use crate::claim::{Claim, Stopped};
use crate::commit::{FinishDetails, Finished};
use crate::mutex::locked;
use crate::reconcile::ReconcileFrom;
use crate::store::{Change, Versioned};
use crate::{TARGETS_AT_ONCE, Transient};
use deployer_core::head::EXTENSIONS;

impl RolloutOwner<'_> {
    /// Goes on with a rollout under a claim that is ours. `end`: it has succeeded, and commits, unless somebody has
    /// asked for another end meanwhile.
    pub async fn resume(&self, mut end: Option<RolloutEnd>) -> Result<Finished, Unfinished> {
        loop {
            let (ending, details) = match end.take() {
                Some(end) => self.end_rollout(&end),
                None => {
                    if self.claim.only_observes() {
                        self.give_moves_up().await?;
                    }
                    self.roll_out().await?
                }
            };
            let has_succeeded = matches!(ending, Ending::Tried(_));
            let reconciler = self.deployment.engine.reconciler(self.deployment.at);
            let Some(finished) = reconciler.commit_unless_overruled(self.claim, ending, details).await? else {
                tracing::warn!("somebody has asked the rollout for another end before it was live");
                continue;
            };
            // The next deployment, which is claimed already, deletes old versions itself.
            if has_succeeded && matches!(finished.next, ReconcileFrom::Head(_)) {
                self.prune_old_versions().await;
            }
            return Ok(finished);
        }
    }

    /// Does what the rollout asks for, one action after the other.
    pub(super) async fn roll_out(&self) -> Result<(Ending, FinishDetails), Unfinished> {
        loop {
            self.heed_stop().await?;
            let state = rollout_now(self.claim)?;
            if let Some(end) = end_of_way_back(&state) {
                return Ok(self.end_rollout(&end));
            }
            match state.next_action() {
                RolloutAction::Smoke(targets) => self.run_smoke_tests(&state, &targets).await?,
                RolloutAction::Move(targets) | RolloutAction::GoBack(targets) => {
                    self.move_aliases(&state, &targets).await?;
                }
                RolloutAction::Look { .. } => return Err(self.parked_rollout().await),
                // A rollout begins when all have published.
                RolloutAction::Publish(_) => return Err(Transient::TakenOver.into()),
            }
        }
    }

    /// Takes the rollout back where the last reading before a move has found a reason: a reject, or a rollback.
    async fn heed_stop(&self) -> Result<(), Transient> {
        let state = rollout_now(self.claim)?;
        let is_forward = matches!(state.next_action(), RolloutAction::Move(_) | RolloutAction::Smoke(_));
        let Some(Stopped { code, because, .. }) = self.claim.stopped().filter(|_| is_forward) else { return Ok(()) };
        let reason = if code == Code::Rejected { AbortReason::Rejected } else { AbortReason::Aborted };
        let abort = Abort { reason, by: None, because: because.into() };
        self.advance(|state| state.aborted(abort.clone())).await
    }

    /// Moves the aliases of these targets side by side, in their order, and writes down what has become of each in one
    /// write.
    async fn move_aliases(&self, state: &RolloutState, targets: &[Target]) -> Result<(), Unfinished> {
        let ones = targets.iter().filter_map(|target| state.targets.iter().find(|one| one.target == *target));
        let moved: Vec<(&RolloutTarget, Moved)> = stream::iter(ones)
            .map(|one| async move { (one, self.move_alias(one).await) })
            .buffered(TARGETS_AT_ONCE)
            .collect()
            .await;
        let mut outcomes = Vec::new();
        let (mut is_late, mut awaits_traffic) = (None, false);
        for (one, moved) in moved {
            match moved {
                Moved::Late(_) if self.claim.extensions() < EXTENSIONS => is_late = Some(()),
                Moved::AwaitsTraffic => awaits_traffic = true,
                // The rollout has changed meanwhile: its state says what is to be done now.
                Moved::Overtaken => {}
                Moved::Lost(transient) => return Err(transient.into()),
                moved => outcomes.push((one.clone(), moved)),
            }
        }
        // What has arrived is told before what has failed: the way back counts it.
        outcomes.sort_by_key(|(_, moved)| !matches!(moved, Moved::Arrived(_)));
        self.advance(|state| {
            outcomes.iter().fold(continues(state), |progress, (one, moved)| apply(progress, one, moved))
        })
        .await?;
        let state = rollout_now(self.claim)?;
        if awaits_look(&state) || (is_late.is_none() && !awaits_traffic) {
            return Ok(());
        }
        let how = match is_late {
            Some(()) => RolloutLeave::OutOfTime,
            None => RolloutLeave::AwaitsTraffic(self.claim.active_now().next_look(self.deployment.engine.now(), None)),
        };
        Err(self.leave_rollout(how).await)
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
        let (seen, ()) =
            self.deployment.engine.store().update_head(self.deployment.at, Some(self.claim.seen()), advance).await?;
        self.claim.set_seen(seen);
        Ok(())
    }

    /// Gives the moves up over which too many owners have died.
    async fn give_moves_up(&self) -> Result<(), Transient> {
        let because = given_up("what the aliases serve was not looked at").message;
        self.advance(|state| match state.next_action() {
            RolloutAction::Smoke(_) => state.smoke_failed(because.clone()),
            RolloutAction::Move(targets) => match targets.first() {
                Some(target) => state.move_failed(target, because.clone()),
                None => continues(state),
            },
            RolloutAction::GoBack(targets) => targets.iter().fold(continues(state), |progress, target| {
                progress.into_state().cannot_return(target, because.clone())
            }),
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

/// Returns the rollout as the head has it, as far as this invocation knows.
pub(super) fn rollout_now(claim: &Claim) -> Result<RolloutState, Transient> {
    let head = claim.seen().head;
    let active = head.active().filter(|active| active.claim == claim.token());
    active.and_then(|active| active.rollout.clone()).ok_or(Transient::TakenOver)
}

fn continues(state: RolloutState) -> Progress {
    Progress::Continues(Box::new(state))
}

/// Applies what has become of one target's move.
fn apply(progress: Progress, one: &RolloutTarget, moved: &Moved) -> Progress {
    let state = progress.into_state();
    let target = &one.target;
    match moved {
        Moved::Arrived(at) if one.way_back.is_some() => state.returned(target, *at),
        Moved::Arrived(at) => state.moved(target, one.weight, Timestamp::max(*at, one.meant_at.unwrap_or(*at))),
        Moved::Foreign(found) => state.changed_by_others(target, format!("{target}: {found}")),
        // All go back already, because of another target.
        Moved::Failed(_) | Moved::Late(_) if one.way_back.is_none() && state.phase == Phase::GoingBack => {
            continues(state)
        }
        Moved::Failed(error) | Moved::Late(error) => state.move_failed(target, format!("{target}: {error}")),
        Moved::AwaitsTraffic | Moved::Overtaken | Moved::Lost(_) => continues(state),
    }
}
