//! What comes in while a rollout ends, and what its end does beside the alias.

use super::words::says;
use super::*;
use world::zips::with_manifest;

/// Moves all traffic at once, and watches it for eight minutes.
fn at_once() -> Value {
    json!({ "steps": [], "watch": "8m" })
}

async fn says_abort(world: &World, begun: &DeploymentRecord) -> bool {
    let fields = json!({ "deployment": begun.id.to_string(), "action": "abort" });
    let run = world.invocation().run(&world::Trigger::Command(command("rollout", &fields))).await;
    matches!(run.outcome, world::Outcome::Answered(_))
}

#[tokio::test(start_paused = true)]
async fn abort_at_any_moment_of_the_end_is_obeyed_or_refused() {
    let (mut obeyed, mut refused) = (0, 0);
    for milliseconds in (0..1_000).step_by(50) {
        let world = world(&at_once());
        let begun = begins(&world).await;
        world.sweep_minutes(8).await;
        world.pass(Duration::from_secs(55)).await;
        let later = async {
            world.pass(Duration::from_secs(5)).await;
            world.pass(Duration::from_millis(milliseconds)).await;
            says_abort(&world, &begun).await
        };
        let ends = async {
            world.pass(Duration::from_secs(5)).await;
            world.sweep_and_deliver().await;
        };
        let (is_aborted, ()) = tokio::join!(later, ends);
        world.sweep_minutes(5).await;
        let status = record_of(&world, &begun).await.status;
        let (expected, served) =
            if is_aborted { (Status::RolledBack, whole(1)) } else { (Status::Succeeded, whole(2)) };
        assert_eq!(
            (status, world.served(DEV), world.served(OTHER)),
            (expected, served.clone(), served),
            "{milliseconds} ms"
        );
        if is_aborted { obeyed += 1 } else { refused += 1 }
    }
    assert!(obeyed > 3 && refused > 3, "{obeyed} obeyed, {refused} refused");
}

#[tokio::test(start_paused = true)]
async fn last_look_whose_answer_was_lost_does_not_keep_the_claim() {
    let world = world(&at_once());
    let begun = begins(&world).await;
    world.sweep_minutes(8).await;
    world.on(Op::WriteLedger).about("heads/dev/orders").lose_the_answer();
    world.sweep_minutes(3).await;
    assert_eq!(record_of(&world, &begun).await.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn ledger_that_is_away_during_a_move_does_not_keep_the_claim() {
    let world = world(&one_step());
    begins(&world).await;
    world.sweep_minutes(9).await;
    // The look claims the next move, and its confirmation is refused.
    world.on(Op::WriteLedger).about("heads/dev/orders").call(2).times(4).fail(CallErrorKind::Denied);
    world.sweep_minutes(2).await;
    assert_eq!(world.served(DEV), whole(2));
    world.sweep_minutes(3).await;
    assert!(!world.head("dev", "orders")["active"]["rollout"]["due"].is_null(), "another owner has confirmed it");
}

const SETTINGS: &str = "reserved_concurrent_executions = 7\n[tags]\nteam = 'new'\n";

async fn begins_with_settings(world: &World) -> DeploymentRecord {
    for place in BOTH {
        world.change_function(place, "orders", |f| f.tag("team", "old"));
    }
    world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", SETTINGS)).await
}

fn settings(world: &World) -> [(Option<String>, Option<i32>); 2] {
    BOTH.map(|place| world.function(place, "orders", |f| (f.tags.get("team").cloned(), f.reserved)))
}

#[tokio::test(start_paused = true)]
async fn tags_and_concurrency_are_set_when_the_release_becomes_live() {
    let world = world(&one_step());
    let begun = begins_with_settings(&world).await;
    let before = (Some("old".to_owned()), None);
    world.sweep_minutes(18).await;
    assert_eq!(world.served(DEV), whole(2));
    assert_eq!(settings(&world), [before.clone(), before]);
    world.sweep_minutes(6).await;
    assert_eq!(record_of(&world, &begun).await.status, Status::Succeeded);
    let after = (Some("new".to_owned()), Some(7));
    assert_eq!(settings(&world), [after.clone(), after]);
}

#[tokio::test(start_paused = true)]
async fn release_that_is_taken_back_has_set_no_tags_and_no_concurrency() {
    let world = world(&one_step());
    let begun = begins_with_settings(&world).await;
    world.sweep_minutes(13).await;
    says(&world, "abort", &begun).await;
    let before = (Some("old".to_owned()), None);
    assert_eq!(settings(&world), [before.clone(), before]);
    assert_eq!(record_of(&world, &begun).await.status, Status::RolledBack);
}

#[tokio::test(start_paused = true)]
async fn target_that_takes_no_concurrency_takes_the_release_back() {
    let world = world(&at_once());
    world.on(Op::PutFunctionConcurrency).at(OTHER).always().fail(CallErrorKind::Invalid);
    let begun = begins_with_settings(&world).await;
    world.sweep_minutes(11).await;
    let record = record_of(&world, &begun).await;
    assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::TargetFailed)), "{record:?}");
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)]);
    let before = (Some("old".to_owned()), None);
    assert_eq!(settings(&world), [before.clone(), before], "what the other had taken is set back");
}

#[tokio::test(start_paused = true)]
async fn settings_are_set_back_after_an_owner_has_died_over_them() {
    for call in 1..40 {
        let world = world(&at_once());
        world.on(Op::PutFunctionConcurrency).at(OTHER).always().fail(CallErrorKind::Invalid);
        let begun = begins_with_settings(&world).await;
        world.sweep_minutes(8).await;
        world.pass(Duration::from_secs(60)).await;
        world.invocation().run(&world::Trigger::Sweep).await;
        let now = world.now();
        for body in world.aws(|aws| aws.queue.take(now)) {
            let tick = world::Trigger::Tick(world::tick(&body));
            world.invocation().dies_at(call, world::CallPhase::After).run(&tick).await;
        }
        world.sweep_minutes(30).await;
        let record = record_of(&world, &begun).await;
        assert_eq!(record.status, Status::RolledBack, "call {call}: {record:?}");
        let before = (Some("old".to_owned()), None);
        assert_eq!(settings(&world), [before.clone(), before], "call {call}");
    }
}
