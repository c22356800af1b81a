//! Accounts that begin to refuse every call, drawn from a schedule's seed: for good, until they open again, or until
//! their targets leave the configuration.
//!
//! Must not know how a scenario is played or judged.

use std::time::Duration;

use super::focus::Odds;
use super::scenario::Environment;
use fixtures::random::Random;

/// An account that refuses every call for a time.
#[derive(Debug, Clone)]
pub struct ClosedAccount {
    /// The target in that account.
    pub place: String,
    /// The time at which it begins to refuse.
    pub from: Duration,
    /// The end of that.
    pub then: Afterwards,
}

/// The end of an account's closure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// It refuses calls for good.
    Stays,
    /// It accepts calls again.
    IsHealed {
        /// The time of that.
        at: Duration,
    },
    /// Its target leaves the configuration.
    IsTakenOut {
        /// The time of that.
        at: Duration,
    },
}

impl ClosedAccount {
    /// Returns the time at which the closure ends.
    #[must_use]
    pub fn ends(&self) -> Option<Duration> {
        match self.then {
            Afterwards::Stays => None,
            Afterwards::IsHealed { at } | Afterwards::IsTakenOut { at } => Some(at),
        }
    }
}

/// Returns the account of a target.
#[must_use]
pub fn account(place: &str) -> &str {
    place.split('/').next().unwrap_or(place)
}

/// Draws at most one account in each environment of several targets, so that another one always works.
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
