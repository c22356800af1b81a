//! The deployer's work after somebody has changed functions, artifacts or the ledger by hand, as the runbook's chapter
//! "Break glass" says.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::time::Duration;

use deployer_core::record::{Code, DeploymentRecord, Status, TargetErrorCode};
use fixtures::Zip;
use serde_json::json;
use world::orders::{command, deploy_all, release, rollback, served, serves};
use world::zips::code;
use world::{CallPhase, DEV, Op, Trigger, World};

async fn does(world: &World, name: &str, more: serde_json::Value) -> DeploymentRecord {
    world.pass(Duration::from_secs(1)).await;
    world.command_record(command(name, &more)).await
}

/// Makes a world in which releases a and b were deployed, as versions 2 and 3.
async fn after_two() -> World {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    world
}

#[tokio::test(start_paused = true)]
async fn sweep_leaves_an_alias_that_was_moved_by_hand() {
    let world = after_two().await;
    world.change_function(DEV, "orders", |f| f.point("live", 2));
    for _ in 0..3 {
        world.pass(Duration::from_secs(60)).await;
        world.invocation().run(&Trigger::Sweep).await;
        world.tick().await;
    }
    assert_eq!(served(&world), "a");
}

#[tokio::test(start_paused = true)]
async fn rollback_to_what_the_alias_serves_by_hand_is_unchanged() {
    let world = after_two().await;
    world.change_function(DEV, "orders", |f| f.point("live", 2));
    let plan = world.command(json!({"command": "plan", "environment": "dev", "function": "orders"})).await;
    assert_eq!((&plan["unchanged"], &plan["release"]), (&json!(false), &json!("b")), "{plan:#}");
    let back = does(&world, "rollback", json!({"to": "a"})).await;
    assert_eq!((back.status, release(&back)), (Status::Unchanged, "a"));
    let again = does(&world, "redeploy", json!({})).await;
    assert_eq!((again.status, release(&again)), (Status::Unchanged, "a"), "the ledger knows what is live");
    assert_eq!(serves(&world, DEV), 2);
}

#[tokio::test(start_paused = true)]
async fn release_that_was_deployed_by_hand_is_unchanged_when_deployed() {
    let world = after_two().await;
    world.put("dev/orders/c.zip", code("c"));
    world.change_function(DEV, "orders", |f| f.code(&code("c")).publish().point("live", 4));
    let record = does(&world, "deploy", json!({"release": "c"})).await;
    assert_eq!(record.status, Status::Unchanged);
    let because = "111111111111/eu-west-1 served version 4 before, and not version 3 as the ledger knew";
    assert_eq!(record.because.as_deref(), Some(because));
    assert_eq!(release(&rollback(&world).await), "b", "it is a step of the history");
}

#[tokio::test(start_paused = true)]
async fn resumed_deployment_brings_its_release_over_an_alias_moved_by_hand() {
    let world = after_two().await;
    let upload = world.put("dev/orders/c.zip", code("c"));
    world.pass(Duration::from_secs(1)).await;
    let until_code = {
        let world = after_two().await;
        let before = world.calls().len();
        world.upload("dev/orders/c.zip", code("c")).await;
        1 + world.calls()[before..].iter().position(|call| call.op == Op::UpdateFunctionCode).unwrap()
    };
    world.invocation().dies_at(until_code, CallPhase::After).upload(&upload).await;
    world.change_function(DEV, "orders", |f| f.point("live", 2));
    world.leases_run_out().await;
    world.invocation().run(&Trigger::Sweep).await;
    world.tick().await;
    assert_eq!(served(&world), "c");
}

#[tokio::test(start_paused = true)]
async fn function_that_is_denied_by_hand_is_not_written() {
    let world = after_two().await;
    world.aws(|aws| {
        let role = aws.sts.role(DEV);
        role.may_not.extend(["lambda:UpdateFunctionCode".into(), "lambda:UpdateAlias".into()]);
    });
    let record = world.record("dev/orders/c.zip", code("c")).await;
    assert_eq!(record.targets[0].error.as_ref().unwrap().code, TargetErrorCode::AccessDenied);
    assert_eq!(served(&world), "b");
}

