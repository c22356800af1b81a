//! Judges rollouts by the journal: what each alias served, and what the head said, at every moment.
//!
//! Must not know how the deployer decides.

use std::collections::{BTreeMap, BTreeSet};

use deployer_core::record::Status;
use deployer_core::rollout::RolloutVerb;
use jiff::Timestamp;
use serde_json::Value;

use super::case::Case;
use super::commands::CommandKind;
use super::look_oracle::Advance;
use super::rule::{Rule, Violation};
use super::runner::Runner;
use super::smoke_oracle;
use world::Call;
use world::journal::{Action, JournalEntry};

/// Checks the rollouts of a schedule.
pub(super) fn check(
    runner: &Runner<'_>,
    (journal, calls): (&[JournalEntry], &[Call]),
    found: &mut Vec<Violation>,
    accepted: &mut Vec<usize>,
) {
    let began = runner.world.now() - runner.world.elapsed();
    for function in &runner.scenario.functions {
        for environment in &runner.scenario.environments {
            let case = Case::of(runner, (journal, calls), environment, function);
            accepted.extend(case.accepted.iter().map(|(_, upload, _)| upload.number));
            let mut report =
                |rule, text: String| found.push(Violation { rule, found: format!("{}: {text}", case.name()) });
            case.none_is_lost(runner, &mut report);
            for (_, upload, record) in &case.accepted {
                case.one_record(runner, upload, record.as_ref(), &mut report);
            }
            if environment.rollout.is_some() {
                aborts_are_obeyed(&case, runner, &mut report);
                smoke_oracle::check(&case, runner, &mut report);
                RolloutReplay::of(&case, began).run(&mut report);
            }
        }
    }
}

/// Checks that no deployment has succeeded whose abort was accepted.
fn aborts_are_obeyed(case: &Case<'_>, runner: &Runner<'_>, report: &mut impl FnMut(Rule, String)) {
    for (number, command) in &case.commands {
        let is_abort = command.kind == CommandKind::Rollout { action: RolloutVerb::Abort.as_str() };
        let is_accepted = runner.command_answers.iter().any(|(answered, _)| answered == number);
        let about = case.preconditions.get(number).and_then(|seen| seen.active.as_deref());
        let record = case.records().find(|record| Some(record.id.to_string().as_str()) == about);
        if let Some(record) = record.filter(|record| is_abort && is_accepted && record.status == Status::Succeeded) {
            report(Rule::AbortObeyed, format!("{} has succeeded, and was aborted", record.id));
        }
    }
}

/// The traffic of an alias, and since when it is so.
#[derive(Clone)]
struct Served {
    version: u64,
    share: Option<(u64, u64)>,
    since: Timestamp,
}

impl Served {
    /// Returns the share of a version in percent.
    fn share_of(&self, version: u64) -> u64 {
        match self.share {
            Some((other, percent)) if other == version => percent,
            Some((_, percent)) if self.version == version => 100 - percent,
            None if self.version == version => 100,
            _ => 0,
        }
    }
}

impl std::fmt::Display for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.version)?;
        self.share.iter().try_for_each(|(version, percent)| write!(f, " and {percent} % to {version}"))
    }
}

/// Replays the journal of one function in one environment.
struct RolloutReplay<'c, 'a> {
    case: &'c Case<'a>,
    /// The world's beginning.
    began: Timestamp,
    served: BTreeMap<String, Served>,
    /// The versions that were published, with their target.
    published: BTreeSet<(String, u64)>,
    head: Value,
    /// The entries at which each invocation has read or written the head.
    read: BTreeMap<usize, Vec<usize>>,
    /// The entry at which the head says for the first time that this deployment goes back.
    goes_back: Option<(Value, usize)>,
}

impl<'c, 'a> RolloutReplay<'c, 'a> {
    fn of(case: &'c Case<'a>, began: Timestamp) -> Self {
        let here = |(place, function): &&(String, String)| {
            function == case.function && case.environment.targets.contains(place)
        };
        let existing: Vec<&String> = case.scenario.existing.iter().filter(here).map(|(place, _)| place).collect();
        let first = Served { version: 1, share: None, since: Timestamp::UNIX_EPOCH };
        Self {
            case,
            began,
            served: existing.iter().map(|place| ((*place).clone(), first.clone())).collect(),
            published: existing.into_iter().map(|place| (place.clone(), 1)).collect(),
            head: Value::Null,
            read: BTreeMap::new(),
            goes_back: None,
        }
    }

    fn run(mut self, report: &mut impl FnMut(Rule, String)) {
        let key = format!("heads/{}.json", self.case.name());
        for (index, entry) in self.case.journal.iter().enumerate() {
            let Some(by) = entry.by else { continue };
            if entry.object == key {
                match &entry.action {
                    Action::Read => self.read.entry(by).or_default().push(index),
                    Action::Wrote(Some(body)) => {
                        self.read.entry(by).or_default().push(index);
                        self.on_head((index, by), serde_json::from_slice(body).unwrap_or_default(), entry.at, report);
                    }
                    _ => {}
                }
            } else if entry.object == self.case.function && self.case.environment.targets.contains(&entry.place) {
                self.on_function(by, entry, report);
            }
        }
        for (place, served) in self.served.iter().filter(|(_, served)| served.share.is_some()) {
            if !self.is_named(place) {
                report(Rule::NoSharesLeft, format!("{place} serves {served} at the end"));
            }
        }
    }

