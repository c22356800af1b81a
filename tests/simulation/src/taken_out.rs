//! An environment, or one of its targets, that is out of the configuration for a while, drawn from a schedule.
//!
//! Must not know how a scenario is played or judged.

use std::collections::BTreeSet;
use std::time::Duration;

use super::commands::CommandKind;
use super::scenario::Scenario;
use fixtures::random::Random;

/// An environment, or one of its targets, that is out of the configuration for a while.
#[derive(Debug, Clone)]
pub struct TakenOut {
    /// The environment, by its number.
    pub environment: usize,
    /// The target; none: the whole environment.
    pub place: Option<String>,
    /// The time at which it is taken out.
    pub from: Duration,
    /// The time at which it is put back.
    pub back: Duration,
}

/// The invocations that have read a configuration without it.
#[derive(Debug, Clone)]
pub(super) struct GoneFor {
    /// The environment's name.
    pub environment: String,
    /// The target; none: the whole environment.
    pub place: Option<String>,
    /// The invocations, by their numbers.
    pub invocations: std::ops::Range<usize>,
}

impl GoneFor {
    /// Whether this invocation did not find a part of a rollout over these targets in the configuration.
    pub fn concerns(&self, environment: &str, targets: &BTreeSet<String>, invocation: usize) -> bool {
        let has_place = self.place.as_ref().is_none_or(|place| targets.contains(place));
        self.environment == environment && has_place && self.invocations.contains(&invocation)
    }
}

impl TakenOut {
    /// Draws one for some scenarios, from the scenario itself: all other draws stay as they are.
    pub(super) fn draw(scenario: &Scenario) -> Option<Self> {
        let mut random = Random::new(u64::try_from(scenario.heals.as_nanos()).unwrap_or_default());
        if !random.percent(50) {
            return None;
        }
        // A group rolls out after its request, in the last environment.
        let (at, environment) = match scenario.requests.as_slice() {
            [] => {
                let near = &scenario.uploads[random.index(scenario.uploads.len())];
                (near.at, near.environment)
            }
            requests => (requests[random.index(requests.len())].at, scenario.environments.len() - 1),
        };
        let targets = &scenario.environments[environment].targets;
        let is_target = targets.len() > 1 && random.percent(50);
        let from = at + random.within(&[2_000, 120_000, 600_000, 1_500_000]);
        Some(Self {
            environment,
            place: is_target.then(|| random.one_of(targets)),
            from,
            back: from + random.within(&[120_000, 1_200_000, 3_600_000]),
        })
    }

    /// Whether this is given although the environment is gone: what concerns its rollout alone.
    pub(super) fn lets_in(&self, environment: usize, command: Option<&CommandKind>) -> bool {
        let is_for_the_rollout =
            matches!(command, Some(CommandKind::Rollout { .. } | CommandKind::Rollback { to: None }));
        self.place.is_some() || self.environment != environment || is_for_the_rollout
    }
}
