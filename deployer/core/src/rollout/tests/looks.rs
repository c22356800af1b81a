//! The clock of a step: finish, pause and continue.

use super::*;

fn watch_only() -> Value {
    json!({ "steps": [], "watch": "10m" })
}

fn paused_quietly(rollout: Value) -> RolloutState {
    let state = done(begin(rollout, 1), start());
    let paused = goes(looked(goes(looked(state, Verdict::Quiet, 10)), Verdict::Quiet, 20));
    assert_eq!(paused.paused.as_ref().map(|pause| pause.reason), Some(PauseReason::Quiet));
    paused
}

#[test]
fn finish_watches_all_traffic_for_the_shortest_time_before_it_ends() {
    let finishing = goes(done(begin(json!({}), 1), start()).finish_asked(start()).unwrap());
    let watching = done(goes(looked(finishing, Verdict::Quiet, 1)), minute(1));
    assert_eq!((watching.phase, watching.unproven), (Phase::Watching, true), "its step had too few invocations");
    assert_eq!(watching.due, Some(minute(9) + SignedDuration::from_secs(3)), "the timeout and eight minutes");
    assert_eq!(goes(looked(watching.clone(), Verdict::Ok, 9)), watching);
    assert_eq!(end(looked(watching.clone(), Verdict::Ok, 10)), RolloutEnd::Succeeded { unproven: true });
    let longer = goes(looked(watching, Verdict::Quiet, 10));
    assert!(longer.lengthened && longer.due > Some(minute(17)), "{:?}", longer.due);
    assert_eq!(end(looked(longer, Verdict::Quiet, 18)), RolloutEnd::Succeeded { unproven: true });
}

#[test]
fn finish_of_a_watch_that_was_long_enough_ends_with_the_next_look() {
    let watching = done(begin(watch_only(), 1), start());
    let finishing = goes(watching.finish_asked(minute(9)).unwrap());
    assert_eq!(end(looked(finishing, Verdict::Ok, 9)), RolloutEnd::Succeeded { unproven: false });
}

#[test]
fn finish_does_not_take_a_quiet_release_back() {
    let state = done(begin(json!({ "when_quiet": "fail" }), 1), start());
    let finishing = goes(state.finish_asked(start()).unwrap());
    let watching = done(goes(looked(finishing, Verdict::Quiet, 1)), minute(1));
    assert_eq!(watching.phase, Phase::Watching);
    let longer = goes(looked(watching, Verdict::Quiet, 10));
    assert_eq!(end(looked(longer, Verdict::Quiet, 19)), RolloutEnd::Succeeded { unproven: true });
}

#[test]
fn continued_quiet_pause_of_the_last_watch_ends_the_rollout() {
    let paused = paused_quietly(json!({ "steps": [], "watch": "10m", "when_quiet": "pause" }));
    let continued = paused.continue_asked(minute(90)).unwrap().into_state();
    assert_eq!((continued.phase, &continued.paused), (Phase::Watching, &None));
    assert_eq!(end(looked(continued.clone(), Verdict::Quiet, 91)), RolloutEnd::Succeeded { unproven: true });
    assert_eq!(end(looked(continued, Verdict::Ok, 91)), RolloutEnd::Succeeded { unproven: false });
}

#[test]
fn continue_takes_no_step_before_a_look() {
    let steps = json!({ "steps": [{ "weight": 10, "for": "10m", "then": "pause" }] });
    let paused = goes(looked(done(begin(steps, 1), start()), Verdict::Ok, 10));
    let continued = goes(paused.continue_asked(minute(90)).unwrap());
    assert_eq!((continued.phase, continued.targets[0].weight), (Phase::Shifting, 10));
    assert_eq!(goes(looked(continued.clone(), Verdict::Unreadable, 91)).targets[0].weight, 10);
    assert_eq!(goes(looked(continued.clone(), Verdict::Bad, 91)).phase, Phase::GoingBack);
    let watching = goes(looked(continued, Verdict::Ok, 91));
    assert_eq!((watching.phase, watching.paused.is_none()), (Phase::Watching, true));
}

#[test]
fn continue_counts_for_one_step() {
    let steps =
        json!({ "steps": [{ "weight": 10, "for": "10m" }, { "weight": 50, "for": "10m" }], "when_quiet": "pause" });
    let continued = goes(paused_quietly(steps).continue_asked(minute(90)).unwrap());
    let half = done(goes(looked(continued, Verdict::Quiet, 91)), minute(91));
    assert_eq!(half.targets[0].weight, 50);
    let paused = goes(looked(goes(looked(half, Verdict::Quiet, 101)), Verdict::Quiet, 111));
    assert_eq!(paused.paused.map(|pause| pause.reason), Some(PauseReason::Quiet));
}

