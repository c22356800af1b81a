//! Commands by hand: rollback, redeploy, hold and reject, and their effect on uploads.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::time::Duration;

use deployer_core::record::{CauseKind, Code, Status, TargetErrorCode};
use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::orders::{OTHER, command, deploy_all, make_known, release, rollback, served, served_in, serves};
use world::zips::{code, with_manifest};
use world::{CallPhase, DEV, Op, Outcome, Trigger, World};

#[tokio::test(start_paused = true)]
async fn rollback_walks_back_through_the_releases_that_were_live() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b", "c"]).await;
    let first = rollback(&world).await;
    assert_eq!((first.status, release(&first), served(&world).as_str()), (Status::Succeeded, "b", "b"));
    assert_eq!(first.cause.kind, CauseKind::Rollback);
    assert_eq!(first.cause.requested_by.as_deref(), Some("ann"));
    let target = &first.targets[0];
    assert_eq!(target.version.as_ref().unwrap().as_str(), "3", "the version that b was published as");
    assert_eq!(target.previous.as_ref().unwrap().version.as_str(), "4");
    let second = rollback(&world).await;
    assert_eq!((release(&second), served(&world).as_str()), ("a", "a"));
    deploy_all(&world, &["d"]).await;
    let third = rollback(&world).await;
    assert_eq!((third.status, release(&third), served(&world).as_str()), (Status::Succeeded, "a", "a"), "and not c");
    let end = rollback(&world).await;
    assert_eq!((end.status, end.code), (Status::Refused, Some(Code::NothingToRollBack)));
    let because = end.because.unwrap();
    assert!(because.starts_with(
        "nothing was live here before release a; before the deployer came, the alias served version 1 in "
    ));
    assert!(world.calls_of(Op::UpdateFunctionCode).len() == 4, "a rollback sends no code");
    world.same_again_changes_nothing().await;
    assert_eq!(served(&world), "a");
}

#[tokio::test(start_paused = true)]
async fn rollback_needs_no_artifact_while_lambda_has_the_version() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    world.aws(|aws| aws.artifacts.delete("dev/orders/a.zip", "v1"));
    let record = rollback(&world).await;
    assert_eq!(record.status, Status::Succeeded);
    assert_eq!(serves(&world, DEV), 2);
    assert!(record.artifact.unwrap().sha256.is_some());
}

#[tokio::test(start_paused = true)]
async fn release_with_a_deleted_version_is_published_from_its_artifact() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    world.change_function(DEV, "orders", |orders| {
        orders.versions.remove(&2);
        orders
    });
    let record = rollback(&world).await;
    assert_eq!((record.status, release(&record), served(&world).as_str()), (Status::Succeeded, "a", "a"));
    assert_eq!(record.targets[0].version.as_ref().unwrap().as_str(), "4", "numbers are never used twice");
}

