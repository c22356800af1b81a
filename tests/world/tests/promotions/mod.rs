//! Promotions: the very same object goes from environment to environment.
#![allow(clippy::unwrap_used, clippy::panic)]

mod approvals;
mod asked;
mod came_with;
mod complete;
mod crashes;
mod decided;
mod decision_effects;
mod ended_waiting;
mod events;
mod groups;
mod groups_at_once;
mod only_if_known;
mod planned_times;
mod recalls;
mod repeated_decisions;
mod replays;
mod rolled_back;
mod rolled_back_groups;
mod rules;
mod soaks;
mod undecided_groups;
mod unreadable_groups;
mod used_ids;
mod waiting_groups;

use deployer_core::record::{CauseKind, Code, DeploymentRecord, Status};
use deployer_core::trigger::{InboundEvent, Invocation, decode};
use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::orders::{deploy_all, release};
use world::{Op, Outcome, Trigger, World};

/// Returns a record's status, code and reason.
fn end(record: &DeploymentRecord) -> (Status, Option<Code>, &str) {
    (record.status, record.code, record.because.as_deref().unwrap_or_default())
}

/// Returns a world where `prod` is promoted to from `dev`, with these further fields.
fn by_hand(more: &Value) -> World {
    let mut prod = json!({"promotion": {"from": "dev"}});
    for (field, value) in more.as_object().into_iter().flatten() {
        prod[field] = value.clone();
    }
    World::three_environments(&json!({}), &prod)
}

fn promote() -> Value {
    json!({"command": "promote", "function": "orders", "from": "dev", "to": "prod", "requested_by": "ann"})
}

fn to_prod() -> Value {
    json!({"function": "orders", "from": "dev", "to": "prod", "requested_by": "ann"})
}

/// Returns `object` with these further fields.
fn with(mut object: Value, more: &Value) -> Value {
    for (field, value) in more.as_object().into_iter().flatten() {
        object[field] = value.clone();
    }
    object
}

