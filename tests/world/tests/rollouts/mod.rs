//! Rollouts: steps, looks, the way back, and what comes in meanwhile.

mod again;
mod crashes;
mod effect;
mod ends;
mod freezes;
mod gone;
mod gone_groups;
mod gone_rollbacks;
mod groups;
mod groups_released;
mod looks;
mod meanwhile;
mod settings;
mod smoke;
mod way_back;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use deployer_core::record::{Code, DeploymentRecord, Status};
use deployer_core::rollout::{AlarmState, SmokeAnswer};
use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::orders::{command, rollback};
use world::rollouts::Served;
use world::zips::code;
use world::{DEV, Op, World};

const OTHER: &str = "222222222222";
const BOTH: [&str; 2] = [DEV, OTHER];

fn one_step() -> Value {
    json!({ "steps": [{ "weight": 10, "for": "10m" }], "watch": "10m" })
}

/// Moves all traffic at once, and watches it for eight minutes.
fn at_once() -> Value {
    json!({ "steps": [], "watch": "8m" })
}

fn world(rollout: &Value) -> World {
    World::with_callers(&BOTH, rollout)
}

fn whole(version: u64) -> Served {
    (version, BTreeMap::new())
}

fn split(old: u64, new: u64, percent: u64) -> Served {
    (old, [(new, percent)].into())
}

/// Uploads 1.1.0 and returns the record with which the invocation answered.
async fn begins(world: &World) -> DeploymentRecord {
    world.record("dev/orders/1.1.0.zip", code("1.1.0")).await
}

async fn record_of(world: &World, id: &DeploymentRecord) -> DeploymentRecord {
    let key = format!("deployments/dev/orders/{}.json", id.id);
    world.aws(|aws| serde_json::from_slice(aws.ledger.get(&key).expect("a record")).unwrap())
}

#[tokio::test(start_paused = true)]
async fn good_release_gets_its_traffic_in_steps_and_is_live_after_its_watch() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    assert_eq!((begun.status, begun.code), (Status::InProgress, Some(Code::Waiting)));
    assert!(begun.because.as_deref().unwrap().starts_with("the new version gets 10 % of the traffic until "));
    assert_eq!(BOTH.map(|place| world.served(place)), [split(1, 2, 10), split(1, 2, 10)]);
    assert_eq!(world.head("dev", "orders")["format"], 4);
    world.sweep_minutes(9).await;
    assert_eq!(world.served(DEV), split(1, 2, 10));
    world.sweep_minutes(3).await;
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(2), whole(2)]);
    assert!(world.head("dev", "orders")["history"].as_array().unwrap().is_empty(), "nothing is live before the commit");
    world.sweep_minutes(12).await;
    let record = record_of(&world, &begun).await;
    assert_eq!((record.status, record.because), (Status::Succeeded, None));
    assert_eq!(record.targets[0].previous.as_ref().unwrap().version.as_str(), "1");
    let head = world.head("dev", "orders");
    assert_eq!(
        (&head["format"], &head["active"], &head["history"][0]["release"]),
        (&json!(1), &Value::Null, &json!("1.1.0"))
    );
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn looks_that_move_nothing_write_nothing() {
    let world = world(&one_step());
    begins(&world).await;
    world.sweep_minutes(2).await;
    let before = (world.writes().len(), world.head("dev", "orders")["revision"].clone());
    world.sweep_minutes(5).await;
    assert_eq!((world.writes().len(), world.head("dev", "orders")["revision"].clone()), before);
}

#[tokio::test(start_paused = true)]
async fn no_alias_moves_where_a_target_cannot_publish() {
    let world = world(&one_step());
    world.on(Op::UpdateFunctionCode).at(OTHER).always().fail(CallErrorKind::Invalid);
    let record = begins(&world).await;
    assert_eq!((record.status, record.code), (Status::Failed, Some(Code::TargetFailed)));
    assert!(record.because.as_deref().unwrap().ends_with("no traffic has moved anywhere"), "{record:?}");
    assert_eq!(world.calls_of(Op::UpdateAlias).len(), 0);
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)]);
    assert!(world.head("dev", "orders")["history"].as_array().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn bad_release_is_taken_back_by_the_guard() {
    let world = world(&one_step());
    world.aws(|aws| aws.at(DEV).monitoring.fails("orders", 2, 1.0));
    let begun = begins(&world).await;
    world.sweep_minutes(6).await;
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)]);
    let record = record_of(&world, &begun).await;
    assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::Unhealthy)), "{record:?}");
    let because = record.because.as_deref().unwrap();
    assert!(because.starts_with("1.1.0 failed ") && because.ends_with("1.1.0 was taken back at 10 %"), "{because}");
    assert_eq!(world.head("dev", "orders")["left"][0]["release"], "1.1.0");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn alarm_takes_the_release_back_and_one_that_fired_before_does_not() {
    let with_alarms = json!({ "steps": [{ "weight": 10, "for": "10m" }], "alarms": ["{function}-5xx", "old"] });
    let world = world(&with_alarms);
    let now = world.now();
    for place in BOTH {
        world.aws(|aws| {
            aws.at(place).monitoring.alarm("orders-5xx", AlarmState::Ok, now);
            aws.at(place).monitoring.alarm("old", AlarmState::Alarm, now);
        });
    }
    let begun = begins(&world).await;
    world.sweep_minutes(4).await;
    assert_eq!(world.served(DEV), split(1, 2, 10), "old fired before");
    let now = world.now();
    world.aws(|aws| aws.at(OTHER).monitoring.alarm("orders-5xx", AlarmState::Alarm, now));
    world.sweep_minutes(1).await;
    let record = record_of(&world, &begun).await;
    assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::AlarmFired)), "{record:?}");
    assert!(record.because.as_deref().unwrap().starts_with("alarm orders-5xx fires in 222222222222/eu-west-1"));
    assert_eq!(world.served(DEV), whole(1));
}

