//! Looks while a move, or the tests of a later wave, are held up: the targets that serve the new version are guarded.

use deployer_core::names::OVERDUE_LINE;
use fixtures::lines;
use world::Trigger;

use super::*;

/// Lets minutes pass, and sweeps in each, whatever the invocations of messages take.
async fn minutes(world: &World, minutes: usize) {
    for _ in 0..minutes {
        world.pass(Duration::from_secs(60)).await;
        world.invocation().run(&Trigger::Sweep).await;
    }
}

#[tokio::test(start_paused = true)]
async fn bad_release_goes_back_while_another_target_of_the_wave_is_throttled() {
    let world = world(&one_step());
    world.aws(|aws| aws.at(DEV).monitoring.fails("orders", 2, 1.0));
    world.on(Op::UpdateAlias).at(OTHER).always().fail(CallErrorKind::Throttled);
    let after = async {
        world.pass(Duration::from_secs(7 * 60)).await;
        world.served(DEV)
    };
    let (begun, served) = tokio::join!(begins(&world), after);
    assert_eq!(served, whole(1), "nobody looks");
    world.heal();
    world.sweep_minutes(3).await;
    let record = record_of(&world, &begun).await;
    assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::Unhealthy)), "{record:?}");
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)]);
}

#[tokio::test(start_paused = true)]
async fn target_that_has_moved_is_written_down_while_another_is_throttled() {
    let world = world(&one_step());
    world.on(Op::UpdateAlias).at(OTHER).always().fail(CallErrorKind::Throttled);
    let seen = async {
        world.pass(Duration::from_secs(20)).await;
        world.head("dev", "orders")["active"]["rollout"]["targets"].clone()
    };
    let (_, targets) = tokio::join!(begins(&world), seen);
    assert_eq!(targets[0]["served"][0]["weight"], 10, "{targets:#}");
    assert_eq!((&targets[1]["weight"], &targets[1]["served"]), (&json!(10), &json!([])), "{targets:#}");
}

#[tokio::test(start_paused = true)]
async fn throttled_target_goes_on_with_its_step_and_the_step_lasts_from_there() {
    let world = world(&one_step());
    world.on(Op::UpdateAlias).at(OTHER).times(60).fail(CallErrorKind::Throttled);
    let begun = begins(&world).await;
    world.sweep_minutes(1).await;
    assert_eq!(BOTH.map(|place| world.served(place)), [split(1, 2, 10), split(1, 2, 10)]);
    world.sweep_minutes(26).await;
    assert_eq!(record_of(&world, &begun).await.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn bad_release_goes_back_while_lambda_holds_the_traffic_of_another_target() {
    let world = world(&one_step());
    let takes = Duration::from_secs(14 * 60);
    world.change_function(OTHER, "orders", |f| f.provision("live", takes, world::UpdateOutcome::Settles));
    world.aws(|aws| aws.at(DEV).monitoring.fails("orders", 2, 1.0));
    let begun = begins(&world).await;
    world.sweep_minutes(6).await;
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)]);
    let record = record_of(&world, &begun).await;
    assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::Unhealthy)), "{record:?}");
}

#[tokio::test(start_paused = true)]
async fn alarm_takes_the_first_wave_back_while_the_second_cannot_be_tested() {
    let rollout = json!({
        "steps": [], "watch": "8m", "waves": ["1", "100%"], "alarms": ["orders-5xx"],
        "smoke_test": { "event": { "ping": true } }
    });
    let world = world(&rollout);
    let at = world.now();
    world.aws(|aws| BOTH.iter().for_each(|place| aws.at(place).monitoring.alarm("orders-5xx", AlarmState::Ok, at)));
    world.on(Op::Invoke).at(OTHER).always().fail(CallErrorKind::Throttled);
    let begun = begins(&world).await;
    let rolls = async {
        for _ in 0..16 {
            world.sweep_minutes(1).await;
        }
    };
    let fires = async {
        while world.head("dev", "orders")["active"]["rollout"]["wave"] != 1 {
            world.pass(Duration::from_secs(10)).await;
        }
        world.pass(Duration::from_secs(20)).await;
        assert_eq!(world.served(DEV), whole(2));
        let now = world.now();
        world.aws(|aws| aws.at(DEV).monitoring.alarm("orders-5xx", AlarmState::Alarm, now));
        world.pass(Duration::from_secs(100)).await;
        assert_eq!(world.served(DEV), whole(1), "an alarm counts within a minute");
    };
    tokio::join!(rolls, fires);
    let record = record_of(&world, &begun).await;
    assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::AlarmFired)), "{record:?}");
}

