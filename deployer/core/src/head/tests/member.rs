//! Members of groups: each holds its place, and newer requests wait behind it.

use super::promote::{automatic, prod, promotion, row_config};
use super::*;
use crate::promotion::{Decision, Dispatch, Wait};

pub(super) fn member(release: &str, group: &str, time: i64) -> Request {
    let mut request = promotion(release, CauseKind::Promotion, time);
    if let Source::Promoted(promoting) = &mut request.source {
        promoting.group = Some(DeploymentId::of(second(0), crate::id::RequestHash::of(&[group])));
        promoting.place_token = Some(token(group));
    }
    request
}

pub(super) fn placed(head: &Head, request: &Request) -> Head {
    match reserve_place(head, request, request.accepted_at) {
        Reservation::Write(head) => *head,
        other => panic!("{other:?}"),
    }
}

fn accepts(head: &Head, request: &Request, name: &str, now: i64) -> (Head, Next) {
    head.writes(accept(head, request, &prod(row_config()), rules(None), &me(name, now)))
}

#[test]
fn upload_waits_behind_a_member_and_is_next_after_it() {
    let member = member("1", "g", 10);
    let head = placed(&Head::default(), &member);
    assert!(head.needs(member.marker) && head.active().is_none());
    let upload = upload("2", 20);
    let (head, then) = accepts(&head, &upload, "u", 20);
    assert!(matches!(then, Next::Queued { status: Status::Pending, behind, .. } if behind.0 == member.id), "{then:?}");
    assert!(!has_work(&head, second(20)), "nobody is to be woken for it");
    let again = accept(&head, &upload, &prod(row_config()), rules(None), &me("v", 21));
    assert!(matches!(again, Transition { head: None, then: Next::Queued { .. } }), "{again:?}");
    let waits = Decision::Wait(Wait { for_group: true, ..Wait::over(second(10)) });
    assert!(apply_decision(&head, member.id, &waits, &prod(row_config()), &me("g", 22)).head.is_none());
    let (head, then) =
        head.writes(apply_decision(&head, member.id, &Decision::Allow, &prod(row_config()), &me("g", 30)));
    let Next::Work(active) = then else { panic!("{then:?}") };
    assert_eq!((active.request.id, head.pending().map(|pending| pending.id)), (member.id, Some(upload.id)));
}

#[test]
fn request_pending_before_the_place_was_reserved_goes_first() {
    let (first, second_one) = (upload("1", 10), upload("2", 11));
    let (head, _) = accepts(&Head::default(), &first, "a", 10);
    let (head, _) = accepts(&head, &second_one, "b", 11);
    let member = member("3", "g", 12);
    let head = placed(&head, &member);
    assert!(!head.queue().is_next(member.id));
    assert!(
        head.queue().member_before(&second_one).is_none() && head.queue().member_before(&upload("4", 20)).is_some()
    );
    let rests = apply_decision(&head, member.id, &Decision::Allow, &prod(row_config()), &me("g", 13));
    assert!(matches!(rests, Transition { head: None, then: Next::Deferred(_) }), "{rests:?}");
}

#[test]
fn newer_promotion_displaces_no_member_and_older_gives_way_to_it() {
    let older = automatic("1", 10);
    let soaks = Decision::Wait(Wait { soak_until: Some(second(100)), ..Wait::over(second(999)) });
    let at = prod(row_config());
    let (head, _) = Head::default().writes(accept_promotion(
        &Head::default(),
        (&older, Dispatch::Inline),
        &soaks,
        &at,
        &me("o", 10),
    ));
    let member = member("2", "g", 11);
    let head = placed(&head, &member);
    let newer = automatic("3", 12);
    let line = Decision::Wait(Wait { in_line: true, ..Wait::over(second(12)) });
    let (head, _) = head.writes(accept_promotion(&head, (&newer, Dispatch::Inline), &line, &at, &me("n", 12)));
    let waiting: Vec<_> = head.waiting().iter().map(|waiting| waiting.request.id).collect();
    assert_eq!(waiting, [member.id, newer.id], "the newer one takes the place of the older one, not of the member");
    let (head, _) = head.writes(apply_decision(&head, member.id, &Decision::Allow, &at, &me("g", 13)));
    let waiting: Vec<_> = head.waiting().iter().map(|waiting| waiting.request.id).collect();
    assert_eq!(waiting, [newer.id]);
}

#[test]
fn member_of_another_group_waits_until_the_place_is_released() {
    let one = member("1", "g", 10);
    let head = placed(&Head::default(), &one);
    assert_eq!(reserve_place(&head, &one, second(11)), Reservation::HasPlace);
    let other = member("2", "h", 11);
    assert_eq!(reserve_place(&head, &other, second(11)), Reservation::Behind(one.group().unwrap()));
    assert!(release_place(&head, one.id, token("h")).is_none(), "it was taken under another token");
    let (without, marker) = release_place(&head, one.id, token("g")).unwrap();
    assert_eq!((marker, without.waiting().len(), without.deployments()), (one.marker, 0, vec![]));
    assert!(matches!(reserve_place(&without, &one, second(12)), Reservation::Write(_)), "it may come again");
}

#[test]
fn another_promotion_of_the_same_id_is_not_taken_for_the_member() {
    let one = member("1", "g", 10);
    let mut other = promotion("1", CauseKind::Promotion, 12);
    other.hash = one.hash;
    let wait = Decision::Wait(Wait { approvals_wanted: 1, ..Wait::over(second(12)) });
    let accepted =
        accept_promotion(&Head::default(), (&other, Dispatch::Inline), &wait, &prod(row_config()), &me("o", 12));
    let (head, _) = Head::default().writes(accepted);
    assert_eq!(reserve_place(&head, &one, second(13)), Reservation::SameId(other.id));
}

#[test]
fn rollback_goes_before_a_member_and_ends_it() {
    let (first, _) = accepts(&Head::default(), &upload("1", 1), "a", 1);
    let one = member("2", "g", 10);
    let head = placed(&first, &one);
    let (head, _) = accepts(&head, &rollback("r", 11), "r", 11);
    assert!(head.waiting().is_empty());
    let ended = head.outbox().iter().find(|entry| entry.record.id == one.id).unwrap();
    assert_eq!((ended.record.status, ended.record.code), (Status::Superseded, Some(Code::Superseded)));
}

#[test]
fn older_upload_behind_a_member_does_not_replace_it() {
    let one = member("2", "g", 50);
    let head = placed(&Head::default(), &one);
    let late = upload("1", 40);
    let (head, _) = accepts(&head, &late, "u", 60);
    let (head, _) = head.writes(apply_decision(&head, one.id, &Decision::Allow, &prod(row_config()), &me("g", 61)));
    assert_eq!(head.pending(), None);
    let ended = head.outbox().iter().find(|entry| entry.record.id == late.id).unwrap();
    assert_eq!(ended.record.status, Status::Superseded);
}
