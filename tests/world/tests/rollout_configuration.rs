//! An environment's rollout in plans, refusals and records, before anything rolls out.
#![allow(clippy::unwrap_used)]

use deployer_core::record::{Code, Status};
use serde_json::{Value, json};
use world::orders::{command, deploy_all};
use world::zips::{code, with_manifest};
use world::{DEV, World};

/// Returns a configuration whose `dev` has this rollout.
fn config(rollout: &Value) -> Value {
    let dev =
        json!({"targets": [{"account": DEV, "region": "eu-west-1"}], "external_id": "dev-8c1f", "rollout": rollout});
    json!({
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-deployer-ledger",
        "queue_url": "https://sqs.eu-west-1.amazonaws.com/000000000000/deployer", "environments": {"dev": dev},
    })
}

const STRICT: &str = "[rollout]\nfirst_weight = 10\nslower = 2\n";

#[tokio::test(start_paused = true)]
async fn manifest_looser_than_the_rollout_is_refused_before_anything_is_written() {
    let mut world = World::with_orders();
    world.reconfigure(&config(&json!({"steps": [{"weight": 5, "for": "10m"}]})));
    let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", STRICT)).await;
    assert_eq!((record.status, record.code), (Status::Refused, Some(Code::InvalidManifest)));
    assert_eq!(
        record.because.unwrap(),
        "function.toml: rollout.first_weight: 10 is looser than 5, the weight of the first step in dev"
    );
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn stricter_environment_keeps_nobody_from_redeploying_and_going_back() {
    let mut world = World::with_orders();
    deploy_all(&world, &["1.1.0"]).await;
    world.record("dev/orders/1.2.0.zip", with_manifest("1.2.0", STRICT)).await;
    world.reconfigure(&config(&json!({"steps": [{"weight": 5, "for": "10m"}]})));
    assert_eq!(world.command_record(command("redeploy", &json!({}))).await.status, Status::Unchanged);
    let back = world.command_record(command("rollback", &json!({}))).await;
    assert_eq!((back.status, back.release.unwrap().as_str()), (Status::Succeeded, "1.1.0"));
    let forth = world.command_record(command("rollback", &json!({"to": "1.2.0"}))).await;
    assert_eq!((forth.status, forth.release.unwrap().as_str()), (Status::Succeeded, "1.2.0"));
}

#[tokio::test(start_paused = true)]
async fn environment_without_rollout_ignores_the_manifests_and_the_plan_says_so() {
    let world = World::with_orders();
    let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", STRICT)).await;
    assert_eq!(record.status, Status::Succeeded);
    world.put_with("dev/orders/1.2.0.zip", with_manifest("1.2.0", STRICT), &[]);
    let plan = world.command(command("plan", &json!({"release": "1.2.0"}))).await;
    assert_eq!(
        plan["warnings"],
        json!(["rollout: ignored in dev, which has none, so all traffic moves at once there"])
    );
    assert_eq!((&plan["rollout"], &plan["refused"]), (&Value::Null, &Value::Null));
}

#[tokio::test(start_paused = true)]
async fn plan_names_the_rollout_and_lengthens_its_steps_by_the_functions_timeout() {
    let mut world = World::with_orders();
    deploy_all(&world, &["1.1.0"]).await;
    world.reconfigure(&config(&json!({"alarms": ["{function}-5xx"]})));
    world.put_with("dev/orders/1.2.0.zip", with_manifest("1.2.0", STRICT), &[]);
    world.put_with("dev/orders/1.3.0.zip", with_manifest("1.3.0", "timeout = 900\n"), &[]);
    let plan = async |more: Value| world.command(command("plan", &more)).await;
    assert_eq!(
        plan(json!({"release": "1.2.0"})).await["rollout"],
        json!({"waves": [1], "steps": [{"weight": 10, "for": "20m"}], "watch": "10m", "length": "30m", "longest": "1h", "smoke_tests": 0,
               "alarms": ["orders-5xx"]})
    );
    let slow = plan(json!({"release": "1.3.0"})).await;
    assert_eq!((&slow["rollout"]["steps"][0]["for"], &slow["rollout"]["length"]), (&json!("18m"), &json!("41m")));
    let warning = "steps and the watch of the rollout last longer than deployer.json says: an invocation may take 15m, \
                   CloudWatch counts its error in the minute in which it began, and the guard needs 3m beyond that for a \
                   step, and 8m for the watch";
    assert_eq!(slow["warnings"], json!([warning]));
    for (what, more) in [
        ("a redeploy", json!({})),
        ("a rollback", json!({"rollback": true})),
        ("what is live already", json!({"release": "1.1.0"})),
    ] {
        let plan = plan(more).await;
        assert_eq!(plan["rollout"], Value::Null, "{what}: {plan:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn plan_of_a_looser_manifest_is_refused() {
    let mut world = World::with_orders();
    deploy_all(&world, &["1.1.0"]).await;
    world.reconfigure(&config(&json!({"when_quiet": "fail"})));
    world.put_with("dev/orders/1.2.0.zip", with_manifest("1.2.0", "[rollout]\nwhen_quiet = 'pause'\n"), &[]);
    let because = "function.toml: rollout.when_quiet: pause is looser than fail of dev";
    let plan = world.command(command("plan", &json!({"release": "1.2.0"}))).await;
    assert_eq!(plan["refused"], json!({"code": "InvalidManifest", "because": because}));
}

#[tokio::test(start_paused = true)]
async fn reason_for_skipping_the_rollout_is_in_the_record_of_a_deploy_and_a_promotion() {
    let world = World::three_environments(&json!({}), &json!({"promotion": {"from": "dev"}}));
    let upload = world.put_with("dev/orders/1.1.0.zip", code("1.1.0"), &[]);
    world.deliver(&upload).await.unwrap();
    let deploy = command("deploy", &json!({"release": "1.1.0", "skip_rollout": "orders are lost"}));
    let record = world.command_record(deploy).await;
    assert_eq!(record.cause.skip_rollout.as_deref(), Some("orders are lost"));
    let promote = json!({"command": "promote", "function": "orders", "from": "dev", "to": "prod", "requested_by": "ann",
                         "skip_rollout": "orders are lost there too"});
    let record = world.command_record(promote).await;
    assert_eq!(record.status, Status::Succeeded, "{record:?}");
    assert_eq!(record.cause.skip_rollout.as_deref(), Some("orders are lost there too"));
}