#[tokio::test(start_paused = true)]
async fn move_that_does_not_end_is_in_the_log_as_overdue() {
    let world = world(&one_step());
    world.on(Op::UpdateAlias).at(OTHER).always().fail(CallErrorKind::Throttled);
    let overdue = async |during: usize| {
        let tries = async {
            for _ in 0..during {
                world.tick().await;
                world.pass(Duration::from_secs(60)).await;
            }
        };
        let (_, lines) = lines::of(async { tokio::join!(tries, minutes(&world, during)) }).await;
        let is_overdue = |line: &&Value| line["message"].as_str().unwrap_or_default().starts_with(OVERDUE_LINE);
        lines.iter().find(is_overdue).cloned()
    };
    let (_, lines) = lines::of(begins(&world)).await;
    assert!(!lines.iter().any(|line| line["message"].as_str().unwrap_or_default().starts_with(OVERDUE_LINE)));
    let line = overdue(3).await.expect("five minutes are over");
    assert!(line["message"].as_str().unwrap().contains(OTHER), "{line}");
}

/// Rolls a release out whose second wave cannot be tested, because its account is too busy. Says something while the tests
/// wait, and returns the record of the rollout, which must have gone back within two minutes.
async fn heard_while_tests_wait(what: &str, say: impl AsyncFnOnce(&World, &DeploymentRecord)) -> DeploymentRecord {
    let world = world(&json!({
        "steps": [], "watch": "8m", "waves": ["1", "100%"], "smoke_test": { "event": { "ping": true } }
    }));
    world.on(Op::Invoke).at(OTHER).always().fail(CallErrorKind::Throttled);
    let begun = begins(&world).await;
    let rolls = world.sweep_minutes(16);
    let said = async {
        while world.head("dev", "orders")["active"]["rollout"]["wave"] != 1 {
            world.pass(Duration::from_secs(10)).await;
        }
        world.pass(Duration::from_secs(20)).await;
        assert_eq!(world.served(DEV), whole(2), "{what}");
        say(&world, &begun).await;
        world.pass(Duration::from_secs(120)).await;
        assert_eq!(world.served(DEV), whole(1), "{what} is heard within two minutes");
    };
    tokio::join!(rolls, said);
    record_of(&world, &begun).await
}

#[tokio::test(start_paused = true)]
async fn first_wave_goes_back_by_a_word_while_the_second_cannot_be_tested() {
    let reject = json!({ "command": "reject", "function": "orders", "release": "1.1.0", "reason": "bad", "requested_by": "ann" });
    let mut recall = reject.clone();
    recall["command"] = json!("recall");
    for (what, word, ended) in [
        ("rollback", command("rollback", &json!({})), (Status::Superseded, Code::Superseded)),
        ("reject", reject, (Status::RolledBack, Code::Rejected)),
        ("recall", recall, (Status::RolledBack, Code::Rejected)),
    ] {
        let record = heard_while_tests_wait(what, async |world, _| {
            world.invocation().run(&Trigger::Command(word)).await;
        });
        let record = record.await;
        assert_eq!((record.status, record.code), (ended.0, Some(ended.1)), "{what}: {record:?}");
    }
    let record = heard_while_tests_wait("abort", async |world, begun| {
        super::words::says(world, "abort", begun).await;
    });
    let record = record.await;
    assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::Aborted)), "{record:?}");
}

#[tokio::test(start_paused = true)]
async fn reject_whose_command_has_died_is_heard_while_the_alias_of_the_second_wave_cannot_be_read() {
    let rollout = json!({ "steps": [], "watch": "8m", "waves": ["1", "100%"] });
    let reject = json!({ "command": "reject", "function": "orders", "release": "1.1.0", "reason": "bad", "requested_by": "ann" });
    let reject = Trigger::Command(reject);
    let written = {
        let world = world(&rollout);
        begins(&world).await;
        let run = world.invocation().run(&reject).await;
        let calls = world.calls().into_iter().filter(|call| call.invocation == run.invocation);
        let mut calls = calls.enumerate();
        let is_written = |call: &world::Call| call.op == Op::WriteLedger && call.what.starts_with("rejects/");
        calls.find(|(_, call)| is_written(call)).expect("the reject is written").0 + 1
    };
    let world = world(&rollout);
    let begun = begins(&world).await;
    world.on(Op::GetAlias).at(OTHER).always().fail(CallErrorKind::Throttled);
    let said = async {
        while world.head("dev", "orders")["active"]["rollout"]["wave"] != 1 {
            world.pass(Duration::from_secs(10)).await;
        }
        world.pass(Duration::from_secs(20)).await;
        world.invocation().dies_at(written, world::CallPhase::After).run(&reject).await;
        assert_eq!(world.served(DEV), whole(2));
        world.pass(Duration::from_secs(180)).await;
        assert_eq!(world.served(DEV), whole(1), "it is heard within three minutes");
    };
    tokio::join!(world.sweep_minutes(16), said);
    world.heal();
    world.sweep_minutes(3).await;
    assert_eq!(record_of(&world, &begun).await.code, Some(Code::Rejected));
}
