//! The words of a person about a rollout.

use super::*;

pub(super) async fn says(world: &World, action: &str, begun: &DeploymentRecord) -> Value {
    let fields = json!({ "deployment": begun.id.to_string(), "action": action, "reason": "look at the logs" });
    world.command(command("rollout", &fields)).await
}

#[tokio::test(start_paused = true)]
async fn person_pauses_continues_and_aborts() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    world.sweep_minutes(5).await;
    says(&world, "pause", &begun).await;
    world.sweep_minutes(15).await;
    assert_eq!(world.served(DEV), split(1, 2, 10), "a paused rollout takes no step");
    says(&world, "continue", &begun).await;
    world.sweep_minutes(4).await;
    assert_eq!(world.served(DEV), split(1, 2, 10), "five of its ten minutes are left");
    world.sweep_minutes(2).await;
    assert_eq!(world.served(DEV), whole(2));
    says(&world, "abort", &begun).await;
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)], "within the command");
    let record = record_of(&world, &begun).await;
    assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::Aborted)));
    let rollout = record.rollout.as_ref().unwrap();
    let moves: Vec<_> = rollout.moves.iter().map(|one| (one.weight, one.targets)).collect();
    assert_eq!(moves, [(10, 2), (100, 2), (0, 2)]);
    let asked: Vec<_> = rollout.asked.iter().map(|one| one.action.as_str()).collect();
    assert_eq!(asked, ["pause", "continue", "abort"]);
    assert_eq!(
        record.because.as_deref(),
        Some("ann has asked to abort it: look at the logs; 1.1.0 was taken back at 100 %")
    );
    let fields = json!({ "deployment": begun.id.to_string(), "action": "abort" });
    let (kind, message) = world.command_error(command("rollout", &fields)).await;
    assert_eq!(
        (kind.as_str(), message.as_str()),
        ("InvalidCommand", "no rollout is under way here: status shows what is live")
    );
}

#[tokio::test(start_paused = true)]
async fn finished_rollout_is_watched_for_the_shortest_time_and_is_not_taken_back_for_being_quiet() {
    let mut rollout = one_step();
    rollout["when_quiet"] = json!("fail");
    let world = world(&rollout);
    for place in BOTH {
        world.aws(|aws| aws.at(place).monitoring.called("orders", "live", 1.0));
    }
    let begun = begins(&world).await;
    says(&world, "finish", &begun).await;
    world.sweep_minutes(1).await;
    assert_eq!(world.served(DEV), whole(2), "the step is skipped");
    world.sweep_minutes(8).await;
    assert_eq!(record_of(&world, &begun).await.status, Status::InProgress, "all traffic is watched");
    world.sweep_minutes(10).await;
    let record = record_of(&world, &begun).await;
    assert_eq!((record.status, world.served(DEV)), (Status::Succeeded, whole(2)), "{record:?}");
    assert_eq!(record.because.as_deref(), Some("unproven: a step had too few invocations"));
}

#[tokio::test(start_paused = true)]
async fn finished_release_that_fails_is_taken_back() {
    let world = world(&one_step());
    world.pass(Duration::from_secs(3_600)).await;
    for place in BOTH {
        world.aws(|aws| aws.at(place).monitoring.fails("orders", 2, 1.0));
    }
    let begun = begins(&world).await;
    says(&world, "finish", &begun).await;
    world.sweep_minutes(6).await;
    assert_eq!(record_of(&world, &begun).await.code, Some(Code::Unhealthy));
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)]);
}

#[tokio::test(start_paused = true)]
async fn release_that_sometimes_fails_is_taken_back_however_short_its_watch_is() {
    for (rollout, is_finished) in [(one_step(), true), (json!({ "steps": [], "watch": "3m" }), false)] {
        let world = world(&rollout);
        world.pass(Duration::from_secs(3_600)).await;
        for place in BOTH {
            world.aws(|aws| aws.at(place).monitoring.fails("orders", 2, 0.3));
        }
        let begun = begins(&world).await;
        if is_finished {
            says(&world, "finish", &begun).await;
        }
        world.sweep_minutes(15).await;
        let record = record_of(&world, &begun).await;
        assert_eq!(record.code, Some(Code::Unhealthy), "{is_finished}: {record:?}");
        assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)]);
    }
}

#[tokio::test(start_paused = true)]
async fn release_is_taken_back_for_status_only_where_it_had_traffic() {
    for (has_traffic, word) in [(true, "rollback"), (true, "abort"), (false, "rollback"), (false, "abort")] {
        let mut rollout = one_step();
        rollout["smoke_test"] = json!({ "event": { "ping": true } });
        let world = world(&rollout);
        if !has_traffic {
            world.on(Op::Invoke).always().fail(CallErrorKind::Throttled);
        }
        let begun = begins(&world).await;
        assert_eq!(world.served(DEV) == split(1, 2, 10), has_traffic, "{word}");
        match word {
            "abort" => drop(says(&world, "abort", &begun).await),
            _ => drop(rollback(&world).await),
        }
        world.heal();
        world.sweep_minutes(3).await;
        assert!(record_of(&world, &begun).await.status.is_ended(), "{word}");
        let status = world.command(command("status", &json!({}))).await;
        let taken_back = status["functions"][0]["taken_back"]["release"].as_str().map(str::to_owned);
        assert_eq!(taken_back.as_deref(), has_traffic.then_some("1.1.0"), "{word}: {status:#}");
    }
}
