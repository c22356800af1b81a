//! Commands under an id that is used already: by a command of another kind, or as the id of a deployment or a group.

use std::time::Duration;

use deployer_core::id::Sha256;
use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::orders::deploy_all;
use world::promotions::PROD;
use world::zips::code;
use world::{DEV, Op, World};

use super::groups::{in_prod, statuses, together, two_releases, until_ended};
use super::waiting_groups::waiting;
use super::{by_hand, promote, with};

fn in_env(environment: &str, command: &str, more: &Value) -> Value {
    let command = json!({"command": command, "environment": environment, "function": "orders", "requested_by": "bob"});
    with(command, more)
}

/// Returns the commands that take an id and need nothing that rolls out or waits, about `orders` in `dev`, with this id.
/// `decision_effects` has approvals and declines.
fn commands(id: &str) -> Vec<(&'static str, Value)> {
    let about = |command: &str, more: &Value| {
        with(json!({"command": command, "function": "orders", "release": "1.1.0", "id": id, "reason": "bad"}), more)
    };
    let dev = |command: &str, more: &Value| in_env("dev", command, &with(json!({ "id": id }), more));
    vec![
        ("deploy", dev("deploy", &json!({"release": "1.1.0"}))),
        ("redeploy", dev("redeploy", &json!({}))),
        ("rollback", dev("rollback", &json!({}))),
        ("hold", dev("hold", &json!({"reason": "audit"}))),
        ("release-hold", dev("release-hold", &json!({}))),
        ("reject", about("reject", &json!({}))),
        ("unreject", json!({"command": "unreject", "function": "orders", "release": "1.1.0", "id": id})),
        ("recall", about("recall", &json!({}))),
    ]
}

async fn refused(world: &World, command: &Value) -> (String, String) {
    let before = world.snapshot();
    let refused = world.command_error(command.clone()).await;
    assert_eq!(world.snapshot(), before, "nothing is carried out: {command}");
    refused
}

async fn assert_used(world: &World, command: &Value, by: &str) {
    let (error, because) = refused(world, command).await;
    assert_eq!(error, "InvalidCommand", "{command}: {because}");
    assert!(because.contains("was another command's before") && because.contains(by), "{command}: {because}");
}

#[tokio::test(start_paused = true)]
async fn id_of_a_deployment_is_refused_for_every_command() {
    let world = by_hand(&json!({}));
    two_releases(&world).await;
    deploy_all(&world, &["1.2.0", "1.3.0"]).await;
    let rolled_back = world.command_record(in_env("dev", "rollback", &json!({"id": "r1"}))).await;
    let promoted = world.command_record(with(promote(), &json!({"id": "p1"}))).await;
    world.command(in_env("dev", "hold", &json!({"id": "h", "reason": "audit"}))).await;
    world
        .command(json!({"command": "reject", "function": "orders", "release": "1.1.0", "reason": "bad", "id": "j"}))
        .await;
    let id = rolled_back.id.to_string();
    let mut all = commands(&id);
    all.push(("promote", with(promote(), &json!({"id": promoted.id}))));
    all.push(("promote a group", together(&promoted.id.to_string())));
    for (name, command) in all {
        let (error, because) = refused(&world, &command).await;
        assert_eq!(error, "InvalidCommand", "{name}: {because}");
        let environment = if name.starts_with("promote") { "prod" } else { "dev" };
        assert!(because.contains("is the id of a deployment of orders"), "{name}: {because}");
        assert!(because.contains(&format!("deployctl history -e {environment} -f orders")), "{name}: {because}");
        if matches!(name, "deploy" | "redeploy" | "rollback" | "promote" | "promote a group") {
            let (error, _) = refused(&world, &with(command, &json!({"only_if_known": true}))).await;
            assert_eq!(error, "InvalidCommand", "{name}: a look says so as well");
        }
    }
    // The id of a deployment elsewhere is an id like any other.
    let elsewhere = world.command_record(with(promote(), &json!({ "id": id }))).await;
    assert_eq!(elsewhere.status.to_string(), "unchanged");
    let again = world.command_record(in_env("dev", "rollback", &json!({"id": "r1"}))).await;
    assert_eq!(again, rolled_back, "the id that the command was sent with repeats it");
}

