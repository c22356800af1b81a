//! The reads of looks, those that fail, and the news of both for people.

use deployer_core::event::Announcement;
use deployer_core::names::OVERDUE_LINE;
use deployer_core::record::TargetErrorCode;
use fixtures::lines;
use world::{Call, Trigger};

use super::words::says;
use super::*;

fn with_alarm() -> Value {
    json!({ "steps": [{ "weight": 10, "for": "10m" }], "watch": "10m", "alarms": ["{function}-5xx"] })
}

/// Returns a world whose alarm is in this state in each place.
fn alarmed(rollout: &Value, state: AlarmState) -> World {
    let world = world(rollout);
    set_alarm(&world, &BOTH, state);
    world
}

fn set_alarm(world: &World, places: &[&str], state: AlarmState) {
    let now = world.now();
    for place in places {
        world.aws(|aws| aws.at(place).monitoring.alarm("orders-5xx", state, now));
    }
}

#[tokio::test(start_paused = true)]
async fn alarm_that_fires_counts_although_nothing_else_can_be_read() {
    for op in [Op::GetMetricData, Op::GetAlias, Op::DescribeAlarmHistory, Op::DescribeAlarms] {
        let world = alarmed(&with_alarm(), AlarmState::Ok);
        let begun = begins(&world).await;
        world.sweep_minutes(2).await;
        set_alarm(&world, &[DEV], AlarmState::Alarm);
        world.on(op).at(DEV).times(1).fail(CallErrorKind::Throttled);
        world.sweep_minutes(1).await;
        let record = record_of(&world, &begun).await;
        assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::AlarmFired)), "{op}: {record:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn bad_counts_take_the_release_back_although_the_alarms_cannot_be_read() {
    for op in [Op::DescribeAlarms, Op::DescribeAlarmHistory] {
        let world = alarmed(&with_alarm(), AlarmState::Ok);
        world.aws(|aws| aws.at(DEV).monitoring.fails("orders", 2, 1.0));
        let begun = begins(&world).await;
        world.on(op).at(DEV).always().fail(CallErrorKind::Throttled);
        world.sweep_minutes(6).await;
        let record = record_of(&world, &begun).await;
        assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::Unhealthy)), "{op}: {record:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn step_waits_as_long_as_the_alarms_cannot_be_read() {
    let world = alarmed(&with_alarm(), AlarmState::Ok);
    begins(&world).await;
    world.on(Op::DescribeAlarms).at(DEV).always().fail(CallErrorKind::Throttled);
    world.sweep_minutes(14).await;
    assert_eq!(world.served(DEV), split(1, 2, 10));
}

#[tokio::test(start_paused = true)]
async fn alarms_that_cannot_be_read_before_the_rollout_are_named_by_what_failed() {
    for (kind, code) in [
        (CallErrorKind::Throttled, TargetErrorCode::Throttled),
        (CallErrorKind::Denied, TargetErrorCode::AccessDenied),
        (CallErrorKind::Unknown, TargetErrorCode::Internal),
    ] {
        let world = alarmed(&with_alarm(), AlarmState::Ok);
        world.on(Op::DescribeAlarms).at(DEV).always().fail(kind);
        let record = begins(&world).await;
        assert_eq!((record.status, record.targets[0].error.as_ref().map(|e| e.code)), (Status::Failed, Some(code)));
        assert_eq!(world.served(DEV), whole(1));
    }
}

