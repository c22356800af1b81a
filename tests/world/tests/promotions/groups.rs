//! Groups: several functions that are promoted together.

use std::time::Duration;

use deployer_core::id::Sha256;
use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::orders::deploy_all;
use world::promotions::{PROD, served_code};
use world::zips::code;
use world::{CallPhase, DEV, Op, Outcome, Trigger, World};

use super::by_hand;

pub(super) async fn two_releases(world: &World) {
    deploy_all(world, &["1.1.0"]).await;
    world.record("dev/workers/7.zip", code("7")).await;
}

pub(super) fn together(id: &str) -> Value {
    json!({"command": "promote", "functions": ["orders", "workers"], "from": "dev", "to": "prod", "requested_by": "ann", "id": id})
}

/// Returns the code that both functions serve in prod.
pub(super) fn in_prod(world: &World) -> [Sha256; 2] {
    ["orders", "workers"].map(|function| served_code(world, PROD, function))
}

pub(super) fn statuses(group: &Value) -> Vec<&str> {
    group["functions"].as_array().unwrap().iter().map(|member| member["status"].as_str().unwrap_or("-")).collect()
}

pub(super) async fn until_ended(world: &World, id: &str) -> Value {
    until_ended_as(world, id, &["orders", "workers"]).await
}

async fn until_ended_as(world: &World, id: &str, functions: &[&str]) -> Value {
    let mut again = together(id);
    again["functions"] = json!(functions);
    for _ in 0..10 {
        world.sweep_minutes(1).await;
        let group = world.command(again.clone()).await;
        if !group["finished_at"].is_null() {
            return group;
        }
    }
    panic!("the group does not end:\n{}", world.render());
}

#[tokio::test(start_paused = true)]
async fn group_members_move_together() {
    let world = by_hand(&json!({}));
    two_releases(&world).await;
    let asked = world.command(together("g")).await;
    assert_eq!(asked["status"], json!("in_progress"), "{asked}");
    world.tick().await;
    let group = world.command(together("g")).await;
    assert_eq!((&group["status"], statuses(&group)), (&json!("succeeded"), vec!["succeeded", "succeeded"]), "{group}");
    assert_eq!(in_prod(&world), [code("1.1.0"), code("7")].map(|zip| Sha256::of(&zip)));
    let before = world.snapshot();
    assert_eq!(world.command(together("g")).await, group);
    assert_eq!(world.snapshot(), before, "the same id again changes nothing");
    let mut other = together("g");
    other["functions"] = json!(["orders"]);
    let (error, because) = world.command_error(other).await;
    assert_eq!(error, "InvalidCommand");
    assert!(because.starts_with("id \"g\" was another group's before"), "{because}");
    world.markers_are_cleared().await;
    assert_eq!(world.aws(|aws| aws.ledger.keys("groups/open/").count()), 0);
}

#[tokio::test(start_paused = true)]
async fn refusal_of_one_member_moves_none() {
    let world = by_hand(&json!({}));
    two_releases(&world).await;
    world.command(json!({"command": "reject", "function": "workers", "release": "7", "reason": "leaks"})).await;
    let before = in_prod(&world);
    let group = world.command(together("g")).await;
    assert_eq!((&group["status"], &group["code"]), (&json!("refused"), &json!("Rejected")));
    let because = group["because"].as_str().unwrap();
    assert!(
        because.starts_with("workers: release 7 was rejected") && because.ends_with("; nothing was moved"),
        "{because}"
    );
    world.sweep_minutes(2).await;
    assert_eq!(in_prod(&world), before);
    assert_eq!(world.sent_events().last().unwrap(), "Promotion Refused -/- - -");
}

#[tokio::test(start_paused = true)]
async fn drift_of_one_member_moves_none() {
    let world = by_hand(&json!({}));
    two_releases(&world).await;
    world.change_function("111111111111", "workers", |f| f.point("live", 1));
    let before = in_prod(&world);
    let group = world.command(together("g")).await;
    assert_eq!(group["status"], json!("refused"));
    assert!(group["because"].as_str().unwrap().contains("somebody has changed it by hand"), "{group}");
    assert_eq!(in_prod(&world), before);
}