#[tokio::test(start_paused = true)]
async fn target_without_version_and_artifact_fails_unchanged() {
    let world = World::with_orders_in_two();
    deploy_all(&world, &["a", "b"]).await;
    world.aws(|aws| aws.artifacts.delete("dev/orders/a.zip", "v1"));
    world.change_function(OTHER, "orders", |orders| {
        orders.versions.remove(&2);
        orders
    });
    let record = rollback(&world).await;
    assert_eq!((record.status, record.targets[0].status), (Status::Failed, Status::Succeeded));
    assert_eq!(record.targets[1].error.as_ref().unwrap().code, TargetErrorCode::ArtifactUnreadable);
    assert_eq!((serves(&world, DEV), serves(&world, OTHER)), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn configuration_goes_back_with_the_code() {
    let world = World::with_orders();
    let zip = |release: &str, memory: &str| with_manifest(release, &format!("memory_size = {memory}"));
    for (release, memory) in [("a", "256"), ("b", "1024")] {
        world.pass(Duration::from_secs(1)).await;
        world.record(&format!("dev/orders/{release}.zip"), zip(release, memory)).await;
    }
    rollback(&world).await;
    let memory = |world: &World| {
        world.function(DEV, "orders", |orders| orders.versions[&orders.aliases["live"].version].settings.memory_size)
    };
    assert_eq!((served(&world).as_str(), memory(&world)), ("a", 256), "a version carries it");
    world.pass(Duration::from_secs(1)).await;
    world.record("dev/orders/c.zip", zip("c", "512")).await;
    // A version that must be published again takes its configuration from its artifact's manifest.
    world.change_function(DEV, "orders", |orders| {
        orders.versions.remove(&2);
        orders
    });
    rollback(&world).await;
    assert_eq!((served(&world).as_str(), memory(&world)), ("a", 256));
}

#[tokio::test(start_paused = true)]
async fn rollback_with_one_broken_target_moves_the_other() {
    let world = World::with_orders_in_two();
    deploy_all(&world, &["a", "b"]).await;
    world.aws(|aws| aws.sts.delete_role(OTHER));
    let record = rollback(&world).await;
    assert_eq!((record.status, record.code), (Status::Failed, Some(Code::TargetFailed)));
    assert_eq!(record.targets[1].error.as_ref().unwrap().code, TargetErrorCode::AssumeRoleDenied);
    assert_eq!((served_in(&world, DEV).as_str(), served_in(&world, OTHER).as_str()), ("a", "b"));
}

#[tokio::test(start_paused = true)]
async fn rollback_leaves_a_partial_release_and_never_restores_the_live_one() {
    let world = World::with_orders_in_two();
    deploy_all(&world, &["a", "b"]).await;
    // c arrives in one account only: it is live and not complete.
    world.on(Op::UpdateFunctionCode).at(OTHER).always().fail(CallErrorKind::Denied);
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(world.record("dev/orders/c.zip", code("c")).await.status, Status::Failed);
    assert_eq!((served_in(&world, DEV).as_str(), served_in(&world, OTHER).as_str()), ("c", "b"));
    let first = rollback(&world).await;
    assert_eq!((first.status, release(&first)), (Status::Succeeded, "b"), "{first:?}");
    assert_eq!([first.targets[0].status, first.targets[1].status], [Status::Succeeded, Status::Unchanged]);
    assert_eq!((served_in(&world, DEV).as_str(), served_in(&world, OTHER).as_str()), ("b", "b"));
    // Somebody moves an alias by hand: the rollback still goes from b to a.
    world.change_function(OTHER, "orders", |orders| orders.point("live", 1));
    let second = rollback(&world).await;
    assert_eq!((release(&second), served_in(&world, OTHER).as_str()), ("a", "a"));
    assert_eq!(served_in(&world, DEV), "a");
}

#[tokio::test(start_paused = true)]
async fn rollback_to_a_release_takes_the_newest_live_or_left_one() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b", "c"]).await;
    let back = world.command_record(command("rollback", &json!({"to": "a"}))).await;
    assert_eq!((back.status, served(&world).as_str()), (Status::Succeeded, "a"));
    let forth = world.command_record(command("rollback", &json!({"to": "c"}))).await;
    assert_eq!((forth.status, served(&world).as_str()), (Status::Succeeded, "c"), "what was left was live");
    let unknown = world.command_record(command("rollback", &json!({"to": "z"}))).await;
    assert_eq!((unknown.status, unknown.code), (Status::Refused, Some(Code::NothingToRollBack)));
    assert_eq!(unknown.because.unwrap(), "release z is not among the last that were live here (c, a, b)");
    assert_eq!(release(&rollback(&world).await), "a", "what was live before c");
}

#[tokio::test(start_paused = true)]
async fn rollback_of_a_held_undeployed_function_is_refused() {
    let world = World::with_orders();
    make_known(&world).await;
    let record = rollback(&world).await;
    assert_eq!((record.status, record.code), (Status::Refused, Some(Code::NothingToRollBack)));
    assert_eq!(record.because.unwrap(), "nothing was ever live here");
    assert_eq!((record.artifact, record.release), (None, None));
    assert_eq!(world.command(json!({"command": "status"})).await["functions"], json!([]));
    assert!(world.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn upload_from_before_a_rollback_is_superseded_and_later_one_deployed() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    let before = world.put("dev/orders/c.zip", code("c"));
    rollback(&world).await;
    world.pass(Duration::from_secs(5)).await;
    let late = world::recorded(world.deliver(&before).await.unwrap());
    assert_eq!((late.status, served(&world).as_str()), (Status::Superseded, "a"));
    assert!(late.because.unwrap().starts_with("a command or promotion that was given later, at "));
    deploy_all(&world, &["d"]).await;
    assert_eq!(served(&world), "d");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn same_command_again_acts_once() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b", "c"]).await;
    let once = command("rollback", &json!({"id": "r1"}));
    let first = world.command_record(once.clone()).await;
    world.pass(Duration::from_secs(3)).await;
    let before = world.snapshot();
    assert_eq!(world.command_record(once).await, first);
    assert_eq!(world.snapshot(), before);
    assert_eq!(served(&world), "b");
}

#[tokio::test(start_paused = true)]
async fn active_deployment_is_asked_to_stop_by_a_rollback() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    world.aws(|aws| aws.at(DEV).settling.time = Duration::from_secs(20));
    let upload = world.put("dev/orders/c.zip", code("c"));
    let back = async {
        world.pass(Duration::from_secs(3)).await;
        world.command_record(command("rollback", &json!({}))).await
    };
    let (stopped, asked) = tokio::join!(world.deliver(&upload), back);
    let stopped = world::recorded(stopped.unwrap());
    assert_eq!(asked.status, Status::Pending);
    world.tick().await;
    let history = world.command(command("history", &json!({"limit": 1}))).await;
    assert_eq!(history["deployments"][0]["cause"]["kind"], "rollback");
    assert_eq!((stopped.status, stopped.targets[0].status), (Status::Superseded, Status::Superseded));
    assert!(stopped.because.unwrap().ends_with("asked for later, has asked it to stop"));
    assert_eq!(served(&world), "b", "the rollback means the deployment that it met");
}

#[tokio::test(start_paused = true)]
async fn pending_rollback_is_not_displaced_by_a_later_upload() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    world.aws(|aws| aws.at(DEV).settling.time = Duration::from_secs(20));
    let first = world.put("dev/orders/c.zip", code("c"));
    let then = async {
        world.pass(Duration::from_secs(3)).await;
        let asked = world.command_record(command("rollback", &json!({"id": "r"}))).await;
        world.pass(Duration::from_secs(1)).await;
        let waits = world.record("dev/orders/d.zip", code("d")).await;
        (asked, waits)
    };
    let (_, (asked, waits)) = tokio::join!(world.deliver(&first), then);
    assert_eq!(asked.status, Status::Pending);
    assert_ne!(waits.status, Status::Superseded);
    world.tick().await;
    let ended = world.command_record(command("rollback", &json!({"id": "r"}))).await;
    assert_eq!((ended.status, release(&ended)), (Status::Unchanged, "b"), "c reached nothing");
    assert_eq!(served(&world), "d", "it was uploaded after the rollback was asked for");
    assert_eq!(release(&rollback(&world).await), "b");
}

