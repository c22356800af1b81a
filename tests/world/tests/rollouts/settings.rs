//! The effects of a rollout's end beside the alias: tags and reserved concurrency of the function as a whole.

use super::words::says;
use super::*;
use world::zips::with_manifest;

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

/// The settings of the functions before the release.
fn before() -> [(Option<String>, Option<i32>); 2] {
    BOTH.map(|_| (Some("old".to_owned()), None))
}

/// The settings of the release.
fn after() -> [(Option<String>, Option<i32>); 2] {
    BOTH.map(|_| (Some("new".to_owned()), Some(7)))
}

/// Sweeps until so many minutes have passed since a time.
async fn sweep_until(world: &World, since: jiff::Timestamp, minutes: i64) {
    while world.now().duration_since(since) < jiff::SignedDuration::from_mins(minutes) {
        world.sweep_minutes(1).await;
    }
}

/// Returns a release that serves all traffic, and sets its settings when the next minute has passed.
async fn just_before_the_end(world: &World) -> DeploymentRecord {
    let begun = begins_with_settings(world).await;
    world.sweep_minutes(8).await;
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(2), whole(2)]);
    assert_eq!(settings(world), before());
    begun
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
    for call in (1..40).step_by(3) {
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

#[tokio::test(start_paused = true)]
async fn function_that_cannot_be_read_for_some_minutes_gets_its_settings_later() {
    for (op, kind) in [
        (Op::GetFunction, CallErrorKind::Unknown),
        (Op::GetFunction, CallErrorKind::Denied),
        (Op::PutFunctionConcurrency, CallErrorKind::Denied),
        (Op::TagResource, CallErrorKind::Throttled),
    ] {
        let world = world(&at_once());
        let begun = just_before_the_end(&world).await;
        world.on(op).at(OTHER).always().fail(kind);
        world.sweep_minutes(6).await;
        assert_eq!(BOTH.map(|place| world.served(place)), [whole(2), whole(2)], "{op} {kind:?}");
        let because = record_of(&world, &begun).await.because.unwrap_or_default();
        assert!(because.contains("are not set yet: 222222222222"), "{op} {kind:?}: {because}");
        world.heal();
        world.sweep_minutes(2).await;
        assert_eq!(record_of(&world, &begun).await.status, Status::Succeeded, "{op} {kind:?}");
        assert_eq!(settings(&world), after(), "{op} {kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn target_that_does_not_take_its_settings_for_a_quarter_of_an_hour_takes_the_release_back() {
    for kind in [CallErrorKind::Throttled, CallErrorKind::Denied] {
        let world = world(&at_once());
        let begun = just_before_the_end(&world).await;
        world.on(Op::PutFunctionConcurrency).at(OTHER).always().fail(kind);
        world.sweep_minutes(1).await;
        let first = world.now();
        sweep_until(&world, first, 12).await;
        assert_eq!(BOTH.map(|place| world.served(place)), [whole(2), whole(2)], "{kind:?}");
        sweep_until(&world, first, 19).await;
        let record = record_of(&world, &begun).await;
        assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::TargetFailed)), "{record:?}");
        assert!(record.because.as_deref().unwrap().contains("tried again for 15 minutes"), "{record:?}");
        assert_eq!((settings(&world), BOTH.map(|place| world.served(place))), (before(), [whole(1), whole(1)]));
    }
}

#[tokio::test(start_paused = true)]
async fn guard_takes_a_release_back_whose_settings_are_late() {
    let world = world(&one_step());
    world.on(Op::PutFunctionConcurrency).at(OTHER).always().fail(CallErrorKind::Throttled);
    let begun = begins_with_settings(&world).await;
    world.sweep_minutes(23).await;
    let because = record_of(&world, &begun).await.because.unwrap_or_default();
    assert!(because.contains("are not set yet: 222222222222"), "{because}");
    world.aws(|aws| aws.at(DEV).monitoring.fails("orders", 2, 1.0));
    world.sweep_minutes(8).await;
    let record = record_of(&world, &begun).await;
    assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::Unhealthy)), "{record:?}");
    assert_eq!((settings(&world), BOTH.map(|place| world.served(place))), (before(), [whole(1), whole(1)]));
}

#[tokio::test(start_paused = true)]
async fn function_is_set_back_while_another_target_is_held_up() {
    let world = world(&at_once());
    world.on(Op::PutFunctionConcurrency).at(OTHER).always().fail(CallErrorKind::Invalid);
    let begun = just_before_the_end(&world).await;
    world.on(Op::UpdateAlias).at(OTHER).always().fail(CallErrorKind::Denied);
    world.sweep_minutes(3).await;
    assert!(!world.head("dev", "orders")["active"].is_null());
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(2)]);
    assert_eq!(settings(&world)[0], before()[0]);
    world.heal();
    world.sweep_minutes(2).await;
    assert_eq!(record_of(&world, &begun).await.status, Status::RolledBack);
    assert_eq!(settings(&world), before());
}

#[tokio::test(start_paused = true)]
async fn change_of_a_person_stays_on_the_way_back() {
    let world = world(&at_once());
    world.on(Op::PutFunctionConcurrency).at(OTHER).always().fail(CallErrorKind::Invalid);
    let begun = just_before_the_end(&world).await;
    world.on(Op::UpdateAlias).at(DEV).meanwhile(|aws| aws.at(DEV).function("orders").reserved = Some(50));
    world.sweep_minutes(3).await;
    assert_eq!(record_of(&world, &begun).await.status, Status::RolledBack);
    assert_eq!(settings(&world)[0], (Some("old".to_owned()), Some(50)));
}

