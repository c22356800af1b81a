//! A deployment that several invocations work on, one after the other: the last of them must still know what the first
//! has done.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::time::Duration;

use deployer_core::artifact::Upload;
use deployer_core::record::{Code, DeploymentRecord, Status, TargetErrorCode};
use deployer_engine::Transient;
use deployer_engine::port::CallErrorKind;
use jiff::Timestamp;
use serde_json::json;
use world::zips::{code, with_manifest};
use world::{Call, CallPhase, DEV, Op, Outcome, Trigger, World, recorded};

const OTHER: &str = "222222222222";

/// Returns a world with two accounts, in each of which `orders` serves 1.0.0 as version 1.
fn two_accounts() -> World {
    let world = World::with_targets(&[DEV, OTHER]);
    for account in [DEV, OTHER] {
        world.add_function(account, "orders", &zip("1.0.0", "AA"), |f| f.publish().point("live", 1));
    }
    world
}

/// Makes a release that sets this variable and no other.
fn zip(release: &str, variable: &str) -> Vec<u8> {
    with_manifest(release, &format!("[environment.variables]\n{variable} = \"1\"\n"))
}

fn codes(record: &DeploymentRecord) -> Vec<Option<TargetErrorCode>> {
    record.targets.iter().map(|target| target.error.as_ref().map(|error| error.code)).collect()
}