#[tokio::test(start_paused = true)]
async fn rollback_after_a_crash_keeps_its_destination() {
    for call in 1..30 {
        let world = World::with_orders();
        deploy_all(&world, &["a", "b", "c"]).await;
        let order = command("rollback", &json!({"id": "r"}));
        let run = world.invocation().dies_at(call, CallPhase::After).run(&Trigger::Command(order.clone())).await;
        if matches!(run.outcome, Outcome::Answered(_)) {
            assert!(call > 10, "{call}");
            return;
        }
        world.leases_run_out().await;
        world.invocation().run(&Trigger::Sweep).await;
        world.tick().await;
        let record = world.command_record(order).await;
        assert_eq!((record.status, release(&record)), (Status::Succeeded, "b"), "died at {call}: {}", world.render());
        assert_eq!(served(&world), "b", "died at {call}");
    }
    panic!("it never ends");
}

#[tokio::test(start_paused = true)]
async fn redeploy_restores_the_live_release_or_is_unchanged() {
    let world = World::with_orders_in_two();
    deploy_all(&world, &["a", "b"]).await;
    let order = |id: &str| command("redeploy", &json!({ "id": id }));
    let same = world.command_record(order("1")).await;
    assert_eq!((same.status, release(&same)), (Status::Unchanged, "b"));
    world.change_function(OTHER, "orders", |orders| orders.point("live", 1));
    let record = world.command_record(order("2")).await;
    assert_eq!([record.targets[0].status, record.targets[1].status], [Status::Unchanged, Status::Succeeded]);
    assert_eq!(served_in(&world, OTHER), "b");
    assert_eq!(release(&rollback(&world).await), "a", "a redeploy is no step of the history");
}