#[tokio::test(start_paused = true)]
async fn target_that_stays_with_the_new_version_keeps_its_settings() {
    let world = world(&at_once());
    world.on(Op::PutFunctionConcurrency).at(OTHER).always().fail(CallErrorKind::Invalid);
    let begun = just_before_the_end(&world).await;
    world.on(Op::UpdateAlias).at(DEV).always().fail(CallErrorKind::Denied);
    world.sweep_minutes(2).await;
    world.remove_target("dev", DEV);
    world.sweep_minutes(3).await;
    assert_eq!(record_of(&world, &begun).await.status, Status::Failed);
    assert_eq!((world.served(DEV), &settings(&world)[0]), (whole(2), &after()[0]));
}

#[tokio::test(start_paused = true)]
async fn what_a_function_has_is_noted_anew_after_a_pause() {
    let world = world(&at_once());
    let begun = just_before_the_end(&world).await;
    world.on(Op::PutFunctionConcurrency).at(OTHER).always().fail(CallErrorKind::Throttled);
    world.sweep_minutes(2).await;
    says(&world, "pause", &begun).await;
    world.change_function(OTHER, "orders", |f| f.tag("team", "theirs"));
    world.pass(Duration::from_secs(3_600)).await;
    says(&world, "continue", &begun).await;
    world.sweep_minutes(2).await;
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(2), whole(2)], "its time begins anew");
    says(&world, "abort", &begun).await;
    world.sweep_minutes(2).await;
    assert_eq!(record_of(&world, &begun).await.status, Status::RolledBack);
    assert_eq!(settings(&world), [before()[0].clone(), (Some("theirs".to_owned()), None)]);
}

#[tokio::test(start_paused = true)]
async fn tag_that_is_refused_on_the_way_back_is_named_and_keeps_nothing_else() {
    let world = world(&at_once());
    world.on(Op::PutFunctionConcurrency).at(OTHER).always().fail(CallErrorKind::Invalid);
    let begun = just_before_the_end(&world).await;
    world.on(Op::TagResource).at(DEV).call(2).times(100).fail(CallErrorKind::Denied);
    world.sweep_minutes(3).await;
    let record = record_of(&world, &begun).await;
    assert_eq!(record.status, Status::RolledBack, "{record:?}");
    assert_eq!(settings(&world)[0], (Some("new".to_owned()), None));
    let because = format!("{record:?}");
    assert!(because.contains(&format!("in {DEV}/eu-west-1 may be those of the release")), "{because}");
}

#[tokio::test(start_paused = true)]
async fn tags_that_the_role_may_not_list_are_named_on_the_way_back() {
    let world = world(&at_once());
    world.on(Op::PutFunctionConcurrency).at(OTHER).always().fail(CallErrorKind::Invalid);
    let begun = just_before_the_end(&world).await;
    world.aws(|aws| aws.sts.role(DEV).may_not.insert("lambda:ListTags".into()));
    world.sweep_minutes(3).await;
    let record = record_of(&world, &begun).await;
    assert_eq!(record.status, Status::RolledBack, "{record:?}");
    assert_eq!(settings(&world)[0], (Some("new".to_owned()), None), "its concurrency is set back");
    let because = format!("{record:?}");
    assert!(because.contains(&format!("in {DEV}/eu-west-1 may be those of the release")), "{because}");
    assert!(because.contains("lambda:ListTags"), "{because}");
}

/// The head is as if five owners had died over what is left to do.
#[tokio::test(start_paused = true)]
async fn rollout_whose_owners_have_died_over_a_function_ends_and_names_it() {
    let mut given_up = 0;
    for call in 10..40 {
        let world = world(&at_once());
        world.on(Op::PutFunctionConcurrency).at(OTHER).always().fail(CallErrorKind::Invalid);
        let begun = just_before_the_end(&world).await;
        world.pass(Duration::from_secs(60)).await;
        world.invocation().run(&world::Trigger::Sweep).await;
        let now = world.now();
        for body in world.aws(|aws| aws.queue.take(now)) {
            let tick = world::Trigger::Tick(world::tick(&body));
            world.invocation().dies_at(call, world::CallPhase::After).run(&tick).await;
        }
        let mut head = world.head("dev", "orders");
        let one = &head["active"]["rollout"]["targets"][0];
        let is_left = !one["way_back"]["done"].is_null() && !one["former_settings"].is_null();
        if !is_left || settings(&world)[0].1.is_none() {
            continue;
        }
        given_up += 1;
        head["active"]["attempts"] = json!(deployer_core::head::ATTEMPTS);
        world.aws(|aws| aws.ledger.put("heads/dev/orders.json", head.to_string().into_bytes()));
        world.sweep_minutes(30).await;
        let record = record_of(&world, &begun).await;
        assert_eq!(record.status, Status::RolledBack, "call {call}: {record:?}");
        assert_eq!(settings(&world)[0].1, Some(7), "call {call}: nothing is written any more");
        let because = format!("{record:?}");
        assert!(because.contains(&format!("in {DEV}/eu-west-1 may be those of the release")), "call {call}: {because}");
    }
    assert!(given_up > 0);
}
