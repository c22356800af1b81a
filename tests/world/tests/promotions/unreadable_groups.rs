//! A group that cannot be read stands in nobody's way but its own.

use serde_json::{Value, json};
use world::World;
use world::orders::deploy_all;

use super::groups::together;
use super::waiting_groups::waiting;
use super::{by_hand, promote, with};

const BROKEN: &str = "groups/open/prod/0000000000F0M57FDAT7ZC1HD8.json";

fn break_one(world: &World) {
    world.aws(|aws| aws.ledger.put(BROKEN, b"{".to_vec()));
}

fn approve(id: &Value) -> Value {
    json!({"command": "approve", "environment": "prod", "deployment": id, "requested_by": "bob"})
}

#[tokio::test(start_paused = true)]
async fn approval_by_the_id_alone_is_given_beside_a_group_that_cannot_be_read() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    deploy_all(&world, &["1.1.0"]).await;
    let asked = world.command(promote()).await;
    break_one(&world);
    let approved = world.command(approve(&asked["id"])).await;
    assert_eq!(approved["status"], json!("succeeded"), "{approved}");
    // Nothing else knows this one, so it may be the group's.
    let other = json!("01JD3Z9V7Q0000000000000009");
    let (error, because) = world.command_error(approve(&other)).await;
    assert_eq!(error, "LedgerUnavailable");
    let named = format!("{BROKEN} in the ledger bucket cannot be read");
    assert!(because.contains(&named) && because.contains("restore its former S3 version"), "{because}");
    assert!(
        because.contains("a group that cannot be read may have deployment 01JD3Z9V7Q0000000000000009"),
        "{because}"
    );
}

#[tokio::test(start_paused = true)]
async fn group_that_cannot_be_read_keeps_no_other_from_being_asked_for_and_held() {
    let (world, group) = waiting().await;
    break_one(&world);
    let again = world.command(together("again")).await;
    assert_eq!((&again["status"], &again["in_favour_of"]), (&json!("superseded"), &group["id"]), "{again}");
    let hold = json!({"command": "hold", "environment": "prod", "function": "orders", "reason": "audit"});
    let held = world.command(with(hold, &json!({"requested_by": "bob"}))).await;
    assert_eq!(held["ended_waiting"][0]["deployment"], group["id"], "{held:#}");
}
