//! The status of a function names what came together with its release, as one group: a rollback moves one function only.

use std::time::Duration;

use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::orders::deploy_all;
use world::zips::code;
use world::{Op, World};

use super::groups::{together, two_releases, until_ended};
use super::{by_hand, promote, with};

/// Returns what came with the live release of `orders` in `prod`, and with the one that the last rollback has left.
async fn came_with(world: &World) -> [Value; 2] {
    let status = world.command(json!({"command": "status", "environment": "prod", "function": "orders"})).await;
    ["live", "left"].map(|of| status["functions"][0][of]["came_with"].clone())
}

/// Returns a world in which 1.0.5 of `orders` was live in `prod` before a group has brought 1.1.0 with `workers` 7, and what
/// the status says of that.
async fn brought_together() -> (World, Value) {
    let world = by_hand(&json!({}));
    deploy_all(&world, &["1.0.5"]).await;
    world.command(with(promote(), &json!({"id": "first"}))).await;
    world.pass(Duration::from_secs(2)).await;
    two_releases(&world).await;
    world.command(together("g")).await;
    let group = until_ended(&world, "g").await;
    let beside = json!({"group": group["id"], "functions": [{"function": "workers", "release": "7"}]});
    (world, beside)
}

async fn roll_back(world: &World, id: &str) {
    let rollback = json!({"command": "rollback", "environment": "prod", "function": "orders", "id": id});
    assert_eq!(world.command(rollback).await["status"], json!("succeeded"));
}

#[tokio::test(start_paused = true)]
async fn status_names_what_came_with_a_release_only_where_it_came_so() {
    let (world, beside) = brought_together().await;
    assert_eq!(came_with(&world).await, [beside.clone(), Value::Null]);
    let redeploy = json!({"command": "redeploy", "environment": "prod", "function": "orders", "id": "re"});
    world.command(redeploy).await;
    assert_eq!(came_with(&world).await, [beside.clone(), Value::Null], "a redeploy brings nothing");
    let reads = world.calls_of(Op::ReadLedger).len();
    let all = world.command(json!({"command": "status", "environment": "prod"})).await;
    assert_eq!(all["functions"][0]["live"]["came_with"], Value::Null);
    let reads = world.calls_of(Op::ReadLedger).split_off(reads);
    assert!(!reads.iter().any(|read| read.what.starts_with("deployments/")), "one function's status tells it");
    roll_back(&world, "r1").await;
    assert_eq!(came_with(&world).await, [Value::Null, beside]);
    // Now it comes alone.
    world.pass(Duration::from_secs(2)).await;
    world.command(with(promote(), &json!({"id": "alone"}))).await;
    world.tick().await;
    assert_eq!(world.served_releases()[2], "1.1.0");
    assert_eq!(came_with(&world).await, [Value::Null, Value::Null]);
    roll_back(&world, "r2").await;
    assert_eq!(came_with(&world).await, [Value::Null, Value::Null]);
}

#[tokio::test(start_paused = true)]
async fn status_names_no_function_that_has_gone_on_and_says_what_it_cannot_read() {
    let (world, beside) = brought_together().await;
    let status = json!({"command": "status", "environment": "prod", "function": "orders"});
    world.on(Op::ReadLedger).about("heads/prod/workers").always().fail(CallErrorKind::Unknown);
    let told = world.command(status.clone()).await;
    assert_eq!(told["functions"][0]["live"]["came_with"], Value::Null);
    let unreadable = told["unreadable"][0].as_str().unwrap();
    assert!(unreadable.starts_with("what came with releases of orders in prod: "), "{unreadable}");
    world.heal();
    assert_eq!(came_with(&world).await[0], beside);
    world.pass(Duration::from_secs(2)).await;
    world.record("dev/workers/8.zip", code("8")).await;
    world.command(with(promote(), &json!({"function": "workers", "id": "w"}))).await;
    world.tick().await;
    assert_eq!(came_with(&world).await[0], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn recall_names_what_came_with_the_release_and_stays_each_time() {
    let (world, beside) = brought_together().await;
    let recall = json!({"command": "recall", "function": "orders", "release": "1.1.0", "reason": "bad", "id": "rc"});
    let asks = with(recall.clone(), &json!({"only_if_known": true}));
    for command in [&recall, &recall, &asks] {
        let recalled = world.command(command.clone()).await;
        let of = |environment: &str| {
            let all = recalled["environments"].as_array().unwrap();
            all.iter().find(|one| one["environment"] == environment).unwrap().clone()
        };
        assert_eq!(
            (of("prod")["came_with"].clone(), of("dev").get("came_with")),
            (beside.clone(), None),
            "{recalled:#}"
        );
        assert_eq!(of("prod")["deployment"]["status"], json!("succeeded"), "{recalled:#}");
    }
}
