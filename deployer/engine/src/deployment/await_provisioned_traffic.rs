//! Waits, after an alias has moved, until all of its traffic is on the new version.
//!
//! Lambda itself holds the traffic of an alias with provisioned concurrency back for minutes, and for good if the new
//! version's init fails. The engine reads the alias until the traffic has arrived, and puts it back if the traffic does
//! not come.

use std::time::Duration;

use deployer_core::alias_traffic::{Awaited, Traffic};
use deployer_core::head::{self, Door};
use deployer_core::id::Version;
use deployer_core::observed::{ObservedAlias, ProvisionedConcurrency, ProvisionedStatus};
use deployer_core::plan::{AWAIT_TRAFFIC, Step};
use deployer_core::record::{TargetError, TargetErrorCode};
use jiff::Timestamp;

use super::claimed_target::{ClaimedTarget, MAX_REOBSERVATIONS};
use super::error::{StepError, internal};
use super::ownership::OWNED_FOR;
use super::step_context::StepContext;
use crate::Transient;
use crate::claim::Stopped;
use crate::port::{Answer, Write};
use crate::store::{Change, Versioned};

/// The time for which Lambda may still report the failure of an earlier version.
const FAILURES_ARE_OURS_AFTER: Duration = Duration::from_secs(5);

/// Whether the alias that the plan moves has provisioned concurrency; none if the plan does not move it, or that is not
/// known. Lambda is not asked if the head knows from the last day that the alias has none.
pub(super) async fn is_provisioned(context: StepContext<'_>) -> Option<bool> {
    let ClaimedTarget { deployment, claim, target, .. } = context.on;
    if !context.plan.steps.iter().any(|step| matches!(step, Step::MoveAlias { .. })) {
        return None;
    }
    let now = context.on.timer().now();
    if claim.seen().head.live_state().target_of(deployment.at, target).is_some_and(|live| live.is_unprovisioned(now)) {
        return Some(false);
    }
    match context.on.reader().concurrency("move alias").await {
        Ok(found) => {
            let is_provisioned = found.map(|found| found.is_some());
            if let Some(is_provisioned) = is_provisioned {
                deployment.progress.set_provisioned(target, is_provisioned);
            }
            is_provisioned
        }
        // The answer to UpdateAlias shows it as well.
        Err(error) => {
            tracing::warn!("whether the alias has provisioned concurrency is not known: {error}");
            None
        }
    }
}

/// The watch over an alias's traffic while it moves to a version.
pub(super) struct TrafficWatch<'a> {
    context: StepContext<'a>,
    version: &'a Version,
    /// The version that had all of the traffic before the alias moved, if that is another one.
    before: Option<Version>,
}

/// The result of putting an alias back, which may not have been answered.
struct Restored {
    error: TargetError,
    is_answered: bool,
}

impl<'a> TrafficWatch<'a> {
    /// Makes the watch over a move.
    pub fn new(context: StepContext<'a>, version: &'a Version, before: Option<Version>) -> Self {
        Self { context, version, before }
    }

    /// Writes into the head, before the alias moves, what will be waited for, so that any later owner knows it. The
    /// time counts from this move: an owner that died before its own move has waited for nothing.
    pub async fn note_the_move(&self) -> Result<(), StepError> {
        self.write_awaited(&self.awaited_from_now()).await?;
        // Another writer may have asked the deployment to stop.
        self.context.on.claim.stopped().map_or(Ok(()), |_| Err(StepError::Stopped))
    }

    /// Goes on after Lambda has answered the move.
    pub async fn after_the_move(self, answer: Answer, provisioned: Option<bool>) -> Result<(), StepError> {
        let ClaimedTarget { deployment, target, .. } = self.context.on;
        deployment.progress.set_moved(target);
        let Answer::Alias(seen) = answer else { return Ok(()) };
        if provisioned != Some(true) && Traffic::after_move(&seen, self.before.as_ref()) == Traffic::Whole {
            return Ok(());
        }
        deployment.progress.set_provisioned(target, true);
        self.run().await
    }

