//! A request names the promotions that it ends while they wait.

use super::promote::{automatic, prod, promotion, row_config};
use super::*;
use crate::promotion::{Decision, Dispatch, Wait};
use crate::record::EndedWaiting;

fn soaks() -> Decision {
    Decision::Wait(Wait { soak_until: Some(second(100)), approvals_wanted: 2, ..Wait::over(second(9_999)) })
}

fn submit(head: &Head, request: &Request, decision: &Decision, now: i64) -> (Head, Next) {
    let me = me(&format!("w{now}"), now);
    head.writes(accept_promotion(head, (request, Dispatch::Inline), decision, &prod(row_config()), &me))
}

/// Returns a head in which a promotion of release 1 soaks, and waits for approvals.
fn waiting() -> (Head, Request) {
    let one = automatic("1", 10);
    (submit(&Head::default(), &one, &soaks(), 10).0, one)
}

fn names_one(ended: &[EndedWaiting], one: &Request) {
    let [ended] = ended else { panic!("{ended:?}") };
    assert_eq!((ended.deployment, ended.release.as_ref()), (one.id, one.promotion_spec().unwrap().release()));
    assert_eq!((ended.environment.as_str(), ended.from.as_ref().map(EnvironmentName::as_str)), ("prod", Some("dev")));
    assert_eq!(ended.waited, "until 1970-01-01T00:01:40Z for its soak, and for 2 approvals");
}

#[test]
fn newer_promotion_names_the_waiting_one_that_it_ends() {
    let (head, one) = waiting();
    let two = promotion("2", CauseKind::Promotion, 20);
    let (waits, then) = submit(&head, &two, &soaks(), 20);
    let Next::Deferred(waiting) = then else { panic!("{then:?}") };
    names_one(&waiting.record(&prod(row_config())).ended_waiting, &one);
    let read: Head = serde_json::from_slice(&serde_json::to_vec(&waits).unwrap()).unwrap();
    names_one(&read.waiting()[0].request.ended_waiting, &one);
    let (head, then) = submit(&head, &two, &Decision::Allow, 20);
    let Next::Work(active) = then else { panic!("{then:?}") };
    let at = prod(row_config());
    names_one(&at.record_of(&active, Status::InProgress).ended_waiting, &one);
    names_one(&head.active().unwrap().request.ended_waiting, &one);
}

#[test]
fn refused_promotion_names_nothing_for_the_waiting_one_stays() {
    let (head, one) = waiting();
    let (head, _) = submit(&head, &promotion("2", CauseKind::Promotion, 20), &Decision::Deny(refusal()), 20);
    assert_eq!(head.waiting()[0].request.id, one.id);
    assert_eq!(head.outbox()[0].record.ended_waiting, []);
}

#[test]
fn rollback_names_the_waiting_promotions_that_it_ends() {
    let (head, one) = waiting();
    let first = Head { live_state: Head::default().deploys(&upload("0", 1), "6").live_state, ..head.clone() };
    let head = Head { live_state: first.deploys(&upload("00", 2), "7").live_state, ..head };
    let back = rollback("r", 50);
    let rejects = Rejects::default();
    let rules = Rules { refusal: None, rejects: &rejects };
    let (head, then) = head.writes(accept(&head, &back, &prod(row_config()), rules, &me("r", 50)));
    let Next::Work(active) = then else { panic!("{then:?}") };
    names_one(&active.request.ended_waiting, &one);
    assert_eq!(head.waiting(), []);
    // The groups that it has ended are known later, and each stands in place of its member.
    let group = EndedWaiting { deployment: upload("9", 60).id, ..active.request.ended_waiting[0].clone() };
    let with_group =
        |head: &Head, member| with_ended_groups(head, back.id, (&[EndedGroup { group: group.clone(), member }], None));
    let names =
        |head: &Head| head.active().unwrap().request.ended_waiting.iter().map(|one| one.deployment).collect::<Vec<_>>();
    assert_eq!(names(&with_group(&head, back.id).unwrap()), [one.id, group.deployment]);
    let named = with_group(&head, one.id).unwrap();
    assert_eq!((names(&named), with_group(&named, one.id)), (vec![group.deployment], None));
    assert_eq!(with_group(&Head::default(), one.id), None, "it is not open");
    // Its record has the groups that it could not end.
    let left = with_ended_groups(&head, back.id, (&[], Some("the sweep does it"))).unwrap();
    assert_eq!(with_ended_groups(&left, back.id, (&[], Some("the sweep does it"))), None);
    assert_eq!(left.active().unwrap().request.rollback().unwrap().left_to_sweep.as_deref(), Some("the sweep does it"));
}

