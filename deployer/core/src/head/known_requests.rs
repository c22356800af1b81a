//! The requests and commands that a head has met.

use serde::{Deserialize, Serialize};

use crate::hold_and_reject::REMEMBERED_COMMANDS;
use crate::id::{DeploymentId, RequestHash};

/// The number of requests and decisions that are known by their hash.
pub const REQUESTS: usize = 100;

/// A request that is known, or a person's decision about one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KnownRequest {
    pub(super) hash: RequestHash,
    pub(super) id: DeploymentId,
}

/// The requests and commands that the head has met: one that comes again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct KnownRequests {
    /// The last requests, and the last approvals and declines with the promotions that they were about. What came or ended
    /// last stands first.
    pub(super) requests: Vec<KnownRequest>,
    /// The last commands that were carried out: holds, releases of holds, and actions in rollouts.
    #[serde(default, rename = "obeyed")]
    pub(super) carried_out: Vec<RequestHash>,
}

impl KnownRequests {
    /// Remembers the deployment of a request or a decision. The oldest one is forgotten instead.
    pub(super) fn remember(&mut self, hash: RequestHash, id: DeploymentId) {
        self.requests.retain(|known| known.hash != hash);
        self.requests.insert(0, KnownRequest { hash, id });
        self.requests.truncate(REQUESTS);
    }

    /// Finds the deployment of a request or a decision.
    pub(super) fn id_of(&self, hash: RequestHash) -> Option<DeploymentId> {
        self.requests.iter().find(|known| known.hash == hash).map(|known| known.id)
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
