//! A command that ends a promotion which waits says which one, and what that waited for.

use std::time::Duration;

use deployer_core::record::{Code, DeploymentRecord, EndedWaiting, Status};
use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::orders::deploy_all;
use world::zips::code;
use world::{DEV, Op, World};

use super::{by_hand, promote, with};

/// Returns a world in which a promotion of 1.1.0 to prod waits for an approval.
async fn waiting() -> (World, DeploymentRecord) {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    deploy_all(&world, &["1.1.0"]).await;
    let record = world.command_record(promote()).await;
    assert_eq!((record.status, &record.ended_waiting), (Status::Pending, &vec![]));
    world.pass(Duration::from_secs(2)).await;
    (world, record)
}

fn in_prod(command: &str, more: &Value) -> Value {
    with(json!({"command": command, "environment": "prod", "function": "orders", "requested_by": "ann"}), more)
}

fn of_release(command: &str) -> Value {
    json!({"command": command, "function": "orders", "release": "1.1.0", "reason": "leaks", "id": "c1"})
}

fn ended(record: &DeploymentRecord) -> Value {
    json!([{"environment": "prod", "deployment": record.id, "release": "1.1.0", "from": "dev",
        "waited": "for an approval"}])
}

/// Sends a command twice under one id: only the first answer names the promotion, for only that has ended it.
async fn names_it_once(command: Value) {
    let (world, record) = waiting().await;
    let answer = world.command(command.clone()).await;
    assert_eq!(answer["ended_waiting"], ended(&record), "{answer:#}");
    assert_eq!(world.newest_in("prod").await.status, Status::Refused);
    let before = world.snapshot();
    let again = world.command(command).await;
    assert_eq!((again.get("ended_waiting"), world.snapshot()), (None, before));
}

#[tokio::test(start_paused = true)]
async fn hold_names_the_promotion_that_it_ends() {
    names_it_once(in_prod("hold", &json!({"reason": "audit", "id": "h1"}))).await;
}

#[tokio::test(start_paused = true)]
async fn reject_names_the_promotion_that_it_ends() {
    names_it_once(of_release("reject")).await;
}

#[tokio::test(start_paused = true)]
async fn recall_names_the_promotion_that_it_ends() {
    names_it_once(of_release("recall")).await;
}

