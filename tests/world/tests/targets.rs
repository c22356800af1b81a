//! Several targets: each has an outcome of its own, and they share the process.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use deployer_core::id::AccountId;
use deployer_core::record::{DeploymentRecord, Status, TargetErrorCode};
use deployer_engine::port::CallErrorKind;
use jiff::Timestamp;
use world::zips::{code, function, large, with_manifest};
use world::{Op, World, recorded};

/// Returns a world with accounts 000000000001, 000000000002, …, each with `orders` at 1.0.0.
fn accounts(count: usize) -> World {
    let names: Vec<String> = (1..=count).map(|n| format!("{n:012}")).collect();
    let world = World::with_targets(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for name in &names {
        world.add_function(name, "orders", &code("1.0.0"), |f| f.publish().point("live", 1));
    }
    world
}

fn message(record: &DeploymentRecord, target: usize) -> String {
    record.targets[target].error.clone().unwrap().message.into()
}

#[tokio::test(start_paused = true)]
async fn failing_target_neither_stops_nor_hides_the_others() {
    let world = accounts(9);
    let place = |n: usize| format!("{n:012}");
    world.aws(|aws| {
        aws.sts.delete_role(&place(2));
        aws.sts.role(&place(3)).answers_as = AccountId::parse("999999999999").unwrap();
        aws.sts.role(&place(4)).may_not.insert("lambda:UpdateAlias".into());
    });
    world.on(Op::UpdateFunctionCode).at(&place(5)).end_failed("InvalidZipFileException: no");
    world.on(Op::UpdateFunctionCode).at(&place(6)).always().fail(CallErrorKind::Throttled);
    world.change_function(&place(7), "orders", |f| f.busy(0, Timestamp::MAX));
    let foreign = code("foreign");
    world.on(Op::UpdateFunctionCode).at(&place(8)).meanwhile(move |aws| {
        aws.at("000000000008").function("orders").code(&foreign);
    });
    let record = world.upload_until_ended("dev/orders/1.1.0.zip", code("1.1.0")).await;
    let deployments: String = world.render().lines().skip(9).map(|line| format!("{line}\n")).collect();
    assert_eq!(
        deployments,
        "dev/orders/1.1.0: failed, TargetFailed\n\
         \x20 000000000001/eu-west-1: succeeded, version 2, was 1\n\
         \x20 000000000002/eu-west-1: failed, AssumeRoleDenied in enter\n\
         \x20 000000000003/eu-west-1: failed, WrongAccount in enter\n\
         \x20 000000000004/eu-west-1: failed, AccessDenied in move alias\n\
         \x20 000000000005/eu-west-1: failed, FunctionFailed in update code\n\
         \x20 000000000006/eu-west-1: failed, Throttled in update code\n\
         \x20 000000000007/eu-west-1: failed, TimedOut in observe\n\
         \x20 000000000008/eu-west-1: failed, ForeignChange in update code\n\
         \x20 000000000009/eu-west-1: succeeded, version 2, was 1\n"
    );
    let because = record.because.clone().unwrap();
    assert!(because.starts_with("7 of 9 targets failed: 000000000002/eu-west-1: AssumeRoleDenied, "), "{because}");
    assert!(because.ends_with("; and 4 more"), "{because}");
    assert_eq!(
        message(&record, 2),
        "expected a session in account 000000000003, found one in account 999999999999: nothing was done"
    );
    assert_eq!(message(&record, 4), "function orders in 000000000005/eu-west-1: InvalidZipFileException: no");
    let id = record.id;
    assert_eq!(
        message(&record, 1),
        format!(
            "AssumeRole of arn:aws:iam::000000000002:role/deployer-target in account 000000000002 as session \
             deployer-{id} was denied (AccessDenied: User: \
             arn:aws:sts::000000000000:assumed-role/deployer/deployer is not authorized to perform: sts:AssumeRole)"
        )
    );
    world.heal();
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn each_target_is_created_updated_or_left_alone() {
    let world = World::with_targets(&["111111111111", "222222222222", "333333333333"]);
    let zip = function("1.0.0");
    for account in ["111111111111", "222222222222", "333333333333"] {
        world.aws(|aws| aws.at(account).role("lambda-execution", Timestamp::UNIX_EPOCH));
    }
    world.upload("dev/orders/1.0.0.zip", zip.clone()).await;
    world.aws(|aws| aws.at("111111111111").functions.clear());
    world.change_function("222222222222", "orders", |f| f.set(|s| s.memory_size = 128));
    world.change_function("222222222222", "orders", |f| f.publish().point("live", 2));
    world.pass(Duration::from_secs(1)).await;
    world.upload("dev/orders/1.0.0-again.zip", zip).await;
    assert_eq!(
        world.render().split_once("dev/orders/1.0.0-again").unwrap().1,
        ": succeeded\n\
         \x20 111111111111/eu-west-1: succeeded, version 1\n\
         \x20 222222222222/eu-west-1: succeeded, version 3, was 2\n\
         \x20 333333333333/eu-west-1: unchanged, version 1, was 1\n"
    );
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn sixty_four_of_a_hundred_targets_run_at_once() {
    let world = accounts(100);
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(record.status, Status::Succeeded, "{:?}", record.because);
    assert_eq!(world.most_places_at_once(), 64);
    let order: Vec<String> = record.targets.iter().map(|t| t.account.to_string()).collect();
    assert_eq!(order, (1..=100).map(|n| format!("{n:012}")).collect::<Vec<_>>(), "in the configuration's order");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn slow_target_does_not_delay_the_others() {
    let world = accounts(100);
    world.latency(|call| Duration::from_millis(if call.place.starts_with("000000000001") { 5_000 } else { 20 }));
    world.upload("dev/orders/1.1.0.zip", code("1.1.0")).await;
    let ends: Vec<(String, Duration)> =
        world.calls_of(Op::UpdateAlias).into_iter().map(|call| (call.place, call.ended.unwrap())).collect();
    let late: Vec<&str> =
        ends.iter().filter(|(_, end)| *end > Duration::from_secs(3)).map(|(p, _)| p.as_str()).collect();
    assert_eq!(late, ["000000000001/eu-west-1"]);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn target_in_another_region_gets_the_zip_inline() {
    let world = World::with_targets(&["111111111111", "111111111111/us-east-1", "222222222222/us-east-1"]);
    for place in ["111111111111", "111111111111/us-east-1", "222222222222/us-east-1"] {
        world.add_function(place, "orders", &code("1.0.0"), |f| f.publish().point("live", 1));
    }
    let zip = large("1.1.0", 3 << 20, None);
    let size = zip.len() as u64;
    let upload = world.put("dev/orders/1.1.0.zip", zip);
    let run = world.invocation().upload(&upload).await;
    assert_eq!(
        world.render().split_once("dev/orders/1.1.0").unwrap().1,
        ": succeeded\n\
         \x20 111111111111/eu-west-1: succeeded, version 2, was 1\n\
         \x20 111111111111/us-east-1: succeeded, version 2, was 1\n\
         \x20 222222222222/us-east-1: succeeded, version 2, was 1\n"
    );
    let read = world.aws(|aws| aws.artifacts.bytes_read(run.invocation, upload.version_id.as_ref().unwrap()));
    assert_eq!(read, 2 * size, "once to verify, and once to send it along, to however many");
    let sent: Vec<_> = world.calls_of(Op::UpdateFunctionCode);
    let sent: Vec<_> = sent.iter().filter(|call| call.place.ends_with("us-east-1")).collect();
    assert!(sent[0].ended <= Some(sent[1].began), "one after the other: {sent:?}");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn function_in_another_region_is_created_from_an_inline_zip() {
    let world = World::with_targets(&["111111111111/us-east-1"]);
    world.aws(|aws| aws.at("111111111111/us-east-1").role("lambda-execution", Timestamp::UNIX_EPOCH));
    let record = world.record("dev/orders/1.0.0.zip", function("1.0.0")).await;
    assert_eq!(record.status, Status::Succeeded, "{:?}", record.because);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn two_deployments_hold_one_zip_in_memory_at_a_time() {
    let world = World::with_targets(&["111111111111/us-east-1", "222222222222/us-east-1"]);
    for (place, name) in [("111111111111/us-east-1", "orders"), ("222222222222/us-east-1", "orders")] {
        world.add_function(place, name, &code("1.0.0"), |f| f.publish().point("live", 1));
        world.add_function(place, "bills", &code("1.0.0"), |f| f.publish().point("live", 1));
    }
    let orders = world.put("dev/orders/1.1.0.zip", code("orders 1.1.0"));
    let bills = world.put("dev/bills/1.1.0.zip", code("bills 1.1.0"));
    let (one, other) = tokio::join!(world.deliver(&orders), world.deliver(&bills));
    for handled in [one, other] {
        assert_eq!(recorded(handled.unwrap()).status, Status::Succeeded);
    }
    // Zips as small as these are verified from their tail, so every read of a range sends them along.
    let held = |key: &str, name: &str| {
        let began = world.calls_of(Op::ReadRange).into_iter().find(|c| c.what.contains(key)).unwrap().began;
        let sent = world.calls_of(Op::UpdateFunctionCode).into_iter().filter(|c| c.what == name);
        (began, sent.map(|c| c.ended.unwrap()).max().unwrap())
    };
    let (orders, bills) = (held("dev/orders", "orders"), held("dev/bills", "bills"));
    assert!(orders.1 <= bills.0 || bills.1 <= orders.0, "{orders:?} and {bills:?}");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn large_zip_fails_another_region_and_not_its_own() {
    let world = World::with_targets(&["111111111111", "111111111111/us-east-1"]);
    for place in ["111111111111", "111111111111/us-east-1"] {
        world.add_function(place, "orders", &code("1.0.0"), |f| f.publish().point("live", 1));
    }
    let zip = large("1.1.0", 50 << 20, None);
    let size = zip.len();
    let record = world.record("dev/orders/1.1.0.zip", zip).await;
    assert_eq!(record.targets[0].status, Status::Succeeded);
    let error = record.targets[1].error.clone().unwrap();
    assert_eq!((error.code, error.step.as_str()), (TargetErrorCode::CodeTooLarge, "plan"));
    assert_eq!(
        error.message,
        format!(
            "the zip has {size} bytes, but us-east-1 is not the artifact bucket's region (eu-west-1), and Lambda takes \
             at most 52428800 bytes sent along: make the zip smaller (move dependencies to a layer), or give us-east-1 \
             a deployer and an artifact bucket of its own"
        )
    );
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn missing_execution_role_fails_that_account_alone() {
    let world = World::with_targets(&["111111111111", "222222222222"]);
    world.aws(|aws| aws.at("111111111111").role("orders", Timestamp::UNIX_EPOCH));
    let manifest = "runtime = \"provided.al2023\"\nhandler = \"bootstrap\"\nrole = \"orders\"\n";
    let record = world.upload_until_ended("dev/orders/1.0.0.zip", with_manifest("1.0.0", manifest)).await;
    assert_eq!(record.targets[0].status, Status::Succeeded);
    assert_eq!(record.targets[1].error.as_ref().unwrap().code, TargetErrorCode::RoleNotAssumable);
    world.same_again_changes_nothing().await;
}
