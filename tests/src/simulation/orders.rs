//! What people command by hand in a schedule, drawn from its seed.
//!
//! Must not know: how it is played, and how it is judged.

use std::time::Duration;

use serde_json::{Value, json};

use super::focus::Odds;
use super::random::Random;
use super::scene::Upload;

/// What is commanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// To go back to what was live.
    Rollback {
        /// To this release.
        to: Option<String>,
    },
    /// To bring back what is live.
    Redeploy,
    /// To deploy the newest version of a release's key.
    Deploy {
        /// The release.
        release: String,
    },
    /// To take nothing new.
    Hold,
    /// To end that.
    ReleaseHold,
    /// To deploy a release no more.
    Reject {
        /// The release.
        release: String,
    },
    /// To end that.
    Unreject {
        /// The release.
        release: String,
    },
}

impl Ask {
    /// Whether a deployment comes of it, with a record.
    #[must_use]
    pub fn deploys(&self) -> bool {
        matches!(self, Self::Rollback { .. } | Self::Redeploy | Self::Deploy { .. })
    }
}

/// A command that is going to be given.
#[derive(Debug, Clone)]
pub struct Order {
    /// When.
    pub at: Duration,
    /// For which environment, by its number.
    pub environment: usize,
    /// For which function.
    pub function: String,
    /// What.
    pub ask: Ask,
    /// It is given again so long after that, under the same id, whatever was answered.
    pub again: Vec<Duration>,
    /// Whoever gives it gives up where no answer comes.
    pub is_lost: bool,
}

/// By what the command with this number is known: its id, who asks, and the reason.
#[must_use]
pub fn name(number: usize) -> String {
    format!("order-{number}")
}

impl Order {
    /// The command.
    #[must_use]
    pub fn json(&self, environment: &str, id: &str, by: &str) -> Value {
        let mut command = json!({"function": self.function, "id": id, "requested_by": by});
        let mut with = |field: &str, value: &str| command[field] = value.into();
        match &self.ask {
            Ask::Reject { .. } | Ask::Unreject { .. } => {}
            _ => with("environment", environment),
        }
        match &self.ask {
            Ask::Rollback { to } => {
                with("command", "rollback");
                to.iter().for_each(|to| with("to", to));
            }
            Ask::Redeploy => with("command", "redeploy"),
            Ask::Deploy { release } => {
                with("command", "deploy");
                with("release", release);
            }
            Ask::Hold => {
                with("command", "hold");
                with("reason", by);
            }
            Ask::ReleaseHold => with("command", "release-hold"),
            Ask::Reject { release } => {
                with("command", "reject");
                with("release", release);
                with("reason", by);
            }
            Ask::Unreject { release } => {
                with("command", "unreject");
                with("release", release);
            }
        }
        command
    }
}

/// Mostly soon after an upload, about the same function.
pub(super) fn draw(random: &mut Random, odds: &Odds, uploads: &[Upload]) -> Vec<Order> {
    let mut all = Vec::new();
    if uploads.is_empty() || !random.percent(odds.commanded) {
        return all;
    }
    for _ in 0..random.count(1, odds.orders) {
        let near = &uploads[random.index(uploads.len())];
        let at = near.at
            + match random.percent(50) {
                true => random.milliseconds(0, 4_000),
                false => random.milliseconds(0, 60_000),
            };
        let ask = ask(random, near, uploads);
        let again = |random: &mut Random| match random.below(10) {
            0..6 => vec![],
            6 => vec![Duration::ZERO],
            7..9 => vec![random.milliseconds(10, 5_000)],
            _ => vec![random.milliseconds(10, 5_000), random.milliseconds(5_000, 90_000)],
        };
        let mut give = |random: &mut Random, at, ask| {
            let (again, is_lost) = (again(random), random.percent(odds.loss));
            let (environment, function) = (near.environment, near.function.clone());
            all.push(Order { at, environment, function, ask, again, is_lost });
        };
        // What is held or rejected is mostly let go some time.
        let ends = match &ask {
            Ask::Hold => Some(Ask::ReleaseHold),
            Ask::Reject { release } => Some(Ask::Unreject { release: release.clone() }),
            _ => None,
        };
        if let Some(ends) = ends.filter(|_| random.percent(60)) {
            let later = at + random.milliseconds(100, 60_000);
            give(random, later, ends);
        }
        give(random, at, ask);
    }
    all.sort_by_key(|order| order.at);
    all
}

fn ask(random: &mut Random, near: &Upload, uploads: &[Upload]) -> Ask {
    let same = |other: &&Upload| other.environment == near.environment && other.function == near.function;
    let releases: Vec<String> = uploads.iter().filter(same).map(|upload| upload.release.clone()).collect();
    let release = random.one_of(&releases);
    match random.below(100) {
        0..30 => Ask::Rollback { to: None },
        30..42 => Ask::Rollback { to: Some(release) },
        42..54 => Ask::Redeploy,
        54..68 => Ask::Deploy { release },
        68..80 => Ask::Hold,
        80..84 => Ask::ReleaseHold,
        84..96 => Ask::Reject { release },
        _ => Ask::Unreject { release },
    }
}