#[tokio::test(start_paused = true)]
async fn function_that_was_deleted_is_made_anew_by_a_redeploy() {
    let world = World::dev();
    for name in ["1.0.0", "1.1.0"] {
        world.record(&format!("dev/orders/{name}.zip"), Zip::function(name).build().unwrap()).await;
        world.pass(Duration::from_secs(1)).await;
    }
    world.aws(|aws| aws.at(DEV).functions.clear());
    let record = does(&world, "redeploy", json!({})).await;
    assert_eq!((record.status, served(&world).as_str()), (Status::Succeeded, "1.1.0"), "{record:?}");
    let back = rollback(&world).await;
    assert_eq!((back.status, served(&world).as_str()), (Status::Succeeded, "1.0.0"), "from its artifact: {back:?}");
}

#[tokio::test(start_paused = true)]
async fn redeploy_of_a_deleted_function_without_a_manifest_fails() {
    let world = after_two().await;
    world.aws(|aws| aws.at(DEV).functions.clear());
    let record = does(&world, "redeploy", json!({})).await;
    assert_eq!(record.targets[0].error.as_ref().unwrap().code, TargetErrorCode::InvalidConfiguration, "{record:?}");
}

#[tokio::test(start_paused = true)]
async fn release_that_was_erased_is_refused_and_nothing_moves() {
    let world = after_two().await;
    let late = world.put("dev/orders/c.zip", code("c"));
    world.deliver(&late).await.unwrap();
    deploy_all(&world, &["d"]).await;
    world.aws(|aws| aws.artifacts.delete(&late.key, late.version_id.as_ref().unwrap()));
    world.change_function(DEV, "orders", |f| {
        f.versions.remove(&4);
        f
    });
    let gone = does(&world, "deploy", json!({"release": "c"})).await;
    assert_eq!((gone.status, gone.code), (Status::Refused, Some(Code::ArtifactGone)));
    let back = does(&world, "rollback", json!({"to": "c"})).await;
    assert_eq!(back.targets[0].error.as_ref().unwrap().code, TargetErrorCode::ArtifactUnreadable, "{back:?}");
    let reject = json!({"command": "reject", "function": "orders", "release": "c", "reason": "leaked"});
    world.command(reject).await;
    let named = does(&world, "rollback", json!({"to": "c"})).await;
    assert_eq!((named.status, named.code), (Status::Refused, Some(Code::Rejected)));
    world.deliver(&late).await.unwrap();
    assert_eq!(served(&world), "d");
    assert_eq!(release(&rollback(&world).await), "b", "the rejected release is passed over");
}

#[tokio::test(start_paused = true)]
async fn live_release_that_was_erased_cannot_be_redeployed() {
    let world = after_two().await;
    world.aws(|aws| aws.artifacts.delete("dev/orders/b.zip", "v2"));
    let record = does(&world, "redeploy", json!({})).await;
    assert_eq!((record.status, record.code), (Status::Refused, Some(Code::ArtifactGone)), "{record:?}");
    assert_eq!(serves(&world, DEV), 3);
}

#[tokio::test(start_paused = true)]
async fn record_without_its_metadata_is_read() {
    let world = World::with_orders();
    let upload = world.put_with("dev/orders/a.zip", code("a"), &[("build-url", "https://ci/?token=abc")]);
    world.deliver(&upload).await.unwrap();
    let key = world.aws(|aws| aws.ledger.keys("deployments/dev/orders/").next().unwrap().to_owned());
    world.aws(|aws| {
        let mut record: serde_json::Value = serde_json::from_slice(aws.ledger.get(&key).unwrap()).unwrap();
        assert_eq!(record["artifact"]["metadata"]["build-url"], "https://ci/?token=abc");
        record["artifact"]["metadata"] = json!({});
        aws.ledger.put(&key, record.to_string().into_bytes());
    });
    let history = world.command(json!({"command": "history", "environment": "dev", "function": "orders"})).await;
    assert_eq!(history["deployments"][0]["artifact"]["metadata"], json!({}), "{history:#}");
    assert!(!world.head("dev", "orders").to_string().contains("token=abc"), "the head does not keep it");
}