#[tokio::test(start_paused = true)]
async fn new_function_is_live_after_its_watch_whatever_when_quiet_says() {
    for when_quiet in ["fail", "pause"] {
        let world = World::dev();
        let mut rollout = with_alarm();
        rollout["when_quiet"] = json!(when_quiet);
        world.set_rollout("dev", Some(&rollout));
        set_alarm(&world, &[DEV], AlarmState::Ok);
        let begun = world.record("dev/orders/1.1.0.zip", world::zips::function("1.1.0")).await;
        world.sweep_minutes(12).await;
        let record = record_of(&world, &begun).await;
        assert_eq!(record.status, Status::Succeeded, "{when_quiet}: {record:?}");
        let because = record.because.as_deref().unwrap_or_default();
        assert!(
            because.contains("the guard had no old version to compare with in 111111111111/eu-west-1"),
            "{because}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn alarm_of_a_new_function_counts() {
    let world = World::dev();
    world.set_rollout("dev", Some(&with_alarm()));
    set_alarm(&world, &[DEV], AlarmState::Ok);
    let begun = world.record("dev/orders/1.1.0.zip", world::zips::function("1.1.0")).await;
    world.sweep_minutes(2).await;
    set_alarm(&world, &[DEV], AlarmState::Alarm);
    world.sweep_minutes(1).await;
    let record = record_of(&world, &begun).await;
    assert_eq!((record.status, record.code), (Status::Failed, Some(Code::AlarmFired)), "{record:?}");
    assert!(record.because.as_deref().unwrap().contains("created, nothing to go back to"), "{record:?}");
}

#[tokio::test(start_paused = true)]
async fn provisioned_concurrency_that_was_added_since_the_last_deployment_moves_all_at_once() {
    let world = World::with_callers(&[DEV], &one_step());
    world.set_rollout("dev", None);
    assert_eq!(begins(&world).await.status, Status::Succeeded);
    world.set_rollout("dev", Some(&one_step()));
    let takes = Duration::from_secs(90);
    world.change_function(DEV, "orders", |f| f.provision("live", takes, world::UpdateOutcome::Settles));
    world.pass(Duration::from_secs(120)).await;
    drop(world.record("dev/orders/1.2.0.zip", code("1.2.0")).await);
    world.sweep_minutes(4).await;
    assert_eq!(world.served(DEV), whole(3), "it takes no weights");
}

fn told(world: &World, announces: Announcement) -> Vec<Value> {
    let events = world.aws(|aws| aws.events.clone());
    events.into_iter().filter(|event| event.announces == announces).map(|event| event.detail).collect()
}

#[tokio::test(start_paused = true)]
async fn pause_by_the_deployer_is_in_the_record_and_told_once() {
    let world = world(&one_step());
    world.set_event_bus("deployer");
    let begun = begins(&world).await;
    world.on(Op::GetMetricData).at(DEV).always().fail(CallErrorKind::Denied);
    world.sweep_minutes(14).await;
    assert!(told(&world, Announcement::RolloutPaused).is_empty());
    world.on(Op::PutEvents).times(1).fail(CallErrorKind::Unknown);
    world.sweep_minutes(2).await;
    assert!(told(&world, Announcement::RolloutPaused).is_empty(), "it could not be sent");
    world.sweep_minutes(5).await;
    let paused = told(&world, Announcement::RolloutPaused);
    let record = record_of(&world, &begun).await;
    assert_eq!((record.status, record.code), (Status::InProgress, Some(Code::Waiting)));
    let because = record.because.as_deref().unwrap();
    assert!(because.starts_with("the rollout is paused at 10 %: the metrics of 111111111111/eu-west-1"), "{because}");
    assert_eq!(paused.iter().map(|detail| detail["because"].clone()).collect::<Vec<_>>(), [json!(because)]);
}

#[tokio::test(start_paused = true)]
async fn each_move_is_told() {
    let world = world(&one_step());
    world.set_event_bus("deployer");
    begins(&world).await;
    world.sweep_minutes(12).await;
    let moved = told(&world, Announcement::RolloutMoved);
    let because: Vec<&str> = moved.iter().map(|detail| detail["because"].as_str().unwrap()).collect();
    assert_eq!(because.len(), 2, "{because:?}");
    assert!(because[0].starts_with("the new version gets 10 % of the traffic until "), "{because:?}");
    assert!(because[1].starts_with("the new version gets all traffic, and is watched until "), "{because:?}");
}

#[tokio::test(start_paused = true)]
async fn rollout_that_no_look_reaches_is_in_the_log_as_overdue() {
    let world = world(&one_step());
    begins(&world).await;
    let overdue = async |minutes: u64| {
        world.pass(Duration::from_secs(60 * minutes)).await;
        // Nobody delivers the messages of this sweep.
        let (_, lines) = lines::of(async { world.invocation().run(&Trigger::Sweep).await }).await;
        lines.iter().any(|line| line["message"].as_str().unwrap_or_default().starts_with(OVERDUE_LINE))
    };
    assert!(!overdue(14).await);
    assert!(overdue(3).await);
}

#[tokio::test(start_paused = true)]
async fn status_shows_what_a_look_finds_where_one_is_asked_for_and_changes_nothing() {
    let world = world(&one_step());
    begins(&world).await;
    world.sweep_minutes(9).await;
    let before = world.head("dev", "orders");
    let calls = world.calls_of(Op::AssumeRole).len();
    let plain = world.command(command("status", &json!({}))).await;
    assert_eq!(plain["functions"][0]["rollout"]["verdict"], Value::Null);
    assert_eq!(world.calls_of(Op::AssumeRole).len(), calls, "no target is asked");
    let status = world.command(command("status", &json!({ "look": true }))).await;
    let rollout = &status["functions"][0]["rollout"];
    assert_eq!(rollout["verdict"]["verdict"], "ok", "{rollout:#}");
    assert_eq!(rollout["targets"][1]["look"]["verdict"], "ok");
    assert!(rollout["targets"][1]["look"]["new"]["invocations"].as_u64() >= Some(50), "{rollout:#}");
    assert_eq!(world.head("dev", "orders"), before);
    let (kind, message) = world.command_error(json!({ "command": "status", "environment": "dev", "look": true })).await;
    assert_eq!((kind.as_str(), message.contains("one function")), ("InvalidCommand", true), "{message}");
}

#[tokio::test(start_paused = true)]
async fn status_says_why_no_look_was_made() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    let why = async || {
        let status = world.command(command("status", &json!({ "look": true }))).await;
        let rollout = status["functions"][0]["rollout"].clone();
        assert_eq!(rollout["verdict"], Value::Null, "{rollout:#}");
        rollout["not_looked_at"].as_str().unwrap_or_default().to_owned()
    };
    world.latency(|call| Duration::from_secs(if call.op == Op::GetMetricData { 60 } else { 0 }));
    assert_eq!(why().await, "no answer within 10 seconds");
    world.latency(|_| Duration::from_millis(20));
    world.on(Op::UpdateAlias).always().fail(CallErrorKind::Denied);
    says(&world, "abort", &begun).await;
    assert_eq!(why().await, "the deployer is at work on it, and looks again when that is done");
}

#[tokio::test(start_paused = true)]
async fn record_has_the_moves_and_the_verdict_of_each_step() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    world.sweep_minutes(26).await;
    let rollout = record_of(&world, &begun).await.rollout.unwrap();
    let moves: Vec<(usize, u8, usize)> = rollout.moves.iter().map(|one| (one.wave, one.weight, one.targets)).collect();
    assert_eq!(moves, [(1, 10, 2), (1, 100, 2)]);
    let verdicts: Vec<(usize, String)> =
        rollout.verdicts.iter().map(|one| (one.step, one.verdict.to_string())).collect();
    assert_eq!(verdicts, [(1, "ok".to_owned()), (2, "ok".to_owned())]);
    assert!(rollout.verdicts[0].counts.as_ref().unwrap().new.invocations >= 50 && !rollout.unproven);
}