#[test]
fn next_promotion_that_gives_way_is_named_and_an_upload_is_not() {
    let at = prod(row_config());
    let busy = submit(&Head::default(), &automatic("1", 10), &Decision::Allow, 10).0;
    let two = promotion("2", CauseKind::Promotion, 20);
    let (head, _) = submit(&busy, &two, &Decision::Allow, 20);
    let (_, then) = submit(&head, &promotion("3", CauseKind::Promotion, 30), &Decision::Allow, 30);
    let Next::Queued { request, .. } = then else { panic!("{then:?}") };
    let [ended] = &request.ended_waiting[..] else { panic!("{request:?}") };
    assert_eq!((ended.deployment, &*ended.waited), (two.id, "for its turn"));
    assert_eq!(at.record(&request, Status::Pending).ended_waiting.len(), 1);
    let (head, _) = Head::default().accepts(&upload("1", 10), &me("a", 10));
    let (head, _) = head.accepts(&upload("2", 20), &me("b", 20));
    let (head, _) = head.accepts(&upload("3", 30), &me("c", 30));
    assert_eq!((head.pending().unwrap().ended_waiting.len(), head.outbox().len()), (0, 1));
}

#[test]
fn untouched_promotion_that_gives_way_is_named() {
    let (one, two) = (automatic("1", 10), promotion("2", CauseKind::Promotion, 20));
    let (head, _) = submit(&Head::default(), &one, &Decision::Allow, 10);
    let given_up = head.gives_up("w10", 15).unwrap();
    let (_, then) = submit(&given_up, &two, &Decision::Allow, 20);
    let Next::Work(active) = then else { panic!("{then:?}") };
    assert_eq!(active.request.ended_waiting.iter().map(|ended| ended.deployment).collect::<Vec<_>>(), [one.id]);
    // The newer one waits already when the older is given up.
    let (queued, _) = submit(&head, &two, &Decision::Allow, 12);
    let (_, then) = queued.gives_up("w10", 15).unwrap().writes(acquire(
        &queued.gives_up("w10", 15).unwrap(),
        &prod(row_config()),
        &me("n", 20),
    ));
    let Next::Work(active) = then else { panic!("{then:?}") };
    assert_eq!(active.request.id, two.id);
    assert_eq!(active.request.ended_waiting.iter().map(|ended| ended.deployment).collect::<Vec<_>>(), [one.id]);
}

#[test]
fn hold_names_what_it_ends_and_not_what_goes_on() {
    let at = prod(row_config());
    let hold = |head: &Head| {
        let hold =
            Hold { reason: "audit".into(), requested_by: None, principal: None, unproven: None, since: second(30) };
        let CommandEffect::Write(held) = crate::head::hold(head, hold, &at, "h", second(30)) else { panic!() };
        newly_ended(head, &held).into_iter().map(|one| (one.deployment, one.waited.to_string())).collect::<Vec<_>>()
    };
    // One is under way, another is next, and one of before has ended.
    let one = promotion("1", CauseKind::Promotion, 10);
    let busy = submit(&Head::default(), &one, &Decision::Allow, 10).0;
    let (busy, _) = submit(&busy, &promotion("2", CauseKind::Promotion, 15), &Decision::Allow, 15);
    let three = promotion("3", CauseKind::Promotion, 20);
    let (busy, _) = submit(&busy, &three, &Decision::Allow, 20);
    assert_eq!((busy.active().unwrap().request.id, busy.outbox().len()), (one.id, 1));
    assert_eq!(hold(&busy), [(three.id, "for its turn".to_owned())]);
    let (waits, first) = waiting();
    assert_eq!(hold(&waits).into_iter().map(|(id, _)| id).collect::<Vec<_>>(), [first.id]);
    assert_eq!(hold(&Head::default()), []);
}

#[test]
fn deploy_leaves_a_promotion_waiting_that_ends_later() {
    let (head, one) = waiting();
    let at = prod(row_config());
    let late = Request { cause: Cause::new(CauseKind::Deploy, None, None), ..upload("9", 30) };
    let (head, _) = head.accepts(&late, &me("late", 30));
    assert_eq!((head.waiting()[0].request.id, head.active().unwrap().request.ended_waiting.len()), (one.id, 0));
    let (_, then) = head.writes(apply_decision(&head, one.id, &Decision::Allow, &at, &me("w", 40)));
    let Next::Finished(id) = then else { panic!("{then:?}") };
    assert_eq!(id, one.id);
}
