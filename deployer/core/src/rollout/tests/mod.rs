#![allow(clippy::unwrap_used)]

mod gone;
mod invariants;
mod looks;
mod open_work;
mod together;
mod way_back;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::guard::Verdict;
use super::*;
use crate::config::Target;
use crate::config::rollout::{Placement, Rollout};
use crate::id::{AccountId, Region, Version};
use crate::text::Person;

fn targets(count: usize) -> Vec<Target> {
    let target = |number: usize| Target {
        account: AccountId::parse(format!("{number:012}")).unwrap(),
        region: Region::parse("eu-west-1").unwrap(),
    };
    (1..=count).map(target).collect()
}

fn version(number: u64) -> Version {
    Version::parse(number.to_string()).unwrap()
}

fn plan(rollout: Value, count: usize) -> RolloutPlan {
    let placement = Placement { targets: count, queue_url: Some("https://queue") };
    let rollout = Rollout::parse(&rollout, placement).unwrap();
    RolloutPlan::of(&rollout, &targets(count), Duration::from_secs(3))
}

fn begin(rollout: Value, count: usize) -> RolloutState {
    RolloutState::begin(plan(rollout, count), |_| (Shift::InSteps, Some(version(6))))
}

fn start() -> Timestamp {
    "2026-11-30T10:00:00Z".parse().unwrap()
}

fn minute(number: i64) -> Timestamp {
    start() + SignedDuration::from_mins(number)
}

fn goes(progress: Progress) -> RolloutState {
    match progress {
        Progress::Continues(state) => *state,
        Progress::Ended { end, .. } => panic!("ended: {end:?}"),
    }
}

fn end(progress: Progress) -> RolloutEnd {
    match progress {
        Progress::Ended { end, .. } => end,
        Progress::Continues(state) => panic!("continues in {:?}", state.phase),
    }
}

/// Does what the state asks for, at this time, until it asks to look.
fn done(mut state: RolloutState, now: Timestamp) -> RolloutState {
    loop {
        state = match state.next_action() {
            RolloutAction::Publish(of) => of.iter().fold(state, |s, target| goes(s.published(target, &version(7)))),
            RolloutAction::Smoke(of) => of.iter().fold(state, |s, target| goes(s.smoke_passed(target, now))),
            RolloutAction::Move(of) => of.iter().fold(state, |s, target| {
                let weight = s.targets.iter().find(|one| one.target == *target).unwrap().weight;
                goes(s.moved(target, weight, now))
            }),
            RolloutAction::Look { .. } | RolloutAction::GoBack(_) => return state,
        };
    }
}

fn abort() -> Abort {
    Abort { reason: AbortReason::Aborted, by: Some(Person::from("bob")), because: "no".into() }
}

fn looked(state: RolloutState, verdict: Verdict, at: i64) -> Progress {
    state.looked(verdict, "because", minute(at))
}

fn two_steps() -> Value {
    json!({ "steps": [{ "weight": 10, "for": "10m" }, { "weight": 50, "for": "10m" }] })
}

#[test]
fn no_alias_moves_before_all_targets_have_published() {
    let all = targets(2);
    let state = goes(begin(json!({}), 2).published(&all[0], &version(7)));
    assert_eq!((state.phase, state.next_action()), (Phase::Publishing, RolloutAction::Publish(vec![all[1].clone()])));
    let failed = end(state.publish_failed("no role"));
    assert!(matches!(failed, RolloutEnd::Stopped(Abort { reason: AbortReason::PublishFailed, .. })));
}