#[tokio::test(start_paused = true)]
async fn hold_and_its_release_tell_the_ways_of_the_environment() {
    let (world, _) = waiting().await;
    for (environment, uploads) in [("dev", true), ("prod", false)] {
        let ways = json!({"uploads": uploads, "promotions": !uploads, "promoted_from": uploads});
        for command in ["hold", "release-hold"] {
            let answer = in_prod(command, &json!({"environment": environment}));
            let reason = if command == "hold" { json!({"reason": "audit"}) } else { json!({}) };
            assert_eq!(world.command(with(answer, &reason)).await["ways"], ways, "{command} in {environment}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn hold_whose_write_lost_its_reply_names_what_it_ended() {
    let (world, record) = waiting().await;
    world.on(Op::WriteLedger).about("heads/prod/orders.json").twice();
    let answer = world.command(in_prod("hold", &json!({"reason": "audit", "id": "h1"}))).await;
    assert_eq!(answer["ended_waiting"], ended(&record), "{answer:#}");
}

#[tokio::test(start_paused = true)]
async fn repeated_reject_names_what_only_it_could_end() {
    for command in ["reject", "recall"] {
        let (world, record) = waiting().await;
        world.on(Op::WriteLedger).about("heads/prod/orders.json").fail(CallErrorKind::Denied);
        let answer = world.command(of_release(command)).await;
        world.heal();
        assert_eq!(answer.get("ended_waiting"), None, "{answer:#}");
        let again = world.command(of_release(command)).await;
        assert_eq!(again["ended_waiting"], ended(&record), "{again:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn deployment_under_way_and_one_that_was_declined_are_not_named() {
    let (world, _) = waiting().await;
    world.command(in_prod("decline", &json!({"requested_by": "bob", "reason": "not today"}))).await;
    let answer = world.command(in_prod("hold", &json!({"reason": "audit", "id": "h1"}))).await;
    assert_eq!(answer.get("ended_waiting"), None, "{answer:#}");
    // The reject stops a deployment in dev, whose record says that it was rejected.
    world.aws(|aws| aws.at(DEV).settling.time = Duration::from_secs(20));
    let reject = json!({"command": "reject", "function": "orders", "release": "1.2.0", "reason": "bad", "id": "x"});
    let upload = world.put("dev/orders/1.2.0.zip", code("1.2.0"));
    let rejected = async {
        world.pass(Duration::from_millis(150)).await;
        world.command(reject.clone()).await
    };
    let (record, answer) = tokio::join!(world.deliver(&upload), rejected);
    assert_eq!(world::recorded(record.unwrap()).code, Some(Code::Rejected));
    for answer in [answer, world.command(reject.clone()).await] {
        assert_eq!(answer.get("ended_waiting"), None, "{answer:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn command_that_ends_nothing_names_nothing() {
    let (world, _) = waiting().await;
    let hold = in_prod("hold", &json!({"reason": "audit", "id": "h1"}));
    world.command(hold.clone()).await;
    let refused = world.command_record(promote()).await;
    assert_eq!(refused.status, Status::Refused);
    world.pass(Duration::from_secs(2)).await;
    for command in [
        in_prod("hold", &json!({"reason": "another audit", "id": "h2"})),
        in_prod("release-hold", &json!({})),
        in_prod("release-hold", &json!({"id": "h3"})),
    ] {
        if command["id"] == "h3" {
            world.command(in_prod("hold", &json!({"reason": "once more"}))).await;
        }
        let answer = world.command(command).await;
        assert_eq!(answer.get("ended_waiting"), None, "{answer:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn newer_promotion_names_the_one_that_it_ends_to_its_end() {
    let (world, first) = waiting().await;
    deploy_all(&world, &["1.2.0"]).await;
    let second = world.command_record(promote()).await;
    let is_first = |ended: &[EndedWaiting]| ended.iter().map(|one| one.deployment).collect::<Vec<_>>() == [first.id];
    assert!(second.status == Status::Pending && is_first(&second.ended_waiting), "{second:?}");
    let done = world.command_record(in_prod("approve", &json!({"requested_by": "bob"}))).await;
    assert!(done.status == Status::Succeeded && is_first(&done.ended_waiting), "{done:?}");
    let event = world.aws(|aws| aws.events.last().unwrap().detail.clone());
    assert_eq!(event["ended_waiting"], ended(&first));
    let history = world.command(in_prod("history", &json!({}))).await;
    assert_eq!(history["deployments"][0]["ended_waiting"], ended(&first), "{history:#}");
}

#[tokio::test(start_paused = true)]
async fn rollback_names_the_promotion_that_it_ends() {
    let (world, first) = waiting().await;
    world.command_record(in_prod("approve", &json!({"requested_by": "bob"}))).await;
    deploy_all(&world, &["1.2.0"]).await;
    world.command_record(promote()).await;
    world.command_record(in_prod("approve", &json!({"requested_by": "bob"}))).await;
    deploy_all(&world, &["1.3.0"]).await;
    let second = world.command_record(promote()).await;
    assert_eq!(second.status, Status::Pending);
    world.pass(Duration::from_secs(2)).await;
    let back = world.command_record(in_prod("rollback", &json!({}))).await;
    assert_eq!(back.status, Status::Succeeded, "{back:?}");
    let [ended] = &back.ended_waiting[..] else { panic!("{back:?}") };
    assert_eq!((ended.deployment, &*ended.waited), (second.id, "for an approval"));
    assert_ne!(second.id, first.id);
}

/// Sends a command twice in other words: the second answer names what it has replaced, and the same again nothing.
async fn names_what_it_replaces(command: impl Fn(&str, &str) -> Value, field: &str) {
    let (world, _) = waiting().await;
    let first = world.command(command("bob", "INC-50 do not touch")).await;
    assert_eq!(first.get(field), None, "{first:#}");
    world.pass(Duration::from_secs(60)).await;
    let second = world.command(command("ada", "typo")).await;
    let told = |name: &str| second[field][name].as_str().unwrap_or_default().to_owned();
    assert_eq!((told("requested_by"), told("reason")), ("bob".into(), "INC-50 do not touch".into()), "{second:#}");
    let again = world.command(command("ada", "typo")).await;
    assert_eq!(again.get(field), None, "{again:#}");
}

#[tokio::test(start_paused = true)]
async fn second_hold_names_the_one_that_it_replaces() {
    let hold = |by: &str, reason: &str| in_prod("hold", &json!({"reason": reason, "requested_by": by, "id": by}));
    names_what_it_replaces(hold, "replaced_hold").await;
}

#[tokio::test(start_paused = true)]
async fn second_reject_names_the_one_that_it_replaces() {
    let reject =
        |by: &str, reason: &str| with(of_release("reject"), &json!({"reason": reason, "requested_by": by, "id": by}));
    names_what_it_replaces(reject, "replaced_reject").await;
}

#[tokio::test(start_paused = true)]
async fn second_recall_names_the_reject_that_it_replaces() {
    let recall =
        |by: &str, reason: &str| with(of_release("recall"), &json!({"reason": reason, "requested_by": by, "id": by}));
    names_what_it_replaces(recall, "replaced_reject").await;
}

#[tokio::test(start_paused = true)]
async fn recall_without_a_reason_keeps_that_of_the_reject_and_replaces_nothing() {
    let (world, _) = waiting().await;
    world.command(of_release("reject")).await;
    let recall = json!({"command": "recall", "function": "orders", "release": "1.1.0", "id": "c2"});
    let answer = world.command(recall).await;
    assert_eq!(answer.get("replaced_reject"), None, "{answer:#}");
}

#[tokio::test(start_paused = true)]
async fn reject_whose_reply_was_lost_names_the_one_that_it_replaces() {
    let (world, _) = waiting().await;
    world.command(of_release("reject")).await;
    world.on(Op::WriteLedger).about("rejects/orders.json").twice();
    let second = with(of_release("reject"), &json!({"reason": "typo", "id": "c2"}));
    let second = world.command(second).await;
    assert_eq!(second["replaced_reject"]["reason"], "leaks", "{second:#}");
}
