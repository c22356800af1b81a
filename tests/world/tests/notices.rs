//! The notices of environments, by which uploaders learn whether uploads are deployed: the sweep keeps them.

use std::time::Duration;

use deployer_core::environment_notice::EnvironmentNotice;
use deployer_engine::port::CallErrorKind;
use jiff::Timestamp;
use serde_json::{Value, json};
use world::promotions::three_environments_config;
use world::{Op, World};

fn chain() -> World {
    World::three_environments(&json!({"promotion": {"from": "dev"}}), &json!({"promotion": {"from": "stage"}}))
}

/// Returns a notice without its time.
fn notice(world: &World, environment: &str) -> Option<Value> {
    let mut notice: Value = stored(world, environment)?;
    notice.as_object_mut().unwrap().remove("at");
    Some(notice)
}

fn stored(world: &World, environment: &str) -> Option<Value> {
    let key = format!("results/{environment}/environment.json");
    world.aws(|aws| aws.ledger.get(&key).map(|body| serde_json::from_slice(body).unwrap()))
}

/// Returns the time at which a notice was written.
fn written_at(world: &World, environment: &str) -> Timestamp {
    stored(world, environment).unwrap()["at"].as_str().unwrap().parse().unwrap()
}

async fn sweep(world: &World) -> usize {
    let before = world.calls_of(Op::WriteLedger).len();
    world.command(json!({"command": "sweep"})).await;
    world.calls_of(Op::WriteLedger).len() - before
}

/// The configuration of the chain from which stage was removed.
fn without_stage() -> Value {
    let mut config = three_environments_config(&json!({"promotion": {"from": "dev"}}), &json!({}));
    config["environments"].as_object_mut().unwrap().remove("stage");
    config
}

#[tokio::test(start_paused = true)]
async fn sweep_keeps_a_notice_of_each_environment() {
    let world = chain();
    assert_eq!(sweep(&world).await, 4, "three notices, and the sweep's time");
    let expected = |name: &str, accepts: bool| json!({"schema": 1, "format": 1, "environment": name, "accept_uploads": accepts, "uploads_to": ["dev"]});
    for (name, accepts) in [("dev", true), ("stage", false), ("prod", false)] {
        assert_eq!(notice(&world, name), Some(expected(name, accepts)));
    }
}

#[tokio::test(start_paused = true)]
async fn sweep_without_a_change_writes_no_notice_and_reads_none() {
    let world = chain();
    sweep(&world).await;
    world.pass(Duration::from_secs(60)).await;
    let reads = world.calls_of(Op::ReadLedger).len();
    assert_eq!(sweep(&world).await, 0);
    assert_eq!(world.calls_of(Op::ReadLedger).len() - reads, 1, "only that of the last sweep");
    // The sweep's time is written each five minutes, and the notices are compared then.
    world.pass(Duration::from_secs(300)).await;
    assert_eq!(sweep(&world).await, 1);
}

#[tokio::test(start_paused = true)]
async fn notice_is_written_anew_each_quarter_of_an_hour() {
    let world = chain();
    sweep(&world).await;
    let first = written_at(&world, "prod");
    for (minutes, writes) in [(5, 1), (5, 1), (5, 4), (5, 1)] {
        world.pass(Duration::from_secs(minutes * 60)).await;
        assert_eq!(sweep(&world).await, writes);
    }
    let second = written_at(&world, "prod");
    assert_eq!(second.duration_since(first).as_mins(), 15);
    assert_eq!(notice(&world, "prod").unwrap()["accept_uploads"], false);
}

#[tokio::test(start_paused = true)]
async fn notice_of_an_older_deployer_gets_its_time() {
    let world = chain();
    let older =
        json!({"schema": 1, "format": 1, "environment": "prod", "accept_uploads": false, "uploads_to": ["dev"]});
    world.aws(|aws| aws.ledger.put("results/prod/environment.json", older.to_string()));
    sweep(&world).await;
    assert!(stored(&world, "prod").unwrap()["at"].is_string());
}

