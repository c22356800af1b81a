//! Automatic promotions: the soak, and the events that end it.

use deployer_core::record::{Code, Status};
use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::orders::deploy_all;
use world::promotions::PROD;
use world::zips::code;
use world::{CallPhase, Op, World};

use super::{end, with};

fn soaking(more: &Value) -> World {
    let promotion = with(json!({"from": "dev", "automatic": true, "soak": "30m"}), more);
    World::three_environments(&json!({}), &json!({ "promotion": promotion }))
}

fn about(command: &str, environment: &str) -> Value {
    json!({"command": command, "environment": environment, "function": "orders", "requested_by": "bob"})
}

#[tokio::test(start_paused = true)]
async fn rollback_in_the_source_cancels_the_soak() {
    let world = soaking(&json!({}));
    deploy_all(&world, &["1.1.0", "1.2.0"]).await;
    world.sweep_minutes(10).await;
    world.command_record(about("rollback", "dev")).await;
    world.sweep_minutes(40).await;
    let record = world.newest_in("prod").await;
    assert_eq!(end(&record), (Status::Refused, Some(Code::SoakCancelled), "release 1.2.0 was rolled back in dev"));
    assert_eq!(world.served_releases(), ["1.1.0", "1.0.0", "1.0.0"], "a rollback promotes nothing by itself");
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn failure_in_the_source_cancels_the_soak() {
    let world = soaking(&json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    world.sweep_minutes(10).await;
    world.on(Op::UpdateFunctionCode).at("111111111111").fail(CallErrorKind::Invalid);
    let failed = world.record("dev/orders/1.2.0.zip", code("1.2.0")).await;
    assert_eq!(failed.status, Status::Failed);
    world.sweep_minutes(40).await;
    let record = world.newest_in("prod").await;
    assert_eq!((record.status, record.code), (Status::Refused, Some(Code::SoakCancelled)));
    assert!(record.because.unwrap().starts_with(&format!("deployment {} failed in dev at ", failed.id)));
    assert_eq!(world.served_releases()[2], "1.0.0");
}

#[tokio::test(start_paused = true)]
async fn hold_or_reject_ends_the_soak_with_a_record() {
    let world = soaking(&json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    world.sweep_minutes(5).await;
    world.command(with(about("hold", "prod"), &json!({"reason": "audit"}))).await;
    let held = world.newest_in("prod").await;
    assert_eq!((held.status, held.code), (Status::Refused, Some(Code::SoakCancelled)));
    assert!(held.because.unwrap().starts_with("its soak was interrupted: held by bob since "));
    world.command(about("release-hold", "prod")).await;
    deploy_all(&world, &["1.2.0"]).await;
    world.sweep_minutes(5).await;
    world.command(json!({"command": "reject", "function": "orders", "release": "1.2.0", "reason": "leaks"})).await;
    world.sweep_minutes(1).await;
    let rejected = world.newest_in("prod").await;
    assert_eq!((rejected.status, rejected.code), (Status::Refused, Some(Code::SoakCancelled)));
    world.sweep_minutes(40).await;
    assert_eq!(world.served_releases()[2], "1.0.0");
}

#[tokio::test(start_paused = true)]
async fn newer_release_replaces_the_soaking_one_and_soaks_anew() {
    let world = soaking(&json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    world.sweep_minutes(20).await;
    let first = world.newest_in("prod").await;
    deploy_all(&world, &["1.2.0"]).await;
    world.tick().await;
    let before = world.command(json!({"command": "history", "environment": "prod", "function": "orders"})).await;
    let first = before["deployments"].as_array().unwrap().iter().find(|r| r["id"] == json!(first.id)).unwrap();
    assert_eq!(first["status"], json!("superseded"), "{first}");
    world.sweep_minutes(29).await;
    assert_eq!(world.served_releases()[2], "1.0.0");
    world.sweep_minutes(3).await;
    assert_eq!(world.served_releases()[2], "1.2.0");
}

#[tokio::test(start_paused = true)]
async fn in_order_the_older_soak_finishes_first() {
    let world = soaking(&json!({"policy": "in-order"}));
    deploy_all(&world, &["1.1.0"]).await;
    world.sweep_minutes(20).await;
    deploy_all(&world, &["1.2.0"]).await;
    world.sweep_minutes(12).await;
    assert_eq!(world.served_releases()[2], "1.1.0");
    world.sweep_minutes(20).await;
    assert_eq!(world.served_releases()[2], "1.2.0");
    assert_eq!(world.function(PROD, "orders", |f| f.versions.len()), 3);
}

#[tokio::test(start_paused = true)]
async fn rolled_back_release_returns_only_by_hand() {
    let world = soaking(&json!({"soak": "0s"}));
    for release in ["1.1.0", "1.2.0"] {
        deploy_all(&world, &[release]).await;
        world.tick().await;
        assert_eq!(world.served_releases()[2], release);
    }
    world.command_record(about("rollback", "prod")).await;
    assert_eq!(world.served_releases()[2], "1.1.0");
    deploy_all(&world, &["1.3.0"]).await;
    world.tick().await;
    // The very same object becomes live in dev once more.
    world.pass(std::time::Duration::from_secs(1)).await;
    let again = with(about("deploy", "dev"), &json!({"release": "1.2.0"}));
    assert_eq!(world.command_record(again).await.status, Status::Succeeded);
    world.sweep_minutes(2).await;
    assert_eq!(world.served_releases()[2], "1.3.0");
    let refused = world.newest_in("prod").await;
    let because =
        "release 1.2.0 was rolled back in prod, and what was rolled back comes again only by hand: promote it";
    assert_eq!(end(&refused), (Status::Refused, Some(Code::NotPromotable), because));
    assert_eq!(world.command_record(super::promote()).await.status, Status::Succeeded);
    assert_eq!(world.served_releases()[2], "1.2.0");
}

#[tokio::test(start_paused = true)]
async fn rollback_redeploy_or_failure_in_the_source_promotes_nothing() {
    let world = soaking(&json!({"soak": "0s"}));
    deploy_all(&world, &["1.1.0", "1.2.0"]).await;
    world.tick().await;
    let records = world.aws(|aws| aws.ledger.keys("deployments/prod/").count());
    world.command_record(about("rollback", "dev")).await;
    world.command_record(about("redeploy", "dev")).await;
    world.sweep_minutes(3).await;
    assert_eq!(world.served_releases(), ["1.1.0", "1.0.0", "1.2.0"]);
    assert_eq!(world.aws(|aws| aws.ledger.keys("deployments/prod/").count()), records);
}

#[tokio::test(start_paused = true)]
async fn last_success_of_several_sources_promotes_or_each() {
    let rules = |require: &str| json!({"promotion": {"from": ["dev", "stage"], "require": require, "automatic": true}});
    let all = World::three_environments(&json!({}), &rules("all"));
    deploy_all(&all, &["1.1.0"]).await;
    all.sweep_minutes(2).await;
    assert_eq!(
        (all.served_releases()[2].as_str(), all.aws(|aws| aws.ledger.keys("deployments/prod/").count())),
        ("1.0.0", 0)
    );
    all.record("stage/orders/1.1.0.zip", code("1.1.0")).await;
    all.tick().await;
    assert_eq!(all.served_releases()[2], "1.1.0");
    let any = World::three_environments(&json!({}), &rules("any"));
    deploy_all(&any, &["1.1.0"]).await;
    any.tick().await;
    assert_eq!(any.served_releases()[2], "1.1.0");
    any.record("stage/orders/1.1.0.zip", code("1.1.0")).await;
    any.sweep_minutes(2).await;
    assert_eq!(any.aws(|aws| aws.ledger.keys("deployments/prod/").count()), 1, "it is there already");
}

#[tokio::test(start_paused = true)]
async fn success_without_bus_and_queue_is_promoted() {
    let prod = json!({"promotion": {"from": "stage", "automatic": true}});
    let stage = json!({"promotion": {"from": "dev", "automatic": true}});
    let mut config = world::promotions::three_environments_config(&stage, &prod);
    config.as_object_mut().unwrap().retain(|field, _| field != "queue_url" && field != "event_bus");
    let world = World::with(&config).with_functions();
    deploy_all(&world, &["1.1.0"]).await;
    assert_eq!(world.served_releases(), ["1.1.0", "1.1.0", "1.1.0"], "in the one invocation");
    assert!(world.sent_events().is_empty());
    let upload = world.put("dev/orders/1.2.0.zip", code("1.2.0"));
    let calls = world.invocation().dies_at(30, CallPhase::Before).upload(&upload).await.calls;
    assert!(calls >= 30);
    world.sweep_minutes(30).await;
    assert_eq!(world.served_releases(), ["1.2.0", "1.2.0", "1.2.0"], "the sweep goes on with what nobody works on");
}

#[tokio::test(start_paused = true)]
async fn newer_change_is_not_undone_by_a_waiting_promotion() {
    let promotion = json!({"from": "dev", "automatic": true, "soak": "30m"});
    let world = World::three_environments(&json!({}), &json!({"promotion": promotion, "accept_uploads": true}));
    deploy_all(&world, &["1.1.0"]).await;
    world.sweep_minutes(10).await;
    assert_eq!(world.record("prod/orders/2.0.0.zip", code("2.0.0")).await.status, Status::Succeeded);
    world.sweep_minutes(30).await;
    assert_eq!(world.served_releases()[2], "2.0.0");
    let history = world.command(json!({"command": "history", "environment": "prod", "function": "orders"})).await;
    let waited = history["deployments"].as_array().unwrap().iter().find(|r| r["release"] == "1.1.0").unwrap();
    assert_eq!(waited["status"], json!("superseded"), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn source_invisible_for_an_hour_ends_the_promotion() {
    let world = soaking(&json!({"soak": "0s"}));
    deploy_all(&world, &["1.1.0"]).await;
    world.on(Op::GetAlias).at("111111111111").always().fail(CallErrorKind::Unknown);
    world.sweep_minutes(10).await;
    let waits = world.newest_in("prod").await;
    assert_eq!(waits.status, Status::Pending, "{waits:?}");
    assert!(
        waits
            .because
            .as_ref()
            .unwrap()
            .starts_with("waits to see what its source serves (what dev serves cannot be seen: "),
        "{waits:?}"
    );
    world.sweep_minutes(80).await;
    let ended = world.newest_in("prod").await;
    assert_eq!(
        (ended.id, ended.status, ended.code),
        (waits.id, Status::Refused, Some(Code::NotPromotable)),
        "{ended:?}"
    );
    world.heal();
    world.sweep_minutes(2).await;
    assert_eq!(world.served_releases()[2], "1.0.0");
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn broken_source_head_stops_no_sweep() {
    let world = soaking(&json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    world.tick().await;
    let head = world.aws(|aws| aws.ledger.get("heads/dev/orders.json").unwrap().to_vec());
    world.aws(|aws| aws.ledger.put("heads/dev/orders.json", b"{".to_vec()));
    let run = world.invocation().run(&world::Trigger::Sweep).await;
    assert!(matches!(&run.outcome, world::Outcome::Swept(swept) if swept.failed == 1), "{run:?}");
    world.aws(|aws| aws.ledger.put("heads/dev/orders.json", head));
    world.sweep_minutes(35).await;
    assert_eq!(world.served_releases()[2], "1.1.0");
}
