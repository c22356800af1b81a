//! Commands by hand in bad circumstances: new targets, mistyped releases, lost answers, broken heads.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::time::Duration;

use deployer_core::record::{Code, DeploymentRecord, Status};
use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::orders::{OTHER, command, deploy_all, rollback, served, served_in};
use world::zips::code;
use world::{CallPhase, DEV, Op, Outcome, Trigger, World, recorded};

/// Returns a world with `orders` in two accounts whose head is as if the second account had come after these releases.
async fn with_a_new_target(releases: &[&str]) -> World {
    let world = World::with_orders_in_two();
    deploy_all(&world, releases).await;
    let mut head = world.head("dev", "orders");
    let place = format!("{OTHER}/eu-west-1");
    for live in head["history"].as_array_mut().unwrap() {
        live["versions"].as_object_mut().unwrap().remove(&place);
    }
    head["targets"].as_array_mut().unwrap().retain(|target| target["account"] != OTHER);
    world.aws(|aws| aws.ledger.put("heads/dev/orders.json", head.to_string().into_bytes()));
    world
}

#[tokio::test(start_paused = true)]
async fn target_added_later_gets_the_rollback_from_the_artifact() {
    let world = with_a_new_target(&["a", "b"]).await;
    world.pass(Duration::from_secs(1)).await;
    let to = world.command_record(command("rollback", &json!({"to": "a"}))).await;
    assert_eq!(to.status, Status::Succeeded, "{to:?}");
    assert_eq!((served_in(&world, DEV).as_str(), served_in(&world, OTHER).as_str()), ("a", "a"));
}

#[tokio::test(start_paused = true)]
async fn target_added_later_fails_alone_without_the_artifact() {
    let world = with_a_new_target(&["a", "b"]).await;
    world.aws(|aws| aws.artifacts.delete("dev/orders/a.zip", "v1"));
    world.pass(Duration::from_secs(1)).await;
    let to = world.command_record(command("rollback", &json!({"to": "a"}))).await;
    assert_eq!(
        (to.status, to.targets[0].status, to.targets[1].status),
        (Status::Failed, Status::Succeeded, Status::Failed)
    );
    let because = to.because.unwrap();
    assert!(because.ends_with("; another rollback, or a redeploy, completes this one"), "{because}");
}

#[tokio::test(start_paused = true)]
async fn command_that_leads_nowhere_displaces_nothing() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    world.aws(|aws| aws.at(DEV).settling.time = Duration::from_secs(20));
    let first = world.put("dev/orders/c.zip", code("c"));
    let then = async {
        world.pass(Duration::from_secs(3)).await;
        let waits = world.record("dev/orders/d.zip", code("d")).await;
        assert_eq!(waits.status, Status::Pending);
        world.pass(Duration::from_secs(1)).await;
        let typo = world.command_record(command("rollback", &json!({"to": "1.4.l"}))).await;
        assert_eq!((typo.status, typo.code), (Status::Refused, Some(Code::NothingToRollBack)));
        let typo = world.command_record(command("deploy", &json!({"release": "1.4.l"}))).await;
        assert_eq!((typo.status, typo.code), (Status::Refused, Some(Code::ArtifactGone)));
    };
    let (first, ()) = tokio::join!(world.deliver(&first), then);
    assert_eq!(recorded(first.unwrap()).status, Status::Succeeded, "nobody has asked it to stop");
    world.tick().await;
    assert_eq!(served_in(&world, DEV), "d", "what waited has had its turn");
}

