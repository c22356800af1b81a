//! A move of one target's alias: its precondition, the write, and what the alias serves then. Whoever takes a move over
//! does the same once more, so no step is taken twice.

use deployer_core::head::{HOPS, with_shut_token};
use deployer_core::id::Version;
use deployer_core::observed::ObservedAlias;
use deployer_core::record::TargetError;
use deployer_core::rollout::{ForeignAlias, FoundAlias, RolloutTarget};
use deployer_core::session_policy::{AliasChange, move_policy};
use jiff::Timestamp;

use super::super::Deployment;
use super::super::claimed_target::ClaimedTarget;
use super::super::error::{internal, is_late};
use super::super::function_reader::FunctionReader;
use super::super::lambda_writer::LambdaWriter;
use super::super::ownership::Ownership;
use super::super::sessions::open_session;
use super::RolloutOwner;
use super::evidence::RolloutLook;
use super::state_now::rollout_now;
use crate::Transient;
use crate::port::{Answer, CallError, CallErrorKind, SessionRequest, Write};
use crate::timer::{Timer, between};
use deployer_core::throttle_notice::ThrottleNotice;

/// The step in which a rollout moves an alias, in records.
const MOVE_ALIAS: &str = "move alias";
/// The number of times that an alias is written once more after an answer that decides nothing.
const MOST_WRITES: u32 = 10;

/// The outcome of a move.
pub(super) enum Moved {
    /// The alias was seen to serve what is meant.
    Arrived(Timestamp),
    /// Lambda still holds the traffic of an alias with provisioned concurrency on the version before.
    AwaitsTraffic,
    /// Somebody else has changed the alias.
    Foreign(ForeignAlias),
    /// It cannot be moved.
    Failed(TargetError),
    /// It cannot be moved back: the old version is not there any more.
    Gone(String),
    /// The time was up.
    Late(TargetError),
    /// The invocation had no time to try it.
    NotTried(TargetError),
    /// The rollout means something else by now.
    Overtaken,
    /// The claim is no longer ours, or the ledger is away.
    Lost(Transient),
}

impl RolloutOwner<'_> {
    /// Brings the alias of a target to what the rollout means, and tries it until then.
    pub(super) async fn move_alias(&self, one: &RolloutTarget, ends: Timestamp) -> Moved {
        let Self { deployment, claim } = *self;
        let change = if one.served_before().is_none() { AliasChange::Create } else { AliasChange::Move };
        let policy = move_policy(&one.target, &deployment.at.function_name, change);
        let timer = deployment.retried.noted_by(deployment.engine.timer(), &one.target).until(ends);
        let request = SessionRequest { policy, ..deployment.session(&one.target) };
        let account = match open_session(deployment.engine.ports.sessions.as_ref(), timer, &request).await {
            Ok(account) => account,
            Err(error) => return ended(error),
        };
        let on = ClaimedTarget { deployment, claim, target: &one.target, account: &account };
        let notice = ThrottleNotice::of_call_since(timer.now());
        let moved = AliasMove { on, timer, one, notice, denied_since: None };
        match (moved.run().await, &one.old) {
            (Moved::Failed(error), Some(old)) if one.way_back.is_some() && is_gone(deployment, one, old).await => {
                Moved::Gone(format!("version {old}, which it served before, is not there any more ({error})"))
            }
            (moved, _) => moved,
        }
    }
}

/// Whether a version is known not to be there.
async fn is_gone(deployment: &Deployment<'_>, one: &RolloutTarget, version: &Version) -> bool {
    let Ok(session) = RolloutLook(deployment).look_session(&one.target).await else { return false };
    matches!(session.has_version(&deployment.at.function_name, version).await, Ok(false))
}

struct AliasMove<'a> {
    on: ClaimedTarget<'a>,
    /// The time that this try has.
    timer: Timer<'a>,
    one: &'a RolloutTarget,
    notice: ThrottleNotice,
    denied_since: Option<Timestamp>,
}

