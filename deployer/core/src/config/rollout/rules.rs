//! The rules that a rollout must obey beyond the form of its fields.

use std::collections::BTreeSet;
use std::time::Duration;

use super::placement::Placement;
use super::shortest::SHORTEST_STEP;
use super::{AlarmName, Rollout, Wave, smoke_test};
use crate::diagnostics::Diagnostic;
use crate::text::counted;

/// The longest time of all waves together.
pub const LONGEST_ROLLOUT: Duration = Duration::from_secs(48 * 3_600);
/// The most alarms of a rollout. One call reads 100 of each target (CloudWatch API Reference, DescribeAlarms).
pub const MOST_ALARMS: usize = 20;

impl Rollout {
    /// Finds the rules that it breaks.
    pub(in crate::config) fn diagnostics(&self, Placement { targets, queue_url }: Placement<'_>) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        if queue_url.is_none() {
            found
                .push(Diagnostic::new("", "needs queue_url, and the sweep each minute: without them nothing can wait"));
        }
        found.extend(self.step_diagnostics());
        if self.watch.as_duration() < SHORTEST_STEP {
            found.push(too_short("watch", self.watch));
        }
        found.extend(self.wave_diagnostics(targets));
        found.extend(alarm_diagnostics(&self.alarms));
        found.extend(self.guard.diagnostics().into_iter().map(|m| m.prefixed("guard")));
        if self.pause_expires.is_zero() {
            found.push(Diagnostic::new(
                "pause_expires",
                "must be longer than 0s: nobody could continue a paused rollout",
            ));
        }
        found.extend(smoke_test::diagnostics_of(&self.smoke_tests, "smoke_test"));
        if found.is_empty() {
            found.extend(self.length_diagnostic(targets));
        }
        found
    }

    fn step_diagnostics(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let mut before: Option<u8> = None;
        for (index, step) in self.steps.iter().enumerate() {
            let path = |field: &str| format!("steps[{index}].{field}");
            let weight = step.weight;
            match before {
                _ if !(1..=99).contains(&weight) => found.push(Diagnostic::new(
                    path("weight"),
                    format_args!("must be 1 to 99, and is {weight}: after the last step the new version gets 100"),
                )),
                Some(before) if weight <= before => found.push(Diagnostic::new(
                    path("weight"),
                    format_args!("must be more than the {before} of the step before, and is {weight}"),
                )),
                _ => {}
            }
            before = Some(weight);
            if step.lasts.as_duration() < SHORTEST_STEP {
                found.push(too_short(path("for"), step.lasts));
            }
        }
        found
    }

    fn wave_diagnostics(&self, targets: usize) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for (index, two) in self.waves.windows(2).enumerate() {
            let path = format!("waves[{}]", index + 1);
            let (before, wave) = (two[0], two[1]);
            let is_less = match (before, wave) {
                (Wave::Targets(before), Wave::Targets(wave)) => wave <= before,
                (Wave::Percent(before), Wave::Percent(wave)) => wave <= before,
                _ => wave.of(targets) < before.of(targets),
            };
            if is_less {
                found.push(Diagnostic::new(
                    path,
                    format_args!(
                        "{wave} of {} must be more than the {before} of the wave before",
                        counted(targets, "target")
                    ),
                ));
            }
        }
        match self.waves.last() {
            None => found.push(Diagnostic::new("waves", "must name at least one wave, such as 100%")),
            Some(last) if last.of(targets) < targets => {
                let (path, begun) = (format!("waves[{}]", self.waves.len() - 1), last.of(targets));
                let targets = counted(targets, "target");
                let sentence = format_args!("{last} is {begun} of {targets}; the last wave must be all of them: 100%");
                found.push(Diagnostic::new(path, sentence));
            }
            Some(_) => {}
        }
        found
    }

    /// Finds a rollout that lasts too long.
    pub(crate) fn length_diagnostic(&self, targets: usize) -> Option<Diagnostic> {
        let (waves, length) = (self.begun_by_wave(targets).len(), self.planned_length(targets));
        (length > LONGEST_ROLLOUT).then(|| {
            Diagnostic::new(
                "",
                format_args!(
                    "takes {} in all ({waves} times {} of steps and watch); at most 48h",
                    in_words(length),
                    in_words(self.wave_length())
                ),
            )
        })
    }
}

/// Finds too many alarms, and those that are there twice.
fn alarm_diagnostics(alarms: &[AlarmName]) -> Vec<Diagnostic> {
    let mut found = repeated_alarms(alarms);
    if alarms.len() > MOST_ALARMS {
        found.push(Diagnostic::new("alarms", format_args!("are {} alarms; at most {MOST_ALARMS}", alarms.len())));
    }
    found
}

/// Finds alarms that are there twice.
#[must_use]
pub fn repeated_alarms(alarms: &[AlarmName]) -> Vec<Diagnostic> {
    let mut seen = BTreeSet::new();
    let twice = alarms.iter().enumerate().filter(|(_, alarm)| !seen.insert(*alarm));
    twice
        .map(|(index, alarm)| Diagnostic::new(format!("alarms[{index}]"), format_args!("{alarm} is there twice")))
        .collect()
}

fn too_short(path: impl Into<crate::text::PlainText>, lasts: super::super::Span) -> Diagnostic {
    Diagnostic::new(
        path,
        format_args!("must be at least 3m, and is {lasts}: CloudWatch's counts come about two minutes late"),
    )
}

/// Writes a duration in hours, minutes and seconds: `20m`, `3m 10s`, `2h 30m`.
pub(crate) fn in_words(length: Duration) -> String {
    let seconds = length.as_secs();
    let parts = [(seconds / 3_600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}
