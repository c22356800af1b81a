//! The head: the one ledger object of a function in an environment that says what is live, what is being worked on and
//! what waits. Its transitions are pure; the shell writes what they give by compare-and-swap, and decides again from
//! the start when somebody else was first.
//!
//! Every transition raises `revision`, so no two heads have the same bytes (equal bytes have equal ETags).

mod accept;
mod choose;
mod doors;
mod finish;
mod hold;
mod lambda_waits;
mod live;
mod member;
mod next_action;
mod order;
mod overwritten;
mod parked;
mod promote;
mod recover;
mod request;
mod rollback;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

pub use crate::commanded::CommandEffect;
pub use accept::{Claimant, Next, Rules, Transition};
pub use choose::ResolvedArtifact;
pub use doors::{Door, Opening, SHUT_DOOR, ServedBefore, turned, untouched};
pub use finish::{End, Finish, GivenUp, Left};
pub use hold::held_by;
pub use lambda_waits::{LambdaTask, LambdaWait, LambdaWaits, Since};
pub use live::{Completed, Live};
pub use member::{Place, Placing};
pub use next_action::{LeftOut, NextAction, Wakeup};
use order::Newest;
pub use order::{Mark, Sequencer};
pub use parked::HOPS;
pub use promote::{Consent, Waiting};
pub use request::{Request, Source};
pub use rollback::Rollback;

use crate::as_read::AsRead;
use crate::commanded::Commanded;
use crate::config::Target;
use crate::destination::{ClaimedFor, FunctionRef};
use crate::id::{AliasName, DeploymentId, EnvironmentName, FunctionName, Release, RequestHash, Sha256, Token, Version};
use crate::names::{HEADS, OPEN};
use crate::record::{DeploymentRecord, SCHEMA, TargetOutcome};
use crate::status::Hold;
use crate::traffic::{Awaited, UNPROVISIONED_FOR};

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

/// The deployment that somebody works on, or has died over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Active {
    /// What was asked for.
    pub request: Request,
    /// The artifact that it is about; none until that is found out, under the claim.
    #[serde(default)]
    pub chosen: Option<ResolvedArtifact>,
    /// The targets, the alias and the function's name that it was first claimed for: they count to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_for: Option<ClaimedFor>,
    /// The rollback that has asked it to stop: no alias moves after that was read.
    #[serde(default)]
    pub stop: Option<DeploymentId>,
    /// Whose it is: the token that its owner drew.
    pub claim: Token,
    /// Until then nobody else may touch it: the owner's deadline, 5 seconds for clocks that differ and 5 for what is in
    /// flight.
    pub lease_until: Timestamp,
    /// How often it was taken up, not counting those who gave it up in good order before anything can have been written,
    /// or because their time was up; more than once: an earlier owner has died, and may have written anything.
    pub attempts: u32,
    /// How often an owner's time was up.
    #[serde(default)]
    pub extensions: u32,
    /// Since when targets wait for Lambda, and for what (a version that it makes, an execution role that it cannot assume yet, a 409
    /// that nobody knows), where an owner's time was up or it was parked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<LambdaWait>,
    /// Heads of before have one time for all of them. It is read, and not written any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<Timestamp>,
    /// How targets fared that an earlier owner was done with before its time was up. They are not tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<TargetOutcome>,
    /// The targets that owners whose time was up have written to, or may have: what they set there is to be remembered.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub written: BTreeSet<Target>,
    /// On what its aliases are written, or may have been; none: whoever claimed it did not know of doors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doors: Option<Vec<Door>>,
    /// An owner who did not know of doors may have written any of its aliases.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub doors_unsaid: bool,
    /// What aliases were seen to serve before it first wrote to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<ServedBefore>,
    /// The targets whose alias has moved, or is about to, and whose traffic Lambda may hold back for a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awaits: Vec<Awaited>,
    /// The event that it has started could not be sent before it was parked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub start_untold: bool,
    /// How often it was parked.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hops: u32,
    /// When a tick goes on with it, where it is parked, and where the sweep has sent one, when it sends another; none: the sweep
    /// sends one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looks_at: Option<Timestamp>,
}

/// What one target serves, as far as the deployer brought it about (or saw it, before its first deployment).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveTarget {
    /// The target.
    #[serde(flatten)]
    pub target: Target,
    /// The function whose alias it is; heads of before do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_name: Option<FunctionName>,
    /// The alias; heads of before do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<AliasName>,
    /// The release; none where it was only seen.
    pub release: Option<Release>,
    /// The deployment that brought it; none where it was only seen.
    pub deployment: Option<DeploymentId>,
    /// The version that the alias serves; none where only a deployment failed so far.
    pub version: Option<Version>,
    /// Its code.
    pub sha256: Option<Sha256>,
    /// The version that the alias served before the deployer's first deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Version>,
    /// When the alias was last seen to have no provisioned concurrency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unprovisioned_at: Option<Timestamp>,
    /// The names of what the last deployment set beside the code.
    #[serde(default)]
    pub named: ManagedKeys,
}

