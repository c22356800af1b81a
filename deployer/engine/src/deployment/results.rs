//! The targets' results, and the ending of a deployment by them.
//!
//! Must not know Lambda, or the ledger.

use std::time::Duration;

use deployer_core::id::Version;
use deployer_core::record::{Code, Ending, Previous, Status, TargetOutcome};
use deployer_core::rollout::{FunctionSettings, Shift};

use crate::claim::Stopped;

/// A target serves what is wanted.
pub(super) struct TargetDone {
    pub status: Status,
    pub version: Option<Version>,
    pub previous: Option<Previous>,
    /// The new version is published, and its rollout is to begin.
    pub ready: Option<Box<Ready>>,
}

/// A target whose new version is Active and gets no traffic yet.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    pub version: Version,
    pub shift: Shift,
    /// The version that the alias serves and that nobody wants back: nothing is live to compare with.
    pub replaces: Option<Version>,
    /// The settings of the release on the function as a whole, once it is to become live.
    pub settings: FunctionSettings,
    /// The time that an invocation of the new version may take.
    pub timeout: Duration,
}

impl TargetDone {
    /// Makes the result: succeeded if this deployment has changed something, unchanged if nothing had to be changed.
    pub fn new(changed: bool, version: Option<Version>, previous: Option<Previous>) -> Self {
        let status = if changed { Status::Succeeded } else { Status::Unchanged };
        Self { status, version, previous, ready: None }
    }
}

/// The result of one target.
pub(super) struct TargetResult {
    pub outcome: TargetOutcome,
    /// The rule that the artifact breaks here, which shows only beside the target: nothing was written.
    pub invalid: Option<(Code, String)>,
    /// Its alias did not move, because no alias may any more.
    pub stopped: bool,
    /// Lambda is not done: the version is not made yet, say, or the alias has moved and its traffic is held back.
    pub waits: bool,
    /// It stopped only because the time was up.
    pub out_of_time: bool,
    /// It has published its version, and waits for the rollout to begin.
    pub ready: Option<Box<Ready>>,
}

impl TargetResult {
    /// Makes a result that is final.
    pub fn of(outcome: TargetOutcome) -> Self {
        Self { outcome, invalid: None, stopped: false, waits: false, out_of_time: false, ready: None }
    }
}

/// The results of all targets, in their order.
pub(super) struct TargetResults(pub Vec<TargetResult>);

impl TargetResults {
    /// Whether a target stopped only because the time was up: another invocation can go on.
    pub fn ran_out_of_time(&self) -> bool {
        self.0.iter().any(|result| result.out_of_time)
    }

    /// Whether Lambda needs longer for a target than an invocation should wait.
    pub fn is_waiting(&self) -> bool {
        self.0.iter().any(|result| result.waits)
    }

    /// Returns the outcomes of the targets with which no other invocation goes on.
    pub fn done(self) -> Vec<TargetOutcome> {
        self.0
            .into_iter()
            .filter(|result| !result.out_of_time && !result.waits && result.ready.is_none())
            .map(|result| result.outcome)
            .collect()
    }

    /// Whether a target waits for the rollout to begin.
    pub fn has_ready(&self) -> bool {
        self.0.iter().any(|result| result.ready.is_some())
    }

    /// Whether every target has published its version, or serves it already.
    pub fn are_published(&self) -> bool {
        self.0.iter().all(|result| result.ready.is_some() || result.outcome.serves())
    }

    /// Makes the ending of the deployment. If the artifact fits no target, nothing was tried, and the deployment is
    /// refused.
    pub fn ending(self, stopped: Option<Stopped>) -> Ending {
        let Self(results) = self;
        let invalid = results.first().and_then(|first| first.invalid.clone());
        if let Some((code, because)) = invalid.filter(|_| results.iter().all(|result| result.invalid.is_some())) {
            return Ending::Refused { code, because };
        }
        let stopped =
            stopped.filter(|_| results.iter().any(|result| result.stopped || result.waits || result.ready.is_some()));
        let status = stopped.as_ref().map_or(Status::Failed, |stopped| stopped.status);
        let targets = results.into_iter().map(|result| match result.waits || result.ready.is_some() {
            true => TargetOutcome { status, ..result.outcome },
            false => result.outcome,
        });
        let targets = targets.collect();
        match stopped {
            Some(Stopped { status, code, because }) => Ending::Stopped { status, code, because, targets },
            None => Ending::Tried(targets),
        }
    }
}
