//! The tables of measurements.

use std::fmt::Write as _;

use super::measure::{Measured, measure};
use super::traffic::Scenario;

/// Measures scenarios and returns the table; `tell` hears each before it is measured. Rollouts of several targets are
/// played a third as often.
#[must_use]
pub fn table(scenarios: &[Scenario], rollouts: u64, seed: u64, mut tell: impl FnMut(&Scenario)) -> String {
    let mut text = String::from(
        "| releases | steps | rollouts | stopped % | by the test over targets only % | median minute | 90 % by | failed by then, median | unproven % | mean length |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for scenario in scenarios {
        tell(scenario);
        let rollouts = if scenario.targets.len() > 1 { (rollouts / 3).max(1) } else { rollouts };
        let Measured { stopped, only_together, failed, median, late, unproven, minutes, stops: _ } =
            measure(scenario, rollouts, seed);
        let weights: Vec<String> = scenario.steps.iter().map(|(weight, _)| format!("{weight} %")).collect();
        let minute = |minute: Option<usize>| minute.map_or("–".to_owned(), |minute| minute.to_string());
        let _infallible = writeln!(
            text,
            "| {} | {} | {rollouts} | {stopped:.1} | {only_together:.1} | {} | {} | {failed} | {unproven:.0} | {minutes:.0} |",
            scenario.name,
            if weights.is_empty() { "none".to_owned() } else { weights.join(", ") },
            minute(median),
            minute(late)
        );
    }
    text
}