#[tokio::test(start_paused = true)]
async fn redeploy_of_nothing_is_refused() {
    let world = World::with_orders();
    make_known(&world).await;
    let record = world.command_record(command("redeploy", &json!({}))).await;
    assert_eq!((record.status, record.code), (Status::Refused, Some(Code::NotLive)));
}

#[tokio::test(start_paused = true)]
async fn deploy_takes_the_keys_newest_version_or_is_refused() {
    let world = World::with_orders();
    world.put("dev/orders/a.zip", code("a"));
    world.put("dev/orders/a.zip", code("a, again"));
    world.pass(Duration::from_secs(1)).await;
    let record = world.command_record(command("deploy", &json!({"release": "a"}))).await;
    assert_eq!((record.status, record.cause.kind), (Status::Succeeded, CauseKind::Deploy));
    assert_eq!(record.artifact.unwrap().version_id, "v2");
    let none = world.command_record(command("deploy", &json!({"release": "z"}))).await;
    assert_eq!((none.status, none.code, none.artifact), (Status::Refused, Some(Code::ArtifactGone), None));
    assert_eq!(none.release.unwrap().as_str(), "z");
    assert_eq!(none.because.unwrap(), "s3://acme-artifacts/dev/orders/z.zip does not exist: upload the release first");
}

#[tokio::test(start_paused = true)]
async fn deploy_of_nothing_is_refused_after_a_crash_too() {
    for call in 1..30 {
        let world = World::with_orders();
        deploy_all(&world, &["a"]).await;
        let order = command("deploy", &json!({"release": "z", "id": "d"}));
        let run = world.invocation().dies_at(call, CallPhase::After).run(&Trigger::Command(order.clone())).await;
        if matches!(run.outcome, Outcome::Answered(_)) {
            assert!(call > 5, "{call}");
            return;
        }
        world.leases_run_out().await;
        world.invocation().run(&Trigger::Sweep).await;
        world.tick().await;
        let record = world.command_record(order).await;
        assert_eq!((record.status, record.code), (Status::Refused, Some(Code::ArtifactGone)), "died at {call}");
        assert_eq!(served(&world), "a");
    }
    panic!("it never ends");
}

#[tokio::test(start_paused = true)]
async fn rollback_never_goes_to_the_live_release() {
    let world = World::with_orders();
    deploy_all(&world, &["z", "a", "b"]).await;
    world.pass(Duration::from_secs(1)).await;
    let again = world.command_record(command("deploy", &json!({"release": "a"}))).await;
    assert_eq!((again.status, served(&world).as_str()), (Status::Succeeded, "a"));
    let reject = json!({"command": "reject", "function": "orders", "release": "b", "reason": "it leaks"});
    world.command(reject).await;
    let back = rollback(&world).await;
    assert_eq!((back.status, release(&back), served(&world).as_str()), (Status::Succeeded, "z", "z"));
}

#[tokio::test(start_paused = true)]
async fn displaced_command_is_answered_with_its_own_record() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    world.put("dev/orders/c.zip", code("c"));
    world.pass(Duration::from_secs(1)).await;
    world.latency(|call| Duration::from_millis(if call.op == Op::ReadTail { 2_000 } else { 20 }));
    world.on(Op::ReadTail).fail(CallErrorKind::Unknown);
    let deploy = command("deploy", &json!({"release": "c", "id": "d"}));
    let back = async {
        world.pass(Duration::from_millis(500)).await;
        world.command_record(command("rollback", &json!({"id": "r"}))).await
    };
    let (given_up, waits) = tokio::join!(world.command_record(deploy.clone()), back);
    assert_eq!((given_up.status.is_ended(), waits.status), (false, Status::Pending), "{given_up:?}");
    let record = world.command_record(deploy).await;
    assert_eq!((record.cause.kind, record.status), (CauseKind::Deploy, Status::Superseded), "{record:?}");
    assert_eq!(served(&world), "b", "the rollback means the deploy that it met");
}

