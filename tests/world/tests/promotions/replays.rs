//! Replays: old events that come again.

use std::time::Duration;

use deployer_core::record::Status;
use serde_json::{Value, json};
use world::orders::deploy_all;
use world::promotions::event;

use super::{by_hand, to_prod, with};

/// A head remembers 100 requests.
#[tokio::test(start_paused = true)]
async fn replayed_archive_of_more_events_than_a_head_remembers_changes_nothing() {
    replay_archive_of(120).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "long: cargo verify"]
async fn replayed_archive_of_five_hundred_old_events_changes_nothing() {
    replay_archive_of(500).await;
}

/// Sends so many requests, ten releases meanwhile, and all of them again twice: at once and after a day.
async fn replay_archive_of(events: usize) {
    let world = by_hand(&json!({}));
    let mut archive: Vec<Value> = Vec::new();
    let each_release = events / 10;
    for number in 0..events {
        if number % each_release == 0 {
            deploy_all(&world, &[&format!("1.{}.0", 1 + number / each_release)]).await;
        }
        world.pass(Duration::from_secs(3)).await;
        let named = (number % 3 == 0).then(|| format!("1.{}.0", 1 + number / each_release / 2));
        let detail = with(to_prod(), &named.map_or(json!({}), |release| json!({ "release": release })));
        let request = world.promotion_event(&format!("e{number}"), &detail);
        archive.push(request.clone());
        world.send_event(&request).await;
    }
    deploy_all(&world, &["2.0.0"]).await;
    assert_eq!(world.request_promotion("last", &to_prod()).await.status, Status::Succeeded);
    world.tick().await;
    let (before, told) = (world.snapshot(), world.sent_events().len());
    for shift in [0_i64, 26] {
        world.pass(Duration::from_secs(3600 * u64::try_from(shift).unwrap())).await;
        for (number, request) in archive.iter().enumerate().rev() {
            let mut again = request.clone();
            if number % 2 == 0 {
                again["replay-name"] = json!("last-year");
            }
            world.send_event(&again).await;
        }
        assert_eq!(world.served_releases()[2], "2.0.0");
    }
    assert_eq!(world.snapshot(), before);
    assert_eq!(world.sent_events().len(), told, "nobody is told twice");
}

#[tokio::test(start_paused = true)]
async fn replayed_event_under_a_new_id_promotes_nothing() {
    let world = by_hand(&json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    let mut replay = world.promotion_event("new", &to_prod());
    replay["replay-name"] = json!("last-week");
    let record = world::recorded(world.send_event(&replay).await);
    assert_eq!(record.status, Status::Refused);
    assert!(record.because.unwrap().starts_with("the event was played again from an archive"));
    assert_eq!(world.served_releases()[2], "1.0.0");
}

#[tokio::test(start_paused = true)]
async fn event_older_than_an_accepted_one_is_superseded() {
    let world = by_hand(&json!({}));
    deploy_all(&world, &["1.1.0", "1.2.0"]).await;
    let late = event("Promotion Requested", "late", world.now(), &with(to_prod(), &json!({"release": "1.1.0"})));
    world.pass(Duration::from_secs(10)).await;
    assert_eq!(world.request_promotion("newer", &to_prod()).await.status, Status::Succeeded);
    let record = world::recorded(world.send_event(&late).await);
    assert_eq!(record.status, Status::Superseded, "{record:?}");
    assert_eq!(world.served_releases()[2], "1.2.0");
    let rollback = json!({"command": "rollback", "environment": "prod", "function": "orders"});
    world.pass(Duration::from_secs(10)).await;
    assert_eq!(world.command_record(rollback).await.status, Status::Refused, "nothing was before it");
}
