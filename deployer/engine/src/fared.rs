//! How a target fares, and how a deployment ends by that.
//!
//! Must not know: Lambda, or the ledger.

use deployer_core::id::Version;
use deployer_core::plan::NoPlan;
use deployer_core::record::{Code, Ending, Previous, Status, TargetErrorCode, TargetOutcome};

use super::claim::Halted;

/// A target that serves what is wanted.
pub(super) struct Arrived {
    pub status: Status,
    pub version: Option<Version>,
    pub previous: Option<Previous>,
}

/// Why a target does not serve what is wanted.
pub(super) enum Missed {
    /// It failed, or there is no way there.
    NoPlan(NoPlan),
    /// No alias may move any more: the claim says why.
    Stopped,
    /// Lambda needs longer than an invocation should wait.
    Waits,
}

impl<T: Into<NoPlan>> From<T> for Missed {
    fn from(no_plan: T) -> Self {
        Self::NoPlan(no_plan.into())
    }
}

/// Whether a target stopped only because the time was up: another invocation can go on.
pub(super) fn ran_out_of_time(fared: &[Fared]) -> bool {
    fared.iter().any(|fared| fared.late)
}

/// The outcomes of those targets that another invocation need not go on with.
pub(super) fn done(fared: Vec<Fared>) -> Vec<TargetOutcome> {
    fared.into_iter().filter(|fared| !fared.late && !fared.waits).map(|fared| fared.outcome).collect()
}

/// Whether Lambda needs longer for a target than an invocation should wait.
pub(super) fn wait(fared: &[Fared]) -> bool {
    fared.iter().any(|fared| fared.waits)
}

pub(super) fn is_late(code: TargetErrorCode) -> bool {
    matches!(code, TargetErrorCode::TimedOut | TargetErrorCode::Throttled)
}

/// How one target fared.
pub(super) struct Fared {
    pub outcome: TargetOutcome,
    /// The artifact breaks a rule that only shows beside the function as it is: nothing was written.
    pub unfit: Option<String>,
    /// Its alias did not move, because none may any more.
    pub stopped: bool,
    /// Lambda is not done: its version is not made yet, say, or its alias has moved and the traffic is held back.
    pub waits: bool,
    /// It stopped only because the time was up.
    pub late: bool,
}

impl Fared {
    pub fn of(outcome: TargetOutcome) -> Self {
        Self { outcome, unfit: None, stopped: false, waits: false, late: false }
    }
}

/// How the whole ends: where the artifact fits no target, nothing was tried, and the deployment is refused.
pub(super) fn ending(fared: Vec<Fared>, halted: Option<Halted>) -> Ending {
    let unfit = fared.first().and_then(|first| first.unfit.clone()).filter(|_| fared.iter().all(|f| f.unfit.is_some()));
    if let Some(because) = unfit {
        return Ending::Refused { code: Code::InvalidArtifact, because };
    }
    let halted = halted.filter(|_| fared.iter().any(|fared| fared.stopped || fared.waits));
    let status = halted.as_ref().map_or(Status::Failed, |halted| halted.status);
    let targets = fared.into_iter().map(|fared| match fared.waits {
        true => TargetOutcome { status, ..fared.outcome },
        false => fared.outcome,
    });
    let targets = targets.collect();
    match halted {
        Some(Halted { status, code, because }) => Ending::Stopped { status, code, because, targets },
        None => Ending::Tried(targets),
    }
}
