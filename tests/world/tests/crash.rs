//! Crashes at every port call, and events that come more than once.
#![allow(clippy::unwrap_used)]

use deployer_core::record::{DeploymentRecord, Status};
use world::payloads::{eventbridge, notification, queued};
use world::zips::{code, function, with_manifest};
use world::{CallPhase, DEV, Op, Outcome, Trigger, World, recorded};

const MANIFEST: &str = "timeout = 20\nreserved_concurrent_executions = 5\n[tags]\nteam = \"orders\"\n";

/// Returns the part of the world that must be the same however a deployment got there: the code and configuration that
/// each function serves, and the deployment's end. Version numbers may differ.
fn end(world: &World) -> String {
    let served = world.aws(|aws| {
        let mut text = String::new();
        for place in [DEV, "222222222222", "333333333333"] {
            if place == DEV || aws.sts.requests.iter().any(|r| r.target.account.as_str() == place) {
                let orders = aws.at(place).function("orders");
                let alias = &orders.aliases["live"];
                let version = &orders.versions[&alias.version];
                text += &format!(
                    "{place} {} {:?} {:?} {:?} {:?}\n",
                    version.sha256, version.settings, alias.weights, orders.tags, orders.reserved
                );
            }
        }
        text
    });
    let deployments: Vec<String> = world
        .render()
        .lines()
        .filter(|line| line.starts_with("dev/") || line.starts_with(' '))
        .map(|line| line.split(", version").next().unwrap().to_owned())
        .collect();
    format!("{served}{}", deployments.join("\n"))
}

fn versions(world: &World) -> usize {
    world.function(DEV, "orders", |f| f.versions.len())
}

/// Lets an invocation die at each of its calls, and loses its message as well: only sweeps and their ticks follow.
async fn sweep_alone(make: impl Fn() -> World, zip: Vec<u8>) -> usize {
    let world = make();
    let undisturbed = world.invocation().upload(&world.put("dev/orders/1.1.0.zip", zip.clone())).await;
    let expected = end(&world);
    let mut accepted = 0;
    for call in 1..=undisturbed.calls {
        for moment in [CallPhase::Before, CallPhase::After] {
            let world = make();
            let upload = world.put("dev/orders/1.1.0.zip", zip.clone());
            let _ = world.invocation().dies_at(call, moment).upload(&upload).await;
            let is_accepted = world.aws(|aws| aws.ledger.get("heads/dev/orders.json").is_some());
            world.leases_run_out().await;
            let swept = world.invocation().run(&Trigger::Sweep).await;
            assert!(matches!(swept.outcome, Outcome::Swept(swept) if swept.failed == 0));
            world.tick().await;
            if is_accepted {
                accepted += 1;
                assert_eq!(end(&world), expected, "died {moment:?} call {call}");
            } else {
                assert!(world.writes().is_empty(), "nothing is written without a claim");
            }
            world.markers_are_cleared().await;
        }
    }
    accepted
}

#[tokio::test(start_paused = true)]
async fn crash_at_any_call_is_completed_by_the_sweep_alone() {
    let creation = sweep_alone(World::dev, function("1.1.0")).await;
    let update = sweep_alone(World::with_orders, with_manifest("1.1.0", MANIFEST)).await;
    assert!(creation > 20 && update > 30, "only {creation} and {update} points were tried");
}

/// Lets an invocation die at each of its calls, before and after the call is carried out, and delivers the event again.
async fn sweep(make: impl Fn() -> World, zip: Vec<u8>) -> usize {
    let world = make();
    let undisturbed = world.invocation().upload(&world.put("dev/orders/1.1.0.zip", zip.clone())).await;
    assert!(matches!(undisturbed.outcome, Outcome::EventOutcome(_)), "{undisturbed:?}");
    let (expected, needed) = (end(&world), versions(&world));
    for call in 1..=undisturbed.calls {
        for moment in [CallPhase::Before, CallPhase::After] {
            let world = make();
            let upload = world.put("dev/orders/1.1.0.zip", zip.clone());
            let run = world.invocation().dies_at(call, moment).upload(&upload).await;
            assert!(matches!(run.outcome, Outcome::Died), "{run:?}");
            let died = world.calls().pop().unwrap();
            world.until_ended(&upload).await;
            assert_eq!(end(&world), expected, "died {moment:?} call {call} at the latest: {died}");
            let more = versions(&world) - needed;
            assert!(more <= 1, "{more} versions more than needed: died {moment:?} call {call}: {died}");
            world.same_again_changes_nothing().await;
        }
    }
    undisturbed.calls
}

#[tokio::test(start_paused = true)]
async fn creation_with_a_crash_at_any_call_is_completed() {
    let manifest = format!("reserved_concurrent_executions = 5\n{}", fixtures::MANIFEST);
    let calls = sweep(World::dev, with_manifest("1.1.0", &manifest)).await;
    assert!(calls > 12, "only {calls} calls were tried");
}

#[tokio::test(start_paused = true)]
async fn code_update_with_a_crash_at_any_call_is_completed() {
    let calls = sweep(World::with_orders, code("1.1.0")).await;
    assert!(calls > 9, "only {calls} calls were tried");
}

#[tokio::test(start_paused = true)]
async fn full_update_with_a_crash_at_any_call_is_completed() {
    let calls = sweep(World::with_orders, with_manifest("1.1.0", MANIFEST)).await;
    assert!(calls > 15, "only {calls} calls were tried");
}

