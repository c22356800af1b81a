//! `progress.json` beside the results, by which an uploader learns why its upload has not ended: the sweep writes it.

use std::time::Duration;

use deployer_core::record::Status;
use deployer_engine::port::CallErrorKind;
use jiff::Timestamp;
use serde_json::{Value, json};
use world::orders::deploy_all;
use world::zips::code;
use world::{CallPhase, DEV, Op, Trigger, UpdateOutcome, World};

const PROGRESS: &str = "results/dev/orders/progress.json";

fn written(world: &World) -> Option<Value> {
    world.aws(|aws| aws.ledger.get(PROGRESS).map(|body| serde_json::from_slice(body).unwrap()))
}

async fn sweep_after(world: &World, seconds: u64) -> Option<Value> {
    world.pass(Duration::from_secs(seconds)).await;
    world.invocation().run(&Trigger::Sweep).await;
    written(world)
}

/// Returns a world in which an upload waits for Lambda to move the traffic, and another one waits behind it.
async fn two_open() -> World {
    let world = World::with_orders();
    deploy_all(&world, &["a"]).await;
    let slow = Duration::from_secs(600);
    world.change_function(DEV, "orders", |orders| orders.provision("live", slow, UpdateOutcome::Settles));
    world.pass(Duration::from_secs(86_401)).await;
    assert_eq!(world.record("dev/orders/b.zip", code("b")).await.status, Status::InProgress);
    world.pass(Duration::from_secs(2)).await;
    assert_eq!(world.record("dev/orders/c.zip", code("c")).await.status, Status::Pending);
    world
}

#[tokio::test(start_paused = true)]
async fn sweep_tells_why_each_upload_has_not_ended() {
    let world = two_open().await;
    assert_eq!(sweep_after(&world, 5).await, None, "they are open for some seconds only");
    world.pass(Duration::from_secs(60)).await;
    let status = world.command(json!({"command": "status", "environment": "dev", "function": "orders"})).await;
    let before = world.now();
    let told = sweep_after(&world, 0).await.unwrap();
    assert_eq!((&told["schema"], &told["format"]), (&json!(1), &json!(1)));
    let at: Timestamp = told["at"].as_str().unwrap().parse().unwrap();
    assert!(before <= at && at <= world.now(), "{told:#}");
    let [first, second] = told["deployments"].as_array().unwrap().as_slice() else { panic!("{told:#}") };
    let head = world.head("dev", "orders");
    for (one, release, status, request) in
        [(first, "b", "in_progress", &head["active"]["request"]), (second, "c", "pending", &head["pending"][0])]
    {
        assert_eq!((&one["release"], &one["status"]), (&json!(release), &json!(status)), "{told:#}");
        let artifact = &request["subject"]["artifact"];
        assert!(artifact["version_id"].is_string() && one["version_id"] == artifact["version_id"], "{request:#}");
    }
    let why = status["functions"][0]["active_because"].as_str().unwrap();
    assert_eq!(first["because"], json!(why));
    let behind = format!(
        "waits for deployment {} of the same function to end; that one has not ended: {why}",
        first["id"].as_str().unwrap()
    );
    assert_eq!(second["because"], json!(behind));
    // The next sweep writes it anew.
    let again = sweep_after(&world, 60).await.unwrap();
    assert_ne!(again["at"], told["at"]);
}

#[tokio::test(start_paused = true)]
async fn uploads_that_end_at_once_and_commands_write_no_progress() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    sweep_after(&world, 60).await;
    let slow = Duration::from_secs(600);
    world.change_function(DEV, "orders", |orders| orders.provision("live", slow, UpdateOutcome::Settles));
    world.pass(Duration::from_secs(86_401)).await;
    let rollback = json!({"command": "rollback", "environment": "dev", "function": "orders"});
    assert_eq!(world.command_record(rollback).await.status, Status::InProgress);
    assert_eq!(sweep_after(&world, 60).await, None, "nobody waits for it by its S3 version id");
    assert!(!world.calls().iter().any(|call| call.what == PROGRESS));
}

#[tokio::test(start_paused = true)]
async fn progress_that_cannot_be_written_holds_nothing_up_and_a_newer_one_is_left_alone() {
    let world = two_open().await;
    world.on(Op::WriteLedger).about(PROGRESS).fail(CallErrorKind::Denied);
    assert_eq!(sweep_after(&world, 60).await, None);
    world.heal();
    let newer = br#"{"schema": 1, "format": 99, "of_later": true}"#;
    world.aws(|aws| aws.ledger.put(PROGRESS, newer.to_vec()));
    assert_eq!(sweep_after(&world, 60).await.unwrap()["format"], 99);
    world.aws(|aws| aws.ledger.put(PROGRESS, b"{".to_vec()));
    assert_eq!(sweep_after(&world, 60).await.unwrap()["deployments"].as_array().unwrap().len(), 2, "a damaged one");
}

