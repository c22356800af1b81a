//! Waiting for Lambda: a version that is Pending, an update in progress, an execution role that Lambda cannot assume yet, a 409 that
//! nobody knows.
//!
//! Nobody knows when that passes, so the engine waits for a time in all, across invocations: the head keeps its start. With a queue,
//! an invocation itself waits for seconds only: the deployment is parked, and the invocation is free for others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use deployer_core::config::Target;
use deployer_core::record::{TargetError, TargetErrorCode};
use jiff::Timestamp;

use super::apply::Halt;
use super::claim::locked;
use super::deploy::Job;
use super::fared::Missed;
use super::{Claim, Engine};

/// The targets of a deployment that wait for Lambda.
#[derive(Default)]
pub(super) struct LambdaWaits(Mutex<Targets>);

#[derive(Default)]
struct Targets {
    waiting: BTreeMap<Target, Waiting>,
    /// This invocation has sent code or configuration there: what Lambda does with that is not what an earlier one waited for.
    sent: BTreeSet<Target>,
    given_up: BTreeSet<Target>,
}

#[derive(Clone)]
struct Waiting {
    /// An earlier invocation's wait included.
    since: Timestamp,
    /// The time from which this invocation's patience counts.
    here_since: Timestamp,
    because: String,
}

impl LambdaWaits {
    /// The earliest time since which a target waits, where one still does.
    pub fn since(&self) -> Option<Timestamp> {
        locked(&self.0).waiting.values().map(|waiting| waiting.since).min()
    }

    /// A target waits for nothing any more.
    pub fn is_over(&self, target: &Target) {
        locked(&self.0).waiting.remove(target);
    }

    /// Lambda has taken code or configuration for a target.
    pub fn is_sent(&self, target: &Target) {
        locked(&self.0).sent.insert(target.clone());
    }

    /// Whether a target has waited for as long as it may.
    pub fn is_given_up(&self, target: &Target) -> bool {
        locked(&self.0).given_up.contains(target)
    }

    /// The targets that wait, each with what it waits for.
    pub fn told(&self) -> Vec<(Target, String)> {
        let told = |(target, waiting): (&Target, &Waiting)| (target.clone(), waiting.because.clone());
        locked(&self.0).waiting.iter().map(told).collect()
    }

    fn give_up(&self, target: &Target) {
        let mut targets = locked(&self.0);
        targets.waiting.remove(target);
        targets.given_up.insert(target.clone());
    }

    fn waits(&self, wait: &LambdaWait<'_>, now: Timestamp) -> Waiting {
        let mut targets = locked(&self.0);
        let earlier = wait.claim.active().waiting_since;
        let since = earlier.map_or(now, |earlier| earlier.min(now));
        let here_since = if targets.sent.contains(wait.target) { now } else { since };
        let waiting = Waiting { since, here_since, because: String::new() };
        let waiting = targets.waiting.entry(wait.target.clone()).or_insert(waiting);
        waiting.because = format!("{}: {}", wait.step, wait.because);
        waiting.clone()
    }
}

/// One target that waits for Lambda.
pub(super) struct LambdaWait<'a> {
    pub job: &'a Job<'a>,
    pub claim: &'a Claim,
    pub target: &'a Target,
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
        wait: &LambdaWait<'_>,
        attempt: u32,
        ends: impl FnOnce() -> TargetError,
    ) -> Result<(), NoLonger> {
        let LambdaWait { job, claim, target, step, because, is_refused } = *wait;
        // Whoever was asked to stop, or only looks, must see the target settled to end.
        let may_park = self.ports.queue.is_some() && !claim.only_looks() && claim.halted().is_none();
        if may_park || is_refused {
            let waiting = job.waits.waits(wait, self.now());
            // What this invocation has begun gets its seconds, however long an earlier one has waited for something else.
            let is_long = self.passed(waiting.here_since) >= self.patience.waits_here;
            if is_long && self.passed(waiting.since) >= self.longest_refusal() {
                job.waits.give_up(target);
                return Err(NoLonger::Ends(ends()));
            }
            if is_long && may_park {
                return Err(NoLonger::Parks);
            }
        }
        match self.pause(attempt, step, because).await {
            Err(_) if may_park => Err(NoLonger::Parks),
            paused => Ok(paused?),
        }
    }

    /// Without a queue nobody goes on where this invocation stops.
    fn longest_refusal(&self) -> Duration {
        match self.ports.queue {
            Some(_) => self.patience.refused,
            None => self.patience.refused_without_queue,
        }
    }

    /// The time at which a wait that began then has lasted for too long.
    pub(super) fn refusal_ends(&self, since: Timestamp) -> Option<Timestamp> {
        since.checked_add(self.longest_refusal()).ok()
    }

    /// The error of a target for which Lambda has been at work for too long.
    pub(super) fn not_done_by_lambda(&self, step: &str, because: &str) -> TargetError {
        let minutes = self.longest_refusal().as_secs() / 60;
        let message = format!(
            "Lambda was not done within {minutes} minutes ({because}): see what holds the function up, then try again"
        );
        TargetError::new(TargetErrorCode::TimedOut, step, message)
    }
}
