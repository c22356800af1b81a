//! Releases that come where another was taken back and stayed, or where every target serves them already.

use super::*;

/// Returns a world without functions and the record of a first release that its alarm has taken back.
async fn first_taken_back(rollout: &Value) -> (World, DeploymentRecord) {
    let world = World::dev();
    world.set_rollout("dev", Some(rollout));
    alarm(&world, AlarmState::Ok);
    let begun = world.record("dev/orders/1.1.0.zip", world::zips::function("1.1.0")).await;
    world.sweep_minutes(2).await;
    alarm(&world, AlarmState::Alarm);
    world.sweep_minutes(1).await;
    let record = record_of(&world, &begun).await;
    alarm(&world, AlarmState::Ok);
    (world, record)
}

fn alarm(world: &World, state: AlarmState) {
    let now = world.now();
    world.aws(|aws| aws.at(DEV).monitoring.alarm("orders-5xx", state, now));
}

fn with_alarm() -> Value {
    json!({ "steps": [{ "weight": 10, "for": "10m" }], "watch": "10m", "alarms": ["{function}-5xx"] })
}

#[tokio::test(start_paused = true)]
async fn fix_of_a_first_release_that_was_taken_back_is_rolled_out_without_comparison() {
    let (world, first) = first_taken_back(&with_alarm()).await;
    assert_eq!(first.status, Status::Failed, "{first:?}");
    assert_eq!(world.served(DEV), whole(1), "there is nothing to go back to");
    let begun = world.record("dev/orders/1.2.0.zip", world::zips::function("1.2.0")).await;
    assert_eq!((begun.status, begun.code), (Status::InProgress, Some(Code::Waiting)), "{begun:?}");
    assert_eq!(world.served(DEV), whole(2));
    world.sweep_minutes(12).await;
    let record = record_of(&world, &begun).await;
    assert_eq!(record.status, Status::Succeeded, "{record:?}");
    let because = record.because.as_deref().unwrap_or_default();
    assert!(because.contains("the guard had no old version to compare with in 111111111111/eu-west-1"), "{because}");
    assert_eq!(world.head("dev", "orders")["history"][0]["release"], "1.2.0");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn alarm_of_the_fix_of_a_first_release_counts_and_names_the_target_that_stays() {
    let (world, _) = first_taken_back(&with_alarm()).await;
    let begun = world.record("dev/orders/1.2.0.zip", world::zips::function("1.2.0")).await;
    world.sweep_minutes(2).await;
    alarm(&world, AlarmState::Alarm);
    world.sweep_minutes(1).await;
    let record = record_of(&world, &begun).await;
    assert_eq!((record.status, record.code), (Status::Failed, Some(Code::AlarmFired)), "{record:?}");
    assert!(record.because.as_deref().unwrap().contains("nothing to go back to"), "{record:?}");
    assert_eq!(world.head("dev", "orders")["active"], Value::Null);
}

/// Returns a world in which 1.1.0 is live and somebody has pointed both aliases at 1.2.0, which was rolled back.
async fn stayed() -> World {
    let world = world(&at_once());
    begins(&world).await;
    world.sweep_minutes(11).await;
    world.record("dev/orders/1.2.0.zip", code("1.2.0")).await;
    world.sweep_minutes(11).await;
    rollback(&world).await;
    for place in BOTH {
        world.change_function(place, "orders", |f| f.point("live", 3));
    }
    assert_eq!(world.head("dev", "orders")["history"][0]["release"], "1.1.0");
    world
}

#[tokio::test(start_paused = true)]
async fn release_that_every_target_serves_and_is_not_live_is_watched_before_it_is() {
    let world = stayed().await;
    let deploy = json!({ "release": "1.2.0", "id": "again" });
    let begun: DeploymentRecord = serde_json::from_value(world.command(command("deploy", &deploy)).await).unwrap();
    assert_eq!((begun.status, begun.code), (Status::InProgress, Some(Code::Waiting)), "{begun:?}");
    assert_eq!(world.head("dev", "orders")["history"][0]["release"], "1.1.0", "it is watched first");
    world.sweep_minutes(11).await;
    assert!(matches!(record_of(&world, &begun).await.status, Status::Succeeded | Status::Unchanged));
    assert_eq!(world.head("dev", "orders")["history"][0]["release"], "1.2.0");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn bad_release_that_every_target_serves_goes_back_to_what_is_live() {
    let world = stayed().await;
    world.aws(|aws| aws.at(DEV).monitoring.fails("orders", 3, 1.0));
    let deploy = json!({ "release": "1.2.0", "id": "again" });
    let begun: DeploymentRecord = serde_json::from_value(world.command(command("deploy", &deploy)).await).unwrap();
    world.sweep_minutes(8).await;
    let record = record_of(&world, &begun).await;
    assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::Unhealthy)), "{record:?}");
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(2), whole(2)]);
}
