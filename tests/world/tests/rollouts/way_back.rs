//! The way back: what holds it up, and what ends it.

use deployer_core::names::OVERDUE_LINE;
use fixtures::lines;
use world::Trigger;

use super::words::says;
use super::*;

fn is_active(world: &World) -> bool {
    !world.head("dev", "orders")["active"].is_null()
}

#[tokio::test(start_paused = true)]
async fn target_that_cannot_be_moved_back_is_tried_again_until_it_has_gone_back() {
    for (op, kind) in [
        (Op::AssumeRole, CallErrorKind::Denied),
        (Op::GetAlias, CallErrorKind::Unknown),
        (Op::UpdateAlias, CallErrorKind::Denied),
        (Op::UpdateAlias, CallErrorKind::Throttled),
        (Op::UpdateAlias, CallErrorKind::Other),
    ] {
        let world = world(&one_step());
        let begun = begins(&world).await;
        world.sweep_minutes(2).await;
        world.on(op).at(OTHER).always().fail(kind);
        says(&world, "abort", &begun).await;
        world.sweep_minutes(5).await;
        assert!(is_active(&world), "{op} {kind:?}");
        assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), split(1, 2, 10)], "{op} {kind:?}");
        let status = world.command(command("status", &json!({}))).await;
        let target = &status["functions"][0]["rollout"]["targets"][1];
        assert_eq!(target["goes_back"], true, "{op} {kind:?}: {status:#}");
        assert!(target["because"].as_str().is_some_and(|because| because.contains(OTHER)), "{op} {kind:?}: {target}");
        world.heal();
        world.sweep_minutes(3).await;
        assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)], "{op} {kind:?}");
        assert_eq!(record_of(&world, &begun).await.status, Status::RolledBack, "{op} {kind:?}");
    }
}

/// Somebody moves the alias between the deployer's reading and its write, which names the revision that was read.
#[tokio::test(start_paused = true)]
async fn alias_that_somebody_moves_just_before_a_step_or_the_way_back_stays_theirs() {
    let theirs = |world: &World, place: &'static str| {
        world.on(Op::UpdateAlias).at(place).meanwhile(move |aws| {
            aws.at(place).function("orders").code(&code("by hand")).publish().point("live", 3);
        });
    };
    let stepping = world(&one_step());
    let begun = begins(&stepping).await;
    stepping.sweep_minutes(2).await;
    theirs(&stepping, DEV);
    stepping.sweep_minutes(20).await;
    assert_eq!(record_of(&stepping, &begun).await.status, Status::Failed);
    assert_eq!(BOTH.map(|place| stepping.served(place)), [whole(3), whole(1)]);

    let going_back = world(&one_step());
    let begun = begins(&going_back).await;
    going_back.sweep_minutes(2).await;
    theirs(&going_back, OTHER);
    says(&going_back, "abort", &begun).await;
    going_back.sweep_minutes(5).await;
    assert_eq!(record_of(&going_back, &begun).await.status, Status::Failed);
    assert_eq!(BOTH.map(|place| going_back.served(place)), [whole(1), whole(3)]);
}

/// Returns a rollout that goes back, and whose second target nobody can enter.
async fn held_up(world: &World) -> DeploymentRecord {
    let begun = begins(world).await;
    world.on(Op::AssumeRole).at(OTHER).always().fail(CallErrorKind::Denied);
    says(world, "abort", &begun).await;
    begun
}

#[tokio::test(start_paused = true)]
async fn way_back_that_is_held_up_is_told_in_record_and_log() {
    let world = world(&one_step());
    let begun = held_up(&world).await;
    let is_overdue = async || {
        let (_, lines) = lines::of(async { world.invocation().run(&Trigger::Sweep).await }).await;
        lines.iter().any(|line| line["message"].as_str().unwrap_or_default().starts_with(OVERDUE_LINE))
    };
    world.sweep_minutes(3).await;
    assert!(!is_overdue().await, "it may be throttling");
    let because = record_of(&world, &begun).await.because.unwrap_or_default();
    assert!(because.contains("not back yet") && because.contains(OTHER), "{because}");
    world.sweep_minutes(4).await;
    assert!(is_overdue().await);
}

