//! Safe rollouts: a new version gets its traffic in steps, is watched, and goes back by itself.
//!
//! [`RolloutState`] is the state of one rollout; each of its transitions is a function of what was done, seen or asked
//! for. Nothing here knows AWS, a clock or the head. Callers pass in what CloudWatch answered and the time.

mod abort;
mod alarms;
mod alias;
mod asked;
mod clock;
mod disarmed;
mod effective;
mod end;
mod foreign_alias;
mod function_settings;
mod gone;
pub mod guard;
mod looks;
mod met;
mod metrics;
mod moves;
mod open_work;
mod overdue;
mod passed;
mod plan;
mod serves_already;
mod serves_now;
mod settings;
mod shift;
mod smoke;
mod state;
mod step_verdict;
mod together;

pub use abort::{Abort, AbortReason};
pub use alarms::{AlarmChange, AlarmFindings, AlarmState, AlarmStates};
pub use alias::{FoundAlias, MeantAlias};
pub use asked::{AskedInRollout, RolloutVerb};
pub use clock::planned_end;
pub use disarmed::with_disarmed;
pub use effective::EffectiveRollout;
pub use end::{end_of_way_back, how_far, went_back};
pub use foreign_alias::ForeignAlias;
pub use function_settings::{FunctionSettings, LateSettings, ReservedConcurrency};
pub use gone::{Gone, abort_where_gone, pause_where_gone};
pub use looks::{DoesNotFit, UNREADABLE_FOR};
pub use met::MetRollout;
pub use metrics::{AliasMetrics, Counted, Metric, MetricOf, MetricsQuery, NAMESPACE};
pub use moves::{completed, smoke_failed_in};
pub use open_work::{is_look_due, late_work};
pub use overdue::{HELD_UP_FOR, TRIES_BREAK, held_up, is_overdue, late_way_back};
pub use passed::Passed;
pub use plan::{PlannedStep, RolloutPlan};
pub use serves_already::{
    has_old_minutes, old_alone_since, watched_from_the_beginning, with_replaced, with_target_that_serves,
};
pub use settings::{late_sentence, may_set_functions, set_back_in, settings_late, with_former_settings, with_settings};
pub use shift::Unshiftable;
pub use smoke::{SmokeAnswer, SmokeFailure, client_context};
pub use state::{
    Pause, PauseReason, Phase, Progress, RolloutAction, RolloutEnd, RolloutState, RolloutTarget, Served, Shift,
    WayBack, awaits_look,
};
pub use step_verdict::{StepCounts, StepVerdict, VersionCounts, judged};
pub use together::{GroupWord, heard, is_released, looked_in_group, wait_for_group, waits_for_sentence};

#[cfg(test)]
mod tests;
