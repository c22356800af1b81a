//! Aliases with provisioned concurrency: Lambda holds their traffic back, and a deployment that waits for it for long
//! is parked.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::time::Duration;

use deployer_core::record::{Code, DeploymentRecord, Status, TargetError, TargetErrorCode};
use deployer_engine::EventOutcome;
use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::orders::{command, deploy_all, release, served, serves};
use world::zips::code;
use world::{CallPhase, DEV, Op, Outcome, Trigger, UpdateOutcome, World};

/// Returns a world in which `orders` has `a` live as version 2, and its alias has provisioned concurrency that takes so
/// many seconds to move.
async fn provisioned(seconds: u64, fate: UpdateOutcome) -> World {
    provisioned_in(World::with_orders(), seconds, fate).await
}

async fn provisioned_in(world: World, seconds: u64, fate: UpdateOutcome) -> World {
    deploy_all(&world, &["a"]).await;
    world.change_function(DEV, "orders", |orders| orders.provision("live", Duration::from_secs(seconds), fate));
    // The head's knowledge of provisioned concurrency is a day old.
    world.pass(Duration::from_secs(86_401)).await;
    world
}

fn fails() -> UpdateOutcome {
    UpdateOutcome::Fails("FUNCTION_ERROR_INIT_FAILURE".into())
}

/// Returns a `dev` with these further fields, and with or without a queue.
fn configured(environment: Value, queue: bool) -> World {
    let world = World::with(&world_config(environment, queue));
    world.add_function(DEV, "orders", &code("1.0.0"), |f| f.publish().point("live", 1));
    world
}

fn world_config(environment: Value, queue: bool) -> Value {
    let mut dev = environment;
    dev["targets"] = json!([{"account": DEV, "region": "eu-west-1"}]);
    dev["external_id"] = json!("dev-8c1f");
    let mut config = json!({
        "artifact_bucket": "acme-artifacts",
        "ledger_bucket": "acme-deployer-ledger",
        "environments": {"dev": dev},
    });
    if queue {
        config["queue_url"] = json!("https://sqs.eu-west-1.amazonaws.com/000000000000/deployer");
    }
    config
}

/// Returns the version of the alias and its weights.
fn alias(world: &World) -> (u64, Vec<(u64, f64)>) {
    world.function(DEV, "orders", |orders| {
        let live = &orders.aliases["live"];
        (live.version, live.weights.iter().map(|(version, weight)| (*version, *weight)).collect())
    })
}

/// Delivers ticks and sweeps until nothing is active.
async fn run_until_ended(world: &World) {
    for _ in 0..60 {
        world.tick().await;
        if world.head("dev", "orders")["active"].is_null() {
            return;
        }
        world.pass(Duration::from_secs(60)).await;
        world.invocation().run(&Trigger::Sweep).await;
    }
    panic!("the deployment does not end:\n{}", world.render());
}

/// Returns the record of a deployment from the ledger.
fn record_of(world: &World, record: &DeploymentRecord) -> DeploymentRecord {
    let key = format!("deployments/dev/orders/{}.json", record.id);
    world.aws(|aws| serde_json::from_slice(aws.ledger.get(&key).unwrap()).unwrap())
}

fn error(record: &DeploymentRecord) -> TargetError {
    record.targets[0].error.clone().unwrap()
}

async fn parked(world: &World, name: &str) -> DeploymentRecord {
    let record = world.record(&format!("dev/orders/{name}.zip"), code(name)).await;
    assert_eq!((record.status, record.code), (Status::InProgress, Some(Code::Waiting)), "{record:?}");
    record
}

