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
