//! The environment, or a target, is in the configuration no more: what each phase makes of it.

use super::*;
use crate::id::EnvironmentName;

fn both_kinds() -> [Gone; 2] {
    [Gone::Environment(EnvironmentName::parse("prod").unwrap()), Gone::Targets(targets(1))]
}

/// All phases of a rollout over two targets, in two waves.
fn in_two_waves() -> RolloutState {
    begin(json!({ "waves": ["1", "100%"], "watch": "10m", "smoke_test": { "event": {} } }), 2)
}

fn published() -> RolloutState {
    targets(2).iter().fold(in_two_waves(), |state, target| goes(state.published(target, &version(7))))
}

fn shifting() -> RolloutState {
    done(published(), start())
}

fn watching() -> RolloutState {
    done(goes(looked(shifting(), Verdict::Ok, 10)), minute(10))
}

fn paused(state: RolloutState) -> RolloutState {
    goes(state.pause_asked(Person::from("bob"), "wait".into(), minute(1)).unwrap())
}

fn reason_of(state: &RolloutState) -> Option<PauseReason> {
    state.paused.as_ref().map(|pause| pause.reason)
}

#[test]
fn sentence_names_the_environment_or_the_targets() {
    let told = both_kinds().map(|gone| gone.to_string());
    assert_eq!(
        told,
        [
            "deployer.json does not have environment prod any more",
            "deployer.json does not have 000000000001/eu-west-1 any more"
        ]
    );
}

#[test]
fn rollout_without_traffic_is_stopped() {
    for gone in both_kinds() {
        for state in [in_two_waves(), published()] {
            let abort = abort_where_gone(&state, &gone).unwrap();
            assert_eq!((abort.reason, &*abort.because), (AbortReason::MoveFailed, gone.to_string().as_str()));
            assert!(matches!(end(state.clone().aborted(abort)), RolloutEnd::Stopped(_)));
            assert_eq!(goes(pause_where_gone(state.clone(), &gone, minute(1))), state, "it has nothing to pause");
        }
    }
}

#[test]
fn first_step_that_nobody_has_seen_to_be_taken_goes_back() {
    let about_to_move = goes(published().smoke_passed(&targets(2)[0], start()));
    assert_eq!(about_to_move.phase, Phase::Shifting);
    for gone in both_kinds() {
        let abort = abort_where_gone(&about_to_move, &gone).unwrap();
        let back = goes(about_to_move.clone().aborted(abort));
        assert_eq!(
            back.next_action(),
            RolloutAction::GoBack(vec![targets(2)[0].clone()]),
            "the write may have arrived"
        );
    }
}

#[test]
fn tests_of_a_later_wave_take_the_earlier_ones_back() {
    let testing = goes(looked(watching(), Verdict::Ok, 21));
    assert_eq!((testing.phase, testing.wave), (Phase::Smoke, 1));
    for gone in both_kinds() {
        let back = goes(testing.clone().aborted(abort_where_gone(&testing, &gone).unwrap()));
        assert_eq!(back.next_action(), RolloutAction::GoBack(vec![targets(2)[0].clone()]));
    }
}

#[test]
fn rollout_with_traffic_is_paused_once_and_goes_back_when_it_is_aborted() {
    for gone in both_kinds() {
        for state in [shifting(), watching()] {
            assert_eq!(abort_where_gone(&state, &gone), None);
            let paused = goes(pause_where_gone(state, &gone, minute(30)));
            assert_eq!(reason_of(&paused), Some(PauseReason::NotConfigured));
            let told = format!("{gone}: put it back and continue, or abort");
            assert_eq!(&*paused.paused.as_ref().unwrap().because, told);
            assert_eq!(goes(pause_where_gone(paused.clone(), &gone, minute(31))), paused);
            assert_eq!(goes(looked(paused.clone(), Verdict::Ok, 40)), paused, "no step is taken");
            let back = goes(paused.aborted(abort()));
            assert_eq!(back.next_action(), RolloutAction::GoBack(vec![targets(2)[0].clone()]));
        }
    }
}

#[test]
fn pause_of_a_person_stays_theirs() {
    for gone in both_kinds() {
        let paused = paused(shifting());
        assert_eq!(abort_where_gone(&paused, &gone), None);
        assert_eq!(goes(pause_where_gone(paused.clone(), &gone, minute(30))), paused);
    }
}

#[test]
fn way_back_goes_on() {
    let back = goes(shifting().aborted(abort()));
    for gone in both_kinds() {
        assert_eq!(abort_where_gone(&back, &gone), None);
        assert_eq!(goes(pause_where_gone(back.clone(), &gone, minute(30))), back);
    }
}
