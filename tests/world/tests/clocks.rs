//! Deployers whose clocks are wrong: their decisions carry the ledger's time.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use deployer_core::record::Status;
use deployer_engine::Ports;
use jiff::SignedDuration;
use serde_json::json;
use world::orders::{command, deploy_all, release, rollback, served};
use world::zips::code;
use world::{World, WrongClock, recorded};

/// Makes the deployer's clock wrong by so many minutes; the ledger's clock stays right.
fn set_clock_ahead(world: &mut World, minutes: i64) {
    let ahead = SignedDuration::from_mins(minutes);
    world.decorate_ports = Some(Box::new(move |ports: Ports| {
        let clock = Arc::new(WrongClock { clock: ports.clock.clone(), ahead });
        Ports { clock, ..ports }
    }));
}

#[tokio::test(start_paused = true)]
async fn rollback_by_a_deployer_ahead_outdates_no_later_upload() {
    let mut world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    set_clock_ahead(&mut world, 10);
    assert_eq!(release(&rollback(&world).await), "a");
    world.decorate_ports = None;
    world.pass(Duration::from_secs(2)).await;
    let after = recorded(world.upload("dev/orders/c.zip", code("c")).await);
    assert_eq!((after.status, served(&world).as_str()), (Status::Succeeded, "c"), "{:?}", after.because);
}

#[tokio::test(start_paused = true)]
async fn rollback_by_a_deployer_behind_outdates_earlier_uploads() {
    let mut world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    let before = world.put("dev/orders/c.zip", code("c"));
    world.pass(Duration::from_secs(2)).await;
    set_clock_ahead(&mut world, -10);
    assert_eq!(release(&rollback(&world).await), "a");
    world.decorate_ports = None;
    let late = recorded(world.deliver(&before).await.unwrap());
    assert_eq!((late.status, served(&world).as_str()), (Status::Superseded, "a"));
}

#[tokio::test(start_paused = true)]
async fn redeploy_outdates_no_upload_under_way() {
    let world = World::with_orders();
    deploy_all(&world, &["a"]).await;
    let on_its_way = world.put("dev/orders/b.zip", code("b"));
    world.pass(Duration::from_secs(5)).await;
    assert_eq!(world.command_record(command("redeploy", &json!({}))).await.status, Status::Unchanged);
    assert_eq!(recorded(world.deliver(&on_its_way).await.unwrap()).status, Status::Succeeded);
    assert_eq!(served(&world), "b");
}
