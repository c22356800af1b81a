//! The rollout of a group's member in the head.

use super::super::member::member;
use super::*;
use crate::group::MemberRollout;
use crate::rollout::{GroupWord, heard, wait_for_group};

/// Returns a head with the rollout of a request that is watched.
fn watched(request: Request) -> Head {
    let mut head = watching(json!({ "steps": [{ "weight": 10, "for": "10m" }], "watch": "10m" }));
    head.queue.active.as_mut().unwrap().request = request;
    head
}

/// Ends the rollout as one that has succeeded, under a claim that a look has taken.
fn succeeds(head: &Head) -> Finish {
    let now = BEGIN + 10_000;
    let heir = head.writes(crate::head::claim::resume(head.next(), head.active().unwrap(), &me("heir", now))).0;
    let active = heir.active().unwrap().clone();
    let ending = rollout_ending(&active, &RolloutEnd::Succeeded { unproven: false }, &at());
    finish(&heir, token("heir"), &ended_by(&active, ending, now), &at(), None)
}

#[test]
fn rollout_of_a_member_has_format_5_and_any_other_has_4() {
    let format = |head: &Head| format::LedgerObject::format(head);
    assert_eq!(format(&watched(upload("2", 20))), 4);
    assert_eq!(format(&watched(member("2", "g", 20))), 5);
}

#[test]
fn member_does_not_become_live_before_it_has_passed() {
    assert!(matches!(succeeds(&watched(upload("2", 20))), Finish::Commit { .. }));
    let mut head = watched(member("2", "g", 20));
    assert!(head.active().unwrap().must_wait_for_group());
    assert_eq!(succeeds(&head), Finish::Overruled);
    let active = head.queue.active.as_mut().unwrap();
    active.rollout = active.rollout.take().map(|state| wait_for_group(state, second(BEGIN + 2_000)).into_state());
    assert!(!head.active().unwrap().must_wait_for_group());
    assert!(matches!(succeeds(&head), Finish::Commit { .. }));
    let NextAction::Look { due: None, .. } = next(&head, BEGIN + 90_000) else { panic!("{head:?}") };
}

#[test]
fn member_is_claimed_once_its_group_says_so() {
    let mut head = watched(member("2", "g", 20));
    let active = head.queue.active.as_mut().unwrap();
    active.rollout = active.rollout.take().map(|state| wait_for_group(state, second(BEGIN + 2_000)).into_state());
    let hears = |head: &Head, word: &GroupWord| {
        let id = head.active().unwrap().request.id;
        apply_look(head, (id, rollout_of(head)), &me("look", BEGIN + 3_000), |state| heard(state, word))
    };
    let LookEffect::Write(waits) = hears(&head, &GroupWord::Wait(vec![at().function.clone()])) else { panic!() };
    assert_eq!(hears(&waits, &GroupWord::Wait(vec![at().function.clone()])), LookEffect::Nothing);
    let LookEffect::Claim { end, .. } = hears(&waits, &GroupWord::Release) else { panic!() };
    assert_eq!(end, Some(RolloutEnd::Succeeded { unproven: false }));
    let LookEffect::Claim { end: None, active, .. } = hears(&waits, &GroupWord::GoBack("no".into())) else { panic!() };
    assert_eq!(active.rollout.unwrap().phase, Phase::GoingBack);
}

#[test]
fn member_has_passed_only_while_its_looks_can_be_judged_and_it_is_not_paused() {
    let mut head = watched(member("2", "g", 20));
    let id = head.active().unwrap().request.id;
    assert_eq!(MemberRollout::of(&head, id), Some(MemberRollout::UnderWay));
    let state = wait_for_group(rollout_of(&head).clone(), second(BEGIN + 2_000)).into_state();
    let mut with = |state: RolloutState| {
        head.queue.active.as_mut().unwrap().rollout = Some(state);
        MemberRollout::of(&head, id)
    };
    assert_eq!(with(state.clone()), Some(MemberRollout::Passed));
    let unreadable_since = Some(second(BEGIN + 2_060));
    assert_eq!(with(RolloutState { unreadable_since, ..state }), Some(MemberRollout::UnderWay));
}
