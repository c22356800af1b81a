//! What a release sets on the function as a whole, tags and reserved concurrency: it is set when the last look was good,
//! just before the release becomes live. A release that is taken back before that sets nothing. What one target has taken
//! before another refuses, or before an abort is heard, is set back at the end of the way back.

use deployer_core::config::Target;
use deployer_core::head::{self, EXTENSIONS, RolloutLeave};
use deployer_core::record::TargetError;
use deployer_core::rollout::{FunctionSettings, ReservedConcurrency, RolloutState, RolloutTarget};
use deployer_core::session_policy::settings_policy;
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::super::Deployment;
use super::super::claimed_target::ClaimedTarget;
use super::super::error::{Unfinished, is_late};
use super::super::lambda_writer::LambdaWriter;
use super::state_now::rollout_now;
use super::{PERSISTENCE, RolloutOwner};
use crate::claim::Claim;
use crate::mutex::locked;
use crate::port::{CallError, CallErrorKind, Qualifier, Write};
use crate::store::{Change, Versioned};
use crate::throttle_notice::ThrottleNotice;
use crate::{TARGETS_AT_ONCE, Transient};

/// The step in which a release sets what the function has as a whole, in records.
const SET_FUNCTION: &str = "set tags and concurrency";
/// The number of times that a setting is written once more after an answer that decides nothing.
const MOST_WRITES: u32 = 10;

/// What has become of the settings.
pub(super) enum SettingsOutcome {
    /// All targets have them.
    Set,
    /// The time was up, or somebody has asked for another end: the state says what is to be done.
    NotNow,
    /// A target does not take them: the rollout goes back.
    Failed,
}

impl RolloutOwner<'_> {
    /// Sets in every target what the release sets on the function. Each write is the same however often it is made, so
    /// the next look makes those once more whose owner has died.
    pub(super) async fn set_functions(&self) -> Result<SettingsOutcome, Transient> {
        let state = rollout_now(self.claim)?;
        let targets: Vec<&RolloutTarget> = state.targets.iter().filter(|one| !one.settings.is_empty()).collect();
        if targets.is_empty() {
            return Ok(SettingsOutcome::Set);
        }
        // Somebody may have aborted it, and what was live is to keep its own.
        let read = async |_: &mut Versioned| Ok::<_, Transient>(Change::Keep(()));
        let (seen, ()) = self.deployment.engine.store().update_head(self.deployment.at, None, read).await?;
        self.claim.set_seen(seen);
        let state = rollout_now(self.claim)?;
        if state.abort.is_some() || state.paused.is_some() {
            return Ok(SettingsOutcome::NotNow);
        }
        let setter = FunctionSetter { deployment: self.deployment, claim: self.claim };
        // What they have is known before the first of them takes anything.
        let unknown = targets.iter().copied().filter(|one| one.former_settings.is_none());
        let read = in_each(unknown, |one| setter.read_former(one)).await;
        let former = match read {
            Ok(former) => former,
            Err(outcome) => return self.settings_failed(outcome).await,
        };
        if !former.is_empty() {
            note_former(self, &former).await?;
            let state = rollout_now(self.claim)?;
            if state.abort.is_some() || state.paused.is_some() {
                return Ok(SettingsOutcome::NotNow);
            }
        }
        match in_each(targets.into_iter(), |one| setter.set(&one.target, &one.settings)).await {
            Ok(_) => Ok(SettingsOutcome::Set),
            Err(outcome) => self.settings_failed(outcome).await,
        }
    }

    /// Sets back what the release has set on functions, once its way back has ended. What a target refuses stays, and is
    /// named.
    pub(super) async fn set_functions_back(&self, state: &RolloutState) -> Result<(), Unfinished> {
        let setter = FunctionSetter { deployment: self.deployment, claim: self.claim };
        let set = state.targets.iter().filter_map(|one| Some((one, one.former_settings.as_ref()?)));
        let back = stream::iter(set.collect::<Vec<_>>())
            .map(|(one, former)| async move { (one, setter.set(&one.target, former).await) })
            .buffered(TARGETS_AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        let failed: Vec<_> = back.into_iter().filter_map(|(one, set)| Some((one, set.err()?))).collect();
        if failed.iter().any(|(_, error)| is_late(error.code)) && self.claim.extensions() < EXTENSIONS {
            return Err(self.leave_rollout(RolloutLeave::OutOfTime).await);
        }
        for (one, error) in failed {
            let warning =
                format!("tags or reserved concurrency in {} may be those of the release: {error}", one.target);
            tracing::warn!("{warning}");
            locked(&self.claim.warnings).insert(warning);
        }
        Ok(())
    }

    async fn settings_failed(&self, (target, error): (Target, TargetError)) -> Result<SettingsOutcome, Transient> {
        if is_late(error.code) {
            return Ok(SettingsOutcome::NotNow);
        }
        tracing::warn!(%target, "{error}");
        let now = self.deployment.engine.now();
        self.advance(|state| state.move_failed(&target, format!("{target}: {error}"), now)).await?;
        Ok(SettingsOutcome::Failed)
    }
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

/// Does the same in each target, side by side, and returns what has come of it, or the first failure; one that only
/// came too late counts last.
async fn in_each<'t, T, F: Future<Output = Result<T, TargetError>>>(
    targets: impl Iterator<Item = &'t RolloutTarget>,
    act: impl Fn(&'t RolloutTarget) -> F,
) -> Result<Vec<T>, (Target, TargetError)> {
    let acts: Vec<_> = targets.map(|one| (one.target.clone(), act(one))).collect();
    let done = stream::iter(acts).map(|(target, act)| async move { act.await.map_err(|error| (target, error)) });
    let done: Vec<_> = done.buffered(TARGETS_AT_ONCE).collect().await;
    let (done, failed): (Vec<_>, Vec<_>) = done.into_iter().partition(Result::is_ok);
    let failed: Vec<_> = failed.into_iter().filter_map(Result::err).collect();
    match failed.into_iter().min_by_key(|(_, error)| is_late(error.code)) {
        Some(failure) => Err(failure),
        None => Ok(done.into_iter().flatten().collect()),
    }
}

/// Reads and writes what functions have as a whole, under a claim.
#[derive(Clone, Copy)]
struct FunctionSetter<'a> {
    deployment: &'a Deployment<'a>,
    claim: &'a Claim,
}

