//! The end of a rollout, as the head and the record have it.

use super::*;
use crate::rejects::Rejects;
use crate::rollout::{Abort, AbortReason};
use crate::status::FunctionStatus;

#[test]
fn rolled_back_release_is_left_and_the_old_one_stays_live() {
    let LookEffect::Claim { head, .. } = look(&shifting(), Verdict::Bad, "look", 40) else { panic!() };
    let (head, next) = commits(&works(*head, "look", 41), "look", 42);
    let record = head.record_of(&upload("2", 20));
    assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::Unhealthy)));
    assert_eq!(record.because.as_deref(), Some("because; 2 was taken back at 10 %"));
    assert!(record.targets.iter().all(|outcome| outcome.status == Status::RolledBack && outcome.version.is_none()));
    let moved = |at, weight| crate::record::RecordedMove { at: second(at), wave: 1, weight, targets: 2 };
    assert_eq!(record.rollout.as_ref().unwrap().moves, [moved(BEGIN, 10), moved(41, 0)]);
    assert_eq!(record.targets[0].previous.as_ref().unwrap().version, version("6"));
    assert_eq!((head.live().unwrap().release.as_str(), head.left()[0].release.as_str()), ("1", "2"));
    assert_eq!(head.target(target(0)).unwrap().version, Some(version("6")));
    assert!(next.is_none() && head.active().is_none() && head.outbox()[0].completed.is_none());
    assert_eq!(head.last_failure(), None, "what is live has never failed");
}

#[test]
fn release_that_was_taken_back_is_seen_until_something_else_is_live() {
    let LookEffect::Claim { head, .. } = look(&shifting(), Verdict::Bad, "look", 40) else { panic!() };
    let told = |ended: i64| {
        let head = commits(&works((*head).clone(), "look", 41), "look", ended).0;
        FunctionStatus::of(&at(), &head, &Rejects::default()).taken_back
    };
    // 1 is live since second 1,000 here.
    let back = told(1_042).unwrap();
    assert_eq!((back.release.as_str(), back.deployment), ("2", upload("2", 20).id));
    assert_eq!(told(42), None, "something has become live since");
}

#[test]
fn target_that_cannot_go_back_fails_the_deployment_and_is_named() {
    let LookEffect::Claim { head, .. } = look(&shifting(), Verdict::Bad, "look", 40) else { panic!() };
    let cannot = |state: RolloutState| state.cannot_return(target(1), "version 6 was deleted");
    let head = advance_rollout(&head, token("look"), second(41), cannot).unwrap();
    let (head, _) = commits(&works(head, "look", 41), "look", 42);
    let (status, because) = head.because(&upload("2", 20));
    assert_eq!(status, Status::Failed);
    assert!(because.ends_with("did not go back: 111111111111/us-east-1 (version 6 was deleted)"), "{because}");
    assert_eq!(head.live().unwrap().release.as_str(), "1");
}

#[test]
fn failed_smoke_test_before_any_traffic_fails_the_deployment() {
    let head = intends(json!({ "smoke_test": { "event": {} } }));
    let head = advance_rollout(&head, token("two"), second(40), |state| state.smoke_failed("answered null")).unwrap();
    let (head, _) = commits(&head, "two", 41);
    assert_eq!(head.because(&upload("2", 20)), (Status::Failed, "answered null; no traffic has moved anywhere"));
    assert!(head.left().is_empty() && head.record_of(&upload("2", 20)).targets.iter().all(|it| !it.may_serve()));
}

#[test]
fn move_that_fails_takes_all_back() {
    let head = advance_rollout(&intends(json!({})), token("two"), second(40), |state| {
        let state = match state.moved(target(0), 10, second(40)) {
            Progress::Continues(state) => *state,
            other => panic!("{other:?}"),
        };
        state.move_failed(target(1), "AccessDenied: UpdateAlias", second(41))
    });
    let (head, _) = commits(&works(head.unwrap(), "two", 41), "two", 42);
    let record = head.record_of(&upload("2", 20));
    assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::TargetFailed)));
}

