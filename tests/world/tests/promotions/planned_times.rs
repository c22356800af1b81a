//! The times in the plan of a promotion are those that then happen: soaks, freezes, approvals, and these together.

use std::time::Duration;

use deployer_core::record::{Code, Status};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use world::World;
use world::orders::deploy_all;

use super::{by_hand, end, promote, with};

/// The time between the rules' meeting and the sweep that goes on.
const SWEPT: Duration = Duration::from_secs(120);

/// Returns a world where `prod` takes what has soaked for half an hour in `dev`, by itself, with these further fields.
fn soaking(more: &Value) -> World {
    let prod = with(json!({"promotion": {"from": "dev", "automatic": true, "soak": "30m"}}), more);
    World::three_environments(&json!({}), &prod)
}

/// Makes a freeze of some minutes from now until some minutes from now.
fn freeze(world: &World, from: i64, to: i64) -> Value {
    let at = |minutes: i64| world.now() + SignedDuration::from_mins(minutes);
    let time = |minutes| at(minutes).strftime("%H:%M").to_string();
    let day = at(from).strftime("%a").to_string().to_lowercase();
    json!([{"days": [day], "from": time(from), "to": time(to), "zone": "UTC"}])
}

/// Makes the same world once more with a freeze, for which the time must be known.
fn frozen(from: i64, to: i64, more: &Value) -> Value {
    let probe = World::three_environments(&json!({}), &json!({}));
    with(json!({"freeze": freeze(&probe, from, to)}), more)
}

async fn plan(world: &World, more: &Value) -> Value {
    let plan = json!({"command": "plan", "environment": "prod", "function": "orders"});
    world.command(with(plan, more)).await
}

/// Deploys 1.1.0 to `dev`, and lets its automatic promotion come.
async fn deploy(world: &World) {
    deploy_all(world, &["1.1.0"]).await;
    world.sweep_minutes(1).await;
}

/// Returns the plan of the promotion that waits in `prod`.
async fn plan_of_waiting(world: &World) -> Value {
    let waiting = world.newest_in("prod").await;
    assert_eq!(waiting.status, Status::Pending, "{waiting:?}");
    plan(world, &json!({ "deployment": waiting.id })).await
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap_or_else(|| panic!("no time: {value}")).parse().unwrap()
}

/// Sweeps each minute until shortly before a time, and then until shortly after it; returns the statuses of the newest
/// promotion at both.
async fn around(world: &World, at: Timestamp) -> (Status, Status) {
    let left = at.duration_since(world.now()).as_secs() - 61;
    world.sweep_minutes(u64::try_from(left / 60).unwrap()).await;
    let before = world.newest_in("prod").await.status;
    while world.now() < at + SWEPT {
        world.sweep_minutes(1).await;
    }
    (before, world.newest_in("prod").await.status)
}