impl LiveTarget {
    /// A target of which nothing is known yet.
    fn unknown(target: Target) -> Self {
        Self {
            target,
            function_name: None,
            alias: None,
            release: None,
            deployment: None,
            version: None,
            sha256: None,
            before: None,
            unprovisioned_at: None,
            named: ManagedKeys::default(),
        }
    }

    fn is_of_function(&self, function_name: &FunctionName) -> bool {
        self.function_name.as_ref().is_none_or(|name| name == function_name)
    }

    /// Whether it tells of this function's alias: deployer.json may name another one by now.
    #[must_use]
    pub fn is_of(&self, function_name: &FunctionName, alias: &AliasName) -> bool {
        self.is_of_function(function_name) && self.alias.as_ref().is_none_or(|name| name == alias)
    }

    /// Whether the alias was seen not long ago to have no provisioned concurrency.
    #[must_use]
    pub fn is_unprovisioned(&self, now: Timestamp) -> bool {
        let until = self.unprovisioned_at.and_then(|at| at.checked_add(UNPROVISIONED_FOR).ok());
        until.is_some_and(|until| now < until)
    }
}

/// The names (never the values) of variables and tags that a deployment has set, so that a later one can remove those
/// that are no longer named.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ManagedKeys {
    /// Environment variables.
    pub variables: BTreeSet<String>,
    /// Tags.
    pub tags: BTreeSet<String>,
}

impl ManagedKeys {
    /// These and those.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self { variables: &self.variables | &other.variables, tags: &self.tags | &other.tags }
    }
}

/// A deployment has ended, and not all that follows from it is done yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// The ended record.
    pub record: DeploymentRecord,
    /// The request's marker, which is deleted when all is done.
    pub marker: Token,
    /// What is still to be done.
    #[serde(default = "SideEffect::all")]
    pub todo: BTreeSet<SideEffect>,
    /// The record as it was read.
    #[serde(skip)]
    pub as_read: AsRead,
    /// By this end an artifact has become complete here for the first time: automatic promotions start from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed: Option<Completed>,
}

/// What follows from a deployment's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SideEffect {
    /// The record and the result are written.
    Record,
    /// The promotions that it calls for are asked for.
    Promotions,
    /// The event that it has started, which could not be sent then.
    Started,
    /// The event that it has ended.
    Ended,
    /// Something that a newer deployer has to do.
    #[serde(other, rename = "?")]
    Unknown,
}

impl SideEffect {
    /// What follows from every end.
    fn all() -> BTreeSet<Self> {
        BTreeSet::from([Self::Record, Self::Promotions, Self::Ended])
    }
}

/// A deployment that was tried here and has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The deployment.
    pub deployment: DeploymentId,
    /// When it ended.
    pub at: Timestamp,
}

/// A request that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    hash: RequestHash,
    id: DeploymentId,
}

/// A message by which the deployer wakes itself. One that no longer fits is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    /// The environment.
    pub environment: EnvironmentName,
    /// The function.
    pub function: FunctionName,
    /// The deployment to go on with.
    pub id: DeploymentId,
    /// The claim that it was under; none where it waited.
    pub claim: Option<Token>,
}

impl Tick {
    /// The attribute of its message that says for how many seconds it was to be delayed: SQS tells only when it was sent.
    pub const DELAY_ATTRIBUTE: &str = "delay";
}

/// The head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The ledger's schema: 1.
    schema: u32,
    revision: u64,
    /// What each target serves.
    targets: Vec<LiveTarget>,
    /// The sequence of what was live, newest first: the first still is.
    history: Vec<Live>,
    /// The last that came or ended first.
    requests: Vec<Known>,
    /// What later requests are compared with.
    #[serde(flatten)]
    newest: Newest,
    active: Option<Active>,
    /// What waits, in the order in which it came: at most a command, and an upload that came after it.
    #[serde(default, deserialize_with = "none_or_more")]
    pending: Vec<Request>,
    /// The promotions that soak, or wait for approvals or the end of a freeze; the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    waiting: Vec<Waiting>,
    /// The last deployment that has failed here.
    #[serde(default)]
    failure: Option<Failure>,
    /// Why nothing new is taken.
    #[serde(default)]
    hold: Option<Commanded<Hold>>,
    /// What was rolled back from, newest first.
    #[serde(default)]
    left: Vec<Live>,
    /// The last holds and releases of holds that were carried out.
    #[serde(default)]
    obeyed: Vec<RequestHash>,
    /// The doors that ended deployments have left open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    doors: Vec<Door>,
    /// What was the last to reach a target, where nobody knows any more what that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unrecovered: Option<DeploymentId>,
    outbox: Vec<OutboxEntry>,
    /// Newest first.
    ended: Vec<DeploymentId>,
    #[serde(skip)]
    pub(crate) as_read: AsRead,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
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
    fn next(&self) -> Self {
        Self { revision: self.revision + 1, ..self.clone() }
    }
}