impl AliasMove<'_> {
    async fn run(mut self) -> Moved {
        for attempt in 0.. {
            let alias = match (FunctionReader { timer: self.timer, ..self.on.reader() }).alias().await {
                Ok(alias) => alias,
                Err(error) => return ended(error),
            };
            match self.one.compare(alias.as_ref()) {
                FoundAlias::Arrived if !self.may_be_misread() => return Moved::Arrived(self.timer.now()),
                FoundAlias::Arrived => match self.rewrite(alias.as_ref()).await {
                    Ok(()) => return Moved::Arrived(self.timer.now()),
                    Err(error) => match self.wait_to_write_again(attempt, error).await {
                        Ok(()) => continue,
                        Err(error) => return ended(error),
                    },
                },
                FoundAlias::KeptBack => return self.kept_back(),
                FoundAlias::Foreign(found) => return Moved::Foreign(found),
                FoundAlias::Former | FoundAlias::Absent => {}
            }
            // The last reading before the write: a person, a reject or a look may have decided otherwise.
            match self.is_still_meant().await {
                Ok(true) => {}
                Ok(false) => return Moved::Overtaken,
                Err(transient) => return Moved::Lost(transient),
            }
            let error = match self.write(alias.as_ref()).await {
                Ok(Some(written)) => match self.one.compare(Some(&written)) {
                    FoundAlias::Arrived => return Moved::Arrived(self.timer.now()),
                    FoundAlias::KeptBack => return self.kept_back(),
                    _ => answered_otherwise(&written),
                },
                Ok(None) => continue,
                Err(error) => error,
            };
            if let Err(error) = self.wait_to_write_again(attempt, error).await {
                return ended(error);
            }
        }
        unreachable!("attempts do not end")
    }

    /// Whether an alias that reads as if it were back may serve the new version all the same: a read right after a write
    /// may be older than that, the head may not know of a write yet that was answered while the release was taken back, and
    /// the first write may still take effect whose owner has died or got no answer. A write on the RevisionId that was read
    /// tells.
    fn may_be_misread(&self) -> bool {
        let ClaimedTarget { deployment, claim, target, .. } = self.on;
        let active = claim.active();
        let had_other_owners = active.attempts > 1 || active.extensions > 0 || active.hops > 0;
        let was_written =
            !self.one.served.is_empty() || had_other_owners || deployment.progress.is_alias_written(target);
        self.one.way_back.is_some() && was_written
    }

    /// Writes the alias as it is, so that no earlier write can take effect any more.
    async fn rewrite(&self, alias: Option<&ObservedAlias>) -> Result<(), CallError> {
        let Some(alias) = alias else { return Ok(()) };
        let description = with_shut_token(&alias.description, self.on.deployment.engine.token());
        LambdaWriter::of(self.on)?.rewrite_alias(alias, &description).await.map(drop)
    }

    /// Waits for the traffic that Lambda holds back, as long as the environment gives it.
    fn kept_back(&self) -> Moved {
        let (now, within) = (self.timer.now(), self.on.deployment.at.environment.traffic_within.as_duration());
        match self.one.meant_at {
            Some(meant_at) if self.one.way_back.is_none() && between(meant_at, now) > within => {
                Moved::Failed(internal(MOVE_ALIAS, "Lambda did not move the traffic to the new version in time"))
            }
            None | Some(_) if self.one.way_back.is_some() && self.on.claim.active().hops > HOPS => {
                Moved::Failed(internal(MOVE_ALIAS, "Lambda did not move the traffic back to the old version in time"))
            }
            _ => Moved::AwaitsTraffic,
        }
    }

    /// Reads the head and the rejects once more: whether the claim is ours, and the rollout still means this.
    async fn is_still_meant(&self) -> Result<bool, Transient> {
        let ClaimedTarget { claim, deployment, .. } = self.on;
        Ownership { deployment, claim }.ensure_for_its_code().await?;
        let state = rollout_now(claim)?;
        let now = state.targets.iter().find(|one| one.target == self.one.target);
        let is_same = now.is_some_and(|now| (now.weight, &now.way_back) == (self.one.weight, &self.one.way_back));
        // A way back goes on, whoever has asked the deployment to stop.
        Ok(is_same && (self.one.way_back.is_some() || claim.stopped().is_none()))
    }

    /// Writes the alias, and returns it as Lambda shows it then.
    async fn write(&self, alias: Option<&ObservedAlias>) -> Result<Option<ObservedAlias>, CallError> {
        let name = &self.on.deployment.at.environment.alias;
        let Some(meant) = self.one.meant_alias() else { return Ok(None) };
        let write = match (alias, &meant.weight) {
            (None, _) => Write::CreateAlias { alias: name, version: &meant.version },
            (Some(seen), None) => Write::MoveAlias { alias: name, version: &meant.version, revision: &seen.revision },
            (Some(seen), Some((version, percent))) => Write::ShiftAlias {
                alias: name,
                version: &meant.version,
                to: (version, *percent),
                revision: &seen.revision,
            },
        };
        tracing::info!(target = %self.one.target, alias = %name, "moves to {meant}");
        let written = LambdaWriter::of(self.on)?.write(write).await;
        let may_be_carried_out = written.as_ref().err().is_none_or(|error| error.kind == CallErrorKind::Unknown);
        if may_be_carried_out {
            self.on.deployment.progress.set_alias_written(self.on.target);
        }
        match written? {
            Answer::Alias(alias) => Ok(Some(alias)),
            _ => Ok(None),
        }
    }

    /// Waits until the alias may be read and written again, or returns the error why it may not.
    async fn wait_to_write_again(&mut self, attempt: u32, error: CallError) -> Result<(), TargetError> {
        use CallErrorKind::{Busy, Conflict, Denied, RefusedForNow, RoleNotReady, Throttled, Unknown};
        let (timer, because) = (self.timer, error.message.clone());
        match error.kind {
            Throttled => return timer.pause_throttled(&mut self.notice, attempt, MOVE_ALIAS, &because).await,
            Denied => {
                let since = *self.denied_since.get_or_insert_with(|| timer.now());
                if timer.passed(since) + timer.retries.wait(attempt) > timer.retries.denied_for {
                    return Err(error.in_step(MOVE_ALIAS));
                }
            }
            Busy | Conflict | RefusedForNow | RoleNotReady | Unknown if attempt < MOST_WRITES => {}
            _ => return Err(error.in_step(MOVE_ALIAS)),
        }
        timer.pause(attempt, MOVE_ALIAS, &because).await
    }
}

/// Makes the error of a write after which Lambda shows something else: it is read and written again, not for ever.
fn answered_otherwise(written: &ObservedAlias) -> CallError {
    let message = format!("UpdateAlias was answered with {written}, which is not what was written");
    CallError { kind: CallErrorKind::Unknown, message }
}

fn ended(error: TargetError) -> Moved {
    if is_late(error.code) { Moved::Late(error) } else { Moved::Failed(error) }
}
