//! Promotions whose rollout would reach into a freeze.

use jiff::SignedDuration;
use world::orders::deploy_all;
use world::promotions::{STAGE, three_environments_config};

use super::*;

#[tokio::test(start_paused = true)]
async fn promotion_that_would_roll_out_into_a_freeze_begins_after_it() {
    let mut world = World::three_environments(&json!({}), &json!({}));
    let in_minutes = |minutes: i64| {
        let time = world.now() + SignedDuration::from_mins(minutes);
        time.strftime("%H:%M").to_string()
    };
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let freeze = json!([{ "days": days, "from": in_minutes(10), "to": in_minutes(30), "zone": "UTC" }]);
    let stage = json!({ "promotion": { "from": "dev", "automatic": true }, "freeze": freeze, "rollout": one_step() });
    world.reconfigure(&three_environments_config(&stage, &json!({})));
    deploy_all(&world, &["1.1.0"]).await;
    world.sweep_minutes(2).await;
    let status = world.command(json!({ "command": "status", "environment": "stage", "function": "orders" })).await;
    let wait = &status["functions"][0]["waiting"][0];
    let because = wait["because"].as_str().unwrap_or_default();
    assert!(because.ends_with("on to end, which its rollout would reach into"), "{because}");
    world.sweep_minutes(26).await;
    assert_eq!(world.served(STAGE), whole(1), "it is frozen");
    world.sweep_minutes(4).await;
    assert_eq!(world.served(STAGE), split(1, 2, 10));
}