#[tokio::test(start_paused = true)]
async fn alarm_that_does_not_exist_stops_the_rollout_before_traffic() {
    let world = world(&json!({ "alarms": ["mistyped"] }));
    let record = begins(&world).await;
    assert_eq!(record.status, Status::Failed);
    let because = record.because.as_deref().unwrap();
    assert!(because.contains("there is no alarm mistyped") && because.contains("no traffic has moved"), "{because}");
    assert_eq!(world.served(DEV), whole(1));
}

#[tokio::test(start_paused = true)]
async fn version_that_fails_its_smoke_test_gets_no_traffic() {
    let smoke = json!({ "smoke_test": { "event": { "ping": true }, "expect": { "ok": true } } });
    let world = world(&smoke);
    let ok = || SmokeAnswer::Payload(br#"{"ok": true}"#.to_vec());
    world.aws(|aws| aws.at(DEV).monitoring.answers("orders", 2, [ok()]));
    let record = begins(&world).await;
    assert_eq!(record.status, Status::Failed);
    let because = record.because.as_deref().unwrap();
    assert!(because.starts_with("the smoke test in 222222222222/eu-west-1 failed"), "{because}");
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)]);
    world.aws(|aws| aws.at(OTHER).monitoring.answers("orders", 3, [ok()]));
    world.aws(|aws| aws.at(DEV).monitoring.answers("orders", 3, [ok()]));
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(world.record("dev/orders/1.2.0.zip", code("1.2.0")).await.status, Status::InProgress);
    assert_eq!(BOTH.map(|place| world.served(place)), [split(1, 3, 10), split(1, 3, 10)]);
}

#[tokio::test(start_paused = true)]
async fn rollback_means_the_rollout() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    world.sweep_minutes(3).await;
    let record = rollback(&world).await;
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)]);
    // Nothing was live here before the rollout.
    assert_eq!(record.status, Status::Succeeded, "{record:?}");
    assert_eq!(record_of(&world, &begun).await.status, Status::Superseded);
}

#[tokio::test(start_paused = true)]
async fn rollback_of_a_second_rollout_leaves_the_first_release_live() {
    let world = world(&one_step());
    let first = begins(&world).await;
    world.sweep_minutes(26).await;
    assert_eq!(record_of(&world, &first).await.status, Status::Succeeded);
    let second = world.record("dev/orders/1.2.0.zip", code("1.2.0")).await;
    assert_eq!(world.served(DEV), split(2, 3, 10));
    let record = rollback(&world).await;
    let because = record.because.as_deref().unwrap_or_default();
    assert_eq!((record.status, because), (Status::Succeeded, "1.2.0 taken back at 10 %; 1.1.0 is live"));
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(2), whole(2)]);
    assert_eq!(record_of(&world, &second).await.status, Status::Superseded);
    let head = world.head("dev", "orders");
    assert_eq!((&head["history"][0]["release"], &head["left"][0]["release"]), (&json!("1.1.0"), &json!("1.2.0")));
}

#[tokio::test(start_paused = true)]
async fn newer_upload_waits_until_the_rollout_ends() {
    let world = world(&one_step());
    begins(&world).await;
    world.pass(Duration::from_secs(1)).await;
    let waits = world.record("dev/orders/1.2.0.zip", code("1.2.0")).await;
    assert_eq!((waits.status, world.served(DEV)), (Status::Pending, split(1, 2, 10)));
    let mut served = vec![];
    for _ in 0..26 {
        world.sweep_minutes(1).await;
        served.push(world.served(DEV));
    }
    served.dedup();
    assert_eq!(served, [whole(2), split(2, 3, 10), whole(3)], "its own rollout begins then");
}

#[tokio::test(start_paused = true)]
async fn reject_takes_the_release_back_at_once() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    world
        .command(json!({
            "command": "reject", "function": "orders", "release": "1.1.0", "reason": "bad", "requested_by": "ann"
        }))
        .await;
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)], "within the command");
    let record = record_of(&world, &begun).await;
    assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::Rejected)), "{record:?}");
}

#[tokio::test(start_paused = true)]
async fn alias_that_somebody_moved_stays_and_the_others_go_back() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    world.change_function(DEV, "orders", |f| f.code(&code("by hand")).publish().point("live", 3));
    world.sweep_minutes(12).await;
    let record = record_of(&world, &begun).await;
    assert_eq!((record.status, record.code), (Status::Failed, Some(Code::TargetFailed)), "{record:?}");
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(3), whole(1)]);
}

