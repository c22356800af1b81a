//! A rollback ends the groups that wait and have its function: only once it was accepted, and it names those that it has
//! ended.

use std::time::Duration;

use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::{Op, Trigger, World};

use super::groups::{together, two_releases, until_ended};
use super::waiting_groups::with_a_way_back;
use super::{by_hand, with};

/// Returns a world in which the group `g` waits for an approval, and prod can go back. The group has its place in the queue of
/// `orders`, and not in that of `workers`, where it is approved already.
async fn waiting(is_approved: bool) -> (World, Value) {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    two_releases(&world).await;
    with_a_way_back(&world).await;
    let group = world.command(together("g")).await;
    if is_approved {
        world.on(Op::WriteLedger).about("heads/prod/workers").always().fail(CallErrorKind::Denied);
        let approve = json!({"command": "approve", "environment": "prod", "deployment": group["id"],
            "requested_by": "bob", "id": "a"});
        world.invocation().run(&Trigger::Command(approve)).await;
        world.heal();
        assert_eq!(world.head("prod", "orders")["waiting"].as_array().unwrap().len(), 1);
    }
    world.pass(Duration::from_secs(2)).await;
    (world, group)
}

fn rollback(more: &Value) -> Value {
    let rollback = json!({"command": "rollback", "environment": "prod", "function": "orders", "requested_by": "bob",
        "id": "r1"});
    with(rollback, more)
}

fn named(answer: &Value) -> Vec<&Value> {
    answer["ended_waiting"].as_array().into_iter().flatten().map(|ended| &ended["deployment"]).collect()
}

#[tokio::test(start_paused = true)]
async fn rollback_names_no_group_that_was_declined_before_it_was_accepted() {
    let (world, group) = waiting(false).await;
    let open = format!("groups/open/prod/{}.json", group["id"].as_str().unwrap());
    let at = world.now();
    world.on(Op::WriteLedger).about("heads/prod/orders.json").meanwhile(move |aws| {
        let mut group: Value = serde_json::from_slice(aws.ledger.get(&open).unwrap()).unwrap();
        let declined = json!({"phase": "ended", "status": "refused", "code": "NotPromotable", "finished_at": at,
            "because": "declined by carl; nothing was moved", "declined_by": "carl"});
        group = with(group, &declined);
        aws.ledger.put(&open, serde_json::to_vec(&group).unwrap());
    });
    let answer = world.command(rollback(&json!({}))).await;
    assert_eq!((&answer["status"], named(&answer)), (&json!("succeeded"), vec![]), "{answer:#}");
    let ended = until_ended(&world, "g").await;
    assert_eq!((&ended["status"], &ended["declined_by"]), (&json!("refused"), &json!("carl")), "{ended}");
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn rollback_names_the_member_of_a_group_that_it_could_not_end() {
    let (world, group) = waiting(true).await;
    let id = group["id"].as_str().unwrap();
    world.on(Op::WriteLedger).about("groups/open").always().fail(CallErrorKind::Denied);
    let answer = world.command(rollback(&json!({}))).await;
    world.heal();
    let member = &group["functions"][0]["deployment"];
    assert_eq!((&answer["status"], named(&answer)), (&json!("succeeded"), vec![member]), "{answer:#}");
    let left = format!("group {id} could not be ended in time: the next sweep does it");
    assert_eq!(answer["because"], json!(left), "{answer:#}");
    world.sweep_minutes(1).await;
    // The group ends as it does where it holds no places.
    let ended = world.command(together("g")).await;
    assert_eq!((&ended["status"], &ended["code"]), (&json!("superseded"), &json!("Superseded")), "{ended}");
    assert_eq!(world.command(rollback(&json!({}))).await, answer, "the record stays as it is");
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn rollback_names_the_group_and_not_the_member_that_it_has_ended_with_it() {
    let (world, group) = waiting(true).await;
    let answer = world.command(rollback(&json!({}))).await;
    assert_eq!((&answer["status"], named(&answer)), (&json!("succeeded"), vec![&group["id"]]), "{answer:#}");
    assert_eq!(answer["because"], Value::Null, "{answer:#}");
    let ended = world.command(together("g")).await;
    assert_eq!(ended["status"], json!("superseded"), "{ended}");
    let because = ended["because"].as_str().unwrap();
    assert!(because.starts_with("orders: rollback ") && because.contains(" has ended what waited"), "{because}");
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn rollback_waits_a_second_for_groups_and_says_that_the_sweep_ends_them() {
    let (world, _) = waiting(false).await;
    let began = world.elapsed();
    world.latency(|call| Duration::from_secs(if call.what.starts_with("groups/") { 20 } else { 0 }));
    let answer = world.command(rollback(&json!({}))).await;
    assert!(world.elapsed() - began < Duration::from_secs(3), "{}", world.render());
    world.latency(|_| Duration::ZERO);
    let left =
        "the groups that wait here could not be read in time: the next sweep ends those that orders is a member of";
    assert_eq!((&answer["status"], &answer["because"]), (&json!("succeeded"), &json!(left)), "{answer:#}");
    assert_eq!(named(&answer), Vec::<&Value>::new());
    world.sweep_minutes(1).await;
    assert_eq!(world.command(together("g")).await["status"], json!("superseded"));
}

/// The rollback waits behind a deployment that it stops.
#[tokio::test(start_paused = true)]
async fn rollback_that_is_next_names_the_group_that_it_has_ended() {
    let (world, group) = waiting(false).await;
    world.aws(|aws| aws.at(world::promotions::PROD).settling.time = Duration::from_secs(10));
    let redeploy =
        json!({"command": "rollback", "environment": "prod", "function": "orders", "to": "1.1.0", "id": "r0"});
    let later = async {
        world.pass(Duration::from_millis(500)).await;
        world.command(rollback(&json!({"to": "1.2.0"}))).await
    };
    let (first, _) = tokio::join!(world.command(redeploy), later);
    world.sweep_minutes(1).await;
    let second = world.command(rollback(&json!({"to": "1.2.0"}))).await;
    let both = [named(&first), named(&second)].concat();
    assert_eq!(both, [&group["id"]], "{first:#} {second:#}");
}