#[tokio::test(start_paused = true)]
async fn id_of_another_kind_of_command_is_refused() {
    let world = by_hand(&json!({"approval": {"required": 2}}));
    two_releases(&world).await;
    deploy_all(&world, &["1.2.0"]).await;
    world.command(in_env("dev", "rollback", &json!({"id": "r"}))).await;
    world.command(in_env("prod", "hold", &json!({"id": "h", "reason": "audit"}))).await;
    world.command(in_env("prod", "release-hold", &json!({"id": "h2"}))).await;
    let asked = world.command(with(promote(), &json!({"id": "p"}))).await;
    let approve = |id: &str| in_env("prod", "approve", &json!({"id": id, "deployment": asked["id"]}));
    let decline = |id: &str| in_env("prod", "decline", &json!({"id": id, "deployment": asked["id"]}));
    assert_eq!(world.command(approve("a")).await["status"], json!("pending"));
    let in_prod_with = |command: &str, id: &str| in_env("prod", command, &json!({"id": id, "reason": "audit"}));
    let rollback_in_prod = |id: &str| in_env("prod", "rollback", &json!({ "id": id }));
    let recall = |id: &str| json!({"command": "recall", "function": "orders", "release": "1.1.0", "id": id});
    for (command, by) in [
        (approve("p"), "a promotion"),
        (decline("p"), "a promotion"),
        (rollback_in_prod("p"), "a promotion"),
        (in_prod_with("hold", "p"), "a promotion"),
        (recall("p"), "a promotion"),
        (together("p"), "a promotion"),
        (with(promote(), &json!({"id": "h"})), "a hold"),
        (approve("h2"), "the release of a hold"),
        (rollback_in_prod("a"), "an approval"),
        (with(promote(), &json!({"id": "a"})), "an approval"),
        (decline("a"), "an approval"),
        (in_prod_with("hold", "a"), "an approval"),
        (recall("r"), "a deploy, redeploy or rollback"),
        (in_env("dev", "hold", &json!({"id": "r", "reason": "audit"})), "a deploy, redeploy or rollback"),
        (
            json!({"command": "reject", "function": "orders", "release": "1.1.0", "reason": "bad", "id": "r"}),
            "a deploy",
        ),
    ] {
        assert_used(&world, &command, by).await;
    }
    assert_eq!(world.command(approve("a")).await["status"], json!("pending"), "the same approval is no other command");
    let id = asked["id"].as_str().unwrap();
    for command in [approve(id), decline(id)] {
        let (error, because) = refused(&world, &command).await;
        assert!(error == "InvalidCommand" && because.contains("is the id of a deployment of orders"), "{because}");
    }
    world.command(recall("rec")).await;
    assert_used(&world, &in_env("dev", "rollback", &json!({"id": "rec"})), "a recall").await;
    // A head elsewhere does not know the id.
    assert_eq!(world.command(in_env("stage", "redeploy", &json!({"id": "r"}))).await["status"], json!("refused"));
}

/// The head knows nothing of the members of a group that waits for its approval.
#[tokio::test(start_paused = true)]
async fn promotion_under_the_id_of_a_waiting_group_is_refused_and_the_group_goes_on() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    two_releases(&world).await;
    let asked = world.command(together("g")).await;
    assert_eq!(asked["status"], json!("pending"), "{asked}");
    world.pass(Duration::from_secs(2)).await;
    let one = with(promote(), &json!({"id": "g"}));
    let (error, because) = refused(&world, &one).await;
    assert_eq!(error, "InvalidCommand");
    assert!(because.starts_with("id \"g\" was another command's before (the promotion of group 0"), "{because}");
    let approve =
        json!({"command": "approve", "environment": "prod", "deployment": asked["id"], "requested_by": "bob"});
    assert_used(&world, &with(approve.clone(), &json!({"id": "g"})), "the promotion of group 0").await;
    let id = json!({"id": asked["id"]});
    for command in [with(promote(), &id), with(approve.clone(), &id), with(together("x"), &id)] {
        let (error, because) = refused(&world, &command).await;
        assert!(error == "InvalidCommand" && because.contains("is the id of a group"), "{command}: {because}");
    }
    world.command(with(approve, &json!({"id": "a"}))).await;
    let ended = until_ended(&world, "g").await;
    assert_eq!((&ended["status"], statuses(&ended)), (&json!("succeeded"), vec!["succeeded", "succeeded"]), "{ended}");
    let moved = in_prod(&world);
    assert_used(&world, &one, "the promotion of group 0").await;
    assert_eq!(in_prod(&world), moved);
}

