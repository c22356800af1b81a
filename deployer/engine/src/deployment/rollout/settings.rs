//! The settings of a release on the function as a whole, tags and reserved concurrency: they are set after the last good look,
//! just before the release becomes live. A release that is taken back before that sets nothing. What one target has taken
//! before another refuses, or before an abort is heard, is set back on the way back, as soon as the target's alias is back.

use std::time::Duration;

use deployer_core::config::Target;
use deployer_core::head::{self, EXTENSIONS, RolloutLeave};
use deployer_core::observed::FunctionMetadata;
use deployer_core::record::{TargetError, TargetErrorCode};
use deployer_core::rollout::{
    FunctionSettings, ReservedConcurrency, RolloutState, RolloutTarget, WayBack, may_set_functions, settings_late,
};
use deployer_core::session_policy::settings_policy;
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::super::Deployment;
use super::super::claimed_target::ClaimedTarget;
use super::super::error::{Unfinished, given_up, is_late};
use super::super::lambda_writer::LambdaWriter;
use super::state_now::rollout_now;
use super::{PERSISTENCE, RolloutOwner};
use crate::claim::Claim;
use crate::mutex::locked;
use crate::port::{Account, CallError, CallErrorKind, Qualifier, Write};
use crate::store::{Change, Versioned};
use crate::timer::between;
use crate::{TARGETS_AT_ONCE, Transient};
use deployer_core::throttle_notice::ThrottleNotice;

/// The step in which a release sets what the function has as a whole, in records.
const SET_FUNCTION: &str = "set tags and concurrency";
/// The number of times that a setting is written once more after an answer that decides nothing.
const MOST_WRITES: u32 = 10;

/// The time of one try: while it lasts, nobody looks at the rollout.
const TRY: Duration = Duration::from_secs(60);

/// The outcome of the settings.
pub(super) enum SettingsOutcome {
    /// All targets have them.
    Set,
    /// Not all targets have taken them, or somebody has asked for another end: the state says what is to be done.
    NotNow,
}

