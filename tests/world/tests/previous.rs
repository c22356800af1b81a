//! The version that a target served before: records have it as it was seen, not as the ledger remembers it, and name
//! what was overwritten.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use deployer_core::record::{DeploymentRecord, Status};
use serde_json::json;
use world::zips::code;
use world::{CallPhase, DEV, Op, World};

/// Returns a world in which `orders` serves 1.0.0 as version 1 by the ledger, and somebody has made a version 2 of it.
async fn known() -> World {
    let world = World::with_orders();
    world.record("dev/orders/1.0.0.zip", code("1.0.0")).await;
    world.change_function(DEV, "orders", |f| f.set(|settings| settings.memory_size = 256).publish());
    world.pass(Duration::from_secs(2)).await;
    world
}

fn previous(record: &DeploymentRecord) -> (&str, Option<&str>) {
    let previous = record.targets[0].previous.as_ref().unwrap();
    (previous.version.as_str(), record.because.as_deref())
}

#[tokio::test(start_paused = true)]
async fn upload_over_a_moved_alias_records_what_it_found() {
    let world = known().await;
    world.change_function(DEV, "orders", |f| f.point("live", 2));
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(record.status, Status::Succeeded);
    let because = "111111111111/eu-west-1 served version 2 before, and not version 1 as the ledger knew";
    assert_eq!(previous(&record), ("2", Some(because)));
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn rollback_over_a_moved_alias_records_what_it_found() {
    let world = known().await;
    world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    world.pass(Duration::from_secs(2)).await;
    world.change_function(DEV, "orders", |f| f.point("live", 2));
    let rollback = json!({"command": "rollback", "environment": "dev", "function": "orders", "to": "1.0.0"});
    let record = world.command_record(rollback).await;
    assert_eq!(record.status, Status::Succeeded);
    let because = "111111111111/eu-west-1 served version 2 before, and not version 3 as the ledger knew";
    assert_eq!(previous(&record), ("2", Some(because)));
}

#[tokio::test(start_paused = true)]
async fn removed_weights_are_recorded_with_the_version() {
    let world = known().await;
    world.change_function(DEV, "orders", |f| f.shift("live", 2, 0.1));
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    let because = "111111111111/eu-west-1 served version 1 and 10% to version 2 before: the weights were taken away";
    assert_eq!(previous(&record), ("1", Some(because)));
    let json = serde_json::to_value(&record.targets[0].previous).unwrap();
    assert_eq!(json["weights"], json!({"2": 0.1}));
}

#[tokio::test(start_paused = true)]
async fn expected_state_is_not_mentioned() {
    let world = known().await;
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(previous(&record), ("1", None));
}

#[tokio::test(start_paused = true)]
async fn resumed_deployment_knows_what_the_first_invocation_found() {
    let moved = |world: &World| world.change_function(DEV, "orders", |f| f.point("live", 2));
    let number = {
        let world = known().await;
        moved(&world);
        world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
        let last = world.calls().last().unwrap().invocation;
        let calls = world.calls().into_iter().filter(|call| call.invocation == last);
        1 + calls.enumerate().find(|(_, call)| call.op == Op::UpdateAlias).unwrap().0
    };
    let world = known().await;
    moved(&world);
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    world.invocation().dies_at(number, CallPhase::After).upload(&upload).await;
    assert_eq!(world.function(DEV, "orders", |f| f.aliases["live"].version), 3);
    let record = world.until_ended(&upload).await;
    assert_eq!((record.status, previous(&record).0), (Status::Succeeded, "2"), "{record:#?}");
}
