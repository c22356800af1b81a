//! The form of a rollout: its fields and their defaults.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Span;
use super::alarm_name::AlarmName;
use super::guard::Guard;
use super::smoke_test::{OneOrMore, SmokeTest};
use super::step::Step;
use super::wave::Wave;
use super::{AlreadyAlarming, OnNewer, Rollout, WhenQuiet, WhenUnshiftable};

/// Returns a placeholder for a missing required field, so that the other fields can be read.
pub(in crate::config) fn placeholder(field: &str) -> Option<Value> {
    Some(match field {
        "weight" => 10.into(),
        "for" => "10m".into(),
        "event" => json!({}),
        _ => return None,
    })
}

/// The form of [`Rollout`].
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Rollout")]
pub(super) struct RolloutFile {
    /// The steps before all traffic, with rising weights. `[]` moves all traffic at once.
    #[schemars(extend("default" = json!([{ "weight": 10, "for": "10m" }])))]
    steps: Option<Vec<Step>>,
    /// The time for which the new version is watched with all traffic on it, at least 3m. It lasts at least 8m beside the
    /// time of an invocation.
    #[schemars(extend("default" = "10m"))]
    watch: Option<Span>,
    /// The targets that have begun with each wave, in the order of `targets`. The last wave is all of them.
    #[schemars(length(min = 1), extend("default" = json!(["100%"])))]
    waves: Option<Vec<Wave>>,
    /// The names of CloudWatch alarms in each target's account and region that take a rollout back. Default: none.
    #[schemars(length(max = 20), extend("uniqueItems" = true))]
    alarms: Option<Vec<AlarmName>>,
    /// The treatment of an alarm that fires before the rollout begins.
    #[schemars(extend("default" = "disarm"))]
    already_alarming: Option<AlreadyAlarming>,
    /// The thresholds from which on the new version fails more often than the old one. Default: `{}`.
    guard: Option<Guard>,
    /// The reaction to a step with too few invocations. The step is lengthened once before.
    #[schemars(extend("default" = "proceed"))]
    when_quiet: Option<WhenQuiet>,
    /// The reaction to a target whose traffic cannot be shared between two versions.
    #[schemars(extend("default" = "all-at-once"))]
    when_unshiftable: Option<WhenUnshiftable>,
    /// The reaction to a newer upload, deploy or promotion during a rollout.
    #[schemars(extend("default" = "wait"))]
    on_newer: Option<OnNewer>,
    /// The time after which a paused rollout is taken back.
    #[schemars(extend("default" = "1d"))]
    pause_expires: Option<Span>,
    /// The smoke test of releases that bring no `smoke.json`, or a list of at most five. Default: none.
    smoke_test: Option<OneOrMore>,
}

impl From<RolloutFile> for Rollout {
    fn from(file: RolloutFile) -> Self {
        Self {
            steps: file.steps.unwrap_or_else(|| vec![Step::DEFAULT]),
            watch: file.watch.unwrap_or(Span::TEN_MINUTES),
            waves: file.waves.unwrap_or_else(|| vec![Wave::ALL]),
            alarms: file.alarms.unwrap_or_default(),
            already_alarming: file.already_alarming.unwrap_or_default(),
            guard: file.guard.unwrap_or_default(),
            when_quiet: file.when_quiet.unwrap_or_default(),
            when_unshiftable: file.when_unshiftable.unwrap_or_default(),
            on_newer: file.on_newer.unwrap_or_default(),
            pause_expires: file.pause_expires.unwrap_or(Span::ONE_DAY),
            smoke_tests: file.smoke_test.map(Vec::<SmokeTest>::from).unwrap_or_default(),
        }
    }
}
