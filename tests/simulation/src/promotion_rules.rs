//! The promotion rules of an environment in a scenario. The oracle computes freezes from them a second time, because it
//! must not ask the deployer.
//!
//! Must not know how a scenario is played or judged.

use std::time::Duration;

use deployer_core::id::EnvironmentName;
use jiff::Timestamp;
use serde_json::{Value, json};

use fixtures::random::Random;

/// The promotion rules of an environment.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The names of the source environments.
    pub from: Vec<String>,
    /// True if one of several sources suffices.
    pub any: bool,
    /// True if a success in a source promotes by itself.
    pub automatic: bool,
    /// The time for which an artifact must be live in a source.
    pub soak: Duration,
    /// True if a newer promotion waits behind an older one instead of taking its place.
    pub in_order: bool,
    /// The number of required approvals, and the time after which a promotion expires without them.
    pub approval: Option<(u32, Duration)>,
    /// The freezes.
    pub frozen: Vec<Window>,
    /// True if a promotion during a freeze is refused instead of waiting.
    pub refuses: bool,
}

/// A daily window, in minutes of the day in UTC.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// The first minute.
    pub from: u64,
    /// The minute at which it ends.
    pub to: u64,
    /// The time zone that deployer.json names, and the hours by which it is ahead of UTC.
    pub zone: (&'static str, i64),
}

/// The minute of the day at which every world begins.
const BEGINNING: u64 = 600;

impl Window {
    fn json(self) -> Value {
        let clock = |minute: u64| {
            let hour = (i64::try_from(minute / 60).unwrap_or_default() + self.zone.1).rem_euclid(24);
            format!("{hour:02}:{:02}", minute % 60)
        };
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        json!({"days": days, "from": clock(self.from), "to": clock(self.to), "zone": self.zone.0})
    }

    fn has(self, at: Timestamp) -> bool {
        let second = u64::try_from(at.as_second().rem_euclid(86_400)).unwrap_or_default();
        (self.from * 60..self.to * 60).contains(&second)
    }
}

impl Rules {
    /// Draws rules with these sources.
    pub(super) fn draw(random: &mut Random, from: &[&str]) -> Self {
        let automatic = random.percent(70);
        let approval = random.percent(35).then(|| {
            let expires = Duration::from_secs(60 * random.between(5, 40));
            (if random.percent(65) { 1 } else { 2 }, expires)
        });
        let zones = [("UTC", 0), ("Europe/Berlin", 1), ("America/New_York", -5)];
        let mut frozen = Vec::new();
        if random.percent(35) {
            let from = BEGINNING + random.below(30);
            let to = from + random.between(1, 20);
            frozen.push(Window { from, to, zone: random.one_of(&zones) });
            if random.percent(30) {
                let from = to + random.one_of(&[0, 0, 1, 5]);
                frozen.push(Window { from, to: from + random.between(1, 10), zone: random.one_of(&zones) });
            }
        }
        Self {
            from: from.iter().map(|&name| name.to_owned()).collect(),
            any: from.len() > 1 && random.percent(50),
            automatic,
            soak: match random.below(100) {
                0..40 => Duration::ZERO,
                40..70 => random.milliseconds(1_000, 180_000),
                _ => Duration::from_secs(60 * random.between(3, 20)),
            },
            in_order: random.percent(35),
            approval,
            frozen,
            refuses: random.percent(40),
        }
    }

    /// Returns the rules of an environment to which people promote from this one, and nothing has to wait.
    pub(super) fn by_hand(from: &str) -> Self {
        Self {
            from: vec![from.to_owned()],
            any: false,
            automatic: false,
            soak: Duration::ZERO,
            in_order: false,
            approval: None,
            frozen: vec![],
            refuses: false,
        }
    }

    /// Writes the rules into an environment of deployer.json.
    pub(super) fn write_into(&self, environment: &mut Value) {
        let milliseconds = self.soak.as_millis();
        environment["promotion"] = json!({
            "from": self.from, "require": if self.any { "any" } else { "all" }, "automatic": self.automatic,
            "soak": format!("{}s", milliseconds / 1_000), "policy": if self.in_order { "in-order" } else { "newest" },
        });
        if let Some((required, expires)) = self.approval {
            environment["approval"] = json!({"required": required, "expires": format!("{}s", expires.as_secs())});
        }
        if !self.frozen.is_empty() {
            environment["freeze"] = self.frozen.iter().map(|window| window.json()).collect();
            environment["when_frozen"] = if self.refuses { "refuse" } else { "wait" }.into();
        }
    }

    /// Returns the soak in whole seconds, as deployer.json has it.
    pub fn soaks(&self) -> Duration {
        Duration::from_secs(self.soak.as_secs())
    }

    /// Whether a promotion from `from` needs the artifact to be live in this source.
    pub fn needs(&self, source: &str, from: &EnvironmentName) -> bool {
        !self.any || source == from.as_str()
    }

    fn is_frozen(&self, at: Timestamp) -> bool {
        self.frozen.iter().any(|window| window.has(at))
    }

    /// Whether the environment is frozen from one instant to another without a gap.
    pub fn is_frozen_throughout(&self, first: Timestamp, last: Timestamp) -> bool {
        let ends =
            self.frozen.iter().map(|window| instant(first, window.to)).filter(|end| (first..=last).contains(end));
        [first, last].into_iter().chain(ends).all(|at| self.is_frozen(at))
    }

    /// Whether the environment was frozen at any time from one instant to another.
    pub fn was_frozen(&self, first: Timestamp, last: Timestamp) -> bool {
        let begins = |window: &Window| (first..=last).contains(&instant(first, window.from));
        self.is_frozen(first) || self.frozen.iter().any(begins)
    }
}

/// Returns the instant of a minute of a day.
fn instant(day: Timestamp, minute: u64) -> Timestamp {
    let midnight = day.as_second() - day.as_second().rem_euclid(86_400);
    Timestamp::from_second(midnight + i64::try_from(minute * 60).unwrap_or_default()).unwrap_or(day)
}