    /// Reads the alias until all of its traffic is on the version.
    pub async fn run(self) -> Result<(), StepError> {
        let ClaimedTarget { deployment, claim, target, .. } = self.context.on;
        let timer = self.context.on.timer();
        let has_queue = deployment.engine.ports.queue.is_some();
        let awaited = self.awaited();
        self.write_awaited(&awaited).await?;
        let mut owned = timer.now();
        let (mut restored, mut unanswered): (Option<TargetError>, _) = (None, 0);
        for attempt in 0.. {
            // Somebody may ask us to stop meanwhile.
            if timer.passed(owned) > OWNED_FOR {
                owned = timer.now();
                self.context.ensure_still_owned(None).await?;
            }
            // Where the alias was just put back, the next reading tells whether it left the version again.
            if claim.stopped().is_some() && restored.is_none() {
                return Err(StepError::Stopped);
            }
            let (seen, concurrency) = self.read_alias().await?;
            let is_moved = seen.version.as_ref() == Some(self.version);
            match (Traffic::after_move(&seen, awaited.before.as_ref()), restored.take()) {
                // The traffic may have come over after all.
                (Traffic::Whole, _) if is_moved => return self.ensure_no_open_door(),
                (Traffic::Whole, Some(error)) if seen.version == awaited.before => {
                    deployment.progress.set_restored(target);
                    return Err(error.into());
                }
                (Traffic::KeptBack { on }, _) if is_moved => {
                    if let Some(why) = self.reason_to_give_up(&awaited, concurrency.as_ref()) {
                        let Restored { error, is_answered } = self.restore(&awaited, &on, &why, &seen).await?;
                        restored = Some(error.clone());
                        if is_answered {
                            continue;
                        }
                        unanswered += 1;
                        // A deployment that ends leaves no door open that it can shut.
                        if unanswered > MAX_REOBSERVATIONS
                            || timer.pause(unanswered, AWAIT_TRAFFIC, &error.message).await.is_err()
                        {
                            return Err(error.into());
                        }
                        continue;
                    }
                }
                _ => return Err(self.moved_by_another(&format!("the alias serves {seen}"))),
            }
            if has_queue && timer.passed(awaited.since) >= timer.retries.lambda_wait_here {
                return Err(StepError::Waits);
            }
            let because = "Lambda holds the alias's traffic back until its provisioned concurrency stands";
            if let Err(late) = timer.pause(attempt, AWAIT_TRAFFIC, because).await {
                return Err(if has_queue { StepError::Waits } else { late.into() });
            }
        }
        unreachable!("attempts do not end")
    }

    /// Reads the alias and its provisioned concurrency.
    async fn read_alias(&self) -> Result<(ObservedAlias, Option<ProvisionedConcurrency>), StepError> {
        let StepContext { on, plan, .. } = self.context;
        let (functions, timer) = (on.account.functions(), on.timer());
        let (seen, concurrency) = futures::try_join!(
            timer.read(AWAIT_TRAFFIC, || functions.alias(&plan.function, &plan.alias)),
            on.reader().concurrency(AWAIT_TRAFFIC),
        )?;
        let Some(seen) = seen else { return Err(self.moved_by_another("the alias is gone")) };
        on.claim.doors.observe(&on.claim.active_now(), on.target, Some(&seen), timer.now());
        if seen.version.as_ref() == Some(self.version) {
            on.deployment.progress.set_moved(on.target);
        }
        Ok((seen, concurrency.flatten()))
    }

    /// Returns the awaited move: the head's, if this deployment has begun to wait before.
    fn awaited(&self) -> Awaited {
        let ClaimedTarget { claim, target, .. } = self.context.on;
        let seen = claim.seen().head;
        let known = seen.active().filter(|active| active.claim == claim.token()).and_then(|a| a.awaits(target));
        let known = known.filter(|known| known.version == *self.version).cloned();
        known.unwrap_or_else(|| self.awaited_from_now())
    }

    fn awaited_from_now(&self) -> Awaited {
        let ClaimedTarget { deployment, target, .. } = self.context.on;
        let since = self.context.on.timer().now();
        let until = since.checked_add(deployment.at.environment.traffic_within.as_duration()).unwrap_or(Timestamp::MAX);
        let (target, version, before) = (target.clone(), self.version.clone(), self.before.clone());
        Awaited { target, version, before, since, until }
    }

