//! The head: one deployment at a time, the later upload wins, and every open deployment is found again.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::time::Duration;

use deployer_core::artifact::Upload;
use deployer_core::record::{Code, DeploymentRecord, Status};
use deployer_engine::port::CallErrorKind;
use deployer_engine::{EventOutcome, History, Swept, Transient};
use serde_json::{Value, json};
use world::zips::code;
use world::{CallPhase, DEV, Op, Outcome, Run, Trigger, World, recorded};

fn served(world: &World) -> String {
    world.aws(|aws| {
        let orders = aws.at(DEV).function("orders");
        let sha256 = orders.versions[&orders.aliases["live"].version].sha256;
        aws.artifacts.label(sha256)
    })
}

fn head(world: &World) -> Value {
    world.head("dev", "orders")
}

fn record(run: Run) -> DeploymentRecord {
    match run.outcome {
        Outcome::EventOutcome(handled) => recorded(handled),
        other => panic!("{other:?}"),
    }
}

fn swept(run: Run) -> Swept {
    match run.outcome {
        Outcome::Swept(swept) => swept,
        other => panic!("{other:?}"),
    }
}

/// Uploads these releases, a second apart.
async fn uploads(world: &World, releases: &[&str]) -> Vec<Upload> {
    let mut uploads = Vec::new();
    for release in releases {
        uploads.push(world.put(&format!("dev/orders/{release}.zip"), code(release)));
        world.pass(Duration::from_secs(1)).await;
    }
    uploads
}

/// Returns the world without a queue.
fn without_a_queue() -> World {
    let world = World::with(&json!({
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-deployer-ledger",
        "environments": {"dev": {"targets": [{"account": DEV, "region": "eu-west-1"}]}},
    }));
    world.add_function(DEV, "orders", &code("1.0.0"), |f| f.publish().point("live", 1));
    world
}