impl FunctionSetter<'_> {
    /// Reads what the function has in place of what the release sets there.
    async fn read_former(self, one: &RolloutTarget) -> Result<(Target, FunctionSettings), TargetError> {
        let deployment = self.deployment;
        let policy = settings_policy(&one.target, &deployment.at.function_name, &one.settings);
        let account = deployment.open_session_with(&one.target, policy).await?;
        let on = ClaimedTarget { deployment, claim: self.claim, target: &one.target, account: &account };
        let (functions, name) = (account.functions(), &deployment.at.function_name);
        let found = on.timer().read(SET_FUNCTION, || functions.function(name, Qualifier::Latest)).await?;
        let metadata = found.map(|(_, metadata)| metadata).unwrap_or_default();
        Ok((one.target.clone(), one.settings.former(&metadata)))
    }

    async fn set(self, target: &Target, settings: &FunctionSettings) -> Result<(), TargetError> {
        let Self { deployment, claim } = self;
        if settings.is_empty() {
            return Ok(());
        }
        let policy = settings_policy(target, &deployment.at.function_name, settings);
        let account = deployment.open_session_with(target, policy).await?;
        let on = ClaimedTarget { deployment, claim, target, account: &account };
        let concurrency = settings.concurrency.map(|concurrency| match concurrency {
            ReservedConcurrency::Reserve(number) => Write::ReserveConcurrency(number),
            ReservedConcurrency::Free => Write::FreeConcurrency,
        });
        let tags = (!settings.tags.is_empty()).then_some(Write::Tag(&settings.tags));
        let untag = (!settings.untag.is_empty()).then_some(Write::Untag(&settings.untag));
        for write in [tags, untag, concurrency].into_iter().flatten() {
            set(on, write).await?;
        }
        Ok(())
    }
}

/// Makes one write, and makes it again as long as that can help.
async fn set(on: ClaimedTarget<'_>, write: Write<'_>) -> Result<(), TargetError> {
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
        match error.kind {
            CallErrorKind::Throttled => {
                timer.pause_throttled(&mut notice, attempt, SET_FUNCTION, &error.message).await?;
                continue;
            }
            CallErrorKind::Denied => {
                let since = *denied_since.get_or_insert_with(|| timer.now());
                if timer.passed(since) + timer.retries.wait(attempt) > timer.retries.denied_for {
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

fn may_pass(error: &CallError) -> bool {
    use CallErrorKind::{Busy, Conflict, RefusedForNow, RoleNotReady, Unknown};
    matches!(error.kind, Busy | Conflict | RefusedForNow | RoleNotReady | Unknown)
}