#[test]
fn good_release_goes_through_all_steps() {
    let state = done(begin(two_steps(), 1), start());
    assert_eq!((state.phase, state.targets[0].weight), (Phase::Shifting, 10));
    assert_eq!(state.next_action(), RolloutAction::Look { due: Some(minute(10)) });
    let early = goes(looked(state.clone(), Verdict::Ok, 9));
    assert_eq!(early, state, "before it is due a look changes nothing");
    let half = done(goes(looked(state, Verdict::Ok, 10)), minute(11));
    assert_eq!((half.targets[0].weight, half.due), (50, Some(minute(21))), "from the confirmed time on");
    let served = [
        Served { weight: 10, meant_at: start(), at: start() },
        Served { weight: 50, meant_at: minute(10), at: minute(11) },
    ];
    assert_eq!(half.targets[0].served, served);
    let all = done(goes(looked(half, Verdict::Ok, 21)), minute(21));
    assert_eq!((all.phase, all.targets[0].weight, all.due), (Phase::Watching, 100, Some(minute(31))));
    assert_eq!(end(looked(all, Verdict::Ok, 31)), RolloutEnd::Succeeded { unproven: false });
}

#[test]
fn bad_release_goes_back_in_each_phase_with_traffic() {
    let shifting = done(begin(two_steps(), 1), start());
    let paused = goes(shifting.clone().pause_asked("bob".into(), "wait".into(), start()).unwrap());
    let watching = done(begin(json!({ "steps": [] }), 1), start());
    for state in [shifting, paused, watching] {
        let back = goes(looked(state, Verdict::Bad, 1));
        assert_eq!(back.phase, Phase::GoingBack);
        assert_eq!(back.next_action(), RolloutAction::GoBack(targets(1)));
        assert!(back.paused.is_none());
        let ended = end(back.returned(&targets(1)[0], minute(2)));
        assert!(matches!(ended, RolloutEnd::RolledBack(Abort { reason: AbortReason::Unhealthy, .. })));
    }
}

#[test]
fn later_wave_is_tested_after_the_earlier_one_was_watched() {
    let all = targets(3);
    let state = done(begin(json!({ "steps": [], "waves": ["1", "100%"] }), 3), start());
    assert_eq!(state.targets.iter().map(|one| one.weight).collect::<Vec<_>>(), [100, 0, 0]);
    let smoke = goes(looked(state, Verdict::Ok, 10));
    assert_eq!((smoke.phase, smoke.wave), (Phase::Smoke, 1));
    assert_eq!(smoke.next_action(), RolloutAction::Smoke(all[1..].to_vec()));
    let back = goes(smoke.clone().smoke_failed("answered null"));
    assert_eq!(back.next_action(), RolloutAction::GoBack(vec![all[0].clone()]), "the others serve the old version");
    let back = goes(looked(smoke.clone(), Verdict::Bad, 11));
    assert_eq!(back.phase, Phase::GoingBack, "the earlier wave is judged meanwhile");
    let both = goes(looked(done(smoke, minute(11)), Verdict::Bad, 12));
    let last_first: Vec<Target> = all.into_iter().rev().collect();
    assert_eq!(both.next_action(), RolloutAction::GoBack(last_first));
}

#[test]
fn failed_smoke_test_before_any_traffic_stops_the_rollout() {
    let all = targets(1);
    let state = goes(begin(json!({}), 1).published(&all[0], &version(7)));
    assert!(matches!(
        end(state.smoke_failed("answered null")),
        RolloutEnd::Stopped(Abort { reason: AbortReason::SmokeTestFailed, .. })
    ));
}

#[test]
fn quiet_step_is_lengthened_once_then_decided() {
    for (when_quiet, phase) in [("proceed", Phase::Watching), ("pause", Phase::Shifting), ("fail", Phase::GoingBack)] {
        let state = done(begin(json!({ "when_quiet": when_quiet }), 1), start());
        let longer = goes(looked(state, Verdict::Quiet, 10));
        assert_eq!((longer.due, longer.lengthened), (Some(minute(20)), true));
        let decided = goes(looked(longer, Verdict::Quiet, 20));
        assert_eq!(decided.phase, phase);
        assert_eq!(decided.unproven, when_quiet == "proceed");
        assert_eq!(decided.paused.map(|pause| pause.reason), (when_quiet == "pause").then_some(PauseReason::Quiet));
    }
}

