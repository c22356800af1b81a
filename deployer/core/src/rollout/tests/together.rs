//! Rollouts of members of a group: they wait for one another.

use super::*;
use crate::id::FunctionName;

fn functions(names: &[&str]) -> Vec<FunctionName> {
    names.iter().map(|name| FunctionName::parse(*name).unwrap()).collect()
}

/// Returns a rollout of one target with all traffic, whose watch of ten minutes has begun at minute 0.
fn watching() -> RolloutState {
    done(begin(json!({ "steps": [], "watch": "10m" }), 1), minute(0))
}

fn passed() -> RolloutState {
    goes(wait_for_group(watching(), minute(10)))
}

#[test]
fn rollout_that_has_passed_is_looked_at_without_a_due_time() {
    let state = passed();
    assert_eq!(state.passed.as_ref().map(|passed| passed.at), Some(minute(10)));
    assert_eq!(state.next_action(), RolloutAction::Look { due: None });
    for verdict in [Verdict::Ok, Verdict::Quiet] {
        assert_eq!(goes(state.clone().looked(verdict, "fine", minute(500))), state, "{verdict}: it waits");
    }
    assert_eq!(goes(wait_for_group(state.clone(), minute(12))), state, "it has passed once");
}

#[test]
fn rollout_that_has_passed_still_goes_back() {
    let goes_back = |progress: Progress| {
        let state = goes(progress);
        assert_eq!((state.phase, &state.passed), (Phase::GoingBack, &None));
        state.abort.unwrap().reason
    };
    assert_eq!(goes_back(passed().looked(Verdict::Bad, "bad", minute(11))), AbortReason::Unhealthy);
    assert_eq!(goes_back(passed().alarm_fired("it fires")), AbortReason::AlarmFired);
    assert_eq!(goes_back(passed().aborted(abort())), AbortReason::Aborted);
    let word = GroupWord::GoBack("workers of its group did not get there".into());
    assert_eq!(goes_back(heard(passed(), &word)), AbortReason::GroupWentBack);
    assert_eq!(goes_back(heard(watching(), &word)), AbortReason::GroupWentBack);
    let paused = goes(passed().pause_asked("bob".into(), "look".into(), minute(11)).unwrap());
    assert_eq!(goes_back(paused.expired(minute(11 + 24 * 60))), AbortReason::Expired);
}

fn looks(state: RolloutState, word: &GroupWord, verdict: Verdict, at: i64) -> Progress {
    looked_in_group(state, word, (verdict, "so it is".into()), minute(at))
}

#[test]
fn unreadable_rollout_that_has_passed_pauses_and_waits_on_once_continued() {
    let waits = GroupWord::Wait(functions(&["billing"]));
    let state = goes(looks(passed(), &waits, Verdict::Unreadable, 11));
    let paused = goes(looks(state, &waits, Verdict::Unreadable, 30));
    assert!(paused.paused.is_some());
    let paused = goes(looks(paused, &waits, Verdict::Ok, 31));
    assert!(paused.paused.is_some(), "a person continues it");
    let continued = goes(paused.continue_asked(minute(40)).unwrap());
    assert!(matches!(
        end(looks(continued, &GroupWord::Release, Verdict::Ok, 41)),
        RolloutEnd::Succeeded { unproven: false }
    ));
}

#[test]
fn released_rollout_becomes_live_by_a_look_that_can_be_judged_only() {
    let release = GroupWord::Release;
    let unread = goes(looks(passed(), &release, Verdict::Unreadable, 11));
    assert_eq!((unread.unreadable_since, unread.phase), (Some(minute(11)), Phase::Watching));
    let late = goes(looks(unread, &release, Verdict::Unreadable, 40));
    assert_eq!(late.paused, None, "nothing pauses it any more");
    for verdict in [Verdict::Ok, Verdict::Quiet] {
        assert!(matches!(end(looks(late.clone(), &release, verdict, 41)), RolloutEnd::Succeeded { .. }), "{verdict}");
    }
    assert_eq!(goes(looks(late, &release, Verdict::Bad, 41)).phase, Phase::GoingBack);
}

#[test]
fn pause_that_comes_with_the_release_holds_nothing_up() {
    let paused = goes(passed().pause_asked("bob".into(), "look".into(), minute(11)).unwrap());
    assert_eq!(goes(looks(paused.clone(), &GroupWord::Release, Verdict::Unreadable, 12)).paused, None);
    let Progress::Ended { state, end: RolloutEnd::Succeeded { .. } } =
        looks(paused, &GroupWord::Release, Verdict::Ok, 12)
    else {
        panic!()
    };
    assert_eq!(state.paused, None);
    let watching = goes(watching().pause_asked("bob".into(), "look".into(), minute(5)).unwrap());
    assert_eq!(goes(looks(watching.clone(), &GroupWord::Release, Verdict::Ok, 12)), watching, "it has not passed");
}

#[test]
fn only_a_rollout_that_has_passed_becomes_live_by_its_group() {
    assert_eq!(goes(heard(watching(), &GroupWord::Release)), watching());
    assert!(matches!(end(heard(passed(), &GroupWord::Release)), RolloutEnd::Succeeded { .. }));
    let back = goes(passed().aborted(abort()));
    assert_eq!(goes(heard(back.clone(), &GroupWord::Release)), back);
}

#[test]
fn only_a_last_watch_that_nobody_has_stopped_is_passed() {
    let wave = done(begin(json!({ "steps": [], "watch": "10m", "waves": ["1", "100%"] }), 2), minute(0));
    let shifting = done(begin(json!({}), 1), minute(0));
    let paused = goes(watching().pause_asked("bob".into(), "look".into(), minute(5)).unwrap());
    let back = goes(watching().aborted(abort()));
    for state in [wave, shifting, paused, back] {
        assert_eq!(goes(wait_for_group(state.clone(), minute(10))), state);
    }
}

#[test]
fn rollout_that_waits_names_one_function_and_counts_the_others() {
    let sentence = |names: &[&str]| {
        let state = goes(heard(passed(), &GroupWord::Wait(functions(names))));
        waits_for_sentence(&state.passed.unwrap().waits_for)
    };
    assert_eq!(sentence(&[]), "waits for its group");
    assert_eq!(sentence(&["billing"]), "waits for billing of its group");
    assert_eq!(sentence(&["billing", "stock"]), "waits for billing and 1 other of its group");
    assert_eq!(sentence(&["billing", "stock", "users"]), "waits for billing and 2 others of its group");
    assert_eq!(goes(heard(watching(), &GroupWord::Wait(functions(&["billing"])))), watching());
}
