//! Two requests for the same group that come at one moment.

use std::time::Duration;

use serde_json::{Value, json};
use world::World;

use super::by_hand;
use super::groups::{together, two_releases, until_ended};

/// The time that each call takes.
const LATENCY: Duration = Duration::from_millis(10);

/// Asks for the same group twice, the second time so much later than the first.
async fn both(world: &World, later: Duration) -> [Value; 2] {
    world.latency(|_| LATENCY);
    let second = async {
        tokio::time::sleep(later).await;
        world.command(together("second")).await
    };
    let (first, second) = tokio::join!(world.command(together("first")), second);
    [first, second]
}

#[tokio::test(start_paused = true)]
async fn one_of_two_same_groups_asked_for_at_one_moment_waits() {
    for later in (0..250).step_by(12).map(Duration::from_millis) {
        let world = by_hand(&json!({"approval": {"required": 1}}));
        two_releases(&world).await;
        both(&world, later).await;
        let groups = [world.command(together("first")).await, world.command(together("second")).await];
        let statuses = groups.each_ref().map(|group| group["status"].as_str().unwrap());
        assert!(matches!(statuses, ["pending", "superseded"] | ["superseded", "pending"]), "{later:?} {groups:#?}");
        let [waits, ended] = if statuses[0] == "pending" {
            groups
        } else {
            let [a, b] = groups;
            [b, a]
        };
        let because = format!(
            "group {} brings the same releases of the same functions already, and waits; nothing was moved",
            waits["id"].as_str().unwrap()
        );
        assert_eq!(ended["because"], json!(because), "{later:?}");
        let open = world.command(json!({"command": "status"})).await["groups"].clone();
        assert_eq!((open.as_array().unwrap().len(), &open[0]["id"]), (1, &waits["id"]), "{later:?}");
        world.sweep_minutes(1).await;
        world
            .command(
                json!({"command": "approve", "environment": "prod", "deployment": waits["id"], "requested_by": "bob"}),
            )
            .await;
        world.sweep_minutes(2).await;
        let id = waits["cause"]["event_id"].as_str().unwrap();
        assert_eq!(until_ended(&world, id).await["status"], json!("succeeded"), "{later:?}");
        world.markers_are_cleared().await;
    }
}

/// The invocation of one of both dies after any of its calls; the sweep finds what it has left.
#[tokio::test(start_paused = true)]
async fn one_of_two_same_groups_waits_after_the_next_sweep_whatever_dies() {
    for step in 0..40 {
        let world = by_hand(&json!({"approval": {"required": 1}}));
        two_releases(&world).await;
        world.latency(|_| LATENCY);
        let first = async {
            let first = world.invocation().dies_at(step, world::CallPhase::After);
            drop(first.run(&world::Trigger::Command(together("first"))).await);
        };
        tokio::join!(first, world.command(together("second")));
        world.sweep_minutes(2).await;
        let open = world.command(json!({"command": "status"})).await["groups"].clone();
        assert_eq!(open.as_array().unwrap().len(), 1, "{step} {open:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_same_groups_that_wait_for_nothing_deploy_once() {
    for later in (0..250).step_by(10).map(Duration::from_millis) {
        let world = by_hand(&json!({}));
        two_releases(&world).await;
        both(&world, later).await;
        world.sweep_minutes(3).await;
        let ends = [until_ended(&world, "first").await, until_ended(&world, "second").await];
        let mut statuses = ends.each_ref().map(|group| group["status"].as_str().unwrap());
        statuses.sort_unstable();
        assert!(matches!(statuses, ["succeeded", "succeeded" | "superseded"]), "{later:?} {ends:#?}");
        assert_eq!(
            world.calls_of(world::Op::UpdateFunctionCode).iter().filter(|call| call.place.starts_with("333")).count(),
            2,
            "{later:?}"
        );
        world.markers_are_cleared().await;
    }
}