#[tokio::test(start_paused = true)]
async fn traffic_that_moves_within_seconds_is_waited_for() {
    let world = provisioned(10, UpdateOutcome::Settles).await;
    let began = world.elapsed();
    let record = world.record("dev/orders/b.zip", code("b")).await;
    assert_eq!(record.status, Status::Succeeded, "{record:?}");
    assert!((10..14).contains(&(world.elapsed() - began).as_secs()));
    assert_eq!(alias(&world), (3, vec![]));
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn deployment_that_waits_for_minutes_is_parked_and_resumed() {
    let world = provisioned(180, UpdateOutcome::Settles).await;
    let began = world.elapsed();
    let record = parked(&world, "b").await;
    assert!((world.elapsed() - began).as_secs() < 25, "the invocation is given back");
    let because = record.because.clone().unwrap();
    let told =
        "waits for Lambda to let the traffic over in 111111111111/eu-west-1 (alias live from version 2 to version 3";
    assert!(because.starts_with(told), "{because}");
    assert_eq!(record_of(&world, &record), record);
    assert_eq!(alias(&world), (3, vec![(2, 1.0)]));
    let active = &world.head("dev", "orders")["active"];
    assert_eq!((&active["attempts"], &active["extensions"], &active["hops"]), (&json!(0), &json!(0), &json!(1)));
    assert_eq!((&active["awaits"][0]["version"], &active["awaits"][0]["before"]), (&json!("3"), &json!("2")));

    run_until_ended(&world).await;
    let ended = record_of(&world, &record);
    assert_eq!((ended.status, ended.code, ended.because.clone()), (Status::Succeeded, None, None));
    assert_eq!(ended.targets[0].previous.as_ref().unwrap().version.as_str(), "2");
    assert_eq!(alias(&world), (3, vec![]));
    assert_eq!(world.calls_of(Op::UpdateAlias).len(), 2, "once for a, once for b");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn failing_init_puts_the_alias_back_and_fails_the_target() {
    let world = provisioned(30, fails()).await;
    let record = parked(&world, "b").await;
    run_until_ended(&world).await;
    let record = record_of(&world, &record);
    assert_eq!(record.status, Status::Failed);
    let error = error(&record);
    assert_eq!((error.code, error.step.as_str()), (TargetErrorCode::TrafficNotMoved, "await traffic"));
    assert_eq!(
        error.message,
        "Lambda did not let the traffic of alias live from version 2 to version 3: its provisioned concurrency failed: \
         FUNCTION_ERROR_INIT_FAILURE; the alias was put back to version 2: mend the release, then upload it again"
    );
    assert_eq!(alias(&world), (2, vec![]));
    assert_eq!(world.head("dev", "orders")["history"][0]["release"], "a");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn traffic_that_stays_too_long_puts_the_alias_back() {
    let world = configured(json!({"traffic_within": "5m"}), true);
    let world = provisioned_in(world, 100_000, UpdateOutcome::Settles).await;
    let began = world.elapsed();
    let record = parked(&world, "b").await;
    run_until_ended(&world).await;
    let error = error(&record_of(&world, &record));
    assert_eq!(error.code, TargetErrorCode::TrafficNotMoved);
    assert!(error.message.contains("not within 30"), "{}", error.message);
    assert!((300..320).contains(&(world.elapsed() - began).as_secs()), "{:?}", world.elapsed() - began);
    assert_eq!(alias(&world), (2, vec![]));
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn sweep_resumes_a_parked_deployment_after_its_last_tick() {
    let world = configured(json!({"traffic_within": "30m"}), true);
    let world = provisioned_in(world, 20 * 60, UpdateOutcome::Settles).await;
    let record = parked(&world, "b").await;
    world.tick().await;
    let active = world.head("dev", "orders")["active"].clone();
    assert_eq!((&active["hops"], &active["looks_at"]), (&json!(9), &Value::Null));
    run_until_ended(&world).await;
    assert_eq!(record_of(&world, &record).status, Status::Succeeded);
    assert_eq!(alias(&world), (3, vec![]));
}

#[tokio::test(start_paused = true)]
async fn invocation_without_a_queue_waits_itself() {
    let world = provisioned_in(configured(json!({}), false), 200, UpdateOutcome::Settles).await;
    let record = world.record("dev/orders/b.zip", code("b")).await;
    assert_eq!(record.status, Status::Succeeded, "{record:?}");
    assert_eq!(alias(&world), (3, vec![]));
}

#[tokio::test(start_paused = true)]
async fn alias_without_a_queue_is_put_back_before_the_deadline() {
    let mut world = provisioned_in(configured(json!({}), false), 100_000, UpdateOutcome::Settles).await;
    world.time = Duration::from_secs(120);
    let record = world.record("dev/orders/b.zip", code("b")).await;
    let error = error(&record);
    assert_eq!(error.code, TargetErrorCode::TrafficNotMoved);
    assert!(error.message.contains("not before the invocation's deadline"), "{}", error.message);
    assert_eq!(alias(&world), (2, vec![]));
}

#[tokio::test(start_paused = true)]
async fn rollback_while_parked_restores_the_version_with_the_traffic() {
    let world = provisioned(100_000, UpdateOutcome::Settles).await;
    let bad = parked(&world, "b").await;
    world.pass(Duration::from_secs(2)).await;
    let back = world.command_record(command("rollback", &json!({}))).await;
    assert_eq!((back.status, release(&back)), (Status::Succeeded, "a"), "{back:?}");
    assert_eq!(record_of(&world, &bad).status, Status::Superseded);
    assert_eq!(alias(&world), (2, vec![]));
    run_until_ended(&world).await;
    assert_eq!(served(&world), "a");
}

#[tokio::test(start_paused = true)]
async fn stop_while_the_alias_is_put_back_does_not_make_the_failed_release_live() {
    let world = provisioned(10, fails()).await;
    // A rollback asks to stop just before the alias is put back, and is read just after.
    world.on(Op::UpdateAlias).call(2).meanwhile(|aws| {
        let mut head: Value = serde_json::from_slice(aws.ledger.get("heads/dev/orders.json").unwrap()).unwrap();
        head["active"]["stop"] = json!("01M6DV814629AW7KRQ20NQYZW6");
        aws.ledger.put("heads/dev/orders.json", serde_json::to_vec(&head).unwrap());
    });
    world.on(Op::UpdateAlias).call(2).freeze(Duration::from_secs(10));
    let bad = world.record("dev/orders/b.zip", code("b")).await;
    assert_eq!(error(&bad).code, TargetErrorCode::TrafficNotMoved, "{bad:?}");
    assert_eq!((alias(&world), served(&world)), ((2, vec![]), "a".to_owned()));
    assert_eq!(world.head("dev", "orders")["history"][0]["release"], "a");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn rollback_whose_traffic_stays_leaves_the_alias() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    world.change_function(DEV, "orders", |orders| orders.provision("live", Duration::from_secs(3), fails()));
    world.pass(Duration::from_secs(86_401)).await;
    let back = world.command_record(command("rollback", &json!({}))).await;
    assert_eq!(error(&back).code, TargetErrorCode::TrafficNotMoved);
    assert!(error(&back).message.ends_with("mend what Lambda names, then deploy again"), "{}", error(&back).message);
    assert_eq!(alias(&world), (2, vec![(3, 1.0)]));
}

#[tokio::test(start_paused = true)]
async fn newer_upload_waits_for_a_parked_deployment() {
    let world = provisioned(120, UpdateOutcome::Settles).await;
    let first = parked(&world, "b").await;
    world.pass(Duration::from_secs(2)).await;
    let next = world.record("dev/orders/c.zip", code("c")).await;
    assert_eq!(next.status, Status::Pending, "{next:?}");
    assert_eq!(serves(&world, DEV), 3, "nothing moves beneath what is parked");
    run_until_ended(&world).await;
    assert_eq!(record_of(&world, &first).status, Status::Succeeded);
    assert_eq!((record_of(&world, &next).status, alias(&world)), (Status::Succeeded, (4, vec![])));
}

#[tokio::test(start_paused = true)]
async fn redeploy_that_joins_while_parked_gets_that_record() {
    let world = provisioned(120, UpdateOutcome::Settles).await;
    parked(&world, "b").await;
    let order = |id: &str| command("redeploy", &json!({ "id": id }));
    let first = world.command_record(order("1")).await;
    world.pass(Duration::from_secs(40)).await;
    let second = world.command_record(order("2")).await;
    assert_eq!((first.status, &second), (Status::Pending, &first));
    run_until_ended(&world).await;
    let ended = record_of(&world, &first);
    assert_eq!((ended.status, alias(&world)), (Status::Superseded, (3, vec![])), "b was rolled out after it");
    assert_eq!(world.command_record(order("2")).await, ended);
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn upload_held_while_it_wakes_a_parked_one_gets_its_record() {
    for call in 1..=20 {
        let world = provisioned(120, UpdateOutcome::Settles).await;
        parked(&world, "b").await;
        world.pass(Duration::from_secs(2)).await;
        let next = Trigger::Upload(world.put("dev/orders/c.zip", code("c")));
        // The client sends the write again and gets a conflict. The head is then read again, and the upload is gone
        // from it.
        world.on(Op::WriteLedger).about("heads/dev/orders").twice();
        let hold = async {
            world.pass(Duration::from_secs(10)).await;
            world.command(command("hold", &json!({"reason": "incident", "requested_by": "ann"}))).await
        };
        let woken = world.invocation().freezes_at(call, Duration::from_secs(20)).run(&next);
        let (answer, _) = tokio::join!(woken, hold);
        let Outcome::EventOutcome(EventOutcome::Recorded(record)) = answer.outcome else {
            panic!("call {call}: {:?}", answer.outcome);
        };
        run_until_ended(&world).await;
        assert_eq!(record_of(&world, &record).code, Some(Code::Held), "call {call}");
        assert_eq!(alias(&world), (3, vec![]));
    }
}

#[tokio::test(start_paused = true)]
async fn parked_deployment_refused_by_a_new_configuration_is_live() {
    let mut world = provisioned_in(configured(json!({}), true), 120, UpdateOutcome::Settles).await;
    let record = parked(&world, "b").await;
    let closed = world_config(json!({"accept_uploads": false}), true);
    world.reconfigure(&closed);
    run_until_ended(&world).await;
    let ended = record_of(&world, &record);
    assert_eq!((ended.status, ended.targets[0].reached), (Status::Failed, true), "its alias moves: {ended:?}");
    assert_eq!(world.head("dev", "orders")["history"][0]["release"], "b");
    world.pass(Duration::from_secs(200)).await;
    let back = world.command_record(command("rollback", &json!({}))).await;
    run_until_ended(&world).await;
    assert_eq!(record_of(&world, &back).release.unwrap().as_str(), "a");
    assert_eq!(served(&world), "a");
}

#[tokio::test(start_paused = true)]
async fn unanswered_put_back_fails_with_lambdas_words() {
    let world = provisioned(6, fails()).await;
    world.on(Op::UpdateAlias).call(2).always().fail(CallErrorKind::Unknown);
    let record = world.record("dev/orders/b.zip", code("b")).await;
    run_until_ended(&world).await;
    let record = record_of(&world, &record);
    assert_eq!(error(&record).code, TargetErrorCode::TrafficNotMoved, "{record:?}");
    assert!(world.calls_of(Op::UpdateAlias).len() < 20, "{}", world.calls_of(Op::UpdateAlias).len());
}

#[tokio::test(start_paused = true)]
async fn release_rejected_while_parked_ends_as_refused() {
    let world = provisioned(100_000, UpdateOutcome::Settles).await;
    let record = parked(&world, "b").await;
    let reject =
        json!({"command": "reject", "function": "orders", "release": "b", "reason": "broken", "requested_by": "ann"});
    world.command(reject).await;
    run_until_ended(&world).await;
    assert_eq!(record_of(&world, &record).status, Status::Refused);
}

#[tokio::test(start_paused = true)]
async fn parked_deployment_survives_a_crash() {
    for moment in [CallPhase::Before, CallPhase::After] {
        for call in 1..=14 {
            let world = provisioned(40, UpdateOutcome::Settles).await;
            let record = parked(&world, "b").await;
            let due = world.aws(|aws| aws.queue.next()).unwrap();
            world.pass(due.duration_since(world.now()).try_into().unwrap_or_default()).await;
            let body = world.aws(|aws| aws.queue.take(due)).remove(0);
            let tick = Trigger::Tick(world::tick(&body));
            world.invocation().dies_at(call, moment).run(&tick).await;
            world.leases_run_out().await;
            world.invocation().run(&Trigger::Sweep).await;
            run_until_ended(&world).await;
            assert_eq!(record_of(&world, &record).status, Status::Succeeded, "call {call}");
            assert_eq!(alias(&world), (3, vec![]));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn crash_while_the_traffic_moves_is_resumed() {
    for call in 1..=40 {
        for fate in [UpdateOutcome::Settles, fails()] {
            let world = provisioned(10, fate.clone()).await;
            let upload = world.put("dev/orders/b.zip", code("b"));
            world.invocation().dies_at(call, CallPhase::After).upload(&upload).await;
            world.leases_run_out().await;
            world.tick().await;
            let record = world.until_ended(&upload).await;
            let (status, serves) =
                if fate == UpdateOutcome::Settles { (Status::Succeeded, 3) } else { (Status::Failed, 2) };
            assert_eq!((record.status, alias(&world)), (status, (serves, vec![])), "call {call}: {record:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn lost_answer_of_the_move_is_no_foreign_change() {
    let world = provisioned(10, UpdateOutcome::Settles).await;
    world.on(Op::UpdateAlias).lose_the_answer();
    let record = world.record("dev/orders/b.zip", code("b")).await;
    assert_eq!(record.status, Status::Succeeded, "{record:?}");
    assert_eq!(alias(&world), (3, vec![]));
    assert_eq!(world.calls_of(Op::UpdateAlias).len(), 2, "it was not sent again");
}

#[tokio::test(start_paused = true)]
async fn put_back_whose_answer_is_lost_is_looked_at_again() {
    let world = provisioned(6, fails()).await;
    world.on(Op::UpdateAlias).call(2).lose_the_answer();
    let record = world.record("dev/orders/b.zip", code("b")).await;
    assert_eq!(error(&record).code, TargetErrorCode::TrafficNotMoved, "{record:?}");
    assert_eq!(alias(&world), (2, vec![]));
    // The alias was read to be put back: no write can come late, and the release is not there.
    assert!(!record.targets[0].reached, "{record:?}");
    assert!(world.head("dev", "orders").get("doors").is_none());
}

#[tokio::test(start_paused = true)]
async fn foreign_traffic_split_is_not_overruled() {
    let world = provisioned(100_000, UpdateOutcome::Settles).await;
    let record = parked(&world, "b").await;
    world.change_function(DEV, "orders", |orders| orders.point("live", 1));
    run_until_ended(&world).await;
    let record = record_of(&world, &record);
    assert_eq!(error(&record).code, TargetErrorCode::ForeignChange);
    assert_eq!(alias(&world), (1, vec![]));
}

#[tokio::test(start_paused = true)]
async fn provisioned_concurrency_is_looked_up_once_a_day() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b", "c"]).await;
    assert_eq!(world.calls_of(Op::GetProvisionedConcurrencyConfig).len(), 1);
    world.pass(Duration::from_secs(86_401)).await;
    deploy_all(&world, &["d"]).await;
    assert_eq!(world.calls_of(Op::GetProvisionedConcurrencyConfig).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn unknown_concurrency_shows_in_the_answer_of_the_move() {
    let world = World::with_orders();
    deploy_all(&world, &["a"]).await;
    world.change_function(DEV, "orders", |orders| {
        orders.provision("live", Duration::from_secs(10), UpdateOutcome::Settles)
    });
    let record = world.record("dev/orders/b.zip", code("b")).await;
    assert_eq!((record.status, alias(&world)), (Status::Succeeded, (3, vec![])));
}

#[tokio::test(start_paused = true)]
async fn older_deploy_role_without_the_right_deploys() {
    let world = provisioned(10, UpdateOutcome::Settles).await;
    world.on(Op::GetProvisionedConcurrencyConfig).always().fail(deployer_engine::port::CallErrorKind::Denied);
    let record = world.record("dev/orders/b.zip", code("b")).await;
    assert_eq!((record.status, alias(&world)), (Status::Succeeded, (3, vec![])), "{record:?}");
}

#[tokio::test(start_paused = true)]
async fn parked_direct_command_answers_in_progress() {
    let world = provisioned(60, UpdateOutcome::Settles).await;
    world.put("dev/orders/b.zip", code("b"));
    let record = world.command_record(command("deploy", &json!({"release": "b"}))).await;
    assert_eq!((record.status, record.code), (Status::InProgress, Some(Code::Waiting)));
    run_until_ended(&world).await;
    assert_eq!(record_of(&world, &record).status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn query_of_a_parked_deployment_does_not_wake_it() {
    let world = provisioned(60, UpdateOutcome::Settles).await;
    world.put("dev/orders/b.zip", code("b"));
    let deploy = command("deploy", &json!({"release": "b", "id": "ask-1"}));
    let record = world.command_record(deploy.clone()).await;
    let before = world.head("dev", "orders");
    for _ in 0..3 {
        let again = world.command_record(deploy.clone()).await;
        assert_eq!((again.id, again.status, &again.because), (record.id, Status::InProgress, &record.because));
    }
    assert_eq!(world.head("dev", "orders"), before);
}