#[tokio::test(start_paused = true)]
async fn failure_of_one_member_rolls_the_others_back() {
    let world = by_hand(&json!({}));
    two_releases(&world).await;
    world.command(together("first")).await;
    until_ended(&world, "first").await;
    deploy_all(&world, &["1.2.0"]).await;
    world.record("dev/workers/8.zip", code("8")).await;
    world.on(Op::UpdateFunctionCode).at(PROD).about("workers").fail(CallErrorKind::Invalid);
    world.command(together("g")).await;
    let group = until_ended(&world, "g").await;
    assert_eq!((&group["status"], statuses(&group)), (&json!("rolled_back"), vec!["rolled_back", "failed"]), "{group}");
    assert_eq!(group["because"], json!("workers did not get there, and the others went back"));
    assert!(group["functions"][0]["rollback"].is_string());
    assert_eq!(in_prod(&world), [code("1.1.0"), code("7")].map(|zip| Sha256::of(&zip)));
    assert!(
        world.sent_events().contains(&"Deployment Rolled Back prod/orders 1.1.0 succeeded".to_owned()),
        "{:?}",
        world.sent_events()
    );
    world.markers_are_cleared().await;
}

/// The head of one member becomes unreadable at each of its reads in turn.
#[tokio::test(start_paused = true)]
async fn member_that_cannot_be_read_keeps_no_other_from_rolling_back() {
    let functions = ["bills", "orders", "workers"];
    let all = |id: &str| {
        let mut promote = together(id);
        promote["functions"] = json!(functions);
        promote
    };
    let mut met = 0;
    for read in 1.. {
        let world = by_hand(&json!({}));
        for account in [DEV, PROD] {
            world.add_function(account, "bills", &code("1.0.0"), |f| f.publish().point("live", 1));
        }
        two_releases(&world).await;
        world.record("dev/bills/3.zip", code("3")).await;
        world.command(all("first")).await;
        until_ended_as(&world, "first", &functions).await;
        deploy_all(&world, &["1.2.0"]).await;
        world.record("dev/workers/8.zip", code("8")).await;
        world.record("dev/bills/4.zip", code("4")).await;
        world.on(Op::UpdateFunctionCode).at(PROD).about("workers").fail(CallErrorKind::Invalid);
        world.on(Op::ReadLedger).about("heads/prod/bills").call(read).always().fail(CallErrorKind::Denied);
        world.invocation().run(&Trigger::Command(all("g"))).await;
        world.tick().await;
        for _ in 0..3 {
            world.pass(Duration::from_secs(60)).await;
            world.invocation().run(&Trigger::Sweep).await;
            world.tick().await;
        }
        if phases_of_open_groups(&world) == ["going_back"]
            && served_code(&world, PROD, "bills") == Sha256::of(&code("4"))
        {
            met += 1;
            assert_eq!(served_code(&world, PROD, "orders"), Sha256::of(&code("1.1.0")), "{read}: {}", world.render());
        }
        if !world.has_met_faults_of(Op::ReadLedger) {
            break;
        }
    }
    assert!(met > 0, "no read left the group rolling back");
}

