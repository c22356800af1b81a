//! The answer to an approval or a decline says what it did, also where only an id names the promotion.

use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::orders::deploy_all;
use world::zips::code;
use world::{Op, World};

use super::groups::until_ended;
use super::waiting_groups::waiting;
use super::{by_hand, promote, with};

/// A decision of a person on the promotion or the group of this id.
fn decide(verb: &str, by: &str, deployment: &Value) -> Value {
    json!({"command": verb, "environment": "prod", "deployment": deployment, "requested_by": by, "id": format!("{verb}-{by}")})
}

fn of_orders(command: Value) -> Value {
    with(command, &json!({"function": "orders"}))
}

/// Returns the id of a promotion of a new release that waits for its approvals.
async fn ask_for(world: &World, release: &str) -> Value {
    deploy_all(world, &[release]).await;
    let asked = world.command(with(promote(), &json!({ "id": release }))).await;
    assert_eq!(asked["status"], json!("pending"), "{asked}");
    asked["id"].clone()
}

/// Sends a command that changes nothing, and checks what its answer says.
async fn assert_only_answered(world: &World, command: Value, (id, status, decision): (&Value, &str, &str)) {
    let before = world.snapshot();
    let answer = world.command(command.clone()).await;
    assert_eq!((&answer["id"], &answer["status"]), (id, &json!(status)), "{command}: {answer}");
    assert_eq!(answer["decision"], json!(decision), "{command}: {answer}");
    assert_eq!(world.snapshot(), before, "{command}");
}

#[tokio::test(start_paused = true)]
async fn answer_to_an_approval_says_whether_it_was_recorded() {
    let world = by_hand(&json!({"approval": {"required": 2}}));
    let id = ask_for(&world, "1.1.0").await;
    let first = world.command(of_orders(decide("approve", "bob", &id))).await;
    assert_eq!((&first["decision"], &first["status"]), (&json!("recorded"), &json!("pending")), "{first}");
    let again = world.command(of_orders(with(decide("approve", "bob", &id), &json!({"id": "anew"})))).await;
    assert_eq!(again["decision"], json!("already_given"), "{again}");
    let last = world.command(of_orders(decide("approve", "carl", &id))).await;
    assert_eq!((&last["decision"], &last["status"]), (&json!("recorded"), &json!("succeeded")), "{last}");
    let recorded = world.newest_in("prod").await;
    assert_eq!(serde_json::to_value(&recorded).unwrap().get("decision"), None, "no record keeps it");
    let late = [("bob", "already_given"), ("carl", "already_given"), ("dora", "too_late"), ("ann", "too_late")];
    for (by, decision) in late {
        let command = with(decide("approve", by, &id), &json!({"id": format!("late-{by}")}));
        assert_only_answered(&world, of_orders(command.clone()), (&id, "succeeded", decision)).await;
        assert_only_answered(&world, command, (&id, "succeeded", decision)).await;
    }
    assert_only_answered(&world, of_orders(decide("decline", "bob", &id)), (&id, "succeeded", "too_late")).await;
}

#[tokio::test(start_paused = true)]
async fn answer_to_a_decline_names_the_same_person_and_no_other() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    let id = ask_for(&world, "1.1.0").await;
    let smith = with(decide("decline", "bob smith", &id), &json!({"reason": "not today"}));
    let declined = world.command(smith.clone()).await;
    assert_eq!((&declined["decision"], &declined["status"]), (&json!("recorded"), &json!("refused")), "{declined}");
    assert_eq!(declined["promotion"]["declined_by"], json!("bob smith"));
    assert_only_answered(&world, smith.clone(), (&id, "refused", "already_given")).await;
    assert_only_answered(&world, with(smith, &json!({"id": "anew"})), (&id, "refused", "already_given")).await;
    for by in ["bob", "bob smith:"] {
        assert_only_answered(&world, decide("decline", by, &id), (&id, "refused", "too_late")).await;
    }
    assert_only_answered(&world, decide("approve", "bob", &id), (&id, "refused", "too_late")).await;
}

/// The answer to the first approval is lost. By the time it comes again, another promotion waits there alone.
#[tokio::test(start_paused = true)]
async fn approval_by_the_id_alone_is_about_that_promotion_however_it_ended() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    let first = ask_for(&world, "1.1.0").await;
    let approve = decide("approve", "bob", &first);
    let done = world.command(approve.clone()).await;
    assert_eq!((&done["id"], &done["decision"]), (&first, &json!("recorded")), "{done}");
    for number in 0..60 {
        let redeploy =
            json!({"command": "redeploy", "environment": "prod", "function": "orders", "id": format!("r{number}")});
        world.command(redeploy).await;
    }
    let second = ask_for(&world, "1.2.0").await;
    let look = with(approve.clone(), &json!({"only_if_known": true}));
    for command in [approve, look] {
        assert_only_answered(&world, command, (&first, "succeeded", "already_given")).await;
    }
    let used = with(decide("approve", "bob", &second), &json!({"id": "approve-bob"}));
    for command in [used.clone(), with(used, &json!({"only_if_known": true}))] {
        let (error, because) = world.command_error(command).await;
        assert_eq!(error, "InvalidCommand");
        assert!(because.contains("another command's before (an approval"), "{because}");
    }
    assert_eq!(world.served_releases()[2], "1.1.0");
}