#[tokio::test(start_paused = true)]
async fn way_back_that_is_held_up_for_a_day_fails_and_names_the_weight() {
    let world = world(&one_step());
    let begun = held_up(&world).await;
    world.sweep_minutes(2).await;
    let waits = world.record("dev/orders/1.2.0.zip", code("1.2.0")).await;
    assert_eq!(waits.status, Status::Pending);
    let tries = async |count: usize| {
        for _ in 0..count {
            world.pass(Duration::from_secs(20 * 60)).await;
            world.sweep_and_deliver().await;
        }
    };
    tries(70).await;
    assert!(is_active(&world));
    tries(3).await;
    let record = record_of(&world, &begun).await;
    let because = record.because.as_deref().unwrap_or_default();
    assert_eq!(record.status, Status::Failed, "{record:?}");
    assert!(because.contains(OTHER) && because.contains("still gives the new version 10 %"), "{because}");
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), split(1, 2, 10)]);
    assert_ne!(record_of(&world, &waits).await.status, Status::Pending, "what waits has its turn");
}

#[tokio::test(start_paused = true)]
async fn way_back_that_nobody_tries_for_a_day_is_not_given_up_by_one_more_failure() {
    let world = world(&one_step());
    let begun = held_up(&world).await;
    world.pass(Duration::from_secs(25 * 3_600)).await;
    world.sweep_minutes(2).await;
    assert!(is_active(&world));
    world.heal();
    world.sweep_minutes(2).await;
    assert_eq!(record_of(&world, &begun).await.status, Status::RolledBack);
}

/// Each try of a throttled way back holds the claim until its time is up.
#[tokio::test(start_paused = true)]
async fn throttled_way_back_is_in_the_log_as_overdue_by_every_sweep() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    world.on(Op::UpdateAlias).at(OTHER).always().fail(CallErrorKind::Throttled);
    let tries = async {
        says(&world, "abort", &begun).await;
        for _ in 0..20 {
            world.tick().await;
            world.pass(Duration::from_secs(10)).await;
        }
    };
    let sweeps = async {
        for _ in 0..12 {
            world.pass(Duration::from_secs(60)).await;
            world.invocation().run(&Trigger::Sweep).await;
        }
    };
    let (_, lines) = lines::of(async { tokio::join!(tries, sweeps) }).await;
    let messages = lines.iter().filter_map(|line| line["message"].as_str());
    let overdue: Vec<&str> = messages.filter(|message| message.starts_with(OVERDUE_LINE)).collect();
    assert!(overdue.len() >= 7, "each minute from the sixth on: {overdue:#?}");
    assert!(overdue.iter().all(|line| line.contains(OTHER)), "{overdue:#?}");
    let because = record_of(&world, &begun).await.because.unwrap_or_default();
    assert!(because.contains("not back yet") && because.contains("tried again until"), "{because}");
}

#[tokio::test(start_paused = true)]
async fn target_that_is_throttled_or_held_by_lambda_is_given_up_when_it_leaves_the_configuration() {
    for is_throttled in [true, false] {
        let world = world(&one_step());
        if !is_throttled {
            let takes = Duration::from_secs(300);
            world.change_function(OTHER, "orders", |f| f.provision("live", takes, world::UpdateOutcome::Settles));
        }
        let begun = begins(&world).await;
        world.sweep_minutes(13).await;
        if is_throttled {
            world.on(Op::UpdateAlias).at(OTHER).always().fail(CallErrorKind::Throttled);
        }
        assert_eq!(world.served(OTHER), whole(2), "throttled: {is_throttled}");
        says(&world, "abort", &begun).await;
        assert!(is_active(&world), "throttled: {is_throttled}");
        world.remove_target("dev", OTHER);
        world.sweep_minutes(3).await;
        let record = record_of(&world, &begun).await;
        let because = record.because.as_deref().unwrap_or_default();
        assert_eq!(record.status, Status::Failed, "{record:?}");
        assert!(because.contains("which deployer.json does not have any more"), "{because}");
    }
}

#[tokio::test(start_paused = true)]
async fn target_out_of_the_configuration_is_not_given_up_by_an_invocation_without_time_for_a_call() {
    let mut world = world(&one_step());
    let begun = begins(&world).await;
    world.sweep_minutes(13).await;
    assert_eq!(world.served(OTHER), whole(2));
    world.on(Op::UpdateAlias).at(OTHER).always().fail(CallErrorKind::Throttled);
    says(&world, "abort", &begun).await;
    world.remove_target("dev", OTHER);
    world.heal();
    // There is time to begin, and none for a write once the alias is read.
    let usual = std::mem::replace(&mut world.time, Duration::from_secs(60));
    world.latency(|call| Duration::from_secs(if call.op == Op::GetAlias { 12 } else { 0 }));
    world.sweep_minutes(2).await;
    assert!(is_active(&world), "nothing was tried: {:?}", record_of(&world, &begun).await);
    world.latency(|_| Duration::ZERO);
    world.time = usual;
    world.sweep_minutes(3).await;
    assert_eq!(record_of(&world, &begun).await.status, Status::RolledBack);
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)]);
}

