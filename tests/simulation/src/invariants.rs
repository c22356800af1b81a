//! What must be so after every schedule, judged by an oracle that is made from the uploads and their order alone.
//!
//! Must not know: how the deployer decides. It reads heads only to hold them against everything else.

use deployer_core::record::{CauseKind, DeploymentRecord, Status};
use jiff::Timestamp;

use super::case::Case;
use super::command_oracle;
use super::deeds;
use super::format_oracle;
use super::group_oracle;
use super::heard;
use super::journey::Journey;
use super::kept;
use super::passage;
use super::reasons;
use super::stage::{Stage, Told};
use super::story::Story;
use super::violation::{Rule, Violation};
use world::journal::JournalEntry;

/// What the judge has found.
#[derive(Default)]
pub(super) struct Judged {
    pub found: Vec<Violation>,
    /// The uploads that are known.
    pub accepted: Vec<usize>,
    /// How many promotions came in.
    pub promoted: usize,
}

/// All that is wrong.
pub(super) fn judge(stage: &Stage<'_>, journal: &[JournalEntry]) -> Judged {
    let Judged { mut found, mut accepted, mut promoted } = Judged::default();
    if stage.never_ends {
        let (open, told) = (stage.still_open().join(", "), stage.still_told().join(", "));
        let text =
            format!("it does not come to rest in hours in which nothing went wrong: open [{open}], told [{told}]");
        return Judged { found: vec![Violation { rule: Rule::Ends, found: text }], accepted, promoted };
    }
    let calls = stage.world.calls();
    let mut lives = group_oracle::Lives::new();
    for function in &stage.scene.functions {
        let mut told = Vec::new();
        for environment in &stage.scene.environments {
            let case = Case::of(stage, (journal, &calls), environment, function);
            accepted.extend(case.accepted.iter().map(|(_, told, _)| told.number));
            let story = case.judge(stage, &mut found);
            let live = story.live().map(|live| live.deployment);
            lives.extend(live.map(|live| ((environment.name.clone(), function.clone()), live)));
            told.push((case, story));
        }
        if stage.scene.promotes() {
            promoted += told.iter().map(|(_, story)| story.promoted()).sum::<usize>();
            passage::judge(stage, journal, &told, &mut found);
            kept::judge(stage, &told, &mut found);
            heard::judge(stage, &told, &mut found);
        }
    }
    deeds::claims(stage.scene, journal, &mut found);
    group_oracle::judge(stage, journal, &lives, &mut found);
    if let Some(versions) = &stage.versions {
        format_oracle::judge(versions, journal, &mut found);
    }
    stage.world.aws(|aws| {
        for marker in aws.ledger.keys("open/") {
            found.push(Violation {
                rule: Rule::HeadAgrees,
                found: format!("{marker} guards nothing, and is still there"),
            });
        }
        for place in stage.scene.environments.iter().flat_map(|environment| &environment.targets) {
            for misdeed in &aws.at(place).forbidden {
                found.push(Violation { rule: Rule::ActiveOnly, found: misdeed.clone() });
            }
        }
    });
    Judged { found, accepted, promoted }
}

impl Case<'_> {
    fn judge(&self, stage: &Stage<'_>, found: &mut Vec<Violation>) -> Story {
        let mut say = |rule, text: String| found.push(Violation { rule, found: format!("{}: {text}", self.name()) });
        self.none_is_lost(stage, &mut say);
        for (_, told, record) in &self.accepted {
            self.one_record(stage, told, record.as_ref(), &mut say);
            if let Some(record) = record {
                reasons::says_why(self, told, record, &mut say);
            }
        }
        for (place, _, record) in &self.accepted {
            let is_superseded = record.as_ref().is_some_and(|record| record.status == Status::Superseded);
            let by_a_command = |other: &DeploymentRecord| {
                // Whoever is accepted later displaces what waits, and a rollback stops what is worked on.
                let because = record.as_ref().and_then(|record| record.because.as_deref()).unwrap_or_default();
                let displaced = because.contains("took its place") && because.starts_with("a ");
                let stopped = because.contains(&other.id.to_string());
                // A command's time is taken when its head is read, which may be a while after it was given.
                let told =
                    because.split("given later, at ").nth(1).and_then(|rest| rest.split(',').next()?.parse().ok());
                let is_its = |time: &Timestamp| (other.started_at..=other.finished_at.unwrap_or(*time)).contains(time);
                let time = told.filter(is_its).unwrap_or(other.started_at);
                let late = !place.is_newer_than_command(time);
                (late || displaced || stopped) && !matches!(other.cause.kind, CauseKind::Upload | CauseKind::Redeploy)
            };
            if is_superseded
                && !self.accepted.iter().any(|(other, _, _)| other > place)
                && !self.records.iter().any(by_a_command)
            {
                say(Rule::Order, format!("{place} is superseded, but there is no newer one"));
            }
        }
        self.head_agrees(&mut say);
        if self.is_commanded() {
            command_oracle::commands(self, stage, &mut say);
        }
        let story = Journey::of(self).judge(&mut say);
        for place in &self.environment.targets {
            if !self.is_commanded() && !story.unshut.contains(place) {
                self.serves(stage, place, &mut say);
            }
            deeds::published_once(self, place, &mut say);
            deeds::in_order(self, place, &mut say);
            deeds::one_at_a_time(self, place, &mut say);
            deeds::nothing_foreign_is_overwritten(self, place, &mut say);
        }
        story
    }

    /// A message that comes again until it is handled has brought its upload into the ledger, and no upload is none of
    /// ours: all environments are known here.
    fn none_is_lost(&self, stage: &Stage<'_>, say: &mut impl FnMut(Rule, String)) {
        for told in &self.told {
            let is_told = self.scene.uploads[told.number].deliveries.iter().any(|delivery| !delivery.is_lost);
            if is_told && !self.accepted.iter().any(|(_, accepted, _)| accepted.number == told.number) {
                say(Rule::NoneIsLost, format!("{} was told of, and nobody knows it", told.s3.key));
            }
            for (_, because) in stage.ignored.iter().filter(|(number, _)| *number == told.number) {
                say(Rule::NoneIsLost, format!("{} was ignored: {because}", told.s3.key));
            }
        }
    }

    fn one_record(
        &self,
        stage: &Stage<'_>,
        told: &Told,
        record: Option<&DeploymentRecord>,
        say: &mut impl FnMut(Rule, String),
    ) {
        let what = format!("{} {}", told.s3.key, told.s3.version_id.as_deref().unwrap_or_default());
        let Some(record) = record else {
            return say(Rule::OneRecord, format!("{what} was accepted, and has no record"));
        };
        if self.records_of(told).count() > 1 {
            say(Rule::OneRecord, format!("{what} has several records"));
        }
        if !record.status.is_ended() || record.finished_at.is_none() {
            say(Rule::OneRecord, format!("the record of {what} says {}", record.status));
        }
        let result: Option<DeploymentRecord> = stage.world.aws(|aws| {
            let key = record.result_key()?;
            serde_json::from_slice(aws.ledger.get(&key)?).ok()
        });
        if result.as_ref() != Some(record) {
            let says = result.map_or("is missing".to_owned(), |result| format!("says {}", result.status));
            say(Rule::OneRecord, format!("the result of {what} {says}, its record {}", record.status));
        }
        for (_, answer) in stage.answers.iter().filter(|(number, _)| *number == told.number) {
            if answer.id == record.id && answer.status.is_ended() && answer != record {
                say(
                    Rule::OneRecord,
                    format!("{what} was answered with {}, its record says {}", answer.status, record.status),
                );
            }
        }
    }
}
