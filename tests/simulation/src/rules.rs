//! The rules by which artifacts come from one environment into another, as a scenario has them; and when an environment is
//! frozen, worked out a second time: the oracle must not ask the gate.
//!
//! Must not know: how it is played, and how it is judged.

use std::time::Duration;

use deployer_core::id::EnvironmentName;
use jiff::Timestamp;
use serde_json::{Value, json};

use fixtures::random::Random;

/// How artifacts come into an environment.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The names of the environments that they come from.
    pub from: Vec<String>,
    /// The rules must hold in one of several environments only.
    pub any: bool,
    /// A success there calls for it.
    pub automatic: bool,
    /// How long they must have been live there.
    pub soak: Duration,
    /// A newer one comes after an older one, instead of in its place.
    pub in_order: bool,
    /// How many must approve, and for how long that is waited for.
    pub approval: Option<(u32, Duration)>,
    /// When nothing comes in.
    pub frozen: Vec<Window>,
    /// What comes then is refused, and does not wait.
    pub refuses: bool,
}

/// A time of each day, in minutes of the day by UTC.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// From this minute on.
    pub from: u64,
    /// Until this one.
    pub to: u64,
    /// Where clocks show it, and by how many hours those are ahead of UTC.
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
    /// Rules from these environments.
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

    /// What deployer.json says of it, beside targets.
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

    /// How long they soak: whole seconds.
    pub fn soaks(&self) -> Duration {
        Duration::from_secs(self.soak.as_secs())
    }

    /// Whether artifacts must be live in this environment, for a promotion that comes from `from`.
    pub fn needs(&self, source: &str, from: &EnvironmentName) -> bool {
        !self.any || source == from.as_str()
    }

    fn is_frozen(&self, at: Timestamp) -> bool {
        self.frozen.iter().any(|window| window.has(at))
    }

    /// Whether it is frozen from one instant to another without a gap.
    pub fn is_frozen_throughout(&self, first: Timestamp, last: Timestamp) -> bool {
        let ends =
            self.frozen.iter().map(|window| instant(first, window.to)).filter(|end| (first..=last).contains(end));
        [first, last].into_iter().chain(ends).all(|at| self.is_frozen(at))
    }

    /// Whether it was frozen at any time from one instant to another.
    pub fn was_frozen(&self, first: Timestamp, last: Timestamp) -> bool {
        let begins = |window: &Window| (first..=last).contains(&instant(first, window.from));
        self.is_frozen(first) || self.frozen.iter().any(begins)
    }
}

/// A minute of a day.
fn instant(day: Timestamp, minute: u64) -> Timestamp {
    let midnight = day.as_second() - day.as_second().rem_euclid(86_400);
    Timestamp::from_second(midnight + i64::try_from(minute * 60).unwrap_or_default()).unwrap_or(day)
}
