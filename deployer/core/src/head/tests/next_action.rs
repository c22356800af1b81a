//! The action that a function needs next.

use super::parked::parked;
use super::*;

fn next(head: &Head, now: i64) -> NextAction {
    head.next_action(second(now), SkippedWork::default())
}

fn of_deployments(head: &Head, now: i64) -> NextAction {
    head.next_action(second(now), SkippedWork::all_but_deployments())
}

fn wakeup(request: &Request, claim: Option<&str>) -> Wakeup {
    Wakeup { id: request.id, claim: claim.map(token) }
}

#[test]
fn function_without_requests_needs_nothing() {
    assert_eq!(next(&Head::default(), 0), NextAction::Nothing);
    let head = Head::default().deploys(&upload("1", 10), "6").flushes();
    assert_eq!(next(&head, 20), NextAction::Nothing, "all is done");
}

#[test]
fn deployment_is_resumed_after_its_lease_ended() {
    let one = upload("1", 10);
    let head = Head::default().accepts(&one, &me("one", 10)).0;
    let on = wakeup(&one, Some("one"));
    assert_eq!(next(&head, 10 + LEASE - 1), NextAction::Wait { on, until: second(10 + LEASE) });
    assert_eq!(next(&head, 10 + LEASE), NextAction::Resume(on));
}

#[test]
fn outbox_is_flushed_before_the_next_deployment_unless_already_tried() {
    let (one, two) = (upload("1", 10), upload("2", 20));
    let head = Head::default().accepts(&one, &me("one", 10)).0.accepts(&two, &me("two", 20)).0;
    let head = head.commits("one", &arrived(&one, "6", "A"), None).0;
    assert_eq!(next(&head, 30), NextAction::FlushOutbox);
    assert_eq!(of_deployments(&head, 30), NextAction::Deploy(wakeup(&two, None)));
    assert_eq!(next(&head.flushes(), 30), NextAction::Deploy(wakeup(&two, None)));
}

#[test]
fn parked_deployment_waits_for_its_tick_until_that_is_overdue() {
    let (head, two) = parked(Some(60));
    let head = head.flushes();
    let on = wakeup(&two, Some("two"));
    assert_eq!(next(&head, 119), NextAction::Wait { on, until: second(120) });
    assert_eq!(next(&head, 120), NextAction::Resume(on));
    assert_eq!(of_deployments(&head, 60), NextAction::Resume(on), "its tick has come");
}
