//! The scenarios of the tables.

use super::traffic::{Rates, Scenario, Weather};

/// Ten percent for ten minutes: the default.
pub const DEFAULT: &[(u8, usize)] = &[(10, 10)];
/// All at once: only the watch.
pub const AT_ONCE: &[(u8, usize)] = &[];
/// Ten percent, then half, ten minutes each.
pub const TWO_STEPS: &[(u8, usize)] = &[(10, 10), (50, 10)];

/// Releases whose versions fail alike.
#[must_use]
pub fn good() -> Vec<Scenario> {
    let mixed = |name| {
        let mut scenario = Scenario::of(name, 20, 20, 0.0, 0.0);
        for (number, rates) in scenario.targets.iter_mut().enumerate() {
            let rate = [0.001, 0.01, 0.05, 0.1, 0.3][number % 5];
            *rates = Rates { old: rate, new: rate };
        }
        scenario
    };
    let one = |name, rate| Scenario::of(name, 100, 1, rate, rate);
    let twenty = |name, rate| Scenario::of(name, 20, 20, rate, rate);
    vec![
        one("1 %, 100/min", 0.01),
        one("5 %, 100/min", 0.05),
        one("30 %, 100/min", 0.3),
        twenty("1 %, 20 targets at 20/min", 0.01),
        twenty("5 %, 20 targets at 20/min", 0.05),
        twenty("30 %, 20 targets at 20/min", 0.3),
        mixed("0.1 to 30 %, 20 targets at 20/min"),
        Scenario { weather: Weather::Bursts, ..one("1 %, 100/min, bursts", 0.01) },
    ]
}

/// Releases during whose rollout both versions fail.
#[must_use]
pub fn outages() -> Vec<Scenario> {
    let one = |name, at, sums_steps| Scenario {
        weather: Weather::Outage(at),
        sums_steps,
        ..Scenario::of(name, 100, 1, 0.01, 0.01)
    };
    vec![
        one("1 %, 100/min, both fail to 30 % for 5 min of step 1", 2, false),
        one("1 %, 100/min, both fail to 30 % for 5 min of step 2", 12, false),
        one("the same, steps summed up", 12, true),
        one("1 %, 100/min, fails to 30 % for 5 min of the watch", 22, false),
    ]
}

/// Releases that fail more often.
#[must_use]
pub fn bad() -> Vec<Scenario> {
    vec![
        Scenario::of("always, 100/min", 100, 1, 0.01, 1.0),
        Scenario::of("always, 10/min", 10, 1, 0.01, 1.0),
        Scenario::of("always, 5/min", 5, 1, 0.01, 1.0),
        Scenario::of("always, 2/min", 2, 1, 0.01, 1.0),
        Scenario::of("20 % against 1 %, 20/min", 20, 1, 0.01, 0.2),
        Scenario::of("5 % against 1 %, 100/min", 100, 1, 0.01, 0.05),
        Scenario::of("5 % against 1 %, 20 targets at 5/min", 5, 20, 0.01, 0.05),
        Scenario::of("10 % against 5 %, 100/min", 100, 1, 0.05, 0.1),
        Scenario::of("2 % against 1 %, 1000/min", 1_000, 1, 0.01, 0.02),
    ]
}

/// The same scenarios in other steps.
#[must_use]
pub fn in_steps(steps: &'static [(u8, usize)], scenarios: Vec<Scenario>) -> Vec<Scenario> {
    scenarios.into_iter().map(|scenario| Scenario { steps, ..scenario }).collect()
}
