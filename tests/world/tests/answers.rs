//! The answers of Lambda, STS and S3: the deployer waits, sends the call once more, or ends with AWS's own words.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use deployer_core::record::{DeploymentRecord, Status, TargetError, TargetErrorCode};
use deployer_engine::port::CallErrorKind;
use jiff::Timestamp;
use serde_json::{Value, json};
use world::zips::{code, function};
use world::{Condition, DEV, Op, World};

const FIFTEEN_MINUTES: Duration = Duration::from_secs(15 * 60);

fn error(record: &DeploymentRecord) -> TargetError {
    record.targets[0].error.clone().unwrap_or_else(|| panic!("{record:#?}"))
}

fn live(world: &World) -> u64 {
    world.function(DEV, "orders", |f| f.aliases["live"].version)
}

fn versions(world: &World) -> Vec<u64> {
    world.function(DEV, "orders", |f| f.versions.keys().copied().collect())
}

/// Returns a world in which somebody has published so many versions of `orders`; the alias serves the last.
fn with_versions(environment: &Value, count: u64) -> World {
    let mut environment = environment.clone();
    environment["targets"] = json!([{"account": DEV, "region": "eu-west-1"}]);
    let world = World::with(&json!({
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-deployer-ledger",
        "environments": {"dev": environment},
    }));
    world.add_function(DEV, "orders", &code("0"), |f| {
        for number in 1..=count {
            f.code(&code(&format!("by hand {number}"))).publish();
        }
        f.point("live", count)
    });
    world
}

#[tokio::test(start_paused = true)]
async fn version_not_active_yet_is_waited_for_before_the_alias_moves() {
    for state in ["Inactive", "ActiveNonInvocable", "SomethingNew"] {
        let world = World::with_orders();
        world.on(Op::UpdateFunctionCode).end_in(state);
        world.on(Op::GetFunction).about("orders:2").call(6).meanwhile(|aws| {
            let function = aws.at(DEV).function("orders");
            assert_eq!(function.aliases["live"].version, 1, "it moved to a version that does not serve");
            function.versions.get_mut(&2).unwrap().state = Condition::Ready;
        });
        let record = world.upload_until_ended("dev/orders/1.1.0.zip", code("1.1.0")).await;
        assert_eq!((record.status, live(&world)), (Status::Succeeded, 2), "{state}: {:?}", record.because);
    }
}

