//! Promotions that need approvals.

use std::time::Duration;

use deployer_core::record::{Code, DeploymentRecord, Status};
use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::orders::deploy_all;
use world::promotions::{PROD, event};
use world::zips::code;
use world::{Op, UpdateOutcome, World, ignored, recorded};

use super::{by_hand, end, promote, to_prod, with};

async fn waiting(approval: &Value) -> (World, DeploymentRecord) {
    let world = by_hand(&json!({ "approval": approval }));
    deploy_all(&world, &["1.1.0"]).await;
    let record = world.request_promotion("e1", &to_prod()).await;
    assert_eq!((record.status, record.code), (Status::Pending, Some(Code::Waiting)));
    assert_eq!(world.sent_events().last().unwrap(), "Promotion Waiting prod/orders 1.1.0 pending");
    (world, record)
}

fn approve(by: &str) -> Value {
    json!({"command": "approve", "environment": "prod", "function": "orders", "requested_by": by})
}

#[tokio::test(start_paused = true)]
async fn promotion_waits_for_another_persons_approval() {
    let (world, record) = waiting(&json!({"required": 1})).await;
    world.sweep_minutes(5).await;
    assert_eq!(world.served_releases()[2], "1.0.0");
    let status = world.command(json!({"command": "status"})).await;
    assert_eq!(status["approved_by_name"], json!(["prod"]), "a program may judge an approval by its name");
    // A name that differs only by invisible characters is the same person.
    for own in ["ann", "a\u{200b}nn", " ann\u{202c}"] {
        let (error, because) = world.command_error(approve(own)).await;
        assert_eq!(
            (error.as_str(), because.as_str()),
            ("Refused", "ann has asked for this promotion, and somebody else must approve it")
        );
    }
    let (_, nobody) = world.command_error(approve("\u{200b}")).await;
    assert!(nobody.contains("requested_by must not be empty"), "{nobody}");
    let (_, nobody) =
        world.command_error(json!({"command": "approve", "environment": "prod", "function": "orders"})).await;
    assert!(nobody.starts_with("requested_by is missing"), "{nobody}");
    let done = world.command_record(approve("bob")).await;
    assert_eq!((done.id, done.status), (record.id, Status::Succeeded));
    let promotion = done.promotion.unwrap();
    assert_eq!(promotion.approvals.iter().map(|a| a.by.as_str()).collect::<Vec<_>>(), ["bob"]);
    assert_eq!(world.served_releases()[2], "1.1.0");
    let status = world.command(json!({"command": "status", "environment": "prod", "function": "orders"})).await;
    assert_eq!(status["functions"][0]["live"]["approved_by"], json!(["bob"]), "{status:#}");
    let (_, late) = world.command_error(approve("carl")).await;
    assert_eq!(late, "no promotion of orders waits in prod");
}

#[tokio::test(start_paused = true)]
async fn code_promoted_under_another_name_keeps_its_own_approvals() {
    let (world, first) = waiting(&json!({"required": 1})).await;
    world.command_record(approve("bob")).await;
    world.record("dev/orders/1.1.0-again.zip", code("1.1.0")).await;
    let again = world.request_promotion("e2", &to_prod()).await;
    assert_eq!(again.status, Status::Unchanged, "code that is live already takes no approval: {again:?}");
    let status = world.command(json!({"command": "status", "environment": "prod", "function": "orders"})).await;
    let live = &status["functions"][0]["live"];
    assert_eq!((&live["deployment"], &live["approved_by"]), (&json!(first.id), &json!(["bob"])), "{live:#}");
    let renamed = (&live["renamed"]["deployment"], live.get("renamed_approved_by"));
    assert_eq!(renamed, (&json!(again.id), None), "{live:#}");
}