#[tokio::test(start_paused = true)]
async fn upload_goes_by_itself_to_stage_and_prod() {
    let world = World::three_environments(
        &json!({"promotion": {"from": "dev", "automatic": true}}),
        &json!({"promotion": {"from": "stage", "automatic": true, "soak": "30m"}}),
    );
    deploy_all(&world, &["1.1.0"]).await;
    world.tick().await;
    assert_eq!(world.served_releases(), ["1.1.0", "1.1.0", "1.0.0"]);
    world.sweep_minutes(29).await;
    assert_eq!(world.served_releases(), ["1.1.0", "1.1.0", "1.0.0"], "it soaks");
    let waits = world.newest_in("prod").await;
    assert_eq!(
        (waits.status, waits.code, waits.cause.kind),
        (Status::Pending, Some(Code::Waiting), CauseKind::AutomaticPromotion)
    );
    world.sweep_minutes(3).await;
    assert_eq!(world.served_releases(), ["1.1.0", "1.1.0", "1.1.0"]);
    let record = world.newest_in("prod").await;
    assert_eq!((record.status, release(&record), record.id), (Status::Succeeded, "1.1.0", waits.id));
    assert_eq!(record.artifact.unwrap().key, "dev/orders/1.1.0.zip", "no bytes were moved");
    assert_eq!(
        world.sent_events(),
        [
            "Deployment Started dev/orders 1.1.0 in_progress",
            "Deployment Succeeded dev/orders 1.1.0 succeeded",
            "Deployment Started stage/orders 1.1.0 in_progress",
            "Deployment Succeeded stage/orders 1.1.0 succeeded",
            "Promotion Waiting prod/orders 1.1.0 pending",
            "Deployment Started prod/orders 1.1.0 in_progress",
            "Deployment Succeeded prod/orders 1.1.0 succeeded",
        ]
    );
    world.same_again_changes_nothing().await;
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn repeated_requests_promote_the_live_release_once() {
    let world = by_hand(&json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    let order = with(promote(), &json!({"id": "p1"}));
    let record = world.command_record(order.clone()).await;
    assert_eq!((record.status, record.cause.kind), (Status::Succeeded, CauseKind::Promotion));
    assert_eq!(record.promotion.as_ref().unwrap().from.as_str(), "dev");
    assert_eq!(world.served_releases(), ["1.1.0", "1.0.0", "1.1.0"]);
    let before = world.snapshot();
    assert_eq!(world.command_record(order).await, record);
    assert_eq!(world.snapshot(), before, "the same id again changes nothing");
    deploy_all(&world, &["1.2.0"]).await;
    let event = world.promotion_event("e1", &to_prod());
    for _ in 0..1_000 {
        let again = world::recorded(world.send_event(&event).await);
        assert_eq!((again.status, release(&again)), (Status::Succeeded, "1.2.0"));
    }
    assert_eq!(world.served_releases(), ["1.2.0", "1.0.0", "1.2.0"]);
    let queued = world.send_event(&world::payloads::queued(&event.to_string())).await;
    assert_eq!(release(&world::recorded(queued)), "1.2.0", "through the queue it is the same request");
    assert_eq!(world.function("333333333333", "orders", |f| f.versions.len()), 3, "1.0.0, 1.1.0 and 1.2.0");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn promotion_uses_the_destinations_manifest() {
    let world = by_hand(&json!({}));
    let manifest = "memory_size = 256\n[environments.prod]\nmemory_size = 1024\n";
    let zip = world::zips::with_manifest("1.1.0", manifest);
    world.record("dev/orders/1.1.0.zip", zip).await;
    assert_eq!(world.command_record(promote()).await.status, Status::Succeeded);
    let memory = |account: &str| world.function(account, "orders", |f| f.latest.settings.memory_size);
    assert_eq!((memory("111111111111"), memory("333333333333")), (256, 1024));
}

#[tokio::test(start_paused = true)]
async fn pattern_promotes_each_ready_function_and_no_other() {
    let world = by_hand(&json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    world.record("dev/workers/7.zip", world::zips::code("7")).await;
    let ready = world.command(with(promote(), &json!({"function": "*", "id": "all"}))).await;
    let functions: Vec<_> = ready["deployments"].as_array().unwrap().iter().map(|r| r["function"].clone()).collect();
    assert_eq!(functions, ["orders", "workers"]);
    world.tick().await;
    assert_eq!(world.served_releases()[2], "1.1.0");
    assert_eq!(
        world::promotions::served_code(&world, "333333333333", "workers"),
        world::promotions::served_code(&world, "111111111111", "workers")
    );
    let before = world.snapshot();
    let nothing = world.command(with(promote(), &json!({"function": "*", "id": "once more"}))).await;
    let not_ready = json!([
        {"function": "orders", "because": "prod has 1.1.0 already"},
        {"function": "workers", "because": "prod has 7 already"},
    ]);
    let all_is_there = json!({"deployments": [], "not_ready": not_ready});
    assert_eq!((nothing, world.snapshot()), (all_is_there, before));
    world.pass(std::time::Duration::from_secs(60)).await;
    deploy_all(&world, &["1.2.0"]).await;
    let again = world.command(with(promote(), &json!({"function": "*", "id": "all"}))).await;
    let releases: Vec<_> = again["deployments"].as_array().unwrap().iter().map(|r| r["release"].clone()).collect();
    assert_eq!(releases, ["1.1.0", "7"], "the same again asks for nothing that became live since");
    let other = world.command(with(promote(), &json!({"function": "workers*", "id": "all"}))).await;
    assert_eq!(other["deployments"].as_array().unwrap().len(), 1, "{other}");
    world.tick().await;
    assert_eq!(world.served_releases()[2], "1.1.0");
}

#[tokio::test(start_paused = true)]
async fn pattern_says_of_each_function_why_it_is_not_ready() {
    let world = by_hand(&json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    world.record("dev/workers/7.zip", world::zips::code("7")).await;
    let about = |command: &str, more: &Value| with(json!({"command": command, "requested_by": "bob"}), more);
    let hold = about("hold", &json!({"environment": "prod", "function": "orders", "reason": "audit", "id": "h"}));
    world.command(hold).await;
    world.command(about("reject", &json!({"function": "workers", "release": "7", "reason": "leaks", "id": "r"}))).await;
    let each = |id: &str| with(promote(), &json!({"function": "*", "id": id}));
    let answer = world.command(each("all")).await;
    let said = |answer: &Value| -> Vec<(String, String)> {
        let text = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
        let all = answer["not_ready"].as_array().unwrap();
        all.iter().map(|one| (text(one, "function"), text(one, "because"))).collect()
    };
    let [(orders, held), (workers, rejected)] = &said(&answer)[..] else { panic!("{answer:#}") };
    assert!(orders == "orders" && held.contains("audit"), "{held}");
    assert!(workers == "workers" && rejected.contains("release 7 was rejected"), "{rejected}");
    // A release that became live after the request was given first is not the one that it asked for.
    world.pass(std::time::Duration::from_secs(60)).await;
    let release = about("release-hold", &json!({"environment": "prod", "function": "orders", "id": "h2"}));
    world.command(release).await;
    world.command(each("two")).await;
    world.tick().await;
    world.record("dev/workers/8.zip", world::zips::code("8")).await;
    let again = world.command(each("two")).await;
    let [(workers, later)] = &said(&again)[..] else { panic!("{again:#}") };
    assert!(workers == "workers" && later.starts_with("8 is live in dev only since "), "{later}");
}

#[tokio::test(start_paused = true)]
async fn pattern_that_matches_no_function_is_refused_with_the_nearest_name() {
    let world = by_hand(&json!({}));
    let all = world.command(with(promote(), &json!({"function": "*", "id": "all"}))).await;
    assert_eq!(all, json!({"deployments": []}), "nobody misspells a star for all");
    deploy_all(&world, &["1.1.0"]).await;
    let before = world.snapshot();
    let refused = world.command_error(with(promote(), &json!({"function": "ordesr*", "id": "none"}))).await;
    let because = "no function of dev matches ordesr*; did you mean orders?";
    assert_eq!(refused, ("UnknownFunction".to_owned(), because.to_owned()));
    assert_eq!(world.snapshot(), before);
}

#[tokio::test(start_paused = true)]
async fn pattern_that_no_rule_lets_through_is_refused_as_a_name_is() {
    let world = World::three_environments(&json!({}), &json!({"promotion": {"from": "stage"}}));
    deploy_all(&world, &["1.1.0"]).await;
    let before = world.snapshot();
    for (to, because) in [
        ("prod", "prod takes promotions from stage only, not from dev"),
        ("stage", "stage takes no promotions (it has no promotion in deployer.json)"),
    ] {
        let order = with(promote(), &json!({"function": "*", "to": to}));
        assert_eq!(world.command_error(order).await, ("NotPromotable".into(), because.into()));
        assert_eq!(world.sent_events().last().unwrap(), "Promotion Refused -/* - -");
        assert_eq!(world.snapshot(), before, "nothing is recorded");
    }
}

#[tokio::test(start_paused = true)]
async fn redeploy_where_nothing_is_live_advises_what_the_environment_takes() {
    let world = by_hand(&json!({}));
    world.record("stage/orders/1.0.1.zip", world::zips::code("1.0.1")).await;
    for (environment, advice) in [("prod", "promote a release from dev first"), ("dev", "upload a release first")] {
        let order = json!({"command": "redeploy", "environment": environment, "function": "orders"});
        let record = world.command_record(order).await;
        let because = format!("nothing is live here that could be deployed again: {advice}");
        assert_eq!(end(&record), (Status::Refused, Some(Code::NotLive), because.as_str()));
    }
}

#[tokio::test(start_paused = true)]
async fn status_shows_lagging_environments_and_waiting_promotions() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    deploy_all(&world, &["1.1.0"]).await;
    assert_eq!(world.command_record(promote()).await.status, Status::Pending);
    deploy_all(&world, &["1.2.0", "1.3.0"]).await;
    let status = world.command(json!({"command": "status", "environment": "prod", "function": "orders"})).await;
    let prod = &status["functions"][0];
    let behind = &prod["behind"][0];
    assert_eq!(
        (&behind["environment"], &behind["release"], &behind["releases"]),
        (&json!("dev"), &json!("1.3.0"), &json!(3))
    );
    assert!(behind["ahead_since"].as_str().unwrap() < behind["since"].as_str().unwrap());
    let waiting = &prod["waiting"][0];
    assert_eq!(
        (&waiting["release"], &waiting["approvals_wanted"], &waiting["requested_by"]),
        (&json!("1.1.0"), &json!(1), &json!("ann"))
    );
    assert!(waiting["because"].as_str().unwrap().starts_with("waits for an approval, until "), "{waiting}");
}

#[tokio::test(start_paused = true)]
async fn event_for_a_pattern_passes_over_an_unreadable_head_only() {
    let world = by_hand(&json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    world.record("dev/workers/7.zip", world::zips::code("7")).await;
    world.pass(std::time::Duration::from_secs(60)).await;
    world.on(Op::ReadLedger).about("heads/prod/orders").always().fail(CallErrorKind::Unknown);
    let detail = json!({"function": "*", "from": "dev", "to": "prod", "requested_by": "ann"});
    let event = world::promotions::event("Promotion Requested", "all", world.now(), &detail);
    let Invocation::Event(events) = decode(&event) else { panic!("{event}") };
    let [InboundEvent::Promotion(promotion)] = &events[..] else { panic!("{events:?}") };
    let run = world.invocation().run(&Trigger::Promotion(promotion.clone())).await;
    assert!(!matches!(run.outcome, Outcome::EventOutcome(_)), "it comes again for orders");
    world.tick().await;
    assert_eq!(
        world::promotions::served_code(&world, "333333333333", "workers"),
        world::promotions::served_code(&world, "111111111111", "workers"),
    );
}

#[tokio::test(start_paused = true)]
async fn repeated_pattern_fails_where_a_head_that_may_know_it_is_unreadable() {
    let world = by_hand(&json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    let order = with(promote(), &json!({"function": "*", "id": "all"}));
    world.command(order.clone()).await;
    world.tick().await;
    world.pass(std::time::Duration::from_secs(60)).await;
    world.record("dev/workers/7.zip", world::zips::code("7")).await;
    world.pass(std::time::Duration::from_secs(60)).await;
    let before = world::promotions::served_code(&world, "333333333333", "workers");
    world.on(Op::ReadLedger).about("heads/prod/orders").fail(CallErrorKind::Unknown);
    let (_, message) = world.command_error(order).await;
    assert!(message.contains("heads/prod/orders"), "{message}");
    world.tick().await;
    let after = world::promotions::served_code(&world, "333333333333", "workers");
    assert_eq!(after, before, "it became live after the request was made first");
}
