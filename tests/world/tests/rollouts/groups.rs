//! Groups in an environment with a rollout: the members become live together, or go back together.

use std::time::Duration;

use super::*;
use world::promotions::PROD;

pub(super) const BOTH_MEMBERS: [&str; 2] = ["orders", "workers"];

/// A world in which 1.1.0 of `orders` and 7 of `workers` are live in dev, and version 1 of both serves 1.0.0 in prod.
/// `orders` has callers enough there. `workers` has none, so its watch is lengthened once.
pub(super) async fn group_world(rollout: &Value) -> World {
    let prod = json!({ "promotion": { "from": "dev" }, "rollout": rollout });
    let world = World::three_environments(&json!({}), &prod);
    world.aws(|aws| aws.at(PROD).monitoring.called("orders", "live", 100.0));
    world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    world.record("dev/workers/7.zip", code("7")).await;
    // The hour before has no other traffic of theirs.
    world.pass(Duration::from_secs(3_600)).await;
    world
}

pub(super) fn together() -> Value {
    json!({
        "command": "promote", "functions": BOTH_MEMBERS, "from": "dev", "to": "prod", "requested_by": "ann", "id": "g"
    })
}

/// Promotes both together, and lets their rollouts begin.
pub(super) async fn promotes(world: &World) {
    world.command(together()).await;
    world.tick().await;
}

pub(super) async fn group_of(world: &World) -> Value {
    world.command(together()).await
}

pub(super) fn serves(world: &World) -> [Served; 2] {
    BOTH_MEMBERS.map(|function| {
        world.function(PROD, function, |f| {
            let alias = &f.aliases["live"];
            let percent = |part: f64| (part * 100.0).round() as u64;
            (alias.version, alias.weights.iter().map(|(version, part)| (*version, percent(*part))).collect())
        })
    })
}

/// Returns the records of both in prod.
pub(super) async fn records(world: &World) -> [DeploymentRecord; 2] {
    let group = group_of(world).await;
    [0, 1].map(|number| {
        let member = &group["functions"][number];
        let (function, id) = (member["function"].as_str().unwrap(), member["deployment"].as_str().unwrap());
        let key = format!("deployments/prod/{function}/{id}.json");
        world.aws(|aws| serde_json::from_slice(aws.ledger.get(&key).expect("a record")).unwrap())
    })
}

pub(super) fn because(record: &DeploymentRecord) -> &str {
    record.because.as_deref().unwrap_or_default()
}

pub(super) fn is_live(world: &World, function: &str) -> bool {
    !world.head("prod", function)["history"].as_array().unwrap().is_empty()
}

/// Says something about the rollout of a member in prod.
pub(super) async fn says(world: &World, function: &str, action: &str) {
    let deployment = world.head("prod", function)["active"]["request"]["id"].clone();
    world
        .command(json!({
            "command": "rollout", "environment": "prod", "function": function, "deployment": deployment,
            "action": action, "reason": "it looks odd", "requested_by": "bob"
        }))
        .await;
}

