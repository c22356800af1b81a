//! The rollout of an environment beside its targets and its freezes.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::rollout::{Placement, Rollout, Wave, in_words};
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
        waves.chain(frozen).collect()
    }
}

fn signed(length: Duration) -> SignedDuration {
    SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX)
}
