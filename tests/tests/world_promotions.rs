//! Promotions: the very same object, environment after environment.

use acceptance::world::orders::{deployed, release};
use acceptance::world::{World, zips::code};
use deployer_core::record::{CauseKind, Code, Status};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn by_upload_alone_a_release_goes_from_dev_to_stage_and_after_its_soak_to_prod() {
    let world = World::row(
        &json!({"promotion": {"from": "dev", "automatic": true}}),
        &json!({"promotion": {"from": "stage", "automatic": true, "soak": "30m"}}),
    );
    deployed(&world, &["1.1.0"]).await;
    world.tick().await;
    assert_eq!(world.serving(), ["1.1.0", "1.1.0", "1.0.0"]);
    world.minutes(29).await;
    assert_eq!(world.serving(), ["1.1.0", "1.1.0", "1.0.0"], "it soaks");
    let waits = world.newest_in("prod").await;
    assert_eq!(
        (waits.status, waits.code, waits.cause.kind),
        (Status::Pending, Some(Code::Waiting), CauseKind::AutomaticPromotion)
    );
    world.minutes(3).await;
    assert_eq!(world.serving(), ["1.1.0", "1.1.0", "1.1.0"]);
    let record = world.newest_in("prod").await;
    assert_eq!((record.status, release(&record)), (Status::Succeeded, "1.1.0"));
    assert_eq!(record.artifact.unwrap().key, "dev/orders/1.1.0.zip", "no bytes were moved");
    assert_eq!(
        world.told(),
        ["Deployment Started dev/orders 1.1.0 in_progress", "Deployment Succeeded dev/orders 1.1.0 succeeded",]
    );
    world.same_again_changes_nothing().await;
    drop(code("x"));
}
