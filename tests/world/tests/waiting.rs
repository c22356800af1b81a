//! Waiting: the deployer waits for passing conditions as long as the contract says, and never past the deadline.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use deployer_core::record::{Code, DeploymentRecord, Status, TargetError, TargetErrorCode};
use deployer_engine::port::CallErrorKind;
use jiff::Timestamp;
use serde_json::json;
use world::orders::{command, deploy_all, served};
use world::zips::{code, function, with_manifest};
use world::{DEV, Op, Outcome, Trigger, World, recorded};

fn error(record: &DeploymentRecord) -> TargetError {
    record.targets[0].error.clone().unwrap()
}

/// Returns the world of [`World::with_orders`] without a queue.
fn without_queue() -> World {
    let world = World::with(&json!({
        "artifact_bucket": "acme-artifacts",
        "ledger_bucket": "acme-deployer-ledger",
        "environments": {"dev": {"targets": [{"account": DEV, "region": "eu-west-1"}], "external_id": "dev-8c1f"}},
    }));
    world.add_function(DEV, "orders", &code("1.0.0"), |f| f.publish().point("live", 1));
    world
}

/// Delivers ticks and sweeps until nothing is active, and returns the record that the ledger then has.
async fn run_until_ended(world: &World, record: &DeploymentRecord) -> DeploymentRecord {
    for _ in 0..60 {
        world.tick().await;
        if world.head("dev", "orders")["active"].is_null() {
            break;
        }
        world.pass(Duration::from_secs(60)).await;
        world.invocation().run(&Trigger::Sweep).await;
    }
    let key = format!("deployments/dev/orders/{}.json", record.id);
    world.aws(|aws| serde_json::from_slice(aws.ledger.get(&key).unwrap()).unwrap())
}

/// Uploads, and checks that the deployment is parked after 20 seconds, for this reason.
async fn parked(world: &World, release: &str, zip: Vec<u8>, because: &str) -> DeploymentRecord {
    let began = world.elapsed();
    let record = world.record(&format!("dev/orders/{release}.zip"), zip).await;
    let took = (world.elapsed() - began).as_secs();
    assert_eq!((record.status, record.code), (Status::InProgress, Some(Code::Waiting)), "{record:?}");
    assert!((20..25).contains(&took), "the invocation is given back after {took} s");
    assert_eq!(record.because.as_deref(), Some(because));
    let key = format!("deployments/dev/orders/{}.json", record.id);
    let told: DeploymentRecord = world.aws(|aws| serde_json::from_slice(aws.ledger.get(&key).unwrap()).unwrap());
    assert_eq!(told, record, "the ledger says so too");
    let active = &world.head("dev", "orders")["active"];
    assert_eq!((&active["attempts"], &active["extensions"], &active["hops"]), (&json!(0), &json!(0), &json!(1)));
    record
}