#[tokio::test(start_paused = true)]
async fn rejected_release_that_waits_is_marked_until_the_next_sweep() {
    let (world, _) = waiting(&json!({"required": 1})).await;
    let reject = json!({"command": "reject", "function": "orders", "release": "1.1.0", "reason": "leaks"});
    // The reject itself could not end it.
    world.on(Op::WriteLedger).about("heads/prod/orders.json").fail(CallErrorKind::Denied);
    let status = world.command(reject).await;
    world.heal();
    assert_eq!(status.get("ended_waiting"), None, "{status:#}");
    let prod = status["functions"].as_array().unwrap().iter().find(|one| one["environment"] == "prod").unwrap();
    assert_eq!(prod["waiting"][0]["rejected"], true, "{status:#}");
    assert_eq!(prod["behind"][0]["rejected"], true, "{status:#}");
    world.sweep_minutes(2).await;
    let status = world.command(json!({"command": "status", "environment": "prod", "function": "orders"})).await;
    assert_eq!(status["functions"][0].get("waiting"), None, "{status:#}");
}

#[tokio::test(start_paused = true)]
async fn repeated_approval_events_of_one_person_count_once() {
    let (world, record) = waiting(&json!({"required": 2})).await;
    let word = |by: &str| {
        let detail = json!({"environment": "prod", "function": "orders", "deployment": record.id, "approved_by": by});
        event("Promotion Approved", &format!("a-{by}"), world.now(), &detail)
    };
    for bob in ["bob", "bob", "b\u{2060}ob", "bob\u{fe0f}"] {
        let still = recorded(world.send_event(&word(bob)).await);
        assert_eq!(still.status, Status::Pending, "{still:?}");
    }
    let by_account = json!({"environment": "prod", "function": "orders", "deployment": record.id});
    let still = recorded(world.send_event(&event("Promotion Approved", "b", world.now(), &by_account)).await);
    assert_eq!(still.status, Status::Pending, "the account of somebody who was named is nobody else");
    let done = recorded(world.send_event(&word("carl")).await);
    assert_eq!(done.status, Status::Succeeded);
    let by: Vec<_> =
        done.promotion.unwrap().approvals.into_iter().map(|a| (a.by.to_string(), a.account.unwrap())).collect();
    let account = || "999999999999".to_owned();
    assert_eq!(by, [("bob".to_owned(), account()), ("carl".to_owned(), account())]);
    let before = world.snapshot();
    let _ = recorded(world.send_event(&word("bob")).await);
    assert_eq!(world.snapshot(), before, "a word that comes late changes nothing");
}

#[tokio::test(start_paused = true)]
async fn own_approval_and_one_of_another_deployment_do_not_count() {
    let (world, record) = waiting(&json!({"required": 1})).await;
    let own = json!({"environment": "prod", "function": "orders", "deployment": record.id, "approved_by": "ann"});
    let because = ignored(world.send_event(&event("Promotion Approved", "a", world.now(), &own)).await);
    assert!(because.contains("somebody else must approve"), "{because}");
    let other = with(own, &json!({"approved_by": "bob", "deployment": "01JD3Z9V7Q0000000000000000"}));
    let because = ignored(world.send_event(&event("Promotion Approved", "b", world.now(), &other)).await);
    assert!(because.contains("no promotion 01JD3Z9V7Q0000000000000000 of orders waits in prod"), "{because}");
    let mut replay = event("Promotion Approved", "c", world.now(), &with(other, &json!({"deployment": record.id})));
    replay["replay-name"] = json!("last-week");
    let _ = ignored(world.send_event(&replay).await);
    world.sweep_minutes(2).await;
    assert_eq!(world.served_releases()[2], "1.0.0");
}

