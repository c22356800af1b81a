//! The head's own fields, and the reading of them.

use serde::{Deserialize, Deserializer, Serialize};

use super::active::Active;
use super::door::Door;
use super::live::Live;
use super::live_target::LiveTarget;
use super::order::Newest;
use super::outbox::{Failure, OutboxEntry, SideEffect};
use super::request::Request;
use super::waiting::Waiting;
use crate::as_read::AsRead;
use crate::commanded::{Commanded, Hold};
use crate::config::Target;
use crate::function_ref::FunctionRef;
use crate::id::{DeploymentId, EnvironmentName, FunctionName, RequestHash, Token};
use crate::managed_keys::ManagedKeys;
use crate::names::{HEADS, OPEN};
use crate::record::SCHEMA;

/// The number of artifacts that were live that a head remembers.
pub const HISTORY: usize = 50;

/// How many requests are known by their hash.
pub const REQUESTS: usize = 100;

/// How many promotions wait at once.
pub const WAITING: usize = 20;

/// How many ended deployments are known by their id.
pub const ENDED: usize = 50;

/// How many ended records may wait for their consequences before nothing more is accepted.
pub const OUTBOX: usize = 50;

/// How often a deployment is taken up by somebody who then dies, before it ends as failed: an artifact that kills
/// whoever deploys it shall not do so for ever.
pub const ATTEMPTS: u32 = 5;

/// How often a deployment that runs out of time is gone on with, before its targets fail as timed out.
pub const EXTENSIONS: u32 = 3;

/// A request that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) hash: RequestHash,
    pub(super) id: DeploymentId,
}

/// The head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The ledger's schema: 1.
    pub(super) schema: u32,
    pub(super) revision: u64,
    /// What each target serves.
    pub(super) targets: Vec<LiveTarget>,
    /// The sequence of what was live, newest first: the first still is.
    pub(super) history: Vec<Live>,
    /// The last that came or ended first.
    pub(super) requests: Vec<Known>,
    /// What later requests are compared with.
    #[serde(flatten)]
    pub(super) newest: Newest,
    pub(super) active: Option<Active>,
    /// What waits, in the order in which it came: at most a command, and an upload that came after it.
    #[serde(default, deserialize_with = "none_or_more")]
    pub(super) pending: Vec<Request>,
    /// The promotions that soak, or wait for approvals or the end of a freeze; the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) waiting: Vec<Waiting>,
    /// The last deployment that has failed here.
    #[serde(default)]
    pub(super) failure: Option<Failure>,
    /// Why nothing new is taken.
    #[serde(default)]
    pub(super) hold: Option<Commanded<Hold>>,
    /// What was rolled back from, newest first.
    #[serde(default)]
    pub(super) left: Vec<Live>,
    /// The last holds and releases of holds that were carried out.
    #[serde(default)]
    pub(super) obeyed: Vec<RequestHash>,
    /// The doors that ended deployments have left open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) doors: Vec<Door>,
    /// What was the last to reach a target, where nobody knows any more what that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unrecovered: Option<DeploymentId>,
    pub(super) outbox: Vec<OutboxEntry>,
    /// Newest first.
    pub(super) ended: Vec<DeploymentId>,
    #[serde(skip)]
    pub(crate) as_read: AsRead,
}

/// Heads of before commands say `null` where nothing waits.
fn none_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Request>, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

impl Default for Head {
    /// The head of a function that the ledger does not know yet.
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            revision: 0,
            targets: vec![],
            history: vec![],
            requests: vec![],
            newest: Newest::default(),
            active: None,
            pending: vec![],
            waiting: vec![],
            failure: None,
            hold: None,
            left: vec![],
            obeyed: vec![],
            doors: vec![],
            unrecovered: None,
            outbox: vec![],
            ended: vec![],
            as_read: AsRead::default(),
        }
    }
}

impl Head {
    /// The key of a function's head in the ledger bucket.
    #[must_use]
    pub fn key(environment: &EnvironmentName, function: &FunctionName) -> String {
        format!("{HEADS}{environment}/{function}.json")
    }