impl RolloutOwner<'_> {
    /// Sets in every target what the release sets on the function. Each write is the same however often it is made, so
    /// the next look makes those once more whose owner has died.
    pub(super) async fn set_functions(&self) -> Result<SettingsOutcome, Transient> {
        if rollout_now(self.claim)?.targets.iter().all(|one| one.settings.is_empty()) {
            return Ok(SettingsOutcome::Set);
        }
        // Somebody may have aborted it, and what was live is to keep its own.
        let read = async |_: &mut Versioned| Ok::<_, Transient>(Change::Keep(()));
        let (seen, ()) = self.deployment.engine.store().update_head(self.deployment.at, None, read).await?;
        self.claim.set_seen(seen);
        let state = rollout_now(self.claim)?;
        if !may_set_functions(&state) {
            return Ok(SettingsOutcome::NotNow);
        }
        let targets: Vec<&RolloutTarget> = state.targets.iter().filter(|one| !one.settings.is_empty()).collect();
        if let Some(one) = targets.first()
            && self.claim.only_observes()
        {
            let error = given_up("what the functions have was not looked at");
            return self.settings_failed((one.target.clone(), error), |_| false).await;
        }
        let setter = FunctionSetter::of(*self, TRY);
        // The old settings of all are known before the first of them takes anything.
        let former = match in_each(&targets, |one| setter.read_former(one)).await {
            Ok(former) => former,
            Err(failure) => return self.settings_failed(failure, may_pass_later).await,
        };
        let is_new = |(target, former): &(Target, FunctionSettings)| {
            targets.iter().any(|one| one.target == *target && one.former_settings.as_ref() != Some(former))
        };
        let former: Vec<_> = former.into_iter().filter(is_new).collect();
        if !former.is_empty() {
            note_former(self, &former).await?;
            if !may_set_functions(&rollout_now(self.claim)?) {
                return Ok(SettingsOutcome::NotNow);
            }
        }
        match in_each(&targets, |one| setter.set(&one.target, &one.settings)).await {
            Ok(_) => Ok(SettingsOutcome::Set),
            Err(failure) => self.settings_failed(failure, may_pass_later).await,
        }
    }

    /// Sets back what the release has set on functions, once its way back has ended. What a target refuses stays, and is
    /// named.
    pub(super) async fn set_functions_back(&self, state: &RolloutState) -> Result<(), Unfinished> {
        let to_set = to_set_back(state).collect::<Vec<_>>();
        let failed: Vec<(&RolloutTarget, TargetError)> = if self.claim.only_observes() {
            let given_up = || given_up("what the functions have was not looked at");
            to_set.into_iter().map(|(one, _)| (one, given_up())).collect()
        } else {
            let setter = FunctionSetter::of(*self, self.deployment.engine.timer().left());
            let back = stream::iter(to_set)
                .map(|(one, former)| async move { Some((one, setter.set_back(one, former).await.err()?)) })
                .buffered(TARGETS_AT_ONCE)
                .collect::<Vec<_>>()
                .await;
            let failed: Vec<_> = back.into_iter().flatten().collect();
            if failed.iter().any(|(_, error)| is_late(error.code)) && self.claim.extensions() < EXTENSIONS {
                return Err(self.leave_rollout(RolloutLeave::OutOfTime).await);
            }
            failed
        };
        for (one, error) in failed {
            let warning =
                format!("tags or reserved concurrency in {} may be those of the release: {error}", one.target);
            tracing::warn!("{warning}");
            locked(&self.claim.warnings).insert(warning);
        }
        Ok(())
    }

    /// Writes down that a target has not taken its settings: the next look tries again where that can help, and otherwise
    /// the rollout goes back.
    async fn settings_failed(
        &self,
        (target, error): (Target, TargetError),
        helps: impl Fn(TargetErrorCode) -> bool,
    ) -> Result<SettingsOutcome, Transient> {
        let because = format!("{target}: {error}");
        tracing::warn!("what the release sets on functions is not set: {because}");
        let (helps, now) = (helps(error.code), self.deployment.engine.now());
        self.advance(|state| match helps {
            true => settings_late(state, &target, because.as_str(), now),
            false => state.move_failed(&target, because.as_str(), now),
        })
        .await?;
        Ok(SettingsOutcome::NotNow)
    }
}

/// Sets back what the release has set on functions whose way back has ended with their own version, while others of the
/// rollout are still open. Returns the targets in which all is set back. The others are tried again: nothing is told of
/// them before the end.
pub(super) async fn set_back_meanwhile(
    owner: RolloutOwner<'_>,
    state: &RolloutState,
    among: impl Fn(&Target) -> bool,
) -> Vec<Target> {
    if owner.claim.only_observes() {
        return vec![];
    }
    let setter = FunctionSetter::of(owner, TRY);
    let back = to_set_back(state).filter(|(one, _)| among(&one.target)).collect::<Vec<_>>();
    let back = stream::iter(back).map(|(one, former)| async move {
        let set = setter.set_back(one, former).await;
        set.inspect_err(|error| tracing::info!(target = %one.target, "not set back yet: {error}")).ok()?;
        Some(one.target.clone())
    });
    back.buffered(TARGETS_AT_ONCE).collect::<Vec<_>>().await.into_iter().flatten().collect()
}

/// Returns the targets in which something is to be set back, with what they had. Where the alias stays with the new version,
/// the function keeps what that version needs.
fn to_set_back(state: &RolloutState) -> impl Iterator<Item = (&RolloutTarget, &FunctionSettings)> {
    let is_back = |one: &&RolloutTarget| matches!(one.way_back, Some(WayBack::Done(_)));
    state.targets.iter().filter(is_back).filter_map(|one| Some((one, one.former_settings.as_ref()?)))
}

/// Whether a target that has failed so may take the same a minute later.
fn may_pass_later(code: TargetErrorCode) -> bool {
    use TargetErrorCode::{AccessDenied, AssumeRoleDenied, Internal, RoleNotAssumable};
    is_late(code) || matches!(code, AccessDenied | AssumeRoleDenied | Internal | RoleNotAssumable)
}

