//! Scenarios about promotions that the simulator has found.

use std::time::Duration;

use deployer_core::record::Status;
use deployer_engine::port::CallErrorKind;
use serde_json::json;
use world::orders::{deploy_all, served_in};
use world::{CallPhase, DEV, Op, World, zips::code};

/// A success requests a promotion that is refused at once, while no event can be sent to the bus.
#[tokio::test(start_paused = true)]
async fn refusal_event_after_a_bus_outage_is_sent_by_the_sweep() {
    let world = World::three_environments(&json!({"promotion": {"from": "dev", "automatic": true}}), &json!({}));
    let hold = json!({"command": "hold", "environment": "stage", "function": "orders", "reason": "audit", "new": true});
    world.command(hold).await;
    world.on(Op::PutEvents).about("Promotion Refused").fail(CallErrorKind::Throttled);
    deploy_all(&world, &["1.1.0"]).await;
    let is_told = || world.sent_events().contains(&"Promotion Refused stage/orders 1.1.0 refused".to_owned());
    assert!(!is_told());
    world.sweep_minutes(2).await;
    assert!(is_told(), "{:?}", world.sent_events());
    world.markers_are_cleared().await;
    world.same_again_changes_nothing().await;
}

/// An older release that still soaks is promoted in order. The live release is promoted again after it, because it is
/// the newest.
#[tokio::test(start_paused = true)]
async fn live_release_comes_again_after_a_waiting_older_one() {
    let promotion = json!({"from": "dev", "automatic": true, "soak": "10m", "policy": "in-order"});
    let world = World::three_environments(&json!({"promotion": promotion}), &json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    world.sweep_minutes(11).await;
    assert_eq!(world.served_releases()[1], "1.1.0");
    deploy_all(&world, &["1.2.0"]).await;
    world.sweep_minutes(2).await;
    deploy_all(&world, &["1.1.0"]).await;
    world.sweep_minutes(15).await;
    assert_eq!(world.served_releases(), ["1.1.0", "1.1.0", "1.0.0"], "{:?}", world.sent_events());
    world.same_again_changes_nothing().await;
}

/// Between the move of an alias and its commit the deployer itself makes the alias differ from the head.
#[tokio::test(start_paused = true)]
async fn source_during_a_deployment_has_not_drifted() {
    let mut asked = 0;
    for call in 1.. {
        let world = World::three_environments(&json!({"promotion": {"from": "dev"}}), &json!({}));
        deploy_all(&world, &["1.1.0"]).await;
        world.pass(Duration::from_secs(1)).await;
        let upload = world.put("dev/orders/1.2.0.zip", code("1.2.0"));
        let run = world.invocation().dies_at(call, CallPhase::After).upload(&upload).await;
        if run.calls < call {
            break;
        }
        let is_between =
            served_in(&world, DEV) == "1.2.0" && world.head("dev", "orders")["history"][0]["release"] == "1.1.0";
        if !is_between {
            continue;
        }
        asked += 1;
        let promote = json!({"command": "promote", "function": "orders", "from": "dev", "to": "stage"});
        let first = world.command_record(promote).await;
        assert_eq!(first.status, Status::Pending, "{first:?}");
        assert!(first.because.unwrap().contains("a deployment is under way in dev"));
        world.leases_run_out().await;
        world.tick().await;
        world.sweep_minutes(3).await;
        assert_eq!(world.served_releases(), ["1.2.0", "1.1.0", "1.0.0"], "died after call {call}");
    }
    assert!(asked > 0);
}
