//! The way back of single targets, and targets that served the new version already.

use super::*;
use crate::id::AliasName;
use crate::observed::{ObservedAlias, RevisionId};

/// Returns a rollout over two targets that serve 10 %, and goes back.
fn going_back() -> RolloutState {
    let state = done(begin(json!({}), 2), minute(0));
    goes(state.aborted(abort()))
}

fn alias(serves: u64, weights: &[(&str, f64)]) -> ObservedAlias {
    ObservedAlias {
        name: AliasName::parse("live").unwrap(),
        version: Some(version(serves)),
        weights: weights.iter().map(|(version, part)| ((*version).to_owned(), *part)).collect(),
        provisioned: None,
        revision: RevisionId("r1".into()),
        description: String::new(),
        moved_by_deployer: true,
    }
}

#[test]
fn target_that_could_not_be_moved_back_is_open_until_it_was() {
    let all = targets(2);
    let state = goes(going_back().returned(&all[0], minute(1)));
    let state = goes(state.move_failed(&all[1], "AccessDenied", minute(1)));
    assert_eq!(state.targets[1].way_back, Some(WayBack::Open));
    assert_eq!(state.targets[1].held_up.as_deref(), Some("AccessDenied"));
    assert_eq!(state.next_action(), RolloutAction::GoBack(vec![all[1].clone()]));
    let Progress::Ended { state, end } = state.returned(&all[1], minute(2)) else { panic!("it is back") };
    assert_eq!((state.targets[1].held_up.clone(), end), (None, RolloutEnd::RolledBack(abort())));
}

#[test]
fn target_that_could_not_be_moved_back_for_a_day_is_given_up_with_its_weight() {
    let all = targets(2);
    let fails = |state: RolloutState, at: i64| state.move_failed(&all[1], "AccessDenied", minute(at));
    let state = goes(going_back().returned(&all[0], minute(1)));
    assert_eq!(held_up(&state), None);
    let state = (1..=24 * 60).step_by(20).fold(state, |state, at| goes(fails(state, at)));
    let (since, because) = held_up(&state).unwrap();
    assert_eq!((since, because.len()), (minute(1), 1), "the first of its tries counts");
    assert!(because[0].contains("AccessDenied (tried again until "), "{because:?}");
    assert!(because[0].ends_with("by what was seen last, its alias still gives the new version 10 %)"), "{because:?}");
    assert_eq!((state.targets[0].share_seen(), state.targets[1].share_seen()), (Some(0), Some(10)));
    let Progress::Ended { state, end: RolloutEnd::Failed { left, .. } } = fails(state, 24 * 60 + 1) else {
        panic!("a day is over")
    };
    let because = "AccessDenied; tried again for 24 hours, and its alias still gives the new version 10 %";
    assert_eq!((left, held_up(&state)), (vec![(all[1].clone(), because.into())], None));
}

#[test]
fn break_in_the_tries_begins_the_day_anew() {
    let all = targets(2);
    let fails = |state: RolloutState, at: i64| goes(state.move_failed(&all[1], "AccessDenied", minute(at)));
    let state = fails(fails(going_back(), 1), 24 * 60 + 1);
    assert_eq!(state.targets[1].way_back, Some(WayBack::Open), "nobody has tried for a day");
    assert_eq!(state.targets[1].held_up_since, Some(minute(24 * 60 + 1)));
    let state = fails(state, 24 * 60 + 31);
    assert_eq!(state.targets[1].held_up_since, Some(minute(24 * 60 + 1)), "half an hour is no break");
}

#[test]
fn target_that_is_given_up_after_a_move_that_nobody_confirmed_names_both_weights() {
    let all = targets(2);
    let state = goes(looked(done(begin(two_steps(), 2), minute(0)), Verdict::Ok, 10));
    assert_eq!(state.next_action(), RolloutAction::Move(all.clone()));
    let state = goes(goes(state.aborted(abort())).returned(&all[0], minute(11)));
    let state = (11..24 * 60 + 11)
        .step_by(20)
        .fold(state, |state, at| goes(state.move_failed(&all[1], "AccessDenied", minute(at))));
    let RolloutEnd::Failed { left, .. } = end(state.move_failed(&all[1], "AccessDenied", minute(24 * 60 + 11))) else {
        panic!("a day is over")
    };
    assert!(left[0].1.ends_with("its alias still gives the new version 10 %, perhaps 50 %"), "{left:?}");
}

