//! The members of a group are released together: what cannot be read holds up its own member only, and only for a while.

use deployer_core::names::OVERDUE_LINE;
use fixtures::lines;
use world::Trigger;

use super::groups::{BOTH_MEMBERS, group_of, group_world, is_live, promotes, records, says, serves, together};
use super::*;

/// Returns the group as the ledger has it while it is open; null once it has ended.
fn open_group(world: &World) -> Value {
    world.aws(|aws| {
        let key = aws.ledger.keys("groups/open/").next().map(str::to_owned);
        key.map_or(Value::Null, |key| serde_json::from_slice(aws.ledger.get(&key).unwrap()).unwrap())
    })
}

fn live(world: &World) -> [bool; 2] {
    BOTH_MEMBERS.map(|function| is_live(world, function))
}

fn unreadable(world: &World, function: &str) {
    world.on(Op::GetMetricData).at(world::promotions::PROD).about(function).always().fail(CallErrorKind::Unknown);
}

/// Plays until the group has released its members, and none has heard of it.
pub(super) async fn released() -> World {
    let world = group_world(&at_once()).await;
    promotes(&world).await;
    for _ in 0..30 {
        world.pass(Duration::from_secs(60)).await;
        world.invocation().run(&Trigger::Sweep).await;
        if open_group(&world)["passed_at"].is_string() {
            return world;
        }
        // The last message of `workers` tells the group, which the next sweep reads.
        let now = world.now();
        for body in world.aws(|aws| aws.queue.take(now)) {
            world.invocation().run(&Trigger::Tick(world::tick(&body))).await;
        }
    }
    panic!("the group was not released: {:#}", open_group(&world));
}

#[tokio::test(start_paused = true)]
async fn member_that_has_passed_is_not_released_while_its_looks_cannot_be_judged() {
    let world = group_world(&at_once()).await;
    promotes(&world).await;
    world.sweep_minutes(12).await;
    unreadable(&world, "orders");
    world.sweep_minutes(11).await;
    assert_eq!(live(&world), [false, false], "{:#}", open_group(&world));
    assert_eq!(open_group(&world)["functions"][0]["rollout"], "under_way");
    world.heal();
    world.sweep_minutes(4).await;
    assert_eq!(records(&world).await.map(|record| record.status), [Status::Succeeded, Status::Succeeded]);
}

#[tokio::test(start_paused = true)]
async fn released_member_that_cannot_be_read_is_live_with_the_first_look_that_can_be_judged() {
    let world = released().await;
    unreadable(&world, "orders");
    world.sweep_minutes(25).await;
    assert_eq!(live(&world), [false, true]);
    assert_eq!(world.head("prod", "orders")["active"]["rollout"]["paused"], Value::Null, "nothing pauses it");
    let status = world.command(json!({ "command": "status", "environment": "prod" })).await;
    let because = status["groups"][0]["because"].as_str().unwrap_or_default();
    let says = "workers is live, and orders becomes live with the next look that can be judged";
    assert!(because.starts_with("all have passed since ") && because.ends_with(says), "{status:#}");
    let (_, lines) = lines::of(async { world.invocation().run(&Trigger::Sweep).await }).await;
    let overdue = |line: &Value| line["message"].as_str().is_some_and(|it| it.starts_with(OVERDUE_LINE));
    assert!(lines.iter().any(overdue), "{lines:#?}");
    world.heal();
    world.sweep_minutes(3).await;
    assert_eq!((live(&world), group_of(&world).await["status"].clone()), ([true, true], json!("succeeded")));
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn member_that_is_released_cannot_be_paused_and_can_be_aborted() {
    let world = released().await;
    let deployment = world.head("prod", "orders")["active"]["request"]["id"].clone();
    let pause = json!({
        "command": "rollout", "environment": "prod", "function": "orders", "deployment": deployment, "action": "pause"
    });
    let (kind, message) = world.command_error(pause).await;
    assert_eq!(kind, "Refused");
    assert!(message.contains("its group has released it") && message.contains("abort"), "{message}");
    says(&world, "orders", "abort").await;
    world.sweep_minutes(4).await;
    assert_eq!((serves(&world), live(&world)), ([whole(1), whole(1)], [false, false]));
}

#[tokio::test(start_paused = true)]
async fn member_that_goes_back_is_noted_while_another_cannot_be_read() {
    let world = group_world(&at_once()).await;
    promotes(&world).await;
    world.sweep_minutes(3).await;
    says(&world, "workers", "abort").await;
    world.on(Op::ReadLedger).about("heads/prod/orders").always().fail(CallErrorKind::Unknown);
    world.sweep_minutes(2).await;
    assert_eq!(open_group(&world)["failed_first"], "workers", "{:#}", open_group(&world));
    world.heal();
    world.sweep_minutes(3).await;
    assert_eq!(serves(&world), [whole(1), whole(1)]);
    assert_eq!(world.command(together()).await["status"], "rolled_back");
}
