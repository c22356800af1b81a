//! What must be so after every schedule, judged by an oracle that is made from the uploads and their order alone.
//!
//! Must not know: how the deployer decides. It reads heads only to hold them against everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use deployer_core::head::Head;
use deployer_core::id::DeploymentId;
use deployer_core::record::{CauseKind, DeploymentRecord, Status, TargetOutcome};

use super::bytes;
use super::deeds;
use super::heard;
use super::journey::{self, Journey};
use super::kept;
use super::order::Place;
use super::orders::{Ask, Order};
use super::passage;
use super::reasons;
use super::scene::{Door, Environment, Scene};
use super::stage::{Stage, Told};
use super::story::Story;
use crate::world::journal::{Deed, What};

/// A rule, and how it was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// What was found.
    pub found: String,
}

/// What must be so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Everything ends.
    Ends,
    /// No upload is acked without a trace.
    NoneIsLost,
    /// An alias serves the newest upload that arrived there.
    ServesTheNewest,
    /// An upload that was accepted has one record, which has ended, and an equal result.
    OneRecord,
    /// Superseded only by a newer one, and never an older one after a newer one.
    Order,
    /// No version is published twice without need.
    PublishedOnce,
    /// The head, the records and Lambda agree.
    HeadAgrees,
    /// What did not succeed says why, and there is a reason.
    SaysWhy,
    /// An alias points to nothing that is not active.
    ActiveOnly,
    /// Only the owner of the claim writes, and nobody comes between.
    OneAtATime,
    /// Nobody's change is overwritten unseen.
    Foreign,
    /// The same again changes nothing.
    SameAgain,
    /// The record of every command ends.
    CommandsEnd,
    /// The same command, however often it is given, acts once.
    ActsOnce,
    /// What is older than a command whose deployment is live never becomes live after it.
    NotUndone,
    /// No alias moves to what was rejected when the deployer last looked.
    Rejected,
    /// No alias moves for a deployment that was asked to stop when the deployer last looked.
    Stops,
    /// Nothing that a hold refuses is claimed or kept while it holds.
    Held,
    /// A rollback goes to what was live before, and to nothing that is rejected.
    WalksBack,
    /// What the head says was live, and was left, is what really served.
    HistoryIsTrue,
    /// Nothing comes into an environment that did not satisfy its rules at that moment.
    Admitted,
    /// Every promotion ends, and says why it did not get there.
    PromotionsEnd,
    /// A success calls for its promotion, and what nothing stands against arrives.
    NotForgotten,
    /// The same request for a promotion, however often it comes, has one record.
    AskedOnce,
    /// What is played again from an archive promotes nothing.
    Replays,
    /// Whatever starts and ends is told, and nothing else.
    Told,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.found)
    }
}

