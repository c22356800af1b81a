//! Plans where an environment rolls out: they show the rollout that will happen, what it meets, and what would fail.

use jiff::SignedDuration;
use world::orders::{OTHER as SECOND, deploy_all};
use world::promotions::PROD;

use super::*;

async fn plan(world: &World, more: &Value) -> Value {
    let before = world.snapshot();
    let plan = world.command(command("plan", more)).await;
    assert_eq!(world.snapshot(), before, "planning changes nothing");
    plan
}

/// Plans 1.1.0, which was uploaded and not deployed.
async fn planned(world: &World) -> Value {
    world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    plan(world, &json!({ "release": "1.1.0" })).await
}

fn errors(plan: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let error = |target: &Value| (text(&target["error"]["code"]), text(&target["error"]["message"]));
    plan["targets"].as_array().unwrap().iter().map(error).collect()
}

#[tokio::test(start_paused = true)]
async fn promotion_that_skips_the_rollout_is_planned_and_listed_as_it_will_happen() {
    let mut world = World::three_environments(&json!({}), &json!({}));
    let in_minutes = |minutes: i64| (world.now() + SignedDuration::from_mins(minutes)).strftime("%H:%M").to_string();
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let freeze = json!([{ "days": days, "from": in_minutes(-10), "to": in_minutes(60), "zone": "UTC" }]);
    let prod = json!({ "promotion": { "from": "dev" }, "approval": { "required": 1 }, "freeze": freeze,
                       "rollout": one_step() });
    world.reconfigure(&world::promotions::three_environments_config(&json!({}), &prod));
    deploy_all(&world, &["1.1.0"]).await;
    let promote = json!({ "command": "promote", "function": "orders", "from": "dev", "to": "prod",
                          "requested_by": "ada", "override_freeze": "INC-9", "skip_rollout": "INC-10" });
    let waits = world.command_record(promote).await;
    assert_eq!(waits.status, Status::Pending, "{waits:?}");
    let mut asked = command("plan", &json!({ "deployment": waits.id.to_string() }));
    asked["environment"] = json!("prod");
    let plan = world.command(asked).await;
    assert_eq!(plan["rollout_skipped"], json!({ "by": "ada", "because": "INC-10" }), "{plan:#}");
    assert_eq!(plan["freeze_overridden"], json!({ "by": "ada", "because": "INC-9" }), "{plan:#}");
    assert_eq!((&plan["rollout"]["steps"], &plan["rollout"]["length"]), (&json!([]), &json!("10m")), "{plan:#}");
    let status = world.command(json!({ "command": "status", "environment": "prod", "function": "orders" })).await;
    let waiting = &status["functions"][0]["waiting"][0];
    assert_eq!(waiting["rollout_skipped"], json!({ "by": "ada", "because": "INC-10" }), "{status:#}");
    assert_eq!(waiting["freeze_overridden"], json!({ "by": "ada", "because": "INC-9" }), "{status:#}");
    let approve = json!({ "command": "approve", "environment": "prod", "function": "orders", "requested_by": "bob",
                          "deployment": waits.id.to_string() });
    world.command(approve).await;
    assert_eq!(world.served(PROD), whole(2), "all at once");
    let status = world.command(json!({ "command": "status", "environment": "prod", "function": "orders" })).await;
    let skipped = &status["functions"][0]["rollout"]["skipped"];
    assert_eq!(*skipped, json!({ "by": "ada", "because": "INC-10" }), "{status:#}");
}

#[tokio::test(start_paused = true)]
async fn plan_of_what_this_deployer_does_not_roll_out_fails_as_the_deployment_would() {
    let mut world = world(&one_step());
    world.decorate_ports = Some(Box::new(|ports| deployer_engine::Ports { rollouts: None, ..ports }));
    let found = errors(&planned(&world).await);
    let record = world.record("dev/orders/1.2.0.zip", code("1.2.0")).await;
    let error = record.targets[0].error.as_ref().unwrap();
    assert_eq!(found, vec![(format!("{:?}", error.code), error.message.to_string()); 2]);
}

#[tokio::test(start_paused = true)]
async fn plan_names_the_alarm_that_is_missing_as_the_deployment_would() {
    let world = world(&json!({ "steps": [{ "weight": 10, "for": "10m" }], "alarms": ["{function}-5xx"] }));
    let now = world.now();
    world.aws(|aws| aws.at(DEV).monitoring.alarm("orders-5xx", AlarmState::Ok, now));
    let found = errors(&planned(&world).await);
    let record = world.record("dev/orders/1.2.0.zip", code("1.2.0")).await;
    let error = record.targets[1].error.as_ref().unwrap();
    let missing = (format!("{:?}", error.code), error.message.to_string());
    assert!(missing.1.contains("there is no alarm orders-5xx in 222222222222"), "{missing:?}");
    assert_eq!(found, [(String::new(), String::new()), missing]);
}