#[tokio::test(start_paused = true)]
async fn declined_promotion_ends_with_the_reason() {
    let (world, record) = waiting(&json!({"required": 1})).await;
    let decline = json!({"command": "decline", "environment": "prod", "function": "orders", "requested_by": "bob", "reason": "not on a Friday"});
    let declined = world.command_record(decline).await;
    assert_eq!(declined.id, record.id);
    assert_eq!(end(&declined), (Status::Refused, Some(Code::NotPromotable), "declined by bob: not on a Friday"));
    assert_eq!(world.sent_events().last().unwrap(), "Promotion Refused prod/orders 1.1.0 refused");
    world.sweep_minutes(2).await;
    assert_eq!(world.served_releases()[2], "1.0.0");
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn promotion_without_approval_expires() {
    let (world, _) = waiting(&json!({"required": 1, "expires": "2h"})).await;
    world.sweep_minutes(125).await;
    let record = world.newest_in("prod").await;
    assert_eq!((record.status, record.code), (Status::Refused, Some(Code::Expired)));
    assert!(record.because.as_ref().unwrap().starts_with("waits for an approval, until "), "{record:?}");
    let (_, late) = world.command_error(approve("bob")).await;
    assert_eq!(late, "no promotion of orders waits in prod");
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn approval_covers_the_artifact_that_was_live_at_the_request() {
    let (world, _) = waiting(&json!({"required": 1})).await;
    deploy_all(&world, &["1.2.0"]).await;
    assert_eq!(world.command_record(approve("bob")).await.status, Status::Succeeded);
    assert_eq!(world.served_releases(), ["1.2.0", "1.0.0", "1.1.0"]);
}

#[tokio::test(start_paused = true)]
async fn approval_and_soak_run_together_and_second_request_joins() {
    let promotion = json!({"from": "dev", "automatic": true, "soak": "30m"});
    let world = by_hand(&json!({"promotion": promotion, "approval": {"required": 1}}));
    deploy_all(&world, &["1.1.0"]).await;
    world.tick().await;
    assert_eq!(world.command_record(approve("bob")).await.status, Status::Pending, "it soaks");
    world.sweep_minutes(32).await;
    assert_eq!(world.served_releases()[2], "1.1.0");
    deploy_all(&world, &["1.2.0"]).await;
    world.tick().await;
    world.sweep_minutes(32).await;
    let first = world.newest_in("prod").await;
    assert_eq!(first.status, Status::Pending, "the approval of 1.1.0 is none of 1.2.0");
    let second = world.command_record(promote()).await;
    assert_eq!(end(&second).0, Status::Superseded);
    assert!(second.because.unwrap().contains(&first.id.to_string()));
    assert_eq!(world.command_record(approve("carl")).await.status, Status::Succeeded);
}

/// `deployctl approve` tells by this record that the approval was not counted.
#[tokio::test(start_paused = true)]
async fn approval_of_what_only_waits_for_its_turn_is_not_in_its_record() {
    let (world, first) = waiting(&json!({"required": 1})).await;
    let slow = Duration::from_secs(600);
    world.change_function(PROD, "orders", |orders| orders.provision("live", slow, UpdateOutcome::Settles));
    world.pass(Duration::from_secs(60)).await;
    let active = world.command_record(approve("bob")).await;
    assert_eq!((active.id, active.status), (first.id, Status::InProgress));
    deploy_all(&world, &["1.2.0"]).await;
    let asked = world.command_record(promote()).await;
    let named = |by: &str| with(approve(by), &json!({"deployment": asked.id}));
    let enough = world.command_record(named("bob")).await;
    let late = world.command_record(named("carl")).await;
    for record in [enough, late] {
        assert_eq!((record.id, record.status), (asked.id, Status::Pending));
        let promotion = record.promotion.unwrap();
        assert!(!promotion.waits_for_long(), "{promotion:?}");
        assert_eq!(promotion.approvals.iter().map(|one| one.by.as_str()).collect::<Vec<_>>(), ["bob"]);
    }
}

#[tokio::test(start_paused = true)]
async fn approval_without_a_name_does_not_count() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    deploy_all(&world, &["1.1.0"]).await;
    let nameless = json!({"command": "promote", "function": "orders", "from": "dev", "to": "prod"});
    let refused = world.command_record(nameless).await;
    let because = "prod asks for approval by somebody else, so whoever asks must be named (requested_by)";
    assert_eq!(end(&refused), (Status::Refused, Some(Code::NotPromotable), because));
    let by_event = world.request_promotion("e", &json!({"function": "orders", "from": "dev", "to": "prod"})).await;
    assert_eq!(
        (by_event.status, by_event.cause.requested_by.as_deref()),
        (Status::Pending, Some("account 999999999999"))
    );
    let own = json!({"environment": "prod", "function": "orders", "deployment": by_event.id});
    let because = ignored(world.send_event(&event("Promotion Approved", "a", world.now(), &own)).await);
    assert!(because.contains("somebody else must approve"), "{because}");
}
