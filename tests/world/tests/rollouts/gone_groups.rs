//! The environment of a group is out of deployer.json for a while.

use world::Trigger;

use super::groups::{BOTH_MEMBERS, group_of, group_world, is_live, promotes, records, says, serves};
use super::groups_released::released;
use super::*;

fn pauses(world: &World) -> [Value; 2] {
    BOTH_MEMBERS.map(|function| world.head("prod", function)["active"]["rollout"]["paused"]["reason"].clone())
}

fn open_groups(world: &World) -> usize {
    world.aws(|aws| aws.ledger.keys("groups/open/").count())
}

#[tokio::test(start_paused = true)]
async fn group_whose_environment_is_gone_for_a_while_is_paused_and_goes_on() {
    let world = group_world(&at_once()).await;
    promotes(&world).await;
    world.sweep_minutes(3).await;
    let before = world.remove_environment("prod");
    world.sweep_minutes(3).await;
    assert_eq!((serves(&world), open_groups(&world)), ([whole(2), whole(2)], 1));
    assert_eq!(pauses(&world), ["not_configured", "not_configured"].map(|reason| json!(reason)));
    let status = world.command(json!({ "command": "status", "environment": "prod" })).await;
    assert_eq!((&status["groups"][0]["phase"], status["functions"].as_array().unwrap().len()), (&json!("moving"), 2));
    world.put_environment("prod", before);
    for function in BOTH_MEMBERS {
        says(&world, function, "continue").await;
    }
    world.sweep_minutes(30).await;
    assert!(BOTH_MEMBERS.iter().all(|function| is_live(&world, function)));
    assert_eq!(group_of(&world).await["status"], "succeeded");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn member_that_goes_back_takes_the_others_back_where_their_environment_is_gone() {
    let world = group_world(&at_once()).await;
    promotes(&world).await;
    world.sweep_minutes(3).await;
    let before = world.remove_environment("prod");
    world.sweep_minutes(2).await;
    says(&world, "workers", "abort").await;
    world.sweep_minutes(3).await;
    assert_eq!(serves(&world), [whole(1), whole(1)]);
    world.put_environment("prod", before);
    world.sweep_minutes(2).await;
    assert_eq!(group_of(&world).await["status"], "rolled_back");
    assert_eq!(records(&world).await.map(|record| record.status), [Status::RolledBack, Status::RolledBack]);
}

#[tokio::test(start_paused = true)]
async fn released_members_become_live_together_although_their_environment_is_gone_meanwhile() {
    let world = released().await;
    let now = world.now();
    for body in world.aws(|aws| aws.queue.take(now)).iter().filter(|body| body.contains("workers")) {
        world.invocation().run(&Trigger::Tick(world::tick(body))).await;
    }
    assert_eq!(BOTH_MEMBERS.map(|function| is_live(&world, function)), [false, true]);
    let before = world.remove_environment("prod");
    world.sweep_minutes(3).await;
    world.put_environment("prod", before);
    world.sweep_minutes(3).await;
    assert_eq!((serves(&world), open_groups(&world)), ([whole(2), whole(2)], 0));
    assert!(BOTH_MEMBERS.iter().all(|function| is_live(&world, function)));
    assert_eq!(group_of(&world).await["status"], "succeeded");
}

#[tokio::test(start_paused = true)]
async fn member_that_waits_for_its_turn_keeps_its_place_where_its_environment_is_gone() {
    let world = group_world(&at_once()).await;
    world.command(super::groups::together()).await;
    let before = world.remove_environment("prod");
    world.sweep_minutes(3).await;
    let is_open = |function: &str| {
        let head = world.head("prod", function);
        head["active"].is_object() || !head["waiting"].as_array().is_none_or(Vec::is_empty)
    };
    assert!(BOTH_MEMBERS.iter().all(|function| is_open(function)), "{:#}", world.head("prod", "orders"));
    world.put_environment("prod", before);
    world.sweep_minutes(30).await;
    assert_eq!(group_of(&world).await["status"], "succeeded");
}

#[tokio::test(start_paused = true)]
async fn gone_rollouts_are_shown_by_their_heads_where_the_markers_cannot_be_listed() {
    let world = group_world(&at_once()).await;
    promotes(&world).await;
    world.sweep_minutes(3).await;
    drop(world.remove_environment("prod"));
    world.on(Op::ListLedger).about("open/").always().fail(CallErrorKind::Denied);
    world.on(Op::ReadLedger).about("heads/prod/workers").always().fail(CallErrorKind::Unknown);
    for given in [json!({ "command": "status" }), json!({ "command": "status", "environment": "prod" })] {
        let status = world.command(given).await;
        let gone = status["functions"].as_array().unwrap().iter().filter(|one| one["environment"] == "prod");
        assert_eq!(gone.map(|one| one["function"].clone()).collect::<Vec<_>>(), [json!("orders")], "{status:#}");
        let unreadable = status["unreadable"].as_array().unwrap();
        assert!(unreadable.iter().any(|because| because.as_str().unwrap().contains("prod/workers")), "{status:#}");
    }
}
