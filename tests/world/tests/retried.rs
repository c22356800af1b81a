//! The reason that `status`, `history` and a repeated command give while AWS refuses a call for now.

use std::time::Duration;

use deployer_core::record::Status;
use deployer_engine::port::CallErrorKind::{self, Denied, Throttled};
use serde_json::{Value, json};
use world::orders::{command, deploy_all};
use world::zips::code;
use world::{Op, World};

/// The news of the deployment that is under way, so long after its request: by status, by history, and the answer to
/// the command once more.
async fn told(world: &World, after: u64) -> [Value; 3] {
    world.pass(Duration::from_secs(after)).await;
    let of = json!({"environment": "dev", "function": "orders"});
    let status = world.command(command("status", &of)).await["functions"][0].clone();
    assert!(!status["active"].is_null(), "{status:#}");
    let history = world.command(command("history", &of)).await["deployments"][0].clone();
    let again = world.command(deploy()).await;
    for record in [&history, &again] {
        assert_eq!(record["status"], "in_progress", "{record:#}");
    }
    [status["active_because"].clone(), history["because"].clone(), again["because"].clone()]
}

fn deploy() -> Value {
    command("deploy", &json!({"environment": "dev", "function": "orders", "release": "2", "id": "d1"}))
}

/// Deploys while so many calls of this kind fail, and while Lambda makes a version for 15 s after that. Looks after 5
/// and after 14 seconds.
async fn looks(op: Op, kind: CallErrorKind, times: usize) -> [[Value; 3]; 2] {
    let world = World::with_orders();
    deploy_all(&world, &["1"]).await;
    let _not_delivered = world.put("dev/orders/2.zip", code("2"));
    world.aws(|aws| aws.at("111111111111").settling.time = Duration::from_secs(15));
    world.on(op).times(times).fail_saying(kind, "says AWS, request 1");
    let (ended, looks) =
        tokio::join!(world.command(deploy()), async { [told(&world, 5).await, told(&world, 9).await] });
    assert_eq!(ended["status"], json!(Status::Succeeded), "{ended:#}");
    looks
}

#[tokio::test(start_paused = true)]
async fn call_that_is_tried_again_is_told_until_it_succeeds() {
    for (op, kind, times, step) in [
        (Op::AssumeRole, Throttled, 8, "enter"),
        (Op::AssumeRole, Denied, 8, "enter"),
        // Two reads go side by side.
        (Op::GetFunction, Throttled, 16, "observe"),
        (Op::UpdateFunctionCode, Denied, 8, "update code"),
        (Op::UpdateFunctionCode, Throttled, 8, "update code"),
    ] {
        let [trying, done] = looks(op, kind, times).await;
        for because in &trying {
            let because = because.as_str().unwrap_or_else(|| panic!("{op} {kind:?}: {trying:?}"));
            let begin = format!("tries again in 111111111111/eu-west-1 ({step} since 20");
            assert!(because.starts_with(&begin) && because.contains("says AWS"), "{op}: {because}");
        }
        assert_eq!(done, [Value::Null, Value::Null, Value::Null], "{op} {kind:?}");
    }
}