    /// The key of the marker that says: there may be work open here.
    #[must_use]
    pub fn marker_key(environment: &EnvironmentName, function: &FunctionName, marker: Token) -> String {
        format!("{OPEN}{environment}/{function}/{marker}")
    }

    /// What is live: the artifact that was the last to reach a target, on all of them or on some.
    #[must_use]
    pub fn live(&self) -> Option<&Live> {
        self.history.first()
    }

    /// The sequence of what was live, newest first.
    #[must_use]
    pub fn history(&self) -> &[Live] {
        &self.history
    }

    /// What a target serves.
    #[must_use]
    pub fn target(&self, target: &Target) -> Option<&LiveTarget> {
        self.targets.iter().find(|live| live.target == *target)
    }

    /// What the alias of a destination serves in a target.
    #[must_use]
    pub fn target_of(&self, at: &FunctionRef<'_>, target: &Target) -> Option<&LiveTarget> {
        self.target(target).filter(|live| live.is_of(&at.function_name, &at.environment.alias))
    }

    /// The names of what the last deployment set on a function in a target.
    #[must_use]
    pub fn named_on(&self, function_name: &FunctionName, target: &Target) -> ManagedKeys {
        let live = self.target(target).filter(|live| live.is_of_function(function_name));
        live.map(|live| live.named.clone()).unwrap_or_default()
    }

    /// The deployment that somebody works on, or has died over.
    #[must_use]
    pub fn active(&self) -> Option<&Active> {
        self.active.as_ref()
    }

    /// The deployment that is next.
    #[must_use]
    pub fn pending(&self) -> Option<&Request> {
        self.pending.first()
    }

    /// All that is next, in its order.
    #[must_use]
    pub fn all_pending(&self) -> &[Request] {
        &self.pending
    }

    /// The promotions that soak, or wait for approvals or the end of a freeze; the oldest first.
    #[must_use]
    pub fn waiting(&self) -> &[Waiting] {
        &self.waiting
    }

    /// The last deployment that has failed here.
    #[must_use]
    pub fn last_failure(&self) -> Option<Failure> {
        self.failure
    }

    /// Why nothing new is taken.
    #[must_use]
    pub fn hold(&self) -> Option<&Hold> {
        self.hold.as_ref().map(|hold| &hold.what)
    }

    /// What was rolled back from, newest first.
    #[must_use]
    pub fn left(&self) -> &[Live] {
        &self.left
    }

    /// What every target serves.
    #[must_use]
    pub fn targets(&self) -> &[LiveTarget] {
        &self.targets
    }

    /// What ended, and whose consequences are not all done.
    #[must_use]
    pub fn outbox(&self) -> &[OutboxEntry] {
        &self.outbox
    }

    /// Whether so much waits to be written that nothing more shall be accepted before.
    #[must_use]
    pub fn is_overfull(&self) -> bool {
        self.outbox.iter().filter(|entry| entry.todo.contains(&SideEffect::Record)).count() >= OUTBOX
    }

    /// The ids of the last deployments, newest first: what is open, then what has ended.
    #[must_use]
    pub fn deployments(&self) -> Vec<DeploymentId> {
        let open = self.open().map(|request| request.id);
        let mut all: Vec<DeploymentId> = open.chain(self.ended.iter().copied()).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all
    }

    /// Every request that is open: the active one, what is next, and what waits.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Request> {
        let active = self.active.iter().map(|active| &active.request);
        active.chain(&self.pending).chain(self.waiting.iter().map(|waiting| &waiting.request))
    }

    /// Whether this claim still holds.
    #[must_use]
    pub fn is_held_by(&self, claim: Token) -> bool {
        self.active.as_ref().is_some_and(|active| active.claim == claim)
    }

    /// Whether a marker guards anything here.
    #[must_use]
    pub fn needs(&self, marker: Token) -> bool {
        let open = self.open().map(|request| request.marker);
        open.chain(self.outbox.iter().map(|entry| entry.marker)).any(|needed| needed == marker)
    }

    /// A copy to be changed and written.
    pub(super) fn next(&self) -> Self {
        Self { revision: self.revision + 1, ..self.clone() }
    }
}
