//! The requests and commands that a head has met.

use serde::{Deserialize, Serialize};

use crate::hold_and_reject::REMEMBERED_COMMANDS;
use crate::id::{DeploymentId, RequestHash};

/// The number of requests that are known by their hash.
pub const REQUESTS: usize = 100;

/// The number of approvals and declines that are known by their hash. They have a list of their own, for each time that a
/// person says the same again under another id counts, and none may take the place of a rollback or a promotion.
pub const DECISIONS: usize = 50;

/// A request that is known, or a person's decision about one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KnownRequest {
    pub(super) hash: RequestHash,
    pub(super) id: DeploymentId,
}

/// The requests and commands that the head has met: one that comes again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct KnownRequests {
    /// The last requests, and approvals and declines that an older deployer has met. What came or ended last stands first.
    pub(super) requests: Vec<KnownRequest>,
    /// The last approvals and declines, with the promotions that they were about, newest first. A deployer that does not know
    /// the field keeps it, and asks about a promotion anew, as of a decision that is forgotten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) decisions: Vec<KnownRequest>,
    /// The last commands that were carried out: holds, releases of holds, and actions in rollouts.
    #[serde(default, rename = "obeyed")]
    pub(super) carried_out: Vec<RequestHash>,
}

impl KnownRequests {
    /// Remembers the deployment of a request. The oldest one is forgotten instead.
    pub(super) fn remember(&mut self, hash: RequestHash, id: DeploymentId) {
        self.requests.retain(|known| known.hash != hash);
        self.requests.insert(0, KnownRequest { hash, id });
        self.requests.truncate(REQUESTS);
    }

    /// Finds the deployment of a request.
    pub(super) fn id_of(&self, hash: RequestHash) -> Option<DeploymentId> {
        self.requests.iter().find(|known| known.hash == hash).map(|known| known.id)
    }

    /// Remembers the promotion that a decision was about. The oldest decision is forgotten instead.
    pub(super) fn remember_decision(&mut self, hash: RequestHash, about: DeploymentId) {
        self.decisions.retain(|known| known.hash != hash);
        self.decisions.insert(0, KnownRequest { hash, id: about });
        self.decisions.truncate(DECISIONS);
    }

    /// Finds the promotion that a decision was about.
    pub(super) fn decided(&self, hash: RequestHash) -> Option<DeploymentId> {
        let decided = self.decisions.iter().find(|known| known.hash == hash).map(|known| known.id);
        decided.or_else(|| self.id_of(hash))
    }

    /// Iterates over the deployments of all that is known.
    pub(super) fn deployments(&self) -> impl Iterator<Item = DeploymentId> {
        self.requests.iter().chain(&self.decisions).map(|known| known.id)
    }

    /// Remembers that a command was carried out.
    pub(super) fn carry_out(&mut self, hash: RequestHash) {
        self.carried_out.insert(0, hash);
        self.carried_out.truncate(REMEMBERED_COMMANDS);
    }

    /// Whether any command was carried out: the function was or is held, or a person has acted in a rollout of it.
    pub(super) fn has_carried_out_any(&self) -> bool {
        !self.carried_out.is_empty()
    }

    /// Whether a command was carried out.
    pub(super) fn has_carried_out(&self, hash: RequestHash) -> bool {
        self.carried_out.contains(&hash)
    }
}