/// CloudWatch answers nothing in one region: a look ends nevertheless, and what the others say counts.
#[tokio::test(start_paused = true)]
async fn bad_counts_take_the_release_back_while_cloudwatch_is_dead_in_another_region() {
    for op in [Op::DescribeAlarmHistory, Op::DescribeAlarms, Op::GetMetricData] {
        let mut rollout = with_alarm();
        rollout["alarms"] = json!(["a", "b", "c", "d", "e", "f", "g"]);
        let world = world(&rollout);
        let now = world.now();
        for (place, name) in BOTH.iter().flat_map(|place| ["a", "b", "c", "d", "e", "f", "g"].map(|name| (place, name)))
        {
            world.aws(|aws| aws.at(place).monitoring.alarm(name, AlarmState::Ok, now));
        }
        world.aws(|aws| aws.at(DEV).monitoring.fails("orders", 2, 1.0));
        let begun = begins(&world).await;
        let is_dead = move |call: &Call| call.op == op && call.place.contains(OTHER);
        world.latency(move |call| if is_dead(call) { Duration::from_secs(250) } else { Duration::from_millis(20) });
        world.sweep_minutes(6).await;
        let record = record_of(&world, &begun).await;
        assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::Unhealthy)), "{op}: {record:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn alarm_that_fires_counts_where_the_history_of_another_is_not_answered() {
    let mut rollout = with_alarm();
    rollout["alarms"] = json!(["{function}-5xx", "other"]);
    let world = alarmed(&rollout, AlarmState::Ok);
    let now = world.now();
    world.aws(|aws| BOTH.iter().for_each(|place| aws.at(place).monitoring.alarm("other", AlarmState::Ok, now)));
    let begun = begins(&world).await;
    let is_dead = |call: &Call| call.op == Op::DescribeAlarmHistory && call.what == "other";
    world.latency(move |call| Duration::from_secs(if is_dead(call) { 3_600 } else { 0 }));
    world.sweep_minutes(1).await;
    set_alarm(&world, &[DEV], AlarmState::Alarm);
    world.sweep_minutes(1).await;
    let record = record_of(&world, &begun).await;
    assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::AlarmFired)), "{record:?}");
}
