//! After an alias has moved, the engine waits until all of its traffic is on the new version.
//!
//! Lambda itself holds the traffic of an alias with provisioned concurrency back for minutes, for good if the new version's
//! init fails. The engine looks at the alias until the traffic has arrived, and puts it back if the traffic does not come.

use std::time::Duration;

use deployer_core::destination::FunctionRef;
use deployer_core::id::Version;
use deployer_core::observed::{ObservedAlias, ProvisionedConcurrency, ProvisionedStatus};
use deployer_core::plan::{AWAIT_TRAFFIC, Step};
use deployer_core::record::{TargetError, TargetErrorCode};
use deployer_core::traffic::{Awaited, Traffic};
use jiff::Timestamp;

use super::apply::{Halt, OWNED_FOR, StepContext, Walk};
use super::claim::{Claim, Halted};
use super::store::{Change, Versioned};
use super::target::MAX_REOBSERVATIONS;
use super::{Engine, Transient};
use crate::port::{Account, Answer, CallErrorKind, Write};

/// Lambda may tell of the failure before for so long.
const FAILURES_ARE_OURS_AFTER: Duration = Duration::from_secs(5);

impl Engine {
    /// Reads the alias. Where its whole traffic is on another version, it asks too whether Lambda may have done that.
    pub(super) async fn alias_of(
        &self,
        at: &FunctionRef<'_>,
        account: &Account,
    ) -> Result<Option<ObservedAlias>, TargetError> {
        let (functions, name, alias) = (account.functions(), &at.function_name, &at.environment.alias);
        let seen = self.reading("observe", || functions.alias(name, alias)).await?;
        let Some(seen) = seen else { return Ok(None) };
        if !matches!(Traffic::of(&seen), Traffic::Held { .. }) {
            return Ok(Some(seen));
        }
        let provisioned = self.concurrency_of(at, account, "observe").await?.map(|found| found.is_some());
        Ok(Some(ObservedAlias { provisioned, ..seen }))
    }

