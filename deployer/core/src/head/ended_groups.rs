//! The groups that a rollback has ended. They end only once it was accepted, so its request names them by a write of its
//! own.

use super::request::Request;
use super::source::{Rollback, Source};
use super::state::Head;
use crate::id::DeploymentId;
use crate::record::EndedWaiting;
use crate::text::PlainText;

/// A group that a rollback has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedGroup {
    /// The group.
    pub group: EndedWaiting,
    /// The deployment of the member that the rollback is about.
    pub member: DeploymentId,
}

/// Names the groups that an open rollback has ended, and what it has left to the sweep. Each group stands in place of its
/// member, which may have ended with it. `None`: the rollback is not open any more, or says all that already.
#[must_use]
pub fn with_ended_groups(
    head: &Head,
    rollback: DeploymentId,
    (ended, left_to_sweep): (&[EndedGroup], Option<&str>),
) -> Option<Head> {
    let mut next = head.next();
    let active = next.queue.active.iter_mut().map(|active| &mut active.request);
    let request = active.chain(&mut next.queue.pending).find(|open| open.id == rollback)?;
    let before = request.clone();
    name_groups(request, ended);
    if let (Source::Earlier(rollback), Some(sentence)) = (&request.source, left_to_sweep) {
        let left_to_sweep = Some(PlainText::from(sentence));
        request.source = Source::Earlier(Rollback { left_to_sweep, ..rollback.clone() });
    }
    (*request != before).then_some(next)
}

fn name_groups(request: &mut Request, ended: &[EndedGroup]) {
    for EndedGroup { group, member } in ended {
        request.ended_waiting.retain(|named| ![group.deployment, *member].contains(&named.deployment));
        request.ended_waiting.push(group.clone());
    }
}
