//! The plan of a promotion that brings again what was rolled back there says so, before it is asked for and while it
//! waits for an approval.

use std::time::Duration;

use serde_json::{Value, json};
use world::World;
use world::orders::deploy_all;

use super::{by_hand, promote, with};

fn in_prod(command: &str, more: &Value) -> Value {
    with(json!({"command": command, "environment": "prod", "function": "orders", "requested_by": "bob"}), more)
}

/// Promotes what dev has live, and approves it.
async fn promoted(world: &World, id: &str) {
    let asked = world.command_record(with(promote(), &json!({"id": id}))).await;
    let approved = world.command(in_prod("approve", &json!({"deployment": asked.id}))).await;
    assert_eq!(approved["status"], json!("succeeded"), "{approved:#}");
    world.pass(Duration::from_secs(2)).await;
}

#[tokio::test(start_paused = true)]
async fn plan_of_a_promotion_warns_of_a_release_that_was_rolled_back_there() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    deploy_all(&world, &["1.1.0"]).await;
    promoted(&world, "p1").await;
    deploy_all(&world, &["1.2.0"]).await;
    let plan = in_prod("plan", &json!({"promote_from": "dev"}));
    assert_eq!(world.command(plan.clone()).await.get("warnings"), None);
    promoted(&world, "p2").await;
    world.command_record(in_prod("rollback", &json!({}))).await;
    world.pass(Duration::from_secs(2)).await;
    let waiting = world.command_record(with(promote(), &json!({"id": "p3"}))).await;
    for plan in [plan.clone(), in_prod("plan", &json!({"deployment": waiting.id}))] {
        let plan = world.command(plan).await;
        let [warning] = &plan["warnings"].as_array().unwrap()[..] else { panic!("{plan:#}") };
        let warning = warning.as_str().unwrap();
        assert!(warning.starts_with("release 1.2.0 was live in prod before, since "), "{warning}");
        assert!(warning.ends_with(", and was rolled back there: this promotion brings it again"), "{warning}");
    }
    // Another release was never here.
    deploy_all(&world, &["1.3.0"]).await;
    assert_eq!(world.command(plan).await.get("warnings"), None);
}
