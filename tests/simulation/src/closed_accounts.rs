//! Accounts that refuse everything from some time of a schedule on, drawn from its seed: for good, until they are healed, or
//! until their targets are taken out of the configuration.
//!
//! Must not know: how it is played, and how it is judged.

use std::time::Duration;

use super::focus::Odds;
use super::scenario::Environment;
use fixtures::random::Random;

/// An account that refuses everything for a time.
#[derive(Debug, Clone)]
pub struct ClosedAccount {
    /// The target in it.
    pub place: String,
    /// From when on.
    pub from: Duration,
    /// What becomes of it.
    pub then: Afterwards,
}

/// What becomes of an account that refuses everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// It stays so.
    Stays,
    /// It refuses nothing any more.
    IsHealed {
        /// From when on.
        at: Duration,
    },
    /// The configuration has its target no more.
    IsTakenOut {
        /// From when on.
        at: Duration,
    },
}

impl ClosedAccount {
    /// When it changes once more.
    #[must_use]
    pub fn ends(&self) -> Option<Duration> {
        match self.then {
            Afterwards::Stays => None,
            Afterwards::IsHealed { at } | Afterwards::IsTakenOut { at } => Some(at),
        }
    }
}

/// The account of a target.
#[must_use]
pub fn account(place: &str) -> &str {
    place.split('/').next().unwrap_or(place)
}

/// In each environment of several targets one account at most, so that there is always one that works.
pub(super) fn draw(
    random: &mut Random,
    odds: &Odds,
    environments: &[Environment],
    last: Duration,
) -> Vec<ClosedAccount> {
    let mut all = Vec::new();
    for environment in environments.iter().filter(|environment| environment.targets.len() > 1) {
        if !random.percent(odds.closed) {
            continue;
        }
        let from = random.milliseconds(0, u64::try_from(last.as_millis()).unwrap_or(0));
        let at = from + random.within(&[10_000, 60_000, 300_000]);
        all.push(ClosedAccount {
            place: random.one_of(&environment.targets),
            from,
            then: match random.below(10) {
                0..4 => Afterwards::Stays,
                4..8 => Afterwards::IsHealed { at },
                _ => Afterwards::IsTakenOut { at },
            },
        });
    }
    all
}