/// The version that it serves then is neither one to go back to nor one to compare with.
#[tokio::test(start_paused = true)]
async fn target_that_was_given_up_is_refused_until_what_is_live_is_there_again() {
    let world = world(&one_step());
    begins(&world).await;
    world.sweep_minutes(26).await;
    let bad = world.record("dev/orders/1.2.0.zip", code("1.2.0")).await;
    world.sweep_minutes(13).await;
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(3), whole(3)]);
    world.change_function(OTHER, "orders", |f| {
        f.versions.remove(&2);
        f
    });
    says(&world, "abort", &bad).await;
    assert_eq!(record_of(&world, &bad).await.status, Status::Failed);
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(2), whole(3)]);

    world.pass(Duration::from_secs(2)).await;
    let refused = world.record("dev/orders/1.3.0.zip", code("1.3.0")).await;
    let because = refused.because.as_deref().unwrap_or_default();
    assert_eq!(refused.status, Status::Failed, "{refused:?}");
    assert!(
        because.contains("release 1.2.0")
            && because.contains("(1.1.0) there first (deployctl redeploy -e dev -f orders)"),
        "{because}"
    );
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(2), whole(3)], "no traffic has moved");

    world.pass(Duration::from_secs(2)).await;
    let redeployed = world.command_record(command("redeploy", &json!({}))).await;
    assert_eq!(redeployed.status, Status::Succeeded, "{redeployed:?}");
    world.pass(Duration::from_secs(2)).await;
    let next = world.record("dev/orders/1.4.0.zip", code("1.4.0")).await;
    assert_eq!(next.status, Status::InProgress, "{next:?}");
}

#[tokio::test(start_paused = true)]
async fn target_whose_old_version_is_gone_stays_and_is_named() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    world.sweep_minutes(13).await;
    assert_eq!(world.served(OTHER), whole(2));
    world.change_function(OTHER, "orders", |f| {
        f.versions.remove(&1);
        f
    });
    says(&world, "abort", &begun).await;
    let record = record_of(&world, &begun).await;
    let because = record.because.as_deref().unwrap();
    assert_eq!(record.status, Status::Failed, "{record:?}");
    assert!(because.contains("version 1, which it served before, is not there any more"), "{because}");
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(2)]);
}

#[tokio::test(start_paused = true)]
async fn target_that_nobody_can_enter_any_more_is_given_up_when_it_leaves_the_configuration() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    world.on(Op::AssumeRole).at(OTHER).always().fail(CallErrorKind::Denied);
    says(&world, "abort", &begun).await;
    world.sweep_minutes(3).await;
    assert!(is_active(&world));
    world.remove_target("dev", OTHER);
    world.sweep_minutes(2).await;
    let record = record_of(&world, &begun).await;
    assert_eq!(record.status, Status::Failed, "{record:?}");
    assert!(record.because.as_deref().unwrap().contains("which deployer.json does not have any more"), "{record:?}");
}

#[tokio::test(start_paused = true)]
async fn alias_that_is_read_late_is_no_foreign_change_and_not_taken_for_back() {
    let world = world(&one_step());
    for place in BOTH {
        world.aws(|aws| aws.at(place).alias_reads_lag = Duration::from_secs(20));
    }
    let begun = begins(&world).await;
    world.sweep_and_deliver().await;
    assert_eq!(BOTH.map(|place| world.served(place)), [split(1, 2, 10), split(1, 2, 10)]);
    assert!(is_active(&world), "the look has read the alias as it was before the move");
    says(&world, "abort", &begun).await;
    world.sweep_minutes(3).await;
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)]);
    assert_eq!(record_of(&world, &begun).await.status, Status::RolledBack);
}

#[tokio::test(start_paused = true)]
async fn rollout_goes_on_where_its_environment_has_none_any_more() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    world.set_rollout("dev", None);
    world.sweep_minutes(26).await;
    assert_eq!(record_of(&world, &begun).await.status, Status::Succeeded);
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(2), whole(2)]);
}