#[tokio::test(start_paused = true)]
async fn promotion_by_hand_is_refused_until_the_time_that_its_plan_names() {
    let world = by_hand(&json!({"promotion": {"from": "dev", "soak": "30m"}}));
    deploy_all(&world, &["1.1.0"]).await;
    let planned = plan(&world, &json!({"promote_from": "dev"})).await;
    let because = planned["refused"]["because"].as_str().unwrap();
    let (_, until) = because.split_once("promote it not before ").unwrap();
    let until: Timestamp = until.split(' ').next().unwrap().parse().unwrap();
    let asked = world.command_record(promote()).await;
    assert_eq!(end(&asked), (Status::Refused, Some(Code::NotPromotable), because), "what was planned");
    let left = until.duration_since(world.now());
    world.pass(Duration::try_from(left).unwrap() - Duration::from_secs(2)).await;
    assert_eq!(world.command_record(promote()).await.status, Status::Refused);
    world.pass(Duration::from_secs(2)).await;
    assert!(plan(&world, &json!({"promote_from": "dev"})).await["refused"].is_null());
    assert_eq!(world.command_record(promote()).await.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn soak_ends_when_the_plan_says() {
    let world = soaking(&json!({}));
    deploy(&world).await;
    let planned = plan_of_waiting(&world).await;
    assert!(planned["refused"].is_null() && planned["wait"].get("frozen_until").is_none(), "{planned:#}");
    let statuses = around(&world, time(&planned["wait"]["soak_until"])).await;
    assert_eq!(statuses, (Status::Pending, Status::Succeeded));
}

#[tokio::test(start_paused = true)]
async fn freeze_ends_when_the_plan_says() {
    let world = by_hand(&frozen(-30, 40, &json!({})));
    deploy_all(&world, &["1.1.0"]).await;
    let planned = plan(&world, &json!({"promote_from": "dev"})).await;
    let until = time(&planned["wait"]["frozen_until"]);
    let asked = world.command_record(promote()).await;
    assert_eq!(asked.promotion.unwrap().frozen_until, Some(until));
    assert_eq!(plan_of_waiting(&world).await["wait"]["frozen_until"], planned["wait"]["frozen_until"]);
    assert_eq!(around(&world, until).await, (Status::Pending, Status::Succeeded));
}

#[tokio::test(start_paused = true)]
async fn freeze_at_the_end_of_the_soak_is_planned_from_the_beginning() {
    let world = soaking(&frozen(15, 90, &json!({})));
    deploy(&world).await;
    let planned = plan_of_waiting(&world).await;
    let (soak, until) = (time(&planned["wait"]["soak_until"]), time(&planned["wait"]["frozen_until"]));
    assert!(world.now() < soak && soak < until, "{planned:#}");
    assert_eq!(around(&world, soak).await, (Status::Pending, Status::Pending));
    let planned = plan_of_waiting(&world).await;
    assert_eq!((planned["wait"].get("soak_until"), time(&planned["wait"]["frozen_until"])), (None, until));
    assert_eq!(around(&world, until).await, (Status::Pending, Status::Succeeded));
}

#[tokio::test(start_paused = true)]
async fn freeze_that_ends_during_the_soak_holds_nothing_up() {
    let world = soaking(&frozen(-30, 15, &json!({})));
    deploy(&world).await;
    let planned = plan_of_waiting(&world).await;
    assert_eq!(planned["wait"].get("frozen_until"), None, "{planned:#}");
    let statuses = around(&world, time(&planned["wait"]["soak_until"])).await;
    assert_eq!(statuses, (Status::Pending, Status::Succeeded));
}

#[tokio::test(start_paused = true)]
async fn freeze_that_refuses_a_soaking_promotion_is_planned_as_the_refusal() {
    for to in [90, 20] {
        let world = soaking(&frozen(15, to, &json!({"when_frozen": "refuse"})));
        deploy(&world).await;
        let planned = plan_of_waiting(&world).await;
        let refused = planned["refused"]["because"].as_str().unwrap_or_else(|| panic!("{planned:#}"));
        world.sweep_minutes(12).await;
        assert_eq!(world.newest_in("prod").await.status, Status::Pending, "before the freeze");
        world.sweep_minutes(25).await;
        let record = world.newest_in("prod").await;
        assert_eq!(end(&record), (Status::Refused, Some(Code::NotPromotable), refused));
    }
}

#[tokio::test(start_paused = true)]
async fn approved_promotion_waits_for_the_rest_of_its_soak_as_planned() {
    let world = soaking(&json!({"approval": {"required": 1}}));
    deploy(&world).await;
    let planned = plan_of_waiting(&world).await;
    let wait = &planned["wait"];
    assert_eq!(wait["approvals_wanted"], 1, "{planned:#}");
    let soak = time(&wait["soak_until"]);
    assert_eq!(time(&wait["expires_at"]).duration_since(soak), SignedDuration::from_hours(7 * 24));
    let id = world.newest_in("prod").await.id;
    let approve = json!({"command": "approve", "environment": "prod", "function": "orders", "deployment": id,
        "requested_by": "bob"});
    let approved = world.command_record(approve).await;
    assert_eq!(approved.status, Status::Pending);
    let planned = plan_of_waiting(&world).await;
    assert_eq!(planned["wait"].get("approvals_wanted"), None, "{planned:#}");
    assert_eq!(time(&planned["wait"]["soak_until"]), soak);
    assert_eq!(around(&world, soak).await, (Status::Pending, Status::Succeeded));
}

#[tokio::test(start_paused = true)]
async fn promotion_without_its_approval_expires_when_the_plan_says() {
    let world = soaking(&json!({"approval": {"required": 1, "expires": "1h"}}));
    deploy(&world).await;
    let wait = plan_of_waiting(&world).await["wait"].clone();
    let (soak, expires) = (time(&wait["soak_until"]), time(&wait["expires_at"]));
    assert_eq!(expires.duration_since(soak), SignedDuration::from_hours(1));
    assert_eq!(around(&world, expires).await, (Status::Pending, Status::Refused));
    assert_eq!(world.newest_in("prod").await.code, Some(Code::Expired));
}
