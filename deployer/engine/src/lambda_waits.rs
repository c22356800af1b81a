//! Waiting for Lambda: a version that is Pending, an update in progress, an execution role that Lambda cannot assume yet, a 409 that
//! nobody knows.
//!
//! Nobody knows when that passes, so the engine waits for a time in all, across invocations: the head keeps each wait's start. With a
//! queue, an invocation itself waits for seconds only: the deployment is parked, and the invocation is free for others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use deployer_core::config::Target;
use deployer_core::head::{Active, LambdaTask, LambdaWait, LambdaWaits, Since};
use deployer_core::record::{TargetError, TargetErrorCode, TargetOutcome};
use jiff::Timestamp;

use super::apply::Halt;
use super::claim::locked;
use super::fared::Missed;
use super::{Claim, Engine};

/// The waits of a claim's targets.
pub(super) struct Waits(Mutex<Targets>);

struct Targets {
    all: LambdaWaits,
    now: BTreeMap<Target, Waiting>,
    given_up: BTreeSet<Target>,
}

/// One target waits.
#[derive(Clone)]
pub(super) struct Waiting {
    pub target: Target,
    /// The start by which it ends.
    pub since: Timestamp,
    pub because: String,
}

impl Waits {
    /// Those that earlier owners have left.
    pub fn of(active: &Active) -> Self {
        Self(Mutex::new(Targets { all: LambdaWaits::of(active), now: BTreeMap::new(), given_up: BTreeSet::new() }))
    }

    /// Whether a target waits now.
    pub fn is_any(&self) -> bool {
        !locked(&self.0).now.is_empty()
    }

    /// Lambda has done what a target waited for.
    pub fn is_over(&self, target: &Target, task: &LambdaTask) {
        let mut targets = locked(&self.0);
        targets.now.remove(target);
        targets.all.end(target, task);
    }

    /// A target waits no longer, whatever Lambda has come to there.
    pub fn rests(&self, target: &Target) {
        locked(&self.0).now.remove(target);
    }

    /// Lets another version be made in place of the one that has failed, which is so once: otherwise the target gives up.
    pub fn makes_anew(&self, target: &Target) -> bool {
        let mut targets = locked(&self.0);
        let may = targets.all.versions(target) < 2;
        match may {
            true => targets.given_up.remove(target),
            false => targets.given_up.insert(target.clone()),
        };
        may
    }

    /// Whether a target has failed for good, be it that it has waited for as long as it may.
    pub fn is_given_up(&self, target: &Target) -> bool {
        locked(&self.0).given_up.contains(target)
    }

    /// The targets that wait now and are not done.
    pub fn told(&self, done: &[TargetOutcome]) -> Vec<Waiting> {
        let is_done = |waiting: &&Waiting| done.iter().any(|done| done.target() == waiting.target);
        locked(&self.0).now.values().filter(|waiting| !is_done(waiting)).cloned().collect()
    }

    /// The waits that are not over, of the targets that are not done.
    pub fn left(&self, done: &[TargetOutcome]) -> Vec<LambdaWait> {
        locked(&self.0).all.without(done)
    }

    /// A target has failed for good: its time being up is no reason to go on with it later.
    pub fn give_up(&self, target: &Target) {
        let mut targets = locked(&self.0);
        targets.now.remove(target);
        targets.given_up.insert(target.clone());
    }

    fn begin(&self, WaitForLambda { target, task, step, because, .. }: &WaitForLambda<'_>, now: Timestamp) -> Since {
        let mut targets = locked(&self.0);
        let since = targets.all.begin(target, task, now);
        let (target, because) = ((*target).clone(), format!("{step}: {because}"));
        targets.now.insert(target.clone(), Waiting { target, since: since.own, because });
        since
    }
}

/// Somebody's update, our own, and a version that is made: a target has no more time for all its waits than so many of the longest.
const WAITS_IN_A_ROW: u32 = 3;