#[tokio::test(start_paused = true)]
async fn later_of_two_uploads_wins_in_any_order_of_arrival() {
    let world = World::with_orders();
    let uploads = uploads(&world, &["1.1.0", "1.2.0"]).await;
    assert_eq!(recorded(world.deliver(&uploads[1]).await.unwrap()).status, Status::Succeeded);
    let late = recorded(world.deliver(&uploads[0]).await.unwrap());
    assert_eq!((late.status, late.code), (Status::Superseded, Some(Code::Superseded)));
    assert_eq!(late.because.unwrap(), "dev/orders/1.2.0.zip, uploaded later, was accepted before it");
    assert_eq!(served(&world), "1.2.0");
    assert!(world.aws(|aws| aws.ledger.get("results/dev/orders/1.1.0/v1.json").is_some()), "CI is told");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn sequencer_decides_between_uploads_of_one_second() {
    let world = World::with_orders();
    let first = world.put("dev/orders/main.zip", code("one"));
    world.pass(Duration::from_millis(1)).await;
    let second = Upload { time: first.time, ..world.put("dev/orders/main.zip", code("two")) };
    assert!(second.sequencer > first.sequencer);
    world.deliver(&second).await.unwrap();
    assert_eq!(recorded(world.deliver(&first).await.unwrap()).status, Status::Superseded);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn newest_upload_waits_and_the_same_invocation_deploys_it() {
    let world = World::with_orders();
    world.aws(|aws| aws.at(DEV).settling.time = Duration::from_secs(5));
    let uploads = uploads(&world, &["1.1.0", "1.2.0", "1.3.0"]).await;
    let late = |upload: Upload, after: u64| {
        let world = &world;
        async move {
            world.pass(Duration::from_millis(after)).await;
            recorded(world.deliver(&upload).await.unwrap())
        }
    };
    let [first, second, third] = [(0, 0), (1, 500), (2, 1_000)].map(|(n, after)| late(uploads[n].clone(), after));
    let (first, second, third) = tokio::join!(first, second, third);
    assert_eq!(first.status, Status::Succeeded);
    for waiting in [&second, &third] {
        assert_eq!((waiting.status, waiting.code), (Status::Pending, Some(Code::Waiting)));
        assert_eq!(
            waiting.because.clone().unwrap(),
            format!("waits for deployment {} of the same function to end", first.id)
        );
    }
    assert_eq!(served(&world), "1.3.0");
    assert_eq!(
        world.render().split_once("dev/").unwrap().1,
        "orders/1.1.0: succeeded\n  111111111111/eu-west-1: succeeded, version 2, was 1\n\
         dev/orders/1.2.0: superseded, Superseded\n  111111111111/eu-west-1: superseded\n\
         dev/orders/1.3.0: succeeded\n  111111111111/eu-west-1: succeeded, version 3, was 2\n"
    );
    let displaced = recorded(world.deliver(&uploads[1]).await.unwrap());
    assert_eq!(displaced.because.unwrap(), "release 1.3.0, uploaded later, took its place before its turn came");
    let writers: Vec<usize> =
        world.calls().iter().filter(|c| c.op.is_lambda_write()).map(|call| call.invocation).collect();
    assert!(writers.iter().all(|by| *by == writers[0]), "one invocation wrote: {writers:?}");
    assert!(
        world.tick().await.iter().all(|run| matches!(run.outcome, Outcome::EventOutcome(EventOutcome::Ignored { .. })))
    );
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn upload_during_another_one_is_deployed_without_a_pause() {
    for after in (0..600).step_by(10) {
        let world = World::with_orders();
        let uploads = uploads(&world, &["1.1.0", "1.2.0"]).await;
        let began = world.elapsed();
        let second = async {
            world.pass(Duration::from_millis(after)).await;
            world.deliver(&uploads[1]).await.unwrap()
        };
        let _ = tokio::join!(world.deliver(&uploads[0]), second);
        assert!(world.elapsed() - began < Duration::from_secs(5), "{after} ms: {:?}", world.elapsed() - began);
        assert_eq!(served(&world), "1.2.0", "{after} ms");
        assert!(world.aws(|aws| aws.ledger.keys("open/").next().is_none()), "{after} ms");
        world.tick().await;
        world.same_again_changes_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_upload_keeps_its_marker_after_a_lost_answer() {
    let world = World::with_orders();
    world.aws(|aws| aws.at(DEV).settling.time = Duration::from_secs(5));
    let uploads = uploads(&world, &["1.1.0", "1.2.0"]).await;
    let second = async {
        world.pass(Duration::from_millis(500)).await;
        // The SDK sends the write again, and its own success makes that fail with 412.
        world.on(Op::WriteLedger).about("heads/").twice();
        recorded(world.deliver(&uploads[1]).await.unwrap())
    };
    // The first invocation dies while it waits for its version.
    let (_, pending) = tokio::join!(world.invocation().dies_at(16, CallPhase::After).upload(&uploads[0]), second);
    assert_eq!(pending.status, Status::Pending);
    let marker = format!("open/dev/orders/{}", head(&world)["pending"][0]["marker"].as_str().unwrap());
    assert!(world.aws(|aws| aws.ledger.get(&marker).is_some()), "{}", world.render());
    assert!(world.render().contains("dev/orders/1.2.0: pending, Waiting"), "{}", world.render());
    world.aws(|aws| aws.queue.lose());
    world.leases_run_out().await;
    world.invocation().run(&Trigger::Sweep).await;
    world.tick().await;
    assert_eq!(served(&world), "1.2.0");
}

#[tokio::test(start_paused = true)]
async fn crash_is_completed_by_the_other_channels_event() {
    let world = World::with_orders();
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    let died = world.invocation().dies_at(12, CallPhase::After).upload(&upload).await;
    assert!(matches!(died.outcome, Outcome::Died));
    world.leases_run_out().await;
    let other_door = Upload { time: upload.time + Duration::from_secs(2), event_id: Some("e".into()), ..upload };
    let record = recorded(world.deliver(&other_door).await.unwrap());
    assert_eq!((record.status, record.cause.event_id.as_deref()), (Status::Succeeded, Some("event-v1")));
    assert_eq!(world.aws(|aws| aws.ledger.keys("deployments/").count()), 1);
    world.markers_are_cleared().await;
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn duplicate_of_an_active_upload_checks_after_the_lease() {
    let mut world = World::with_orders();
    world.time = Duration::from_secs(300);
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    let died = world.invocation().dies_at(12, CallPhase::After).upload(&upload).await;
    assert!(matches!(died.outcome, Outcome::Died));
    let duplicate = recorded(world.deliver(&upload).await.unwrap());
    assert_eq!(duplicate.status, Status::InProgress);
    let ticks = world.tick().await;
    assert_eq!(ticks.len(), 1);
    assert!(world.elapsed() > world.time + Duration::from_secs(10), "the lease was over: {:?}", world.elapsed());
    assert_eq!(served(&world), "1.1.0");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn duplicate_without_a_queue_returns_until_the_lease_ends() {
    let world = without_a_queue();
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    let _ = world.invocation().dies_at(12, CallPhase::After).upload(&upload).await;
    let transient = world.deliver(&upload).await.unwrap_err();
    assert!(matches!(transient, Transient::InOtherHands(_)), "{transient}");
    world.leases_run_out().await;
    assert_eq!(recorded(world.deliver(&upload).await.unwrap()).status, Status::Succeeded);
    world.markers_are_cleared().await;
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn dead_deployment_is_resumed_before_a_newer_upload() {
    let world = World::with_orders();
    let uploads = uploads(&world, &["1.1.0", "1.2.0"]).await;
    let _ = world.invocation().dies_at(14, CallPhase::After).upload(&uploads[0]).await;
    world.leases_run_out().await;
    let newer = recorded(world.deliver(&uploads[1]).await.unwrap());
    assert_eq!((newer.status, newer.release.unwrap().as_str()), (Status::Succeeded, "1.2.0"));
    assert_eq!(
        world.render().split_once("dev/").unwrap().1,
        "orders/1.1.0: succeeded\n  111111111111/eu-west-1: succeeded, version 2, was 1\n\
         dev/orders/1.2.0: succeeded\n  111111111111/eu-west-1: succeeded, version 3, was 2\n"
    );
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn lost_tick_delays_by_one_sweep_at_most() {
    let world = World::with_orders();
    let uploads = uploads(&world, &["1.1.0", "1.2.0"]).await;
    let _ = world.invocation().dies_at(14, CallPhase::After).upload(&uploads[0]).await;
    assert_eq!(recorded(world.deliver(&uploads[1]).await.unwrap()).status, Status::Pending);
    world.aws(|aws| aws.queue.lose());
    assert_eq!(swept(world.invocation().run(&Trigger::Sweep).await).woken, 0, "the lease holds");
    world.leases_run_out().await;
    assert_eq!(swept(world.invocation().run(&Trigger::Sweep).await).woken, 1);
    world.tick().await;
    assert_eq!(served(&world), "1.2.0");
    world.markers_are_cleared().await;
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn sweep_without_a_queue_does_the_work_itself() {
    let world = without_a_queue();
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    let _ = world.invocation().dies_at(14, CallPhase::After).upload(&upload).await;
    world.leases_run_out().await;
    assert_eq!(swept(world.invocation().run(&Trigger::Sweep).await).woken, 1);
    assert_eq!(served(&world), "1.1.0");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn one_unreadable_head_does_not_stop_the_sweep() {
    let world = World::with_orders();
    world.add_function(DEV, "payments", &code("1.0.0"), |f| f.publish().point("live", 1));
    for function in ["orders", "payments"] {
        let upload = world.put(&format!("dev/{function}/1.1.0.zip"), code("1.1.0"));
        let _ = world.invocation().dies_at(14, CallPhase::After).upload(&upload).await;
    }
    world.aws(|aws| aws.ledger.put("heads/dev/orders.json", "{"));
    world.leases_run_out().await;
    let Swept { looked_at, woken, failed, .. } = swept(world.invocation().run(&Trigger::Sweep).await);
    assert_eq!((looked_at, woken, failed), (2, 1, 1));
    world.tick().await;
    assert_eq!(world.function(DEV, "payments", |f| f.aliases["live"].version), 2);
}

#[tokio::test(start_paused = true)]
async fn broken_record_blocks_only_itself() {
    let world = World::with_orders();
    let uploads = uploads(&world, &["1.0.5", "1.1.0", "1.2.0", "1.3.0"]).await;
    let results = |release: &str| world.aws(|aws| aws.ledger.keys(&format!("results/dev/orders/{release}/")).count());
    // The head has its end, but neither its record nor its result is written.
    let committed = {
        let world = World::with_orders();
        world.upload("dev/orders/1.1.0.zip", code("1.1.0")).await;
        1 + world.calls().iter().position(|call| call.what.starts_with("results/")).unwrap()
    };
    let _ = world.invocation().dies_at(committed, CallPhase::Before).upload(&uploads[1]).await;
    let id = head(&world)["outbox"][0]["record"]["id"].as_str().unwrap().to_owned();
    let broken = format!("deployments/dev/orders/{id}.json");
    world.aws(|aws| aws.ledger.put(&broken, "{"));

    let transient = world.deliver(&uploads[1]).await.unwrap_err();
    assert!(transient.to_string().contains(&broken), "its own message comes again: {transient}");
    assert_eq!(recorded(world.deliver(&uploads[2]).await.unwrap()).status, Status::Succeeded);
    assert_eq!(recorded(world.deliver(&uploads[0]).await.unwrap()).status, Status::Superseded);
    assert_eq!((results("1.2.0"), results("1.0.5")), (1, 1));
    let died = world.invocation().dies_at(14, CallPhase::After).upload(&uploads[3]).await;
    assert!(matches!(died.outcome, Outcome::Died));
    world.leases_run_out().await;
    let Swept { woken, completed, failed, .. } = swept(world.invocation().run(&Trigger::Sweep).await);
    assert_eq!((woken, completed, failed), (1, 0, 1), "it wakes what sleeps, and ends in an error");
    world.tick().await;
    assert_eq!((served(&world).as_str(), results("1.3.0")), ("1.3.0", 1));
    let outbox: Vec<Value> =
        head(&world)["outbox"].as_array().unwrap().iter().map(|e| e["record"]["id"].clone()).collect();
    assert_eq!((outbox, results("1.1.0")), (vec![json!(id)], 1));

    world.aws(|aws| aws.ledger.delete(&broken));
    let Swept { completed, failed, .. } = swept(world.invocation().run(&Trigger::Sweep).await);
    assert_eq!((completed, failed), (1, 0));
    world.markers_are_cleared().await;
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn lost_claim_moves_no_alias() {
    let world = World::with_orders();
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    // While the invocation waits for the version, its second read of the head finds another claim.
    world.on(Op::UpdateFunctionCode).meanwhile(|aws| {
        let body = String::from_utf8(aws.ledger.get("heads/dev/orders.json").unwrap().to_vec()).unwrap();
        let mut head: Value = serde_json::from_str(&body).unwrap();
        head["active"]["claim"] = json!("01K9000000000000000000000Z");
        aws.ledger.put("heads/dev/orders.json", head.to_string());
    });
    let transient = world.deliver(&upload).await.unwrap_err();
    assert!(matches!(transient, Transient::TakenOver), "{transient}");
    assert!(world.calls_of(Op::UpdateAlias).is_empty());
    assert_eq!(world.until_ended(&upload).await.status, Status::Succeeded);
    assert_eq!(world.function(DEV, "orders", |f| f.versions.len()), 2);
    world.markers_are_cleared().await;
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn unreadable_artifact_blocks_no_other_upload() {
    let world = World::with_orders();
    let uploads = uploads(&world, &["1.1.0", "1.2.0"]).await;
    world.on(Op::ReadTail).about("1.1.0").always().fail(CallErrorKind::Unknown);
    assert!(matches!(world.deliver(&uploads[0]).await, Err(Transient::Artifact(_))));
    // Its message and each sweep try it again undisturbed.
    for _ in 0..3 {
        world.pass(Duration::from_secs(60)).await;
        assert_eq!(swept(world.invocation().run(&Trigger::Sweep).await).woken, 1);
        let due = world.now();
        for body in world.aws(|aws| aws.queue.take(due)) {
            world.invocation().run(&Trigger::Tick(world::tick(&body))).await;
        }
        assert!(world.aws(|aws| aws.queue.next()).is_some_and(|next| next >= due + Duration::from_secs(60)));
        world.aws(|aws| aws.queue.lose());
    }
    assert_eq!(recorded(world.deliver(&uploads[1]).await.unwrap()).status, Status::Succeeded);
    let displaced = recorded(world.deliver(&uploads[0]).await.unwrap());
    assert_eq!((displaced.status, displaced.code), (Status::Superseded, Some(Code::Superseded)));
    assert_eq!(served(&world), "1.2.0");
    world.heal();
    world.markers_are_cleared().await;
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn refused_upload_has_one_record_by_both_channels() {
    let world = World::with(&json!({
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-deployer-ledger",
        "environments": {"dev": {"targets": [{"account": DEV, "region": "eu-west-1"}], "accept_uploads": false}},
    }));
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!((record.status, record.code), (Status::Refused, Some(Code::UploadsNotAccepted)));
    world.same_again_changes_nothing().await;
    assert_eq!(world.aws(|aws| aws.ledger.keys("").count()), 3, "one head, one record and one result");
}

#[tokio::test(start_paused = true)]
async fn marker_is_deleted_once_for_every_end() {
    let environment = |account: &str, accepts: bool| json!({"targets": [{"account": account, "region": "eu-west-1"}], "accept_uploads": accepts});
    let world = World::with(&json!({
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-deployer-ledger",
        "environments": {"dev": environment(DEV, true), "closed": environment("222222222222", false)},
    }));
    world.add_function(DEV, "orders", &code("1.0.0"), |f| f.publish().point("live", 1));
    let [older, newer] = <[Upload; 2]>::try_from(uploads(&world, &["1.1.0", "1.2.0"]).await).unwrap();
    let closed = world.put("closed/orders/1.0.0.zip", code("1.0.0"));
    let ends = [
        (newer.clone(), Status::Succeeded),
        (older.clone(), Status::Superseded),
        (closed.clone(), Status::Refused),
        (newer, Status::Succeeded),
        (older, Status::Superseded),
        (closed, Status::Refused),
    ];
    for (upload, status) in ends {
        let before = world.calls().len();
        assert_eq!(recorded(world.deliver(&upload).await.unwrap()).status, status);
        let calls = world.calls().split_off(before);
        let markers = |op: Op| calls.iter().filter(|c| c.op == op && c.what.starts_with("open/")).count();
        assert_eq!((markers(Op::WriteLedger), markers(Op::DeleteLedger)), (1, 1), "{status}: {calls:#?}");
        assert_eq!(world.aws(|aws| aws.ledger.keys("open/").count()), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn history_is_newest_first_and_reads_only_its_limit() {
    let world = World::with_orders();
    for n in 0..60 {
        world.upload(&format!("dev/orders/{n}.zip"), code(&n.to_string())).await;
        world.pass(Duration::from_secs(1)).await;
    }
    let before = world.calls().len();
    let engine = world.engine(Duration::from_secs(300));
    let at = head(&world);
    assert_eq!(at["ended"].as_array().unwrap().len(), 50, "bounded");
    let (environment, function) = ("dev".parse().unwrap(), "orders".parse().unwrap());
    let releases =
        |history: History| history.deployments.into_iter().map(|r| r.release.unwrap().to_string()).collect::<Vec<_>>();
    assert_eq!(releases(engine.history(&environment, &function, 3).await.unwrap()), ["59", "58", "57"]);
    assert_eq!(world.calls().len() - before, 4, "the head and three records");
    assert_eq!(releases(engine.history(&environment, &function, 55).await.unwrap()).last().unwrap(), "5");
    let unknown = engine.history(&"prod".parse().unwrap(), &function, 3).await.unwrap_err();
    assert_eq!(unknown.to_string(), "deployer.json has no environment prod (it has dev)");
}

#[tokio::test(start_paused = true)]
async fn longer_history_contains_the_shorter_one() {
    let world = World::with_orders();
    let uploads = uploads(&world, &["1.1.0", "1.2.0", "1.3.0", "1.4.0"]).await;
    // Several begin in the same second, and one long after its upload.
    let at_once = [world.put("dev/orders/1.5.0.zip", code("1.5.0")), world.put("dev/orders/1.6.0.zip", code("1.6.0"))];
    for upload in [&uploads[2], &uploads[0], &uploads[3], &at_once[0], &at_once[1], &uploads[1]] {
        world.deliver(upload).await.unwrap();
    }
    let (environment, function) = ("dev".parse().unwrap(), "orders".parse().unwrap());
    let engine = world.engine(Duration::from_secs(300));
    let mut longer = engine.history(&environment, &function, 6).await.unwrap().deployments;
    let releases: Vec<String> = longer.iter().map(|r| r.release.as_ref().unwrap().to_string()).collect();
    assert_eq!(releases, ["1.6.0", "1.5.0", "1.4.0", "1.3.0", "1.2.0", "1.1.0"]);
    for limit in (0..6).rev() {
        longer.pop();
        let shorter = engine.history(&environment, &function, limit).await.unwrap().deployments;
        assert_eq!(shorter, longer, "{limit}");
    }
}

#[tokio::test(start_paused = true)]
async fn forgotten_upload_is_answered_from_its_result_by_either_channel() {
    let world = World::with_orders();
    let first = world.put("dev/orders/first.zip", code("first"));
    let record = recorded(world.deliver(&first).await.unwrap());
    // These are more requests than the head remembers.
    for number in 0..101 {
        world.pass(Duration::from_secs(1)).await;
        world.upload(&format!("dev/orders/{number}.zip"), code(&number.to_string())).await;
    }
    assert!(!head(&world)["requests"].to_string().contains(&record.id.to_string()));
    let before = world.snapshot();
    let other_door = Upload { time: first.time + Duration::from_secs(2), event_id: Some("e".into()), ..first.clone() };
    for event in [first, other_door] {
        assert_eq!(recorded(world.deliver(&event).await.unwrap()), record);
        assert_eq!(world.aws(|aws| aws.ledger.keys("deployments/").count()), 102, "no second record");
        assert_eq!(world.snapshot(), before, "the head and all else are as they were");
        assert_eq!(world.aws(|aws| aws.ledger.keys("open/").count()), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn pruning_keeps_versions_of_aliases_and_rollbacks() {
    let world = World::with(&json!({
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-deployer-ledger",
        "environments": {"dev": {"targets": [{"account": DEV, "region": "eu-west-1"}], "keep_versions": 3}},
    }));
    world.add_function(DEV, "orders", &code("1.0.0"), |f| f.publish().point("live", 1).point("pinned", 1));
    let versions = || world.function(DEV, "orders", |f| f.versions.keys().copied().collect::<Vec<_>>());
    for n in 1..=3 {
        world.upload(&format!("dev/orders/{n}.zip"), code(&n.to_string())).await;
        world.pass(Duration::from_secs(1)).await;
    }
    assert_eq!(versions(), [1, 2, 3, 4], "1 is pinned");
    // Somebody publishes versions 5 to 7 by hand. The former live version is kept for rollbacks.
    world.change_function(DEV, "orders", |f| {
        f.code(&code("a")).publish().code(&code("b")).publish().code(&code("c")).publish()
    });
    world.pass(Duration::from_secs(1)).await;
    let record = world.record("dev/orders/4.zip", code("4")).await;
    assert_eq!(record.targets[0].version.as_ref().unwrap().as_str(), "8");
    assert_eq!(versions(), [1, 3, 4, 6, 7, 8]);
    world.pass(Duration::from_secs(1)).await;
    world.upload("dev/orders/5.zip", code("5")).await;
    assert_eq!(versions(), [1, 4, 7, 8, 9], "beside 9, the last two that were live are 8 and 4");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn role_without_delete_rights_deploys() {
    let world = World::with(&json!({
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-deployer-ledger",
        "environments": {"dev": {"targets": [{"account": DEV, "region": "eu-west-1"}], "keep_versions": 1}},
    }));
    world.add_function(DEV, "orders", &code("1.0.0"), |f| f.publish().point("live", 1));
    world.aws(|aws| aws.sts.role(DEV).may_not.insert("lambda:DeleteFunction".into()));
    for n in 1..=3 {
        assert_eq!(world.record(&format!("dev/orders/{n}.zip"), code(&n.to_string())).await.status, Status::Succeeded);
        world.pass(Duration::from_secs(1)).await;
    }
    assert_eq!(world.function(DEV, "orders", |f| f.versions.len()), 4);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn tick_for_another_state_is_ignored() {
    let world = World::with_orders();
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    let _ = world.invocation().dies_at(12, CallPhase::After).upload(&upload).await;
    let _ = world.deliver(&upload).await;
    let body = world.aws(|aws| aws.queue.take(jiff::Timestamp::MAX)).pop().unwrap();
    let tick = world::tick(&body);
    // The tick comes too early, so it is sent again.
    let early = world.invocation().run(&Trigger::Tick(tick.clone())).await;
    assert!(matches!(early.outcome, Outcome::EventOutcome(EventOutcome::Ignored { .. })), "{early:?}");
    world.leases_run_out().await;
    assert_eq!(record(world.invocation().run(&Trigger::Tick(tick.clone())).await).status, Status::Succeeded);
    let before = world.snapshot();
    let late = world.invocation().run(&Trigger::Tick(tick)).await;
    assert!(matches!(late.outcome, Outcome::EventOutcome(EventOutcome::Ignored { .. })), "{late:?}");
    assert_eq!(world.snapshot(), before);
}

#[tokio::test(start_paused = true)]
async fn marker_that_no_head_names_stays_for_20_minutes() {
    let world = World::with_orders();
    let upload = world.put("dev/orders/1.0.5.zip", code("1.0.5"));
    let _died = world.invocation().dies_at(2, CallPhase::After).upload(&upload).await;
    let markers = || world.aws(|aws| aws.ledger.keys("open/").count());
    let sweep_after = async |minutes: u64| {
        world.pass(Duration::from_secs(minutes * 60)).await;
        let _swept = swept(world.invocation().run(&Trigger::Sweep).await);
    };
    assert_eq!(markers(), 1, "the upload died between its marker and the head");
    sweep_after(19).await;
    assert_eq!(markers(), 1);
    sweep_after(2).await;
    assert_eq!(markers(), 0);
}
