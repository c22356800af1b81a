//! Everything that exists in a world: one bucket of artifacts, one ledger, and Lambda in each account and region.

use std::collections::BTreeMap;
use std::time::Duration;

use deployer_core::config::{Config, Target};
use deployer_core::event::Event;
use deployer_core::id::{AccountId, Region};
use jiff::{SignedDuration, Timestamp};

use super::artifacts::Artifacts;
use super::function::Settling;
use super::held_calls::HeldCall;
use super::identities::Keys;
use super::journal::JournalEntry;
use super::lambda::Lambda;
use super::ledger::Objects;
use super::monitoring::Monitoring;
use super::queue::Messages;
use super::sts::Sts;

/// The state of a world. Changes that a test makes here are somebody else's, not the deployer's.
pub struct State {
    /// The artifact bucket.
    pub artifacts: Artifacts,
    /// The ledger bucket.
    pub ledger: Objects,
    /// STS: the deploy roles and the sessions.
    pub sts: Sts,
    /// STS: the keys of those who give requests.
    pub keys: Keys,
    /// The messages that the deployer has sent itself.
    pub queue: Messages,
    /// The events on the bus.
    pub events: Vec<Event>,
    /// The journal: everything that was carried out.
    pub journal: Vec<JournalEntry>,
    /// The time by which AWS's clock is ahead of the deployer's.
    pub clocks_differ: SignedDuration,
    pub(super) lambdas: BTreeMap<Target, Lambda>,
    /// The calls that are held on their way.
    pub(super) held: Vec<HeldCall>,
}

impl State {
    pub(super) fn new(config: &Config, region: &Region, settling: Settling) -> Self {
        let targets = config.environments.values().flat_map(|environment| environment.targets.iter().cloned());
        let lambda = |target: Target| {
            let (functions, roles, monitoring) = (BTreeMap::new(), BTreeMap::new(), Monitoring::default());
            let lambda = Lambda {
                target: target.clone(),
                functions,
                settling,
                roles,
                monitoring,
                forbidden: Vec::new(),
                alias_reads_lag: Duration::ZERO,
                aliases_before: BTreeMap::new(),
            };
            (target, lambda)
        };
        Self {
            artifacts: Artifacts::new(config.artifact_bucket.clone(), region.clone()),
            ledger: Objects::default(),
            sts: Sts::of(config),
            keys: Keys::default(),
            queue: Messages::default(),
            events: Vec::new(),
            journal: Vec::new(),
            clocks_differ: SignedDuration::ZERO,
            lambdas: targets.map(lambda).collect(),
            held: Vec::new(),
        }
    }

    /// Returns Lambda in an account's first region, or in the one that is named: `111111111111/us-east-1`.
    ///
    /// # Panics
    /// If no environment has such a target.
    pub fn at(&mut self, place: &str) -> &mut Lambda {
        let (account, region) = match place.split_once('/') {
            Some((account, region)) => (account, Some(region)),
            None => (place, None),
        };
        let account = AccountId::parse(account).unwrap();
        let fits = |target: &Target| target.account == account && region.is_none_or(|r| target.region.as_str() == r);
        let found = self.lambdas.iter_mut().find(|(target, _)| fits(target));
        found.unwrap_or_else(|| panic!("no target is {place}")).1
    }

    /// Ends everywhere the updates whose time has come.
    pub(super) fn settle(&mut self, now: Timestamp) {
        self.lambdas.values_mut().for_each(|lambda| lambda.settle(now));
    }
}