#[tokio::test(start_paused = true)]
async fn progress_tells_things_as_they_are_when_it_is_written() {
    let world = two_open().await;
    world.pass(Duration::from_secs(60)).await;
    world.latency(|call| Duration::from_secs(if call.what.starts_with("groups/") { 100 } else { 0 }));
    let began = world.now();
    let told = sweep_after(&world, 0).await.unwrap();
    let at: Timestamp = told["at"].as_str().unwrap().parse().unwrap();
    assert!(at.as_second() - began.as_second() >= 100, "{told:#}");
    world.aws(|aws| aws.ledger.delete(PROGRESS));
    // Both uploads end while the sweep is at work.
    world.on(Op::ListLedger).about("groups/").meanwhile(|aws| {
        let mut head: Value = serde_json::from_slice(aws.ledger.get("heads/dev/orders.json").unwrap()).unwrap();
        (head["active"], head["pending"]) = (Value::Null, json!([]));
        aws.ledger.put("heads/dev/orders.json", serde_json::to_vec(&head).unwrap());
    });
    assert_eq!(sweep_after(&world, 0).await, None);
}

#[tokio::test(start_paused = true)]
async fn progress_that_a_later_sweep_has_written_stays() {
    let world = two_open().await;
    world.pass(Duration::from_secs(60)).await;
    let later = world.now().checked_add(Duration::from_secs(60)).unwrap();
    let newer = json!({"schema": 1, "format": 1, "at": later, "deployments": []});
    world.aws(|aws| aws.ledger.put(PROGRESS, serde_json::to_vec(&newer).unwrap()));
    assert_eq!(sweep_after(&world, 0).await.unwrap(), newer);
    assert_ne!(sweep_after(&world, 61).await.unwrap(), newer);
}

#[tokio::test(start_paused = true)]
async fn progress_is_written_first_where_the_last_one_is_the_oldest() {
    let world = two_open().await;
    world.add_function(DEV, "bills", &code("a"), |f| f.publish().point("live", 1));
    let slow = Duration::from_secs(600);
    world.change_function(DEV, "bills", |bills| bills.provision("live", slow, UpdateOutcome::Settles));
    world.pass(Duration::from_secs(10)).await;
    assert_eq!(world.record("dev/bills/7.zip", code("7")).await.status, Status::InProgress);
    sweep_after(&world, 60).await;
    let keys = [PROGRESS, "results/dev/bills/progress.json"];
    for oldest in [0, 1] {
        for (number, key) in keys.into_iter().enumerate() {
            let at = world.now().checked_sub(Duration::from_secs(if number == oldest { 120 } else { 60 })).unwrap();
            let progress = json!({"schema": 1, "format": 1, "at": at, "deployments": []});
            world.aws(|aws| aws.ledger.put(key, serde_json::to_vec(&progress).unwrap()));
        }
        let calls = world.calls_of(Op::WriteLedger).len();
        sweep_after(&world, 0).await;
        let written = world.calls_of(Op::WriteLedger).split_off(calls);
        let written: Vec<&str> =
            written.iter().map(|call| call.what.as_str()).filter(|key| key.ends_with("/progress.json")).collect();
        assert_eq!(written, [keys[oldest], keys[1 - oldest]]);
    }
}

#[tokio::test(start_paused = true)]
async fn slow_progress_keeps_no_sweep_from_waking_what_nobody_works_on() {
    let world = World::with_orders();
    deploy_all(&world, &["a"]).await;
    let upload = world.put("dev/orders/b.zip", code("b"));
    world.invocation().dies_at(14, CallPhase::After).upload(&upload).await;
    assert!(world.head("dev", "orders")["active"].is_object());
    world.leases_run_out().await;
    world.latency(|call| Duration::from_secs(if call.what == PROGRESS { 600 } else { 0 }));
    let (began, calls) = (world.elapsed(), world.calls().len());
    world.invocation().run(&Trigger::Sweep).await;
    assert!(world.elapsed() - began < Duration::from_secs(30), "{}", world.render());
    let calls = world.calls().split_off(calls);
    let place = |op: Op, what: &str| calls.iter().position(|call| call.op == op && call.what.contains(what));
    assert!(place(Op::SendMessage, "").unwrap() < place(Op::ReadLedger, PROGRESS).unwrap(), "{}", world.render());
    world.latency(|_| Duration::ZERO);
    assert_eq!(world.until_ended(&upload).await.status, Status::Succeeded);
}

/// Each sweep reads 16 of 60 objects in time.
#[tokio::test(start_paused = true)]
async fn progress_of_each_of_many_uploads_is_written_though_no_sweep_reaches_all() {
    let world = two_open().await;
    let key = |function: usize| format!("results/dev/f{function:02}/progress.json");
    world.aws(|aws| {
        let head = aws.ledger.get("heads/dev/orders.json").unwrap().to_vec();
        let marker = serde_json::from_slice::<Value>(&head).unwrap()["active"]["request"]["marker"].clone();
        for function in 0..60 {
            aws.ledger.put(&format!("heads/dev/f{function:02}.json"), head.clone());
            aws.ledger.put(&format!("open/dev/f{function:02}/{}", marker.as_str().unwrap()), b"x".to_vec());
        }
    });
    let reads = |call: &world::Call| call.op == Op::ReadLedger && call.what.ends_with("/progress.json");
    world.latency(move |call| Duration::from_secs(if reads(call) { 2 } else { 0 }));
    for _ in 0..15 {
        sweep_after(&world, 60).await;
    }
    let missing: Vec<String> = (0..60).map(key).filter(|key| world.aws(|aws| aws.ledger.get(key).is_none())).collect();
    assert_eq!(missing, Vec::<String>::new());
}
