//! The traffic of aliases with provisioned concurrency, computed a second time: Lambda leaves it on the former version
//! until the concurrency is allocated on the new one.
//!
//! Must not know how the deployer reads it.

use std::collections::BTreeMap;
use std::time::Duration;

use deployer_core::id::Version;
use deployer_core::record::DeploymentRecord;
use jiff::Timestamp;

use super::case::Case;
use super::live_oracle::{Report, has_arrived, place};
use super::rule::Rule;
use world::journal::{Action, JournalEntry};

/// An alias with provisioned concurrency.
struct Alias {
    takes: Duration,
    fails: bool,
    version: u64,
    /// The version that has the traffic.
    stands_on: u64,
    /// The time at which the traffic moves to the alias's version.
    until: Option<Timestamp>,
}

/// The aliases of a function in an environment, by target.
pub(super) struct TrafficOracle {
    aliases: BTreeMap<String, Alias>,
}

impl TrafficOracle {
    pub fn of(case: &Case<'_>) -> Self {
        let here = case.scenario.provisioned.iter().filter(|one| one.function == case.function);
        let alias = |takes, fails| Alias { takes, fails, version: 1, stands_on: 1, until: None };
        Self { aliases: here.map(|one| (one.place.clone(), alias(one.takes, one.fails))).collect() }
    }

    /// A journal entry about the function. After a foreign move of an alias nothing is known of its traffic.
    pub fn on_entry(&mut self, entry: &JournalEntry) {
        let Action::Pointed { version } = entry.action else { return };
        if entry.by.is_none() {
            self.aliases.remove(&entry.place);
        }
        let Some(alias) = self.aliases.get_mut(&entry.place) else { return };
        alias.settle(entry.at);
        let moved = alias.version != version;
        (alias.version, alias.until) = (version, None);
        if moved && alias.stands_on != version {
            alias.until = Some(entry.at + alias.takes).filter(|_| !alias.fails);
        } else {
            alias.stands_on = version;
        }
    }

    /// A deployment has ended. Where it succeeded, the traffic must be on its version.
    pub fn on_deployment_end(&mut self, record: &DeploymentRecord, now: Timestamp, report: Report<'_>) {
        for outcome in record.targets.iter().filter(|outcome| has_arrived(outcome.status)) {
            let Some(alias) = self.aliases.get_mut(&place(outcome)) else { continue };
            alias.settle(now);
            // A rollback that had only to stop a deployment brings nothing.
            if outcome.version.is_none() {
                continue;
            }
            if outcome.version.as_ref().map(Version::number) != Some(alias.stands_on) {
                let (id, version, place) = (record.id, &outcome.version, place(outcome));
                let text = format!("{id} is {} with {version:?} in {place}", outcome.status);
                report(Rule::TrafficMoved, format!("{text}, where the traffic is on {}", alias.stands_on));
            }
        }
    }
}

impl Alias {
    fn settle(&mut self, now: Timestamp) {
        if self.until.is_some_and(|until| until <= now) {
            (self.stands_on, self.until) = (self.version, None);
        }
    }
}
