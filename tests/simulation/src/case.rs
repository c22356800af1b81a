//! One function in one environment, and all that there is about it.

use std::collections::{BTreeMap, BTreeSet};

use deployer_core::head::{Head, Request};
use deployer_core::id::DeploymentId;
use deployer_core::record::{CauseKind, DeploymentRecord, Status, TargetOutcome};

use super::bytes;
use super::order::Place;
use super::orders::{self, Ask, Order, Seen};
use super::scene::{Door, Environment, Scene};
use super::stage::{Stage, Told};
use world::Call;
use world::journal::{JournalEntry, Action};

/// One function in one environment, and what there is about it.
pub(super) struct Case<'a> {
    pub scene: &'a Scene,
    pub environment: &'a Environment,
    pub function: &'a str,
    pub journal: &'a [JournalEntry],
    /// Every port call of every invocation.
    pub calls: &'a [Call],
    pub told: Vec<&'a Told>,
    /// The uploads of the function into whatever environment: promotions bring them here too.
    pub uploads: Vec<&'a Told>,
    /// What was commanded about it.
    pub orders: Vec<(usize, &'a Order)>,
    /// What was seen by those who gave commands after a look.
    pub seen: &'a BTreeMap<usize, Seen>,
    /// The targets that were taken out of the configuration.
    pub taken_out: &'a [String],
    /// What was commanded about the function in other environments, and counts here.
    pub rejecting: Vec<(usize, &'a Order)>,
    pub records: Vec<DeploymentRecord>,
    pub head: Option<Head>,
    pub requests: BTreeSet<String>,
    /// Accepted uploads, each with its place in the order and its record.
    pub accepted: Vec<(Place, &'a Told, Option<DeploymentRecord>)>,
}

impl<'a> Case<'a> {
    pub fn of(
        stage: &'a Stage<'_>,
        (journal, calls): (&'a [JournalEntry], &'a [Call]),
        environment: &'a Environment,
        function: &'a str,
    ) -> Self {
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
            seen: &stage.seen,
            taken_out: &stage.taken_out,
            rejecting: others.into_iter().filter(|(_, order)| order.ask.is_everywhere()).collect(),
            scene: stage.scene,
            environment,
            function,
            journal,
            calls,
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

    pub fn records_of<'c>(&'c self, told: &'c Told) -> impl Iterator<Item = &'c DeploymentRecord> {
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

    /// The targets that the configuration still has.
    pub fn present(&self) -> impl Iterator<Item = &'a String> {
        let (environment, taken_out) = (self.environment, self.taken_out);
        environment.targets.iter().filter(move |place| !taken_out.contains(place))
    }

    /// Whether an account of the environment refused everything at any time.
    pub fn has_closed_accounts(&self) -> bool {
        self.scene.closed.iter().any(|closed| self.environment.targets.contains(&closed.place))
    }

    /// Whether the alias had provisioned concurrency from the beginning.
    pub fn has_provisioned(&self, place: &str) -> bool {
        self.scene.provisioned.iter().any(|one| one.function == self.function && one.place == place)
    }

    /// What whoever asked for this has seen, and said.
    pub fn seen_before(&self, request: &Request) -> Option<&'a Seen> {
        let by = request.cause.requested_by.as_deref()?;
        let (number, _) = self.orders.iter().find(|(number, _)| orders::name(*number) == by)?;
        self.seen.get(number).filter(|seen| !seen.is_nothing())
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

    pub fn name(&self) -> String {
        format!("{}/{}", self.environment.name, self.function)
    }

    /// Whether somebody else has changed code, configuration or alias of the function anywhere.
    pub fn is_touched(&self) -> bool {
        self.environment.targets.iter().any(|place| self.is_touched_at(place))
    }

    pub fn is_touched_at(&self, place: &str) -> bool {
        let touches = |deed: &JournalEntry| matches!(deed.what, Action::Changed | Action::Pointed { .. });
        self.deeds(place).any(|deed| deed.by.is_none() && touches(deed))
    }

    /// What was done to the function in a place.
    pub fn deeds(&self, place: &str) -> impl Iterator<Item = &'a JournalEntry> {
        let (journal, function) = (self.journal, self.function);
        let place = place.to_owned();
        journal.iter().filter(move |deed| deed.about == function && deed.place == place)
    }

    /// The newest of these.
    pub fn newest<'t, T>(&self, all: &'t [T], place: impl Fn(&T) -> &Place) -> Option<&'t T> {
        all.iter().max_by(|one, other| place(one).cmp(place(other)))
    }

    /// The places in the order of the accepted uploads that have these bytes.
    pub fn accepted_with(&self, sha256: deployer_core::id::Sha256) -> Vec<Place> {
        let same = self.accepted.iter().filter(|(_, told, _)| bytes::of(self.bytes(told)).1 == sha256);
        same.map(|(place, _, _)| place.clone()).collect()
    }

    /// The accepted uploads that arrived in a place, with the version that their record names.
    pub fn arrived(&self, place: &str) -> Vec<(Place, &Told, &TargetOutcome)> {
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
}
