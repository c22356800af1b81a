//! The refusal of each promotion rule, in words; a refused promotion changes nothing.

use std::time::Duration;

use deployer_core::record::{Code, Status};
use jiff::Timestamp;
use serde_json::{Value, json};
use world::orders::{deploy_all, make_known};
use world::promotions::event;
use world::zips::code;
use world::{DEV, World, ignored};

use super::{by_hand, end, promote, to_prod, with};

/// Gives a command that must be refused, checks that nothing has moved in prod, and returns the refusal.
async fn refused(world: &World, order: &Value) -> (Option<Code>, String) {
    let before = world.served_releases();
    let record = world.command_record(order.clone()).await;
    assert_eq!(record.status, Status::Refused, "{record:?}");
    world.tick().await;
    assert_eq!(world.served_releases(), before);
    assert_eq!(world.sent_events().last().unwrap().split(' ').take(2).collect::<Vec<_>>(), ["Promotion", "Refused"]);
    (record.code, record.because.unwrap().into())
}

#[tokio::test(start_paused = true)]
async fn promotion_from_an_unnamed_source_is_refused() {
    let world = by_hand(&json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    let from_stage = refused(&world, &with(promote(), &json!({"from": "stage"}))).await;
    assert_eq!(from_stage, (Some(Code::NotPromotable), "prod takes promotions from dev only, not from stage".into()));
    let to_stage = refused(&world, &with(promote(), &json!({"to": "stage"}))).await;
    assert_eq!(
        to_stage,
        (Some(Code::NotPromotable), "stage takes no promotions (it has no promotion in deployer.json)".into())
    );
    let backwards = refused(&world, &with(promote(), &json!({"from": "prod", "to": "dev"}))).await;
    assert_eq!(backwards.1, "dev takes no promotions (it has no promotion in deployer.json)");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn release_not_live_in_the_source_is_refused() {
    let world = by_hand(&json!({}));
    make_known(&world).await;
    let nothing = refused(&world, &promote()).await;
    assert_eq!(nothing, (Some(Code::NotLive), "nothing is live in dev: bring a release there first".into()));
    deploy_all(&world, &["1.1.0"]).await;
    let unknown = refused(&world, &with(promote(), &json!({"release": "9.9.9"}))).await;
    assert_eq!(unknown, (Some(Code::NotLive), "release 9.9.9 is not among the last that dev has or had live".into()));
}

#[tokio::test(start_paused = true)]
async fn named_release_need_not_be_live_any_more() {
    let world = by_hand(&json!({}));
    deploy_all(&world, &["1.1.0", "1.2.0"]).await;
    let record = world.command_record(with(promote(), &json!({"release": "1.1.0"}))).await;
    assert_eq!(record.status, Status::Succeeded, "{record:?}");
    assert_eq!(world.served_releases(), ["1.2.0", "1.0.0", "1.1.0"]);
}

#[tokio::test(start_paused = true)]
async fn rejected_held_or_expired_promotion_is_refused() {
    let world = by_hand(&json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    let hold = json!({"command": "hold", "environment": "prod", "function": "orders", "reason": "audit", "requested_by": "bob"});
    world.command(hold).await;
    let held = refused(&world, &promote()).await;
    assert_eq!(held.0, Some(Code::Held));
    assert!(held.1.starts_with("held by bob since ") && held.1.ends_with(": audit"), "{}", held.1);
    world.command(json!({"command": "release-hold", "environment": "prod", "function": "orders"})).await;
    let late = refused(&world, &with(promote(), &json!({"not_after": "2020-01-01T00:00:00Z"}))).await;
    assert_eq!(late, (Some(Code::Expired), "it was to be live by 2020-01-01T00:00:00Z, which has passed".into()));
    world.command(json!({"command": "reject", "function": "orders", "release": "1.1.0", "reason": "leaks"})).await;
    let rejected = refused(&world, &promote()).await;
    assert_eq!(rejected.0, Some(Code::Rejected));
    assert!(rejected.1.ends_with(": leaks"), "{}", rejected.1);
}

#[tokio::test(start_paused = true)]
async fn unsoaked_release_is_refused_with_its_earliest_time() {
    let world = by_hand(&json!({"promotion": {"from": "dev", "soak": "30m"}}));
    deploy_all(&world, &["1.1.0"]).await;
    let since = world.newest_in("dev").await.finished_at.unwrap();
    let until = Timestamp::from_second(since.as_second() + 1801).unwrap();
    let soaking = refused(&world, &promote()).await;
    let because = format!(
        "prod takes what has soaked for 30m in dev, and release 1.1.0 has not yet: promote it not before {until}"
    );
    assert_eq!(soaking.0, Some(Code::NotPromotable));
    assert!(soaking.1.starts_with(&because) && soaking.1.ends_with(" min)"), "{}", soaking.1);
    world.sweep_minutes(31).await;
    assert_eq!(world.command_record(promote()).await.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn release_live_too_shortly_has_not_soaked() {
    let world = by_hand(&json!({"promotion": {"from": "dev", "soak": "30m"}}));
    deploy_all(&world, &["1.1.0"]).await;
    world.sweep_minutes(10).await;
    deploy_all(&world, &["1.2.0"]).await;
    world.sweep_minutes(60).await;
    let short = refused(&world, &with(promote(), &json!({"release": "1.1.0"}))).await;
    assert_eq!(short.0, Some(Code::NotPromotable));
    assert!(short.1.contains("only, and prod takes what has soaked for 30m"), "{}", short.1);
    assert_eq!(world.command_record(promote()).await.status, Status::Succeeded, "what is live has");
}

#[tokio::test(start_paused = true)]
async fn drift_in_the_source_is_refused() {
    let world = by_hand(&json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    world.change_function("111111111111", "orders", |f| f.point("live", 1));
    let drift = refused(&world, &promote()).await;
    assert_eq!(drift.0, Some(Code::NotPromotable));
    assert!(drift.1.starts_with("the alias in dev (111111111111/eu-west-1) serves code "), "{}", drift.1);
    assert!(drift.1.ends_with("somebody has changed it by hand; redeploy it there"), "{}", drift.1);
    let redeploy = json!({"command": "redeploy", "environment": "dev", "function": "orders"});
    assert_eq!(world.command_record(redeploy).await.status, Status::Succeeded);
    assert_eq!(world.command_record(promote()).await.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn unreadable_source_lets_nothing_pass() {
    let world = by_hand(&json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    world.aws(|aws| aws.sts.delete_role(DEV));
    let unseen = refused(&world, &promote()).await;
    assert_eq!(unseen.0, Some(Code::NotPromotable));
    assert!(unseen.1.starts_with("what dev serves cannot be compared with its release: "), "{}", unseen.1);
}

#[tokio::test(start_paused = true)]
async fn require_all_or_any_of_several_sources() {
    let rules = |require: &str| json!({"promotion": {"from": ["dev", "stage"], "require": require}});
    let all = World::three_environments(&json!({}), &rules("all"));
    deploy_all(&all, &["1.1.0"]).await;
    let missing = refused(&all, &promote()).await;
    assert_eq!(
        missing,
        (Some(Code::NotLive), "release 1.1.0 is not live in stage (nothing is), and prod asks for that".into())
    );
    all.record("stage/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(all.command_record(promote()).await.status, Status::Succeeded, "the same code is live in both");
    let any = World::three_environments(&json!({}), &rules("any"));
    deploy_all(&any, &["1.1.0"]).await;
    assert_eq!(any.command_record(promote()).await.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn freeze_refuses_or_delays_and_an_override_is_recorded() {
    let frozen = json!([{"first": "2020-01-01", "last": "2099-12-31", "zone": "Europe/Berlin"}]);
    let world = by_hand(&json!({"freeze": frozen, "when_frozen": "refuse"}));
    deploy_all(&world, &["1.1.0"]).await;
    let refusal = refused(&world, &promote()).await;
    let because = "prod is frozen until 2099-12-31T23:00:00Z and refuses promotions meanwhile: promote then, or give a reason to \
                   override the freeze";
    assert_eq!(refusal, (Some(Code::NotPromotable), because.into()));
    let record = world.command_record(with(promote(), &json!({"override_freeze": "CVE-2026-1"}))).await;
    assert_eq!(record.status, Status::Succeeded);
    assert_eq!(record.promotion.unwrap().freeze_override.as_deref(), Some("CVE-2026-1"));

    let waits = by_hand(&json!({"freeze": frozen}));
    deploy_all(&waits, &["1.1.0"]).await;
    let pending = waits.command_record(promote()).await;
    assert_eq!(
        end(&pending),
        (Status::Pending, Some(Code::Waiting), "waits until 2099-12-31T23:00:00Z for the freeze to end")
    );
    assert_eq!(
        waits.command_record(with(promote(), &json!({"override_freeze": "CVE"}))).await.status,
        Status::Succeeded
    );
    waits.sweep_minutes(1).await;
    assert_eq!(waits.served_releases()[2], "1.1.0");
    let first = waits.command(json!({"command": "history", "environment": "prod", "function": "orders"})).await;
    let statuses: Vec<_> = first["deployments"].as_array().unwrap().iter().map(|r| r["status"].clone()).collect();
    assert!(statuses.contains(&json!("superseded")) && statuses.contains(&json!("succeeded")), "{statuses:?}");
}

#[tokio::test(start_paused = true)]
async fn end_of_a_freeze_resumes_waiting_promotions() {
    let today = |world: &World| world.now().strftime("%a").to_string().to_lowercase();
    let probe = World::three_environments(&json!({}), &json!({}));
    let freeze = json!([{"days": [today(&probe)], "zone": "UTC"}]);
    let world = by_hand(&json!({"freeze": freeze}));
    deploy_all(&world, &["1.1.0"]).await;
    assert_eq!(world.command_record(promote()).await.status, Status::Pending);
    world.sweep_minutes(24 * 60 + 1).await;
    assert_eq!(world.served_releases()[2], "1.1.0");
}

#[tokio::test(start_paused = true)]
async fn invalid_or_outdated_event_promotes_nothing() {
    let world = by_hand(&json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    for (detail, words) in [
        (json!({"from": "dev", "to": "prod"}), "function is missing"),
        (json!({"function": "orders", "from": "dev", "to": "dev"}), "from and to must be two environments"),
        (json!({"function": "orders", "from": "dev", "to": "prod", "relase": "1"}), "unknown field `relase`"),
        (json!({"function": "or ders", "from": "dev", "to": "prod"}), "is not a function name"),
        (
            json!({"function": "*", "from": "dev", "to": "prod", "release": "1.1.0"}),
            "a release belongs to one function",
        ),
        (json!({"functions": ["a", "a"], "from": "dev", "to": "prod"}), "functions names one of them twice"),
        (json!("orders"), "invalid type"),
    ] {
        let because = ignored(world.send_event(&event("Promotion Requested", "e", world.now(), &detail)).await);
        assert!(because.contains(words), "{because}");
    }
    let unknown = ignored(world.send_event(&world.promotion_event("u", &with(to_prod(), &json!({"to": "prd"})))).await);
    assert!(unknown.contains("no environment prd"), "{unknown}");
    assert_eq!(
        world.sent_events().last().unwrap(),
        "Promotion Refused -/orders 1.1.0 -".replace(" 1.1.0", " -").as_str()
    );
    let future = event("Promotion Requested", "f", world.now() + Duration::from_secs(3600), &to_prod());
    let record = world::recorded(world.send_event(&future).await);
    assert_eq!((record.status, record.code), (Status::Refused, Some(Code::NotPromotable)));
    assert!(record.because.unwrap().contains("which is yet to come"));
    let old = event("Promotion Requested", "o", world.now() - Duration::from_secs(25 * 3600), &to_prod());
    let record = world::recorded(world.send_event(&old).await);
    assert_eq!((record.status, record.code), (Status::Refused, Some(Code::Expired)));
    assert_eq!(world.served_releases()[2], "1.0.0");
}
