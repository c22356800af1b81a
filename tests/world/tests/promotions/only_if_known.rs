//! `only_if_known`: what became of the command of an id, without a change.

use serde_json::{Value, json};
use world::World;
use world::orders::deploy_all;

use super::groups::{together, two_releases, until_ended};
use super::{by_hand, promote, with};

/// Returns the command as a look at what became of it.
fn look(command: &Value) -> Value {
    with(command.clone(), &json!({"only_if_known": true}))
}

fn in_dev(command: &str, more: &Value) -> Value {
    with(json!({"command": command, "environment": "dev", "function": "orders", "requested_by": "ann"}), more)
}

fn approve(more: &Value) -> Value {
    with(json!({"command": "approve", "environment": "prod", "requested_by": "bob", "id": "a1"}), more)
}

fn recall() -> Value {
    json!({"command": "recall", "function": "orders", "release": "1.2.0", "reason": "leaks", "requested_by": "bob", "id": "r1"})
}

/// Looks at a command, and checks that this writes nothing.
async fn looked(world: &World, command: &Value) -> Value {
    let before = world.snapshot();
    let answer = world.command(look(command)).await;
    assert_eq!(world.snapshot(), before, "a look changes nothing: {command}");
    answer
}

#[tokio::test(start_paused = true)]
async fn look_at_an_unknown_id_is_answered_with_null_and_does_nothing() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    two_releases(&world).await;
    let unknown = [
        in_dev("deploy", &json!({"release": "1.1.0", "id": "d1"})),
        in_dev("redeploy", &json!({"id": "d2"})),
        in_dev("rollback", &json!({"id": "d3"})),
        with(promote(), &json!({"id": "p1"})),
        with(promote(), &json!({"id": "p2", "function": "o*"})),
        together("g"),
        approve(&json!({"function": "orders"})),
        approve(&json!({"deployment": "01JD3Z9V7Q0000000000000000"})),
        with(recall(), &json!({"release": "1.1.0"})),
    ];
    for command in unknown {
        assert_eq!(looked(&world, &command).await, Value::Null, "{command}");
    }
}

#[tokio::test(start_paused = true)]
async fn look_at_an_ended_deployment_is_answered_with_its_record() {
    let world = by_hand(&json!({}));
    two_releases(&world).await;
    deploy_all(&world, &["1.2.0"]).await;
    for command in [
        in_dev("rollback", &json!({"id": "d1"})),
        in_dev("redeploy", &json!({"id": "d2"})),
        in_dev("deploy", &json!({"release": "1.2.0", "id": "d3"})),
        with(promote(), &json!({"id": "p1"})),
        with(promote(), &json!({"id": "p2", "function": "w*"})),
    ] {
        let mut answer = world.command(command.clone()).await;
        if answer["deployments"][0]["status"] == json!("pending") {
            world.sweep_minutes(1).await;
            answer = world.command(command.clone()).await;
        }
        assert_eq!(looked(&world, &command).await, answer, "{command}");
    }
    let other = in_dev("deploy", &json!({"release": "1.2.0", "id": "d1"}));
    let (error, because) = world.command_error(look(&other)).await;
    assert_eq!(error, "InvalidCommand");
    assert!(because.starts_with("id \"d1\" was another command's before (a rollback of release 1.1.0"), "{because}");
}

#[tokio::test(start_paused = true)]
async fn look_finds_a_rollback_behind_more_records_than_history_has() {
    let world = by_hand(&json!({}));
    deploy_all(&world, &["1.1.0", "1.2.0"]).await;
    let command = in_dev("rollback", &json!({"id": "d1"}));
    let answer = world.command(command.clone()).await;
    for number in 0..60 {
        world.command(in_dev("redeploy", &json!({"id": format!("more-{number}")}))).await;
    }
    assert_eq!(looked(&world, &command).await, answer);
}

