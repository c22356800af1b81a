//! A decided group moves as a whole or goes back as a whole, whatever begins between two of its members.

use std::time::Duration;

use deployer_core::id::Sha256;
use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::orders::deploy_all;
use world::promotions::{PROD, event, served_code, three_environments_config};
use world::zips::code;
use world::{Op, Trigger, World, tick};

use super::groups::{in_prod, statuses, together, two_releases, until_ended};
use super::{by_hand, with};

fn codes(orders: &str, workers: &str) -> [Sha256; 2] {
    [orders, workers].map(|release| Sha256::of(&code(release)))
}

/// Delivers the messages about this function, and loses all others.
async fn deliver_only(world: &World, function: &str) {
    let now = world.now();
    for body in world.aws(|aws| aws.queue.take(now)) {
        let message = tick(&body);
        if message.function.as_str() == function {
            world.invocation().run(&Trigger::Tick(message)).await;
        }
    }
    world.aws(|aws| aws.queue.lose());
}

/// Lets the deployer bring 1.1.0 and 7 to prod as the first group; in dev 1.2.0 and 8 are live then.
async fn second_group(world: &World) {
    two_releases(world).await;
    world.command(together("first")).await;
    assert_eq!(until_ended(world, "first").await["status"], json!("succeeded"));
    deploy_all(world, &["1.2.0"]).await;
    world.record("dev/workers/8.zip", code("8")).await;
    world.tick().await;
}

fn hold(function: &str) -> Value {
    json!({"command": "hold", "environment": "prod", "function": function, "reason": "audit", "requested_by": "bob"})
}

#[tokio::test(start_paused = true)]
async fn freeze_that_begins_between_two_members_stops_neither() {
    let world = by_hand(&json!({"freeze": [{"days": ["sun"], "from": "10:01", "to": "23:00", "zone": "UTC"}]}));
    two_releases(&world).await;
    world.command(together("g")).await;
    deliver_only(&world, "workers").await;
    world.sweep_minutes(3).await;
    let group = world.command(together("g")).await;
    assert_eq!((&group["status"], in_prod(&world)), (&json!("succeeded"), codes("1.1.0", "7")), "{group}");
    world.markers_are_cleared().await;
}

