//! Judges by the calls whether each step of a rollout follows from a look.
//!
//! Must not know how the deployer decides.

use serde_json::Value;

use super::case::Case;
use super::rollout_oracle::{number, place_of};
use super::rule::Rule;
use world::Op;

/// Checks that the invocation that wants a greater share has read the metrics of every target that shares its traffic.
pub(super) fn check_step(
    case: &Case<'_>,
    by: usize,
    (was, is): (&Value, &Value),
    report: &mut impl FnMut(Rule, String),
) {
    let share = |rollout: &Value, place: &str| {
        let mut targets = rollout["targets"].as_array().into_iter().flatten();
        targets.find(|one| place_of(one) == place).and_then(|one| one["weight"].as_u64()).unwrap_or_default()
    };
    let shared: Vec<(String, u64)> = was["targets"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|one| one["shift"] == "in_steps" && number(&one["old"]) != 0 && one["weight"].as_u64().unwrap_or(0) > 0)
        .map(|one| (place_of(one), one["weight"].as_u64().unwrap_or_default()))
        .collect();
    let rises = shared.iter().any(|(place, weight)| share(is, place) > *weight);
    if !rises || !is["abort"].is_null() {
        return;
    }
    for (place, weight) in &shared {
        let mut looks = case.calls.iter().filter(|call| {
            call.invocation == by
                && call.op == Op::GetMetricData
                && call.place == *place
                && call.what.starts_with(&format!("{}:", case.function))
        });
        if !looks.any(|call| call.answer == "ok") {
            report(
                Rule::LookBeforeStep,
                format!("a step is taken, and nobody has read how {place} does at {weight} %"),
            );
        }
    }
}
