//! The rollout of an environment: how a new version gets its traffic, what watches it, and what takes it back.
//!
//! [`Rollout::parse`] checks everything that one environment can tell. Nothing here knows a function, a manifest or a
//! clock; `crate::rollout` combines it with what a manifest asks for.

mod alarm_name;
mod file;
mod guard;
mod placement;
mod rules;
mod shortest;
mod smoke_test;
mod step;
mod wave;

pub use alarm_name::{AlarmName, InvalidAlarmName};
pub use guard::{Guard, NumberOutOfRange, Points, Significance};
pub use placement::Placement;
pub(crate) use rules::in_words;
pub use rules::{LONGEST_ROLLOUT, MOST_ALARMS, repeated_alarms};
pub use shortest::{MINUTES_ALONE, SHORTEST_STEP, SHORTEST_WATCH};
pub use smoke_test::{MOST_SMOKE_TESTS, SmokeTest};
pub use step::{Step, Then};
pub use wave::Wave;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Span;
use crate::diagnostics::{self, Diagnostics, FieldRules};
use file::RolloutFile;
pub(super) use file::placeholder;

/// The way in which a new version gets its traffic in an environment: in steps, tested before, watched, and taken back if it
/// fails more often than the old one. `{}` is the safe default. Rollbacks and redeploys move all traffic at once.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "RolloutFile")]
pub struct Rollout {
    /// The steps before all traffic, with rising weights. None: all at once.
    pub steps: Vec<Step>,
    /// The time for which the new version is watched with all traffic on it.
    pub watch: Span,
    /// The shares of the targets that have begun, with rising numbers; the last is all.
    pub waves: Vec<Wave>,
    /// The alarms that take a rollout back.
    pub alarms: Vec<AlarmName>,
    /// The treatment of an alarm that fires before the rollout begins.
    pub already_alarming: AlreadyAlarming,
    /// The thresholds of the guard.
    pub guard: Guard,
    /// The reaction to a step with too few invocations.
    pub when_quiet: WhenQuiet,
    /// The reaction to a target whose traffic cannot be shared.
    pub when_unshiftable: WhenUnshiftable,
    /// The reaction to something newer during a rollout.
    pub on_newer: OnNewer,
    /// The time after which a paused rollout is taken back.
    pub pause_expires: Span,
    /// The smoke tests of releases that bring none.
    pub smoke_tests: Vec<SmokeTest>,
}

/// The treatment of an alarm that fires before the rollout begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AlreadyAlarming {
    /// It does not count until it has been OK: a fix can be deployed.
    #[default]
    Disarm,
    /// The rollout is refused.
    Refuse,
}

/// The reaction to a step with too few invocations, from the loosest to the strictest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WhenQuiet {
    /// The next step follows, and the record says that the release is not proven.
    #[default]
    Proceed,
    /// The rollout pauses.
    Pause,
    /// The rollout is taken back.
    Fail,
}

/// The reaction to a target whose traffic cannot be shared between two versions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WhenUnshiftable {
    /// All traffic moves at once, and is watched.
    #[default]
    AllAtOnce,
    /// The deployment fails there.
    Refuse,
}

/// The reaction to a newer upload, deploy or promotion during a rollout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnNewer {
    /// It waits until the rollout ends.
    #[default]
    Wait,
    /// The rollout is taken back, and the newer one follows.
    Replace,
}

impl WhenQuiet {
    /// Returns the word as the file has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proceed => "proceed",
            Self::Pause => "pause",
            Self::Fail => "fail",
        }
    }
}

const READING: FieldRules = FieldRules { hidden: &[], also_known: &[], explain_unknown: |_| None };

impl Default for Rollout {
    fn default() -> Self {
        RolloutFile::default().into()
    }
}

impl Rollout {
    /// Reads and checks the field `rollout` of an environment.
    ///
    /// # Errors
    /// [`Diagnostics`] with the path of each field that is wrong, from the rollout on.
    pub fn parse(value: &Value, placement: Placement<'_>) -> Result<Self, Diagnostics> {
        let (rollout, diagnostics) = diagnostics::read_all::<Self>(value, &READING, placeholder);
        Diagnostics::error_if_any(diagnostics)?;
        let rollout = rollout.unwrap_or_default();
        Diagnostics::error_if_any(rollout.diagnostics(placement))?;
        Ok(rollout)
    }

    /// Returns the targets of each wave as the number of targets that have begun with it. Waves without a target of
    /// their own are left out.
    #[must_use]
    pub fn begun_by_wave(&self, targets: usize) -> Vec<usize> {
        let mut begun: Vec<usize> = self.waves.iter().map(|wave| wave.of(targets)).filter(|begun| *begun > 0).collect();
        begun.dedup();
        begun
    }

    /// Returns it for a release that a person lets skip the rollout: all traffic of all targets moves at once. Smoke tests
    /// and the watch stay.
    #[must_use]
    pub fn all_at_once(&self) -> Self {
        Self { steps: Vec::new(), waves: vec![Wave::ALL], ..self.clone() }
    }

    /// Returns the time of one wave: its steps and its watch. What an invocation may take comes on top.
    #[must_use]
    pub fn wave_length(&self) -> Duration {
        let steps = self.steps.iter().map(|step| step.lasts.as_duration());
        steps.chain([self.watch.as_duration().max(SHORTEST_WATCH)]).fold(Duration::ZERO, Duration::saturating_add)
    }

    /// Returns the time of all waves. Pauses and lengthened steps come on top.
    #[must_use]
    pub fn planned_length(&self, targets: usize) -> Duration {
        let waves = u32::try_from(self.begun_by_wave(targets).len()).unwrap_or(u32::MAX);
        self.wave_length().saturating_mul(waves)
    }
}

#[cfg(test)]
mod tests;
