//! The commands that people give by hand in a schedule, drawn from its seed.
//!
//! Must not know how a scenario is played or judged.

use std::time::Duration;

use serde_json::{Value, json};

use super::focus::Odds;
use super::scenario::{Environment, PlannedUpload};
use fixtures::random::Random;
use world::VirtualClock;

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandKind {
    /// Rolls back.
    Rollback {
        /// The release to roll back to, if one is named.
        to: Option<String>,
    },
    /// Redeploys the live release.
    Redeploy,
    /// Deploys the newest version of a release's key.
    Deploy {
        /// The release.
        release: String,
    },
    /// Holds the function.
    Hold,
    /// Releases the hold.
    ReleaseHold,
    /// Rejects a release.
    Reject {
        /// The release.
        release: String,
    },
    /// Ends the rejection of a release.
    Unreject {
        /// The release.
        release: String,
    },
    /// Promotes from another environment to this one.
    Promote {
        /// The environment to promote from.
        from: String,
        /// The release, if one is named.
        release: Option<String>,
        /// True if it overrides a freeze.
        overrides: bool,
        /// The time until the command expires.
        within: Option<Duration>,
    },
    /// Says something about the rollout that its giver saw: pause, continue, finish or abort.
    Rollout {
        /// The word.
        action: &'static str,
    },
    /// Recalls a release: rejects it, and rolls it back wherever it is live.
    Recall {
        /// The release.
        release: String,
    },
}

impl CommandKind {
    /// Whether it makes a deployment, with a record.
    #[must_use]
    pub fn deploys(&self) -> bool {
        matches!(self, Self::Rollback { .. } | Self::Redeploy | Self::Deploy { .. } | Self::Promote { .. })
    }

    /// Whether it counts for the function in every environment.
    #[must_use]
    pub fn is_everywhere(&self) -> bool {
        matches!(self, Self::Reject { .. } | Self::Unreject { .. } | Self::Recall { .. })
    }

    /// Whether it rejects a release.
    #[must_use]
    pub fn rejects(&self) -> bool {
        matches!(self, Self::Reject { .. } | Self::Recall { .. })
    }
}

/// A command that is going to be given.
#[derive(Debug, Clone)]
pub struct PlannedCommand {
    /// The time.
    pub at: Duration,
    /// The index of its environment.
    pub environment: usize,
    /// The function.
    pub function: String,
    /// The command itself.
    pub kind: CommandKind,
    /// The times after which it is given again under the same id, whatever the first answer was.
    pub again: Vec<Duration>,
    /// True if its giver gives up when no answer comes.
    pub is_lost: bool,
    /// The look at the live release before the command, if its giver sends preconditions.
    pub look: Option<Look>,
}

/// A look at the live release before a rollback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The time from the look to the command.
    pub before: Duration,
    /// True if the precondition names the release only, and not the deployment.
    pub by_release: bool,
}

/// The preconditions of a rollback (`if_live`, `if_active`): it is refused if neither holds any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// The live release, or the id of the live deployment.
    pub live: Option<String>,
    /// The id of the deployment that was under way.
    pub active: Option<String>,
}

impl Preconditions {
    /// Returns the preconditions of a person who looks at this head.
    pub(super) fn of(head: &Value, look: Look) -> Self {
        let text = |pointer: &str| head.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        if look.by_release {
            return Self { live: text("/history/0/release"), active: None };
        }
        let active = text("/active/request/id").or_else(|| text("/pending/0/id"));
        Self { live: text("/history/0/deployment"), active }
    }