#[test]
fn way_back_is_late_five_minutes_after_it_began_also_while_its_first_try_lasts() {
    let state = completed(going_back(), minute(0));
    assert_eq!(late_way_back(&state, minute(5)), None);
    let (since, because) = late_way_back(&state, minute(6)).unwrap();
    assert_eq!((since, because.len()), (minute(0), 2));
    assert!(because[0].contains("not seen to be back yet"), "{because:?}");
    let later = completed(state.clone(), minute(9));
    assert_eq!(later, state, "the beginning stays");
    let all = targets(2);
    let half = goes(goes(state.returned(&all[0], minute(1))).move_failed(&all[1], "AccessDenied", minute(6)));
    let (_, because) = late_way_back(&half, minute(7)).unwrap();
    assert!(because.len() == 1 && because[0].starts_with("AccessDenied (tried again until "), "{because:?}");
    let shifting = completed(done(begin(json!({}), 2), minute(0)), minute(0));
    assert_eq!(late_way_back(&shifting, minute(60)), None);
}

#[test]
fn target_that_served_the_release_already_is_not_compared_with_itself() {
    let state = with_one_that_serves(Some(version(5)));
    let since = |number: usize| old_alone_since(&state, &state.targets[number], None, minute(9));
    assert_eq!((since(0), since(1), since(2)), (None, None, Some(minute(9))));
}

#[test]
fn alias_ends_without_weights_also_of_0() {
    let state = going_back();
    let one = &state.targets[0];
    assert_eq!(one.compare(Some(&alias(6, &[]))), FoundAlias::Arrived);
    assert_eq!(one.compare(Some(&alias(6, &[("7", 0.0)]))), FoundAlias::Former, "it is written once more");
    let watching = goes(looked(done(begin(json!({}), 2), minute(0)), Verdict::Ok, 11));
    let one = &watching.targets[0];
    assert_eq!(one.compare(Some(&alias(7, &[]))), FoundAlias::Arrived);
    assert_eq!(one.compare(Some(&alias(7, &[("6", 0.0)]))), FoundAlias::Former);
    assert!(matches!(one.compare(Some(&alias(7, &[("5", 0.0)]))), FoundAlias::Foreign(_)));
}

fn with_one_that_serves(old: Option<Version>) -> RolloutState {
    let third = targets(3).remove(2);
    let state = begin(json!({}), 2);
    let state = targets(2).iter().fold(state, |state, target| goes(state.published(target, &version(7))));
    done(with_target_that_serves(state, third, (old, version(7)), minute(0)), minute(0))
}

#[test]
fn target_that_served_the_release_already_is_in_no_wave_and_goes_back_with_the_others() {
    let state = with_one_that_serves(Some(version(5)));
    assert_eq!((state.in_wave().len(), state.targets[2].weight), (2, 100));
    assert!(matches!(state.next_action(), RolloutAction::Look { .. }), "nothing is to be moved there");
    let back = goes(state.aborted(abort()));
    let third = &back.targets[2];
    assert_eq!((third.weight, &third.way_back), (0, &Some(WayBack::Open)));
    assert_eq!(third.meant_alias().unwrap().version, version(5));
}

#[test]
fn target_that_served_the_release_already_stays_and_is_named_where_nothing_else_is_known() {
    let back = goes(with_one_that_serves(None).aborted(abort()));
    let back = targets(2).iter().fold(back, |state, target| state.returned(target, minute(1)).into_state());
    let Some(RolloutEnd::Failed { left, .. }) = end_of_way_back(&back) else { panic!("{back:?}") };
    assert!(left[0].1.contains("before the rollout began"), "{left:?}");
}

#[test]
fn arrival_that_is_written_down_after_an_abort_counts_as_served() {
    let all = targets(2);
    let state = all.iter().fold(begin(json!({}), 2), |state, target| goes(state.published(target, &version(7))));
    let state = all.iter().fold(state, |state, target| goes(state.smoke_passed(target, minute(0))));
    let state = goes(goes(state.moved(&all[1], 10, minute(1))).aborted(abort()));
    assert_eq!((state.targets[0].unconfirmed, state.targets[0].served.len()), (Some(10), 0));
    let state = goes(state.moved(&all[0], 10, minute(1)));
    let one = &state.targets[0];
    assert_eq!((one.served.last().map(|served| served.weight), one.unconfirmed), (Some(10), None));
    assert_eq!((one.weight, &one.way_back), (0, &Some(WayBack::Open)), "it goes back all the same");
    let state = goes(state.returned(&all[0], minute(2)));
    assert_eq!(goes(state.clone().moved(&all[0], 10, minute(2))), state, "what is back is back");
}
