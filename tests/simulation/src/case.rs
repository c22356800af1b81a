//! One function in one environment, with everything that the oracles need to judge it.

use std::collections::{BTreeMap, BTreeSet};

use deployer_core::head::{Head, Request};
use deployer_core::id::DeploymentId;
use deployer_core::record::{CauseKind, DeploymentRecord, Status, TargetOutcome};
use jiff::Timestamp;

use super::closed_accounts::Afterwards;
use super::commands::{self, CommandKind, PlannedCommand, Preconditions};
use super::live_oracle::has_arrived;
use super::runner::{Runner, SentUpload};
use super::scenario::{Channel, Environment, Scenario};
use super::taken_out::GoneFor;
use super::upload_order::Position;
use super::zips;
use world::Call;
use world::journal::{Action, JournalEntry};

/// One function in one environment.
pub(super) struct Case<'a> {
    pub scenario: &'a Scenario,
    pub environment: &'a Environment,
    pub function: &'a str,
    pub journal: &'a [JournalEntry],
    /// Every port call of every invocation.
    pub calls: &'a [Call],
    pub uploads: Vec<&'a SentUpload>,
    /// The uploads of the function into any environment: promotions bring them here too.
    pub uploads_anywhere: Vec<&'a SentUpload>,
    /// The commands about it.
    pub commands: Vec<(usize, &'a PlannedCommand)>,
    /// The preconditions that people sent with commands, by the command's number.
    pub preconditions: &'a BTreeMap<usize, Preconditions>,
    /// The targets that have left the configuration.
    pub removed_targets: &'a [String],
    /// The invocations that did not find a part of it in the configuration.
    pub gone_for: Option<&'a GoneFor>,
    /// The commands about the function in other environments that count here too.
    pub rejects_elsewhere: Vec<(usize, &'a PlannedCommand)>,
    pub records: Vec<DeploymentRecord>,
    pub head: Option<Head>,
    pub requests: BTreeSet<String>,
    /// The accepted uploads, each with its position in the order and its record.
    pub accepted: Vec<(Position, &'a SentUpload, Option<DeploymentRecord>)>,
}

impl<'a> Case<'a> {
    pub fn of(
        runner: &'a Runner<'_>,
        (journal, calls): (&'a [JournalEntry], &'a [Call]),
        environment: &'a Environment,
        function: &'a str,
    ) -> Self {
        let prefix = format!("{}/{function}/", environment.name);
        let uploads: Vec<&SentUpload> =
            runner.uploads.iter().filter(|upload| upload.s3.key.starts_with(&prefix)).collect();
        let (records, head, requests) = runner.world.aws(|aws| {
            let keys = aws.ledger.keys("deployments/").filter(|key| key["deployments/".len()..].starts_with(&prefix));
            let body = |key: &str| aws.ledger.get(key).unwrap_or_default();
            let records = keys.filter_map(|key| serde_json::from_slice(body(key)).ok()).collect::<Vec<_>>();
            let head = body(&format!("heads/{}/{function}.json", environment.name));
            let value: serde_json::Value = serde_json::from_slice(head).unwrap_or_default();
            let ids = value["requests"].as_array().into_iter().flatten().filter_map(|known| known["id"].as_str());
            (records, serde_json::from_slice(head).ok(), ids.map(str::to_owned).collect())
        });
        let commands = runner.scenario.commands.iter().enumerate().filter(|(_, command)| command.function == function);
        let is_here =
            |command: &PlannedCommand| runner.scenario.environments[command.environment].name == environment.name;
        let (commands, others): (Vec<_>, Vec<_>) = commands.partition(|(_, command)| is_here(command));
        let mut case = Self {
            commands,
            preconditions: &runner.preconditions,
            removed_targets: &runner.removed_targets,
            gone_for: runner.gone_for.as_ref(),
            rejects_elsewhere: others.into_iter().filter(|(_, command)| command.kind.is_everywhere()).collect(),
            scenario: runner.scenario,
            environment,
            function,
            journal,
            calls,
            uploads,
            uploads_anywhere: runner
                .uploads
                .iter()
                .filter(|upload| upload.s3.key.contains(&format!("/{function}/")))
                .collect(),
            records,
            head,
            requests,
            accepted: vec![],
        };
        let answered = |upload: &SentUpload| runner.upload_records.iter().any(|(number, _)| *number == upload.number);
        for upload in case.uploads.clone() {
            let record = case.records_of(upload).next().cloned();
            let ids = [Channel::S3, Channel::EventBridge].map(|channel| super::upload_order::id(upload.by(channel)));
            let is_known = ids.iter().any(|id| case.requests.contains(id));
            if record.is_some() || is_known || answered(upload) {
                let channel = match record.as_ref().and_then(|record| record.cause.event_id.as_deref()) {
                    Some(id) if id.starts_with("eventbridge-") => Channel::EventBridge,
                    _ => Channel::S3,
                };
                case.accepted.push((Position::of(upload.by(channel)), upload, record));
            }
        }
        case
    }

    /// Whether this target leaves the configuration, now or later.
    pub fn is_taken_out(&self, place: &str) -> bool {
        let leaves = |then| matches!(then, Afterwards::IsTakenOut { .. });
        self.scenario.closed.iter().any(|closed| closed.place == place && leaves(closed.then))
    }

    /// Whether a release was live here before this time; also if no record tells since when.
    pub fn was_live_before(&self, time: Timestamp) -> bool {
        let was_live = self.head.as_ref().is_some_and(|head| !head.history().is_empty() || !head.left().is_empty());
        let arrived = self.records.iter().filter(|record| has_arrived(record.status));
        let first = arrived.filter_map(|record| record.finished_at).min();
        was_live && first.is_none_or(|first| first < time)
    }

    pub fn records_of<'c>(&'c self, upload: &'c SentUpload) -> impl Iterator<Item = &'c DeploymentRecord> {
        let uploads = self.records.iter().filter(|record| record.cause.kind == CauseKind::Upload);
        uploads.filter(|record| {
            record.artifact.as_ref().is_some_and(|artifact| {
                artifact.key == upload.s3.key && Some(&artifact.version_id) == upload.s3.version_id.as_ref()
            })
        })
    }

    /// Returns all records.
    pub fn records(&self) -> impl Iterator<Item = &DeploymentRecord> {
        self.records.iter()
    }

    /// Returns the record of a deployment.
    pub fn record(&self, id: DeploymentId) -> Option<&DeploymentRecord> {
        self.records.iter().find(|record| record.id == id)
    }

    /// Returns the position in the order of the upload that has this record.
    pub fn position_of(&self, record: &DeploymentRecord) -> Option<Position> {
        let its = |known: &Option<DeploymentRecord>| known.as_ref().is_some_and(|known| known.id == record.id);
        self.accepted.iter().find(|(_, _, known)| its(known)).map(|(place, _, _)| place.clone())
    }

    /// Returns the targets that the configuration still has.
    pub fn present(&self) -> impl Iterator<Item = &'a String> {
        let (environment, removed_targets) = (self.environment, self.removed_targets);
        environment.targets.iter().filter(move |place| !removed_targets.contains(place))
    }

    /// Whether an account of the environment refused every call at any time.
    pub fn has_closed_accounts(&self) -> bool {
        self.scenario.closed.iter().any(|closed| self.environment.targets.contains(&closed.place))
    }

    /// Whether the alias has had provisioned concurrency from the beginning.
    pub fn has_provisioned(&self, place: &str) -> bool {
        self.scenario.provisioned.iter().any(|one| one.function == self.function && one.place == place)
    }

    /// Returns the preconditions that the person behind this request has sent with it.
    pub fn preconditions_of(&self, request: &Request) -> Option<&'a Preconditions> {
        let by = request.cause.requested_by.as_deref()?;
        let (number, _) = self.commands.iter().find(|(number, _)| commands::name(*number) == by)?;
        self.preconditions.get(number).filter(|seen| !seen.is_nothing())
    }

    /// Returns the upload that brought the artifact of a record.
    pub fn upload_of(&self, record: &DeploymentRecord) -> Option<&'a SentUpload> {
        let artifact = record.artifact.as_ref()?;
        let its = |upload: &&&SentUpload| {
            upload.s3.key == artifact.key && upload.s3.version_id.as_ref() == Some(&artifact.version_id)
        };
        self.uploads_anywhere.iter().find(its).copied()
    }

    /// Whether any command or promotion can have affected it.
    pub fn is_commanded(&self) -> bool {
        self.scenario.promotes() || !self.commands.is_empty() || !self.rejects_elsewhere.is_empty()
    }

    /// Whether a command that satisfies this affected it.
    pub fn has_command(&self, what: impl Fn(&CommandKind) -> bool) -> bool {
        self.commands.iter().chain(&self.rejects_elsewhere).any(|(_, command)| what(&command.kind))
    }

    pub fn zip_of(&self, upload: &SentUpload) -> super::scenario::ZipSpec {
        self.scenario.uploads[upload.number].zip
    }

    pub fn name(&self) -> String {
        format!("{}/{}", self.environment.name, self.function)
    }

    /// Whether somebody other than the deployer has changed code, configuration or alias of the function in any target.
    pub fn is_changed_by_others(&self) -> bool {
        self.environment.targets.iter().any(|place| self.is_changed_by_others_at(place))
    }

    pub fn is_changed_by_others_at(&self, place: &str) -> bool {
        let touches = |entry: &JournalEntry| matches!(entry.action, Action::Changed | Action::Pointed { .. });
        self.changes(place).any(|entry| entry.by.is_none() && touches(entry))
    }

    /// Returns the journal entries about the function in a target.
    pub fn changes(&self, place: &str) -> impl Iterator<Item = &'a JournalEntry> {
        let (journal, function) = (self.journal, self.function);
        let place = place.to_owned();
        journal.iter().filter(move |entry| entry.object == function && entry.place == place)
    }

    /// Returns the newest of these, by position in the order of uploads.
    pub fn newest<'t, T>(&self, all: &'t [T], place: impl Fn(&T) -> &Position) -> Option<&'t T> {
        all.iter().max_by(|one, other| place(one).cmp(place(other)))
    }

    /// Returns the positions in the order of the accepted uploads that have these bytes.
    pub fn accepted_with(&self, sha256: deployer_core::id::Sha256) -> Vec<Position> {
        let same = self.accepted.iter().filter(|(_, upload, _)| zips::of(self.zip_of(upload)).1 == sha256);
        same.map(|(place, _, _)| place.clone()).collect()
    }

    /// Returns the accepted uploads that arrived in a target, with the outcome that their record gives for it.
    pub fn arrived(&self, place: &str) -> Vec<(Position, &SentUpload, &TargetOutcome)> {
        let there = |target: &&TargetOutcome| format!("{}/{}", target.account, target.region) == place;
        let arrived = |target: &&TargetOutcome| matches!(target.status, Status::Succeeded | Status::Unchanged);
        self.accepted
            .iter()
            .filter_map(|(position, upload, record)| {
                let target = record.as_ref()?.targets.iter().filter(there).find(arrived)?;
                Some((position.clone(), *upload, target))
            })
            .collect()
    }
}
