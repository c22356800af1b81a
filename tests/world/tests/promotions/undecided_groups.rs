//! Groups that end before they are decided: the history of each of their functions tells of it.

use std::time::Duration;

use serde_json::{Value, json};
use world::orders::deploy_all;
use world::{CallPhase, Outcome, Trigger, World};

use super::groups::{together, two_releases, until_ended};
use super::waiting_groups::waiting;
use super::{by_hand, with};

fn in_prod(command: &str, more: &Value) -> Value {
    with(json!({"command": command, "environment": "prod", "requested_by": "bob"}), more)
}

async fn history(world: &World, function: &str) -> Vec<Value> {
    let answer = world.command(in_prod("history", &json!({"function": function, "requested_by": null}))).await;
    answer["deployments"].as_array().unwrap().clone()
}

/// Checks that each function has one record of the group's end, which says what the group says.
async fn is_told(world: &World, group: &Value) {
    assert!(!group["finished_at"].is_null() && group["decided_at"].is_null(), "{group:#}");
    let because =
        format!("its group {} has ended: {}", group["id"].as_str().unwrap(), group["because"].as_str().unwrap());
    for member in group["functions"].as_array().unwrap() {
        let records = history(world, member["function"].as_str().unwrap()).await;
        let of_it: Vec<_> = records.iter().filter(|record| record["id"] == member["deployment"]).collect();
        let [record] = &of_it[..] else { panic!("{} {records:#?}", member["function"]) };
        // Its reason may be about one of the functions only, so the code is not that of the group.
        let code = if group["status"] == json!("superseded") { "Superseded" } else { "NotPromotable" };
        assert_eq!((&record["status"], &record["code"]), (&group["status"], &json!(code)), "{record:#}");
        assert_eq!(record["because"], json!(because));
        assert_eq!(
            (&record["release"], &record["promotion"]["group"]),
            (&member["release"], &group["id"]),
            "{record:#}"
        );
        assert_eq!(record["cause"], group["cause"]);
        assert!(!record["finished_at"].is_null(), "{record:#}");
    }
    let refusals = world.sent_events().iter().filter(|event| event.starts_with("Promotion Refused prod/")).count();
    assert_eq!(refusals, 0, "the group's own event is the only one: {:?}", world.sent_events());
    world.markers_are_cleared().await;
    let before = world.snapshot();
    let id = group["cause"]["event_id"].as_str().unwrap();
    assert_eq!(world.command(together(id)).await, *group);
    assert_eq!(world.snapshot(), before, "the same group again changes nothing");
}

#[tokio::test(start_paused = true)]
async fn history_tells_of_a_group_that_was_declined() {
    let (world, group) = waiting().await;
    let mut declined =
        world.command(in_prod("decline", &json!({"deployment": group["id"], "reason": "not today"}))).await;
    assert_eq!(declined["because"], json!("declined by bob: not today"));
    assert_eq!(declined.as_object_mut().unwrap().remove("decision"), Some(json!("recorded")));
    is_told(&world, &declined).await;
}

#[tokio::test(start_paused = true)]
async fn history_tells_of_a_group_that_a_hold_has_ended() {
    let (world, _) = waiting().await;
    world.command(in_prod("hold", &json!({"function": "orders", "reason": "audit"}))).await;
    is_told(&world, &world.command(together("g")).await).await;
}

#[tokio::test(start_paused = true)]
async fn history_tells_of_a_group_that_was_refused_at_once() {
    let world = by_hand(&json!({}));
    two_releases(&world).await;
    world.command(json!({"command": "reject", "function": "workers", "release": "7", "reason": "leaks"})).await;
    let refused = world.command(together("g")).await;
    assert_eq!((&refused["status"], &refused["code"]), (&json!("refused"), &json!("Rejected")));
    is_told(&world, &refused).await;
}

#[tokio::test(start_paused = true)]
async fn history_tells_of_a_group_that_another_has_replaced() {
    let (world, first) = waiting().await;
    let repeated = world.command(together("again")).await;
    assert_eq!(repeated["status"], json!("superseded"), "{repeated}");
    is_told(&world, &repeated).await;
    deploy_all(&world, &["1.2.0"]).await;
    world.command(together("newer")).await;
    let replaced = world.command(together("g")).await;
    assert_eq!((&replaced["id"], &replaced["status"]), (&first["id"], &json!("superseded")));
    is_told(&world, &replaced).await;
}

#[tokio::test(start_paused = true)]
async fn history_tells_of_a_group_that_has_expired() {
    let (world, _) = waiting().await;
    world.pass(Duration::from_secs(31 * 86_400)).await;
    let expired = until_ended(&world, "g").await;
    assert_eq!(expired["code"], json!("Expired"), "{expired}");
    is_told(&world, &expired).await;
}

#[tokio::test(start_paused = true)]
async fn history_tells_of_a_declined_group_wherever_the_invocation_dies() {
    for step in 0..60 {
        let (world, group) = waiting().await;
        let decline = in_prod("decline", &json!({"deployment": group["id"]}));
        let run = world.invocation().dies_at(step, CallPhase::After).run(&Trigger::Command(decline.clone())).await;
        if let Outcome::Answered(_) = run.outcome {
            return;
        }
        world.sweep_minutes(2).await;
        world.command(decline).await;
        is_told(&world, &world.command(together("g")).await).await;
    }
    panic!("the decline does not end");
}
