//! The effect of the manifest, and of a person's hurry, on a rollout.

use super::*;
use world::zips::with_manifest;

/// Uploads 1.1.0 with this table `[rollout]` in its manifest.
async fn begins_with(world: &World, table: &str) -> DeploymentRecord {
    let zip = with_manifest("1.1.0", &format!("[rollout]\n{table}\n"));
    world.record("dev/orders/1.1.0.zip", zip).await
}

#[tokio::test(start_paused = true)]
async fn manifest_that_asks_for_slower_steps_holds_each_longer() {
    let world = world(&one_step());
    begins_with(&world, "slower = 2").await;
    world.sweep_minutes(19).await;
    assert_eq!(world.served(DEV), split(1, 2, 10));
    world.sweep_minutes(3).await;
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(2), whole(2)]);
}

#[tokio::test(start_paused = true)]
async fn manifest_that_asks_for_a_smaller_first_step_gets_it() {
    let world = world(&one_step());
    begins_with(&world, "first_weight = 3").await;
    assert_eq!(BOTH.map(|place| world.served(place)), [split(1, 2, 3), split(1, 2, 3)]);
}

#[tokio::test(start_paused = true)]
async fn alarm_of_the_manifest_takes_the_release_back() {
    let world = world(&one_step());
    for place in BOTH {
        let now = world.now();
        world.aws(|aws| aws.at(place).monitoring.alarm("orders-age", AlarmState::Ok, now));
    }
    let begun = begins_with(&world, "alarms = ['{function}-age']").await;
    world.sweep_minutes(3).await;
    assert_eq!(world.served(DEV), split(1, 2, 10));
    let now = world.now();
    world.aws(|aws| aws.at(OTHER).monitoring.alarm("orders-age", AlarmState::Alarm, now));
    world.sweep_minutes(1).await;
    assert_eq!(record_of(&world, &begun).await.code, Some(Code::AlarmFired));
    assert_eq!(world.served(DEV), whole(1));
}

#[tokio::test(start_paused = true)]
async fn manifest_that_asks_to_pause_when_it_is_quiet_pauses_where_the_environment_proceeds() {
    for (table, is_paused) in [("", false), ("when_quiet = 'pause'", true)] {
        let world = world(&one_step());
        for place in BOTH {
            world.aws(|aws| aws.at(place).monitoring.called("orders", "live", 0.0));
        }
        begins_with(&world, table).await;
        world.sweep_minutes(30).await;
        let served = if is_paused { split(1, 2, 10) } else { whole(2) };
        assert_eq!(world.served(DEV), served, "{table}");
        assert_eq!(!world.head("dev", "orders")["active"]["rollout"]["paused"].is_null(), is_paused, "{table}");
    }
}

#[tokio::test(start_paused = true)]
async fn hurry_skips_steps_and_waves_and_keeps_the_smoke_test_and_the_watch() {
    let mut rollout = one_step();
    rollout["waves"] = json!(["1", "100%"]);
    rollout["smoke_test"] = json!({ "event": { "ping": true } });
    let world = World::with_callers(&BOTH, &rollout);
    world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    let deploy = command("deploy", &json!({ "release": "1.1.0", "skip_rollout": "orders are lost" }));
    let begun = world.command_record(deploy).await;
    assert_eq!(begun.status, Status::InProgress, "{begun:?}");
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(2), whole(2)], "at once, everywhere");
    for place in BOTH {
        assert_eq!(world.aws(|aws| aws.at(place).monitoring.smoke_invocations.len()), 1, "{place}");
    }
    world.sweep_minutes(8).await;
    assert_eq!(record_of(&world, &begun).await.status, Status::InProgress, "it is watched");
    world.sweep_minutes(4).await;
    assert_eq!(record_of(&world, &begun).await.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn hurried_release_that_fails_is_taken_back() {
    let world = world(&one_step());
    for place in BOTH {
        world.aws(|aws| aws.at(place).monitoring.fails("orders", 2, 1.0));
    }
    // All traffic at once is compared with the hour before.
    world.pass(Duration::from_secs(3_600)).await;
    world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    let deploy = command("deploy", &json!({ "release": "1.1.0", "skip_rollout": "orders are lost" }));
    let begun = world.command_record(deploy).await;
    world.sweep_minutes(10).await;
    assert_eq!(record_of(&world, &begun).await.code, Some(Code::Unhealthy));
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)]);
}

#[tokio::test(start_paused = true)]
async fn deployer_that_cannot_look_at_a_rollout_deploys_nothing_where_one_is_asked_for() {
    let mut world = world(&one_step());
    world.decorate_ports = Some(Box::new(|ports| deployer_engine::Ports { begins_rollouts: false, ..ports }));
    let record = begins(&world).await;
    assert_eq!((record.status, record.code), (Status::Failed, Some(Code::TargetFailed)), "{record:?}");
    let message = record.targets[0].error.as_ref().unwrap().message.to_string();
    assert_eq!(
        message,
        "environment dev asks for a rollout, and this deployer begins none unless its variable \
         DEPLOYER_PREVIEW is \"rollouts\": nothing was deployed"
    );
    assert_eq!(world.calls_of(Op::UpdateFunctionCode).len(), 0);
    world.decorate_ports = Some(Box::new(|ports| deployer_engine::Ports { queue: None, ..ports }));
    world.pass(Duration::from_secs(1)).await;
    let record = world.record("dev/orders/1.2.0.zip", code("1.2.0")).await;
    let message = record.targets[0].error.as_ref().unwrap().message.to_string();
    assert!(message.contains("this deployer has no queue to wait with"), "{message}");
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)]);
}

#[tokio::test(start_paused = true)]
async fn recall_takes_the_release_that_rolls_out_back_at_once() {
    let world = world(&one_step());
    let first = begins(&world).await;
    world.sweep_minutes(26).await;
    assert_eq!(record_of(&world, &first).await.status, Status::Succeeded);
    let second = world.record("dev/orders/1.2.0.zip", code("1.2.0")).await;
    assert_eq!(world.served(DEV), split(2, 3, 10));
    let recall = json!({ "command": "recall", "function": "orders", "release": "1.2.0", "reason": "bad",
                         "requested_by": "ann" });
    world.command(recall).await;
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(2), whole(2)], "within the command");
    assert_eq!(record_of(&world, &second).await.status, Status::RolledBack);
    world.sweep_minutes(3).await;
    let head = world.head("dev", "orders");
    assert_eq!((&head["active"], &head["history"][0]["release"]), (&Value::Null, &json!("1.1.0")));
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(2), whole(2)]);
}

#[tokio::test(start_paused = true)]
async fn rollout_that_is_under_way_when_the_preview_is_taken_away_is_looked_at_and_ends() {
    for share in [0.0, 1.0] {
        let mut world = world(&one_step());
        let begun = begins(&world).await;
        world.decorate_ports = Some(Box::new(|ports| deployer_engine::Ports { begins_rollouts: false, ..ports }));
        world.aws(|aws| aws.at(DEV).monitoring.fails("orders", 2, share));
        world.sweep_minutes(26).await;
        let status = if share > 0.0 { Status::RolledBack } else { Status::Succeeded };
        assert_eq!(record_of(&world, &begun).await.status, status);
    }
}
