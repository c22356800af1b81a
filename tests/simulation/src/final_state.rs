//! Checks the state in the end where nobody gave a command: every object names the newest upload that arrived, and
//! every target serves it.

use std::collections::BTreeMap;

use deployer_core::record::{Status, TargetOutcome};

use super::case::Case;
use super::live_oracle;
use super::rule::Rule;
use super::runner::Runner;
use super::zips;
use world::journal::Action;

impl Case<'_> {
    pub(super) fn serves(&self, runner: &Runner<'_>, place: &str, report: &mut impl FnMut(Rule, String)) {
        let pointed = self.changes(place).filter(|entry| matches!(entry.action, Action::Pointed { .. }));
        if pointed.last().is_some_and(|last| last.by.is_none()) {
            return;
        }
        let serves = runner.world.aws(|aws| {
            let function = aws.at(place).functions.get(self.function)?;
            let version = function.aliases.get("live")?.version;
            Some((version, function.versions.get(&version)?.sha256))
        });
        let arrived = self.arrived(place);
        let newest = self.newest(&arrived, |(position, _, _)| position);
        // An upload that failed here and moved the alias all the same, or may still move it, does not count as arrived.
        let moved = self.accepted.iter().any(|(position, _, record)| {
            newest.is_none_or(|(newest, _, _)| position > newest)
                && record
                    .iter()
                    .flat_map(|record| &record.targets)
                    .any(|outcome| outcome.reached && !outcome.serves() && live_oracle::place(outcome) == place)
        });
        if moved {
            return;
        }
        if arrived.is_empty() {
            let was = self.scenario.existing.iter().any(|(at, function)| at == place && function == self.function);
            if serves.map(|(version, _)| version) != was.then_some(1) && !self.is_changed_by_others_at(place) {
                report(Rule::ServesNewest, format!("nothing arrived in {place}, but it serves {serves:?}"));
            }
            return;
        }
        let Some((_, upload, outcome)) = newest else { return };
        let expected = zips::of(self.zip_of(upload)).1;
        let version = outcome.version.as_ref().map(deployer_core::id::Version::number);
        if serves.map(|(version, sha256)| (Some(version), sha256)) != Some((version, expected)) {
            let what = &upload.s3.key;
            report(
                Rule::ServesNewest,
                format!("{place} should serve {what} as version {version:?}, and serves {serves:?}"),
            );
        }
    }

    pub(super) fn head_agrees(&self, report: &mut impl FnMut(Rule, String)) {
        let Some(head) = &self.head else {
            if !self.accepted.is_empty() {
                report(Rule::HeadAgrees, "there is no head, or it cannot be read".to_owned());
            }
            return;
        };
        let records: BTreeMap<_, _> = self.records.iter().map(|record| (record.id, record)).collect();
        for id in head.deployments().iter().filter(|id| !records.contains_key(id)) {
            report(Rule::OneRecord, format!("the head knows {id}, and there is no record"));
        }
        for id in self.requests.iter().filter(|id| !records.keys().any(|known| known.to_string() == **id)) {
            report(Rule::OneRecord, format!("the head knows the request of {id}, and there is no record"));
        }
        if head.history().len() > deployer_core::head::HISTORY || self.requests.len() > deployer_core::head::REQUESTS {
            report(Rule::HeadAgrees, "a list of the head is too long".to_owned());
        }
        if self.is_commanded() {
            return;
        }
        // A failed deployment may have reached some targets, and is then live.
        if self.records.iter().any(|record| record.status == Status::Failed) {
            return;
        }
        let whole: Vec<_> = self
            .accepted
            .iter()
            .filter_map(|(position, _, record)| Some((position, record.as_ref()?)))
            .filter(|(_, record)| matches!(record.status, Status::Succeeded | Status::Unchanged))
            .collect();
        let newest = self.newest(&whole, |(position, _)| position);
        match (head.live(), newest) {
            (None, None) => {}
            // The same bytes again replace the label and artifact of the live entry, and keep its deployment.
            (Some(live), Some((_, record)))
                if record.artifact.as_ref().is_some_and(|artifact| artifact.reference() == live.artifact)
                    && live.deployment != record.id => {}
            (Some(live), _)
                if records.get(&live.deployment).is_none_or(|record| {
                    let versions = record.targets.iter().filter_map(|target| {
                        Some((format!("{}/{}", target.account, target.region), target.version.clone()?))
                    });
                    !matches!(record.status, Status::Succeeded | Status::Unchanged)
                        || live.versions != versions.collect()
                }) =>
            {
                report(Rule::HeadAgrees, format!("live is {}, and its record says otherwise", live.release));
            }
            (Some(live), Some((_, record))) if live.deployment == record.id => {}
            (Some(live), Some((position, _))) => {
                report(
                    Rule::HeadAgrees,
                    format!("live is {}, and the newest that succeeded is {position}", live.release),
                );
            }
            (Some(_), None) if !whole.is_empty() => {}
            (live, newest) => {
                let (live, newest) = (live.map(|live| &live.release), newest.map(|(position, _)| position));
                report(Rule::HeadAgrees, format!("live is {live:?}, and the newest that succeeded is {newest:?}"));
            }
        }
        // The head forgets a target that has left the configuration.
        for place in self.present() {
            let known = self.environment_target(place).and_then(|target| head.target(&target).cloned());
            let arrived = self.arrived(place);
            if let Some((_, _, outcome)) = self.newest(&arrived, |(position, _, _)| position)
                && known.as_ref().and_then(|known| known.version.as_ref()) != outcome.version.as_ref()
            {
                let version = known.map(|known| known.version);
                report(
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
