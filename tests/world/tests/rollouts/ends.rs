//! Requests that come in while a rollout ends.

use super::*;

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
