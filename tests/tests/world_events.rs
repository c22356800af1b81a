//! What the deployer tells on its bus is what `event.schema.json` says, and what it takes from there what the schemas of those
//! events say.

use std::collections::BTreeSet;
use std::time::Duration;

use acceptance::schema::Schema;
use acceptance::world::World;
use acceptance::world::orders::{command, deployed};
use acceptance::world::promotions::event;
use acceptance::world::zips::code;
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