    /// Whether there is no precondition.
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Returns the name of a command: its id, its requester and its reason.
#[must_use]
pub fn name(number: usize) -> String {
    format!("order-{number}")
}

impl PlannedCommand {
    /// Returns the command as JSON, with its preconditions.
    #[must_use]
    pub fn json(&self, environment: &str, id: &str, by: &str, seen: &Preconditions) -> Value {
        let mut command = json!({"function": self.function, "id": id, "requested_by": by});
        let mut with = |field: &str, value: &str| command[field] = value.into();
        match &self.kind {
            kind if kind.is_everywhere() => {}
            CommandKind::Promote { .. } => with("to", environment),
            _ => with("environment", environment),
        }
        match &self.kind {
            CommandKind::Rollback { to } => {
                with("command", "rollback");
                to.iter().for_each(|to| with("to", to));
                seen.live.iter().for_each(|live| with("if_live", live));
                seen.active.iter().for_each(|active| with("if_active", active));
            }
            CommandKind::Redeploy => with("command", "redeploy"),
            CommandKind::Deploy { release } => {
                with("command", "deploy");
                with("release", release);
            }
            CommandKind::Hold => {
                with("command", "hold");
                with("reason", by);
            }
            CommandKind::ReleaseHold => with("command", "release-hold"),
            CommandKind::Reject { release } => {
                with("command", "reject");
                with("release", release);
                with("reason", by);
            }
            CommandKind::Unreject { release } => {
                with("command", "unreject");
                with("release", release);
            }
            CommandKind::Rollout { action } => {
                with("command", "rollout");
                with("action", action);
                with("reason", by);
                seen.active.iter().for_each(|active| with("deployment", active));
            }
            CommandKind::Recall { release } => {
                with("command", "recall");
                with("release", release);
                with("reason", by);
            }
            CommandKind::Promote { from, release, overrides, within } => {
                with("command", "promote");
                with("from", from);
                release.iter().for_each(|release| with("release", release));
                let until = within.map(|within| VirtualClock::at(self.at + within).to_string());
                until.iter().for_each(|until| with("not_after", until));
                if *overrides {
                    with("override_freeze", by);
                }
            }
        }
        command
    }
}

/// Draws commands, mostly soon after an upload and about the same function.
pub(super) fn draw(random: &mut Random, odds: &Odds, uploads: &[PlannedUpload]) -> Vec<PlannedCommand> {
    let mut all = Vec::new();
    if uploads.is_empty() || !random.percent(odds.commanded) {
        return all;
    }
    for _ in 0..random.count(1, odds.max_commands) {
        let near = &uploads[random.index(uploads.len())];
        let at = near.at
            + match random.percent(50) {
                true => random.milliseconds(0, 4_000),
                false => random.milliseconds(0, 60_000),
            };
        let kind = draw_kind(random, near, uploads);
        let again = |random: &mut Random| match random.below(10) {
            0..6 => vec![],
            6 => vec![Duration::ZERO],
            7..9 => vec![random.milliseconds(10, 5_000)],
            _ => vec![random.milliseconds(10, 5_000), random.milliseconds(5_000, 90_000)],
        };
        let mut give = |random: &mut Random, at, kind| {
            let (again, is_lost) = (again(random), random.percent(odds.loss));
            let (environment, function) = (near.environment, near.function.clone());
            all.push(PlannedCommand { at, environment, function, kind, again, is_lost, look: None });
        };
        // Most holds and rejects are ended some time later.
        let ends = match &kind {
            CommandKind::Hold => Some(CommandKind::ReleaseHold),
            CommandKind::Reject { release } => Some(CommandKind::Unreject { release: release.clone() }),
            _ => None,
        };
        if let Some(ends) = ends.filter(|_| random.percent(60)) {
            let later = at + random.milliseconds(100, 60_000);
            give(random, later, ends);
        }
        give(random, at, kind);
    }
    all.sort_by_key(|command| command.at);
    all
}

fn draw_kind(random: &mut Random, near: &PlannedUpload, uploads: &[PlannedUpload]) -> CommandKind {
    let same = |other: &&PlannedUpload| other.environment == near.environment && other.function == near.function;
    let releases: Vec<String> = uploads.iter().filter(same).map(|upload| upload.release.clone()).collect();
    let release = random.one_of(&releases);
    match random.below(100) {
        0..30 => CommandKind::Rollback { to: None },
        30..42 => CommandKind::Rollback { to: Some(release) },
        42..54 => CommandKind::Redeploy,
        54..68 => CommandKind::Deploy { release },
        68..80 => CommandKind::Hold,
        80..84 => CommandKind::ReleaseHold,
        84..96 => CommandKind::Reject { release },
        _ => CommandKind::Unreject { release },
    }
}

/// Draws commands where artifacts are promoted: in every environment, and over a longer time.
pub(super) fn draw_where_promoted(
    random: &mut Random,
    odds: &Odds,
    uploads: &[PlannedUpload],
    environments: &[Environment],
) -> Vec<PlannedCommand> {
    let mut all = Vec::new();
    if !random.percent(odds.commanded) {
        return all;
    }
    for _ in 0..random.count(1, odds.max_commands) {
        let near = &uploads[random.index(uploads.len())];
        let function = near.function.clone();
        let at = near.at + random.within(&[4_000, 120_000, 1_200_000]);
        let environment = random.index(environments.len());
        let of = |upload: &&PlannedUpload| upload.function == function;
        let releases: Vec<String> = uploads.iter().filter(of).map(|upload| upload.release.clone()).collect();
        let release = random.one_of(&releases);
        let kind = match (random.below(100), &environments[environment].rules) {
            (0..40, Some(rules)) => CommandKind::Promote {
                from: random.one_of(&rules.from),
                release: random.percent(25).then_some(release),
                overrides: random.percent(20),
                within: random.percent(15).then(|| random.milliseconds(0, 600_000)),
            },
            (0..30, None) => CommandKind::Redeploy,
            (30..55, _) => CommandKind::Rollback { to: random.percent(25).then_some(release) },
            (55..62, _) => CommandKind::Deploy { release },
            (62..72, _) => CommandKind::Hold,
            (72..82, _) => CommandKind::Reject { release },
            (82..95, _) => CommandKind::Recall { release },
            _ => CommandKind::Redeploy,
        };
        let ends = match &kind {
            CommandKind::Hold => Some(CommandKind::ReleaseHold),
            CommandKind::Reject { release } | CommandKind::Recall { release } => {
                Some(CommandKind::Unreject { release: release.clone() })
            }
            _ => None,
        };
        let again = |random: &mut Random| match random.below(10) {
            0..6 => vec![],
            6..9 => vec![random.milliseconds(0, 5_000)],
            _ => vec![random.milliseconds(10, 5_000), random.milliseconds(5_000, 900_000)],
        };
        let mut give = |random: &mut Random, at, environment, kind| {
            let (again, is_lost) = (again(random), random.percent(odds.loss));
            all.push(PlannedCommand { at, environment, function: function.clone(), kind, again, is_lost, look: None });
        };
        if let Some(ends) = ends.filter(|_| random.percent(50)) {
            let later = at + random.milliseconds(100, 600_000);
            give(random, later, environment, ends);
        }
        // After a rollback the source sometimes succeeds once more with a release.
        if matches!(kind, CommandKind::Rollback { .. }) && environment > 0 && random.percent(50) {
            let (later, release) = (at + random.within(&[20_000, 300_000]), random.one_of(&releases));
            give(random, later, 0, CommandKind::Deploy { release });
        }
        give(random, at, environment, kind);
    }
    all.sort_by_key(|command| command.at);
    all
}
