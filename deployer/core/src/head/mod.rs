//! The head: the one ledger object of a function in an environment that says what is live, what is being worked on and
//! what waits. Its transitions are pure; the shell writes what they give by compare-and-swap, and decides again from
//! the start when somebody else was first.
//!
//! Every transition raises `revision`, so no two heads have the same bytes (equal bytes have equal ETags).

mod accept;
mod finish;
mod order;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use accept::{Claimant, Move, Then};
pub use finish::{End, Finish, GivenUp};
pub use order::Mark;

use crate::artifact::{ArtifactRef, LocatedUpload};
use crate::config::Target;
use crate::id::{DeploymentId, EnvironmentName, FunctionName, Release, RequestHash, Sha256, Token, Version};
use crate::names::{HEADS, OPEN};
use crate::record::{Cause, CauseKind, DeploymentRecord, SCHEMA, TargetOutcome};

/// How many artifacts that were live are remembered.
pub const HISTORY: usize = 50;
/// How many requests are known by their hash.
pub const REQUESTS: usize = 100;
/// Of how many keys the newest upload is remembered.
pub const KEYS: usize = 20;
/// How many ended deployments are known by their id.
pub const ENDED: usize = 50;
/// How many ended records may wait for their consequences before nothing more is accepted.
pub const OUTBOX: usize = 50;
/// How often a deployment is taken up by somebody who then dies, before it ends as failed: an artifact that kills
/// whoever deploys it shall not do so for ever.
pub const ATTEMPTS: u32 = 5;
/// How often a deployment that runs out of time is gone on with, before its targets fail as timed out.
pub const EXTENSIONS: u32 = 3;

/// What was asked for: enough to go on with it when the message is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The deployment.
    pub id: DeploymentId,
    /// By what the request is known, however often and through whichever door it comes.
    pub hash: RequestHash,
    /// The release.
    pub release: Release,
    /// The object version.
    pub artifact: ArtifactRef,
    /// What asked for it, and who.
    pub cause: Cause,
    /// The event's time.
    pub time: Timestamp,
    /// S3's order within the key.
    pub sequencer: Option<String>,
    /// When the deployer took it.
    pub accepted_at: Timestamp,
    /// The marker under `open/` that lets the sweep find this work until it is done.
    pub marker: Token,
}

impl Request {
    /// The request that an upload is.
    #[must_use]
    pub fn of(upload: &LocatedUpload, accepted_at: Timestamp, marker: Token) -> Self {
        Self {
            id: upload.deployment_id(),
            hash: upload.identity(),
            release: upload.place.release.clone(),
            artifact: upload.artifact.clone(),
            cause: Cause { kind: CauseKind::Upload, requested_by: None, event_id: upload.event_id.clone() },
            time: upload.time,
            sequencer: upload.sequencer.clone(),
            accepted_at,
            marker,
        }
    }

    /// Its place in the order of uploads.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark {
            time: self.time,
            key: self.artifact.key.clone(),
            sequencer: self.sequencer.clone(),
            version_id: self.artifact.version_id.clone(),
        }
    }
}

/// The deployment that somebody works on, or has died over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Active {
    /// What was asked for.
    pub request: Request,
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
    /// How targets fared that an earlier owner was done with before its time was up. They are not tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<TargetOutcome>,
    /// The targets that owners whose time was up have written to, or may have: what they set there is to be remembered.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub written: BTreeSet<Target>,
}

/// What one target serves, as far as the deployer brought it about (or saw it, before its first deployment).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveTarget {
    /// The target.
    #[serde(flatten)]
    pub target: Target,
    /// The release; none where it was only seen.
    pub release: Option<Release>,
    /// The deployment that brought it; none where it was only seen.
    pub deployment: Option<DeploymentId>,
    /// The version that the alias serves; none where only a deployment failed so far.
    pub version: Option<Version>,
    /// Its code.
    pub sha256: Option<Sha256>,
    /// The names of what the last deployment set beside the code.
    #[serde(default)]
    pub named: Named,
}

/// The names (never the values) of variables and tags that a deployment has set, so that a later one can remove those
/// that are no longer named.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Named {
    /// Environment variables.
    pub variables: BTreeSet<String>,
    /// Tags.
    pub tags: BTreeSet<String>,
}