#[tokio::test(start_paused = true)]
async fn version_that_never_serves_fails_with_lambdas_reason() {
    for (state, is_certain) in [("Inactive", false), ("SomethingNew", false), ("Deactivated", true), ("Deleting", true)]
    {
        let world = World::with_orders();
        world.on(Op::UpdateFunctionCode).end_in(state);
        let record = world.upload_until_ended("dev/orders/1.1.0.zip", code("1.1.0")).await;
        assert_eq!((error(&record).code, live(&world)), (TargetErrorCode::FunctionFailed, 1), "{state}");
        let message = error(&record).message;
        assert!(message.contains(&format!("Idle: so it is (state {state})")), "{message}");
        assert_eq!(world.elapsed() < Duration::from_secs(60), is_certain, "{state}: {:?}", world.elapsed());
        assert!(world.elapsed() < FIFTEEN_MINUTES + Duration::from_secs(60), "{:?}", world.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn rollback_uses_an_inactive_version_only_without_its_zip() {
    for (zip_is_gone, serves) in [(true, 2), (false, 4)] {
        let world = World::with_orders();
        let first = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
        world.until_ended(&first).await;
        world.pass(Duration::from_secs(1)).await;
        world.upload_until_ended("dev/orders/1.2.0.zip", code("1.2.0")).await;
        world.change_function(DEV, "orders", |f| {
            f.versions.get_mut(&2).unwrap().state = Condition::Named("Inactive".into());
            f
        });
        if zip_is_gone {
            world.aws(|aws| aws.artifacts.delete("dev/orders/1.1.0.zip", first.version_id.as_ref().unwrap()));
        }
        let rollback = json!({"command": "rollback", "environment": "dev", "function": "orders"});
        let record = world.command_record(rollback).await;
        assert_eq!((record.status, live(&world)), (Status::Succeeded, serves), "{:?}", record.because);
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_409_is_waited_for_and_ends_with_awss_words() {
    let words = "ResourceConflictException: the alias is being looked at";
    for op in [Op::UpdateFunctionCode, Op::UpdateAlias] {
        let world = World::with_orders();
        world.on(op).times(16).fail_saying(CallErrorKind::RefusedForNow, words);
        let record = world.upload_until_ended("dev/orders/1.1.0.zip", code("1.1.0")).await;
        assert_eq!((record.status, live(&world)), (Status::Succeeded, 2), "{op}: {:?}", record.because);

        let mut world = World::with_orders();
        world.time = Duration::from_secs(240);
        world.on(op).always().fail_saying(CallErrorKind::RefusedForNow, words);
        let record = world.upload_until_ended("dev/orders/1.1.0.zip", code("1.1.0")).await;
        assert_eq!((error(&record).code, live(&world)), (TargetErrorCode::Internal, 1), "{op}");
        assert!(error(&record).message.contains(words), "{}", error(&record).message);
        let waited = world.elapsed();
        assert!(waited >= FIFTEEN_MINUTES && waited < FIFTEEN_MINUTES + Duration::from_secs(60), "{op}: {waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn fresh_execution_role_is_waited_for_across_invocations_within_limits() {
    for (from, expected) in [(600, None), (3600, Some(TargetErrorCode::RoleNotAssumable))] {
        let mut world = World::with_targets(&[DEV]);
        world.time = Duration::from_secs(120);
        let from = world.now() + Duration::from_secs(from);
        world.aws(|aws| aws.at(DEV).role("lambda-execution", from));
        let record = world.upload_until_ended("dev/orders/1.0.0.zip", function("1.0.0")).await;
        assert_eq!(record.targets[0].error.as_ref().map(|error| error.code), expected, "{:?}", record.because);
        let waited = world.elapsed();
        assert!(waited >= Duration::from_secs(600) && waited < Duration::from_secs(960), "{waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn fresh_execution_role_without_a_queue_is_waited_for_two_minutes() {
    let world = World::with(&json!({
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-deployer-ledger",
        "environments": {"dev": {"targets": [{"account": DEV, "region": "eu-west-1"}]}},
    }));
    world.aws(|aws| aws.at(DEV).role("lambda-execution", Timestamp::MAX));
    let record = world.record("dev/orders/1.0.0.zip", function("1.0.0")).await;
    assert_eq!(error(&record).code, TargetErrorCode::RoleNotAssumable);
    assert!(world.elapsed() < Duration::from_secs(130), "{:?}", world.elapsed());
}

#[tokio::test(start_paused = true)]
async fn denial_by_a_fresh_policy_is_retried_for_fifteen_seconds() {
    for (op, kind, code_of_error) in [
        (Op::UpdateFunctionCode, CallErrorKind::Denied, TargetErrorCode::AccessDenied),
        (Op::UpdateFunctionCode, CallErrorKind::CodeDenied, TargetErrorCode::ArtifactUnreadable),
        (Op::GetAlias, CallErrorKind::Denied, TargetErrorCode::AccessDenied),
        (Op::ReadTail, CallErrorKind::Denied, TargetErrorCode::ArtifactUnreadable),
    ] {
        let world = World::with_orders();
        world.on(op).times(4).fail(kind);
        let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
        assert_eq!(record.status, Status::Succeeded, "{op} {kind:?}: {:?}", record.because);

        let world = World::with_orders();
        world.on(op).always().fail(kind);
        let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
        assert_eq!(error(&record).code, code_of_error, "{op} {kind:?}");
        let waited = world.elapsed();
        assert!(waited > Duration::from_secs(10) && waited < Duration::from_secs(20), "{op} {kind:?}: {waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn error_that_waiting_cannot_fix_fails_at_once() {
    for (kind, code_of_error) in [
        (CallErrorKind::KeyDenied, TargetErrorCode::AccessDenied),
        (CallErrorKind::RegionNotEnabled, TargetErrorCode::AccessDenied),
        (CallErrorKind::QuotaReached, TargetErrorCode::QuotaExceeded),
        (CallErrorKind::Unsupported, TargetErrorCode::Unsupported),
    ] {
        let world = World::with_orders();
        world.on(Op::UpdateFunctionCode).always().fail(kind);
        let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
        assert_eq!(error(&record).code, code_of_error, "{kind:?}");
        assert!(world.elapsed() < Duration::from_secs(3), "{kind:?}: {:?}", world.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn version_that_failed_for_a_passing_reason_is_published_again() {
    for reason in ["InternalError", "EC2RequestLimitExceeded", "InsufficientCapacity", "EFSMountTimeout"] {
        let world = World::with_orders();
        world.on(Op::UpdateFunctionCode).end_failed(&format!("{reason}: try again"));
        let record = world.upload_until_ended("dev/orders/1.1.0.zip", code("1.1.0")).await;
        assert_eq!((record.status, live(&world)), (Status::Succeeded, 3), "{reason}: {:?}", record.because);
    }
    for (reason, expected) in [
        ("InternalError", TargetErrorCode::FunctionFailed),
        ("EC2RequestLimitExceeded", TargetErrorCode::Throttled),
        ("EniLimitExceeded", TargetErrorCode::QuotaExceeded),
        ("InvalidRuntime", TargetErrorCode::FunctionFailed),
    ] {
        let world = World::with_orders();
        world.on(Op::UpdateFunctionCode).always().end_failed(&format!("{reason}: no"));
        let record = world.upload_until_ended("dev/orders/1.1.0.zip", code("1.1.0")).await;
        assert_eq!((error(&record).code, live(&world)), (expected, 1), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn conflict_without_a_difference_is_no_foreign_change() {
    let world = World::with_orders();
    world.on(Op::UpdateAlias).always().fail(CallErrorKind::Conflict);
    let record = world.upload_until_ended("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(error(&record).code, TargetErrorCode::Internal, "{}", error(&record).message);
}

#[tokio::test(start_paused = true)]
async fn full_code_storage_is_pruned_and_the_call_repeated() {
    let world = with_versions(&json!({"keep_versions": 3}), 8);
    world.on(Op::UpdateFunctionCode).fail(CallErrorKind::StorageFull);
    let record = world.record("dev/orders/1.zip", code("1")).await;
    assert_eq!((record.status, live(&world)), (Status::Succeeded, 9), "{:?}", record.because);
    assert_eq!(versions(&world), [7, 8, 9]);

    let world = with_versions(&json!({"keep_versions": 10}), 3);
    world.on(Op::UpdateFunctionCode).always().fail(CallErrorKind::StorageFull);
    let record = world.record("dev/orders/1.zip", code("1")).await;
    assert_eq!(error(&record).code, TargetErrorCode::QuotaExceeded);
    assert_eq!(world.calls_of(Op::UpdateFunctionCode).len(), 1, "nothing went, so nothing is sent again");
}

#[tokio::test(start_paused = true)]
async fn undeletable_versions_do_not_stop_pruning() {
    let world = with_versions(&json!({"keep_versions": 3}), 20);
    world.change_function(DEV, "orders", |f| {
        f.replicated = (1..=12).collect();
        f
    });
    let record = world.record("dev/orders/1.zip", code("1")).await;
    assert_eq!(record.status, Status::Succeeded, "{:?}", record.because);
    assert_eq!(versions(&world), (1..=12).chain(19..=21).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn durable_function_is_pruned_only_if_the_environment_allows_it() {
    for (environment, expected) in [
        (json!({"keep_versions": 3}), (1..=9).collect::<Vec<_>>()),
        (json!({"keep_versions": 3, "prune_durable": true}), vec![7, 8, 9]),
    ] {
        let world = with_versions(&environment, 8);
        world.change_function(DEV, "orders", |f| {
            f.is_durable = true;
            f
        });
        world.upload("dev/orders/1.zip", code("1")).await;
        assert_eq!(versions(&world), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn formerly_served_version_is_not_deleted_by_the_same_deployment() {
    let world = with_versions(&json!({"keep_versions": 1}), 5);
    world.change_function(DEV, "orders", |f| f.point("live", 2).shift("live", 3, 0.1));
    world.upload("dev/orders/1.zip", code("1")).await;
    assert_eq!(versions(&world), [2, 3, 6]);
    world.pass(Duration::from_secs(1)).await;
    world.upload("dev/orders/2.zip", code("2")).await;
    assert_eq!(versions(&world), [6, 7]);
}
