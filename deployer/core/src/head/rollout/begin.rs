//! All targets have published: the rollout of the active deployment begins.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::config::{DeployRole, Target};
use crate::head::active::Brings;
use crate::head::door::ServedBefore;
use crate::head::state::Head;
use crate::id::Token;
use crate::record::TargetOutcome;
use crate::rollout::{Abort, AbortReason, RolloutState, completed};

/// A rollout whose targets have all published, as the owner of the claim knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct BegunRollout {
    /// The state: each target has its new version.
    pub state: RolloutState,
    /// The artifact, and the keys that it sets.
    pub brings: Brings,
    /// The outcomes of the targets that serve the artifact already. They take no part.
    pub done: Vec<TargetOutcome>,
    /// The versions that the aliases were seen to serve.
    pub previous: Vec<ServedBefore>,
    /// The targets that were written to, or may have been.
    pub written: BTreeSet<Target>,
    /// The targets in which the function was made.
    pub created: BTreeSet<Target>,
    /// The role by which the deployer has entered them.
    pub role: DeployRole,
    /// Whether the event that it has started could not be sent.
    pub start_unpublished: bool,
}

/// Begins the rollout of the active deployment. A rollback that has asked the deployment to stop meanwhile stops the
/// rollout before any traffic moves. `None`: the claim is not ours any more, or the rollout has begun already.
#[must_use]
pub fn begin_rollout(head: &Head, claim: Token, begun: &BegunRollout, now: Timestamp) -> Option<Head> {
    head.queue.claimed(claim).filter(|active| active.rollout.is_none())?;
    let mut next = head.next();
    let active = next.queue.active.as_mut()?;
    let mut state = begun.state.clone();
    if let Some(rollback) = active.stop {
        let because = format!("rollback {rollback}, asked for later, has asked it to stop");
        state = state.aborted(Abort { reason: AbortReason::Aborted, by: None, because: because.into() }).into_state();
    }
    active.rollout = Some(completed(state, now));
    if let Some(artifact) = &mut active.artifact {
        (artifact.sha256, artifact.size) = (begun.brings.artifact.sha256, begun.brings.artifact.size);
    }
    active.role = Some(begun.role.clone());
    active.brings = Some(begun.brings.clone());
    active.done.clone_from(&begun.done);
    active.written.extend(begun.written.iter().cloned());
    active.created.extend(begun.created.iter().cloned());
    active.start_unpublished = begun.start_unpublished;
    for served in &begun.previous {
        if !active.previous.iter().any(|known| known.target == served.target) {
            active.previous.push(served.clone());
        }
    }
    (active.waits, active.waiting_since, active.attempts, active.extensions) = (vec![], None, 1, 0);
    Some(next)
}
