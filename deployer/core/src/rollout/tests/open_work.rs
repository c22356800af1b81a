//! Moves and tests that are open while targets serve the new version, and targets that serve it from the beginning.

use super::*;
use crate::observed::{ObservedAlias, RevisionId};

fn seconds(number: i64) -> Timestamp {
    start() + SignedDuration::from_secs(number)
}

/// Two targets of one wave, of which the first has moved.
fn half_moved() -> RolloutState {
    let all = targets(2);
    let state = all.iter().fold(begin(two_steps(), 2), |state, target| goes(state.published(target, &version(7))));
    let state = all.iter().fold(state, |state, target| goes(state.smoke_passed(target, start())));
    goes(state.moved(&all[0], 10, start()))
}

#[test]
fn open_move_is_looked_at_where_another_target_serves_the_new_version() {
    let state = half_moved();
    assert_eq!(state.next_action(), RolloutAction::Move(vec![targets(2)[1].clone()]));
    assert!(!is_look_due(&state, seconds(29)), "the look that began it is not a minute old");
    assert!(is_look_due(&state, seconds(30)));
    let none_has_moved = RolloutState { targets: begin(two_steps(), 2).targets, ..state.clone() };
    assert!(!is_look_due(&none_has_moved, seconds(60)));
    let moved = goes(state.moved(&targets(2)[1], 10, seconds(40)));
    assert!(!is_look_due(&moved, seconds(100)), "nothing is open");
}

#[test]
fn tests_of_the_second_wave_are_looked_at_while_the_first_serves_the_new_version() {
    let state = done(begin(json!({ "steps": [], "watch": "10m", "waves": ["1", "100%"] }), 2), start());
    let testing = goes(looked(state, Verdict::Ok, 10));
    assert_eq!((testing.phase, testing.open_since), (Phase::Smoke, Some(minute(10))));
    assert!(is_look_due(&testing, minute(11)));
    assert_eq!(goes(looked(testing, Verdict::Bad, 11)).phase, Phase::GoingBack);
}

#[test]
fn bad_look_takes_the_release_back_while_a_move_is_open() {
    let back = goes(looked(half_moved(), Verdict::Bad, 1));
    let all = targets(2);
    assert_eq!(back.next_action(), RolloutAction::GoBack(vec![all[1].clone(), all[0].clone()]));
    assert_eq!((back.targets[1].unconfirmed, back.open_since), (Some(10), None));
}

#[test]
fn move_is_late_five_minutes_after_it_was_meant() {
    let state = half_moved();
    assert_eq!(late_work(&state, minute(5)), None);
    assert_eq!(late_work(&state, minute(6)), Some((start(), vec![targets(2)[1].clone()])));
    let back = goes(state.aborted(abort()));
    assert_eq!(late_work(&back, minute(60)), None, "the way back has a line of its own");
}

fn alias(serves: u64) -> ObservedAlias {
    ObservedAlias {
        name: crate::id::AliasName::parse("live").unwrap(),
        version: Some(version(serves)),
        weights: [].into(),
        revision: RevisionId("1".to_owned()),
        description: String::new(),
        moved_by_deployer: false,
        provisioned: None,
    }
}

#[test]
fn version_that_nobody_wants_back_is_left_at_once_and_for_good() {
    let target = targets(1).remove(0);
    let state = done(with_replaced(begin(two_steps(), 1), &target, version(6)), start());
    let one = &state.targets[0];
    assert_eq!((state.phase, one.weight, &one.old), (Phase::Watching, 100, &None));
    let meant = RolloutTarget { served: vec![], at: None, ..one.clone() };
    assert_eq!(meant.compare(Some(&alias(6))), FoundAlias::Former);
    assert_eq!(meant.compare(Some(&alias(7))), FoundAlias::Arrived);
    assert!(matches!(meant.compare(Some(&alias(5))), FoundAlias::Foreign(_)));
    let RolloutEnd::Failed { left, .. } = end(state.aborted(abort())) else { panic!("it cannot go back") };
    assert_eq!(left[0].1.as_str(), "nothing was live before, so there is nothing to go back to");
}

#[test]
fn open_move_may_be_seen_before_and_after_and_no_other_change() {
    let one = half_moved().targets.remove(1);
    assert_eq!(one.compare_in_look(Some(&alias(6))), FoundAlias::Former);
    assert!(matches!(one.compare_in_look(Some(&alias(5))), FoundAlias::Foreign(_)));
    let at_rest = half_moved().targets.remove(0);
    assert!(matches!(at_rest.compare_in_look(Some(&alias(6))), FoundAlias::Foreign(_)));
}

#[test]
fn release_that_all_targets_serve_already_is_only_watched() {
    let rollout = json!({ "steps": [{ "weight": 10, "for": "10m" }], "watch": "10m" });
    let served = |old| {
        let state = begin(rollout.clone(), 0);
        let target = targets(1).remove(0);
        watched_from_the_beginning(with_target_that_serves(state, target, (old, version(7)), start()))
    };
    let watched = served(Some(version(6)));
    assert_eq!(watched.next_action(), RolloutAction::Look { due: Some(minute(10)) });
    assert_eq!(end(looked(watched.clone(), Verdict::Ok, 10)), RolloutEnd::Succeeded { unproven: false });
    let back = goes(looked(watched.clone(), Verdict::Bad, 5));
    assert_eq!(back.next_action(), RolloutAction::GoBack(targets(1)));
    let paused = goes(watched.pause_asked(Person::from("ann"), "wait".into(), minute(4)).unwrap());
    assert_eq!(
        goes(paused.continue_asked(minute(9)).unwrap()).due,
        Some(minute(15)),
        "it has the time left that it had"
    );
    assert!(matches!(end(served(None).aborted(abort())), RolloutEnd::Failed { .. }));
    let begun = begin(rollout, 1);
    assert_eq!(watched_from_the_beginning(begun.clone()), begun);
}