/// One target that waits for Lambda.
pub(super) struct WaitForLambda<'a> {
    pub claim: &'a Claim,
    pub target: &'a Target,
    pub task: &'a LambdaTask,
    pub step: &'static str,
    /// What Lambda says, or is seen to do.
    pub because: &'a str,
    /// AWS has refused something, so there is an end to it also where no other invocation goes on.
    pub is_refused: bool,
}

/// Why this invocation waits for Lambda no longer.
pub(super) enum NoLonger {
    /// Another one goes on.
    Parks,
    /// It has lasted for too long.
    Ends(TargetError),
}

impl From<NoLonger> for Halt {
    fn from(no_longer: NoLonger) -> Self {
        match no_longer {
            NoLonger::Parks => Self::Waits,
            NoLonger::Ends(error) => Self::Final(error),
        }
    }
}

impl From<NoLonger> for Missed {
    fn from(no_longer: NoLonger) -> Self {
        match no_longer {
            NoLonger::Parks => Self::Waits,
            NoLonger::Ends(error) => error.into(),
        }
    }
}

impl From<TargetError> for NoLonger {
    fn from(error: TargetError) -> Self {
        Self::Ends(error)
    }
}

impl Engine {
    /// Pauses before the next look at what Lambda has not done yet; `ends` makes the error of a target that has waited for too long.
    pub(super) async fn wait_for_lambda(
        &self,
        wait: &WaitForLambda<'_>,
        attempt: u32,
        ends: impl FnOnce() -> TargetError,
    ) -> Result<(), NoLonger> {
        let WaitForLambda { claim, target, step, because, is_refused, .. } = *wait;
        // Whoever was asked to stop, or only looks, must see the target settled to end.
        let may_park = self.ports.queue.is_some() && !claim.only_looks() && claim.halted().is_none();
        if may_park || is_refused {
            let since = claim.waits.begin(wait, self.now());
            let is_long = self.passed(since.own) >= self.patience.waits_here;
            let longest = self.longest_wait_for_lambda();
            if is_long && self.passed(since.own) >= longest {
                claim.waits.give_up(target);
                return Err(NoLonger::Ends(ends()));
            }
            // What is new gets its seconds, however long others were waited for before it.
            if is_long && self.passed(since.first) >= longest * WAITS_IN_A_ROW {
                claim.waits.give_up(target);
                return Err(NoLonger::Ends(self.at_work_again_and_again(step, because)));
            }
            if may_park && is_long {
                return Err(NoLonger::Parks);
            }
        }
        match self.pause(attempt, step, because).await {
            Err(_) if may_park => Err(NoLonger::Parks),
            paused => Ok(paused?),
        }
    }

    /// Without a queue nobody goes on where this invocation stops.
    fn longest_wait_for_lambda(&self) -> Duration {
        match self.ports.queue {
            Some(_) => self.patience.waits_in_all,
            None => self.patience.waits_in_all_without_queue,
        }
    }

    /// The time at which a wait that began then has lasted for too long.
    pub(super) fn wait_for_lambda_ends(&self, since: Timestamp) -> Option<Timestamp> {
        since.checked_add(self.longest_wait_for_lambda()).ok()
    }

    /// The error of a target that has waited for one thing after the other.
    fn at_work_again_and_again(&self, step: &str, because: &str) -> TargetError {
        let minutes = (self.longest_wait_for_lambda() * WAITS_IN_A_ROW).as_secs() / 60;
        let message = format!(
            "for {minutes} minutes Lambda was at work again and again (now: {because}): see who changes the function, and takes back \
             what is deployed, then try again"
        );
        TargetError::new(TargetErrorCode::TimedOut, step, message)
    }

    /// The error of a target for which Lambda has been at work for too long.
    pub(super) fn not_done_by_lambda(&self, step: &str, because: &str) -> TargetError {
        let minutes = self.longest_wait_for_lambda().as_secs() / 60;
        let message = format!(
            "Lambda was not done within {minutes} minutes ({because}): see what holds the function up, then try again"
        );
        TargetError::new(TargetErrorCode::TimedOut, step, message)
    }
}