#[test]
fn continued_quiet_pause_is_unproven() {
    let state = done(begin(json!({ "when_quiet": "pause" }), 1), start());
    let paused = goes(looked(goes(looked(state, Verdict::Quiet, 10)), Verdict::Quiet, 20));
    let continued = goes(paused.continue_asked(minute(90)).unwrap());
    let watching = goes(looked(continued, Verdict::Quiet, 91));
    assert_eq!((watching.phase, watching.unproven), (Phase::Watching, true));
}

#[test]
fn step_with_a_pause_waits_for_a_person() {
    let steps = json!({ "steps": [{ "weight": 10, "for": "10m", "then": "pause" }], "pause_expires": "1h" });
    let paused = goes(looked(done(begin(steps, 1), start()), Verdict::Ok, 10));
    assert_eq!(paused.paused.as_ref().map(|pause| pause.reason), Some(PauseReason::StepEnd));
    assert_eq!(paused.next_action(), RolloutAction::Look { due: Some(minute(70)) });
    let waits = goes(looked(paused.clone(), Verdict::Ok, 69));
    assert_eq!(waits, paused, "no look takes a step");
    assert_eq!(goes(paused.clone().expired(minute(69))), paused);
    let back = goes(paused.clone().expired(minute(70)));
    assert_eq!(back.abort.map(|abort| abort.reason), Some(AbortReason::Expired));
    let continued = goes(paused.continue_asked(minute(60)).unwrap());
    assert_eq!(goes(looked(continued, Verdict::Ok, 61)).phase, Phase::Watching);
}

#[test]
fn rollout_that_nobody_can_judge_pauses_after_fifteen_minutes() {
    let state = done(begin(json!({}), 1), start());
    let unread = goes(looked(goes(looked(state, Verdict::Unreadable, 5)), Verdict::Unreadable, 19));
    assert_eq!((unread.paused.is_none(), unread.phase), (true, Phase::Shifting), "it is due, and takes no step");
    let paused = goes(looked(unread.clone(), Verdict::Unreadable, 20));
    assert_eq!(paused.paused.map(|pause| pause.reason), Some(PauseReason::Unreadable));
    let read = goes(looked(unread, Verdict::Ok, 20));
    assert_eq!((read.phase, read.unreadable_since), (Phase::Watching, None));
}

#[test]
fn finish_skips_the_waits_and_is_judged() {
    let steps = json!({ "steps": [{ "weight": 10, "for": "10m", "then": "pause" }], "waves": ["1", "100%"] });
    let state = goes(done(begin(steps, 2), start()).finish_asked(start()).unwrap());
    assert_eq!(goes(looked(state.clone(), Verdict::Bad, 1)).phase, Phase::GoingBack);
    assert_eq!(goes(looked(state.clone(), Verdict::Unreadable, 1)).targets[0].weight, 10);
    let watching = done(goes(looked(state, Verdict::Quiet, 1)), minute(1));
    assert_eq!((watching.phase, watching.unproven), (Phase::Watching, true));
    assert_eq!(goes(looked(watching, Verdict::Ok, 2)).phase, Phase::Smoke, "smoke tests are not skipped");
}

#[test]
fn abort_wins_until_the_commit() {
    let shifting = done(begin(two_steps(), 1), start());
    let finishing = goes(shifting.clone().finish_asked(start()).unwrap());
    let paused = goes(shifting.clone().pause_asked("bob".into(), "wait".into(), start()).unwrap());
    for state in [shifting, finishing, paused] {
        let back = goes(state.aborted(abort()));
        assert_eq!(back.abort, Some(abort()));
        let again = Abort { reason: AbortReason::Superseded, ..abort() };
        assert_eq!(goes(back.clone().aborted(again)), back, "the first reason stays");
        assert_eq!(goes(looked(back.clone(), Verdict::Ok, 99)), back);
        assert!(back.clone().continue_asked(minute(90)).is_err() && back.clone().finish_asked(start()).is_err());
        assert_eq!(
            back.pause_asked("bob".into(), "x".into(), start()).unwrap_err().to_string(),
            "the rollout cannot pause: it is going back"
        );
    }
    assert_eq!(end(begin(two_steps(), 1).aborted(abort())), RolloutEnd::Stopped(abort()));
}