#[tokio::test(start_paused = true)]
async fn two_rollbacks_at_once_go_one_step_back() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b", "c"]).await;
    world.pass(Duration::from_secs(1)).await;
    world.latency(|_| Duration::from_millis(20));
    let order = |id: &str| command("rollback", &json!({ "id": id }));
    let second = async {
        world.pass(Duration::from_millis(50)).await;
        world.command_record(order("2")).await
    };
    let (one, two) = tokio::join!(world.command_record(order("1")), second);
    assert_eq!((one.status, release(&one)), (Status::Succeeded, "b"));
    assert_eq!(two.id, one.id, "the second joins the first");
    world.tick().await;
    let before = world.snapshot();
    for id in ["1", "2"] {
        assert_eq!(world.command_record(order(id)).await, one, "the same command again changes nothing");
    }
    assert_eq!((world.snapshot() == before, served(&world).as_str()), (true, "b"));
}

#[tokio::test(start_paused = true)]
async fn second_rollback_of_an_incident_names_the_first_requester() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b", "c"]).await;
    world.pass(Duration::from_secs(1)).await;
    let order = |id: &str| command("rollback", &json!({ "id": id, "if_live": "c" }));
    assert_eq!(world.command_record(order("1")).await.status, Status::Succeeded);
    world.pass(Duration::from_secs(1)).await;
    let second = world.command_record(order("2")).await;
    assert_eq!((second.status, second.code), (Status::Refused, Some(Code::LiveChanged)));
    let because = second.because.unwrap();
    assert!(
        because.starts_with("release b is live since ") && because.contains(" by ann has gone back to it"),
        "{because}"
    );
    assert_eq!(served(&world), "b");
}

#[tokio::test(start_paused = true)]
async fn commands_with_a_dead_account_follow_the_last_rollout() {
    let world = World::with_orders_in_two();
    deploy_all(&world, &["r1", "r2"]).await;
    world.aws(|aws| aws.sts.delete_role(OTHER));
    for label in ["r3", "r4"] {
        world.pass(Duration::from_secs(1)).await;
        let key = format!("dev/orders/{label}.zip");
        assert_eq!(world.record(&key, code(label)).await.status, Status::Failed);
    }
    let status = world.command(command("status", &json!({}))).await;
    assert_eq!(status["functions"][0]["live"]["release"], "r4");
    let back = rollback(&world).await;
    assert_eq!((back.status, release(&back), served_in(&world, DEV).as_str()), (Status::Failed, "r3", "r3"));
    let to = world.command_record(command("rollback", &json!({"to": "r4"}))).await;
    assert_eq!((release(&to), served_in(&world, DEV).as_str()), ("r4", "r4"));
    let again = world.command_record(command("redeploy", &json!({}))).await;
    assert_eq!((again.status, release(&again), served_in(&world, DEV).as_str()), (Status::Failed, "r4", "r4"));
    assert_eq!(served_in(&world, OTHER), "r2", "nobody can go there");
}

#[tokio::test(start_paused = true)]
async fn hold_refuses_uploads_and_lets_rollbacks_through() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    let status = world.command(command("hold", &json!({"reason": "black friday"}))).await;
    let hold = &status["functions"][0]["hold"];
    assert_eq!((&hold["reason"], &hold["requested_by"]), (&json!("black friday"), &json!("ann")));
    let held = world.record("dev/orders/c.zip", code("c")).await;
    assert_eq!((held.status, held.code), (Status::Refused, Some(Code::Held)));
    let because = held.because.unwrap();
    assert!(because.starts_with("held by ann since ") && because.ends_with(": black friday"), "{because}");
    for name in ["deploy", "redeploy"] {
        let more = if name == "deploy" { json!({"release": "c"}) } else { json!({}) };
        assert_eq!(world.command_record(command(name, &more)).await.code, Some(Code::Held), "{name}");
    }
    assert_eq!(rollback(&world).await.status, Status::Succeeded);
    assert_eq!(served(&world), "a");
    world.command(command("hold", &json!({"reason": "still"}))).await;
    assert_eq!(world.command(json!({"command": "status"})).await["functions"][0]["hold"]["reason"], "still");
    let status = world.command(command("release-hold", &json!({}))).await;
    assert_eq!(status["functions"][0]["hold"], Value::Null);
    deploy_all(&world, &["d"]).await;
    let (error_type, message) = world.command_error(command("release-hold", &json!({}))).await;
    assert_eq!(error_type, "InvalidCommand");
    assert_eq!(message, "orders is not held in dev: there is nothing to release");
}

