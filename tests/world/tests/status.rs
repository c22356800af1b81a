//! `status`: the time that it takes, and its marks on incomplete releases.

use deployer_core::record::Status;
use serde_json::{Value, json};
use world::World;
use world::many_heads::ManyHeads;
use world::orders::{OTHER, command, deploy_all};
use world::zips::code;

#[tokio::test(start_paused = true)]
async fn status_shows_the_targets_a_partial_release_missed() {
    let world = World::with_orders_in_two();
    deploy_all(&world, &["a"]).await;
    world.aws(|aws| aws.sts.delete_role(OTHER));
    world.pass(std::time::Duration::from_secs(1)).await;
    let failed = world.record("dev/orders/b.zip", code("b")).await;
    let status = &world.command(command("status", &json!({}))).await["functions"][0];
    let live = &status["live"];
    assert_eq!((&live["release"], &live["complete"]), (&json!("b"), &json!(false)), "{status:#}");
    assert_eq!(live["missing"].as_array().map(Vec::len), Some(1), "{status:#}");
    let targets = (&status["targets"][0], &status["targets"][1]);
    assert_eq!((targets.0.get("differs"), targets.1.get("differs")), (None, Some(&json!(true))), "{status:#}");
    assert_eq!(status["last_failed"]["deployment"], json!(failed.id), "{status:#}");
    assert_eq!(status["rollback_to"], "a");
}

#[tokio::test(start_paused = true)]
async fn function_whose_first_deployment_has_failed_is_shown_with_the_failure() {
    let world = World::with_orders();
    let failed = world.record("dev/bills/1.0.0.zip", code("1.0.0")).await;
    assert_eq!(failed.status, Status::Failed, "{failed:?}");
    for command in [json!({"command": "status", "function": "bills"}), json!({"command": "status"})] {
        let status = &world.command(command).await["functions"][0];
        assert_eq!(status["function"], "bills", "{status:#}");
        assert_eq!((&status["live"], &status["last_failed"]["deployment"]), (&Value::Null, &json!(failed.id)));
    }
}

#[tokio::test(start_paused = true)]
async fn status_of_2500_functions_takes_the_time_of_20_requests() {
    let mut waited = Vec::new();
    for releases in [1, 10] {
        let asked = ManyHeads { functions: 500, environments: 5, releases }.ask().await;
        assert_eq!(asked.functions_listed, 2500, "{asked}");
        assert!(asked.waited <= 20, "{asked}");
        waited.push((asked.waited, asked.calls));
    }
    assert_eq!(waited[0], waited[1], "requests that follow one another, and all of them");
}

#[tokio::test(start_paused = true)]
async fn status_names_environments_in_the_order_of_promotion() {
    let world = World::with_orders();
    deploy_all(&world, &["a"]).await;
    let status = world.command(command("status", &json!({}))).await;
    assert_eq!(status["environments"], json!(["dev"]), "{status:#}");
}
