//! Promotions: each is accepted, waits, and is claimed, as the rules decide (`promotion::PromotionPolicy`).

use jiff::Timestamp;

use super::acquire::answer_duplicate;
use super::active::Active;
use super::claim::{Claimant, own_write};
use super::displace::displace_waiting;
use super::end_request::end_request;
use super::enqueue::enqueue;
use super::member::claim_member;
use super::request::Request;
use super::rolled_back::warning_of;
use super::source::Source;
use super::state::Head;
use super::transition_result::{Next, Transition};
use super::used_id::is_used_otherwise;
use super::waiting::{Place, Waiting};
use crate::config::Policy;
use crate::function_ref::FunctionRef;
use crate::id::{DeploymentId, Token};
use crate::promotion::{Decision, Dispatch, Wait, waits_already};
use crate::record::{CauseKind, Code, Ending, Status};

/// The number of promotions that may wait at once.
pub const WAITING: usize = 20;

/// Accepts a promotion as it was decided on this head: it ends, it waits, or it is admitted like any request. Nothing is
/// accepted of one under the id of another command.
#[must_use]
pub fn accept_promotion(
    head: &Head,
    (request, dispatch): (&Request, Dispatch),
    decision: &Decision,
    at: &FunctionRef<'_>,
    me: &Claimant,
) -> Transition {
    if let Some(own_write) = own_write(head, me) {
        return own_write;
    }
    if let Some(id) = head.id_of(request) {
        return answer_duplicate(head, id, at, me);
    }
    if is_used_otherwise(head, request, at) {
        return Transition::none(Next::Nothing);
    }
    let mut next = head.next();
    let mut request = request.clone();
    next.known.remember(request.hash, request.id);
    if let Some(ending) = promotion_refusal(head, &request, decision, at) {
        end_request(&mut next, &request, at.record(&request, Status::InProgress).ended(ending, me.now));
        return Transition::to(next, Next::Finished(request.id));
    }
    if let Source::Promoted(promoting) = &mut request.source
        && let Some(artifact) = &mut promoting.artifact
    {
        artifact.warning = warning_of(head, artifact, &at.name);
    }
    let index = match goes_in_order(&request, at) {
        true => place_in_line(&next.queue.waiting, &request),
        false => {
            displace_waiting(&mut next, &mut request, at, me.now);
            next.queue.waiting.len()
        }
    };
    let (wait, notified) = match decision {
        Decision::Wait(wait) => (wait.clone(), false),
        _ if dispatch == Dispatch::Enqueue => (Wait::over(me.now), true),
        _ => return enqueue(next, &request, at, me),
    };
    let waiting = Waiting { request, wait, notified, place: None };
    next.queue.waiting.insert(index, waiting.clone());
    Transition::to(next, Next::Deferred(Box::new(waiting)))
}

/// Returns the place of a promotion among those that wait, where they go in order: before what was asked for later, and
/// behind every member of a group.
fn place_in_line(waiting: &[Waiting], request: &Request) -> usize {
    let is_before = |other: &Waiting| other.request.group().is_some() || other.request.time <= request.time;
    waiting.iter().rposition(is_before).map_or(0, |last| last + 1)
}

/// Applies a new decision to a promotion that waits: it ends, it waits on, or it is admitted.
#[must_use]
pub fn apply_decision(
    head: &Head,
    id: DeploymentId,
    decision: &Decision,
    at: &FunctionRef<'_>,
    me: &Claimant,
) -> Transition {
    if let Some(own_write) = own_write(head, me) {
        return own_write;
    }
    let Some(index) = head.queue.waiting_index(id) else { return Transition::none(Next::Nothing) };
    let mut next = head.next();
    let waiting = next.queue.waiting.remove(index);
    let request = &waiting.request;
    // Everything that came after a member of a group has waited behind it.
    let is_member = request.group().is_some();
    let ending = match decision {
        Decision::Deny(ending) => Some(waiting.cancelled_by(ending.clone())),
        _ if is_member => None,
        _ => head.newest.later_than(request.time).map(superseded),
    };
    if let Some(ending) = ending {
        end_request(&mut next, request, waiting.record(at).ended(ending, me.now));
        return Transition::to(next, Next::Finished(id));
    }
    match decision {
        Decision::Wait(wait) if *wait == waiting.wait => Transition::none(Next::Deferred(Box::new(waiting))),
        Decision::Wait(wait) => {
            let mut waiting = Waiting { wait: wait.clone(), ..waiting };
            if let Source::Promoted(promoting) = &mut waiting.request.source {
                promoting.unseen_since = None;
            }
            next.queue.waiting.insert(index, waiting.clone());
            Transition::to(next, Next::Deferred(Box::new(waiting)))
        }
        _ if is_member && !head.queue.is_next(id) => Transition::none(Next::Deferred(Box::new(waiting))),
        _ if is_member => claim_member(next, waiting, index, at, me),
        _ => enqueue(next, &waiting.request, at, me),
    }
}