/// Returns a world in which the group `g` and a promotion of `orders` under the same id wait for approvals, and the answers
/// to both. They were sent at once: neither has seen the other before it was accepted.
async fn group_and_promotion_of_one_id() -> (World, Value, Value) {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    two_releases(&world).await;
    let asked = world.command(together("g")).await;
    let group = format!("groups/open/prod/{}.json", asked["id"].as_str().unwrap());
    let hidden = world.aws(|aws| aws.ledger.get(&group).unwrap().to_vec());
    world.aws(|aws| aws.ledger.delete(&group));
    world.pass(Duration::from_secs(2)).await;
    let one = world.command(with(promote(), &json!({"id": "g"}))).await;
    assert_eq!(one["status"], json!("pending"), "{one}");
    world.aws(|aws| aws.ledger.put(&group, hidden));
    (world, asked, one)
}

fn approve_group(group: &Value) -> Value {
    json!({"command": "approve", "environment": "prod", "deployment": group["id"], "requested_by": "bob", "id": "a"})
}

#[tokio::test(start_paused = true)]
async fn group_whose_id_a_promotion_that_has_ended_had_ends_with_that_reason() {
    let (world, asked, one) = group_and_promotion_of_one_id().await;
    world.command(in_env("prod", "approve", &json!({"id": "b", "deployment": one["id"]}))).await;
    world.sweep_minutes(1).await;
    assert_eq!(world.served_releases()[2], "1.1.0");
    world.command(approve_group(&asked)).await;
    let ended = until_ended(&world, "g").await;
    assert_eq!(ended["status"], json!("refused"), "{ended:#}");
    let because = ended["because"].as_str().unwrap();
    assert!(because.starts_with("orders: id \"g\" was another command's before (a promotion at "), "{because}");
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn group_is_not_opened_while_a_head_that_may_know_its_id_is_unreadable() {
    let world = by_hand(&json!({}));
    two_releases(&world).await;
    world.on(Op::ReadLedger).about("heads/prod/workers").always().fail(CallErrorKind::Unknown);
    let (error, because) = world.command_error(together("g")).await;
    assert_eq!(error, "LedgerUnavailable", "{because}");
    assert_eq!(world.aws(|aws| aws.ledger.keys("groups/").count()), 0);
    world.heal();
    let ended = until_ended(&world, "g").await;
    assert_eq!(ended["status"], json!("succeeded"), "{ended:#}");
}

#[tokio::test(start_paused = true)]
async fn group_whose_members_place_has_another_promotion_of_its_id_ends() {
    let (world, asked, one) = group_and_promotion_of_one_id().await;
    world.command(approve_group(&asked)).await;
    let ended = until_ended(&world, "g").await;
    assert_eq!(ended["status"], json!("refused"), "{ended:#}");
    let because = ended["because"].as_str().unwrap();
    assert!(because.starts_with("orders: id \"g\" was another command's before (a promotion at "), "{because}");
    assert!(because.contains(&format!(", deployment {})", one["id"].as_str().unwrap())), "{because}");
    world.command(in_env("prod", "approve", &json!({"id": "b", "deployment": one["id"]}))).await;
    world.sweep_minutes(2).await;
    assert_eq!(world.served_releases()[2], "1.1.0", "the other promotion goes on");
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn ids_of_a_group_are_free_for_a_function_that_is_not_in_it() {
    let (world, group) = waiting().await;
    for account in [DEV, PROD] {
        world.add_function(account, "bills", &code("1.0.0"), |f| f.publish().point("live", 1));
    }
    world.record("dev/bills/3.zip", code("3")).await;
    for id in [&json!("g"), &group["id"]] {
        let bills = with(promote(), &json!({"function": "bills", "id": id}));
        let look = with(bills.clone(), &json!({"only_if_known": true}));
        assert_eq!(world.command(look.clone()).await, Value::Null, "{id}");
        let asked = world.command(bills).await;
        assert_eq!(world.command(look).await["id"], asked["id"], "{id}");
        let orders = with(promote(), &json!({ "id": id }));
        let (_, because) = refused(&world, &orders).await;
        assert!(because.contains(group["id"].as_str().unwrap()), "{because}");
    }
}

#[tokio::test(start_paused = true)]
async fn pattern_under_an_id_that_one_function_has_used_promotes_nothing() {
    let world = by_hand(&json!({}));
    two_releases(&world).await;
    let each = |id: &str| with(promote(), &json!({"function": "*", "id": id}));
    world.command(in_env("prod", "rollback", &json!({"id": "run-7"}))).await;
    assert_used(&world, &each("run-7"), "a deploy, redeploy or rollback").await;
    let look = with(each("run-7"), &json!({"only_if_known": true}));
    assert_used(&world, &look, "a deploy, redeploy or rollback").await;
    world.command(each("all")).await;
    world.tick().await;
    assert_eq!(in_prod(&world), [code("1.1.0"), code("7")].map(|zip| Sha256::of(&zip)));
}

/// The function was not ready when the pattern was promoted, and another command about it has had the id since.
#[tokio::test(start_paused = true)]
async fn repeated_pattern_leaves_out_a_function_whose_id_another_command_has_had_since() {
    let world = by_hand(&json!({}));
    two_releases(&world).await;
    let workers = |command: &str, more: &Value| with(in_env("prod", command, more), &json!({"function": "workers"}));
    world.command(workers("hold", &json!({"id": "h", "reason": "audit"}))).await;
    let each = with(promote(), &json!({"function": "*", "id": "all"}));
    let first = world.command(each.clone()).await;
    assert_eq!(first["deployments"].as_array().unwrap().len(), 1, "{first:#}");
    world.tick().await;
    world.command(workers("release-hold", &json!({"id": "h2"}))).await;
    world.command(workers("rollback", &json!({"id": "all"}))).await;
    let before = in_prod(&world);
    let again = world.command(each.clone()).await;
    let [one] = &again["deployments"].as_array().unwrap()[..] else { panic!("{again:#}") };
    assert_eq!((&one["function"], &one["status"]), (&json!("orders"), &json!("succeeded")));
    let [left_out] = &again["not_ready"].as_array().unwrap()[..] else { panic!("{again:#}") };
    let because = left_out["because"].as_str().unwrap();
    assert!(left_out["function"] == "workers" && because.starts_with("id \"all\" was another command's"), "{because}");
    let look = world.command(with(each, &json!({"only_if_known": true}))).await;
    assert_eq!(look["deployments"], again["deployments"]);
    assert_eq!(in_prod(&world), before);
}

/// Another invocation accepts the promotion between the look at the head and the write that accepts the rollback.
#[tokio::test(start_paused = true)]
async fn rollback_under_the_id_of_a_promotion_of_the_same_moment_does_nothing() {
    let world = by_hand(&json!({}));
    two_releases(&world).await;
    let key = "heads/prod/orders.json";
    world.command(with(promote(), &json!({"id": "p"}))).await;
    world.tick().await;
    let after = world.aws(|aws| aws.ledger.get(key).unwrap().to_vec());
    world.aws(|aws| aws.ledger.delete(key));
    world.on(Op::WriteLedger).about("open/prod/orders/").meanwhile(move |aws| aws.ledger.put(key, after.clone()));
    let before = in_prod(&world);
    let (error, because) = world.command_error(in_env("prod", "rollback", &json!({"id": "p"}))).await;
    assert_eq!(error, "InvalidCommand", "{because}");
    assert!(because.starts_with("id \"p\" was another command's before (a promotion at "), "{because}");
    assert_eq!(in_prod(&world), before);
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn promotion_by_a_pattern_reads_the_group_of_its_id_once() {
    let world = by_hand(&json!({}));
    two_releases(&world).await;
    let before = world.calls_of(Op::ReadLedger).len();
    let all = world.command(with(promote(), &json!({"function": "*", "id": "all"}))).await;
    assert_eq!(all["deployments"].as_array().unwrap().len(), 2, "{all}");
    let read = world.calls_of(Op::ReadLedger).split_off(before);
    let groups: Vec<&str> =
        read.iter().map(|call| call.what.as_str()).filter(|key| key.starts_with("groups/")).collect();
    let [open, ended] = &groups[..] else { panic!("{groups:?}") };
    assert!(open.starts_with("groups/open/prod/") && ended.starts_with("groups/ended/prod/"), "{groups:?}");
}

/// Another invocation carries the same command out between the look for the group and the look at the heads.
#[tokio::test(start_paused = true)]
async fn promotion_of_a_group_that_ends_meanwhile_is_answered_with_the_group() {
    let world = by_hand(&json!({}));
    two_releases(&world).await;
    world.command(together("g")).await;
    let ended = until_ended(&world, "g").await;
    let group = format!("groups/ended/prod/{}.json", ended["id"].as_str().unwrap());
    let keys = ["heads/prod/orders.json".to_owned(), "heads/prod/workers.json".to_owned(), group];
    let objects = world.aws(|aws| keys.map(|key| (key.clone(), aws.ledger.get(&key).unwrap().to_vec())));
    world.aws(|aws| objects.iter().for_each(|(key, _)| aws.ledger.delete(key)));
    world.on(Op::ReadLedger).about("heads/prod/orders").meanwhile(move |aws| {
        objects.iter().for_each(|(key, body)| aws.ledger.put(key, body.clone()));
    });
    assert_eq!(world.command(together("g")).await, ended);
}
