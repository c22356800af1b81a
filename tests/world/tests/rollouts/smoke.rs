//! Smoke tests: one attempt each, and what the record says of a target that fails one.

use deployer_core::record::TargetErrorCode;

use super::*;

fn tested() -> Value {
    json!({ "smoke_test": { "event": { "ping": true }, "expect": { "ok": true } } })
}

fn ok() -> SmokeAnswer {
    SmokeAnswer::Payload(br#"{"ok": true}"#.to_vec())
}

/// A world whose versions answer as the test expects.
fn answering() -> World {
    let world = world(&tested());
    for place in BOTH {
        world.aws(|aws| aws.at(place).monitoring.answers("orders", 2, [ok()]));
    }
    world
}

#[tokio::test(start_paused = true)]
async fn invocation_without_an_answer_is_not_sent_again_and_fails_the_test() {
    let world = answering();
    world.on(Op::Invoke).at(OTHER).always().fail(CallErrorKind::Unknown);
    let record = begins(&world).await;
    assert_eq!(record.status, Status::Failed, "{record:?}");
    let invoked = world.calls_of(Op::Invoke);
    assert_eq!(invoked.len(), 2, "one attempt in each target: {invoked:?}");
    let because = record.because.as_deref().unwrap();
    assert!(because.contains("no answer came, so the version may have run, and it is not invoked again"), "{because}");
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)]);
}

#[tokio::test(start_paused = true)]
async fn throttled_and_denied_invocations_have_not_run_and_are_sent_again() {
    for kind in [CallErrorKind::Throttled, CallErrorKind::Denied] {
        let world = answering();
        world.on(Op::Invoke).at(OTHER).times(2).fail(kind);
        let record = begins(&world).await;
        assert_eq!(record.status, Status::InProgress, "{kind:?}: {record:?}");
        assert_eq!(world.aws(|aws| aws.at(OTHER).monitoring.smoke_invocations.len()), 1, "{kind:?}");
        assert_eq!(BOTH.map(|place| world.served(place)), [split(1, 2, 10), split(1, 2, 10)], "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn test_that_the_account_is_too_busy_for_goes_on_in_another_invocation() {
    let world = answering();
    world.on(Op::Invoke).at(OTHER).always().fail(CallErrorKind::Throttled);
    let record = begins(&world).await;
    assert_eq!(record.status, Status::InProgress, "{record:?}");
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)]);
    world.heal();
    world.sweep_minutes(2).await;
    assert_eq!(BOTH.map(|place| world.served(place)), [split(1, 2, 10), split(1, 2, 10)]);
}

#[tokio::test(start_paused = true)]
async fn target_that_fails_its_smoke_test_has_that_as_its_error() {
    let world = world(&tested());
    world.aws(|aws| aws.at(DEV).monitoring.answers("orders", 2, [ok()]));
    let record = begins(&world).await;
    let errors: Vec<_> = record.targets.iter().map(|target| target.error.clone()).collect();
    let error = errors[1].as_ref().unwrap();
    assert_eq!((&errors[0], error.code, error.step.as_str()), (&None, TargetErrorCode::SmokeTestFailed, "smoke test"));
    assert_eq!(error.message.to_string(), "the answer: expected an object, found null");
    assert_eq!(record.status, Status::Failed);
}