#[tokio::test(start_paused = true)]
async fn target_that_denies_the_move_takes_all_back() {
    let world = world(&one_step());
    world.on(Op::UpdateAlias).at(OTHER).always().fail(CallErrorKind::Denied);
    let record = begins(&world).await;
    assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::TargetFailed)), "{record:?}");
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)]);
}

#[tokio::test(start_paused = true)]
async fn rollout_that_nobody_can_judge_pauses_and_goes_on_when_asked() {
    let world = world(&one_step());
    begins(&world).await;
    world.on(Op::GetMetricData).at(DEV).always().fail(CallErrorKind::Denied);
    world.sweep_minutes(20).await;
    assert_eq!(world.served(DEV), split(1, 2, 10), "no step is taken");
    let paused = world.head("dev", "orders")["active"]["rollout"]["paused"]["reason"].clone();
    assert_eq!(paused, "unreadable");
}

#[tokio::test(start_paused = true)]
async fn waves_follow_one_another() {
    let world = world(&json!({ "steps": [], "watch": "8m", "waves": ["1", "100%"] }));
    let begun = begins(&world).await;
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(2), whole(1)]);
    world.sweep_minutes(9).await;
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(2), whole(2)]);
    world.sweep_minutes(10).await;
    assert_eq!(record_of(&world, &begun).await.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn new_function_gets_its_alias_at_once_and_is_live_after_its_watch() {
    let world = World::dev();
    world.set_rollout("dev", Some(&one_step()));
    let begun = world.record("dev/orders/1.1.0.zip", world::zips::function("1.1.0")).await;
    assert_eq!((begun.status, world.served(DEV)), (Status::InProgress, whole(1)));
    world.sweep_minutes(25).await;
    assert_eq!(record_of(&world, &begun).await.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn rollback_and_redeploy_move_all_traffic_at_once() {
    let world = World::with_callers(&[DEV], &one_step());
    world.set_rollout("dev", None);
    world::orders::deploy_all(&world, &["a", "b"]).await;
    world.set_rollout("dev", Some(&one_step()));
    let record = rollback(&world).await;
    assert_eq!((record.status, world.served(DEV)), (Status::Succeeded, whole(2)));
    let record = world.command_record(command("redeploy", &json!({}))).await;
    assert_eq!(record.status, Status::Unchanged);
}

/// Lets a command come so many milliseconds after an upload, and sweeps until nothing is active.
async fn with_command_after(milliseconds: u64, given: Value) -> World {
    let world = world(&one_step());
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    let later = async {
        world.pass(Duration::from_millis(milliseconds)).await;
        world.command(given).await
    };
    let _ = tokio::join!(world.deliver(&upload), later);
    world.sweep_minutes(25).await;
    assert_eq!(world.head("dev", "orders")["active"], Value::Null, "after {milliseconds} ms");
    world
}

#[tokio::test(start_paused = true)]
async fn rollback_at_any_moment_of_the_beginning_leaves_the_old_version() {
    for milliseconds in (120..900).step_by(20) {
        let world = with_command_after(milliseconds, command("rollback", &json!({}))).await;
        assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)], "after {milliseconds} ms");
        assert!(world.head("dev", "orders")["history"].as_array().unwrap().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn reject_at_any_moment_of_the_beginning_leaves_the_old_version() {
    let reject = || json!({ "command": "reject", "function": "orders", "release": "1.1.0", "reason": "bad", "requested_by": "ann" });
    for milliseconds in (120..900).step_by(20) {
        let world = with_command_after(milliseconds, reject()).await;
        assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)], "after {milliseconds} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn alias_with_provisioned_concurrency_moves_at_once_and_is_watched_once_its_traffic_has_come() {
    let world = World::with_callers(&[DEV], &one_step());
    let takes = Duration::from_secs(90);
    world.change_function(DEV, "orders", |f| f.provision("live", takes, world::UpdateOutcome::Settles));
    let begun = begins(&world).await;
    assert_eq!(world.served(DEV), split(2, 1, 100), "Lambda keeps the traffic back");
    assert_eq!(world.head("dev", "orders")["active"]["rollout"]["due"], Value::Null);
    world.sweep_minutes(4).await;
    assert_eq!(world.served(DEV), whole(2));
    assert!(!world.head("dev", "orders")["active"]["rollout"]["due"].is_null(), "the watch has begun");
    world.sweep_minutes(24).await;
    assert_eq!(record_of(&world, &begun).await.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn alias_that_somebody_shares_already_is_refused_before_traffic() {
    let world = world(&one_step());
    world.change_function(OTHER, "orders", |f| {
        f.code(&code("by hand")).publish();
        f.aliases.get_mut("live").unwrap().weights = [(2, 0.2)].into();
        f
    });
    let record = begins(&world).await;
    assert_eq!(record.status, Status::Failed, "{record:?}");
    assert!(record.because.as_deref().unwrap().contains("somebody shares the traffic of alias live"), "{record:?}");
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), split(1, 2, 20)]);
}
