//! Accepts a request into a head.

use jiff::Timestamp;

use super::acquire::answer_duplicate;
use super::claim::{Claimant, own_write};
use super::end_request::end_request;
use super::enqueue::enqueue;
use super::hold::hold_refusal;
use super::live_artifact::LiveArtifact;
use super::request::Request;
use super::resolve_artifact::refuse_impossible;
use super::rollback::{Evaluated, evaluate_rollback};
use super::rollout::is_let_in_where_gone;
use super::source::Source;
use super::state::Head;
use super::transition_result::{Next, Transition};
use super::used_id::is_used_otherwise;
use crate::function_ref::FunctionRef;
use crate::id::DeploymentId;
use crate::record::{DeploymentRecord, Ending, RecordedArtifact, Status, TargetOutcome};
use crate::rejects::Rejects;

/// The rules that a request is evaluated by, beside the head.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The refusal that counts whatever the head says.
    pub refusal: Option<&'a Ending>,
    /// The rejected releases of the function.
    pub rejects: &'a Rejects,
}

/// Accepts a request. A duplicate meets its own deployment, an upload that comes too late ends as superseded, a request
/// that a rule refuses ends as refused, and anything else is claimed or is next. Older requests that are next and give
/// way to it (`Request::displaces`) end as superseded. Nothing is accepted of a command under the id of another one.
///
/// A deployment whose owner has died is resumed first: it may be half done.
#[must_use]
pub fn accept(head: &Head, request: &Request, at: &FunctionRef<'_>, rules: Rules<'_>, me: &Claimant) -> Transition {
    if let Some(own_write) = own_write(head, me) {
        return own_write;
    }
    if let Some(id) = head.id_of(request) {
        return answer_duplicate(head, id, at, me);
    }
    let is_left_alone = at.is_gone() && !is_let_in_where_gone(head, request);
    if is_left_alone || is_used_otherwise(head, request, at) {
        return Transition::none(Next::Nothing);
    }
    let mut next = head.next();
    next.known.remember(request.hash, request.id);
    let refusal = rules.refusal.cloned().or_else(|| hold_refusal(head, request));
    let evaluated = match refusal.or_else(|| refuse_impossible(head, request, at)) {
        Some(refusal) => Err(refusal),
        None => evaluate(head, request, at, rules.rejects),
    };
    let request = match evaluated {
        Ok(Evaluated::Admitted(request)) => request,
        Ok(Evaluated::Joins(id)) => return join(next, request, id, at, me),
        Err(refusal) => {
            let record = at.record(request, Status::InProgress).ended(refusal, me.now);
            // It has ended nothing.
            end_request(&mut next, request, DeploymentRecord { ended_waiting: vec![], ..record });
            return Transition::to(next, Next::Finished(request.id));
        }
    };
    let request = request.as_ref();
    let newer = request.mark().and_then(|mark| head.newest.later_than_upload(&mark));
    if let Some(newer) = newer {
        end_request(&mut next, request, too_late(head, request, at, newer, me.now));
        return Transition::to(next, Next::Finished(request.id));
    }
    enqueue(next, request, at, me)
}

/// Answers a request that this head knows by its deployment, as [`accept`] does. Nothing is accepted if the head does not
/// know it any more.
#[must_use]
pub fn answer_known(head: &Head, request: &Request, at: &FunctionRef<'_>, me: &Claimant) -> Transition {
    match (own_write(head, me), head.id_of(request)) {
        (Some(own_write), _) => own_write,
        (None, Some(id)) => answer_duplicate(head, id, at, me),
        (None, None) => Transition::none(Next::Nothing),
    }
}

/// Evaluates a request on this head, and completes it by what only the head knows.
fn evaluate(head: &Head, request: &Request, at: &FunctionRef<'_>, rejects: &Rejects) -> Result<Evaluated, Ending> {
    match &request.source {
        Source::Earlier(rollback) => evaluate_rollback(head, request, rollback, &at.environment.targets, rejects),
        Source::Live { .. } => {
            let source = Source::Live { of: head.live().map(|live| live.deployment) };
            let is_same = |open: &&Request| open.is_redeploy() && open.source == source;
            match head.all_pending().iter().find(is_same).filter(|_| request.is_redeploy()) {
                Some(same) => Ok(Evaluated::Joins(same.id)),
                None => Ok(Evaluated::Admitted(Box::new(Request { source, ..request.clone() }))),
            }
        }
        _ => Ok(Evaluated::Admitted(Box::new(request.clone()))),
    }
}

/// Joins a request to an open deployment that was asked for the same before: that deployment answers both.
fn join(mut head: Head, request: &Request, id: DeploymentId, at: &FunctionRef<'_>, me: &Claimant) -> Transition {
    head.known.remember(request.hash, id);
    let Transition { head: acquired, then } = answer_duplicate(&head, id, at, me);
    let revision = head.revision;
    // Both changes are one write.
    Transition::to(Head { revision, ..acquired.map_or(head, |acquired| *acquired) }, then)
}

/// Makes the record of an upload that is older than one which was accepted before it.
fn too_late(head: &Head, request: &Request, at: &FunctionRef<'_>, newer: String, now: Timestamp) -> DeploymentRecord {
    let record = at.record(request, Status::InProgress);
    let place = |outcome: &TargetOutcome| outcome.target().to_string();
    let everywhere =
        |live: &&LiveArtifact| record.targets.iter().all(|target| live.versions.contains_key(&place(target)));
    let artifact = request.artifact().map(|resolved| resolved.artifact);
    let live = head.live().filter(|live| Some(&live.artifact) == artifact.as_ref());
    let Some(live) = live.filter(everywhere) else {
        let targets = &at.environment.targets;
        let because = match live {
            Some(live) => format!("{newer}; it is live on {}", live.extent(targets)),
            None => newer,
        };
        return record.ended(Ending::Superseded { because, in_favour_of: None }, now);
    };
    let unchanged = |outcome: TargetOutcome| {
        let version = live.versions.get(&place(&outcome)).cloned();
        TargetOutcome { status: Status::Unchanged, version, ..outcome }
    };
    let outcomes = record.targets.clone().into_iter().map(unchanged).collect();
    let artifact = RecordedArtifact { sha256: live.sha256, size: live.size, ..(&live.artifact).into() };
    DeploymentRecord { artifact: Some(artifact), ..record.ended(Ending::Tried(outcomes), now) }
}