#[tokio::test(start_paused = true)]
async fn next_sweep_writes_changed_notices_and_marks_removed_environments() {
    let mut world = chain();
    sweep(&world).await;
    world.reconfigure(&without_stage());
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(sweep(&world).await, 3, "of prod and stage, and the sweep's own");
    assert_eq!(notice(&world, "prod").unwrap()["uploads_to"], json!(["prod"]));
    let gone = notice(&world, "stage").unwrap();
    assert_eq!((&gone["removed"], &gone["accept_uploads"]), (&json!(true), &json!(false)));
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(sweep(&world).await, 0);
    for _ in 0..12 {
        world.pass(Duration::from_secs(300)).await;
        sweep(&world).await;
        let notice: EnvironmentNotice = serde_json::from_value(stored(&world, "stage").unwrap()).unwrap();
        assert!(notice.removed && !notice.is_old(world.now()), "{notice:?}");
    }
    world.reconfigure(&three_environments_config(&json!({"promotion": {"from": "dev"}}), &json!({})));
    world.pass(Duration::from_secs(60)).await;
    sweep(&world).await;
    assert_eq!(notice(&world, "stage").unwrap().get("removed"), None, "it is back");
}

#[tokio::test(start_paused = true)]
async fn lost_notice_is_written_again_and_a_damaged_one_stops_nothing() {
    let world = chain();
    sweep(&world).await;
    world.aws(|aws| {
        aws.ledger.delete("results/dev/environment.json");
        aws.ledger.put("results/prod/environment.json", b"{".to_vec());
    });
    world.pass(Duration::from_secs(300)).await;
    let swept = world.command(json!({"command": "sweep"})).await;
    assert_eq!(swept["failed"], 0, "{swept}");
    assert_eq!(notice(&world, "dev").unwrap()["accept_uploads"], true);
    assert_eq!(notice(&world, "prod").unwrap()["accept_uploads"], false);
}

#[tokio::test(start_paused = true)]
async fn notice_of_a_newer_deployer_is_left_alone() {
    let world = chain();
    let newer = json!({"schema": 1, "format": 99, "shape": "another"}).to_string();
    world.aws(|aws| aws.ledger.put("results/prod/environment.json", newer.clone()));
    sweep(&world).await;
    assert_eq!(notice(&world, "prod").unwrap()["format"], 99);
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(sweep(&world).await, 0);
}

#[tokio::test(start_paused = true)]
async fn notice_that_cannot_be_written_is_written_by_the_next_sweep() {
    let world = chain();
    world.on(Op::WriteLedger).about("results/prod/environment.json").fail(CallErrorKind::Other);
    let swept = world.command(json!({"command": "sweep"})).await;
    assert_eq!((&swept["failed"], notice(&world, "prod")), (&json!(0), None));
    world.pass(Duration::from_secs(60)).await;
    sweep(&world).await;
    assert!(notice(&world, "prod").is_some());
}

#[tokio::test(start_paused = true)]
async fn removal_that_cannot_be_noticed_is_noticed_by_the_next_sweep() {
    let mut world = chain();
    sweep(&world).await;
    world.reconfigure(&without_stage());
    world.pass(Duration::from_secs(60)).await;
    world.on(Op::WriteLedger).about("results/stage/environment.json").fail(CallErrorKind::Other);
    sweep(&world).await;
    assert_eq!(notice(&world, "stage").unwrap().get("removed"), None);
    world.pass(Duration::from_secs(60)).await;
    sweep(&world).await;
    assert_eq!(notice(&world, "stage").unwrap()["removed"], true);
}

#[tokio::test(start_paused = true)]
async fn note_with_notices_of_another_shape_still_tells_that_a_sweep_came() {
    let world = chain();
    sweep(&world).await;
    let note = |world: &World| world.aws(|aws| aws.ledger.get("sweeps/last.json").map(<[u8]>::to_vec)).unwrap();
    let written = note(&world);
    for notices in [json!({"dev": {"shape": 2}, "prod": 7, "Not A Name": {}}), json!([1]), json!(null)] {
        let mut other: Value = serde_json::from_slice(&written).unwrap();
        other["notices"] = notices.clone();
        world.aws(|aws| aws.ledger.put("sweeps/last.json", other.to_string()));
        world.pass(Duration::from_secs(60)).await;
        let report = world.examine(None).await.unwrap();
        let check = report.tooling.iter().find(|check| check.check == "sweep").unwrap();
        assert!(check.is_well(), "{notices}: {check:?}");
        assert_eq!(sweep(&world).await, 1, "{notices}: the note alone is written anew");
        assert_eq!(notice(&world, "dev").unwrap()["accept_uploads"], true);
    }
    // The time may be what is not understood.
    world.aws(|aws| aws.ledger.put("sweeps/last.json", json!({"at": {"is": "another"}, "notices": {}}).to_string()));
    assert_eq!(sweep(&world).await, 1);
}
