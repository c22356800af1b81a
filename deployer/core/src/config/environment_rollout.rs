//! The rollout of an environment beside its targets and its freezes.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::rollout::{Placement, Rollout, SHORTEST_WATCH, Wave, in_words};
use super::{Config, Environment};
use crate::diagnostics::Diagnostic;
use crate::freeze::{Freeze, first_gap};

/// A week in winter and one in summer. Freezes by days of the week are the same in all others.
const WEEKS: [Timestamp; 2] = [Timestamp::constant(1_767_571_200, 0), Timestamp::constant(1_783_296_000, 0)];

impl Config {
    /// Finds the mistakes in an environment's rollout.
    pub(super) fn rollout_diagnostics(&self, environment: &Environment) -> Vec<Diagnostic> {
        let Some(rollout) = &environment.rollout else { return Vec::new() };
        let placement = Placement { targets: environment.targets.len(), queue_url: self.queue_url.as_deref() };
        let mut found = rollout.diagnostics(placement);
        if found.is_empty() {
            found.extend(environment.no_weekly_gap(rollout).map(|sentence| {
                let advice = "promotions would never begin. Shorten its steps or its watch, or a freeze";
                Diagnostic::new("", format_args!("{sentence}: {advice}"))
            }));
        }
        found.into_iter().map(|mistake| mistake.prefixed("rollout")).collect()
    }
}

impl Environment {
    /// Says that freezes by days of the week leave no time that is long enough for a promotion with this rollout. Freezes
    /// by dates end one day: a file that was fine does not become wrong by them.
    pub(crate) fn no_weekly_gap(&self, rollout: &Rollout) -> Option<String> {
        let weekly: Vec<Freeze> = self.freeze.iter().filter(|freeze| freeze.is_weekly()).cloned().collect();
        let length = rollout.planned_length(self.targets.len());
        let is_without = WEEKS.into_iter().all(|week| first_gap(&weekly, week, signed(length)).is_none());
        is_without.then(|| {
            format!("takes {} in all, and the freezes of each week leave no gap of that length", in_words(length))
        })
    }

    /// Warns of what in its rollout is probably not meant, each with the path of the field.
    pub(super) fn rollout_warnings(&self, now: Timestamp) -> Vec<String> {
        let Some(rollout) = &self.rollout else { return Vec::new() };
        let targets = self.targets.len();
        let waves = rollout.waves.iter().enumerate().filter_map(|(index, wave)| match wave {
            Wave::Targets(number) if usize::from(*number) > targets => Some(format!(
                "rollout.waves[{index}]: {number} is more than there are targets, and means all {targets}"
            )),
            _ => None,
        });
        let length = rollout.planned_length(targets);
        let is_frozen = !self.freeze.is_empty() && first_gap(&self.freeze, now, signed(length)).is_none();
        let frozen = is_frozen.then(|| {
            format!(
                "rollout: takes {} in all, and the freezes of the next 14 days leave no gap of that length: promotions \
                 wait until after them",
                in_words(length)
            )
        });
        waves.chain(unmeant(rollout)).chain(frozen).collect()
    }
}

/// The shortest pause in which somebody can hear of it, look and continue.
const SHORTEST_PAUSE: Duration = Duration::from_secs(10 * 60);

/// Warns of values that are taken, and do not do what they seem to.
fn unmeant(rollout: &Rollout) -> Vec<String> {
    let watch = (rollout.watch.as_duration() < SHORTEST_WATCH).then(|| {
        format!(
            "rollout.watch: {} is less than the {} and the function's timeout that a watch lasts at least: the guard needs so long",
            rollout.watch,
            in_words(SHORTEST_WATCH)
        )
    });
    let pause = (rollout.pause_expires.as_duration() < SHORTEST_PAUSE).then(|| {
        format!(
            "rollout.pause_expires: after {} a paused rollout goes back, before anybody can continue it",
            rollout.pause_expires
        )
    });
    let several = rollout.smoke_tests.len() > 1;
    let tests = rollout.smoke_tests.iter().enumerate().filter_map(|(index, test)| {
        let text = test.event.as_str()?;
        let is_json = serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object() || value.is_array());
        let place = if several { format!("[{index}]") } else { String::new() };
        is_json.then(|| {
            format!(
                "rollout.smoke_test{place}.event: is a string with JSON in it, and the function gets that string: write the JSON \
                 itself"
            )
        })
    });
    watch.into_iter().chain(pause).chain(tests).collect()
}

fn signed(length: Duration) -> SignedDuration {
    SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX)
}
