//! Many rollouts of one scenario.

use super::traffic::{Ended, Scenario};

/// The measurements of many rollouts of one scenario.
pub struct Measured {
    /// The share that the guard stopped, in percent.
    pub stopped: f64,
    /// The share that only the test over all targets stopped, in percent.
    pub only_together: f64,
    /// The errors of the new version until the end, in the median.
    pub failed: u64,
    /// The minutes in which rollouts were stopped, in their order.
    pub stops: Vec<usize>,
    /// The minute in which half of the stopped ones were stopped.
    pub median: Option<usize>,
    /// The minute by which nine of ten of them were.
    pub late: Option<usize>,
    /// The share with a step that stayed quiet, in percent.
    pub unproven: f64,
    /// The mean length in minutes.
    pub minutes: f64,
}

/// Plays a scenario so many times. The same seed plays the same rollouts.
#[must_use]
pub fn measure(scenario: &Scenario, rollouts: u64, seed: u64) -> Measured {
    let from = seed.wrapping_mul(0x2545_f491_4f6c_dd1d);
    let ended: Vec<Ended> = (0..rollouts).map(|number| scenario.play(from.wrapping_add(number * 7_919 + 1))).collect();
    let share = |of: fn(&Ended) -> bool| ended.iter().filter(|one| of(one)).count() as f64 / rollouts as f64 * 100.0;
    let mut stopped: Vec<usize> = ended.iter().filter_map(|one| one.stopped).collect();
    stopped.sort_unstable();
    let mut failed: Vec<u64> = ended.iter().map(|one| one.failed).collect();
    failed.sort_unstable();
    Measured {
        stopped: share(|one| one.stopped.is_some()),
        only_together: share(|one| one.stopped.is_some() && one.only_together),
        failed: failed[failed.len() / 2],
        median: stopped.get(stopped.len() / 2).copied(),
        late: stopped.get(stopped.len() * 9 / 10).copied(),
        unproven: share(|one| one.unproven),
        minutes: ended.iter().map(|one| one.minutes as f64).sum::<f64>() / rollouts as f64,
        stops: stopped,
    }
}
