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
        assert!(
            warning.contains(", and was rolled back there at ")
                && warning.ends_with("): this promotion brings it again"),
            "{warning}"
        );
    }
    let back = world.command(in_prod("plan", &json!({"rollback": true, "to": "1.2.0"}))).await;
    let warning = back["warnings"][0].as_str().unwrap_or_default();
    assert!(warning.ends_with("): this rollback brings it again"), "{back:#}");
    // Another release was never here.
    deploy_all(&world, &["1.3.0"]).await;
    assert_eq!(world.command(plan).await.get("warnings"), None);
}

/// Whoever asks and approves need not look at a plan for it.
#[tokio::test(start_paused = true)]
async fn answers_of_a_promotion_warn_of_a_release_that_was_rolled_back_there_and_name_by_whom() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    for (number, release) in ["1.1.0", "1.2.0"].into_iter().enumerate() {
        deploy_all(&world, &[release]).await;
        promoted(&world, &format!("p{number}")).await;
    }
    let back = world.command_record(in_prod("rollback", &json!({}))).await;
    world.pass(Duration::from_secs(2)).await;
    let said = format!(
        ", and was rolled back there at {:.0} by bob (deployment {}): this promotion brings it again",
        back.finished_at.unwrap(),
        back.id
    );
    let is_warned = |answer: &Value| {
        let warnings = &answer["warnings"];
        let [warning] = &warnings.as_array().unwrap_or_else(|| panic!("{answer:#}"))[..] else { panic!("{answer:#}") };
        assert!(warning.as_str().unwrap().ends_with(&said), "{warning}");
    };
    // The group of this and another function says it too.
    let together = json!({"command": "promote", "functions": ["orders", "workers"], "from": "dev", "to": "prod",
        "requested_by": "ann", "id": "g"});
    world.record("dev/workers/7.zip", world::zips::code("7")).await;
    let group = world.command(together).await;
    is_warned(&group["functions"][0]);
    assert_eq!(group["functions"][1].get("warnings"), None, "{group:#}");
    let decline = in_prod("decline", &json!({"function": null, "deployment": group["id"]}));
    is_warned(&world.command(decline).await["functions"][0]);
    world.pass(Duration::from_secs(2)).await;
    // A pattern leaves it out, for nobody has named it.
    let every = world.command(with(promote(), &json!({"function": "*", "id": "each"}))).await;
    let left_out = every["not_ready"].as_array().unwrap().iter().find(|one| one["function"] == "orders").unwrap();
    let because = left_out["because"].as_str().unwrap();
    assert!(because.ends_with("): only a promotion by name brings it again"), "{because}");
    // So do those of a single one, from the request to the end, and its record.
    let asked = world.command(with(promote(), &json!({"id": "p9"}))).await;
    is_warned(&asked["promotion"]);
    let approved = world.command(in_prod("approve", &json!({"deployment": asked["id"]}))).await;
    assert_eq!(approved["status"], json!("succeeded"), "{approved:#}");
    is_warned(&approved["promotion"]);
    let history = world.command(in_prod("history", &json!({}))).await;
    is_warned(&history["deployments"][0]["promotion"]);
    // Live again, it is no more what was rolled back.
    world.pass(Duration::from_secs(2)).await;
    deploy_all(&world, &["1.3.0"]).await;
    let next = world.command(with(promote(), &json!({"id": "p10"}))).await;
    assert_eq!(next["promotion"].get("warnings"), None, "{next:#}");
}

/// Whoever has rolled back is not to find it live again by the next run of a schedule.
#[tokio::test(start_paused = true)]
async fn pattern_leaves_out_what_was_rolled_back_and_a_name_brings_it() {
    let world = by_hand(&json!({}));
    for (number, release) in ["1.1.0", "1.2.0"].into_iter().enumerate() {
        deploy_all(&world, &[release]).await;
        world.command_record(with(promote(), &json!({"id": format!("p{number}")}))).await;
        world.pass(Duration::from_secs(2)).await;
    }
    let back = world.command_record(in_prod("rollback", &json!({}))).await;
    world.pass(Duration::from_secs(2)).await;
    let before = world.snapshot();
    let each = world.command(with(promote(), &json!({"function": "*", "id": "all"}))).await;
    assert_eq!((&each["deployments"], world.snapshot()), (&json!([]), before), "{each:#}");
    let because = each["not_ready"][0]["because"].as_str().unwrap();
    let said = format!(" by bob (deployment {}): only a promotion by name brings it again", back.id);
    assert!(
        because.starts_with("release 1.2.0 was live in prod before, since ") && because.ends_with(&said),
        "{because}"
    );
    let named = world.command(with(promote(), &json!({"id": "by-name"}))).await;
    assert_eq!(named["status"], json!("succeeded"), "{named:#}");
    // A newer release is ready as before.
    deploy_all(&world, &["1.3.0"]).await;
    let each = world.command(with(promote(), &json!({"function": "*", "id": "newer"}))).await;
    assert_eq!(each["deployments"][0]["release"], json!("1.3.0"), "{each:#}");
}