    /// Whether the last record about a target says that it could not go back.
    fn is_named(&self, place: &str) -> bool {
        let stays = |record: &deployer_core::record::DeploymentRecord| {
            record.targets.iter().any(|outcome| {
                format!("{}/{}", outcome.account, outcome.region) == place && outcome.status == Status::Failed
            })
        };
        self.case.records().any(stays)
    }

    fn on_head(
        &mut self,
        (index, by): (usize, usize),
        head: Value,
        now: Timestamp,
        report: &mut impl FnMut(Rule, String),
    ) {
        let before = std::mem::replace(&mut self.head, head);
        let (was, is) = (&before["active"], &self.head["active"]);
        let id = was["request"]["id"].clone();
        if is["request"]["id"] == id && !was["rollout"].is_null() && !is["rollout"].is_null() {
            let advance = Advance { by, now, was: &was["rollout"], is: &is["rollout"] };
            advance.check(self.case, self.began, report);
        }
        if let Some(gone) = self.case.gone_for {
            let targets = is["rollout"]["targets"].as_array().into_iter().flatten();
            let places: BTreeSet<String> = targets.clone().map(place_of).collect();
            let meant = |rollout: &Value, place: &str| {
                let mut targets = rollout["targets"].as_array().into_iter().flatten();
                targets.find(|one| place_of(one) == place).map_or(Value::Null, |one| one["meant_at"].clone())
            };
            let begun = places.iter().find(|place| {
                let now = meant(&is["rollout"], place);
                !now.is_null() && (is["request"]["id"] != id || now != meant(&was["rollout"], place))
            });
            if let Some(place) = begun.filter(|_| gone.concerns(&self.case.environment.name, &places, by)) {
                report(
                    Rule::NoStepWhereGone,
                    format!("{place}: a step is begun, and the configuration lacks {gone:?}"),
                );
            }
        }
        if !was["rollout"].is_null() && (is["request"]["id"] != id || is["rollout"].is_null()) {
            if was["rollout"]["abort"].is_null() {
                let end = Advance { by, now, was: &was["rollout"], is: &Value::Null };
                end.check(self.case, self.began, report);
            }
            self.on_end(&before["active"], now, report);
            self.goes_back = None;
        }
        if is["rollout"].is_null() {
            for (place, served) in self.served.iter().filter(|(_, served)| served.share.is_some()) {
                if !self.is_named(place) {
                    report(Rule::NoSharesLeft, format!("{place} serves {served}, and nothing rolls out"));
                }
            }
        } else if !is["rollout"]["abort"].is_null() && self.goes_back.is_none() {
            self.goes_back = Some((is["request"]["id"].clone(), index));
        }
    }

    /// The head says that a rollout has ended.
    fn on_end(&self, active: &Value, now: Timestamp, report: &mut impl FnMut(Rule, String)) {
        let (rollout, id) = (&active["rollout"], &active["request"]["id"]);
        let is_back = !rollout["abort"].is_null();
        let mut records = self.case.records();
        let is_it = |record: &&deployer_core::record::DeploymentRecord| id == record.id.to_string().as_str();
        if is_back && records.find(is_it).is_some_and(|record| record.status == Status::Succeeded) {
            report(Rule::AbortObeyed, format!("{id} has succeeded, and was to go back: {}", rollout["abort"]));
        }
        for one in rollout["targets"].as_array().into_iter().flatten() {
            let stays = one["way_back"].get("stays").is_some();
            let place = place_of(one);
            if stays && number(&one["old"]) != 0 {
                let text = format!("{id} has given {place} up, which nobody else has changed: {}", one["way_back"]);
                report(Rule::EndServesWhatItSays, text);
            }
            let Some(served) = self.served.get(&place).filter(|_| !stays) else { continue };
            let meant = if is_back { number(&one["old"]) } else { number(&one["new"]) };
            if meant != 0 && (served.version != meant || served.share.is_some()) {
                let end = if is_back { "goes back" } else { "succeeds" };
                report(Rule::EndServesWhatItSays, format!("{id} {end} to {meant}, and {place} serves {served}"));
            }
            let watched = now.duration_since(served.since).as_secs();
            let watch = rollout["plan"]["watch_seconds"].as_i64().unwrap_or_default();
            if !is_back && rollout["finish"] == false && watched < watch {
                report(
                    Rule::ShareHeld,
                    format!("{id} is live after {watched} s of {watch} s with all traffic in {place}"),
                );
            }
        }
    }