#[tokio::test(start_paused = true)]
async fn plan_that_may_not_look_at_the_alarms_says_so() {
    let world = world(&json!({ "steps": [{ "weight": 10, "for": "10m" }], "alarms": ["{function}-5xx"] }));
    world.on(Op::DescribeAlarms).at(SECOND).always().fail(CallErrorKind::Denied);
    let now = world.now();
    world.aws(|aws| aws.at(DEV).monitoring.alarm("orders-5xx", AlarmState::Ok, now));
    let found = errors(&planned(&world).await);
    assert_eq!((found[0].0.as_str(), found[1].0.as_str()), ("", "AccessDenied"), "{found:?}");
    assert!(found[1].1.starts_with("the alarms cannot be read: "), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn plan_refuses_the_alias_that_no_rollout_can_begin_from() {
    let world = world(&one_step());
    world.change_function(SECOND, "orders", |f| f.code(&code("by hand")).publish().point("live", 2));
    world.aws(|aws| {
        let alias = aws.at(SECOND).function("orders").aliases.get_mut("live").unwrap();
        alias.weights = [(1, 0.5)].into();
    });
    let found = errors(&planned(&world).await);
    assert_eq!((found[0].0.as_str(), found[1].0.as_str()), ("", "ForeignChange"), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn plan_amid_a_rollout_says_whether_it_waits_or_takes_it_back() {
    for (on_newer, replaces) in [("wait", false), ("replace", true)] {
        let mut rollout = one_step();
        rollout["on_newer"] = json!(on_newer);
        let world = world(&rollout);
        let begun = begins(&world).await;
        world.put("dev/orders/1.2.0.zip", code("1.2.0"));
        let plan = plan(&world, &json!({ "release": "1.2.0" })).await;
        let meets = json!({ "deployment": begun.id.to_string(), "release": "1.1.0", "replaces": replaces });
        assert_eq!(plan["meets"], meets, "{plan:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn plan_of_a_new_function_moves_all_its_traffic_at_once() {
    let world = World::with_targets(&[DEV]);
    world.add_function(DEV, "orders", &code("1.0.0"), |f| f.publish());
    world.set_rollout("dev", Some(&one_step()));
    let plan = planned(&world).await;
    let rollout = &plan["rollout"];
    assert_eq!((&rollout["steps"], &rollout["length"]), (&json!([]), &json!("10m")), "{plan:#}");
}

#[tokio::test(start_paused = true)]
async fn promotion_out_of_a_source_that_rolls_out_waits_for_its_end_however_long_that_takes() {
    let mut world = World::three_environments(&json!({}), &json!({}));
    let prod = json!({ "promotion": { "from": "dev" } });
    world.reconfigure(&world::promotions::three_environments_config(&json!({}), &prod));
    deploy_all(&world, &["1.1.0"]).await;
    world.aws(|aws| aws.at(DEV).monitoring.called("orders", "live", 100.0));
    world.set_rollout("dev", Some(&json!({ "steps": [{ "weight": 10, "for": "90m" }], "watch": "10m" })));
    world.pass(Duration::from_secs(1)).await;
    let rolls_out = world.record("dev/orders/1.2.0.zip", code("1.2.0")).await;
    assert_eq!(rolls_out.status, Status::InProgress);
    let promote =
        json!({ "command": "promote", "function": "orders", "from": "dev", "to": "prod", "requested_by": "ada" });
    let waits = world.command_record(promote).await;
    assert_eq!(waits.status, Status::Pending, "{waits:?}");
    let because = waits.because.as_deref().unwrap();
    let said = "waits to see what its source serves (dev rolls out 1.2.0 until ";
    assert!(because.starts_with(said), "{because}");
    world.sweep_minutes(80).await;
    let status = world.command(json!({ "command": "status", "environment": "prod", "function": "orders" })).await;
    let waiting = status["functions"][0]["waiting"].as_array().unwrap();
    assert_eq!(waiting.len(), 1, "{status:#}");
    world.sweep_minutes(30).await;
    assert_eq!(record_of(&world, &rolls_out).await.status, Status::Succeeded);
    assert_eq!(world.served_releases()[2], "1.1.0", "its turn has come");
}
