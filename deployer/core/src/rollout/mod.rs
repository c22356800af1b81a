//! Safe rollouts: a new version gets its traffic in steps, is watched, and goes back by itself.
//!
//! [`RolloutState`] is the state of one rollout; each of its transitions is a function of what was done, seen or asked
//! for. Nothing here knows AWS, a clock or the head. Callers pass in what CloudWatch answered and the time.

mod alias;
mod disarmed;
mod effective;
mod end;
pub mod guard;
mod looks;
mod moves;
mod plan;
mod state;

pub use alias::{FoundAlias, MeantAlias};
pub use effective::EffectiveRollout;
pub use looks::{DoesNotFit, UNREADABLE_FOR};
pub use plan::{PlannedStep, RolloutPlan};
pub use state::{
    Abort, AbortReason, Pause, PauseReason, Phase, Progress, RolloutAction, RolloutEnd, RolloutState, RolloutTarget,
    Served, Shift, WayBack,
};

#[cfg(test)]
mod tests;