    /// Whether the invocation had an answer about the head as this entry has it, or a later one, when it sent its call. What it
    /// reads while its call is under way comes too late.
    fn knew_when_sent(&self, (by, sent): (usize, &JournalEntry), since: usize) -> bool {
        let (journal, calls) = (self.case.journal, self.case.calls);
        let Some(sent) = sent.call.map(|call| calls[call].began) else { return false };
        let answered = |read: &usize| journal[*read].call.and_then(|call| calls[call].ended);
        let mut reads = self.read.get(&by).into_iter().flatten().filter(|read| **read >= since);
        reads.any(|read| answered(read).is_some_and(|answered| answered <= sent))
    }

    fn on_function(&mut self, by: usize, entry: &JournalEntry, report: &mut impl FnMut(Rule, String)) {
        let next = match entry.action {
            Action::Published { version, .. } => {
                self.published.insert((entry.place.clone(), version));
                return;
            }
            Action::Pointed { version } => Served { version, share: None, since: entry.at },
            Action::Shared { version, to, percent } => {
                Served { version, share: Some((to, u64::from(percent))), since: entry.at }
            }
            _ => return,
        };
        self.on_alias((by, entry), next, report);
    }

    fn on_alias(
        &mut self,
        (by, entry): (usize, &JournalEntry),
        mut next: Served,
        report: &mut impl FnMut(Rule, String),
    ) {
        let place = entry.place.as_str();
        let before = self.served.get(place).cloned();
        if let Some(before) = &before
            && (before.version, before.share) == (next.version, next.share)
        {
            next.since = before.since;
        }
        self.served.insert(place.to_owned(), next.clone());
        let active = &self.head["active"];
        let rollout = &active["rollout"];
        let one = rollout["targets"].as_array().into_iter().flatten().find(|one| place_of(one) == place);
        let Some(one) = one else {
            if next.share.is_some() {
                report(Rule::NoSharesLeft, format!("{place} serves {next}, and nothing rolls out there"));
            }
            return self.moves_at_once(place, &next, report);
        };
        let (old, new) = (number(&one["old"]), number(&one["new"]));
        let is_ours = |version: u64| version == old || version == new;
        if !is_ours(next.version) || next.share.is_some_and(|(other, _)| !is_ours(other)) {
            return report(Rule::OldAndNewOnly, format!("{place} serves {next}, not {old} or {new}"));
        }
        for other in rollout["targets"].as_array().into_iter().flatten() {
            let version = number(&other["new"]);
            if !self.published.contains(&(place_of(other), version)) {
                let text = format!("{place} serves {next}, and {} has no version {version} yet", place_of(other));
                report(Rule::AllPublishFirst, text);
            }
        }
        let (had, has) = (before.as_ref().map_or(0, |before| before.share_of(new)), next.share_of(new));
        if has <= had {
            return;
        }
        if let Some((id, since)) = &self.goes_back
            && *id == active["request"]["id"]
            && self.knew_when_sent((by, entry), *since)
        {
            report(Rule::NoRiseAfterAbort, format!("{place} serves {next}, and {id} goes back"));
        }
        let steps: Vec<(u64, i64)> = steps(rollout);
        if one["shift"] == "in_steps" {
            let follows = steps.iter().map(|(weight, _)| *weight).find(|weight| *weight > had).unwrap_or(100);
            if has != follows {
                report(Rule::StepsInOrder, format!("{place} goes from {had} % to {has} %, not to {follows} %"));
            }
        }
        let lasts = steps.iter().find(|(weight, _)| *weight == had).map_or(0, |(_, seconds)| *seconds);
        let held = before.map_or(i64::MAX, |before| next.since.duration_since(before.since).as_secs());
        if had > 0 && rollout["finish"] == false && held < lasts {
            report(Rule::ShareHeld, format!("{place} has held {had} % for {held} s of {lasts} s"));
        }
    }

    /// An alias moves although nothing rolls out: an upload that brings something new must not do so.
    fn moves_at_once(&self, place: &str, next: &Served, report: &mut impl FnMut(Rule, String)) {
        let active = &self.head["active"];
        let brings = &active["artifact"]["sha256"];
        let is_live = self.head["history"][0]["artifact"]["sha256"] == *brings;
        if active["request"]["cause"]["kind"] == "upload" && !brings.is_null() && !is_live {
            report(Rule::AllPublishFirst, format!("{place} serves {next} by an upload that does not roll out"));
        }
    }
}

/// Returns the weight and the time of each step, in seconds.
fn steps(rollout: &Value) -> Vec<(u64, i64)> {
    let steps = rollout["plan"]["steps"].as_array().into_iter().flatten();
    let step = |step: &Value| Some((step["weight"].as_u64()?, step["seconds"].as_i64()?));
    steps.filter_map(step).collect()
}

pub(super) fn number(version: &Value) -> u64 {
    version.as_str().and_then(|version| version.parse().ok()).unwrap_or_default()
}

pub(super) fn place_of(one: &Value) -> String {
    let target = &one["target"];
    match target.as_str() {
        Some(text) => text.to_owned(),
        None => format!(
            "{}/{}",
            target["account"].as_str().unwrap_or_default(),
            target["region"].as_str().unwrap_or_default()
        ),
    }
}