/// Writes down what the functions have now.
async fn note_former(owner: &RolloutOwner<'_>, former: &[(Target, FunctionSettings)]) -> Result<(), Transient> {
    let RolloutOwner { deployment, claim } = owner;
    let note = async |seen: &mut Versioned| match head::note_former_settings(&seen.head, claim.token(), former) {
        Some(head) => Ok(Change::Write(Box::new(head), ())),
        None => Err(Transient::TakenOver),
    };
    let store = deployment.engine.store();
    let (seen, ()) = store.update_head_with(deployment.at, Some(claim.seen()), PERSISTENCE, note).await?;
    claim.set_seen(seen);
    Ok(())
}

/// Does the same in each target, side by side, and returns what has come of it, or the first failure; one that may pass
/// counts last.
async fn in_each<'t, T, F: Future<Output = Result<T, TargetError>>>(
    targets: &[&'t RolloutTarget],
    act: impl Fn(&'t RolloutTarget) -> F,
) -> Result<Vec<T>, (Target, TargetError)> {
    let acts: Vec<_> = targets.iter().map(|one| (one.target.clone(), act(one))).collect();
    let done = stream::iter(acts).map(|(target, act)| async move { act.await.map_err(|error| (target, error)) });
    let done: Vec<_> = done.buffered(TARGETS_AT_ONCE).collect().await;
    let (done, failed): (Vec<_>, Vec<_>) = done.into_iter().partition(Result::is_ok);
    let failed: Vec<_> = failed.into_iter().filter_map(Result::err).collect();
    match failed.into_iter().min_by_key(|(_, error)| may_pass_later(error.code)) {
        Some(failure) => Err(failure),
        None => Ok(done.into_iter().flatten().collect()),
    }
}

/// Reads and writes what functions have as a whole, under a claim.
#[derive(Clone, Copy)]
struct FunctionSetter<'a> {
    deployment: &'a Deployment<'a>,
    claim: &'a Claim,
    /// The time after which nothing is tried again.
    ends: Timestamp,
}

impl<'a> FunctionSetter<'a> {
    /// Makes what reads and writes functions from now on for so long.
    fn of(owner: RolloutOwner<'a>, within: Duration) -> Self {
        let RolloutOwner { deployment, claim } = owner;
        let ends = deployment.engine.now().checked_add(within).unwrap_or(Timestamp::MAX);
        Self { deployment, claim, ends }
    }

    /// Reads what the function has in place of what the release sets there.
    async fn read_former(self, one: &RolloutTarget) -> Result<(Target, FunctionSettings), TargetError> {
        let account = self.enter(&one.target, &one.settings).await?;
        let read = self.read(&one.target, &account).await?.unwrap_or_default();
        Ok((one.target.clone(), one.settings.former(&read, one.former_settings.as_ref())))
    }

    /// Writes what the release sets, up to the first write that is refused.
    async fn set(self, target: &Target, settings: &FunctionSettings) -> Result<(), TargetError> {
        let account = self.enter(target, settings).await?;
        for write in writes(settings) {
            self.write(target, &account, write).await?;
        }
        Ok(())
    }