#[test]
fn move_repeated_by_a_takeover_changes_nothing() {
    let state = done(begin(two_steps(), 1), start());
    assert_eq!(goes(state.clone().moved(&targets(1)[0], 10, minute(4))), state, "for counts from the first time");
    let next = goes(looked(state, Verdict::Ok, 10));
    assert_eq!(goes(next.clone().moved(&targets(1)[0], 10, minute(11))), next, "a late word about the former weight");
}

#[test]
fn time_of_a_step_runs_from_the_last_target() {
    let all = targets(2);
    let mut state = begin(json!({}), 2);
    for target in &all {
        state = goes(state.published(target, &version(7)));
    }
    for target in &all {
        state = goes(state.smoke_passed(target, start()));
    }
    state = goes(state.moved(&all[0], 10, minute(1)));
    assert_eq!((state.due, state.next_action()), (None, RolloutAction::Move(vec![all[1].clone()])));
    state = goes(state.moved(&all[1], 10, minute(4)));
    assert_eq!(state.due, Some(minute(14)));
}

#[test]
fn new_alias_has_nothing_to_go_back_to_and_is_named() {
    let all = targets(2);
    let created = all[1].clone();
    let state =
        RolloutState::begin(plan(json!({}), 2), |target| (Shift::InSteps, (*target != created).then(|| version(6))));
    let state = done(state, start());
    assert_eq!(state.targets.iter().map(|one| one.weight).collect::<Vec<_>>(), [10, 100]);
    let back = goes(looked(state, Verdict::Bad, 3));
    assert_eq!(back.next_action(), RolloutAction::GoBack(vec![all[0].clone()]));
    let RolloutEnd::Failed { left, .. } = end(back.returned(&all[0], minute(4))) else { panic!("not failed") };
    assert_eq!(left, [(created, "created, nothing to go back to".into())]);
}

#[test]
fn wave_of_targets_that_take_no_weights_is_only_watched() {
    let state = RolloutState::begin(plan(two_steps(), 1), |_| (Shift::AtOnce, Some(version(6))));
    let state = done(state, start());
    assert_eq!((state.phase, state.targets[0].weight, state.due), (Phase::Watching, 100, Some(minute(10))));
}

#[test]
fn alias_changed_by_others_stays_and_the_others_go_back() {
    let all = targets(2);
    let state = done(begin(json!({}), 2), start());
    let changed = ForeignAlias { said: "CodeDeploy moved it to 9".into(), alone: Some(version(9)) };
    let back = goes(state.changed_by_others(&all[0], &changed));
    assert_eq!(back.next_action(), RolloutAction::GoBack(vec![all[1].clone()]));
    let RolloutEnd::Failed { abort, left } = end(back.returned(&all[1], minute(1))) else { panic!("not failed") };
    assert_eq!(abort.reason, AbortReason::ForeignChange);
    assert_eq!(left, [(all[0].clone(), "000000000001/eu-west-1: CodeDeploy moved it to 9".into())]);
}

#[test]
fn target_that_cannot_go_back_is_named() {
    let all = targets(2);
    let back = goes(looked(done(begin(json!({}), 2), start()), Verdict::Bad, 1));
    let back = goes(back.cannot_return(&all[0], "version 6 was deleted"));
    let RolloutEnd::Failed { left, .. } = end(back.returned(&all[1], minute(1))) else { panic!("not failed") };
    assert_eq!(left, [(all[0].clone(), "version 6 was deleted".into())]);
}