#[tokio::test(start_paused = true)]
async fn three_account_update_with_a_crash_at_any_call_is_completed() {
    let make = || {
        let accounts = [DEV, "222222222222", "333333333333/us-east-1"];
        let world = World::with_targets(&accounts);
        for account in accounts {
            world.add_function(account, "orders", &code("1.0.0"), |f| f.publish().point("live", 1));
        }
        world
    };
    let calls = sweep(make, with_manifest("1.1.0", MANIFEST)).await;
    assert!(calls > 40, "only {calls} calls were tried");
}

#[tokio::test(start_paused = true)]
async fn update_that_dies_twice_is_completed_by_the_third_try() {
    let calls = 12;
    for first in 1..=calls {
        for second in 1..=calls {
            let world = World::with_orders();
            let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
            let _ = world.invocation().dies_at(first, CallPhase::After).upload(&upload).await;
            world.leases_run_out().await;
            let _ = world.invocation().dies_at(second, CallPhase::After).upload(&upload).await;
            let record = world.until_ended(&upload).await;
            assert_eq!(record.status, Status::Succeeded, "{first}, {second}");
            assert_eq!(world.function(DEV, "orders", |f| f.latest.sha256), record.artifact.unwrap().sha256.unwrap());
            assert!(versions(&world) <= 3, "{first}, {second}: {}", world.render());
            world.same_again_changes_nothing().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn deployment_completed_after_a_crash_is_succeeded() {
    // Only the commit is missing: the second try has nothing to do, but the change was this deployment's work.
    let world = World::with_orders();
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    // The head is written three times: for the claim, for the version that was served before, and for the commit.
    let commit = world_calls_until(&upload_calls().await, "heads/", 3);
    let _ = world.invocation().dies_at(commit, CallPhase::Before).upload(&upload).await;
    assert_eq!(world.function(DEV, "orders", |f| f.aliases["live"].version), 2);
    let record = world.until_ended(&upload).await;
    assert_eq!(record.status, Status::Succeeded);
    assert_eq!(record.targets[0].version.as_ref().unwrap().as_str(), "2");
    assert_eq!(record.targets[0].previous.as_ref().unwrap().version.as_str(), "1", "the head remembers");
    world.same_again_changes_nothing().await;
}

/// Returns the calls of an undisturbed update of code.
async fn upload_calls() -> Vec<String> {
    let world = World::with_orders();
    world.upload("dev/orders/1.1.0.zip", code("1.1.0")).await;
    world.calls().iter().map(ToString::to_string).collect()
}

/// Returns the number of the n-th ledger write to such a key.
fn world_calls_until(calls: &[String], key: &str, n: usize) -> usize {
    let fits = |call: &String| call.starts_with("WriteLedger") && call.contains(key);
    calls.iter().enumerate().filter(|(_, call)| fits(call)).nth(n - 1).unwrap().0 + 1
}

#[tokio::test(start_paused = true)]
async fn crash_after_the_commit_is_completed_from_the_outbox() {
    let world = World::with_orders();
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    let result_is_written = world_calls_until(&upload_calls().await, "results/", 1);
    let _ = world.invocation().dies_at(result_is_written, CallPhase::Before).upload(&upload).await;
    let told = || world.render().split_once("dev/").unwrap().1.to_owned();
    assert!(told().starts_with("orders/1.1.0: in progress, no result\n"), "{}", told());
    let writes = world.writes().len();
    // No lease blocks the second try: the deployment has ended, and only the head knows.
    let record = recorded(world.deliver(&upload).await.unwrap());
    assert_eq!(record.status, Status::Succeeded);
    assert_eq!(world.writes().len(), writes);
    assert_eq!(told(), "orders/1.1.0: succeeded\n  111111111111/eu-west-1: succeeded, version 2, was 1\n");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn same_upload_in_five_payloads_has_one_record() {
    let world = World::with_orders();
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    let s3 = notification(&upload);
    let bridge = eventbridge(&upload);
    let sns = serde_json::json!({"Type": "Notification", "Message": s3.to_string()});
    let doors =
        [s3.clone(), bridge.clone(), queued(&s3.to_string()), queued(&bridge.to_string()), queued(&sns.to_string())];
    let mut records: Vec<DeploymentRecord> = Vec::new();
    for payload in &doors {
        records.extend(world.receive(payload).await.into_iter().map(recorded));
    }
    assert_eq!(records.len(), 5);
    assert!(records.iter().all(|record| *record == records[0]));
    assert_eq!(world.aws(|aws| aws.ledger.keys("").count()), 3, "one head, one record and one result");
    assert_eq!(world.writes().len(), 2);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn duplicate_makes_no_target_call_but_assume_role() {
    let world = World::dev();
    let upload = world.put("dev/orders/1.0.0.zip", function("1.0.0"));
    world.deliver(&upload).await.unwrap();
    let before = world.calls().len();
    world.deliver(&upload).await.unwrap();
    let calls = world.calls().split_off(before);
    let in_target: Vec<Op> = calls.iter().filter(|call| call.place.starts_with(DEV)).map(|call| call.op).collect();
    assert!(in_target.iter().all(|op| *op == Op::AssumeRole), "{in_target:?}");
    assert!(in_target.len() <= 1);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn other_bytes_under_the_same_key_are_another_deployment() {
    let world = World::with_orders();
    world.upload("dev/orders/1.1.0.zip", code("1.1.0")).await;
    world.pass(std::time::Duration::from_secs(1)).await;
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0, once more")).await;
    assert_eq!(record.status, Status::Succeeded);
    assert_eq!(world.function(DEV, "orders", |f| f.aliases["live"].version), 3);
    assert_eq!(world.aws(|aws| aws.ledger.keys("results/dev/orders/1.1.0/").count()), 2);
    world.same_again_changes_nothing().await;
}