    /// Writes what the function had before, where nobody else has changed it since. What is refused keeps nothing else
    /// from being set back.
    async fn set_back(self, one: &RolloutTarget, former: &FunctionSettings) -> Result<(), TargetError> {
        let account = self.enter(&one.target, former).await?;
        let Some(read) = self.read(&one.target, &account).await? else { return Ok(()) };
        let (back, is_all) = one.settings.set_back(former, &read);
        let mut failed = Vec::new();
        for write in writes(&back) {
            failed.extend(self.write(&one.target, &account, write).await.err());
        }
        if !is_all {
            let unseen = "the tags that it has or had are not known, because the role may not list them (lambda:ListTags): \
                          look at its tags, and set them back by hand";
            failed.push(TargetError::new(TargetErrorCode::AccessDenied, SET_FUNCTION, unseen));
        }
        // A setting that came too late is tried again.
        match failed.into_iter().min_by_key(|error| !is_late(error.code)) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Enters a target to read the function, and to write these settings.
    async fn enter(self, target: &Target, settings: &FunctionSettings) -> Result<Account, TargetError> {
        let policy = settings_policy(target, &self.deployment.at.function_name, settings);
        self.in_time(self.deployment.open_session_with(target, policy)).await
    }

    /// Reads the function's tags and reserved concurrency; none where it is gone.
    async fn read(self, target: &Target, account: &Account) -> Result<Option<FunctionMetadata>, TargetError> {
        let Self { deployment, claim, .. } = self;
        let on = ClaimedTarget { deployment, claim, target, account };
        let (functions, name) = (account.functions(), &deployment.at.function_name);
        let read = on.timer().read(SET_FUNCTION, || functions.function(name, Qualifier::Latest));
        Ok(self.in_time(read).await?.map(|(_, metadata)| metadata))
    }

    /// Waits for something that changes nothing, and drops it once the time is up.
    async fn in_time<T>(self, read: impl Future<Output = Result<T, TargetError>>) -> Result<T, TargetError> {
        let timer = self.deployment.engine.timer();
        tokio::select! {
            biased;
            read = read => read,
            () = timer.sleep(between(timer.now(), self.ends)) => {
                let because = "the function was not read in time: AWS throttled, or did not answer";
                Err(TargetError::new(TargetErrorCode::TimedOut, SET_FUNCTION, because))
            }
        }
    }

    /// Makes one write, and makes it again as long as that can help and time is left.
    async fn write(self, target: &Target, account: &Account, write: Write<'_>) -> Result<(), TargetError> {
        let on = ClaimedTarget { deployment: self.deployment, claim: self.claim, target, account };
        let timer = on.timer();
        let mut notice = ThrottleNotice::of_call_since(timer.now());
        let mut denied_since: Option<Timestamp> = None;
        for attempt in 0.. {
            let written = match LambdaWriter::of(on) {
                Ok(writer) => writer.write(write.clone()).await,
                Err(late) => return Err(late.at_the_deadline(SET_FUNCTION)),
            };
            on.deployment.progress.set_written(on.target);
            let Err(error) = written else { return Ok(()) };
            let wait = timer.retries.wait(attempt);
            if between(timer.now(), self.ends) < wait {
                return Err(error.in_step(SET_FUNCTION));
            }
            match error.kind {
                CallErrorKind::Throttled => {
                    timer.pause_throttled(&mut notice, attempt, SET_FUNCTION, &error.message).await?;
                    continue;
                }
                CallErrorKind::Denied => {
                    let since = *denied_since.get_or_insert_with(|| timer.now());
                    if timer.passed(since) + wait > timer.retries.denied_for {
                        return Err(error.in_step(SET_FUNCTION));
                    }
                }
                _ if may_pass(&error) && attempt < MOST_WRITES => {}
                _ => return Err(error.in_step(SET_FUNCTION)),
            }
            timer.pause(attempt, SET_FUNCTION, &error.message).await?;
        }
        unreachable!("attempts do not end")
    }
}

/// Returns the writes of these settings. Reserved concurrency comes first: traffic depends on it.
fn writes(settings: &FunctionSettings) -> impl Iterator<Item = Write<'_>> {
    let concurrency = settings.concurrency.map(|concurrency| match concurrency {
        ReservedConcurrency::Reserve(number) => Write::ReserveConcurrency(number),
        ReservedConcurrency::Free => Write::FreeConcurrency,
    });
    let tags = (!settings.tags.is_empty()).then_some(Write::Tag(&settings.tags));
    let untag = (!settings.untag.is_empty()).then_some(Write::Untag(&settings.untag));
    [concurrency, tags, untag].into_iter().flatten()
}

fn may_pass(error: &CallError) -> bool {
    use CallErrorKind::{Busy, Conflict, RefusedForNow, RoleNotReady, Unknown};
    matches!(error.kind, Busy | Conflict | RefusedForNow | RoleNotReady | Unknown)
}