#[tokio::test(start_paused = true)]
async fn id_that_nothing_has_is_wrong_for_a_decision() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    ask_for(&world, "1.1.0").await;
    for unknown in ["01JD3Z9V7Q0000000000000000", "0000000000F0M57FDAT7ZC1HD8"] {
        for verb in ["approve", "decline"] {
            let (error, because) = world.command_error(decide(verb, "bob", &json!(unknown))).await;
            assert_eq!(error, "InvalidCommand");
            let words = format!("no promotion and no group {unknown} is known in prod: ");
            assert!(because.starts_with(&words), "{because}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn decision_under_the_id_of_a_deployment_is_refused() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    let id = ask_for(&world, "1.1.0").await;
    for verb in ["approve", "decline"] {
        let command = with(decide(verb, "bob", &id), &json!({ "id": id }));
        for command in [command.clone(), of_orders(command)] {
            let (error, because) = world.command_error(command).await;
            assert_eq!(error, "InvalidCommand", "{because}");
            assert!(because.contains("is the id of a deployment of orders"), "{because}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn decision_on_a_member_means_its_group_until_that_has_ended() {
    let (world, group) = waiting().await;
    let (id, member) = (&group["id"], &group["functions"][0]["deployment"]);
    let refused = async |command: Value| {
        let (error, because) = world.command_error(command.clone()).await;
        let whole =
            format!("decided about as a whole: deployctl approve -e prod --deployment {}", id.as_str().unwrap());
        assert!(error == "InvalidCommand" && because.ends_with(&whole), "{command}: {because}");
    };
    refused(decide("approve", "bob", member)).await;
    let approved = world.command(decide("approve", "bob", id)).await;
    assert_eq!((&approved["decision"], &approved["phase"]), (&json!("recorded"), &json!("moving")), "{approved}");
    // The member has the group's approval, under the same id.
    let look = with(decide("approve", "bob", member), &json!({"only_if_known": true}));
    for command in [look.clone(), of_orders(look)] {
        refused(command).await;
    }
    let again = world.command(decide("approve", "bob", id)).await;
    assert_eq!(again["decision"], json!("already_given"), "{again}");
    let late = world.command(decide("approve", "carl", id)).await;
    assert_eq!(late["decision"], json!("too_late"), "{late}");
    assert_eq!(until_ended(&world, "g").await["status"], json!("succeeded"));
    for (by, decision) in [("bob", "already_given"), ("carl", "too_late")] {
        for about in [id, member] {
            assert_only_answered(&world, decide("approve", by, about), (about, "succeeded", decision)).await;
        }
        assert_only_answered(&world, of_orders(decide("approve", by, member)), (member, "succeeded", decision)).await;
    }
    let look = with(decide("approve", "bob", member), &json!({"only_if_known": true}));
    assert_only_answered(&world, look, (member, "succeeded", "already_given")).await;
}

#[tokio::test(start_paused = true)]
async fn decline_of_a_group_is_known_by_its_person() {
    let (world, group) = waiting().await;
    let (id, member) = (&group["id"], &group["functions"][0]["deployment"]);
    let declined = world.command(decide("decline", "bob", id)).await;
    assert_eq!((&declined["decision"], &declined["declined_by"]), (&json!("recorded"), &json!("bob")), "{declined}");
    for (by, decision) in [("bob", "already_given"), ("carl", "too_late")] {
        for about in [id, member] {
            let command = with(decide("decline", by, about), &json!({"id": "anew"}));
            assert_only_answered(&world, command, (about, "refused", decision)).await;
        }
    }
}

/// Its record is not written yet.
#[tokio::test(start_paused = true)]
async fn late_word_on_a_member_that_has_begun_is_answered_from_the_head() {
    let (world, group) = waiting().await;
    let (id, member) = (&group["id"], &group["functions"][0]["deployment"]);
    world.command(decide("approve", "bob", id)).await;
    world.on(Op::WriteLedger).about("deployments/prod/orders").always().fail(CallErrorKind::Denied);
    world.tick().await;
    let answer = world.command(of_orders(decide("approve", "carl", member))).await;
    let told = (&answer["id"], &answer["status"], &answer["decision"]);
    assert_eq!(told, (member, &json!("succeeded"), &json!("too_late")), "{answer}");
    world.heal();
    assert_eq!(until_ended(&world, "g").await["status"], json!("succeeded"));
}

#[tokio::test(start_paused = true)]
async fn approval_by_the_id_of_another_functions_promotion_names_the_owner() {
    let world = by_hand(&json!({"approval": {"required": 2}}));
    world.record("dev/bills/1.zip", code("1")).await;
    let id = ask_for(&world, "1.1.0").await;
    let bills = with(decide("approve", "bob", &id), &json!({"function": "bills"}));
    let (kind, because) = world.command_error(bills).await;
    assert_eq!(kind, "InvalidCommand", "{because}");
    let id = id.as_str().unwrap();
    assert!(because.contains(&format!("{id} is a deployment of orders in prod, not of bills")), "{because}");
}