impl Named {
    /// These and those.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self { variables: &self.variables | &other.variables, tags: &self.tags | &other.tags }
    }
}

/// An artifact that was live on every target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The release.
    pub release: Release,
    /// The deployment that brought it.
    pub deployment: DeploymentId,
    /// The object version.
    pub artifact: ArtifactRef,
    /// Its code.
    pub sha256: Option<Sha256>,
    /// Since when.
    pub since: Timestamp,
    /// The version on each target, by `account/region`.
    pub versions: BTreeMap<String, Version>,
}

/// A deployment has ended, and not all that follows from it is written yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The ended record.
    pub record: DeploymentRecord,
    /// The request's marker, which is deleted when all is written.
    pub marker: Token,
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

/// The head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The ledger's schema: 1.
    schema: u32,
    revision: u64,
    /// What each target serves.
    targets: Vec<LiveTarget>,
    /// What was live on every target, newest first: the first still is.
    history: Vec<Live>,
    /// The last that came or ended first.
    requests: Vec<Known>,
    mark: Option<Mark>,
    /// The newest upload that was accepted under each of the last keys, newest first: the mark remembers one key only,
    /// and where sequencers and times contradict each other an upload must not come back over a newer one of its key.
    #[serde(default)]
    keys: Vec<Mark>,
    active: Option<Active>,
    pending: Option<Request>,
    outbox: Vec<Entry>,
    /// Newest first.
    ended: Vec<DeploymentId>,
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
            mark: None,
            keys: vec![],
            active: None,
            pending: None,
            outbox: vec![],
            ended: vec![],
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

    /// What is live on every target.
    #[must_use]
    pub fn live(&self) -> Option<&Live> {
        self.history.first()
    }

    /// What was live on every target, newest first.
    #[must_use]
    pub fn history(&self) -> &[Live] {
        &self.history
    }

    /// What a target serves.
    #[must_use]
    pub fn target(&self, target: &Target) -> Option<&LiveTarget> {
        self.targets.iter().find(|live| live.target == *target)
    }

    /// The deployment that somebody works on, or has died over.
    #[must_use]
    pub fn active(&self) -> Option<&Active> {
        self.active.as_ref()
    }

    /// The deployment that waits for the active one.
    #[must_use]
    pub fn pending(&self) -> Option<&Request> {
        self.pending.as_ref()
    }

    /// What ended, and whose consequences are not all written.
    #[must_use]
    pub fn outbox(&self) -> &[Entry] {
        &self.outbox
    }

    /// Whether so much waits to be written that nothing more shall be accepted before.
    #[must_use]
    pub fn is_overfull(&self) -> bool {
        self.outbox.len() >= OUTBOX
    }

    /// The ids of the last deployments, newest first: what is open, then what has ended.
    #[must_use]
    pub fn deployments(&self) -> Vec<DeploymentId> {
        let open = self.pending.iter().map(|request| request.id).chain(self.active.iter().map(|a| a.request.id));
        let mut all: Vec<DeploymentId> = open.chain(self.ended.iter().copied()).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all
    }

    /// Whether this claim still holds.
    #[must_use]
    pub fn is_held_by(&self, claim: Token) -> bool {
        self.active.as_ref().is_some_and(|active| active.claim == claim)
    }

    /// Whether a marker guards anything here.
    #[must_use]
    pub fn needs(&self, marker: Token) -> bool {
        let open = self.active.iter().map(|active| &active.request).chain(&self.pending).map(|request| request.marker);
        open.chain(self.outbox.iter().map(|entry| entry.marker)).any(|needed| needed == marker)
    }

    /// Whether this is an object of the schema that this deployer knows; otherwise, which one it is.
    ///
    /// # Errors
    /// The other schema.
    pub fn check_schema(&self) -> Result<(), u32> {
        if self.schema == SCHEMA { Ok(()) } else { Err(self.schema) }
    }

    /// A copy to be changed and written.
    fn next(&self) -> Self {
        Self { revision: self.revision + 1, ..self.clone() }
    }
}
