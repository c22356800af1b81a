//! Crashes during promotions: another invocation always takes over.

use deployer_core::record::Status;
use serde_json::{Value, json};
use world::orders::deploy_all;
use world::zips::code;
use world::{CallPhase, Op, Outcome, Trigger, World};

use super::{by_hand, promote, with};

fn rows() -> World {
    World::three_environments(
        &json!({"promotion": {"from": "dev", "automatic": true}}),
        &json!({"promotion": {"from": "stage", "automatic": true, "soak": "5m"}}),
    )
}

fn once_each(world: &World) {
    for environment in ["dev", "stage", "prod"] {
        let records = world.aws(|aws| aws.ledger.keys(&format!("deployments/{environment}/")).count());
        assert_eq!(records, 1, "{environment}\n{}", world.render());
    }
}

#[tokio::test(start_paused = true)]
async fn upload_with_a_crash_at_any_call_reaches_prod_once() {
    let world = rows();
    let calls = world.invocation().upload(&world.put("dev/orders/1.1.0.zip", code("1.1.0"))).await.calls;
    for call in 1..=calls {
        for moment in [CallPhase::Before, CallPhase::After] {
            let world = rows();
            let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
            let _ = world.invocation().dies_at(call, moment).upload(&upload).await;
            // The message comes again, and the ticks are lost.
            world.aws(|aws| aws.queue.lose());
            world.leases_run_out().await;
            assert_eq!(world.until_ended(&upload).await.status, Status::Succeeded);
            world.sweep_minutes(25).await;
            assert_eq!(world.served_releases(), ["1.1.0", "1.1.0", "1.1.0"], "died {moment:?} call {call}");
            once_each(&world);
            world.markers_are_cleared().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sweep_or_tick_with_a_crash_at_any_call_is_resumed() {
    let due = || async {
        let world = rows();
        deploy_all(&world, &["1.1.0"]).await;
        world.tick().await;
        world.sweep_minutes(4).await;
        world.pass(std::time::Duration::from_secs(120)).await;
        world
    };
    let world = due().await;
    let calls = world.invocation().run(&Trigger::Sweep).await.calls;
    for call in 1..=calls {
        let world = due().await;
        let run = world.invocation().dies_at(call, CallPhase::After).run(&Trigger::Sweep).await;
        assert!(matches!(run.outcome, Outcome::Died));
        world.aws(|aws| aws.queue.lose());
        world.sweep_minutes(3).await;
        assert_eq!(world.served_releases(), ["1.1.0", "1.1.0", "1.1.0"], "died after call {call}");
        once_each(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn repeated_command_completes_a_crashed_promotion() {
    let ready = || async {
        let world = by_hand(&json!({"approval": {"required": 1}}));
        deploy_all(&world, &["1.1.0"]).await;
        world
    };
    let order = with(promote(), &json!({"id": "p"}));
    let approve = json!({"command": "approve", "environment": "prod", "function": "orders", "requested_by": "bob"});
    let world = ready().await;
    let asking = world.invocation().run(&Trigger::Command(order.clone())).await.calls;
    let approving = world.invocation().run(&Trigger::Command(approve.clone())).await.calls;
    let cases = (1..=asking).map(|call| (call, 0)).chain((1..=approving).map(|call| (0, call)));
    for (first, second) in cases {
        let world = ready().await;
        die_at(&world, &order, first).await;
        world.leases_run_out().await;
        assert_eq!(world.command_record(order.clone()).await.status, Status::Pending, "{first}");
        die_at(&world, &approve, second).await;
        world.leases_run_out().await;
        world.sweep_minutes(2).await;
        if second > 0 {
            let _ = world.invocation().run(&Trigger::Command(approve.clone())).await;
        }
        world.sweep_minutes(1).await;
        assert_eq!(world.command_record(order.clone()).await.status, Status::Succeeded, "{first} {second}");
        assert_eq!(world.served_releases()[2], "1.1.0");
        assert_eq!(world.aws(|aws| aws.ledger.keys("deployments/prod/").count()), 1);
        world.markers_are_cleared().await;
    }
}

/// Gives the command; it dies in this call, unless that is 0.
async fn die_at(world: &World, command: &Value, call: usize) {
    let invocation = world.invocation();
    match call {
        0 => drop(invocation.run(&Trigger::Command(command.clone())).await),
        call => drop(invocation.dies_at(call, CallPhase::After).run(&Trigger::Command(command.clone())).await),
    }
}

#[tokio::test(start_paused = true)]
async fn source_without_an_answer_keeps_the_promotion_waiting() {
    let world = rows();
    deploy_all(&world, &["1.1.0"]).await;
    world.on(Op::GetAlias).at("111111111111").always().lose_the_answer();
    world.tick().await;
    world.sweep_minutes(5).await;
    assert_eq!(world.newest_in("stage").await.status, Status::Pending);
    let told = world.sent_events().iter().filter(|line| line.starts_with("Promotion Waiting stage/")).count();
    assert_eq!((world.served_releases()[1].as_str(), told), ("1.0.0", 1), "and that is told once");
    world.heal();
    world.sweep_minutes(25).await;
    assert_eq!(world.served_releases(), ["1.1.0", "1.1.0", "1.1.0"]);
    once_each(&world);
}