#[test]
fn upload_of_a_release_that_was_taken_back_rolls_out_again() {
    let LookEffect::Claim { head, .. } = look(&shifting(), Verdict::Bad, "look", 40) else { panic!() };
    let head = commits(&works(*head, "look", 41), "look", 42).0.flushes();
    let again = as_version(upload("2", 60), "another", None);
    let again = Request { hash: RequestHash::of(&["again"]), id: upload("2", 61).id, ..again };
    assert!(matches!(head.accepts(&again, &me("again", 60)).1, Next::Work(_)));
}

#[test]
fn target_that_served_it_already_keeps_its_outcome() {
    let unchanged = TargetOutcome {
        status: Status::Unchanged,
        version: Some(version("7")),
        ..at().record(&upload("2", 20), Status::InProgress).targets[1].clone()
    };
    let mut begun = begun(json!({}));
    begun.done = vec![unchanged.clone()];
    begun.state.targets.truncate(1);
    begun.state.plan.waves = vec![vec![target(0).clone()]];
    let head = begin_rollout(&published(), token("two"), &begun, second(BEGIN)).unwrap();
    let abort = Abort { reason: AbortReason::Aborted, by: None, because: "no".into() };
    let head = advance_rollout(&head, token("two"), second(40), |state| state.aborted(abort)).unwrap();
    let (head, _) = commits(&works(head, "two", 41), "two", 42);
    assert_eq!(head.record_of(&upload("2", 20)).targets[1], unchanged);
    assert_eq!(head.live().unwrap().release.as_str(), "1");
}

/// Returns a head whose last look was good, and the end that its owner is about to commit.
fn about_to_be_live(rollout: Value) -> (Head, DeploymentEnd) {
    let looked = look(&watching(rollout), Verdict::Ok, "end", BEGIN + 1_201);
    let LookEffect::Claim { head, active, end: Some(end) } = looked else { panic!("{looked:?}") };
    (*head, ended_by(&active, rollout_ending(&active, &end, &at()), BEGIN + 1_202))
}

/// Returns the head after the command, which somebody gives before the commit.
fn commanded(head: &Head, action: RolloutVerb) -> Head {
    let (deployment, by) = (upload("2", 20).id, Some("ann".into()));
    let (principal, unproven, reason) = Default::default();
    let command = RolloutCommand { deployment, action, by, principal, unproven, reason, id: "x".into() };
    match command_rollout(head, &command, &at(), second(BEGIN + 1_202)) {
        Ok(CommandEffect::Write(head)) => *head,
        other => panic!("{other:?}"),
    }
}

#[test]
fn release_that_is_taken_back_after_its_last_look_never_becomes_live() {
    let (head, end) = about_to_be_live(json!({ "on_newer": "replace" }));
    let now = BEGIN + 1_202;
    for head in [
        commanded(&head, RolloutVerb::Abort),
        head.accepts(&rollback("r", now), &me("r", now)).0,
        head.accepts(&upload("3", now), &me("three", now)).0,
        reject_rollout(&head, &super::meets::rejecting(), second(50)).unwrap(),
    ] {
        assert_eq!(finish(&head, token("end"), &end, &at(), None), Finish::Overruled);
        let half = advance_rollout(&head, token("end"), second(now), |state| state.returned(target(0), second(now)));
        let half = half.unwrap();
        assert_eq!(finish(&half, token("end"), &end, &at(), None), Finish::Overruled, "one target is back");
        let (head, _) = commits(&works(half, "end", now), "end", now + 1);
        assert_eq!(head.live().unwrap().release.as_str(), "1");
        assert!(!matches!(head.because(&upload("2", 20)).0, Status::Succeeded | Status::Failed));
    }
}

#[test]
fn release_that_is_paused_after_its_last_look_is_not_live_yet() {
    let (head, end) = about_to_be_live(json!({}));
    let paused = commanded(&head, RolloutVerb::Pause);
    assert_eq!(finish(&paused, token("end"), &end, &at(), None), Finish::Overruled);
    let continued = commanded(&paused, RolloutVerb::Continue);
    assert!(matches!(finish(&continued, token("end"), &end, &at(), None), Finish::Commit { .. }));
}
