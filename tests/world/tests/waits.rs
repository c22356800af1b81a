//! Each wait for Lambda is parked like any other, counts from its own start, and is not charged to what follows it.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use deployer_core::event::Announcement;
use deployer_core::record::{Code, DeploymentRecord, Status, TargetErrorCode};
use deployer_engine::port::CallErrorKind;
use jiff::Timestamp;
use serde_json::{Value, json};
use world::orders::{command, deploy_all};
use world::zips::{code, with_manifest};
use world::{Condition, DEV, Op, Trigger, World};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn active(world: &World) -> Value {
    world.head("dev", "orders")["active"].clone()
}

/// Delivers ticks and sweeps until nothing is active, and returns the record that the ledger then has.
async fn run_until_ended(world: &World, record: &DeploymentRecord) -> DeploymentRecord {
    for _ in 0..60 {
        world.tick().await;
        if active(world).is_null() {
            break;
        }
        world.pass(seconds(60)).await;
        world.invocation().run(&Trigger::Sweep).await;
    }
    let key = format!("deployments/dev/orders/{}.json", record.id);
    world.aws(|aws| serde_json::from_slice(aws.ledger.get(&key).unwrap()).unwrap())
}

/// Uploads 1.1.0, and checks that its deployment is parked after 20 seconds.
async fn parked(world: &World) -> DeploymentRecord {
    let began = world.elapsed();
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!((record.status, record.code), (Status::InProgress, Some(Code::Waiting)), "{record:?}");
    let took = (world.elapsed() - began).as_secs();
    assert!((20..26).contains(&took), "the invocation is given back after {took} s");
    record
}