    /// The provisioned concurrency of the alias. The outer `None`: the deploy role may not see it.
    async fn concurrency_of(
        &self,
        at: &FunctionRef<'_>,
        account: &Account,
        step: &'static str,
    ) -> Result<Option<Option<ProvisionedConcurrency>>, TargetError> {
        let (functions, name, alias) = (account.functions(), &at.function_name, &at.environment.alias);
        let read = || async {
            match functions.provisioned(name, alias).await {
                Ok(found) => Ok(Some(found)),
                // A deploy role of before: the alias itself tells most of it.
                Err(error) if error.kind == CallErrorKind::Denied => {
                    tracing::warn!("whether the alias has provisioned concurrency is not known: {error}");
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        };
        self.reading(step, read).await
    }

    /// Writes into the head what will be waited for, before the alias moves.
    async fn write_awaited(&self, at: &FunctionRef<'_>, claim: &Claim, awaited: &Awaited) -> Result<(), Transient> {
        let write = async |seen: &mut Versioned| {
            let ours = seen.head.active().filter(|active| active.claim == claim.token());
            if let Some(rollback) = ours.and_then(|active| active.stop) {
                claim.halt(Halted::by(rollback));
            }
            match seen.head.with_awaited(claim.token(), awaited) {
                Some(head) => Ok(Change::Write(Box::new(head), true)),
                None if seen.head.is_held_by(claim.token()) => Ok(Change::Keep(false)),
                None => Err(Transient::TakenOver),
            }
        };
        let (seen, is_written) = self.store().update_head(at, Some(claim.seen()), write).await?;
        if is_written {
            claim.sees(seen);
        }
        Ok(())
    }
}

impl Walk<'_> {
    /// Whether the alias has provisioned concurrency, where the plan moves it.
    pub(super) async fn ask_before_a_move(&self) -> Option<bool> {
        match self.plan.steps.iter().any(|step| matches!(step, Step::MoveAlias { .. })) {
            true => self.ask_for_concurrency().await,
            false => None,
        }
    }

    /// Whether the alias has provisioned concurrency. Lambda is not asked where the head knows of the last day that it has none.
    async fn ask_for_concurrency(&self) -> Option<bool> {
        let StepContext { job, claim, target, account, .. } = self.errand;
        let now = self.engine.now();
        if claim.seen().head.target_of(job.at, target).is_some_and(|live| live.is_unprovisioned(now)) {
            return Some(false);
        }
        match self.engine.concurrency_of(job.at, account, "move alias").await {
            Ok(found) => {
                let is_provisioned = found.map(|found| found.is_some());
                if let Some(is_provisioned) = is_provisioned {
                    job.is_provisioned(target, is_provisioned);
                }
                is_provisioned
            }
            // UpdateAlias's own answer tells as well.
            Err(error) => {
                tracing::warn!("whether the alias has provisioned concurrency is not known: {error}");
                None
            }
        }
    }

    /// The move that is waited for: the head's, where this deployment has begun to wait before.
    fn awaited(&self, version: &Version, before: Option<Version>) -> Awaited {
        let StepContext { claim, target, .. } = self.errand;
        let seen = claim.seen().head;
        let known = seen.active().filter(|active| active.claim == claim.token()).and_then(|a| a.awaits(target));
        if let Some(known) = known.filter(|known| known.version == *version) {
            return known.clone();
        }
        self.awaited_from_now(version, before)
    }

    fn awaited_from_now(&self, version: &Version, before: Option<Version>) -> Awaited {
        let StepContext { job, target, .. } = self.errand;
        let since = self.engine.now();
        let until = since.checked_add(job.at.environment.traffic_within.as_duration()).unwrap_or(Timestamp::MAX);
        Awaited { target: target.clone(), version: version.clone(), before, since, until }
    }

    /// Writes into the head what will be waited for, before the alias moves, so that any later owner knows it. The time counts
    /// from this move: an owner that died before its own move has waited for nothing.
    pub(super) async fn note_the_move(&self, version: &Version, before: Option<Version>) -> Result<(), Halt> {
        self.write_awaited(self.awaited_from_now(version, before)).await;
        // Whoever asks it to stop may have been first.
        self.errand.claim.halted().map_or(Ok(()), |_| Err(Halt::Stopped))
    }

    async fn write_awaited(&self, awaited: Awaited) -> Awaited {
        let StepContext { job, claim, .. } = self.errand;
        if let Err(transient) = self.engine.write_awaited(job.at, claim, &awaited).await {
            claim.stop(transient).await
        }
        awaited
    }

    /// The version that had all of the traffic before the alias moved, if that is another one.
    pub(super) fn traffic_elsewhere(&self, version: &Version) -> Option<Version> {
        self.plan.traffic.clone().filter(|before| before != version)
    }

    /// The alias was moved, and this is how Lambda has answered.
    pub(super) async fn after_the_move(&self, answer: Answer, version: &Version) -> Result<(), Halt> {
        self.errand.job.has_moved(self.errand.target);
        let Answer::Alias(seen) = answer else { return Ok(()) };
        let before = self.traffic_elsewhere(version);
        if self.provisioned != Some(true) && Traffic::after_move(&seen, before.as_ref()) == Traffic::Whole {
            return Ok(());
        }
        self.errand.job.is_provisioned(self.errand.target, true);
        self.await_traffic(version, before).await
    }

    /// Looks at the alias until all of its traffic is on the version.
    pub(super) async fn await_traffic(&self, version: &Version, before: Option<Version>) -> Result<(), Halt> {
        let StepContext { job, claim, account, .. } = self.errand;
        let engine = self.engine;
        let awaited = self.write_awaited(self.awaited(version, before)).await;
        let mut owned = engine.now();
        let (mut put_back, mut unanswered): (Option<TargetError>, _) = (None, 0);
        for attempt in 0.. {
            // Somebody may ask us to stop meanwhile.
            if engine.passed(owned) > OWNED_FOR {
                owned = engine.now();
                self.ensure_still_owned(None).await;
            }
            if claim.halted().is_some() {
                return Err(Halt::Stopped);
            }
            let functions = account.functions();
            let (seen, concurrency) = futures::try_join!(
                engine.reading(AWAIT_TRAFFIC, || functions.alias(&self.plan.function, &self.plan.alias)),
                engine.concurrency_of(job.at, account, AWAIT_TRAFFIC),
            )?;
            let Some(seen) = seen else { return Err(self.moved_by_somebody("the alias is gone")) };
            claim.observes(self.errand.target, Some(&seen), engine.now());
            if seen.version.as_ref() == Some(version) {
                job.has_moved(self.errand.target);
            }
            let traffic = Traffic::after_move(&seen, awaited.before.as_ref());
            match (&traffic, put_back.take()) {
                (Traffic::Whole, None) if seen.version.as_ref() == Some(version) => return self.has_come_over(),
                (Traffic::Whole, Some(error)) if seen.version == awaited.before => {
                    job.is_put_back(self.errand.target);
                    return Err(error.into());
                }
                // The traffic has come over after all.
                (Traffic::Whole, Some(_)) if seen.version.as_ref() == Some(version) => return self.has_come_over(),
                (Traffic::Held { on }, _) if seen.version.as_ref() == Some(version) => {
                    if let Some(why) = self.gives_up(&awaited, concurrency.flatten().as_ref()) {
                        let (error, is_answered) = self.put_back(&awaited, on, &why, &seen).await?;
                        put_back = Some(error.clone());
                        if is_answered {
                            continue;
                        }
                        unanswered += 1;
                        // Whoever ends leaves no door open that it can shut.
                        if unanswered > MAX_REOBSERVATIONS
                            || engine.pause(unanswered, AWAIT_TRAFFIC, &error.message).await.is_err()
                        {
                            return Err(error.into());
                        }
                        continue;
                    }
                }
                _ => return Err(self.moved_by_somebody(&format!("the alias serves {seen}"))),
            }
            if engine.ports.queue.is_some() && engine.passed(awaited.since) >= engine.patience.waits_here {
                return Err(Halt::Waits);
            }
            let because = "Lambda holds the alias's traffic back until its provisioned concurrency stands";
            if let Err(late) = engine.pause(attempt, AWAIT_TRAFFIC, because).await {
                return Err(if engine.ports.queue.is_some() { Halt::Waits } else { late.into() });
            }
        }
        unreachable!("attempts do not end")
    }

    /// All of the traffic is on the version. An earlier write that may still come is ruled out by looking again.
    fn has_come_over(&self) -> Result<(), Halt> {
        let StepContext { claim, target, .. } = self.errand;
        if !claim.has_open_door(target) {
            return Ok(());
        }
        let message = "an earlier write of the alias got no answer".to_owned();
        let error = TargetError::new(TargetErrorCode::Internal, AWAIT_TRAFFIC, message);
        Err(Halt::LookAgain { step: AWAIT_TRAFFIC, error })
    }

    /// The reason to wait for the traffic no longer.
    fn gives_up(&self, awaited: &Awaited, concurrency: Option<&ProvisionedConcurrency>) -> Option<String> {
        let engine = self.engine;
        if let Some(ProvisionedConcurrency { status: ProvisionedStatus::Failed { because }, .. }) = concurrency
            && engine.passed(awaited.since) >= FAILURES_ARE_OURS_AFTER
        {
            return Some(format!("its provisioned concurrency failed: {because}"));
        }
        let passed = engine.passed(awaited.since);
        if engine.now() >= awaited.until {
            return Some(format!("not within {} s (traffic_within)", passed.as_secs()));
        }
        // Without a queue nobody else goes on: there must be time left to put the alias back.
        let needs = engine.patience.write_needs + engine.patience.record_needs + engine.patience.longest_wait * 2;
        (engine.ports.queue.is_none() && engine.left() <= needs)
            .then(|| format!("not before the invocation's deadline, {} s after the move", passed.as_secs()))
    }

    /// Points the alias to the version that has the traffic, and says whether Lambda answered. A rollback leaves the alias: nobody
    /// wants back to where it came from.
    async fn put_back(
        &self,
        awaited: &Awaited,
        on: &Version,
        why: &str,
        seen: &ObservedAlias,
    ) -> Result<(TargetError, bool), Halt> {
        let StepContext { job, claim, target, .. } = self.errand;
        let error = |then: &str| {
            let message = format!(
                "Lambda did not let the traffic of alias {} from version {on} to version {}: {why}; {then}",
                self.plan.alias, awaited.version
            );
            TargetError::new(TargetErrorCode::TrafficNotMoved, AWAIT_TRAFFIC, message)
        };
        let back = awaited.before.as_ref().filter(|before| *before == on && !job.request.is_rollback());
        let Some(back) = back else {
            return Err(error("the alias was left as it is: mend what Lambda names, then deploy again").into());
        };
        let door = claim.door(target, Some(&seen.revision), back, self.engine.now());
        self.ensure_still_owned(Some(self.opening(door.clone()))).await;
        if claim.halted().is_some() {
            return Err(Halt::Stopped);
        }
        let write = Write::MoveAlias { alias: &self.plan.alias, version: back, revision: &seen.revision };
        match self.write_alias(AWAIT_TRAFFIC, write, &door).await {
            Ok(_) => {
                let then = format!("the alias was put back to version {back}: mend the release, then upload it again");
                Ok((error(&then), true))
            }
            // Looking again tells whether it was written, or whether the traffic has come over meanwhile.
            Err(Halt::LookAgain { .. }) => {
                let then = format!("the alias was to be put back to version {back}, and Lambda gave no answer");
                Ok((error(&then), false))
            }
            Err(other) => Err(other),
        }
    }

    fn moved_by_somebody(&self, found: &str) -> Halt {
        super::target::foreign(self.errand.job, AWAIT_TRAFFIC, found).into()
    }
}
