//! The rollout that is under way, as people read it: what it does, its targets, and the commands for it.

use deployer_core::rollout::guard::Verdict;
use deployer_core::rollout::{PauseReason, Phase, is_overdue, waits_for_sentence};
use deployer_core::status::{FunctionStatus, PausedRollout, RolloutStatus, RolloutVerdict};
use jiff::Timestamp;

use super::serving;
use crate::answer::sentence;
use crate::text::ago::{since, until};

/// Says in a few words what the rollout does, for a cell of the table.
pub(super) fn in_short(rollout: &RolloutStatus) -> String {
    let (release, weight) = (release(rollout), rollout.weight);
    match (rollout.phase, &rollout.paused) {
        (Phase::GoingBack, _) => {
            let still = serving::still_gets(rollout).map_or(String::new(), |share| format!(", still gets {share} %"));
            format!("{release} goes back{still}")
        }
        (_, Some(_)) => format!("{release} is paused at {weight} %"),
        (Phase::Publishing | Phase::Smoke, None) => format!("{release} is tested"),
        (Phase::Watching, None) if rollout.passed_at.is_some() => format!("{release} waits for its group"),
        (Phase::Shifting | Phase::Watching, None) => format!("{release} gets {weight} %"),
    }
}

/// Says in a sentence what the rollout does, and until when.
pub(crate) fn doing(rollout: &RolloutStatus, now: Timestamp) -> String {
    let RolloutStatus { phase, weight, step, steps, wave, waves, due, .. } = rollout;
    let release = release(rollout);
    let of_steps = if step <= steps { format!("step {step} of {steps}, ") } else { String::new() };
    let place = format!("({of_steps}wave {wave} of {waves})");
    if *phase == Phase::GoingBack {
        let because = rollout.because.as_deref().map_or(String::new(), |because| format!(": {}", sentence(because)));
        return format!("{release} goes back{because}");
    }
    if let Some(PausedRollout { since: began, because, .. }) = &rollout.paused {
        let ends = match due {
            Some(due) if now < *due => format!("; it goes back at {}", until(*due, now)),
            Some(due) => format!("; it goes back with the next look, {}", overdue(*due, now)),
            None => String::new(),
        };
        let because = sentence(because);
        return format!("{release} is paused at {weight} % {place} since {}: {because}{ends}", since(*began, now));
    }
    if rollout.passed_at.is_some() {
        let waits = waits_for_sentence(&rollout.waits_for);
        return format!("{release} gets all traffic {place}, has passed its watch, and {waits}");
    }
    let until = match due {
        Some(due) if now >= *due => format!(", {}: the next look decides", overdue(*due, now)),
        Some(due) if rollout.finishes => {
            format!(", and finishes: no wait is longer than until {}", until(*due, now))
        }
        Some(due) => format!(" until {}", until(*due, now)),
        None => String::new(),
    };
    match phase {
        Phase::Publishing | Phase::GoingBack => format!("{release} is published"),
        Phase::Smoke => format!("{release} is tested {place} before it gets traffic"),
        Phase::Shifting if rollout.since.is_none() => format!("{release} is about to get {weight} % {place}"),
        Phase::Watching if rollout.since.is_none() => format!("{release} is about to get all traffic {place}"),
        Phase::Shifting => format!("{release} gets {weight} % {place}{until}"),
        Phase::Watching => format!("{release} gets all traffic {place}, and is watched{until}"),
    }
}

/// Says what is known of the rollout beside what it does and what its targets serve, line by line.
pub(crate) fn lines(rollout: &RolloutStatus) -> impl Iterator<Item = String> {
    let skipped =
        rollout.skipped.iter().map(|skipped| format!("its steps are skipped {}", sentence(&skipped.to_string())));
    skipped.chain(verdict(rollout)).chain(disarmed(rollout)).chain(gone(rollout))
}

/// Says what a look finds now, or why none was made; none where none was asked for.
fn verdict(rollout: &RolloutStatus) -> Option<String> {
    if let Some(because) = &rollout.not_looked_at {
        return Some(format!("not looked at: {}", sentence(because)));
    }
    let RolloutVerdict { verdict, because } = rollout.verdict.as_ref()?;
    let follows = match (verdict, rollout.phase) {
        (Verdict::Bad, phase) if phase != Phase::GoingBack => ". The next look takes it back",
        _ => "",
    };
    Some(format!("looked at now: {verdict}: {}{follows}", sentence(because)))
}

/// Says since when a step or a pause is over, and that nobody has gone on with it, where that is so.
fn overdue(due: Timestamp, now: Timestamp) -> String {
    let alarm = if is_overdue(Some(due), now) { "; no look has gone on with it, see deployctl doctor" } else { "" };
    format!("due since {}{alarm}", since(due, now))
}

/// Says what of the rollout's plan deployer.json does not have any more, where its pause does not say so already; none if
/// it has all of it.
fn gone(rollout: &RolloutStatus) -> Option<String> {
    let says_so = rollout.paused.as_ref().is_some_and(|pause| pause.reason == PauseReason::NotConfigured);
    let gone = rollout.gone.as_deref().filter(|_| !says_so)?;
    let advice = match rollout.phase {
        Phase::GoingBack => "",
        _ => ": put it back, or abort",
    };
    Some(format!("{}{advice}", sentence(gone)))
}

/// Names the alarms that do not count yet; none if all do.
fn disarmed(rollout: &RolloutStatus) -> Option<String> {
    let names: Vec<&str> = rollout.disarmed.iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| format!("disarmed, each until it has been OK: {}", names.join(", ")))
}

/// Returns the commands for the rollout, each whole so that it can be copied, with its verb's action.
pub(crate) fn commands(status: &FunctionStatus, options: &str) -> Vec<(&'static str, String)> {
    let Some(rollout) = &status.rollout else { return Vec::new() };
    let actions: &[&'static str] = match (rollout.phase, &rollout.paused) {
        (Phase::GoingBack, _) => &[],
        // A target that is gone from deployer.json would pause it again.
        (_, Some(pause)) if pause.reason == PauseReason::NotConfigured => &["continue", "abort"],
        (_, Some(_)) => &["continue", "finish", "abort"],
        (Phase::Publishing | Phase::Smoke, None) => &["abort"],
        (Phase::Watching, None) if rollout.passed_at.is_some() => &["pause", "abort"],
        (Phase::Shifting | Phase::Watching, None) if rollout.finishes => &["pause", "abort"],
        (Phase::Shifting | Phase::Watching, None) => &["pause", "finish", "abort"],
    };
    let (environment, function, deployment) = (&status.environment, &status.function, rollout.deployment);
    let command = |action: &'static str| {
        let of = format!("-e {environment} -f {function} --deployment {deployment}{options}");
        (action, format!("deployctl rollout {action} {of}"))
    };
    actions.iter().copied().map(command).collect()
}

/// Returns the release, or words for one that is not known.
pub(crate) fn release(rollout: &RolloutStatus) -> &str {
    rollout.release.as_ref().map_or("the new release", |release| release.as_str())
}