#[tokio::test(start_paused = true)]
async fn look_at_what_waits_and_what_was_approved_tells_how_far_it_is() {
    let world = by_hand(&json!({"approval": {"required": 2}}));
    two_releases(&world).await;
    let one = with(promote(), &json!({"id": "p1"}));
    let asked = world.command(one.clone()).await;
    assert_eq!(looked(&world, &one).await, asked);
    let named = approve(&json!({"function": "orders"}));
    let approved = world.command(named.clone()).await;
    assert_eq!((&approved["id"], &approved["status"]), (&asked["id"], &json!("pending")), "{approved}");
    let given = |answer: Value| with(answer, &json!({"decision": "already_given"}));
    assert_eq!(looked(&world, &named).await, given(approved.clone()));
    let by_id = approve(&json!({"function": "orders", "deployment": asked["id"]}));
    assert_eq!(looked(&world, &by_id).await, given(approved));
    let ended = world.command(approve(&json!({"function": "orders", "id": "a2", "requested_by": "cy"}))).await;
    assert_eq!(ended["status"], json!("succeeded"), "{ended}");
    for command in [&named, &by_id] {
        assert_eq!(looked(&world, command).await, given(ended.clone()));
    }
}

#[tokio::test(start_paused = true)]
async fn look_at_a_group_tells_what_became_of_it_and_of_its_approval() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    two_releases(&world).await;
    world.command(together("g")).await;
    let asked = world.command(together("g")).await;
    assert_eq!(looked(&world, &together("g")).await, asked);
    let approval = approve(&json!({"deployment": asked["id"]}));
    assert_eq!(looked(&world, &approval).await, Value::Null);
    world.command(approval.clone()).await;
    let ended = until_ended(&world, "g").await;
    assert_eq!(ended["status"], json!("succeeded"));
    assert_eq!(looked(&world, &together("g")).await, ended);
    assert_eq!(looked(&world, &approval).await, with(ended, &json!({"decision": "already_given"})));
    let other = with(together("g"), &json!({"functions": ["orders"]}));
    let (_, because) = world.command_error(look(&other)).await;
    assert!(because.starts_with("id \"g\" was another group's before"), "{because}");
}

#[tokio::test(start_paused = true)]
async fn look_at_a_recall_names_each_rollback_and_what_is_not_begun() {
    let world = by_hand(&json!({}));
    deploy_all(&world, &["1.1.0", "1.2.0"]).await;
    let recalled = world.command(recall()).await;
    assert_eq!(recalled["environments"].as_array().unwrap().len(), 1, "{recalled:#}");
    assert_eq!(looked(&world, &recall()).await, recalled);
    // The rollback was never begun: the head is as it was before, and the reject stands.
    let world = by_hand(&json!({}));
    deploy_all(&world, &["1.1.0", "1.2.0"]).await;
    let head = world.aws(|aws| aws.ledger.get("heads/dev/orders.json").unwrap().to_vec());
    world.command(recall()).await;
    world.aws(|aws| aws.ledger.put("heads/dev/orders.json", head));
    let looked = looked(&world, &recall()).await;
    let one = &looked["environments"][0];
    assert_eq!((&one["left"], &one["deployment"]), (&json!("1.2.0"), &Value::Null), "{looked:#}");
    assert_eq!(one["because"], json!("it is not begun yet: the same recall again begins it"));
}

#[tokio::test(start_paused = true)]
async fn look_without_an_id_or_at_a_command_that_only_marks_is_refused() {
    let world = by_hand(&json!({}));
    for (command, mistake) in [
        (in_dev("rollback", &json!({})), "command rollback: only_if_known needs id: "),
        (in_dev("hold", &json!({"reason": "x", "id": "h"})), "command hold: only_if_known is for deploy, "),
        (
            with(in_dev("rollback", &json!({"id": "x"})), &json!({"only_if_known": "yes"})),
            "command rollback: only_if_known must be",
        ),
    ] {
        let command = if command["only_if_known"].is_null() { look(&command) } else { command };
        let (error, because) = world.command_error(command).await;
        assert_eq!(error, "InvalidCommand");
        assert!(because.starts_with(mistake), "{because}");
    }
}