/// Puts an active promotion back among those that wait: its turn had come, but the rules have changed. One that was
/// asked to stop meanwhile ends. `None`: the claim is not ours any more.
#[must_use]
pub fn put_back(head: &Head, claim: Token, wait: &Wait, at: &FunctionRef<'_>, now: Timestamp) -> Option<Transition> {
    let Active { mut request, stop, .. } = head.queue.claimed(claim)?.clone();
    let mut next = head.next();
    let mut notified = false;
    if let Source::Promoted(promoting) = &mut request.source {
        // It is announced once only that the promotion waits to see its source.
        notified = wait.unseen.is_some() && promoting.unseen_since.is_some();
        promoting.unseen_since = wait.unseen.is_some().then(|| promoting.unseen_since.unwrap_or(now));
    }
    next.queue.active = None;
    if let Some(rollback) = stop {
        let id = request.id;
        let ending = superseded(format!("rollback {rollback}, asked for later, has asked it to stop"));
        end_request(&mut next, &request, at.record(&request, Status::Pending).ended(ending, now));
        return Some(Transition::to(next, Next::Finished(id)));
    }
    let is_member = request.group().is_some();
    let waiting = Waiting { request, wait: wait.clone(), notified, place: is_member.then(Place::default) };
    // Everything that came after a member of a group waits behind it, whatever its time.
    let is_after = |other: &Waiting| is_member || other.request.time > waiting.request.time;
    let index = next.queue.waiting.iter().position(is_after).unwrap_or(next.queue.waiting.len());
    next.queue.waiting.insert(index, waiting.clone());
    Some(Transition::to(next, Next::Deferred(Box::new(waiting))))
}

/// Marks promotions whose record and event are written as notified. `None`: the head knows already.
#[must_use]
pub fn with_notified(head: &Head, notified: &[DeploymentId]) -> Option<Head> {
    let mut next = head.next();
    for waiting in next.queue.waiting.iter_mut().filter(|waiting| notified.contains(&waiting.request.id)) {
        waiting.notified = true;
    }
    (next.queue.waiting != head.queue.waiting).then_some(next)
}

/// Returns the ending of a promotion that came before something that was let in already; none where nothing later was.
#[must_use]
pub fn outdated(head: &Head, request: &Request) -> Option<Ending> {
    head.newest.later_than(request.time).map(superseded)
}

/// Returns the ending of a promotion that is refused by the decision, by what was accepted before, or by what waits.
#[must_use]
pub fn promotion_refusal(head: &Head, request: &Request, decision: &Decision, at: &FunctionRef<'_>) -> Option<Ending> {
    if let Decision::Deny(ending) = decision {
        return Some(ending.clone());
    }
    if let Some(ending) = outdated(head, request) {
        return Some(ending);
    }
    let artifact = |request: &Request| {
        let promoting = request.promotion_spec()?;
        let artifact = promoting.artifact.as_ref()?.artifact.clone();
        Some((artifact, promoting.freeze_override.clone(), request.cause.skip_rollout.clone()))
    };
    let waiting = &head.queue.waiting;
    let same = waiting.iter().find(|waiting| artifact(&waiting.request) == artifact(request));
    if let (Some(Waiting { request: first, .. }), Decision::Wait(_)) = (same, decision) {
        let release = request.source.release().map_or(String::new(), ToString::to_string);
        let because = waits_already(format_args!("deployment {} brings release {release}", first.id));
        return Some(Ending::Repeated { because, waits: first.id });
    }
    let in_order = goes_in_order(request, at);
    let newer = waiting.iter().find(|other| {
        // A newer promotion may wait behind a member of a group.
        !in_order && other.request.group().is_none() && other.request.time > request.time
    });
    if let Some(Waiting { request: newer, .. }) = newer {
        let because = format!("deployment {}, asked for later, waits already", newer.id);
        return Some(Ending::Superseded { because, in_favour_of: Some(newer.id) });
    }
    (in_order && waiting.len() >= WAITING).then(|| Ending::Refused {
        code: Code::NotPromotable,
        because: format!("{WAITING} promotions wait here already: approve or decline some, or let the newest win"),
    })
}

/// Whether a promotion waits for those before it instead of taking their place.
fn goes_in_order(request: &Request, at: &FunctionRef<'_>) -> bool {
    let in_order = at.environment.promotion.as_ref().is_some_and(|promotion| promotion.policy == Policy::InOrder);
    in_order && request.cause.kind == CauseKind::AutomaticPromotion
}

fn superseded(because: String) -> Ending {
    Ending::Superseded { because, in_favour_of: None }
}