#[test]
fn pause_stops_the_clock_of_the_step() {
    let state = done(begin(two_steps(), 1), start());
    let paused = goes(state.pause_asked("bob".into(), "lunch".into(), minute(3)).unwrap());
    assert_eq!(goes(looked(paused.clone(), Verdict::Ok, 12)), paused);
    let continued = goes(paused.continue_asked(minute(90)).unwrap());
    assert_eq!(continued.due, Some(minute(97)), "seven minutes were left");
}

#[test]
fn pause_during_a_move_stops_the_clock_from_the_move_on() {
    let state = goes(begin(two_steps(), 1).published(&targets(1)[0], &version(7)));
    let moving = goes(state.smoke_passed(&targets(1)[0], start()));
    let paused = goes(moving.pause_asked("bob".into(), "lunch".into(), minute(1)).unwrap());
    let moved = done(paused, minute(2));
    assert_eq!(goes(moved.continue_asked(minute(30)).unwrap()).due, Some(minute(40)));
}

#[test]
fn verdict_is_kept_where_a_step_ends_or_pauses() {
    use super::super::guard::{Comparison, Control, Counts, Finding, Judgement, TargetVerdict};
    let judgement = |verdict, errors| {
        let counts = Comparison { new: Counts::of(96, errors), old: Counts::of(871, 3) };
        let finding = Finding { counts, control: Control::SameMinutes, points: 1.0, p_value: 0.5 };
        let target = targets(1)[0].clone();
        let of_target = TargetVerdict { target, verdict, finding: Some(finding), because: "because".into() };
        Judgement { verdict, because: "because".into(), targets: vec![of_target], together: None }
    };
    let look = |state: RolloutState, verdict, errors, at| {
        let judgement = judgement(verdict, errors);
        let decide = |state: RolloutState| state.looked(judgement.verdict, judgement.because.clone(), minute(at));
        judged(state, &judgement, minute(at), decide).into_state()
    };
    let steps = json!({ "steps": [{ "weight": 10, "for": "10m", "then": "pause" }, { "weight": 50, "for": "10m" }] });
    let state = done(begin(steps, 1), start());
    let early = look(state.clone(), Verdict::Ok, 0, 9);
    assert_eq!(early, state, "what changes nothing is not kept");
    let paused = look(state, Verdict::Ok, 1, 10);
    let kept = |state: &RolloutState| -> Vec<(usize, Verdict, u64)> {
        let errors = |verdict: &StepVerdict| verdict.counts.as_ref().unwrap().new.errors;
        state.verdicts.iter().map(|verdict| (verdict.step, verdict.verdict, errors(verdict))).collect()
    };
    assert_eq!(kept(&paused), [(1, Verdict::Ok, 1)]);
    let half = done(look(goes(paused.continue_asked(minute(20)).unwrap()), Verdict::Ok, 2, 21), minute(21));
    assert_eq!(kept(&half), [(1, Verdict::Ok, 2)], "the last one of the step");
    let back = look(half, Verdict::Bad, 12, 25);
    assert_eq!(kept(&back), [(1, Verdict::Ok, 2), (2, Verdict::Bad, 12)]);
}

#[test]
fn settings_that_a_target_does_not_take_for_a_quarter_of_an_hour_take_the_rollout_back() {
    let (all, watching) = (targets(1), done(begin(json!({ "steps": [] }), 1), start()));
    let late = |state: RolloutState, at: i64| settings_late(state, &all[0], "throttled", minute(at));
    let state = goes(late(goes(late(watching, 10)), 24));
    assert_eq!(state.settings_late.as_ref().unwrap().since, minute(10), "the first try counts");
    let back = goes(late(state.clone(), 25));
    let because = back.abort.as_ref().unwrap().because.to_string();
    assert_eq!((back.phase, because.as_str()), (Phase::GoingBack, "throttled; tried again for 15 minutes"));
    let paused = goes(state.pause_asked("bob".into(), "wait".into(), minute(24)).unwrap());
    assert_eq!(goes(late(paused.clone(), 26)).settings_late, None, "nothing is set while it is paused");
    let again = goes(late(goes(paused.continue_asked(minute(60)).unwrap()), 61));
    assert_eq!(again.settings_late.unwrap().since, minute(61), "after a pause its time begins anew");
}
