//! What a release sets on the function as a whole, tags and reserved concurrency: it is set when the last look was good,
//! just before the release becomes live. A release that is taken back before that sets nothing; what one target has taken
//! before another refuses, or before an abort is heard, stays.

use deployer_core::record::TargetError;
use deployer_core::rollout::{ReservedConcurrency, RolloutTarget};
use deployer_core::session_policy::settings_policy;
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::super::claimed_target::ClaimedTarget;
use super::super::error::is_late;
use super::super::lambda_writer::LambdaWriter;
use super::RolloutOwner;
use super::state_now::rollout_now;
use crate::port::{CallError, CallErrorKind, Write};
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
        let set: Vec<(&RolloutTarget, Result<(), TargetError>)> = stream::iter(targets)
            .map(|one| async move { (one, self.set_function(one).await) })
            .buffered(TARGETS_AT_ONCE)
            .collect()
            .await;
        let failed = set.into_iter().filter_map(|(one, set)| Some((one, set.err()?)));
        let (late, failed): (Vec<_>, Vec<_>) = failed.partition(|(_, error)| is_late(error.code));
        let Some((one, error)) = failed.first() else {
            return Ok(if late.is_empty() { SettingsOutcome::Set } else { SettingsOutcome::NotNow });
        };
        tracing::warn!(target = %one.target, "{error}");
        self.advance(|state| state.move_failed(&one.target, format!("{}: {error}", one.target))).await?;
        Ok(SettingsOutcome::Failed)
    }

    async fn set_function(&self, one: &RolloutTarget) -> Result<(), TargetError> {
        let Self { deployment, claim } = *self;
        let settings = &one.settings;
        let policy = settings_policy(&one.target, &deployment.at.function_name, settings);
        let account = deployment.open_session_with(&one.target, policy).await?;
        let on = ClaimedTarget { deployment, claim, target: &one.target, account: &account };
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