#[tokio::test(start_paused = true)]
async fn version_pending_for_minutes_is_parked_and_goes_live_once() {
    let world = World::with_orders();
    world.aws(|aws| aws.at(DEV).settling.time = Duration::from_secs(180));
    let because =
        "waits for Lambda in 111111111111/eu-west-1 (update code: Lambda is still at work on version 2 of orders)";
    let record = parked(&world, "1.1.0", code("1.1.0"), because).await;
    assert_eq!(world.function(DEV, "orders", |f| f.aliases["live"].version), 1, "the alias waits");
    let record = run_until_ended(&world, &record).await;
    assert_eq!((record.status, record.because), (Status::Succeeded, None));
    assert_eq!(record.targets[0].previous.as_ref().unwrap().version.as_str(), "1");
    assert_eq!(world.function(DEV, "orders", |f| (f.versions.len(), f.aliases["live"].version)), (2, 2));
    assert_eq!((world.calls_of(Op::UpdateFunctionCode).len(), world.calls_of(Op::UpdateAlias).len()), (1, 1));
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn resumed_wait_looks_once_and_is_given_back() {
    let world = World::with_orders();
    world.aws(|aws| aws.at(DEV).settling.time = Duration::from_secs(400));
    let because =
        "waits for Lambda in 111111111111/eu-west-1 (update code: Lambda is still at work on version 2 of orders)";
    let record = parked(&world, "1.1.0", code("1.1.0"), because).await;
    let due = world.aws(|aws| aws.queue.next()).unwrap();
    world.pass(due.duration_since(world.now()).try_into().unwrap_or_default()).await;
    let body = world.aws(|aws| aws.queue.take(due)).remove(0);
    let began = world.elapsed();
    world.invocation().run(&Trigger::Tick(world::tick(&body))).await;
    assert!((world.elapsed() - began).as_secs() < 3, "{:?}", world.elapsed() - began);
    assert_eq!(world.head("dev", "orders")["active"]["hops"], 2);
    assert_eq!(run_until_ended(&world, &record).await.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn version_pending_for_ever_fails_after_fifteen_minutes() {
    let world = World::with_orders();
    world.aws(|aws| aws.at(DEV).settling.time = Duration::from_secs(1_000_000));
    let because =
        "waits for Lambda in 111111111111/eu-west-1 (update code: Lambda is still at work on version 2 of orders)";
    let record = parked(&world, "1.1.0", code("1.1.0"), because).await;
    let record = run_until_ended(&world, &record).await;
    assert!((900..1_000).contains(&world.elapsed().as_secs()), "{:?}", world.elapsed());
    assert_eq!(
        error(&record),
        TargetError::new(
            TargetErrorCode::TimedOut,
            "observe",
            "Lambda was not done within 15 minutes (another update is in progress): see what holds the function up, then \
             try again"
        )
    );
    assert_eq!(world.function(DEV, "orders", |f| f.aliases["live"].version), 1);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn foreign_update_of_minutes_parks_before_any_write() {
    let world = World::with_orders();
    let until = world.now() + Duration::from_secs(200);
    world.change_function(DEV, "orders", |f| f.busy(0, until));
    let because = "waits for Lambda in 111111111111/eu-west-1 (observe: another update is in progress)";
    let record = parked(&world, "1.1.0", code("1.1.0"), because).await;
    assert!(world.writes().is_empty(), "{:?}", world.writes());
    assert_eq!(run_until_ended(&world, &record).await.status, Status::Succeeded);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn write_that_meets_a_busy_function_for_minutes_is_parked() {
    let world = World::with_orders();
    world.on(Op::UpdateFunctionCode).always().fail_saying(CallErrorKind::Busy, "an update is in progress");
    let because = "waits for Lambda in 111111111111/eu-west-1 (update code: UpdateFunctionCode of orders: an update is in progress)";
    let record = parked(&world, "1.1.0", code("1.1.0"), because).await;
    world.heal();
    assert_eq!(run_until_ended(&world, &record).await.status, Status::Succeeded);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn role_that_lambda_cannot_assume_yet_is_parked() {
    let world = World::dev();
    world.aws(|aws| aws.at(DEV).roles.clear());
    let record = world.record("dev/orders/1.0.0.zip", function("1.0.0")).await;
    assert_eq!((record.status, record.code), (Status::InProgress, Some(Code::Waiting)), "{record:?}");
    assert!((20..25).contains(&world.elapsed().as_secs()));
    let because = record.because.unwrap();
    let told = "waits for Lambda in 111111111111/eu-west-1 (create function: ";
    assert!(because.starts_with(told) && because.contains("cannot be assumed by Lambda"), "{because}");
}

#[tokio::test(start_paused = true)]
async fn rollback_stops_a_deployment_parked_over_a_pending_version() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    world.aws(|aws| aws.at(DEV).settling.time = Duration::from_secs(100));
    let record = world.record("dev/orders/c.zip", code("c")).await;
    assert_eq!(record.code, Some(Code::Waiting), "{record:?}");
    let back = world.command_record(command("rollback", &json!({}))).await;
    let ended = run_until_ended(&world, &record).await;
    assert_eq!((ended.status, served(&world).as_str()), (Status::Superseded, "b"), "{back:?}");
}

#[tokio::test(start_paused = true)]
async fn foreign_update_is_waited_out() {
    let world = World::with_orders();
    let until = world.now() + Duration::from_secs(15);
    world.change_function(DEV, "orders", |f| f.busy(3, until));
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(record.status, Status::Succeeded);
    assert!(world.elapsed() > Duration::from_secs(15));
    assert_eq!(world.writes().len(), 2, "nothing was sent while it was busy: {:?}", world.writes());
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn write_that_meets_an_update_is_sent_again_afterwards() {
    let world = World::with_orders();
    world.on(Op::UpdateFunctionCode).times(4).fail(CallErrorKind::Busy);
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(record.status, Status::Succeeded);
    assert_eq!(world.calls_of(Op::UpdateFunctionCode).len(), 5);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn version_without_a_queue_is_waited_for_before_the_alias_moves() {
    let world = without_queue();
    world.aws(|aws| aws.at(DEV).settling.time = Duration::from_secs(180));
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(record.status, Status::Succeeded);
    let moved = world.calls_of(Op::UpdateAlias)[0].began - world.calls_of(Op::UpdateFunctionCode)[0].began;
    assert!((180..185).contains(&moved.as_secs()), "{moved:?}");
    assert!(world.calls_of(Op::GetFunction).len() < 110, "looked {} times", world.calls_of(Op::GetFunction).len());
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn failed_version_ends_the_deployment_and_the_alias_stays() {
    let world = World::with_orders();
    world.on(Op::UpdateFunctionCode).end_failed("InvalidZipFileException: Lambda cannot read the zip");
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(
        error(&record),
        TargetError::new(
            TargetErrorCode::FunctionFailed,
            "update code",
            "function orders in 111111111111/eu-west-1: InvalidZipFileException: Lambda cannot read the zip"
        )
    );
    assert!(world.elapsed() < Duration::from_secs(2));
    assert_eq!(world.function(DEV, "orders", |f| f.aliases["live"].version), 1);
    world.same_again_changes_nothing().await;

    // The same bytes come again as another release. Nothing says which code runs now, so it is sent again.
    let record = world.record("dev/orders/1.1.1.zip", code("1.1.0")).await;
    assert_eq!(record.status, Status::Succeeded, "{:?}", record.because);
    assert_eq!(world.function(DEV, "orders", |f| f.aliases["live"].version), 3);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn failed_configuration_update_ends_before_the_code_is_sent() {
    let world = World::with_orders();
    world.on(Op::UpdateFunctionConfiguration).end_failed("SubnetOutOfIPAddresses: no addresses");
    let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", "timeout = 20\n")).await;
    assert_eq!(error(&record).code, TargetErrorCode::FunctionFailed);
    assert_eq!(error(&record).step, "update configuration");
    assert_eq!(world.writes(), ["UpdateFunctionConfiguration 111111111111/eu-west-1 orders: ok"]);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn function_whose_creation_failed_is_left_to_a_person() {
    let world = World::dev();
    world.on(Op::CreateFunction).end_failed("InternalError: try again");
    let record = world.record("dev/orders/1.0.0.zip", function("1.0.0")).await;
    assert_eq!(error(&record).code, TargetErrorCode::FunctionFailed);
    world.same_again_changes_nothing().await;

    let record = world.record("dev/orders/1.1.0.zip", function("1.1.0")).await;
    assert_eq!(
        error(&record),
        TargetError::new(
            TargetErrorCode::FunctionFailed,
            "observe",
            "function orders in 111111111111/eu-west-1 is in state Failed (InternalError: try again): delete it and \
             try again, or repair what the reason names; the deployer may not delete functions"
        )
    );
    world.same_again_changes_nothing().await;

    world.aws(|aws| aws.at(DEV).functions.clear());
    assert_eq!(world.record("dev/orders/1.1.1.zip", function("1.1.0")).await.status, Status::Succeeded);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn failed_version_can_be_deployed_by_uploading_again() {
    let world = World::with_orders();
    let zip = with_manifest("1.0.0", "snap_start = { apply_on = \"PublishedVersions\" }\n");
    world.change_function(DEV, "orders", |f| f.code(&zip));
    world.on(Op::PublishVersion).end_failed("FunctionError: the snapshot could not be made");
    let record = world.record("dev/orders/1.1.0.zip", zip.clone()).await;
    assert_eq!(error(&record).code, TargetErrorCode::FunctionFailed);
    // PublishVersion alone would answer with the version that failed.
    let record = world.record("dev/orders/1.1.1.zip", zip).await;
    assert_eq!(record.because, None);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn fresh_execution_role_is_waited_for() {
    let world = World::dev();
    world.aws(|aws| aws.at(DEV).roles.clear());
    let from = world.now() + Duration::from_secs(90);
    world.aws(|aws| aws.at(DEV).role("lambda-execution", from));
    let record = world.upload_until_ended("dev/orders/1.0.0.zip", function("1.0.0")).await;
    assert_eq!(record.status, Status::Succeeded, "{:?}", record.because);
    assert_eq!(world.head("dev", "orders")["history"][0]["release"], "1.0.0");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn execution_role_never_assumable_is_given_up_after_fifteen_minutes() {
    let world = World::dev();
    world.aws(|aws| aws.at(DEV).roles.clear());
    let record = world.record("dev/orders/1.0.0.zip", function("1.0.0")).await;
    let record = run_until_ended(&world, &record).await;
    assert_eq!(error(&record).code, TargetErrorCode::RoleNotAssumable);
    assert_eq!(error(&record).step, "create function");
    assert!(error(&record).message.contains("cannot be assumed by Lambda"), "{}", error(&record).message);
    let tried = world.calls_of(Op::CreateFunction);
    let spent = tried.last().unwrap().began - tried[0].began;
    assert!((900..=960).contains(&spent.as_secs()), "{spent:?}");
    assert_eq!(world.render().lines().next().unwrap(), "dev/orders/1.0.0: failed, TargetFailed");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn fresh_trust_is_waited_for_and_a_missing_one_given_up() {
    let world = World::with_orders();
    let from = world.now() + Duration::from_secs(10);
    world.aws(|aws| aws.sts.role(DEV).known_from = from);
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(record.status, Status::Succeeded);
    world.same_again_changes_nothing().await;

    world.aws(|aws| aws.sts.delete_role(DEV));
    let before = world.calls().len();
    let record = world.record("dev/orders/1.2.0.zip", code("1.2.0")).await;
    assert_eq!(error(&record).code, TargetErrorCode::AssumeRoleDenied);
    let tried =
        world.calls().split_off(before).into_iter().filter(|call| call.op == Op::AssumeRole).collect::<Vec<_>>();
    let spent = tried.last().unwrap().ended.unwrap() - tried[0].began;
    assert!((12..=15).contains(&spent.as_secs()), "{spent:?}");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn throttled_reads_and_writes_are_sent_again() {
    let world = World::with_orders();
    for op in [Op::GetFunction, Op::GetAlias, Op::UpdateFunctionCode, Op::UpdateAlias] {
        world.on(op).times(6).fail(CallErrorKind::Throttled);
    }
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(record.status, Status::Succeeded, "{:?}", record.because);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn throttled_assume_role_is_sent_again() {
    let world = World::with_orders();
    world.on(Op::AssumeRole).times(2).fail(CallErrorKind::Throttled);
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(record.status, Status::Succeeded, "{:?}", record.because);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn throttling_until_the_deadline_is_named() {
    for op in [Op::GetFunction, Op::UpdateFunctionCode, Op::UpdateAlias] {
        let world = World::with_orders();
        world.on(op).always().fail(CallErrorKind::Throttled);
        let record = world.upload_until_ended("dev/orders/1.1.0.zip", code("1.1.0")).await;
        assert_eq!(error(&record).code, TargetErrorCode::Throttled, "{op}: {:?}", error(&record));
        world.heal();
        world.same_again_changes_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn endless_foreign_update_fails_after_fifteen_minutes() {
    let world = World::with_orders();
    world.change_function(DEV, "orders", |f| f.busy(0, Timestamp::MAX));
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    let record = run_until_ended(&world, &record).await;
    assert!((900..1_000).contains(&world.elapsed().as_secs()), "{:?}", world.elapsed());
    assert_eq!((error(&record).code, error(&record).step.as_str()), (TargetErrorCode::TimedOut, "observe"));
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn no_write_is_sent_without_the_time_it_needs() {
    let world = World::with_orders();
    world.latency(|call| Duration::from_secs(if call.op == Op::AssumeRole { 20 } else { 0 }));
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    let run = world.invocation().within(world.retries.write_needs + Duration::from_secs(15)).upload(&upload).await;
    assert!(matches!(run.outcome, Outcome::EventOutcome(_)), "{run:?}");
    assert!(world.writes().is_empty());
    assert!(world.render().contains("dev/orders/1.1.0: in progress, no result"), "{}", world.render());
    // Another invocation resumes it at once, because the claim was given up.
    let (saved, runs) = (world.elapsed(), world.tick().await.len());
    assert!(runs == 1 && world.elapsed() - saved < Duration::from_secs(60), "{runs} ticks");
    assert!(world.render().contains("dev/orders/1.1.0: succeeded\n"), "{}", world.render());
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn deployment_that_could_not_end_in_time_comes_again() {
    let world = World::with_orders();
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    let run = world.invocation().within(world.retries.write_needs).upload(&upload).await;
    assert!(matches!(run.outcome, Outcome::Transient(_)), "{run:?}");
    assert!(world.calls().is_empty(), "{:?}", world.calls());
    assert_eq!(recorded(world.deliver(&upload).await.unwrap()).status, Status::Succeeded);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn assume_role_without_an_answer_is_tried_a_few_times() {
    let world = World::with_orders();
    world.on(Op::AssumeRole).times(3).fail(CallErrorKind::Unknown);
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(record.status, Status::Succeeded, "{:?}", record.because);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn process_that_thaws_after_its_deadline_sends_no_write() {
    // At each call in turn the process freezes for longer than its time limit.
    for frozen in [Op::AssumeRole, Op::GetFunction, Op::UpdateFunctionConfiguration, Op::UpdateFunctionCode] {
        let world = World::with_orders();
        world.on(frozen).freeze(world.time);
        let upload = world.put("dev/orders/1.1.0.zip", with_manifest("1.1.0", "timeout = 20\n"));
        let run = world.invocation().upload(&upload).await;
        let thawed = world.time;
        let late: Vec<_> = world
            .calls()
            .into_iter()
            .filter(|call| call.invocation == run.invocation && call.op.is_lambda_write() && call.began >= thawed)
            .collect();
        assert!(late.is_empty(), "{frozen}: {late:?}");
        world.heal();
        assert_eq!(world.until_ended(&upload).await.status, Status::Succeeded, "{frozen}");
        world.same_again_changes_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn version_slower_than_an_invocation_is_awaited_by_the_next() {
    let mut world = World::with_orders();
    world.time = Duration::from_secs(60);
    world.aws(|aws| aws.at(DEV).settling.time = Duration::from_secs(300));
    let saved = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(saved.status, Status::InProgress);
    world.tick().await;
    assert_eq!(
        world.render().split_once("dev/").unwrap().1,
        "orders/1.1.0: succeeded\n  111111111111/eu-west-1: succeeded, version 2, was 1\n"
    );
    assert_eq!(world.function(DEV, "orders", |f| (f.versions.len(), f.aliases["live"].version)), (2, 2));
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn expired_session_is_opened_anew_by_the_next_invocation() {
    for op in [Op::GetFunction, Op::UpdateFunctionCode, Op::UpdateAlias] {
        let world = World::with_orders();
        world.on(op).fail_saying(CallErrorKind::Expired, "ExpiredTokenException: the token has expired");
        let record = world.upload_until_ended("dev/orders/1.1.0.zip", code("1.1.0")).await;
        assert_eq!(record.status, Status::Succeeded, "{op}: {:?}", record.because);
        assert_eq!(world.function(DEV, "orders", |f| f.versions.len()), 2, "{op}");
        world.same_again_changes_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn deployment_that_waited_for_its_turn_records_when_that_came() {
    let world = World::with_orders();
    world.aws(|aws| aws.at(DEV).settling.time = Duration::from_secs(200));
    let first = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    let waited = |record: &DeploymentRecord| record.claimed_at.map(|at| at.duration_since(record.started_at).as_secs());
    assert_eq!((first.status, waited(&first)), (Status::InProgress, Some(0)), "{first:?}");
    world.pass(Duration::from_secs(60)).await;
    let second = world.record("dev/orders/1.2.0.zip", code("1.2.0")).await;
    assert_eq!((second.status, second.claimed_at), (Status::Pending, None), "{second:?}");
    let first = run_until_ended(&world, &first).await;
    assert_eq!((first.status, waited(&first)), (Status::Succeeded, Some(0)), "its turn came at once: {first:?}");
    let second = run_until_ended(&world, &second).await;
    assert_eq!(second.status, Status::Succeeded);
    assert!(waited(&second) > Some(60) && second.claimed_at >= first.finished_at, "{second:?}");
    assert!(second.claimed_at <= second.finished_at, "{second:?}");
}
