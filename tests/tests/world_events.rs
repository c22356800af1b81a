//! What the deployer tells on its bus is what `event.schema.json` says, and what it takes from there what the schemas of those
//! events say. The examples of `docs/promotions.md` are so too.

#![allow(clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::time::Duration;

use acceptance::schema::Schema;
use acceptance::world::World;
use acceptance::world::orders::{command, deployed};
use acceptance::world::promotions::event;
use acceptance::world::zips::code;
use deployer_core::config::Config;
use deployer_core::event::Announcement;
use serde_json::{Value, json};

/// Proves that all that was told is as published, and gives what was announced.
fn judged(world: &World) -> BTreeSet<Announcement> {
    let schema = Schema::published("event").unwrap();
    let events = world.aws(|aws| aws.events.clone());
    for event in &events {
        schema.holds(&event.detail).unwrap();
        assert_eq!(event.detail.pointer("/artifact/bucket"), None, "{}", event.detail);
    }
    events.iter().map(|event| event.announces).collect()
}

/// An event for the deployer, as published under this name, that is sent.
async fn sent(world: &World, schema: &str, kind: &str, detail: Value) {
    Schema::published(schema).unwrap().holds(&detail).unwrap();
    let id = format!("{kind} {detail}");
    world.pass(Duration::from_secs(1)).await;
    drop(world.sent(&event(kind, &id, world.now(), &detail)).await);
}

#[tokio::test(start_paused = true)]
async fn every_event_is_as_its_schema_says() {
    let approved = json!({"promotion": {"from": "stage"}, "approval": {"required": 1}});
    let world = World::row(&json!({"promotion": {"from": "dev", "automatic": true}}), &approved);
    deployed(&world, &["1.1.0", "1.2.0"]).await;
    world.tick().await;
    let to_prod = |more: Value| {
        let mut detail = json!({"function": "orders", "from": "stage", "to": "prod", "requested_by": "ann"});
        detail.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        detail
    };
    sent(&world, "promotion-requested", "Promotion Requested", to_prod(json!({"id": "train-7"}))).await;
    let waits = world.newest_in("prod").await;
    let yes = json!({"environment": "prod", "function": "orders", "deployment": waits.id, "approved_by": "bob"});
    sent(&world, "promotion-approved", "Promotion Approved", yes).await;
    assert_eq!(world.serving(), ["1.2.0", "1.2.0", "1.2.0"]);
    deployed(&world, &["1.3.0"]).await;
    world.tick().await;
    sent(&world, "promotion-requested", "Promotion Requested", to_prod(json!({"release": "1.3.0"}))).await;
    let waits = world.newest_in("prod").await;
    let no = json!({"environment": "prod", "function": "orders", "deployment": waits.id, "declined_by": "bob", "reason": "no"});
    sent(&world, "promotion-declined", "Promotion Declined", no).await;
    sent(&world, "promotion-requested", "Promotion Requested", to_prod(json!({"to": "nowhere"}))).await;
    let together = json!({"functions": ["orders", "workers"], "from": "dev", "to": "prod"});
    sent(&world, "promotion-requested", "Promotion Requested", together).await;
    world.commanded(command("rollback", &json!({}))).await;
    drop(world.record("dev/orders/1.4.0.zip", b"no zip".to_vec()).await);
    drop(world.upload("nowhere/orders/1.zip", code("1")).await);
    let all = judged(&world);
    let missing: Vec<_> = Announcement::ALL.iter().filter(|one| !all.contains(one)).collect();
    assert_eq!(missing, [&Announcement::Failed], "all others were told");
}

/// The blocks of JSON on a page.
fn blocks(page: &str) -> Vec<Value> {
    let blocks = page.split("```json\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    blocks.map(|block| serde_json::from_str(block).unwrap_or_else(|error| panic!("{error}: {block}"))).collect()
}

/// Proves that environments are as `deployer.json` has them, in a row after `dev`, `qa`, `perf` and `stage`.
fn holds_as_configuration(environments: &Value) {
    let mut config = json!({"artifact_bucket": "artifacts", "ledger_bucket": "ledger", "queue_url": "https://sqs/1/q",
        "environments": {"dev": {}, "qa": {}, "perf": {}, "stage": {}}});
    for (name, environment) in environments.as_object().unwrap() {
        config["environments"][name] = environment.clone();
    }
    for (_, environment) in config["environments"].as_object_mut().unwrap() {
        environment["targets"] = json!([{"account": "111111111111", "region": "eu-west-1"}]);
    }
    if let Err(error) = Config::parse(&config.to_string()) {
        panic!("{error}: {environments:#}");
    }
}

#[test]
fn the_examples_of_the_page_about_promotions_are_right() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/promotions.md");
    let (mut told, mut configured) = (0, 0);
    for block in blocks(&std::fs::read_to_string(page).unwrap()) {
        let schema = match block["detail-type"].as_str() {
            None => {
                holds_as_configuration(&block);
                configured += 1;
                continue;
            }
            Some("Promotion Requested") => "promotion-requested",
            Some("Promotion Approved") => "promotion-approved",
            Some("Promotion Declined") => "promotion-declined",
            Some(_) => "event",
        };
        Schema::published(schema).unwrap().holds(&block["detail"]).unwrap();
        told += 1;
    }
    assert_eq!((told, configured), (7, 6), "none was passed over");
}
