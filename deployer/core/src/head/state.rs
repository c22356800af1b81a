//! The head's data and the reading of it.

use serde::{Deserialize, Serialize};

use super::active::Active;
use super::door::Door;
use super::ended_deployments::EndedDeployments;
use super::known_requests::KnownRequests;
use super::live_artifact::LiveArtifact;
use super::live_state::LiveState;
use super::live_state::LiveTarget;
use super::newest::Newest;
use super::outbox::{Failure, OutboxEntry};
use super::queue::Queue;
use super::request::Request;
use super::waiting::Waiting;
use crate::as_read::AsRead;
use crate::config::Target;
use crate::hold_and_reject::{Commanded, Hold};
use crate::id::{DeploymentId, Sha256, Token};
use crate::record::{DeploymentRecord, SCHEMA};

/// The number of owners that may die over one deployment before it ends as failed: an artifact that kills whoever
/// deploys it shall not do so for ever.
pub const ATTEMPTS: u32 = 5;

/// The number of times that a deployment which runs out of time is continued before its targets fail as timed out.
pub const EXTENSIONS: u32 = 3;

/// The head. In the ledger the fields of all its parts stand side by side in one JSON object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The ledger's schema: 1.
    pub(super) schema: u32,
    pub(super) revision: u64,
    #[serde(flatten)]
    pub(super) live_state: LiveState,
    #[serde(flatten)]
    pub(super) known: KnownRequests,
    /// The newest that was accepted: it decides which later requests come too late.
    #[serde(flatten)]
    pub(super) newest: Newest,
    #[serde(flatten)]
    pub(super) queue: Queue,
    /// The hold, as long as nothing new is taken.
    #[serde(default)]
    pub(super) hold: Option<Commanded<Hold>>,
    /// The doors that ended deployments have left open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) doors: Vec<Door>,
    #[serde(flatten)]
    pub(super) ended: EndedDeployments,
    #[serde(skip)]
    pub(crate) as_read: AsRead,
}

impl Default for Head {
    /// The head of a function that the ledger does not know yet.
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            revision: 0,
            live_state: LiveState::default(),
            known: KnownRequests::default(),
            newest: Newest::default(),
            queue: Queue::default(),
            hold: None,
            doors: vec![],
            ended: EndedDeployments::default(),
            as_read: AsRead::default(),
        }
    }
}

impl Head {
    /// The artifact that was the last to reach a target, on all targets or on some.
    #[must_use]
    pub fn live(&self) -> Option<&LiveArtifact> {
        self.live_state.live()
    }

    /// The sequence of what was live, newest first.
    #[must_use]
    pub fn history(&self) -> &[LiveArtifact] {
        &self.live_state.history
    }

    /// The artifacts that were rolled back from, newest first.
    #[must_use]
    pub fn left(&self) -> &[LiveArtifact] {
        &self.live_state.left
    }

    /// The targets, each with what it serves.
    #[must_use]
    pub fn targets(&self) -> &[LiveTarget] {
        &self.live_state.targets
    }

    /// Finds what a target serves.
    #[must_use]
    pub fn target(&self, target: &Target) -> Option<&LiveTarget> {
        self.live_state.target(target)
    }

    /// The part that says what is live.
    #[must_use]
    pub fn live_state(&self) -> &LiveState {
        &self.live_state
    }

    /// The deployment that somebody works on, or has died over.
    #[must_use]
    pub fn active(&self) -> Option<&Active> {
        self.queue.active.as_ref()
    }

    /// The first of the requests that are next.
    #[must_use]
    pub fn pending(&self) -> Option<&Request> {
        self.queue.pending.first()
    }

    /// All requests that are next, in their order.
    #[must_use]
    pub fn all_pending(&self) -> &[Request] {
        &self.queue.pending
    }

    /// The promotions that soak, or wait for approvals, the end of a freeze or their group; the oldest first.
    #[must_use]
    pub fn waiting(&self) -> &[Waiting] {
        &self.queue.waiting
    }

    /// The part that says what is open.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The hold, as long as nothing new is taken.
    #[must_use]
    pub fn hold(&self) -> Option<&Hold> {
        self.hold.as_ref().map(|hold| &hold.what)
    }

    /// The last deployment that has failed here.
    #[must_use]
    pub fn last_failure(&self) -> Option<Failure> {
        self.ended.failure
    }

    /// The deployments that have ended and whose side effects are not all run.
    #[must_use]
    pub fn outbox(&self) -> &[OutboxEntry] {
        &self.ended.outbox
    }

    /// The record of an ended deployment whose side effects are not all run.
    #[must_use]
    pub fn ended_record(&self, id: DeploymentId) -> Option<&DeploymentRecord> {
        self.outbox().iter().map(|entry| &entry.record).find(|record| record.id == id)
    }

    /// Whether so many records wait to be written that nothing more shall be accepted before.
    #[must_use]
    pub fn is_overfull(&self) -> bool {
        self.ended.is_overfull()
    }

    /// The doors that deployments have left open which have ended.
    #[must_use]
    pub fn doors(&self) -> &[Door] {
        &self.doors
    }

    /// Lists the ids of the last deployments, open and ended ones, newest first.
    #[must_use]
    pub fn deployments(&self) -> Vec<DeploymentId> {
        let open = self.queue.open().map(|request| request.id);
        let mut all: Vec<DeploymentId> = open.chain(self.ended.ids.iter().copied()).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all
    }

    /// Finds the deployment of a request that is known.
    #[must_use]
    pub fn id_of(&self, request: &Request) -> Option<DeploymentId> {
        let open = self.queue.open().find(|open| open.hash == request.hash).map(|open| open.id);
        open.or_else(|| self.known.id_of(request.hash))
    }

    /// Lists the code of all that was live here, was rolled back from, or has just ended.
    #[must_use]
    pub fn known_code(&self) -> Vec<Sha256> {
        self.live_state.code().chain(self.ended.code()).collect()
    }

    /// Whether a marker guards anything here.
    #[must_use]
    pub fn needs(&self, marker: Token) -> bool {
        let open = self.queue.open().map(|request| request.marker);
        open.chain(self.ended.outbox.iter().map(|entry| entry.marker)).any(|needed| needed == marker)
    }

    /// Copies the head with the next revision: a transition changes the copy.
    pub(super) fn next(&self) -> Self {
        Self { revision: self.revision + 1, ..self.clone() }
    }
}