#[tokio::test(start_paused = true)]
async fn hold_refuses_waiting_requests_at_once() {
    let world = World::with_orders();
    world.aws(|aws| aws.at(DEV).settling.time = Duration::from_secs(20));
    let first = world.put("dev/orders/a.zip", code("a"));
    let then = async {
        world.pass(Duration::from_secs(3)).await;
        let waits = world.record("dev/orders/b.zip", code("b")).await;
        world.command(command("hold", &json!({"reason": "stop"}))).await;
        waits
    };
    let (first, waits) = tokio::join!(world.deliver(&first), then);
    assert_eq!(world::recorded(first.unwrap()).status, Status::Succeeded, "it was on its way");
    assert_eq!(waits.status, Status::Pending);
    world.tick().await;
    let history = world.command(command("history", &json!({}))).await;
    let ended = history["deployments"].as_array().unwrap().iter().find(|record| record["release"] == "b").unwrap();
    assert_eq!((&ended["status"], &ended["code"]), (&json!("refused"), &json!("Held")));
}

#[tokio::test(start_paused = true)]
async fn rejected_release_is_not_deployed_and_rollback_skips_it() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b", "c"]).await;
    let reject = |release: &str| json!({"command": "reject", "function": "orders", "release": release, "reason": "it leaks", "requested_by": "ann"});
    let status = world.command(reject("b")).await;
    assert_eq!(status["functions"][0]["rejected"], false);
    assert_eq!(status["functions"][0]["rejects"][0]["release"], "b");
    let status = world.command(reject("c")).await;
    assert_eq!(status["functions"][0]["rejected"], true, "what is live stays live, and is shown");
    assert_eq!(served(&world), "c");
    assert_eq!(release(&rollback(&world).await), "a", "b is bad too");
    // A release is rejected by its label with any code, and by its code under another label.
    world.pass(Duration::from_secs(1)).await;
    for (key, zip) in [("dev/orders/b.zip", code("b, mended")), ("dev/orders/x.zip", code("b"))] {
        let record = world.record(key, zip).await;
        assert_eq!((record.status, record.code), (Status::Refused, Some(Code::Rejected)), "{key}");
        world.pass(Duration::from_secs(1)).await;
    }
    let to = world.command_record(command("rollback", &json!({"to": "c"}))).await;
    assert_eq!((to.status, to.code), (Status::Refused, Some(Code::Rejected)));
    assert_eq!(served(&world), "a");
    let (error_type, message) = world.command_error(reject("z")).await;
    assert_eq!(error_type, "UnknownRelease");
    assert_eq!(message, "no release z of orders is known in any environment: status and history tell which are");
    let unreject = json!({"command": "unreject", "function": "orders", "release": "b"});
    world.command(unreject.clone()).await;
    assert_eq!(world.command_error(unreject).await.1, "release b of orders is not rejected: there is nothing to undo");
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(world.record("dev/orders/b.zip", code("b, mended")).await.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn release_rejected_while_publishing_never_gets_the_alias() {
    let world = World::with_orders();
    deploy_all(&world, &["a"]).await;
    world.aws(|aws| aws.at(DEV).settling.time = Duration::from_secs(20));
    // The rejects are read again beside the wait for the version, so the reject must be written by then.
    let reject = json!({"command": "reject", "function": "orders", "release": "b", "reason": "bad", "id": "x"});
    let upload = world.put("dev/orders/b.zip", code("b"));
    let rejected = async {
        world.pass(Duration::from_millis(150)).await;
        world.command(reject).await
    };
    let (record, _) = tokio::join!(world.deliver(&upload), rejected);
    let record = world::recorded(record.unwrap());
    assert_eq!((record.status, record.code), (Status::Refused, Some(Code::Rejected)), "{}", world.render());
    assert_eq!(served(&world), "a");
}

#[tokio::test(start_paused = true)]
async fn release_rejected_during_a_throttled_alias_write_never_gets_the_alias() {
    let world = World::with_orders();
    deploy_all(&world, &["a"]).await;
    world.on(Op::UpdateAlias).times(8).fail(CallErrorKind::Throttled);
    let reject = json!({"command": "reject", "function": "orders", "release": "b", "reason": "bad", "id": "x"});
    let upload = world.put("dev/orders/b.zip", code("b"));
    let rejected = async {
        world.pass(Duration::from_secs(5)).await;
        world.command(reject).await
    };
    let (record, _) = tokio::join!(world.deliver(&upload), rejected);
    let record = world::recorded(record.unwrap());
    assert_eq!((record.status, record.code), (Status::Refused, Some(Code::Rejected)), "{}", world.render());
    assert_eq!(served(&world), "a");
}

#[tokio::test(start_paused = true)]
async fn status_reports_the_heads_and_calls_no_target() {
    let world = World::with_orders();
    deploy_all(&world, &["a"]).await;
    let before = world.calls().len();
    let status = world.command(json!({"command": "status", "environment": "dev", "function": "orders"})).await;
    let all = world.command(json!({"command": "status"})).await;
    assert_eq!(status, all);
    let live = &status["functions"][0]["live"];
    assert_eq!((&live["release"], &status["functions"][0]["active"]), (&json!("a"), &Value::Null));
    let target = json!({"account": DEV, "region": "eu-west-1", "version": "2", "release": "a"});
    assert_eq!(status["functions"][0]["targets"], json!([target]));
    assert!(world.calls()[before..].iter().all(|call| matches!(call.op, Op::ReadLedger | Op::ListLedger)));
    let (error_type, message) = world.command_error(json!({"command": "status", "environment": "prd"})).await;
    assert_eq!(
        (error_type.as_str(), message.as_str()),
        ("InvalidCommand", "deployer.json has no environment prd (it has dev)")
    );
    let (_, message) = world.command_error(json!({"command": "status", "environment": "dve"})).await;
    assert_eq!(message, "deployer.json has no environment dve (it has dev); did you mean dev?");
}

#[tokio::test(start_paused = true)]
async fn plan_names_the_steps_and_changes_nothing() {
    let world = World::with_orders();
    deploy_all(&world, &["a"]).await;
    let secret = with_manifest("b", "memory_size = 512\n[environment.variables]\nTOKEN = \"secret\"");
    world.put("dev/orders/b.zip", secret);
    let before = world.snapshot();
    let plan = world.command(command("plan", &json!({"release": "b"}))).await;
    let steps: Vec<&str> =
        plan["targets"][0]["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["update configuration", "update code", "move alias"]);
    assert_eq!((&plan["unchanged"], &plan["release"]), (&json!(false), &json!("b")));
    let changes = plan["targets"][0]["changes"].as_array().unwrap();
    assert!(
        changes.contains(&json!({"field": "environment.variables.TOKEN", "from": null, "to": "***"})),
        "{changes:?}"
    );
    assert!(!plan.to_string().contains("secret"));
    let live = world.command(command("plan", &json!({}))).await;
    assert_eq!((&live["unchanged"], &live["release"]), (&json!(true), &json!("a")));
    let none = world.command(command("plan", &json!({"release": "z"}))).await;
    assert_eq!((&none["refused"]["code"], &none["unchanged"]), (&json!("ArtifactGone"), &json!(false)));
    assert_eq!(world.snapshot(), before);
}

#[tokio::test(start_paused = true)]
async fn promotion_without_rules_is_refused_clearly() {
    let world = World::with_orders();
    let promote = json!({"command": "promote", "function": "orders", "from": "dev", "to": "dev"});
    assert_eq!(world.command_error(promote).await.0, "InvalidCommand");
}
