//! Smoke tests: one attempt each, and what the record says of a target that fails one.

use deployer_core::record::TargetErrorCode;
use fixtures::packages::archive::{Entry, archive};
use world::zips::{bootstrap, with_manifest};

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

/// A zip with this manifest and this `smoke.json`.
fn with_smoke_file(label: &str, manifest: &str, smoke: &str) -> Vec<u8> {
    let files = [("function.toml", manifest), ("smoke.json", smoke)].map(|(name, text)| Entry::stored(name, text));
    archive(&[vec![bootstrap(label)], files.to_vec()].concat())
}

#[tokio::test(start_paused = true)]
async fn smoke_tests_of_the_release_go_before_those_of_the_environment() {
    let world = answering();
    let zip = with_smoke_file("1.1.0", "timeout = 3\n", r#"[{"event": {"pong": 1}}, {"event": {"pong": 2}}]"#);
    let record = world.record("dev/orders/1.1.0.zip", zip).await;
    assert_eq!(record.status, Status::InProgress, "{record:?}");
    let invoked = |place| world.aws(|aws| aws.at(place).monitoring.smoke_invocations.clone());
    let events: Vec<String> = invoked(DEV).into_iter().map(|invocation| invocation.event).collect();
    assert_eq!(events, [r#"{"pong":1}"#, r#"{"pong":2}"#]);
}

#[tokio::test(start_paused = true)]
async fn bad_smoke_tests_of_a_release_are_refused_where_it_rolls_out_and_ignored_elsewhere() {
    let large = format!(r#"{{"event": "{}"}}"#, "x".repeat(65_536));
    for (smoke, code, because) in [
        (r#"{"event": 1, "timeout": "61s"}"#, Code::InvalidManifest, "smoke.json: timeout: must be 1s to 60s"),
        ("{", Code::InvalidManifest, "smoke.json: "),
        (large.as_str(), Code::InvalidArtifact, "smoke.json has more than 65536 bytes"),
    ] {
        let world = answering();
        let zip = with_smoke_file("1.1.0", "timeout = 3\n", smoke);
        let record = world.record("dev/orders/1.1.0.zip", zip.clone()).await;
        assert_eq!((record.status, record.code), (Status::Refused, Some(code)), "{record:?}");
        assert!(record.because.as_deref().unwrap().starts_with(because), "{record:?}");
        assert_eq!(world.calls_of(Op::UpdateFunctionCode).len(), 0);
        world.set_rollout("dev", None);
        world.pass(Duration::from_secs(1)).await;
        let record = world.record("dev/orders/1.2.0.zip", zip).await;
        assert_eq!(record.status, Status::Succeeded, "{record:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn required_smoke_test_that_nobody_brings_is_refused() {
    let world = world(&one_step());
    let required = "[rollout]\nsmoke_test = 'required'\n";
    let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", required)).await;
    assert_eq!((record.status, record.code), (Status::Refused, Some(Code::InvalidManifest)), "{record:?}");
    assert_eq!(
        record.because.as_deref(),
        Some(
            "function.toml: rollout.smoke_test: is required, and neither the zip has a smoke.json nor the environment a \
             smoke_test"
        )
    );
    world.pass(Duration::from_secs(1)).await;
    let zip = with_smoke_file("1.2.0", required, r#"{"event": 1}"#);
    assert_eq!(world.record("dev/orders/1.2.0.zip", zip).await.status, Status::InProgress);
}