#[tokio::test(start_paused = true)]
async fn reject_takes_a_rollout_back_at_once_where_its_environment_has_none_any_more() {
    let world = world(&one_step());
    begins(&world).await;
    world.set_rollout("dev", None);
    let reject = json!({ "command": "reject", "function": "orders", "release": "1.1.0", "reason": "bad", "requested_by": "ann" });
    world.command(reject).await;
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)], "within the command");
}

#[tokio::test(start_paused = true)]
async fn target_that_served_the_release_already_goes_back_with_the_others() {
    let world = world(&one_step());
    world.set_rollout("dev", None);
    let first = world.record("dev/orders/1.0.0.zip", code("1.0.0")).await;
    assert_eq!(first.status, Status::Unchanged, "{first:?}");
    world.change_function(DEV, "orders", |f| f.code(&code("1.1.0")).publish().point("live", 2));
    world.set_rollout("dev", Some(&one_step()));
    world.pass(Duration::from_secs(2)).await;
    let begun = begins(&world).await;
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(2), split(1, 2, 10)], "{begun:?}");
    world.sweep_minutes(2).await;
    says(&world, "abort", &begun).await;
    world.sweep_minutes(2).await;
    let record = record_of(&world, &begun).await;
    assert_eq!(record.status, Status::RolledBack, "{record:?}");
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)]);
    assert!(record.targets.iter().all(|target| target.status == Status::RolledBack), "{record:?}");
}

/// Nobody can tell how its old version would have fared, now or later.
#[tokio::test(start_paused = true)]
async fn errors_of_a_target_that_served_the_release_already_do_not_keep_it_from_becoming_live() {
    let rollout = json!({ "steps": [], "watch": "8m", "when_quiet": "fail" });
    let world = world(&rollout);
    world.set_rollout("dev", None);
    world.record("dev/orders/1.0.0.zip", code("1.0.0")).await;
    world.change_function(DEV, "orders", |f| f.code(&code("1.1.0")).publish().point("live", 2));
    world.aws(|aws| aws.at(DEV).monitoring.fails("orders", 2, 0.2));
    world.set_rollout("dev", Some(&rollout));
    world.pass(Duration::from_secs(2)).await;
    let begun = begins(&world).await;
    world.sweep_minutes(20).await;
    let record = record_of(&world, &begun).await;
    assert_eq!(record.status, Status::Succeeded, "{record:?}");
}

#[tokio::test(start_paused = true)]
async fn alarm_of_a_target_that_served_the_release_already_takes_it_back() {
    let mut rollout = one_step();
    rollout["alarms"] = json!(["orders-5xx"]);
    let world = world(&rollout);
    world.set_rollout("dev", None);
    world.record("dev/orders/1.0.0.zip", code("1.0.0")).await;
    world.change_function(DEV, "orders", |f| f.code(&code("1.1.0")).publish().point("live", 2));
    world.set_rollout("dev", Some(&rollout));
    for place in BOTH {
        let now = world.now();
        world.aws(|aws| aws.at(place).monitoring.alarm("orders-5xx", AlarmState::Ok, now));
    }
    world.pass(Duration::from_secs(2)).await;
    let begun = begins(&world).await;
    let now = world.now();
    world.aws(|aws| aws.at(DEV).monitoring.alarm("orders-5xx", AlarmState::Alarm, now));
    world.sweep_minutes(2).await;
    assert_eq!(record_of(&world, &begun).await.code, Some(Code::AlarmFired));
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)]);
}

#[tokio::test(start_paused = true)]
async fn same_reject_is_answered_again_whatever_it_has_ended() {
    let mut answered = 0;
    for milliseconds in (60..700).step_by(40) {
        let world = World::with_callers(&[DEV], &one_step());
        let reject = || {
            let reject =
                json!({ "command": "reject", "function": "orders", "release": "1.1.0", "reason": "bad", "id": "once" });
            world::Trigger::Command(reject)
        };
        let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
        let later = async {
            world.pass(Duration::from_millis(milliseconds)).await;
            world.invocation().run(&reject()).await.outcome
        };
        let (_, first) = tokio::join!(world.deliver(&upload), later);
        if !matches!(first, world::Outcome::Answered(_)) {
            continue;
        }
        world.sweep_minutes(3).await;
        let again = world.invocation().run(&reject()).await.outcome;
        assert!(matches!(again, world::Outcome::Answered(_)), "{milliseconds} ms: {again:?}");
        answered += 1;
    }
    assert!(answered > 3, "only {answered} were answered");
}
