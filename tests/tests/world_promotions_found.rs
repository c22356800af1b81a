//! What the simulator has found about promotions, each as a scenario of its own.

use acceptance::world::orders::deployed;
use acceptance::world::{Op, World};
use deployer::port::CallErrorKind;
use serde_json::json;

/// A promotion that a success calls for, and that is refused at once while nothing can be sent to the bus.
#[tokio::test(start_paused = true)]
async fn a_refusal_that_could_not_be_told_is_told_by_the_sweep() {
    let world = World::row(&json!({"promotion": {"from": "dev", "automatic": true}}), &json!({}));
    let hold = json!({"command": "hold", "environment": "stage", "function": "orders", "reason": "audit"});
    world.command(hold).await;
    world.on(Op::PutEvents).about("Promotion Refused").fail(CallErrorKind::Throttled);
    deployed(&world, &["1.1.0"]).await;
    let is_told = || world.told().contains(&"Promotion Refused stage/orders 1.1.0 refused".to_owned());
    assert!(!is_told());
    world.minutes(1).await;
    assert!(is_told(), "{:?}", world.told());
    world.markers_are_cleared().await;
    world.same_again_changes_nothing().await;
}