/// One function in one environment, and what there is about it.
pub(super) struct Case<'a> {
    pub scene: &'a Scene,
    pub environment: &'a Environment,
    pub function: &'a str,
    pub journal: &'a [Deed],
    pub told: Vec<&'a Told>,
    /// The uploads of the function into whatever environment: promotions bring them here too.
    uploads: Vec<&'a Told>,
    /// What was commanded about it.
    pub orders: Vec<(usize, &'a Order)>,
    /// What was commanded about the function in other environments, and counts here.
    pub rejecting: Vec<(usize, &'a Order)>,
    records: Vec<DeploymentRecord>,
    head: Option<Head>,
    requests: BTreeSet<String>,
    /// Accepted uploads, each with its place in the order and its record.
    accepted: Vec<(Place, &'a Told, Option<DeploymentRecord>)>,
}

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
pub(super) fn judge(stage: &Stage<'_>, journal: &[Deed]) -> Judged {
    let Judged { mut found, mut accepted, mut promoted } = Judged::default();
    if stage.never_ends {
        let still = stage.still_open().join(", ");
        let text = format!("something is open after hours in which nothing went wrong: {still}");
        return Judged { found: vec![Violation { rule: Rule::Ends, found: text }], accepted, promoted };
    }
    for function in &stage.scene.functions {
        let mut told = Vec::new();
        for environment in &stage.scene.environments {
            let case = Case::of(stage, journal, environment, function);
            accepted.extend(case.accepted.iter().map(|(_, told, _)| told.number));
            let story = case.judge(stage, &mut found);
            told.extend(story.map(|story| (case, story)));
        }
        if stage.scene.promotes() {
            promoted += told.iter().map(|(_, story)| story.promoted()).sum::<usize>();
            passage::judge(stage, journal, &told, &mut found);
            kept::judge(stage, &told, &mut found);
            heard::judge(stage, &told, &mut found);
        }
    }
    deeds::claims(stage.scene, journal, &mut found);
    stage.world.aws(|aws| {
        for marker in aws.ledger.keys("open/") {
            found.push(Violation {
                rule: Rule::HeadAgrees,
                found: format!("{marker} guards nothing, and is still there"),
            });
        }
        for place in stage.scene.environments.iter().flat_map(|environment| &environment.targets) {
            for misdeed in &aws.at(place).misdeeds {
                found.push(Violation { rule: Rule::ActiveOnly, found: misdeed.clone() });
            }
        }
    });
    Judged { found, accepted, promoted }
}

impl<'a> Case<'a> {
    fn of(stage: &'a Stage<'_>, journal: &'a [Deed], environment: &'a Environment, function: &'a str) -> Self {
        let prefix = format!("{}/{function}/", environment.name);
        let told: Vec<&Told> = stage.told.iter().filter(|told| told.s3.key.starts_with(&prefix)).collect();
        let (records, head, requests) = stage.world.aws(|aws| {
            let keys = aws.ledger.keys("deployments/").filter(|key| key["deployments/".len()..].starts_with(&prefix));
            let body = |key: &str| aws.ledger.get(key).unwrap_or_default();
            let records = keys.filter_map(|key| serde_json::from_slice(body(key)).ok()).collect::<Vec<_>>();
            let head = body(&format!("heads/{}/{function}.json", environment.name));
            let value: serde_json::Value = serde_json::from_slice(head).unwrap_or_default();
            let ids = value["requests"].as_array().into_iter().flatten().filter_map(|known| known["id"].as_str());
            (records, serde_json::from_slice(head).ok(), ids.map(str::to_owned).collect())
        });
        let orders = stage.scene.orders.iter().enumerate().filter(|(_, order)| order.function == function);
        let is_here = |order: &Order| stage.scene.environments[order.environment].name == environment.name;
        let (orders, others): (Vec<_>, Vec<_>) = orders.partition(|(_, order)| is_here(order));
        let mut case = Self {
            orders,
            rejecting: others.into_iter().filter(|(_, order)| order.ask.is_everywhere()).collect(),
            scene: stage.scene,
            environment,
            function,
            journal,
            told,
            uploads: stage.told.iter().filter(|told| told.s3.key.contains(&format!("/{function}/"))).collect(),
            records,
            head,
            requests,
            accepted: vec![],
        };
        let answered = |told: &Told| stage.answers.iter().any(|(number, _)| *number == told.number);
        for told in case.told.clone() {
            let record = case.records_of(told).next().cloned();
            let ids = [Door::S3, Door::EventBridge].map(|door| super::order::id(told.through(door)));
            let is_known = ids.iter().any(|id| case.requests.contains(id));
            if record.is_some() || is_known || answered(told) {
                let door = match record.as_ref().and_then(|record| record.cause.event_id.as_deref()) {
                    Some(id) if id.starts_with("eventbridge-") => Door::EventBridge,
                    _ => Door::S3,
                };
                case.accepted.push((Place::of(told.through(door)), told, record));
            }
        }
        case
    }

    fn records_of<'c>(&'c self, told: &'c Told) -> impl Iterator<Item = &'c DeploymentRecord> {
        let uploads = self.records.iter().filter(|record| record.cause.kind == CauseKind::Upload);
        uploads.filter(|record| {
            record.artifact.as_ref().is_some_and(|artifact| {
                artifact.key == told.s3.key && Some(&artifact.version_id) == told.s3.version_id.as_ref()
            })
        })
    }

    /// All records.
    pub fn records(&self) -> impl Iterator<Item = &DeploymentRecord> {
        self.records.iter()
    }

    /// The record of a deployment.
    pub fn record(&self, id: DeploymentId) -> Option<&DeploymentRecord> {
        self.records.iter().find(|record| record.id == id)
    }

    /// The place in the order of the upload that this is the record of.
    pub fn place_of(&self, record: &DeploymentRecord) -> Option<Place> {
        let its = |known: &Option<DeploymentRecord>| known.as_ref().is_some_and(|known| known.id == record.id);
        self.accepted.iter().find(|(_, _, known)| its(known)).map(|(place, _, _)| place.clone())
    }

    /// The upload that brought the artifact of a record.
    pub fn upload_of(&self, record: &DeploymentRecord) -> Option<&'a Told> {
        let artifact = record.artifact.as_ref()?;
        let its =
            |told: &&&Told| told.s3.key == artifact.key && told.s3.version_id.as_ref() == Some(&artifact.version_id);
        self.uploads.iter().find(its).copied()
    }

    /// Whether anything was commanded that has to do with it.
    pub fn is_commanded(&self) -> bool {
        self.scene.promotes() || !self.orders.is_empty() || !self.rejecting.is_empty()
    }

    /// Whether this was commanded about it.
    pub fn is_asked(&self, what: impl Fn(&Ask) -> bool) -> bool {
        self.orders.iter().chain(&self.rejecting).any(|(_, order)| what(&order.ask))
    }

    pub fn bytes(&self, told: &Told) -> super::scene::Bytes {
        self.scene.uploads[told.number].bytes
    }

    fn name(&self) -> String {
        format!("{}/{}", self.environment.name, self.function)
    }

    /// Whether somebody else has changed code, configuration or alias of the function anywhere.
    pub fn is_touched(&self) -> bool {
        self.environment.targets.iter().any(|place| self.is_touched_at(place))
    }

    pub fn is_touched_at(&self, place: &str) -> bool {
        let touches = |deed: &Deed| matches!(deed.what, What::Changed | What::Pointed { .. });
        self.deeds(place).any(|deed| deed.by.is_none() && touches(deed))
    }

    /// What was done to the function in a place.
    pub fn deeds(&self, place: &str) -> impl Iterator<Item = &'a Deed> {
        let (journal, function) = (self.journal, self.function);
        let place = place.to_owned();
        journal.iter().filter(move |deed| deed.about == function && deed.place == place)
    }

    /// The places in the order of the accepted uploads that have these bytes.
    pub fn accepted_with(&self, sha256: deployer_core::id::Sha256) -> Vec<Place> {
        let same = self.accepted.iter().filter(|(_, told, _)| bytes::of(self.bytes(told)).1 == sha256);
        same.map(|(place, _, _)| place.clone()).collect()
    }

    fn judge(&self, stage: &Stage<'_>, found: &mut Vec<Violation>) -> Option<Story> {
        let mut story = None;
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
                let late = !place.is_newer_than_command(other.started_at);
                (late || displaced || stopped) && other.cause.kind != CauseKind::Upload
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
            journey::commands(self, stage, &mut say);
            story = Some(Journey::of(self).judge(&mut say));
        }
        for place in &self.environment.targets {
            if !self.is_commanded() {
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

    /// The accepted uploads that arrived in a place, with the version that their record names.
    fn arrived(&self, place: &str) -> Vec<(Place, &Told, &TargetOutcome)> {
        let there = |target: &&TargetOutcome| format!("{}/{}", target.account, target.region) == place;
        let arrived = |target: &&TargetOutcome| matches!(target.status, Status::Succeeded | Status::Unchanged);
        self.accepted
            .iter()
            .filter_map(|(order, told, record)| {
                let target = record.as_ref()?.targets.iter().filter(there).find(arrived)?;
                Some((order.clone(), *told, target))
            })
            .collect()
    }

    fn serves(&self, stage: &Stage<'_>, place: &str, say: &mut impl FnMut(Rule, String)) {
        let pointed = self.deeds(place).filter(|deed| matches!(deed.what, What::Pointed { .. }));
        if pointed.last().is_some_and(|last| last.by.is_none()) {
            return;
        }
        let serves = stage.world.aws(|aws| {
            let function = aws.at(place).functions.get(self.function)?;
            let version = function.aliases.get("live")?.version;
            Some((version, function.versions.get(&version)?.sha256))
        });
        let arrived = self.arrived(place);
        if arrived.is_empty() {
            let was = self.scene.there.iter().any(|(at, function)| at == place && function == self.function);
            if serves.map(|(version, _)| version) != was.then_some(1) && !self.is_touched_at(place) {
                say(Rule::ServesTheNewest, format!("nothing arrived in {place}, but it serves {serves:?}"));
            }
            return;
        }
        let Some((_, told, outcome)) = arrived.iter().max_by_key(|(order, _, _)| order) else { return };
        let expected = bytes::of(self.bytes(told)).1;
        let version = outcome.version.as_ref().map(deployer_core::id::Version::number);
        if serves.map(|(version, sha256)| (Some(version), sha256)) != Some((version, expected)) {
            let what = &told.s3.key;
            say(
                Rule::ServesTheNewest,
                format!("{place} should serve {what} as version {version:?}, and serves {serves:?}"),
            );
        }
    }

    fn head_agrees(&self, say: &mut impl FnMut(Rule, String)) {
        let Some(head) = &self.head else {
            if !self.accepted.is_empty() {
                say(Rule::HeadAgrees, "there is no head, or it cannot be read".to_owned());
            }
            return;
        };
        let records: BTreeMap<_, _> = self.records.iter().map(|record| (record.id, record)).collect();
        for id in head.deployments().iter().filter(|id| !records.contains_key(id)) {
            say(Rule::OneRecord, format!("the head knows {id}, and there is no record"));
        }
        for id in self.requests.iter().filter(|id| !records.keys().any(|known| known.to_string() == **id)) {
            say(Rule::OneRecord, format!("the head knows the request of {id}, and there is no record"));
        }
        if head.history().len() > deployer_core::head::HISTORY || self.requests.len() > deployer_core::head::REQUESTS {
            say(Rule::HeadAgrees, "a list of the head is too long".to_owned());
        }
        if self.is_commanded() {
            return;
        }
        let whole: Vec<_> = self
            .accepted
            .iter()
            .filter_map(|(order, _, record)| Some((order, record.as_ref()?)))
            .filter(|(_, record)| matches!(record.status, Status::Succeeded | Status::Unchanged))
            .collect();
        let newest = whole.iter().max_by_key(|(order, _)| order);
        match (head.live(), newest) {
            (None, None) => {}
            (Some(live), _)
                if records.get(&live.deployment).is_none_or(|record| {
                    let versions = record.targets.iter().filter_map(|target| {
                        Some((format!("{}/{}", target.account, target.region), target.version.clone()?))
                    });
                    !matches!(record.status, Status::Succeeded | Status::Unchanged)
                        || live.versions != versions.collect()
                }) =>
            {
                say(Rule::HeadAgrees, format!("live is {}, and its record says otherwise", live.release));
            }
            (Some(live), Some((_, record))) if live.deployment == record.id => {}
            (Some(live), Some((order, _))) => {
                say(Rule::HeadAgrees, format!("live is {}, and the newest that succeeded is {order}", live.release));
            }
            (Some(_), None) if !whole.is_empty() => {}
            (live, newest) => {
                let (live, newest) = (live.map(|live| &live.release), newest.map(|(order, _)| order));
                say(Rule::HeadAgrees, format!("live is {live:?}, and the newest that succeeded is {newest:?}"));
            }
        }
        for place in &self.environment.targets {
            let known = self.environment_target(place).and_then(|target| head.target(&target).cloned());
            let arrived = self.arrived(place);
            if let Some((_, _, outcome)) = arrived.iter().max_by_key(|(order, _, _)| order)
                && known.as_ref().and_then(|known| known.version.as_ref()) != outcome.version.as_ref()
            {
                let version = known.map(|known| known.version);
                say(
                    Rule::HeadAgrees,
                    format!("the head says that {place} serves {version:?}, the record {:?}", outcome.version),
                );
            }
        }
    }

    fn environment_target(&self, place: &str) -> Option<deployer_core::config::Target> {
        let target = |outcome: &TargetOutcome| deployer_core::config::Target {
            account: outcome.account.clone(),
            region: outcome.region.clone(),
        };
        let mut targets = self.records.iter().flat_map(|record| &record.targets).map(target);
        targets.find(|target| target.to_string() == place)
    }
}
