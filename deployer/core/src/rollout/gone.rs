//! The configuration does not have the environment of a rollout, or some of its targets, any more.

use std::fmt;

use jiff::Timestamp;

use super::abort::{Abort, AbortReason};
use super::looks::{is_serving, pause};
use super::moves::continues;
use super::state::{PauseReason, Phase, Progress, RolloutState};
use crate::config::Target;
use crate::id::EnvironmentName;

/// The part of a rollout's frozen plan that the configuration does not have any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gone {
    /// The whole environment.
    Environment(EnvironmentName),
    /// Some of its targets.
    Targets(Vec<Target>),
}

impl Gone {
    /// Whether this target of the rollout is gone.
    #[must_use]
    pub fn has(&self, target: &Target) -> bool {
        match self {
            Self::Environment(_) => true,
            Self::Targets(targets) => targets.contains(target),
        }
    }
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gone = match self {
            Self::Environment(name) => format!("environment {name}"),
            Self::Targets(targets) => targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        };
        write!(f, "deployer.json does not have {gone} any more")
    }
}

/// Pauses a rollout that has traffic. It goes on with the frozen plan if a person puts back what is gone and continues it,
/// and goes back by it if a person aborts it.
#[must_use]
pub fn pause_where_gone(mut state: RolloutState, gone: &Gone, now: Timestamp) -> Progress {
    if is_serving(&state) && state.paused.is_none() {
        let because = format!("{gone}: put it back and continue, or abort");
        pause(&mut state, PauseReason::NotConfigured, because.into(), now);
    }
    continues(state)
}

/// Stops a rollout that is about to test, or to move, a wave. None: it goes on.
///
/// | phase | what happens |
/// |---|---|
/// | publishing, smoke tests | it ends; what earlier waves serve goes back |
/// | the first step, which nobody has seen to be taken | likewise |
/// | a later step, the watch | it takes the step that it has begun, and the next look pauses it |
/// | going back | it goes on |
#[must_use]
pub fn abort_where_gone(state: &RolloutState, gone: &Gone) -> Option<Abort> {
    let stops = match state.phase {
        Phase::Publishing | Phase::Smoke => true,
        Phase::Shifting | Phase::Watching => state.targets.iter().all(|one| one.served.is_empty()),
        Phase::GoingBack => false,
    };
    stops.then(|| Abort::by_deployer(AbortReason::MoveFailed, gone.to_string()))
}