/// Delivers the next of the deployer's own messages.
async fn ticks_once(world: &World) {
    let due = world.aws(|aws| aws.queue.next()).unwrap();
    world.pass(due.duration_since(world.now()).try_into().unwrap_or_default()).await;
    for body in world.aws(|aws| aws.queue.take(due)) {
        world.invocation().run(&Trigger::Tick(world::tick(&body))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn write_with_a_lost_answer_is_parked_while_lambda_works() {
    let world = World::with_orders();
    world.aws(|aws| aws.at(DEV).settling.time = seconds(200));
    world.on(Op::UpdateFunctionCode).lose_the_answer();
    let record = parked(&world).await;
    let record = run_until_ended(&world, &record).await;
    assert_eq!((record.status, world.calls_of(Op::UpdateFunctionCode).len()), (Status::Succeeded, 1), "{record:?}");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn code_sent_again_after_a_failed_version_is_parked() {
    let world = World::with_orders();
    let until = world.now() + seconds(200);
    world.on(Op::UpdateFunctionCode).end_failed("InternalError: try again");
    let mut looks = 0;
    world.on(Op::GetFunction).about("orders").always().meanwhile(move |aws| {
        looks += 1;
        let orders = aws.at(DEV).function("orders");
        if looks > 3 && orders.versions.len() == 2 {
            orders.busy(0, until);
        }
    });
    let record = parked(&world).await;
    world.heal();
    assert_eq!(run_until_ended(&world, &record).await.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn wait_interrupted_by_a_timeout_continues_from_its_start() {
    let mut world = World::with_orders();
    world.time = seconds(300);
    world.change_function(DEV, "orders", |f| f.busy(0, Timestamp::MAX));
    let record = parked(&world).await;
    world.on(Op::GetFunction).always().fail(CallErrorKind::Throttled);
    ticks_once(&world).await;
    world.heal();
    assert_eq!(active(&world)["extensions"], 1, "its time was up");
    let record = run_until_ended(&world, &record).await;
    assert_eq!(record.targets[0].error.as_ref().unwrap().code, TargetErrorCode::TimedOut);
    assert!((900..1_000).contains(&world.elapsed().as_secs()), "{:?}", world.elapsed());
}

#[tokio::test(start_paused = true)]
async fn finished_wait_is_not_counted_to_the_next() {
    let world = World::with_orders();
    let until = world.now() + seconds(600);
    world.change_function(DEV, "orders", |f| f.busy(0, until));
    world.aws(|aws| aws.at(DEV).settling.time = seconds(600));
    let record = parked(&world).await;
    let record = run_until_ended(&world, &record).await;
    assert_eq!(record.status, Status::Succeeded, "each wait has its own 15 minutes: {record:?}");
}

#[tokio::test(start_paused = true)]
async fn wait_of_one_target_is_not_counted_to_another() {
    let world = World::with_targets(&["000000000001", "000000000002"]);
    for account in ["000000000001", "000000000002"] {
        world.add_function(account, "orders", &code("1.0.0"), |f| f.publish().point("live", 1));
    }
    let until = world.now() + seconds(600);
    world.change_function("000000000001", "orders", |f| f.busy(0, Timestamp::MAX));
    world.change_function("000000000002", "orders", |f| f.busy(0, until));
    world.aws(|aws| aws.at("000000000002").settling.time = seconds(600));
    let record = parked(&world).await;
    let record = run_until_ended(&world, &record).await;
    let ended = record.targets.iter().map(|target| target.status).collect::<Vec<_>>();
    assert_eq!(ended, [Status::Failed, Status::Succeeded], "{record:?}");
}

#[tokio::test(start_paused = true)]
async fn version_published_by_a_resumed_deployment_is_waited_for() {
    let world = World::with_orders();
    let until = world.now() + seconds(100);
    world.change_function(DEV, "orders", |f| f.code(&code("1.1.0")).busy(0, until));
    world.aws(|aws| aws.at(DEV).settling.time = seconds(10));
    let record = parked(&world).await;
    while world.calls_of(Op::PublishVersion).is_empty() {
        ticks_once(&world).await;
    }
    assert!(active(&world).is_null(), "10 seconds are waited out at once: {}", active(&world));
    let record = run_until_ended(&world, &record).await;
    assert_eq!((record.status, world.calls_of(Op::PublishVersion).len()), (Status::Succeeded, 1));
}

#[tokio::test(start_paused = true)]
async fn version_that_serves_nobody_is_published_anew_for_passing_reasons() {
    let world = World::with_orders();
    world.on(Op::UpdateFunctionCode).end_in("ActiveNonInvocable InternalError");
    let record = parked(&world).await;
    let record = run_until_ended(&world, &record).await;
    assert_eq!((record.status, world.calls_of(Op::UpdateFunctionCode).len()), (Status::Succeeded, 2), "{record:?}");
    assert!(world.elapsed() > seconds(900));
}

#[tokio::test(start_paused = true)]
async fn versions_that_keep_failing_are_not_published_for_ever() {
    let world = World::with_orders();
    world.aws(|aws| aws.at(DEV).settling.time = seconds(60));
    world.on(Op::UpdateFunctionCode).always().end_failed("InternalError: try again");
    let record = parked(&world).await;
    let record = run_until_ended(&world, &record).await;
    assert_eq!(record.targets[0].error.as_ref().unwrap().code, TargetErrorCode::FunctionFailed, "{record:?}");
    let made = world.calls_of(Op::UpdateFunctionCode).len();
    assert!(made <= 3, "{made} versions");
}

#[tokio::test(start_paused = true)]
async fn update_that_somebody_keeps_undoing_does_not_wait_for_ever() {
    let world = World::with_orders();
    world.aws(|aws| aws.at(DEV).settling.time = seconds(30));
    world.on(Op::GetFunction).about("orders").always().meanwhile(|aws| {
        let orders = aws.at(DEV).function("orders");
        if matches!(orders.latest.state, Condition::Ready) && orders.latest.settings.memory_size == 512 {
            orders.set(|settings| settings.memory_size = 1_024);
        }
    });
    let began = world.elapsed();
    let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", "memory_size = 512\n")).await;
    assert_eq!(record.status, Status::InProgress, "{record:?}");
    for _ in 0..120 {
        if active(&world).is_null() {
            break;
        }
        world.tick().await;
        world.pass(seconds(60)).await;
        world.invocation().run(&Trigger::Sweep).await;
    }
    assert!(active(&world).is_null(), "{}", active(&world));
    assert!(world.elapsed() - began < seconds(4_000), "{:?}", world.elapsed());
    let key = format!("deployments/dev/orders/{}.json", record.id);
    let record: DeploymentRecord = world.aws(|aws| serde_json::from_slice(aws.ledger.get(&key).unwrap()).unwrap());
    let error = record.targets[0].error.as_ref().unwrap();
    assert_eq!(error.code, TargetErrorCode::TimedOut);
    assert!(error.message.as_str().starts_with("for 45 minutes Lambda was at work again and again"), "{error:?}");
    world.heal();
    assert_eq!(
        world.record("dev/orders/1.2.0.zip", code("1.2.0")).await.status,
        Status::InProgress,
        "it is not in the way"
    );
}

#[tokio::test(start_paused = true)]
async fn stop_request_during_a_look_is_ticked_at_once() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    let until = world.now() + seconds(200);
    world.change_function(DEV, "orders", |f| f.busy(0, until));
    let back = async {
        world.pass(seconds(10)).await;
        world.command_record(command("rollback", &json!({}))).await
    };
    let (record, _) = tokio::join!(world.record("dev/orders/1.1.0.zip", code("1.1.0")), back);
    assert_eq!(record.code, Some(Code::Waiting), "{record:?}");
    assert!(!active(&world)["stop"].is_null(), "{}", active(&world));
    let due = world.aws(|aws| aws.queue.next()).expect("a tick is on its way");
    assert!(due <= world.now() + seconds(1), "{due} is after {}", world.now());
}

#[tokio::test(start_paused = true)]
async fn sweep_sends_no_second_tick_while_one_may_come() {
    let world = World::with_orders();
    world.change_function(DEV, "orders", |f| f.busy(0, Timestamp::MAX));
    parked(&world).await;
    while !active(&world)["looks_at"].is_null() {
        ticks_once(&world).await;
    }
    let messages = || world.aws(|aws| aws.queue.count());
    assert_eq!(messages(), 0, "beyond the last hop the sweep looks after it");
    for _ in 0..4 {
        world.invocation().run(&Trigger::Sweep).await;
        world.pass(seconds(60)).await;
        assert_eq!(messages(), 1, "nobody has received the first one");
    }
    // The tick is lost after all.
    world.aws(|aws| aws.queue.lose());
    for _ in 0..2 {
        world.pass(seconds(60)).await;
        world.invocation().run(&Trigger::Sweep).await;
    }
    assert_eq!(messages(), 1);
}

#[tokio::test(start_paused = true)]
async fn late_start_event_is_sent_once() {
    let mut world = World::with_orders();
    world.time = seconds(300);
    world.reconfigure(&json!({
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-deployer-ledger", "event_bus": "deployer",
        "queue_url": "https://sqs.eu-west-1.amazonaws.com/000000000000/deployer",
        "environments": {"dev": {"targets": [{"account": DEV, "region": "eu-west-1"}], "external_id": "dev-8c1f"}},
    }));
    world.change_function(DEV, "orders", |f| f.busy(0, Timestamp::MAX));
    world.on(Op::PutEvents).fail(CallErrorKind::Other);
    let record = parked(&world).await;
    world.on(Op::GetFunction).always().fail(CallErrorKind::Throttled);
    ticks_once(&world).await;
    world.heal();
    run_until_ended(&world, &record).await;
    let told = world.aws(|aws| aws.events.iter().filter(|event| event.announces == Announcement::Started).count());
    assert_eq!(told, 1);
}

#[tokio::test(start_paused = true)]
async fn process_that_was_frozen_over_the_longest_wait_looks_again_before_it_gives_up() {
    for call in 1.. {
        let world = World::with_orders();
        world.aws(|aws| aws.at(DEV).settling.time = Duration::from_secs(4));
        let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
        let run = world.invocation().freezes_at(call, Duration::from_secs(1_000)).upload(&upload).await;
        let record = world.until_ended(&upload).await;
        assert_eq!(record.status, Status::Succeeded, "{call}: {:?}", record.because);
        if call > run.calls {
            return;
        }
    }
}