/// Checks that both serve what they served before, and that the group says so.
pub(super) async fn both_went_back(world: &World, first: &str) {
    assert_eq!(serves(world), [whole(1), whole(1)]);
    assert!(BOTH_MEMBERS.iter().all(|function| !is_live(world, function)));
    let group = group_of(world).await;
    assert_eq!(group["status"], "rolled_back", "{group}");
    assert_eq!(group["because"], format!("{first} did not get there, and the others went back"));
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn members_become_live_together_once_the_last_has_passed() {
    let world = group_world(&at_once()).await;
    promotes(&world).await;
    assert_eq!(serves(&world), [whole(2), whole(2)]);
    world.sweep_minutes(12).await;
    let head = world.head("prod", "orders");
    assert_eq!((&head["format"], is_live(&world, "orders")), (&json!(5), false), "orders has passed");
    let [orders, workers] = records(&world).await;
    assert_eq!((orders.status, workers.status), (Status::InProgress, Status::InProgress));
    let waits = "the new version gets all traffic, has passed its watch, and waits for workers of its group";
    assert_eq!(because(&orders), waits);
    let status = world.command(json!({ "command": "status", "environment": "prod", "function": "orders" })).await;
    let (function, group) = (&status["functions"][0], &status["groups"][0]);
    assert_eq!((&function["active_because"], &function["rollout"]["due"]), (&json!(waits), &Value::Null));
    assert_eq!(function["rollout"]["waits_for"], json!(["workers"]));
    assert_eq!(
        (&group["functions"][0]["rollout"], &group["functions"][1]["rollout"]),
        (&json!("passed"), &json!("under_way"))
    );
    let before = head["revision"].clone();
    world.sweep_minutes(3).await;
    assert_eq!(world.head("prod", "orders")["revision"], before, "its looks write nothing");
    world.sweep_minutes(8).await;
    let [orders, workers] = records(&world).await;
    assert_eq!((orders.status, workers.status), (Status::Succeeded, Status::Succeeded), "{}", because(&workers));
    let apart = orders.finished_at.unwrap().duration_since(workers.finished_at.unwrap()).abs().as_secs();
    assert!(apart <= 60, "{apart} s apart");
    assert_eq!(world.head("prod", "orders")["format"], 1);
    let group = group_of(&world).await;
    assert_eq!((&group["status"], &group["failed_first"]), (&json!("succeeded"), &Value::Null), "{group}");
    world.markers_are_cleared().await;
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn member_that_the_guard_takes_back_takes_those_that_shift_with_it() {
    let world = group_world(&one_step()).await;
    world.aws(|aws| aws.at(PROD).monitoring.fails("orders", 2, 1.0));
    promotes(&world).await;
    assert_eq!(serves(&world), [split(1, 2, 10), split(1, 2, 10)]);
    world.sweep_minutes(7).await;
    both_went_back(&world, "orders").await;
    let [orders, workers] = records(&world).await;
    assert_eq!((orders.status, orders.code), (Status::RolledBack, Some(Code::Unhealthy)));
    assert_eq!((workers.status, workers.code), (Status::RolledBack, Some(Code::TargetFailed)));
    let says = because(&workers);
    assert!(
        says.starts_with("orders of its group did not get there (") && says.ends_with("7 was taken back at 10 %"),
        "{says}"
    );
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn member_that_waits_is_looked_at_and_takes_the_others_back() {
    let world = group_world(&at_once()).await;
    promotes(&world).await;
    world.sweep_minutes(12).await;
    assert!(because(&records(&world).await[0]).contains("waits for workers of its group"));
    world.aws(|aws| aws.at(PROD).monitoring.fails("orders", 2, 1.0));
    world.sweep_minutes(6).await;
    both_went_back(&world, "orders").await;
    assert_eq!(records(&world).await[0].code, Some(Code::Unhealthy));
}

#[tokio::test(start_paused = true)]
async fn alarm_of_a_member_takes_one_that_waits_back() {
    let mut rollout = at_once();
    rollout["alarms"] = json!(["{function}-5xx"]);
    let world = group_world(&rollout).await;
    let alarm = |name: &str, state| {
        let now = world.now();
        world.aws(|aws| aws.at(PROD).monitoring.alarm(name, state, now));
    };
    ["orders-5xx", "workers-5xx"].iter().for_each(|name| alarm(name, AlarmState::Ok));
    promotes(&world).await;
    world.sweep_minutes(12).await;
    alarm("workers-5xx", AlarmState::Alarm);
    world.sweep_minutes(3).await;
    both_went_back(&world, "workers").await;
    let [orders, workers] = records(&world).await;
    assert_eq!((orders.code, workers.code), (Some(Code::TargetFailed), Some(Code::AlarmFired)));
}

#[tokio::test(start_paused = true)]
async fn word_of_a_person_about_one_member_takes_the_others_back() {
    let reject = json!({ "command": "reject", "function": "workers", "release": "7", "reason": "it leaks" });
    let back = json!({ "command": "rollback", "environment": "prod", "function": "workers", "requested_by": "bob" });
    for (word, code, status) in [
        (None, Some(Code::Aborted), Status::RolledBack),
        (Some(reject), Some(Code::Rejected), Status::RolledBack),
        (Some(back), Some(Code::Superseded), Status::Superseded),
    ] {
        // `orders` has passed by then, or shifts still.
        for minutes in [2, 12] {
            let world = group_world(&at_once()).await;
            promotes(&world).await;
            world.sweep_minutes(minutes).await;
            match &word {
                None => says(&world, "workers", "abort").await,
                Some(word) => drop(world.command(word.clone()).await),
            }
            world.sweep_minutes(3).await;
            both_went_back(&world, "workers").await;
            let [orders, workers] = records(&world).await;
            assert_eq!((workers.status, workers.code), (status, code), "{}", because(&workers));
            assert_eq!((orders.status, orders.code), (Status::RolledBack, Some(Code::TargetFailed)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn abort_of_a_member_that_waits_takes_the_others_back() {
    let world = group_world(&at_once()).await;
    promotes(&world).await;
    world.sweep_minutes(12).await;
    says(&world, "orders", "abort").await;
    world.sweep_minutes(3).await;
    both_went_back(&world, "orders").await;
}

#[tokio::test(start_paused = true)]
async fn paused_member_keeps_the_others_waiting_until_it_is_continued() {
    for paused in BOTH_MEMBERS {
        let world = group_world(&at_once()).await;
        promotes(&world).await;
        world.sweep_minutes(12).await;
        says(&world, paused, "pause").await;
        world.sweep_minutes(60).await;
        assert_eq!(BOTH_MEMBERS.map(|function| is_live(&world, function)), [false, false], "{paused} is paused");
        says(&world, paused, "continue").await;
        world.sweep_minutes(25).await;
        let statuses = records(&world).await.map(|record| record.status);
        assert_eq!(statuses, [Status::Succeeded, Status::Succeeded], "{paused} was paused");
    }
}

#[tokio::test(start_paused = true)]
async fn pause_that_expires_takes_all_members_back() {
    let mut rollout = at_once();
    rollout["pause_expires"] = json!("30m");
    let world = group_world(&rollout).await;
    promotes(&world).await;
    world.sweep_minutes(3).await;
    says(&world, "workers", "pause").await;
    world.sweep_minutes(33).await;
    both_went_back(&world, "workers").await;
    assert_eq!(records(&world).await[1].code, Some(Code::Expired));
}

#[tokio::test(start_paused = true)]
async fn member_that_cannot_publish_takes_the_one_that_shifts_back() {
    let world = group_world(&one_step()).await;
    world.on(Op::UpdateFunctionCode).at(PROD).about("workers").fail(CallErrorKind::Invalid);
    promotes(&world).await;
    world.sweep_minutes(3).await;
    both_went_back(&world, "workers").await;
    assert_eq!(records(&world).await[1].status, Status::Failed);
}

#[tokio::test(start_paused = true)]
async fn member_that_has_no_traffic_yet_gets_none_where_another_cannot_publish() {
    let world = group_world(&one_step()).await;
    world.aws(|aws| aws.at(PROD).settling.time = Duration::from_secs(300));
    world.on(Op::UpdateFunctionCode).at(PROD).about("orders").fail(CallErrorKind::Invalid);
    world.command(together()).await;
    for _ in 0..10 {
        world.sweep_minutes(1).await;
        assert_eq!(serves(&world), [whole(1), whole(1)]);
    }
    let moves = world.calls_of(Op::UpdateAlias);
    assert!(moves.iter().all(|call| !call.place.starts_with(PROD)), "{moves:?}");
    let [orders, workers] = records(&world).await;
    assert_eq!((orders.status, workers.status), (Status::Failed, Status::RolledBack), "{}", because(&workers));
    assert!(because(&workers).ends_with("no traffic has moved anywhere"), "{}", because(&workers));
    both_went_back(&world, "orders").await;
}

#[tokio::test(start_paused = true)]
async fn unchanged_member_is_not_waited_for_and_stays() {
    for is_bad in [false, true] {
        let world = group_world(&at_once()).await;
        let mut alone = together();
        (alone["functions"], alone["id"]) = (json!(["workers"]), json!("alone"));
        world.command(alone).await;
        world.sweep_minutes(22).await;
        assert!(is_live(&world, "workers"), "a group of one waits for nobody");
        if is_bad {
            world.aws(|aws| aws.at(PROD).monitoring.fails("orders", 2, 1.0));
        }
        promotes(&world).await;
        assert_eq!(records(&world).await[1].status, Status::Unchanged);
        world.sweep_minutes(12).await;
        let (status, version) = if is_bad { (Status::RolledBack, 1) } else { (Status::Succeeded, 2) };
        assert_eq!(records(&world).await[0].status, status);
        assert_eq!(serves(&world), [whole(version), whole(2)]);
    }
}

#[tokio::test(start_paused = true)]
async fn member_that_was_live_without_a_rollout_is_rolled_back_with_the_others() {
    let world = group_world(&at_once()).await;
    world.set_rollout("prod", None);
    let mut before = together();
    before["id"] = json!("before");
    world.command(before).await;
    world.sweep_minutes(1).await;
    world.record("dev/orders/1.2.0.zip", code("1.2.0")).await;
    world.record("dev/workers/8.zip", code("8")).await;
    world.command(together()).await;
    // The tick of `workers` comes first, and finds no rollout; that of `orders` finds one.
    let now = world.now();
    for body in world.aws(|aws| aws.queue.take(now)).iter().filter(|body| body.contains("workers")) {
        world.invocation().run(&world::Trigger::Tick(world::tick(body))).await;
    }
    world.set_rollout("prod", Some(&at_once()));
    world.sweep_minutes(3).await;
    assert_eq!(serves(&world), [whole(3), whole(3)]);
    assert_eq!(records(&world).await.map(|record| record.status), [Status::InProgress, Status::Succeeded]);
    says(&world, "orders", "abort").await;
    world.sweep_minutes(4).await;
    assert_eq!(serves(&world), [whole(2), whole(2)]);
    let group = group_of(&world).await;
    assert_eq!(group["because"], "orders did not get there, and the others went back", "{group}");
    assert!(group["functions"][1]["rollback"].is_string());
}

#[tokio::test(start_paused = true)]
async fn group_that_skips_the_rollout_becomes_live_together_after_the_watch() {
    let world = group_world(&one_step()).await;
    let mut hurry = together();
    hurry["skip_rollout"] = json!("the shop is down");
    world.command(hurry.clone()).await;
    world.tick().await;
    assert_eq!(serves(&world), [whole(2), whole(2)]);
    world.sweep_minutes(13).await;
    assert!(!is_live(&world, "orders"), "workers is quiet, and watched for longer");
    world.sweep_minutes(12).await;
    assert!(BOTH_MEMBERS.iter().all(|function| is_live(&world, function)));
    assert_eq!(world.command(hurry).await["status"], "succeeded");
}

#[tokio::test(start_paused = true)]
async fn members_go_back_where_their_group_is_not_in_the_ledger_any_more() {
    let world = group_world(&at_once()).await;
    promotes(&world).await;
    world.sweep_minutes(12).await;
    world.aws(|aws| {
        let keys: Vec<String> = aws.ledger.keys("groups/").map(str::to_owned).collect();
        keys.iter().for_each(|key| aws.ledger.delete(key));
    });
    world.sweep_minutes(3).await;
    assert_eq!(serves(&world), [whole(1), whole(1)]);
    for function in BOTH_MEMBERS {
        let head = world.head("prod", function);
        assert_eq!(head["active"], Value::Null);
        assert_eq!(head["left"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn group_that_cannot_be_read_for_a_while_decides_nothing() {
    let world = group_world(&at_once()).await;
    promotes(&world).await;
    world.sweep_minutes(12).await;
    world.on(Op::ReadLedger).about("groups/").times(60).fail(CallErrorKind::Unknown);
    world.sweep_minutes(8).await;
    world.heal();
    world.sweep_minutes(12).await;
    assert!(BOTH_MEMBERS.iter().all(|function| is_live(&world, function)));
}

#[tokio::test(start_paused = true)]
async fn rollouts_that_take_longer_than_six_hours_are_not_late() {
    /// The minutes of each wait in which the sweep looks.
    const LOOKED_AT: u64 = 10;
    let world = group_world(&json!({ "steps": [], "watch": "4h", "when_quiet": "proceed" })).await;
    promotes(&world).await;
    // `workers` is quiet, and watched for eight hours.
    for minutes in [239, 7 * 60 - 239] {
        world.pass(Duration::from_secs(60 * (minutes - LOOKED_AT))).await;
        world.sweep_minutes(LOOKED_AT).await;
        assert_eq!(serves(&world), [whole(2), whole(2)]);
    }
    world.sweep_minutes(70).await;
    assert_eq!(group_of(&world).await["status"], "succeeded");
}

#[tokio::test(start_paused = true)]
async fn member_whose_tests_find_no_room_hears_that_another_has_gone_back() {
    let mut rollout = at_once();
    rollout["smoke_test"] = json!({ "event": { "ping": true } });
    let world = group_world(&rollout).await;
    world.on(Op::Invoke).about("orders").always().fail(CallErrorKind::Throttled);
    world.command(together()).await;
    let said = async {
        while serves(&world)[1] != whole(2) {
            world.pass(Duration::from_secs(10)).await;
        }
        says(&world, "workers", "abort").await;
        world.pass(Duration::from_secs(180)).await;
        assert_eq!(world.head("prod", "orders")["active"], Value::Null, "it waits for its tests no more");
    };
    // Other invocations take messages beside the one that waits for its tests.
    tokio::join!(world.tick(), world.sweep_minutes(10), said);
    world.sweep_minutes(2).await;
    assert_eq!(serves(&world), [whole(1), whole(1)]);
    assert_eq!(group_of(&world).await["status"], "rolled_back");
}