#[tokio::test(start_paused = true)]
async fn upload_from_before_a_mistyped_command_is_deployed() {
    let world = World::with_orders();
    deploy_all(&world, &["a"]).await;
    let upload = world.put("dev/orders/b.zip", code("b"));
    world.pass(Duration::from_secs(5)).await;
    for typo in [command("deploy", &json!({"release": "z"})), command("rollback", &json!({"to": "z"}))] {
        assert_eq!(world.command_record(typo).await.status, Status::Refused);
    }
    assert_eq!(recorded(world.deliver(&upload).await.unwrap()).status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn accepted_command_is_answered_with_its_progress_despite_errors() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    world.pass(Duration::from_secs(1)).await;
    world.on(Op::AssumeRole).always().fail(CallErrorKind::Throttled);
    let work = Trigger::Command(command("rollback", &json!({"id": "r"})));
    let run = world.invocation().within(Duration::from_secs(120)).run(&work);
    let Outcome::Answered(answer) = run.await.outcome else { panic!("no answer") };
    assert_eq!(answer["status"], "in_progress", "{answer:#}");
    world.heal();
    world.leases_run_out().await;
    world.invocation().run(&Trigger::Sweep).await;
    world.tick().await;
    let record = world.command_record(command("rollback", &json!({"id": "r"}))).await;
    assert_eq!((record.status, served_in(&world, DEV).as_str()), (Status::Succeeded, "a"), "{record:?}");
}

#[tokio::test(start_paused = true)]
async fn untouched_upload_is_refused_by_a_later_hold() {
    let world = World::with_orders();
    let upload = world.put("dev/orders/a.zip", code("a"));
    world.on(Op::ReadTail).break_after(0);
    assert!(world.deliver(&upload).await.is_err(), "S3 was away");
    world.heal();
    world.command(command("hold", &json!({"reason": "stop"}))).await;
    world.leases_run_out().await;
    let held = recorded(world.deliver(&upload).await.unwrap());
    assert_eq!((held.status, held.code), (Status::Refused, Some(Code::Held)));
    assert!(world.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn rollback_never_leads_to_the_live_release() {
    let world = World::with_orders();
    deploy_all(&world, &["z", "a", "b"]).await;
    world.pass(Duration::from_secs(1)).await;
    let again = world.command_record(command("deploy", &json!({"release": "a"}))).await;
    assert_eq!(again.status, Status::Succeeded);
    let reject = json!({"command": "reject", "function": "orders", "release": "b", "reason": "bad"});
    world.command(reject).await;
    let back = rollback(&world).await;
    assert_eq!((back.status, served_in(&world, DEV).as_str()), (Status::Succeeded, "z"), "{back:?}");
}

#[tokio::test(start_paused = true)]
async fn unresponsive_account_does_not_delay_rollback_of_the_others() {
    let world = World::with_orders_in_two();
    deploy_all(&world, &["a", "b"]).await;
    world.pass(Duration::from_secs(1)).await;
    let began = world.elapsed();
    world.latency(|call| match call.place.starts_with(OTHER) {
        true => Duration::from_secs(40),
        false => Duration::from_millis(20),
    });
    let moved = async {
        while served_in(&world, DEV) != "a" {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        world.elapsed() - began
    };
    let back = world.command_record(command("rollback", &json!({})));
    let (_, moved) = tokio::join!(back, moved);
    assert!(moved < Duration::from_secs(10), "{moved:?}");
}

#[tokio::test(start_paused = true)]
async fn unreadable_head_hides_no_other_function() {
    let world = World::with_orders();
    deploy_all(&world, &["a"]).await;
    world.aws(|aws| aws.ledger.put("heads/dev/broken.json", b"{".to_vec()));
    let status = world.command(json!({"command": "status"})).await;
    assert_eq!(status["functions"].as_array().unwrap().len(), 1);
    assert!(status["unreadable"][0].as_str().unwrap().starts_with("heads/dev/broken.json in the ledger bucket"));
    let (error_type, _) =
        world.command_error(json!({"command": "status", "environment": "dev", "function": "broken"})).await;
    assert_eq!(error_type, "LedgerUnavailable");
}

#[tokio::test(start_paused = true)]
async fn command_id_names_one_command() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    for release in ["a", "b"] {
        let reject =
            json!({"command": "reject", "function": "orders", "release": release, "reason": "bad", "id": "INC-8"});
        world.command(reject).await;
    }
    let status = world.command(json!({"command": "status", "function": "orders"})).await;
    assert_eq!(status["functions"][0]["rejects"].as_array().unwrap().len(), 2);
    world.command_record(command("redeploy", &json!({"id": "INC-9"}))).await;
    let (error_type, message) = world.command_error(command("rollback", &json!({"id": "INC-9"}))).await;
    assert_eq!(error_type, "InvalidCommand");
    assert!(message.starts_with("id \"INC-9\" was another command's before (a redeploy"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn id_of_a_released_hold_is_refused() {
    let world = World::with_orders();
    deploy_all(&world, &["a"]).await;
    let hold = |id: &str| command("hold", &json!({"reason": "stop", "id": id}));
    let release = |id: &str| command("release-hold", &json!({"id": id}));
    let reason = |status: &Value| status["functions"][0]["hold"]["reason"].clone();
    for _ in 0..2 {
        assert_eq!(reason(&world.command(hold("INC-7")).await), "stop", "the same again answers as before");
    }
    assert_reused(&world, release("INC-7"), "INC-7").await;
    for _ in 0..2 {
        assert_eq!(reason(&world.command(release("free")).await), Value::Null);
    }
    assert_reused(&world, hold("INC-7"), "INC-7").await;
    assert_eq!(reason(&world.command(hold("INC-8")).await), "stop");
    assert_reused(&world, release("free"), "free").await;
    assert_eq!(reason(&world.command(json!({"command": "status"})).await), "stop");
}

#[tokio::test(start_paused = true)]
async fn id_of_an_ended_reject_is_refused() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    let reject =
        |id: &str| json!({"command": "reject", "function": "orders", "release": "b", "reason": "bad", "id": id});
    let unreject = |id: &str| json!({"command": "unreject", "function": "orders", "release": "b", "id": id});
    for _ in 0..2 {
        assert_eq!(world.command(reject("INC-7")).await["functions"][0]["rejected"], true);
    }
    assert_reused(&world, unreject("INC-7"), "INC-7").await;
    for _ in 0..2 {
        assert_eq!(world.command(unreject("good")).await["functions"][0]["rejected"], false);
    }
    assert_reused(&world, reject("INC-7"), "INC-7").await;
    assert_eq!(world.command(reject("INC-8")).await["functions"][0]["rejected"], true);
    assert_reused(&world, unreject("good"), "good").await;
    assert_eq!(world.command(json!({"command": "status"})).await["functions"][0]["rejected"], true);
}

#[tokio::test(start_paused = true)]
async fn repeated_recall_that_was_undone_begins_nothing() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    let recall = json!({"command": "recall", "function": "orders", "release": "b", "reason": "bad", "id": "r"});
    let rejects = |verb: &str, id: &str| json!({"command": verb, "function": "orders", "release": "b", "reason": "bad", "id": id});
    world.command(recall.clone()).await;
    assert_eq!(served(&world), "a");
    world.command(json!({"command": "unreject", "function": "orders", "release": "b", "id": "good"})).await;
    world.pass(Duration::from_secs(1)).await;
    let back = json!({"command": "rollback", "environment": "dev", "function": "orders", "to": "b", "id": "forth"});
    assert_eq!(world.command_record(back).await.status, Status::Succeeded);
    world.command(rejects("reject", "other")).await;
    let before = world.head("dev", "orders");
    world.command(recall).await;
    assert_eq!((served(&world).as_str(), world.head("dev", "orders")), ("b", before));
}

#[tokio::test(start_paused = true)]
async fn failing_sweep_names_the_functions_that_failed() {
    let sweep = json!({"command": "sweep"});
    let world = World::with_orders_in_two();
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    assert!(matches!(world.invocation().dies_at(8, CallPhase::After).upload(&upload).await.outcome, Outcome::Died));
    world.leases_run_out().await;
    world.on(Op::SendMessage).always().fail(CallErrorKind::Denied);
    let (error_type, message) = world.command_error(sweep.clone()).await;
    assert_eq!(error_type, "Internal", "{message}");
    let because = "1 of 1 functions with work open could not be swept (dev/orders: the queue is unavailable: ";
    assert!(message.starts_with(because), "{message}");
    // A second function has a broken head, so not every failure is the ledger's.
    world.aws(|aws| aws.ledger.put("open/dev/broken/01JBJ4GZ00ABCDEFGH0123456J", b"x".to_vec()));
    world.aws(|aws| aws.ledger.put("heads/dev/broken.json", b"{".to_vec()));
    let (error_type, message) = world.command_error(sweep.clone()).await;
    assert_eq!(error_type, "Internal", "{message}");
    assert!(
        message.starts_with("2 of 2 functions") && message.contains("dev/broken: the ledger is unavailable: "),
        "{message}"
    );
    world.heal();
    let (error_type, message) = world.command_error(sweep.clone()).await;
    assert_eq!(error_type, "LedgerUnavailable", "{message}");
    assert!(message.starts_with("1 of 2 functions with work open could not be swept (dev/broken: "), "{message}");
    world.tick().await;
    assert_eq!(served(&world), "1.1.0", "the broken head does not stop the other function");
}

#[tokio::test(start_paused = true)]
async fn sweep_of_a_removed_environment_names_the_configuration_and_clears_what_guards_nothing() {
    let world = World::with_orders();
    world.on(Op::UpdateFunctionCode).always().fail(CallErrorKind::Throttled);
    world.record("dev/orders/a.zip", code("a")).await;
    world.aws(|aws| aws.ledger.put("open/gone/orders/01JBJ4GZ00ABCDEFGH0123456J", b"x".to_vec()));
    world.remove_environment("dev");
    let (error_type, message) = world.command_error(json!({"command": "sweep"})).await;
    assert_eq!(error_type, "InvalidConfig", "{message}");
    assert!(message.contains("dev/orders: ") && message.contains("deployer.json"), "{message}");
    assert!(!message.contains("gone/orders"), "{message}");
    assert!(world.aws(|aws| aws.ledger.keys("open/gone/").next().is_none()));
}

async fn assert_reused(world: &World, order: Value, id: &str) {
    let refused = world.command_error(order).await;
    let because = format!("id {id:?} was another command's before: give each command an id of its own");
    assert_eq!((refused.0.as_str(), refused.1), ("InvalidCommand", because));
}

/// One id for an incident is a natural habit. The rollbacks of the first recall are known by it.
#[tokio::test(start_paused = true)]
async fn recall_under_the_id_of_the_recall_of_another_release_is_refused() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    let recall = |release: &str| json!({"command": "recall", "function": "orders", "release": release, "reason": "leaks", "id": "INC-42"});
    world.command(recall("b")).await;
    assert_eq!(served_in(&world, DEV), "a");
    deploy_all(&world, &["c"]).await;
    assert_reused(&world, recall("c"), "INC-42").await;
    let mut known = recall("c");
    known["only_if_known"] = true.into();
    assert_reused(&world, known, "INC-42").await;
    assert_eq!(served_in(&world, DEV), "c");
    let own = json!({"command": "recall", "function": "orders", "release": "c", "reason": "leaks", "id": "INC-43"});
    world.command(own).await;
    assert_eq!(served_in(&world, DEV), "a");
    let again = world.command(recall("b")).await;
    assert_eq!(again["environments"][0]["deployment"]["status"], json!("succeeded"), "{again:#}");
}

#[tokio::test(start_paused = true)]
async fn same_reject_of_a_release_that_nobody_knows_any_more_is_answered_again() {
    let world = World::with_orders();
    deploy_all(&world, &["a"]).await;
    let reject =
        |id: &str| json!({"command": "reject", "function": "orders", "release": "a", "reason": "leaks", "id": id});
    world.command(reject("once")).await;
    world.aws(|aws| {
        let keys: Vec<String> = aws.ledger.keys("").map(str::to_owned).collect();
        keys.iter().filter(|key| !key.starts_with("rejects/")).for_each(|key| aws.ledger.delete(key));
    });
    world.command(reject("once")).await;
    let (error_type, message) = world.command_error(reject("another")).await;
    assert!(matches!(error_type.as_str(), "UnknownFunction" | "UnknownRelease"), "{error_type}: {message}");
}

#[tokio::test(start_paused = true)]
async fn rollback_that_publishes_again_survives_a_crash() {
    for call in 12..40 {
        let world = World::with_orders();
        deploy_all(&world, &["a", "b"]).await;
        world.change_function(DEV, "orders", |orders| {
            orders.versions.remove(&2);
            orders
        });
        let order = command("rollback", &json!({"id": "r"}));
        let run = world.invocation().dies_at(call, CallPhase::After).run(&Trigger::Command(order.clone())).await;
        if matches!(run.outcome, Outcome::Answered(_)) {
            return;
        }
        world.leases_run_out().await;
        world.invocation().run(&Trigger::Sweep).await;
        world.tick().await;
        let record = world.command_record(order).await;
        assert_eq!((record.status, served_in(&world, DEV).as_str()), (Status::Succeeded, "a"), "died at {call}");
    }
    panic!("it never ends");
}

#[tokio::test(start_paused = true)]
async fn waiting_redeploy_is_joined_by_the_next_one() {
    let world = World::with_orders();
    deploy_all(&world, &["a"]).await;
    world.aws(|aws| aws.at(DEV).settling.time = Duration::from_secs(20));
    let upload = world.put("dev/orders/b.zip", code("b"));
    let order = |id: &str| command("redeploy", &json!({ "id": id }));
    let asked = async {
        world.pass(Duration::from_secs(3)).await;
        (world.command_record(order("1")).await, world.command_record(order("2")).await)
    };
    let (_, (first, second)) = tokio::join!(world.deliver(&upload), asked);
    assert_eq!((first.status, &second), (Status::Pending, &first));
    world.tick().await;
    let ended = world.command_record(order("1")).await;
    assert_eq!((ended.status, served(&world).as_str()), (Status::Superseded, "b"), "b was rolled out after it");
    assert_eq!(world.command_record(order("2")).await, ended);
    world.markers_are_cleared().await;
}

/// A rollback undoes c, which has reached the second account, and its destination is rejected before its turn comes.
async fn base_is_rejected(reached: bool) -> (World, DeploymentRecord) {
    let world = World::with_orders_in_two();
    deploy_all(&world, &["a", "b"]).await;
    world.pass(Duration::from_secs(1)).await;
    world.aws(|aws| aws.at(DEV).settling.time = Duration::from_secs(20));
    if !reached {
        world.aws(|aws| aws.at(OTHER).settling.time = Duration::from_secs(20));
    }
    let upload = world.put("dev/orders/c.zip", code("c"));
    let back = command("rollback", &json!({"id": "r"}));
    let asked = async {
        world.pass(Duration::from_secs(3)).await;
        assert_eq!(world.command_record(back.clone()).await.status, Status::Pending);
        world.command(json!({"command": "reject", "function": "orders", "release": "b", "reason": "it leaks"})).await;
    };
    let (stopped, ()) = tokio::join!(world.deliver(&upload), asked);
    assert_eq!(recorded(stopped.unwrap()).status, Status::Superseded);
    world.tick().await;
    let record = world.command_record(back).await;
    (world, record)
}

#[tokio::test(start_paused = true)]
async fn live_release_rejected_before_a_waiting_rollback_stays_live() {
    let (world, record) = base_is_rejected(false).await;
    assert_eq!((record.status, record.release.as_ref().map(|r| r.as_str())), (Status::Unchanged, Some("b")));
    assert_eq!([served_in(&world, DEV), served_in(&world, OTHER)], ["b", "b"]);
    let status = world.command(command("status", &json!({}))).await;
    assert_eq!(
        (&status["functions"][0]["live"]["release"], &status["functions"][0]["rejected"]),
        (&json!("b"), &json!(true))
    );
}

#[tokio::test(start_paused = true)]
async fn destination_rejected_before_a_waiting_rollback_gets_no_alias() {
    let (world, record) = base_is_rejected(true).await;
    assert_eq!((record.status, record.code), (Status::Refused, Some(Code::Rejected)), "{record:?}");
    assert_eq!([served_in(&world, DEV), served_in(&world, OTHER)], ["b", "c"]);
    let next = rollback(&world).await;
    assert_eq!((next.status, next.release.as_ref().map(|r| r.as_str())), (Status::Succeeded, Some("a")), "{next:?}");
    assert_eq!([served_in(&world, DEV), served_in(&world, OTHER)], ["a", "a"]);
}
