//! Recalling a release: rejected, and rolled back wherever it is live.

use deployer_core::record::Status;
use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::orders::{deploy_all, served_in};
use world::zips::code;
use world::{Op, World};

fn recall(id: &str) -> Value {
    json!({"command": "recall", "function": "orders", "release": "1.2.0", "reason": "it leaks", "requested_by": "ann", "id": id})
}

fn row() -> World {
    World::three_environments(
        &json!({"promotion": {"from": "dev", "automatic": true}}),
        &json!({"promotion": {"from": "stage", "automatic": true}}),
    )
}

#[tokio::test(start_paused = true)]
async fn recall_rolls_back_everywhere_last_environment_first() {
    let world = row();
    deploy_all(&world, &["1.1.0"]).await;
    world.tick().await;
    deploy_all(&world, &["1.2.0"]).await;
    world.tick().await;
    assert_eq!(world.served_releases(), ["1.2.0", "1.2.0", "1.2.0"]);
    let answer = world.command(recall("r")).await;
    let told: Vec<_> = answer["environments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["environment"].as_str().unwrap(),
                one["deployment"]["status"].as_str().unwrap(),
                one["deployment"]["release"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("prod", "succeeded", "1.1.0"), ("stage", "succeeded", "1.1.0"), ("dev", "succeeded", "1.1.0")]);
    assert_eq!(world.served_releases(), ["1.1.0", "1.1.0", "1.1.0"]);
    for one in answer["environments"].as_array().unwrap() {
        assert_eq!(one["left"], "1.2.0", "{one:#}");
        let cause = &one["deployment"]["cause"];
        assert_eq!(cause["recall"], json!({"release": "1.2.0", "reason": "it leaks"}), "{one:#}");
        assert_eq!(cause["requested_by"], "ann", "{one:#}");
    }
    let history = world.command(json!({"command": "history", "environment": "prod", "function": "orders"})).await;
    assert_eq!(history["deployments"][0]["cause"]["recall"]["reason"], "it leaks", "{history:#}");
    let before = world.snapshot();
    let again = world.command(recall("r")).await;
    let left: Vec<_> = again["environments"].as_array().unwrap().iter().map(|one| &one["left"]).collect();
    assert_eq!(left, ["1.2.0", "1.2.0", "1.2.0"]);
    assert_eq!(world.snapshot(), before, "the same id again changes nothing");
    world.sweep_minutes(3).await;
    assert_eq!(world.served_releases(), ["1.1.0", "1.1.0", "1.1.0"], "nothing comes back");
    world.same_again_changes_nothing().await;
}

/// Three environments with 1.1.0 live; 1.2.0 is live in dev and stage, and soaks before prod.
async fn soaking() -> World {
    let world = World::three_environments(
        &json!({"promotion": {"from": "dev", "automatic": true}}),
        &json!({"promotion": {"from": "stage", "automatic": true, "soak": "1h"}}),
    );
    deploy_all(&world, &["1.1.0"]).await;
    world.sweep_minutes(62).await;
    deploy_all(&world, &["1.2.0"]).await;
    world.tick().await;
    world
}

#[tokio::test(start_paused = true)]
async fn recall_ends_its_waiting_promotions_and_no_others() {
    let world = soaking().await;
    let answer = world.command(recall("r")).await;
    let told: Vec<_> =
        answer["environments"].as_array().unwrap().iter().map(|one| one["environment"].clone()).collect();
    assert_eq!(told, ["stage", "dev"], "prod never had it");
    assert_eq!(world.newest_in("prod").await.code, Some(deployer_core::record::Code::SoakCancelled));
    world.sweep_minutes(70).await;
    assert_eq!(world.served_releases(), ["1.1.0", "1.1.0", "1.1.0"]);
}

#[tokio::test(start_paused = true)]
async fn recall_accepts_each_rollback_before_it_ends_what_waits() {
    let world = soaking().await;
    let before = world.calls_of(Op::WriteLedger).len();
    let answer = world.command(recall("r")).await;
    assert_eq!(answer["ended_waiting"][0]["environment"], "prod", "{answer:#}");
    let writes = world.calls_of(Op::WriteLedger).split_off(before);
    let first = |what: &str| writes.iter().position(|write| write.what.contains(what)).unwrap();
    let ended = first("heads/prod/");
    assert!(first("heads/dev/") < ended && first("heads/stage/") < ended, "{writes:#?}");
}

