//! The guard: whether a new version fails more often than the old one, from the counts of their invocations and errors.
//!
//! Each look judges the sums since the rollout began, so nothing is kept between looks. The old version **in the same
//! minutes** is the control: an outage behind both versions is no fault of the new one. A step that sends another share
//! of the traffic to the new version is a stratum of its own. Summed over the steps, an outage during a later step would
//! weigh more on the new version than on the old one, although both fail alike.
//!
//! The guard does not see errors that the handler answers (an HTTP 500), wrong answers, throttles and latency.

mod counts;
mod exact_test;
mod judge;
mod look;
mod mantel_haenszel;
mod minutes;
mod normal;
mod verdict;

pub use counts::{Comparison, Counts};
pub use exact_test::{SMALLEST_STRATIFIED, at_least_as_many_errors};
pub use judge::{CONTROL_INVOCATIONS, EARLY_MARGIN, HISTORY_MARGIN, judge};
pub use look::{Evidence, Look, Releases};
pub use mantel_haenszel::{Stratified, mantel_haenszel};
pub use minutes::{COMPLETE_AFTER, HISTORY, Minute};
pub use normal::upper_tail;
pub use verdict::{Control, Finding, Judgement, TargetVerdict, Verdict};

#[cfg(test)]
mod tests;
