//! Checks that a schedule has kept the invariants, by oracles that are made from the uploads and their order alone.
//!
//! Must not know how the deployer decides. It reads heads only to compare them with everything else.

use deployer_core::record::{CauseKind, DeploymentRecord, Status};
use jiff::Timestamp;

use super::case::Case;
use super::command_oracle;
use super::event_oracle;
use super::format_oracle;
use super::group_oracle;
use super::journal_replay::JournalReplay;
use super::promotion_oracle;
use super::reasons;
use super::retention;
use super::rollout_oracle;
use super::rule::{Rule, Violation};
use super::runner::{Runner, SentUpload};
use super::timeline::Timeline;
use super::write_order;
use world::journal::JournalEntry;

/// The findings about a schedule.
#[derive(Default)]
pub(super) struct Findings {
    pub found: Vec<Violation>,
    /// The uploads that the deployer knows.
    pub accepted: Vec<usize>,
    /// The number of promotions that came in.
    pub promoted: usize,
}

/// Returns all findings.
pub(super) fn check(runner: &Runner<'_>, journal: &[JournalEntry]) -> Findings {
    let Findings { mut found, mut accepted, mut promoted } = Findings::default();
    if runner.never_ends {
        let (open, messages) = (runner.open_objects().join(", "), runner.queued_messages().join(", "));
        let text = format!(
            "it does not come to rest in hours in which nothing went wrong: open [{open}], messages [{messages}]"
        );
        return Findings { found: vec![Violation { rule: Rule::EverythingEnds, found: text }], accepted, promoted };
    }
    let calls = runner.world.calls();
    if runner.scenario.rolls_out() {
        rollout_oracle::check(runner, (journal, &calls), &mut found, &mut accepted);
        group_oracle::check(runner, journal, &group_oracle::lives(runner), &mut found);
        nothing_is_left(runner, &mut found);
        return Findings { found, accepted, promoted };
    }
    let mut lives = group_oracle::Lives::new();
    for function in &runner.scenario.functions {
        let mut replayed = Vec::new();
        for environment in &runner.scenario.environments {
            let case = Case::of(runner, (journal, &calls), environment, function);
            accepted.extend(case.accepted.iter().map(|(_, upload, _)| upload.number));
            let timeline = case.check(runner, &mut found);
            let live = timeline.live().map(|live| live.deployment);
            lives.extend(live.map(|live| ((environment.name.clone(), function.clone()), live)));
            replayed.push((case, timeline));
        }
        if runner.scenario.promotes() {
            promoted += replayed.iter().map(|(_, timeline)| timeline.promoted()).sum::<usize>();
            promotion_oracle::check(runner, journal, &replayed, &mut found);
            retention::check(runner, &replayed, &mut found);
            event_oracle::check(runner, &replayed, &mut found);
        }
    }
    write_order::check_claims(runner.scenario, journal, &mut found);
    group_oracle::check(runner, journal, &lives, &mut found);
    if let Some(versions) = &runner.versions {
        format_oracle::check(versions, journal, &mut found);
    }
    nothing_is_left(runner, &mut found);
    Findings { found, accepted, promoted }
}

/// Checks that no marker is left, and that no alias has ever pointed to a version that is not active.
fn nothing_is_left(runner: &Runner<'_>, found: &mut Vec<Violation>) {
    runner.world.aws(|aws| {
        for marker in aws.ledger.keys("open/") {
            found.push(Violation {
                rule: Rule::HeadAgrees,
                found: format!("{marker} guards nothing, and is still there"),
            });
        }
        for place in runner.scenario.environments.iter().flat_map(|environment| &environment.targets) {
            for event in &aws.at(place).forbidden {
                found.push(Violation { rule: Rule::ActiveOnly, found: event.clone() });
            }
        }
    });
}

