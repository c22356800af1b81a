//! A rollout under way in one sentence.

use crate::rollout::{Phase, RolloutState, held_up, late_sentence, waits_for_sentence};

/// Describes what a rollout does now, for the record of its deployment.
#[must_use]
pub fn rollout_sentence(state: &RolloutState) -> String {
    let wave = match state.plan.waves.len() {
        0 | 1 => String::new(),
        waves => format!(" in wave {} of {waves}", state.wave + 1),
    };
    let until = state.due.map_or(String::new(), |due| format!(" until {due:.0}"));
    let weight = state.plan.weight(state.step);
    match (state.phase, &state.paused, &state.abort) {
        (Phase::GoingBack, _, Some(abort)) => format!("the rollout goes back: {}{}", abort.because, not_back(state)),
        (_, Some(pause), _) => format!("the rollout is paused at {weight} %{wave}: {}", pause.because),
        (Phase::Publishing | Phase::GoingBack, ..) => "the new versions are published".to_owned(),
        (Phase::Smoke, ..) => format!("the new version is tested{wave} before it gets traffic"),
        (Phase::Shifting, ..) => format!("the new version gets {weight} % of the traffic{wave}{until}"),
        (Phase::Watching, ..) => match (&state.settings_late, &state.passed) {
            (Some(late), _) => format!("the new version gets all traffic{wave}; {}", late_sentence(late)),
            (None, Some(passed)) => {
                let waits = waits_for_sentence(&passed.waits_for);
                format!("the new version gets all traffic{wave}, has passed its watch, and {waits}")
            }
            (None, None) => format!("the new version gets all traffic{wave}, and is watched{until}"),
        },
    }
}

/// Names the targets that could not go back yet, with the reasons.
fn not_back(state: &RolloutState) -> String {
    match held_up(state) {
        None => String::new(),
        Some((_, targets)) => {
            let targets: Vec<&str> = targets.iter().map(|because| because.as_str()).collect();
            format!("; not back yet: {}", targets.join(", "))
        }
    }
}
