//! The groups that a rollback has ended. They end only once it was accepted, so its request names them by a write of its
//! own.

use super::state::Head;
use crate::id::DeploymentId;
use crate::record::EndedWaiting;

/// A group that a rollback has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedGroup {
    /// The group.
    pub group: EndedWaiting,
    /// The deployment of the member that the rollback is about.
    pub member: DeploymentId,
}

/// Names the groups that an open rollback has ended. Each stands in place of its member, which may have ended with it.
/// `None`: the rollback is not open any more, or names them already.
#[must_use]
pub fn with_ended_groups(head: &Head, rollback: DeploymentId, ended: &[EndedGroup]) -> Option<Head> {
    let mut next = head.next();
    let active = next.queue.active.iter_mut().map(|active| &mut active.request);
    let request = active.chain(&mut next.queue.pending).find(|open| open.id == rollback)?;
    let before = request.ended_waiting.clone();
    for EndedGroup { group, member } in ended {
        request.ended_waiting.retain(|named| ![group.deployment, *member].contains(&named.deployment));
        request.ended_waiting.push(group.clone());
    }
    (request.ended_waiting != before).then_some(next)
}
