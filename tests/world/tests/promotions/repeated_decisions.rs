//! Approvals and declines that come again under their id, and decisions about members of groups.

use deployer_core::record::{DeploymentRecord, Status};
use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::orders::deploy_all;
use world::{Op, Trigger, World};

use super::groups::{statuses, together, until_ended};
use super::waiting_groups::waiting;
use super::{by_hand, promote, with};

fn decide(verb: &str, by: &str, id: &str) -> Value {
    json!({"command": verb, "environment": "prod", "function": "orders", "requested_by": by, "id": id})
}

/// Deploys a release, and asks for its promotion, which waits for its approvals.
async fn ask_for(world: &World, release: &str) -> DeploymentRecord {
    deploy_all(world, &[release]).await;
    let asked = world.command_record(with(promote(), &json!({ "id": release }))).await;
    assert_eq!(asked.status, Status::Pending, "{asked:?}");
    asked
}

/// Sends a command again, and checks that its answer is about the same promotion, and that nothing is written.
async fn assert_about(world: &World, command: &Value, promotion: &DeploymentRecord, status: Status) {
    let before = world.snapshot();
    let again = world.command_record(command.clone()).await;
    assert_eq!((again.id, again.status), (promotion.id, status), "{command}");
    assert_eq!(world.snapshot(), before, "nothing is decided: {command}");
}

#[tokio::test(start_paused = true)]
async fn repeated_approval_without_a_deployment_approves_no_other_promotion() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    let approve = decide("approve", "bob", "a");
    let first = ask_for(&world, "1.1.0").await;
    assert_eq!(world.command_record(approve.clone()).await.status, Status::Succeeded);
    let second = ask_for(&world, "1.2.0").await;
    assert_about(&world, &approve, &first, Status::Succeeded).await;
    assert_about(&world, &with(approve, &json!({"only_if_known": true})), &first, Status::Succeeded).await;
    assert_eq!(world.served_releases()[2], "1.1.0");
    assert_eq!(world.command_record(decide("approve", "bob", "b")).await.id, second.id);
    assert_eq!(world.served_releases()[2], "1.2.0");
}

#[tokio::test(start_paused = true)]
async fn repeated_approval_of_a_person_who_had_approved_before_approves_no_other_promotion() {
    let world = by_hand(&json!({"approval": {"required": 2}}));
    let first = ask_for(&world, "1.1.0").await;
    world.command(decide("approve", "bob", "a")).await;
    let once_more = decide("approve", "bob", "b");
    assert_eq!(world.command_record(once_more.clone()).await.id, first.id);
    assert_eq!(world.command_record(decide("approve", "carl", "c")).await.status, Status::Succeeded);
    ask_for(&world, "1.2.0").await;
    assert_about(&world, &once_more, &first, Status::Succeeded).await;
    assert_about(&world, &with(once_more, &json!({"only_if_known": true})), &first, Status::Succeeded).await;
}

#[tokio::test(start_paused = true)]
async fn repeated_decline_without_a_deployment_declines_no_other_promotion() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    let decline = decide("decline", "bob", "d");
    let first = ask_for(&world, "1.1.0").await;
    assert_eq!(world.command_record(decline.clone()).await.status, Status::Refused);
    let second = ask_for(&world, "1.2.0").await;
    assert_about(&world, &decline, &first, Status::Refused).await;
    let named = with(decline, &json!({"deployment": second.id}));
    let (error, because) = world.command_error(named).await;
    assert_eq!(error, "InvalidCommand");
    assert!(because.contains(&format!("(a decline, deployment {})", first.id)), "{because}");
    assert_eq!(world.command_record(decide("approve", "bob", "a")).await.status, Status::Succeeded);
}

/// The group has its place in `orders`, and cannot take the one in `workers`.
#[tokio::test(start_paused = true)]
async fn approval_of_a_group_that_takes_its_places_is_repeated() {
    let (world, group) = waiting().await;
    let approve = json!({"command": "approve", "environment": "prod", "deployment": group["id"], "requested_by": "bob",
        "id": "a"});
    world.on(Op::WriteLedger).about("heads/prod/workers").always().fail(CallErrorKind::Denied);
    world.invocation().run(&Trigger::Command(approve.clone())).await;
    world.heal();
    let placing = world.command(with(together("g"), &json!({"only_if_known": true}))).await;
    let approvals = placing["approvals"].as_array().map(Vec::len);
    assert_eq!((&placing["phase"], approvals), (&json!("placing"), Some(1)), "{placing}");
    assert_eq!(world.head("prod", "orders")["waiting"].as_array().unwrap().len(), 1);
    let again = world.command(approve).await;
    assert_eq!((&again["phase"], &again["approvals"]), (&json!("moving"), &placing["approvals"]), "{again}");
    assert_eq!(until_ended(&world, "g").await["status"], json!("succeeded"));
}

#[tokio::test(start_paused = true)]
async fn group_with_an_unreadable_member_is_declined_and_its_approval_counts() {
    for (verb, status) in [("decline", "refused"), ("approve", "succeeded")] {
        let (world, group) = waiting().await;
        world.on(Op::ReadLedger).about("heads/prod/workers").always().fail(CallErrorKind::Denied);
        let decision =
            json!({"command": verb, "environment": "prod", "deployment": group["id"], "requested_by": "bob"});
        world.invocation().run(&Trigger::Command(decision)).await;
        world.heal();
        let ended = until_ended(&world, "g").await;
        assert_eq!(ended["status"], json!(status), "{verb}: {ended}");
    }
}

#[tokio::test(start_paused = true)]
async fn decision_on_a_member_of_a_moving_group_is_answered_with_the_groups_command() {
    let (world, group) = waiting().await;
    let (id, member) = (group["id"].as_str().unwrap(), &group["functions"][0]["deployment"]);
    let approve = json!({"command": "approve", "environment": "prod", "deployment": id, "requested_by": "bob"});
    let moving = world.command(approve).await;
    assert_eq!(moving["phase"], json!("moving"), "{moving}");
    let before = world.snapshot();
    for verb in ["approve", "decline"] {
        for named in [json!({}), json!({ "deployment": member })] {
            let (error, because) = world.command_error(with(decide(verb, "carl", "x"), &named)).await;
            let words = format!(
                "promotion {} of orders belongs to group {id} (orders and workers), which is decided about as a whole: \
                 deployctl {verb} -e prod --deployment {id}",
                member.as_str().unwrap()
            );
            assert_eq!((error.as_str(), because), ("InvalidCommand", words));
            assert_eq!(world.snapshot(), before);
        }
    }
    let ended = until_ended(&world, "g").await;
    assert_eq!((&ended["status"], statuses(&ended)), (&json!("succeeded"), vec!["succeeded", "succeeded"]), "{ended}");
}