/// Ends all faults and deploys a release that sets only CC: it takes BB away, because the deployer remembers that it
/// has set it.
async fn check_next_release_removes_it(world: &World, accounts: &[&str]) {
    world.heal();
    world.pass(Duration::from_secs(1)).await;
    let variables = |place: &str| world.function(place, "orders", |f| format!("{:?}", f.latest.settings.variables));
    assert!(variables(DEV).contains("\"BB\""), "{}", variables(DEV));
    for account in accounts {
        world.aws(|aws| aws.sts.role(account).may_not.clear());
    }
    let record = world.record("dev/orders/1.2.0.zip", zip("1.2.0", "CC")).await;
    assert_eq!(record.status, Status::Succeeded, "{:?}", record.because);
    for account in accounts {
        assert!(
            variables(account).contains("\"CC\"") && !variables(account).contains("\"BB\""),
            "{}",
            variables(account)
        );
    }
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn settings_written_before_a_timeout_are_remembered() {
    let world = two_accounts();
    world.aws(|aws| aws.sts.role(DEV).may_not.insert("lambda:UpdateFunctionCode".into()));
    world.change_function(OTHER, "orders", |f| f.busy(0, Timestamp::MAX));
    let saved = world.record("dev/orders/1.1.0.zip", zip("1.1.0", "BB")).await;
    assert_eq!(saved.status, Status::InProgress, "the second account ran out of time");
    world.change_function(OTHER, "orders", |f| f.busy(0, Timestamp::UNIX_EPOCH));
    let Some(Outcome::EventOutcome(handled)) = world.tick().await.pop().map(|run| run.outcome) else { panic!() };
    let record = recorded(handled);
    assert_eq!(codes(&record), [Some(TargetErrorCode::AccessDenied), None], "{record:#?}");
    check_next_release_removes_it(&world, &[DEV, OTHER]).await;
}

#[tokio::test(start_paused = true)]
async fn settings_written_before_a_crash_are_remembered() {
    let world = World::with_orders();
    let upload = world.put("dev/orders/1.1.0.zip", zip("1.1.0", "BB"));
    let configured = {
        let world = World::with_orders();
        world.upload("dev/orders/1.1.0.zip", zip("1.1.0", "BB")).await;
        1 + world.calls().iter().position(|call| call.op == Op::UpdateFunctionConfiguration).unwrap()
    };
    let died = world.invocation().dies_at(configured, CallPhase::After).upload(&upload).await;
    assert!(matches!(died.outcome, Outcome::Died), "{died:?}");
    world.leases_run_out().await;
    let known_from = world.aws(|aws| aws.sts.role(DEV).known_from);
    world.aws(|aws| aws.sts.role(DEV).known_from = Timestamp::MAX);
    let record = recorded(world.deliver(&upload).await.unwrap());
    assert_eq!(codes(&record), [Some(TargetErrorCode::AssumeRoleDenied)]);
    world.aws(|aws| aws.sts.role(DEV).known_from = known_from);
    check_next_release_removes_it(&world, &[DEV]).await;
}

#[tokio::test(start_paused = true)]
async fn settings_written_by_a_repeated_call_are_remembered() {
    let world = World::with_orders();
    world.aws(|aws| aws.sts.role(DEV).may_not.insert("lambda:UpdateFunctionCode".into()));
    // The SDK sends the write again, and its own success makes that fail with 412.
    world.on(Op::UpdateFunctionConfiguration).twice();
    let record = world.record("dev/orders/1.1.0.zip", zip("1.1.0", "BB")).await;
    assert_eq!(codes(&record), [Some(TargetErrorCode::AccessDenied)], "{record:#?}");
    check_next_release_removes_it(&world, &[DEV]).await;
}

/// Returns the number of the first call that fits, in an undisturbed invocation that deploys 1.1.0 in such a world.
async fn first_call(make: impl Fn() -> World, fits: impl Fn(&Call) -> bool) -> usize {
    let world = make();
    world.upload("dev/orders/1.1.0.zip", code("1.1.0")).await;
    1 + world.calls().iter().position(fits).unwrap()
}

/// Lets five invocations die over the upload: the first one at this call, the others as soon as they hold the claim.
async fn kill_five_invocations(world: &World, upload: &Upload, first: usize) {
    for attempt in 1..=5 {
        let at = if attempt == 1 { first } else { 10 };
        let died = world.invocation().dies_at(at, CallPhase::After).upload(upload).await;
        assert!(matches!(died.outcome, Outcome::Died), "{attempt}");
        world.leases_run_out().await;
    }
}

fn message(record: &DeploymentRecord, target: usize) -> &str {
    record.targets[target].error.as_ref().map(|error| error.message.as_str()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn upload_that_kills_every_invocation_ends_as_failed() {
    let world = World::with_orders();
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    kill_five_invocations(&world, &upload, 10).await;
    let writes = world.writes();
    let record = recorded(world.deliver(&upload).await.unwrap());
    assert_eq!((record.status, record.code), (Status::Failed, Some(Code::TargetFailed)));
    assert!(message(&record, 0).contains("was taken up 5 times and never ended, and it has not arrived here"));
    assert_eq!(world.writes(), writes, "the last one only looks");
    // The failed deployment blocks no later one.
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(world.record("dev/orders/1.2.0.zip", code("1.2.0")).await.status, Status::Succeeded);
    world.markers_are_cleared().await;
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn release_that_arrived_before_every_crash_is_recorded() {
    let alias_moved = first_call(World::with_orders, |call| call.op == Op::UpdateAlias).await;
    let world = World::with_orders();
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    kill_five_invocations(&world, &upload, alias_moved).await;
    let record = recorded(world.deliver(&upload).await.unwrap());
    assert_eq!((record.status, record.because), (Status::Succeeded, None));
    assert_eq!(world.function(DEV, "orders", |f| f.aliases["live"].version), 2);
    let head = world.head("dev", "orders");
    assert_eq!((&head["history"][0]["release"], &head["targets"][0]["version"]), (&json!("1.1.0"), &json!("2")));
    world.markers_are_cleared().await;
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn arrival_at_one_target_is_recorded_although_others_gave_up() {
    let slow = || {
        let world = two_accounts();
        world.aws(|aws| aws.at(OTHER).settling.time = Duration::from_secs(100));
        world
    };
    let alias_moved = first_call(slow, |call| call.op == Op::UpdateAlias).await;
    let world = slow();
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    kill_five_invocations(&world, &upload, alias_moved).await;
    let record = recorded(world.deliver(&upload).await.unwrap());
    let version = |target: usize| record.targets[target].version.as_ref().map(|version| version.as_str());
    assert_eq!((record.targets[0].status, version(0)), (Status::Succeeded, Some("2")), "{record:#?}");
    assert!(message(&record, 1).contains("it has not arrived here"), "{record:#?}");
    let head = world.head("dev", "orders");
    let live = &head["history"][0];
    assert_eq!((&head["targets"][0]["version"], &live["release"]), (&json!("2"), &json!("1.1.0")));
    assert_eq!((&live["complete"], &live["missing"][0]), (&json!(false), &json!("222222222222/eu-west-1")));
    world.markers_are_cleared().await;
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn target_that_could_not_be_looked_at_says_so() {
    for dies in [true, false] {
        let world = World::with_orders();
        let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
        kill_five_invocations(&world, &upload, 10).await;
        if dies {
            let sixth = world.invocation().dies_at(10, CallPhase::After).upload(&upload).await;
            assert!(matches!(sixth.outcome, Outcome::Died));
            world.leases_run_out().await;
        } else {
            world.on(Op::GetAlias).always().fail(CallErrorKind::Denied);
        }
        let record = recorded(world.deliver(&upload).await.unwrap());
        assert_eq!(codes(&record), [Some(TargetErrorCode::TimedOut)]);
        assert!(message(&record, 0).contains("what this target serves was not looked at"), "{}", message(&record, 0));
        assert_eq!(message(&record, 0).contains("Denied"), !dies, "{}", message(&record, 0));
        world.heal();
        world.markers_are_cleared().await;
        world.same_again_changes_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn unreadable_artifact_after_a_crash_delays_newer_ones_only_minutes() {
    for first in [10, first_call(World::with_orders, |call| call.op == Op::UpdateFunctionCode).await] {
        let world = World::with_orders();
        let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
        let died = world.invocation().dies_at(first, CallPhase::After).upload(&upload).await;
        assert!(matches!(died.outcome, Outcome::Died));
        world.on(Op::ReadTail).about("1.1.0").always().fail(CallErrorKind::Unknown);
        let newer = world.put("dev/orders/1.2.0.zip", code("1.2.0"));
        assert_eq!(recorded(world.deliver(&newer).await.unwrap()).status, Status::Pending);
        world.leases_run_out().await;
        for _ in 0..10 {
            world.invocation().run(&Trigger::Sweep).await;
            let due = world.now();
            for body in world.aws(|aws| aws.queue.take(due)) {
                world.invocation().run(&Trigger::Tick(world::tick(&body))).await;
            }
            world.pass(Duration::from_secs(60)).await;
        }
        assert_eq!(recorded(world.deliver(&newer).await.unwrap()).status, Status::Succeeded, "{}", world.render());
        let record = recorded(world.deliver(&upload).await.unwrap());
        assert_eq!(record.status, Status::Failed);
        assert!(message(&record, 0).contains("what this target serves was not looked at"), "{}", message(&record, 0));
        world.heal();
        world.tick().await;
        world.markers_are_cleared().await;
        world.same_again_changes_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn tick_that_claims_nothing_comes_again_and_sends_no_other() {
    let world = World::with_orders();
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    let died = world.invocation().dies_at(12, CallPhase::Before).upload(&upload).await;
    assert!(matches!(died.outcome, Outcome::Died), "{died:?}");
    world.pass(Duration::from_secs(1)).await;
    let waits = world.record("dev/orders/1.2.0.zip", code("1.2.0")).await;
    assert_eq!(waits.status, Status::Pending);
    world.leases_run_out().await;
    let now = world.now();
    let tick = Trigger::Tick(world::tick(&world.aws(|aws| aws.queue.take(now)).remove(0)));
    let late = world.invocation().within(Duration::from_secs(40)).run(&tick).await;
    assert!(matches!(late.outcome, Outcome::Transient(Transient::NoTime)), "{late:?}");
    world.on(Op::WriteLedger).about("heads/").fail(CallErrorKind::Unknown);
    let failed = world.invocation().run(&tick).await;
    assert!(matches!(failed.outcome, Outcome::Transient(Transient::Ledger(_))), "{failed:?}");
    assert_eq!(world.aws(|aws| aws.queue.count()), 0, "the message comes again, and needs no other");
    world.invocation().run(&tick).await;
    world.tick().await;
    assert_eq!(world.function(DEV, "orders", |f| f.aliases["live"].version), 3);
}