impl Case<'_> {
    fn check(&self, runner: &Runner<'_>, found: &mut Vec<Violation>) -> Timeline {
        let mut report = |rule, text: String| found.push(Violation { rule, found: format!("{}: {text}", self.name()) });
        self.none_is_lost(runner, &mut report);
        for (_, upload, record) in &self.accepted {
            self.one_record(runner, upload, record.as_ref(), &mut report);
            if let Some(record) = record {
                reasons::says_why(self, upload, record, &mut report);
            }
        }
        for (place, _, record) in &self.accepted {
            let is_superseded = record.as_ref().is_some_and(|record| record.status == Status::Superseded);
            let by_a_command = |other: &DeploymentRecord| {
                // A request that is accepted later displaces what waits, and a rollback stops the active deployment.
                let because = record.as_ref().and_then(|record| record.because.as_deref()).unwrap_or_default();
                let displaced = because.contains("took its place") && because.starts_with("a ");
                let stopped = because.contains(&other.id.to_string());
                // The time of a command is taken when its head is read, which may be a while after it was given. The
                // sentence has it to the second, cut: it lies before the end of that second.
                let named =
                    because.split("given later, at ").nth(1).and_then(|rest| rest.split(',').next()?.parse().ok());
                let named = named.map(|second: Timestamp| second + std::time::Duration::from_secs(1));
                let is_its = |end: &Timestamp| {
                    other.started_at <= *end
                        && other.finished_at.is_none_or(|finished| *end <= finished + std::time::Duration::from_secs(1))
                };
                let time = named.filter(is_its).unwrap_or(other.started_at);
                let late = !place.is_newer_than_command(time);
                (late || displaced || stopped) && !matches!(other.cause.kind, CauseKind::Upload | CauseKind::Redeploy)
            };
            if is_superseded
                && !self.accepted.iter().any(|(other, _, _)| other > place)
                && !self.records.iter().any(by_a_command)
            {
                report(Rule::UploadOrder, format!("{place} is superseded, but there is no newer one"));
            }
        }
        self.head_agrees(&mut report);
        if self.is_commanded() {
            command_oracle::commands(self, runner, &mut report);
        }
        let timeline = JournalReplay::of(self).run(&mut report);
        for place in &self.environment.targets {
            if !self.is_commanded() && !timeline.open_doors.contains(place) {
                self.serves(runner, place, &mut report);
            }
            write_order::published_once(self, place, &mut report);
            write_order::in_order(self, place, &mut report);
            write_order::one_at_a_time(self, place, &mut report);
            write_order::nothing_foreign_is_overwritten(self, place, &mut report);
        }
        timeline
    }

    /// Checks that every message that comes until it is handled has brought its upload into the ledger, and that no
    /// upload was ignored: all environments are configured here.
    pub(super) fn none_is_lost(&self, runner: &Runner<'_>, report: &mut impl FnMut(Rule, String)) {
        for upload in &self.uploads {
            let is_delivered = self.scenario.uploads[upload.number].deliveries.iter().any(|delivery| !delivery.is_lost);
            if is_delivered && !self.accepted.iter().any(|(_, accepted, _)| accepted.number == upload.number) {
                report(Rule::NoUploadLost, format!("{} was told of, and nobody knows it", upload.s3.key));
            }
            for (_, because) in runner.ignored.iter().filter(|(number, _)| *number == upload.number) {
                report(Rule::NoUploadLost, format!("{} was ignored: {because}", upload.s3.key));
            }
        }
    }

    pub(super) fn one_record(
        &self,
        runner: &Runner<'_>,
        upload: &SentUpload,
        record: Option<&DeploymentRecord>,
        report: &mut impl FnMut(Rule, String),
    ) {
        let what = format!("{} {}", upload.s3.key, upload.s3.version_id.as_deref().unwrap_or_default());
        let Some(record) = record else {
            return report(Rule::OneRecord, format!("{what} was accepted, and has no record"));
        };
        if self.records_of(upload).count() > 1 {
            report(Rule::OneRecord, format!("{what} has several records"));
        }
        if !record.status.is_ended() || record.finished_at.is_none() {
            report(Rule::OneRecord, format!("the record of {what} says {}", record.status));
        }
        let result: Option<DeploymentRecord> = runner.world.aws(|aws| {
            let key = record.result_key()?;
            serde_json::from_slice(aws.ledger.get(&key)?).ok()
        });
        if result.as_ref() != Some(record) {
            let says = result.map_or("is missing".to_owned(), |result| format!("says {}", result.status));
            report(Rule::OneRecord, format!("the result of {what} {says}, its record {}", record.status));
        }
        for (_, answer) in runner.upload_records.iter().filter(|(number, _)| *number == upload.number) {
            if answer.id == record.id && answer.status.is_ended() && answer != record {
                report(
                    Rule::OneRecord,
                    format!("{what} was answered with {}, its record says {}", answer.status, record.status),
                );
            }
        }
    }
}
