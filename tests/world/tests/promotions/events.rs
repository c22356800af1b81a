//! Events on the bus, and the independence of deployments from it.

use deployer_core::record::Status;
use deployer_engine::port::CallErrorKind;
use serde_json::json;
use world::orders::deploy_all;
use world::promotions::three_environments_config;
use world::zips::with_manifest;
use world::{CallPhase, Op, Outcome, World, zips::code};

use super::by_hand;

fn count(world: &World, told: &str) -> usize {
    world.sent_events().iter().filter(|line| line.as_str() == told).count()
}

#[tokio::test(start_paused = true)]
async fn bus_outage_fails_no_deployment_and_events_follow_by_sweep() {
    let world = by_hand(&json!({}));
    world.on(Op::PutEvents).always().fail(CallErrorKind::Invalid);
    deploy_all(&world, &["1.1.0", "1.2.0"]).await;
    assert_eq!(world.command_record(super::promote()).await.status, Status::Succeeded);
    let run = world.invocation().run(&world::Trigger::Sweep).await;
    assert!(matches!(run.outcome, Outcome::Swept(_)), "{run:?}");
    assert!(world.sent_events().is_empty());
    world.heal();
    world.sweep_minutes(2).await;
    for release in ["1.1.0", "1.2.0"] {
        assert_eq!(count(&world, &format!("Deployment Started dev/orders {release} in_progress")), 1);
        assert_eq!(count(&world, &format!("Deployment Succeeded dev/orders {release} succeeded")), 1);
    }
    assert_eq!(count(&world, "Deployment Succeeded prod/orders 1.2.0 succeeded"), 1);
    world.markers_are_cleared().await;
    let told = world.sent_events();
    world.same_again_changes_nothing().await;
    assert_eq!(world.sent_events(), told);
}

#[tokio::test(start_paused = true)]
async fn crash_anywhere_still_sends_start_and_end_events() {
    let world = by_hand(&json!({}));
    let calls = world.invocation().upload(&world.put("dev/orders/1.1.0.zip", code("1.1.0"))).await.calls;
    for call in 1..=calls {
        let world = by_hand(&json!({}));
        let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
        let _ = world.invocation().dies_at(call, CallPhase::Before).upload(&upload).await;
        world.leases_run_out().await;
        world.sweep_minutes(1).await;
        assert!(world.until_ended(&upload).await.status == Status::Succeeded);
        world.sweep_minutes(1).await;
        assert!(count(&world, "Deployment Started dev/orders 1.1.0 in_progress") >= 1, "died before call {call}");
        assert!(count(&world, "Deployment Succeeded dev/orders 1.1.0 succeeded") >= 1, "died before call {call}");
    }
}

#[tokio::test(start_paused = true)]
async fn events_carry_the_record_without_bucket_and_variable_values() {
    let world = by_hand(&json!({}));
    let manifest = "[environment.variables]\nPASSWORD = \"hunter2\"\n";
    assert_eq!(world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", manifest)).await.status, Status::Succeeded);
    let details: Vec<_> = world.aws(|aws| aws.events.iter().map(|event| event.detail.clone()).collect());
    assert_eq!(details.len(), 2);
    for detail in &details {
        assert!(!detail.to_string().contains("hunter2") && !detail.to_string().contains("acme-artifacts"), "{detail}");
        assert_eq!((&detail["schema"], &detail["artifact"]["key"]), (&json!(1), &json!("dev/orders/1.1.0.zip")));
    }
    assert_eq!(details[0]["status"], json!("in_progress"));
    assert!(details[1]["finished_at"].is_string());
}

#[tokio::test(start_paused = true)]
async fn each_end_has_its_own_event() {
    let world = by_hand(&json!({}));
    deploy_all(&world, &["1.1.0", "1.2.0"]).await;
    let rollback = json!({"command": "rollback", "environment": "dev", "function": "orders"});
    world.command_record(rollback).await;
    assert_eq!(world.sent_events().last().unwrap(), "Deployment Rolled Back dev/orders 1.1.0 succeeded");
    world.record("prod/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(world.sent_events().last().unwrap(), "Deployment Refused prod/orders 1.1.0 refused");
    world.upload("nowhere/orders/1.1.0.zip", code("1.1.0")).await;
    let last = world.aws(|aws| aws.events.last().cloned().unwrap());
    assert_eq!(last.announces.detail_type(), "Upload Ignored");
    assert_eq!((&last.detail["key"], &last.detail["schema"]), (&json!("nowhere/orders/1.1.0.zip"), &json!(1)));
    world.on(Op::UpdateFunctionCode).fail(CallErrorKind::Invalid);
    world.record("dev/orders/1.3.0.zip", code("1.3.0")).await;
    assert_eq!(world.sent_events().last().unwrap(), "Deployment Failed dev/orders 1.3.0 failed");
}

#[tokio::test(start_paused = true)]
async fn waiting_event_is_sent_once_when_a_sweep_changes_the_wait() {
    let mut world = by_hand(&json!({"approval": {"required": 1}}));
    deploy_all(&world, &["1.1.0"]).await;
    world.on(Op::PutEvents).fail(CallErrorKind::Invalid);
    assert_eq!(world.command_record(super::promote()).await.status, Status::Pending);
    assert_eq!(count(&world, "Promotion Waiting prod/orders 1.1.0 pending"), 0);
    let two = json!({"promotion": {"from": "dev"}, "approval": {"required": 2}});
    world.reconfigure(&three_environments_config(&json!({}), &two));
    world.sweep_minutes(2).await;
    assert_eq!(count(&world, "Promotion Waiting prod/orders 1.1.0 pending"), 1);
}

#[tokio::test(start_paused = true)]
async fn waiting_event_of_a_group_follows_by_sweep_after_a_bus_outage() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    super::groups::two_releases(&world).await;
    world.on(Op::PutEvents).fail(CallErrorKind::Invalid);
    world.command(super::groups::together("g")).await;
    assert_eq!(count(&world, "Promotion Waiting -/- - -"), 0);
    world.sweep_minutes(3).await;
    assert_eq!(count(&world, "Promotion Waiting -/- - -"), 1);
}