    async fn write_awaited(&self, awaited: &Awaited) -> Result<(), Transient> {
        let ClaimedTarget { deployment, claim, .. } = self.context.on;
        let write = async |seen: &mut Versioned| {
            let ours = seen.head.active().filter(|active| active.claim == claim.token());
            if let Some(rollback) = ours.and_then(|active| active.stop) {
                claim.stop(Stopped::by(rollback));
            }
            match head::with_awaited(&seen.head, claim.token(), awaited) {
                Some(head) => Ok(Change::Write(Box::new(head), true)),
                None if seen.head.queue().is_held_by(claim.token()) => Ok(Change::Keep(false)),
                None => Err(Transient::TakenOver),
            }
        };
        let (seen, is_written) =
            deployment.engine.store().update_head(deployment.at, Some(claim.seen()), write).await?;
        if is_written {
            claim.set_seen(seen);
        }
        Ok(())
    }

    /// Ends the wait, after all of the traffic has come over. If an earlier write may still take effect, the target is
    /// observed again.
    fn ensure_no_open_door(&self) -> Result<(), StepError> {
        let ClaimedTarget { claim, target, .. } = self.context.on;
        if !claim.doors.is_open(target) {
            return Ok(());
        }
        let error = internal(AWAIT_TRAFFIC, "an earlier write of the alias got no answer");
        Err(StepError::Reobserve { step: AWAIT_TRAFFIC, error })
    }

    /// Returns the reason to wait for the traffic no longer.
    fn reason_to_give_up(&self, awaited: &Awaited, concurrency: Option<&ProvisionedConcurrency>) -> Option<String> {
        let timer = self.context.on.timer();
        let passed = timer.passed(awaited.since);
        if let Some(ProvisionedConcurrency { status: ProvisionedStatus::Failed { because }, .. }) = concurrency
            && passed >= FAILURES_ARE_OURS_AFTER
        {
            return Some(format!("its provisioned concurrency failed: {because}"));
        }
        if timer.now() >= awaited.until {
            return Some(format!("not within {} s (traffic_within)", passed.as_secs()));
        }
        // Without a queue nobody else goes on: enough time must be left to put the alias back.
        let retries = timer.retries;
        let needs = retries.write_needs + retries.record_needs + retries.longest_pause * 2;
        (self.context.on.deployment.engine.ports.queue.is_none() && timer.left() <= needs)
            .then(|| format!("not before the invocation's deadline, {} s after the move", passed.as_secs()))
    }

    /// Points the alias to the version that has the traffic. A rollback leaves the alias: nobody wants to return to the
    /// version that it came from.
    async fn restore(
        &self,
        awaited: &Awaited,
        on: &Version,
        why: &str,
        seen: &ObservedAlias,
    ) -> Result<Restored, StepError> {
        let StepContext { plan, on: ClaimedTarget { deployment, claim, target, .. }, .. } = self.context;
        let error = |then: &str| {
            let message = format!(
                "Lambda did not let the traffic of alias {} from version {on} to version {}: {why}; {then}",
                plan.alias, awaited.version
            );
            TargetError::new(TargetErrorCode::TrafficNotMoved, AWAIT_TRAFFIC, message)
        };
        let back = awaited.before.as_ref().filter(|before| *before == on && !deployment.request.is_rollback());
        let Some(back) = back else {
            return Err(error("the alias was left as it is: mend what Lambda names, then deploy again").into());
        };
        let to = (Some(&seen.revision), back);
        let door = Door::of(claim.active(), target, to, self.context.on.timer().now());
        self.context.ensure_still_owned(Some(self.context.opening(door.clone()))).await?;
        if claim.stopped().is_some() {
            return Err(StepError::Stopped);
        }
        let write = Write::MoveAlias { alias: &plan.alias, version: back, revision: &seen.revision };
        match self.context.write_alias(AWAIT_TRAFFIC, write, &door).await {
            Ok(_) => {
                let then = format!("the alias was put back to version {back}: mend the release, then upload it again");
                Ok(Restored { error: error(&then), is_answered: true })
            }
            // The next reading tells whether the alias was written, or whether the traffic has come over meanwhile.
            Err(StepError::Reobserve { .. }) => {
                let then = format!("the alias was to be put back to version {back}, and Lambda gave no answer");
                Ok(Restored { error: error(&then), is_answered: false })
            }
            Err(other) => Err(other),
        }
    }

    fn moved_by_another(&self, found: &str) -> StepError {
        self.context.on.foreign_change(AWAIT_TRAFFIC, found).into()
    }
}