fn phases_of_open_groups(world: &World) -> Vec<String> {
    let keys: Vec<String> = world.aws(|aws| aws.ledger.keys("groups/open/").map(ToString::to_string).collect());
    let group = |key: &String| {
        serde_json::from_slice::<Value>(&world.aws(|aws| aws.ledger.get(key).unwrap().to_vec())).unwrap()
    };
    keys.iter().map(|key| group(key)["phase"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn member_that_was_already_live_does_not_go_back() {
    for drifted in [false, true] {
        let world = by_hand(&json!({}));
        two_releases(&world).await;
        world.command(together("first")).await;
        until_ended(&world, "first").await;
        deploy_all(&world, &["1.2.0"]).await;
        world.command(json!({"command": "promote", "functions": ["orders"], "from": "dev", "to": "prod", "requested_by": "ann", "id": "o"})).await;
        until_ended_as(&world, "o", &["orders"]).await;
        world.record("dev/workers/8.zip", code("8")).await;
        if drifted {
            // Somebody has moved the alias by hand, and the group's promotion corrects that.
            world.change_function(PROD, "orders", |orders| orders.point("live", 2));
        }
        world.on(Op::UpdateFunctionCode).at(PROD).about("workers").fail(CallErrorKind::Invalid);
        world.command(together("g")).await;
        let group = until_ended(&world, "g").await;
        assert_eq!(group["functions"][1]["status"], json!("failed"), "{group}");
        assert_eq!(
            in_prod(&world),
            [code("1.2.0"), code("7")].map(|zip| Sha256::of(&zip)),
            "drifted: {drifted}, {group}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn group_waits_for_its_approval_as_a_whole() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    two_releases(&world).await;
    let asked = world.command(together("g")).await;
    assert_eq!(asked["status"], json!("pending"));
    assert!(asked["because"].as_str().unwrap().starts_with("orders: waits for an approval"), "{asked}");
    let before = in_prod(&world);
    world.sweep_minutes(3).await;
    assert_eq!(in_prod(&world), before);
    let approve =
        json!({"command": "approve", "environment": "prod", "deployment": asked["id"], "requested_by": "bob"});
    world.command(approve).await;
    let group = until_ended(&world, "g").await;
    assert_eq!(group["status"], json!("succeeded"), "{group}");
    assert_eq!(group["approvals"][0]["by"], json!("bob"));
}

#[tokio::test(start_paused = true)]
async fn group_after_a_crash_ends_alike() {
    group_ends_alike_after_each(7).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "long: cargo verify"]
async fn group_after_a_crash_at_any_call_ends_alike() {
    group_ends_alike_after_each(1).await;
}

/// Lets the invocation die after each `step`th of its calls: the group ends as without the crash.
async fn group_ends_alike_after_each(step: usize) {
    for (fails, first) in [(false, 1), (true, 1 + step / 2)] {
        let make = || async {
            let world = by_hand(&json!({}));
            two_releases(&world).await;
            world.command(together("first")).await;
            until_ended(&world, "first").await;
            deploy_all(&world, &["1.2.0"]).await;
            world.record("dev/workers/8.zip", code("8")).await;
            if fails {
                world.on(Op::UpdateFunctionCode).at(PROD).about("workers").always().fail(CallErrorKind::Invalid);
            }
            world
        };
        let world = make().await;
        let calls = world.invocation().run(&Trigger::Command(together("g"))).await.calls;
        let expected = until_ended(&world, "g").await["status"].clone();
        for call in (first..=calls).step_by(step) {
            let world = make().await;
            let run = world.invocation().dies_at(call, CallPhase::After).run(&Trigger::Command(together("g"))).await;
            assert!(matches!(run.outcome, Outcome::Died), "{call}: {run:?}");
            world.leases_run_out().await;
            let group = until_ended(&world, "g").await;
            assert_eq!(group["status"], expected, "died after call {call}: {group}");
            let code_of = |function: &str| served_code(&world, PROD, function) == served_code(&world, DEV, function);
            assert_eq!(code_of("orders"), code_of("workers"), "died after call {call}: both or none");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn group_approval_covers_the_artifacts_live_at_the_request() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    two_releases(&world).await;
    let asked = world.command(together("g")).await;
    assert_eq!(world.sent_events().last().unwrap(), "Promotion Waiting -/- - -");
    deploy_all(&world, &["1.2.0"]).await;
    let approve =
        json!({"command": "approve", "environment": "prod", "deployment": asked["id"], "requested_by": "bob"});
    world.command(approve).await;
    assert_eq!(until_ended(&world, "g").await["status"], json!("succeeded"));
    assert_eq!(in_prod(&world), [code("1.1.0"), code("7")].map(|zip| Sha256::of(&zip)));
}

#[tokio::test(start_paused = true)]
async fn newer_request_for_one_member_moves_none() {
    let world = by_hand(&json!({"approval": {"required": 1}, "accept_uploads": true}));
    two_releases(&world).await;
    let asked = world.command(together("g")).await;
    world.pass(std::time::Duration::from_secs(60)).await;
    world.record("prod/orders/2.0.0.zip", code("2.0.0")).await;
    let before = in_prod(&world);
    let approve =
        json!({"command": "approve", "environment": "prod", "deployment": asked["id"], "requested_by": "bob"});
    world.command(approve).await;
    let group = until_ended(&world, "g").await;
    assert_eq!((&group["status"], in_prod(&world)), (&json!("superseded"), before), "{group}");
}

#[tokio::test(start_paused = true)]
async fn member_that_cannot_go_back_is_reported_with_advice() {
    let world = by_hand(&json!({}));
    two_releases(&world).await;
    world.on(Op::UpdateFunctionCode).at(PROD).about("workers").always().fail(CallErrorKind::Invalid);
    world.command(together("g")).await;
    let group = until_ended(&world, "g").await;
    assert_eq!(group["status"], json!("failed"), "{group}");
    assert_eq!(
        group["because"].as_str().unwrap(),
        "workers did not get there, and these could not go back: orders (nothing was live here before release 1.1.0; before the deployer came, the alias served version 1 in 333333333333/eu-west-1: aws lambda update-alias moves it there by hand)"
    );
}

#[tokio::test(start_paused = true)]
async fn rollback_handed_to_a_tick_counts_no_attempt_of_the_deployment_before_it() {
    let world = by_hand(&json!({}));
    two_releases(&world).await;
    world.command(together("g")).await;
    let bodies = world.aws(|aws| aws.queue.take(jiff::Timestamp::MAX));
    let (of_orders, of_workers): (Vec<_>, Vec<_>) =
        bodies.iter().map(|body| world::tick(body)).partition(|tick| tick.function.as_str() == "orders");
    world.invocation().run(&Trigger::Tick(of_orders[0].clone())).await;
    assert_eq!(in_prod(&world)[0], Sha256::of(&code("1.1.0")));
    let redeploy = json!({"command": "redeploy", "environment": "prod", "function": "orders"});
    let died = world.invocation().dies_at(6, CallPhase::Before).run(&Trigger::Command(redeploy)).await;
    assert!(matches!(died.outcome, Outcome::Died), "{died:?}");
    world.leases_run_out().await;
    world.on(Op::UpdateFunctionCode).at(PROD).about("workers").fail(CallErrorKind::Invalid);
    world.invocation().run(&Trigger::Tick(of_workers[0].clone())).await;
    world.aws(|aws| aws.queue.lose());
    let before = world.head("prod", "orders")["active"].clone();
    world.invocation().run(&Trigger::Sweep).await;
    let active = world.head("prod", "orders")["active"].clone();
    assert_ne!(active["claim"], before["claim"], "the rollback has acquired it");
    assert_eq!((&before["attempts"], &active["attempts"]), (&json!(1), &json!(1)));
}

#[tokio::test(start_paused = true)]
async fn group_names_the_promotions_whose_places_its_members_take() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    two_releases(&world).await;
    let alone = world.command_record(super::promote()).await;
    world.pass(Duration::from_secs(2)).await;
    let group = world.command(together("g")).await;
    let approve =
        json!({"command": "approve", "environment": "prod", "deployment": group["id"], "requested_by": "bob"});
    world.command(approve).await;
    let group = until_ended(&world, "g").await;
    let ended = json!([{"environment": "prod", "deployment": alone.id, "release": "1.1.0", "from": "dev",
        "waited": "for an approval"}]);
    assert_eq!((&group["status"], &group["functions"][0]["ended_waiting"]), (&json!("succeeded"), &ended), "{group:#}");
    assert_eq!(group["functions"][1].get("ended_waiting"), None, "{group:#}");
}
