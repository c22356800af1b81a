//! The environment is taken out of deployer.json while a rollback takes its rollout back.

use world::{CallPhase, Outcome, Trigger};

use super::*;

/// A world with a rollout of 1.1.0 at ten percent.
async fn shifts() -> World {
    let world = world(&one_step());
    begins(&world).await;
    world.sweep_minutes(3).await;
    world
}

fn is_at_rest(world: &World) -> bool {
    let head = world.head("dev", "orders");
    head["active"].is_null() && head["pending"].as_array().is_none_or(Vec::is_empty)
}

#[tokio::test(start_paused = true)]
async fn rollback_that_dies_at_any_call_ends_although_the_environment_is_gone() {
    let other = shifts().await;
    let before = other.calls().len();
    rollback(&other).await;
    let calls = other.calls().len() - before;
    let mut died = 0;
    for call in 1..=calls {
        let world = shifts().await;
        let given = command("rollback", &json!({ "id": "back" }));
        let run = world.invocation().dies_at(call, CallPhase::After).run(&Trigger::Command(given)).await;
        if !matches!(run.outcome, Outcome::Died) {
            continue;
        }
        died += 1;
        if world.head("dev", "orders")["active"]["rollout"]["abort"].is_null() && !is_at_rest(&world) {
            let head = world.head("dev", "orders");
            // Nobody has asked the rollout for anything yet, or the rollback is what is left.
            if head["pending"].as_array().is_none_or(Vec::is_empty)
                && head["active"]["request"]["cause"]["kind"] != "rollback"
            {
                continue;
            }
        }
        drop(world.remove_environment("dev"));
        world.leases_run_out().await;
        world.sweep_minutes(8).await;
        assert!(is_at_rest(&world), "died at call {call}: {:#}", world.head("dev", "orders"));
        assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)], "died at call {call}");
        let run = world.invocation().run(&Trigger::Sweep).await;
        assert!(!format!("{run:?}").contains("work may be open"), "died at call {call}: {run:?}");
    }
    assert!(died > 10, "only {died} crashes were tried");
}
