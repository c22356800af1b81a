//! Only an artifact that is live on every target is promoted; the same artifact again needs no approval and restarts no
//! soak.

use deployer_core::record::{Code, Status};
use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::orders::deploy_all;
use world::promotions::three_environments_config;
use world::zips::code;
use world::{Op, World};

use super::{by_hand, end, promote, with};

const SECOND: &str = "444444444444";

fn about(command: &str, environment: &str) -> Value {
    json!({"command": command, "environment": environment, "function": "orders", "requested_by": "bob"})
}

/// Gives `dev` two targets, or only the first of them.
fn of_two(prod: &Value, targets: usize) -> Value {
    let mut config = three_environments_config(&json!({}), prod);
    let second = json!({"account": SECOND, "region": "eu-west-1"});
    let all = config["environments"]["dev"]["targets"].as_array_mut().unwrap();
    all.extend((1..targets).map(|_| second.clone()));
    config
}

fn two(prod: &Value) -> World {
    let world = World::with(&of_two(prod, 2)).with_functions();
    world.add_function(SECOND, "orders", &code("1.0.0"), |f| f.publish().point("live", 1));
    world
}

#[tokio::test(start_paused = true)]
async fn promotion_of_the_present_artifact_is_unchanged_without_approval() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    deploy_all(&world, &["1.1.0"]).await;
    assert_eq!(world.command_record(with(promote(), &json!({"id": "p1"}))).await.status, Status::Pending);
    world.command(about("approve", "prod")).await;
    world.tick().await;
    assert_eq!(world.served_releases()[2], "1.1.0");
    let again = world.command_record(with(promote(), &json!({"id": "p2"}))).await;
    assert_eq!(again.status, Status::Unchanged, "{again:?}");
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn same_bytes_again_restart_no_soak_and_displace_nothing() {
    let promotion = json!({"from": "dev", "automatic": true, "soak": "30m"});
    let world = World::three_environments(&json!({}), &json!({ "promotion": promotion }));
    deploy_all(&world, &["1.1.0"]).await;
    world.sweep_minutes(20).await;
    let waits = world.newest_in("prod").await;
    assert_eq!(waits.status, Status::Pending);
    assert_eq!(world.record("dev/orders/1.1.0-again.zip", code("1.1.0")).await.status, Status::Unchanged);
    world.sweep_minutes(12).await;
    let record = world.newest_in("prod").await;
    assert_eq!((record.id, record.status), (waits.id, Status::Succeeded), "{record:?}");
    assert_eq!(world.aws(|aws| aws.ledger.keys("deployments/prod/").count()), 1);
}

#[tokio::test(start_paused = true)]
async fn rollback_in_the_destination_ends_waiting_promotions() {
    let promotion = json!({"from": "dev", "automatic": true, "soak": "5m"});
    let world = World::three_environments(&json!({}), &json!({ "promotion": promotion }));
    for release in ["1.1.0", "1.2.0"] {
        deploy_all(&world, &[release]).await;
        world.sweep_minutes(7).await;
        assert_eq!(world.served_releases()[2], release);
    }
    deploy_all(&world, &["1.3.0"]).await;
    world.tick().await;
    let waits = world.newest_in("prod").await;
    assert_eq!(waits.status, Status::Pending);
    world.command_record(about("rollback", "prod")).await;
    let key = format!("deployments/prod/orders/{}.json", waits.id);
    let ended: Value = world.aws(|aws| serde_json::from_slice(aws.ledger.get(&key).unwrap()).unwrap());
    assert_eq!(ended["status"], json!("superseded"), "{ended}");
    world.sweep_minutes(10).await;
    assert_eq!(world.served_releases()[2], "1.1.0");
}

#[tokio::test(start_paused = true)]
async fn target_added_to_the_source_is_waited_for() {
    let prod = json!({"promotion": {"from": "dev"}});
    let mut world = two(&prod);
    world.reconfigure(&of_two(&prod, 1));
    deploy_all(&world, &["1.1.0"]).await;
    world.reconfigure(&of_two(&prod, 2));
    let waits = world.command_record(with(promote(), &json!({"id": "p"}))).await;
    assert_eq!(waits.status, Status::Pending, "{waits:?}");
    let because = waits.because.unwrap();
    assert!(
        because.contains("444444444444/eu-west-1 was added to dev and does not serve release 1.1.0 yet"),
        "{because}"
    );
    assert_eq!(world.command_record(about("redeploy", "dev")).await.status, Status::Succeeded);
    world.sweep_minutes(2).await;
    assert_eq!(world.served_releases()[2], "1.1.0");
}

#[tokio::test(start_paused = true)]
async fn partial_release_is_refused_with_the_number_of_targets() {
    let world = two(&json!({"promotion": {"from": "dev"}}));
    deploy_all(&world, &["1.1.0"]).await;
    world.on(Op::UpdateFunctionCode).at(SECOND).fail(CallErrorKind::Invalid);
    assert_eq!(world.record("dev/orders/1.2.0.zip", code("1.2.0")).await.status, Status::Failed);
    let because = "release 1.2.0 is on 1 of 2 targets of dev only: redeploy it there, and promote it then";
    for order in [promote(), with(promote(), &json!({"release": "1.2.0"}))] {
        let refused = world.command_record(order).await;
        assert_eq!(end(&refused), (Status::Refused, Some(Code::NotPromotable), because));
    }
    let before = world.command_record(with(promote(), &json!({"release": "1.1.0"}))).await;
    assert_eq!(before.status, Status::Succeeded, "what was complete before may go by name: {before:?}");
}

#[tokio::test(start_paused = true)]
async fn redeploy_that_completes_a_release_promotes_it() {
    let world = two(&json!({"promotion": {"from": "dev", "automatic": true, "soak": "10m"}}));
    world.on(Op::UpdateFunctionCode).at(SECOND).fail(CallErrorKind::Invalid);
    let brought = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(brought.status, Status::Failed);
    world.sweep_minutes(20).await;
    assert_eq!(world.aws(|aws| aws.ledger.keys("deployments/prod/").count()), 0);
    assert_eq!(world.command_record(about("redeploy", "dev")).await.status, Status::Succeeded);
    world.tick().await;
    let record = world.newest_in("prod").await;
    let expected = (Status::Succeeded, Some(brought.id.to_string()));
    assert_eq!(
        (record.status, record.cause.event_id.map(String::from)),
        expected,
        "it has soaked since what brought it"
    );
    assert_eq!(world.served_releases()[2], "1.1.0");
    world.command_record(about("redeploy", "dev")).await;
    world.sweep_minutes(2).await;
    assert_eq!(world.aws(|aws| aws.ledger.keys("deployments/prod/").count()), 1, "and only once");
}