/// One call of the last check of the sources takes a minute, and the hold comes in that minute.
#[tokio::test(start_paused = true)]
async fn hold_that_comes_during_a_groups_last_check_leaves_it_undecided() {
    let promote = Trigger::Command(together("g"));
    let undisturbed = by_hand(&json!({}));
    two_releases(&undisturbed).await;
    let run = undisturbed.invocation().run(&promote).await;
    let calls = undisturbed.calls().into_iter().filter(|call| call.invocation == run.invocation);
    let last_check = calls.collect::<Vec<_>>().iter().rposition(|call| call.op == Op::GetAlias).unwrap() + 1;

    let world = by_hand(&json!({}));
    two_releases(&world).await;
    let before = in_prod(&world);
    let checked = async { world.invocation().freezes_before(last_check, Duration::from_secs(60)).run(&promote).await };
    let held = async {
        world.pass(Duration::from_secs(30)).await;
        world.command(hold("orders")).await;
    };
    tokio::join!(checked, held);
    let group = world.command(together("g")).await;
    assert_eq!((&group["status"], &group["code"]), (&json!("refused"), &json!("Held")), "{group}\n{}", world.render());
    let because = group["because"].as_str().unwrap();
    assert!(because.starts_with("orders: ") && because.ends_with("; nothing was moved"), "{because}");
    world.sweep_minutes(3).await;
    assert_eq!((&group["decided_at"], in_prod(&world)), (&Value::Null, before), "{}", world.render());
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn newer_automatic_promotion_waits_behind_a_member() {
    let world = World::three_environments(&json!({}), &json!({"promotion": {"from": "dev", "automatic": true}}));
    two_releases(&world).await;
    world.aws(|aws| aws.queue.lose());
    world.command(together("g")).await;
    deliver_only(&world, "workers").await;
    deploy_all(&world, &["1.2.0"]).await;
    deliver_only(&world, "nobody").await;
    world.sweep_and_deliver().await;
    world.sweep_minutes(3).await;
    let group = world.command(together("g")).await;
    assert_eq!((&group["status"], statuses(&group)), (&json!("succeeded"), vec!["succeeded", "succeeded"]), "{group}");
    world.sweep_minutes(2).await;
    assert_eq!(in_prod(&world), codes("1.2.0", "7"), "{}", world.render());
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn upload_waits_behind_a_member_and_follows_it() {
    let world = by_hand(&json!({"accept_uploads": true}));
    two_releases(&world).await;
    world.command(together("g")).await;
    deliver_only(&world, "workers").await;
    world.pass(Duration::from_secs(1)).await;
    let waits = world.record("prod/orders/2.0.0.zip", code("2.0.0")).await;
    assert_eq!(waits.status, deployer_core::record::Status::Pending, "{waits:?}");
    world.sweep_minutes(3).await;
    let group = world.command(together("g")).await;
    assert_eq!((&group["status"], in_prod(&world)), (&json!("succeeded"), codes("2.0.0", "7")), "{group}");
    world.same_again_changes_nothing().await;
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn members_of_an_event_ahead_have_their_records_ids() {
    let world = by_hand(&json!({}));
    second_group(&world).await;
    world.on(Op::UpdateFunctionCode).at(PROD).about("workers").always().fail(CallErrorKind::Denied);
    let detail =
        json!({"functions": ["orders", "workers"], "from": "dev", "to": "prod", "requested_by": "ann", "id": "g"});
    let ahead = event("Promotion Requested", "e", world.now() + Duration::from_secs(240), &detail);
    world.receive(&ahead).await;
    deliver_only(&world, "workers").await;
    world.sweep_and_deliver().await;
    let group = until_ended(&world, "g").await;
    assert_eq!((&group["status"], statuses(&group)), (&json!("failed"), vec!["refused", "failed"]), "{group}");
    assert_eq!(in_prod(&world), codes("1.1.0", "7"));
    for member in group["functions"].as_array().unwrap() {
        let (function, id) = (member["function"].as_str().unwrap(), member["deployment"].as_str().unwrap());
        let key = format!("deployments/prod/{function}/{id}.json");
        assert!(world.aws(|aws| aws.ledger.get(&key).is_some()), "{key}\n{}", world.render());
    }
}

#[tokio::test(start_paused = true)]
async fn hold_or_rollback_in_the_source_rolls_the_group_back() {
    let rollback = json!({"command": "rollback", "environment": "dev", "function": "orders", "requested_by": "bob"});
    for stop in [hold("orders"), rollback] {
        let world = by_hand(&json!({}));
        second_group(&world).await;
        world.command(together("g")).await;
        deliver_only(&world, "workers").await;
        assert_eq!(in_prod(&world), codes("1.1.0", "8"), "one of them has moved");
        world.command(stop.clone()).await;
        let group = until_ended(&world, "g").await;
        assert_eq!((&group["status"], in_prod(&world)), (&json!("rolled_back"), codes("1.1.0", "7")), "{stop} {group}");
        assert_eq!(statuses(&group), ["refused", "rolled_back"], "{stop} {group}");
    }
}

#[tokio::test(start_paused = true)]
async fn rollback_in_the_destination_rolls_the_group_back() {
    let world = by_hand(&json!({}));
    second_group(&world).await;
    world.command(together("second")).await;
    until_ended(&world, "second").await;
    deploy_all(&world, &["1.3.0"]).await;
    world.record("dev/workers/9.zip", code("9")).await;
    world.command(together("g")).await;
    deliver_only(&world, "workers").await;
    world
        .command(json!({"command": "rollback", "environment": "prod", "function": "orders", "requested_by": "bob"}))
        .await;
    let group = until_ended(&world, "g").await;
    assert_eq!(group["status"], json!("rolled_back"), "{group}");
    assert_eq!(in_prod(&world), codes("1.1.0", "8"));
}

#[tokio::test(start_paused = true)]
async fn failed_member_goes_back_on_the_targets_it_reached() {
    const SECOND: &str = "444444444444";
    let mut config = three_environments_config(&json!({}), &json!({"promotion": {"from": "dev"}}));
    config["environments"]["prod"]["targets"]
        .as_array_mut()
        .unwrap()
        .push(json!({"account": SECOND, "region": "eu-west-1"}));
    let world = World::with(&config).with_functions();
    for function in ["orders", "workers"] {
        world.add_function(SECOND, function, &code("1.0.0"), |f| f.publish().point("live", 1));
    }
    second_group(&world).await;
    world.on(Op::UpdateFunctionCode).at(SECOND).about("workers").always().fail(CallErrorKind::Denied);
    world.command(together("g")).await;
    let group = until_ended(&world, "g").await;
    assert_eq!(group["status"], json!("rolled_back"), "{group}");
    for account in [PROD, SECOND] {
        let serve = ["orders", "workers"].map(|function| served_code(&world, account, function));
        assert_eq!(serve, codes("1.1.0", "7"), "{account}: {group}");
    }
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn removed_environment_ends_the_group_and_fails_no_sweep() {
    let mut world = by_hand(&json!({"approval": {"required": 1}}));
    two_releases(&world).await;
    let asked = world.command(together("g")).await;
    assert_eq!(asked["status"], json!("pending"));
    let mut config = three_environments_config(&json!({}), &json!({}));
    config["environments"].as_object_mut().unwrap().remove("prod");
    world.reconfigure(&config);
    world.sweep_minutes(2).await;
    let run = world.invocation().run(&Trigger::Sweep).await;
    assert!(matches!(&run.outcome, world::Outcome::Swept(swept) if swept.failed == 0), "{run:?}");
    assert_eq!(world.aws(|aws| aws.ledger.keys("groups/open/").count()), 0);
    let key = format!("groups/ended/prod/{}.json", asked["id"].as_str().unwrap());
    let ended: Value = world.aws(|aws| serde_json::from_slice(aws.ledger.get(&key).unwrap()).unwrap());
    let because = "deployer.json has no environment prod any more; nothing was moved";
    assert_eq!((&ended["status"], &ended["because"]), (&json!("refused"), &json!(because)));
    assert_eq!(world.sent_events().last().unwrap(), "Promotion Refused -/- - -");
}

#[tokio::test(start_paused = true)]
async fn environment_that_leaves_after_the_decision_lets_the_group_end_when_its_members_are_late() {
    let mut world = by_hand(&json!({}));
    two_releases(&world).await;
    world.command(together("g")).await;
    world.aws(|aws| aws.queue.lose());
    let mut config = three_environments_config(&json!({}), &json!({}));
    config["environments"].as_object_mut().unwrap().remove("prod");
    world.reconfigure(&config);
    let run = world.invocation().run(&Trigger::Sweep).await;
    assert!(!format!("{run:?}").contains("Transient"), "{run:?}");
    let run = world.invocation().run(&Trigger::Sweep).await;
    assert!(
        matches!(&run.outcome, world::Outcome::Swept(swept) if swept.failed == 2),
        "each member is told of: {run:?}"
    );
    assert_eq!(world.aws(|aws| aws.ledger.keys("groups/open/").count()), 1, "its members may have moved");
    world.pass(Duration::from_secs(6 * 3600)).await;
    world.sweep_minutes(2).await;
    assert_eq!(world.aws(|aws| aws.ledger.keys("groups/open/").count()), 0);
    let ended: Value = world.aws(|aws| {
        let key = aws.ledger.keys("groups/ended/prod/").next().unwrap().to_owned();
        serde_json::from_slice(aws.ledger.get(&key).unwrap()).unwrap()
    });
    let because = "orders and workers did not get there, and nothing else had moved";
    assert_eq!((&ended["status"], &ended["because"]), (&json!("failed"), &json!(because)), "{:?}", world.sent_events());
}

#[tokio::test(start_paused = true)]
async fn second_group_over_the_same_functions_waits_for_the_first() {
    let world = by_hand(&json!({}));
    second_group(&world).await;
    world.command(together("g")).await;
    world.aws(|aws| aws.queue.lose());
    deploy_all(&world, &["1.3.0"]).await;
    world.record("dev/workers/9.zip", code("9")).await;
    let second = world.command(together("h")).await;
    assert_eq!(second["status"], json!("pending"), "{second}");
    assert_eq!(second["because"], json!("orders: waits for what came before it"));
    world.sweep_minutes(3).await;
    for id in ["g", "h"] {
        assert_eq!(until_ended(&world, id).await["status"], json!("succeeded"));
    }
    assert_eq!(in_prod(&world), codes("1.3.0", "9"));
}

#[tokio::test(start_paused = true)]
async fn undecided_group_gives_its_places_back() {
    let world = by_hand(&json!({}));
    second_group(&world).await;
    world.change_function("111111111111", "workers", |f| f.point("live", 1));
    let group = world.command(together("g")).await;
    assert_eq!(group["status"], json!("refused"), "{group}");
    let waiting = world.head("prod", "orders")["waiting"].clone();
    assert!(waiting.is_null() || waiting == json!([]), "{waiting}");
    deploy_all(&world, &["1.3.0"]).await;
    let one = json!({"command": "promote", "function": "orders", "from": "dev", "to": "prod", "requested_by": "ann"});
    world.command(with(one, &json!({"id": "single"}))).await;
    assert_eq!(in_prod(&world), codes("1.3.0", "7"));
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn status_shows_active_and_waiting_groups() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    two_releases(&world).await;
    let asked = world.command(together("g")).await;
    let status = world.command(json!({"command": "status"})).await;
    let group = &status["groups"][0];
    assert_eq!((&group["id"], &group["environment"], &group["from"]), (&asked["id"], &json!("prod"), &json!("dev")));
    assert_eq!((&group["status"], &group["approvals_wanted"]), (&json!("pending"), &json!(1)), "{group}");
    assert_eq!(group["functions"][1]["function"], json!("workers"));
    let other = world.command(json!({"command": "status", "environment": "dev"})).await;
    assert!(other["groups"].is_null(), "{other}");
    let one = world.command(json!({"command": "status", "environment": "prod", "function": "orders"})).await;
    assert_eq!(one["groups"].as_array().unwrap().len(), 1, "{one}");
}
