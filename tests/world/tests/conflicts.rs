//! Conflicts: the deployer's own write whose answer was lost, and somebody else who writes to the same function.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use deployer_core::id::Sha256;
use deployer_core::record::{DeploymentRecord, Status, TargetError, TargetErrorCode};
use deployer_engine::port::CallErrorKind;
use world::zips::{code, function, with_manifest};
use world::{DEV, Function, Op, World, recorded};

/// A foreign change to a function.
type Does = fn(&mut Function) -> &mut Function;

fn error(record: &DeploymentRecord) -> TargetError {
    record.targets[0].error.clone().unwrap()
}

/// Lets somebody change `orders` just before this call is carried out.
fn meanwhile(world: &World, op: Op, does: Does) {
    world.on(op).meanwhile(move |aws| {
        does(aws.at(DEV).function("orders"));
    });
}

#[tokio::test(start_paused = true)]
async fn lost_answer_to_any_write_of_an_update_converges() {
    for op in [
        Op::UpdateFunctionConfiguration,
        Op::UpdateFunctionCode,
        Op::TagResource,
        Op::PutFunctionConcurrency,
        Op::UpdateAlias,
    ] {
        let world = World::with_orders();
        world.on(op).lose_the_answer();
        let manifest = "timeout = 20\nreserved_concurrent_executions = 5\n[tags]\nteam = \"orders\"\n";
        let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", manifest)).await;
        assert_eq!(record.status, Status::Succeeded, "{op}: {:?}", record.because);
        assert_eq!(record.targets[0].previous.as_ref().unwrap().version.as_str(), "1", "{op}");
        let (versions, live) = world.function(DEV, "orders", |f| (f.versions.len(), f.aliases["live"].version));
        assert_eq!((versions, live), (2, 2), "{op}");
        world.same_again_changes_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn lost_answer_to_any_write_of_a_creation_converges() {
    for op in [Op::CreateFunction, Op::PutFunctionConcurrency, Op::CreateAlias] {
        let world = World::dev();
        world.on(op).lose_the_answer();
        let manifest = format!("reserved_concurrent_executions = 5\n{}", fixtures::MANIFEST);
        let record = world.record("dev/orders/1.0.0.zip", with_manifest("1.0.0", &manifest)).await;
        assert_eq!(record.status, Status::Succeeded, "{op}: {:?}", record.because);
        let (versions, live) = world.function(DEV, "orders", |f| (f.versions.len(), f.aliases["live"].version));
        assert_eq!((versions, live), (1, 1), "{op}");
        world.same_again_changes_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn lost_answer_to_a_publication_finds_its_version() {
    let world = World::dev();
    world.add_function(DEV, "orders", &code("1.0.0"), |f| f);
    world.on(Op::PublishVersion).lose_the_answer();
    let record = world.record("dev/orders/1.0.0.zip", code("1.0.0")).await;
    assert_eq!(record.status, Status::Succeeded, "{:?}", record.because);
    assert_eq!(world.function(DEV, "orders", |f| f.versions.len()), 1);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn sdks_second_try_after_success_is_no_foreign_change() {
    // The write was carried out and its answer was lost. The SDK's second try then fails its own precondition.
    for op in [Op::UpdateFunctionConfiguration, Op::UpdateFunctionCode, Op::UpdateAlias] {
        let world = World::with_orders();
        world.on(op).twice();
        let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", "timeout = 20\n")).await;
        assert_eq!(record.status, Status::Succeeded, "{op}: {:?}", record.because);
        assert_eq!(world.function(DEV, "orders", |f| f.versions.len()), 2, "{op}");
        world.same_again_changes_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn foreign_code_stops_the_deployment_and_names_both_hashes() {
    let world = World::with_orders();
    meanwhile(&world, Op::UpdateFunctionCode, |f| f.code(b"theirs"));
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(
        error(&record),
        TargetError::new(
            TargetErrorCode::ForeignChange,
            "update code",
            format!(
                "somebody else changed function orders meanwhile: expected code {}, found {}; nothing was \
                 overwritten: find out who writes to it, then try again",
                Sha256::of(&code("1.0.0")).to_short_hex(),
                Sha256::of(b"theirs").to_short_hex()
            )
        )
    );
    world.function(DEV, "orders", |f| {
        assert_eq!((f.latest.sha256, f.aliases["live"].version, f.versions.len()), (Sha256::of(b"theirs"), 1, 1));
    });
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn foreign_change_of_a_named_setting_stops_and_names_both_values() {
    let world = World::with_orders();
    meanwhile(&world, Op::UpdateFunctionConfiguration, |f| f.set(|s| s.timeout = 77));
    let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", "timeout = 20\n")).await;
    assert_eq!(error(&record).code, TargetErrorCode::ForeignChange);
    assert_eq!(
        error(&record).message,
        "somebody else changed function orders meanwhile: expected timeout to be 3, found 77; nothing was overwritten: \
         find out who writes to it, then try again"
    );
    assert_eq!(world.function(DEV, "orders", |f| f.latest.settings.timeout), 77);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn foreign_change_of_a_named_variable_stops_without_its_value() {
    let world = World::with_orders();
    meanwhile(&world, Op::UpdateFunctionConfiguration, |f| f.variable("LOG_LEVEL", "their-secret"));
    let manifest = "[environment.variables]\nLOG_LEVEL = \"our-secret\"\n";
    let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", manifest)).await;
    assert_eq!(error(&record).code, TargetErrorCode::ForeignChange);
    assert!(error(&record).message.contains("environment.variables.LOG_LEVEL"), "{}", error(&record).message);
    assert!(!format!("{record:?}").contains("secret"), "{record:?}");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn foreign_move_or_shift_of_the_alias_stops_the_deployment() {
    let moves: [(Does, &str); 3] = [
        (|f| f.code(b"theirs").publish().point("live", 2), "version 2"),
        (|f| f.point("live", 0), "$LATEST"),
        (|f| f.code(b"theirs").publish().shift("live", 2, 0.25), "version 1 and 25% to version 2"),
    ];
    for (does, found) in moves {
        let world = World::with_orders();
        meanwhile(&world, Op::UpdateFunctionCode, does);
        let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
        assert_eq!(error(&record).code, TargetErrorCode::ForeignChange, "{:?}", error(&record));
        world.same_again_changes_nothing().await;

        let world = World::with_orders();
        world.change_function(DEV, "orders", |f| f.code(b"theirs").publish().code(&code("1.0.0")));
        let late: Does = match found {
            "version 2" => |f| f.point("live", 2),
            "$LATEST" => |f| f.point("live", 0),
            _ => |f| f.shift("live", 2, 0.25),
        };
        meanwhile(&world, Op::UpdateAlias, late);
        let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
        assert_eq!((error(&record).code, error(&record).step.as_str()), (TargetErrorCode::ForeignChange, "move alias"));
        assert_eq!(
            error(&record).message,
            format!(
                "somebody else changed function orders meanwhile: expected alias live to serve version 1, found \
                 {found}; nothing was overwritten: find out who writes to it, then try again"
            )
        );
        assert_ne!(world.function(DEV, "orders", |f| f.aliases["live"].version), 3);
        world.same_again_changes_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn function_or_alias_created_by_somebody_else_stops_the_deployment() {
    let world = World::dev();
    world.on(Op::CreateFunction).meanwhile(|aws| {
        aws.at(DEV).add_function("orders", b"theirs").publish().point("live", 1);
    });
    let record = world.record("dev/orders/1.0.0.zip", function("1.0.0")).await;
    assert_eq!(
        error(&record).message,
        "somebody else changed function orders meanwhile: expected no function of this name, found one with other \
         code; nothing was overwritten: find out who writes to it, then try again"
    );
    world.same_again_changes_nothing().await;

    let world = World::dev();
    world.add_function(DEV, "orders", &code("1.0.0"), |f| f.publish());
    meanwhile(&world, Op::CreateAlias, |f| f.point("live", 1));
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(
        error(&record).message,
        "somebody else changed function orders meanwhile: expected alias live to serve no such alias, found version 1; \
         nothing was overwritten: find out who writes to it, then try again"
    );
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn function_deleted_by_somebody_else_stops_the_deployment() {
    let world = World::with_orders();
    world.on(Op::UpdateAlias).meanwhile(|aws| aws.at(DEV).functions.clear());
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(record.status, Status::Failed);
    assert_eq!(world.writes().len(), 2, "{:?}", world.writes());
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn foreign_change_outside_the_plan_is_ignored() {
    let others: [Does; 5] = [
        |f| f.tag("cost", "42"),
        |f| f.permit("events.amazonaws.com"),
        |f| f.set(|s| s.memory_size = 192),
        |f| f.variable("THEIRS", "kept"),
        |f| f.point("canary", 1),
    ];
    for op in [Op::UpdateFunctionConfiguration, Op::UpdateFunctionCode, Op::UpdateAlias] {
        for does in others {
            let world = World::with_orders();
            meanwhile(&world, op, does);
            let manifest = "timeout = 20\n[environment.variables]\nLOG_LEVEL = \"warn\"\n";
            let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", manifest)).await;
            assert_eq!(record.status, Status::Succeeded, "{op}: {:?}", record.because);
            assert_eq!(world.function(DEV, "orders", |f| f.latest.settings.timeout), 20);
            world.same_again_changes_nothing().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn variable_added_by_somebody_else_meanwhile_is_kept() {
    let world = World::with_orders();
    meanwhile(&world, Op::UpdateFunctionConfiguration, |f| f.variable("THEIRS", "kept"));
    world.upload("dev/orders/1.1.0.zip", with_manifest("1.1.0", "[environment.variables]\nOURS = \"1\"\n")).await;
    let snapshot = world.snapshot();
    assert!(snapshot.contains("THEIRS=kept\n") && snapshot.contains("OURS=1\n"), "{snapshot}");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn endless_conflicts_end_the_deployment() {
    let world = World::with_orders();
    world.on(Op::UpdateFunctionCode).times(50).meanwhile(|aws| {
        aws.at(DEV).function("orders").permit("events.amazonaws.com");
    });
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    // The plan has not read permissions, so their change is no foreign change.
    assert_eq!(error(&record).code, TargetErrorCode::Internal);
    assert_eq!(world.calls_of(Op::UpdateFunctionCode).len(), 5, "each conflict is looked at once more, not for ever");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn foreign_update_in_between_is_waited_out_and_observed() {
    // The invocation itself waits for the short update; over the long one the deployment is parked.
    for seconds in [15, 30] {
        let world = World::with_orders();
        let until = world.now() + Duration::from_secs(seconds);
        world.on(Op::UpdateFunctionCode).meanwhile(move |aws| {
            aws.at(DEV).function("orders").set(|s| s.memory_size = 192).busy(0, until);
        });
        let record = world.upload_until_ended("dev/orders/1.1.0.zip", code("1.1.0")).await;
        assert_eq!(record.status, Status::Succeeded, "{seconds}: {:?}", record.because);
        assert_eq!(world.function(DEV, "orders", |f| f.latest.settings.memory_size), 192);
        world.same_again_changes_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn reads_without_an_answer_are_retried_a_few_times() {
    let world = World::with_orders();
    world.on(Op::GetFunction).times(3).fail(CallErrorKind::Unknown);
    assert_eq!(world.record("dev/orders/1.1.0.zip", code("1.1.0")).await.status, Status::Succeeded);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn two_invocations_with_one_event_make_one_record() {
    let world = World::with_orders();
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    let (one, other) = tokio::join!(world.deliver(&upload), world.deliver(&upload));
    let (one, other) = (recorded(one.unwrap()), recorded(other.unwrap()));
    assert_eq!(one.id, other.id);
    // One of them works, and the other one leaves the work to it.
    assert!([one.status, other.status].contains(&Status::InProgress), "{} and {}", one.status, other.status);
    assert_eq!(
        world.render().split_once("dev/").unwrap().1,
        "orders/1.1.0: succeeded\n  111111111111/eu-west-1: succeeded, version 2, was 1\n"
    );
    assert_eq!(world.function(DEV, "orders", |f| (f.versions.len(), f.aliases["live"].version)), (2, 2));
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn foreign_write_during_configuration_update_is_not_overwritten() {
    let theirs: [(Does, &str); 2] = [
        (|f| f.code(&code("theirs")), "expected code"),
        (|f| f.set(|s| s.timeout = 77), "expected timeout to be 3, found 77"),
    ];
    for (does, expected) in theirs {
        let world = World::with_orders();
        // The third call is the look at the configuration that was just written.
        world.on(Op::GetFunction).call(3).meanwhile(move |aws| {
            does(aws.at(DEV).function("orders"));
        });
        let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", "timeout = 20\n")).await;
        assert_eq!(error(&record).code, TargetErrorCode::ForeignChange, "{record:#?}");
        assert!(error(&record).message.contains(expected), "{}", error(&record).message);
        assert!(world.calls_of(Op::UpdateFunctionCode).is_empty(), "nothing was written over it");
        world.same_again_changes_nothing().await;
    }
}
