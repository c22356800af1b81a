//! A request that concerns another function is written as an object first: the message is only a hint.

use std::time::Duration;

use deployer_core::record::Status;
use deployer_engine::Swept;
use deployer_engine::port::CallErrorKind;
use serde_json::json;
use world::orders::deploy_all;
use world::promotions::three_environments_config;
use world::zips::code;
use world::{CallPhase, Op, Outcome, Trigger, World};

fn automatic() -> World {
    World::three_environments(&json!({"promotion": {"from": "dev", "automatic": true}}), &json!({}))
}

fn request_keys(world: &World) -> Vec<String> {
    world.aws(|aws| aws.ledger.keys("asked/").map(str::to_owned).collect())
}

#[tokio::test(start_paused = true)]
async fn success_writes_its_promotion_requests_and_no_other_head() {
    let world = automatic();
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    world.invocation().upload(&upload).await;
    let foreign: Vec<_> = world.calls().into_iter().filter(|call| call.to_string().contains("heads/stage")).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    let objects = request_keys(&world);
    assert!(objects.len() == 1 && objects[0].starts_with("asked/stage/orders/"), "{objects:?}");
    world.tick().await;
    assert_eq!((world.served_releases()[1].as_str(), request_keys(&world)), ("1.1.0", vec![]));
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn lost_hint_message_loses_no_promotion() {
    let world = automatic();
    deploy_all(&world, &["1.1.0"]).await;
    world.aws(|aws| aws.queue.lose());
    world.sweep_and_deliver().await;
    assert_eq!((world.served_releases()[1].as_str(), request_keys(&world)), ("1.1.0", vec![]));
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn outbox_keeps_a_promotion_until_it_is_written() {
    let world = automatic();
    world.on(Op::WriteLedger).about("asked/stage").always().fail(CallErrorKind::Unknown);
    deploy_all(&world, &["1.1.0"]).await;
    assert_eq!(world.head("dev", "orders")["outbox"][0]["todo"], json!(["promotions"]));
    world.heal();
    world.sweep_minutes(1).await;
    assert_eq!(world.served_releases()[1], "1.1.0");
    assert_eq!(world.head("dev", "orders")["outbox"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn crash_over_a_request_promotes_it_once() {
    let ready = || async {
        let world = automatic();
        deploy_all(&world, &["1.1.0"]).await;
        let body = world.aws(|aws| aws.queue.take(jiff::Timestamp::MAX)).remove(0);
        (world, world::tick(&body))
    };
    let (world, tick) = ready().await;
    let calls = world.invocation().run(&Trigger::Tick(tick)).await.calls;
    for call in 1..=calls {
        for moment in [CallPhase::Before, CallPhase::After] {
            let (world, tick) = ready().await;
            world.invocation().dies_at(call, moment).run(&Trigger::Tick(tick)).await;
            world.leases_run_out().await;
            world.sweep_minutes(2).await;
            assert_eq!(
                (world.served_releases()[1].as_str(), request_keys(&world)),
                ("1.1.0", vec![]),
                "died {moment:?} {call}"
            );
            let record = world.newest_in("stage").await;
            assert_eq!(record.status, Status::Succeeded, "died {moment:?} {call}");
            assert_eq!(world.aws(|aws| aws.ledger.keys("deployments/stage/").count()), 1);
            world.markers_are_cleared().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn request_to_a_removed_environment_is_kept_for_a_day() {
    let mut world = automatic();
    deploy_all(&world, &["1.1.0"]).await;
    world.aws(|aws| aws.queue.lose());
    let before = three_environments_config(&json!({"promotion": {"from": "dev", "automatic": true}}), &json!({}));
    let mut without = before.clone();
    without["environments"].as_object_mut().unwrap().remove("stage");
    world.reconfigure(&without);
    world.sweep_minutes(2).await;
    assert_eq!(request_keys(&world).len(), 1);
    world.reconfigure(&before);
    world.sweep_minutes(1).await;
    assert_eq!((world.served_releases()[1].as_str(), request_keys(&world)), ("1.1.0", vec![]));
    deploy_all(&world, &["1.2.0"]).await;
    world.aws(|aws| aws.queue.lose());
    world.reconfigure(&without);
    world.pass(Duration::from_secs(90_000)).await;
    world.sweep_and_deliver().await;
    assert_eq!(request_keys(&world), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn sweep_fails_while_a_promotion_request_cannot_be_written() {
    let world = automatic();
    world.on(Op::WriteLedger).about("asked/stage").always().fail(CallErrorKind::Unknown);
    deploy_all(&world, &["1.1.0"]).await;
    let swept = sweep(&world).await;
    assert_eq!((swept.failed, swept.completed), (1, 0), "{swept:?}");
    let because = &swept.failures[0].because;
    assert!(because.starts_with("dev/orders: the promotions that ") && because.contains("asked/stage"), "{because}");
    let (error, message) = world.command_error(json!({"command": "sweep"})).await;
    assert!(error == "LedgerUnavailable" && message.contains("asked/stage"), "{error}: {message}");
    world.heal();
    let swept = sweep(&world).await;
    assert_eq!((swept.failed, swept.completed), (0, 1), "{swept:?}");
}

#[tokio::test(start_paused = true)]
async fn failed_list_hides_no_other_part_of_the_sweep() {
    let world = automatic();
    deploy_all(&world, &["1.1.0"]).await;
    world.aws(|aws| aws.queue.lose());
    for prefix in ["groups/", "asked/"] {
        world.on(Op::ListLedger).about(prefix).fail(CallErrorKind::Unknown);
        let swept = sweep(&world).await;
        assert_eq!((swept.failed, swept.failures.len()), (1, 1), "{swept:?}");
        assert!(swept.failures[0].because.starts_with(prefix), "{swept:?}");
        assert!(world.aws(|aws| aws.ledger.get("sweeps/last.json").is_some()));
        world.tick().await;
        assert_eq!(world.served_releases()[1], "1.1.0", "what was asked for is swept");
    }
}

async fn sweep(world: &World) -> Swept {
    match world.invocation().run(&Trigger::Sweep).await.outcome {
        Outcome::Swept(swept) => swept,
        other => panic!("{other:?}"),
    }
}

fn in_order() -> World {
    let automatic = json!({"promotion": {"from": "dev", "automatic": true, "policy": "in-order"}});
    World::three_environments(&automatic, &json!({}))
}

/// Uploads a release with other code, and one that brings back the code that is live in both environments.
async fn there_and_back(world: &World, (other, back): (&str, &str)) {
    for (release, zip) in [(other, code(other)), (back, code("1.1.0"))] {
        let upload = world.put(&format!("dev/orders/{release}.zip"), zip);
        world.invocation().upload(&upload).await;
        world.pass(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn code_that_comes_back_is_promoted_after_the_release_between_wherever_its_object_is_listed() {
    for number in 0..8 {
        let world = in_order();
        deploy_all(&world, &["1.1.0"]).await;
        world.sweep_and_deliver().await;
        let back = format!("1.3.{number}");
        there_and_back(&world, ("1.2.0", &back)).await;
        world.aws(|aws| aws.queue.lose());
        assert_eq!(request_keys(&world).len(), 2);
        world.sweep_minutes(3).await;
        assert_eq!((world.served_releases()[1].as_str(), request_keys(&world)), ("1.1.0", vec![]), "{number}");
        assert_eq!(world.head("stage", "orders")["history"][0]["release"], json!(back));
    }
}

#[tokio::test(start_paused = true)]
async fn promotion_that_could_not_be_asked_for_is_asked_for_before_a_later_one() {
    let world = in_order();
    deploy_all(&world, &["1.1.0"]).await;
    world.sweep_and_deliver().await;
    world.on(Op::WriteLedger).about("asked/stage").times(2).fail(CallErrorKind::Unknown);
    there_and_back(&world, ("1.2.0", "1.3.0")).await;
    world.tick().await;
    world.sweep_minutes(3).await;
    assert_eq!((world.served_releases()[1].as_str(), request_keys(&world)), ("1.1.0", vec![]));
    assert_eq!(world.head("stage", "orders")["history"][0]["release"], "1.3.0");
}

#[tokio::test(start_paused = true)]
async fn later_promotion_waits_for_an_earlier_one_that_the_sweep_could_not_submit() {
    for op in [Op::ReadLedger, Op::WriteLedger] {
        for call in 1.. {
            let world = in_order();
            deploy_all(&world, &["1.1.0"]).await;
            world.sweep_and_deliver().await;
            there_and_back(&world, ("1.2.0", "1.3.0")).await;
            world.aws(|aws| aws.queue.lose());
            world.on(op).about("heads/stage/orders").call(call).fail(CallErrorKind::Denied);
            world.sweep_minutes(4).await;
            if !world.has_met_faults_of(op) {
                assert!(call > 1, "{op:?}");
                break;
            }
            let back = (world.served_releases()[1].as_str().to_owned(), request_keys(&world));
            assert_eq!(back, ("1.1.0".to_owned(), vec![]), "{op:?} {call}");
            assert_eq!(world.head("stage", "orders")["history"][0]["release"], "1.3.0", "{op:?} {call}");
        }
    }
}