#[tokio::test(start_paused = true)]
async fn recall_without_a_reason_keeps_that_of_the_reject() {
    let without_reason = |id: &str| {
        let mut recall = recall(id);
        recall.as_object_mut().unwrap().remove("reason");
        recall
    };
    for (reject, reason) in [(true, "it loses orders"), (false, "recalled")] {
        let world = row();
        deploy_all(&world, &["1.1.0", "1.2.0"]).await;
        if reject {
            let reject =
                json!({"command": "reject", "function": "orders", "release": "1.2.0", "reason": reason, "id": "x"});
            world.command(reject).await;
        }
        let answer = world.command(without_reason("r")).await;
        let cause = &answer["environments"][0]["deployment"]["cause"];
        assert_eq!(cause["recall"], json!({"release": "1.2.0", "reason": reason}), "{answer:#}");
        let before = world.snapshot();
        world.command(without_reason("r")).await;
        assert_eq!(world.snapshot(), before, "it is the same command");
        let status = world.command(json!({"command": "status", "function": "orders"})).await;
        assert_eq!(status["functions"][0]["rejects"][0]["reason"], reason, "{status:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn unreject_names_the_other_rejected_release_with_the_same_code() {
    let world = World::with_orders();
    deploy_all(&world, &["1.1.0", "1.2.0"]).await;
    world.record("dev/orders/1.2.0-again.zip", code("1.2.0")).await;
    world.pass(std::time::Duration::from_secs(2)).await;
    deploy_all(&world, &["1.3.0"]).await;
    let of = |command: &str, release: &str| {
        let mut command =
            json!({"command": command, "function": "orders", "release": release, "id": format!("{command} {release}")});
        if command["command"] == "reject" {
            command["reason"] = json!("it leaks");
        }
        command
    };
    for release in ["1.2.0", "1.2.0-again", "1.1.0"] {
        world.command(of("reject", release)).await;
    }
    for _ in 0..2 {
        let answer = world.command(of("unreject", "1.2.0")).await;
        assert_eq!(answer["still_rejected_as"], "1.2.0-again", "{answer:#}");
    }
    let answer = world.command(of("unreject", "1.2.0-again")).await;
    assert_eq!(answer.get("still_rejected_as"), None, "{answer:#}");
}

#[tokio::test(start_paused = true)]
async fn unknown_release_is_not_recalled() {
    let world = row();
    deploy_all(&world, &["1.1.0"]).await;
    let (error, because) = world.command_error(recall("r")).await;
    assert_eq!(error, "UnknownRelease");
    assert!(because.starts_with("no release 1.2.0 of orders is known in any environment"), "{because}");
}

#[tokio::test(start_paused = true)]
async fn recall_without_an_earlier_release_stays_and_says_so() {
    let world = row();
    deploy_all(&world, &["1.2.0"]).await;
    world.tick().await;
    let answer = world.command(recall("r")).await;
    for one in answer["environments"].as_array().unwrap() {
        assert_eq!(
            (&one["deployment"]["status"], &one["deployment"]["code"]),
            (&json!("refused"), &json!("NothingToRollBack")),
            "{one}"
        );
    }
    assert_eq!(world.served_releases(), ["1.2.0", "1.2.0", "1.2.0"]);
}

#[tokio::test(start_paused = true)]
async fn recall_of_a_partial_release_restores_its_targets() {
    let world = World::with_orders_in_two();
    deploy_all(&world, &["1.1.0"]).await;
    world.on(Op::UpdateFunctionCode).at("222222222222").fail(CallErrorKind::Invalid);
    assert_eq!(world.record("dev/orders/1.2.0.zip", code("1.2.0")).await.status, Status::Failed);
    let places = ["111111111111", "222222222222"];
    assert_eq!(places.map(|place| served_in(&world, place)), ["1.2.0", "1.1.0"]);
    let answer = world.command(recall("r")).await;
    let one = &answer["environments"][0];
    assert_eq!((&one["environment"], &one["deployment"]["status"]), (&json!("dev"), &json!("succeeded")), "{answer}");
    assert_eq!(places.map(|place| served_in(&world, place)), ["1.1.0", "1.1.0"]);
}

#[tokio::test(start_paused = true)]
async fn repeated_recall_after_an_unreject_takes_nothing_back() {
    let world = row();
    for release in ["1.1.0", "1.2.0"] {
        deploy_all(&world, &[release]).await;
        world.tick().await;
    }
    world.command(recall("r")).await;
    world.command(json!({"command": "unreject", "function": "orders", "release": "1.2.0"})).await;
    world.pass(std::time::Duration::from_secs(1)).await;
    let again = json!({"command": "deploy", "environment": "dev", "function": "orders", "release": "1.2.0"});
    assert_eq!(world.command_record(again).await.status, Status::Succeeded);
    let before = world.snapshot();
    world.command(recall("r")).await;
    assert_eq!((world.snapshot(), world.served_releases()[0].as_str()), (before, "1.2.0"));
}
