//! The shortest times of a rollout: in less the guard cannot tell.

use std::time::Duration;

/// The shortest time of a step: the minute in which it begins, and the two minutes by which CloudWatch's counts are late.
pub const SHORTEST_STEP: Duration = Duration::from_secs(3 * 60);
/// The minutes of the new version alone that the guard compares with the hour before. In fewer a burst of errors would
/// weigh too much.
pub const MINUTES_ALONE: u32 = 5;
/// The shortest time with all traffic on the new version, beside the time of an invocation: a shorter one would end
/// before the guard has the counts of [`MINUTES_ALONE`]. A shorter `watch` lasts so long.
pub const SHORTEST_WATCH: Duration =
    SHORTEST_STEP.saturating_add(Duration::from_secs(60).saturating_mul(MINUTES_ALONE));
