//! Uploads that end before anybody has read them.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::time::Duration;

use deployer_core::record::{Code, Status};
use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::zips::code;
use world::{Op, World};

#[tokio::test(start_paused = true)]
async fn record_of_an_upload_that_nobody_has_read_says_who_has_uploaded_it() {
    let world = World::three_environments(&json!({"promotion": {"from": "dev"}}), &json!({}));
    world.upload("dev/orders/1.1.0.zip", code("1.1.0")).await;
    world.pass(Duration::from_secs(2)).await;
    let reject = json!({"command": "reject", "function": "orders", "release": "1.1.0", "reason": "leaks"});
    world.command(reject).await;
    let by_ann = [("uploaded-by", "ann"), ("secret", "not kept")];
    for (environment, refused) in [("stage", Code::UploadsNotAccepted), ("dev", Code::Rejected)] {
        let key = format!("{environment}/orders/1.1.0.zip");
        let upload = world.put_with(&key, code("other"), &by_ann);
        let record = world::recorded(world.deliver(&upload).await.unwrap());
        assert_eq!((record.status, record.code), (Status::Refused, Some(refused)), "{record:?}");
        let history = json!({"command": "history", "environment": environment, "function": "orders"});
        let history = world.command(history).await;
        let artifact = &history["deployments"][0]["artifact"];
        assert_eq!(artifact["metadata"], json!({"uploaded-by": "ann"}), "{history:#}");
        assert_eq!((&artifact["size"], &artifact["sha256"]), (&Value::Null, &Value::Null), "{history:#}");
        world.aws(|aws| {
            let key = format!("results/{environment}/orders/1.1.0/{}.json", artifact["version_id"].as_str().unwrap());
            let result: Value = serde_json::from_slice(aws.ledger.get(&key).unwrap()).unwrap();
            assert_eq!(&result["artifact"], artifact);
        });
        world.same_again_changes_nothing().await;
    }
    // Where it cannot be read, the record goes without.
    world.on(Op::ReadTail).always().fail(CallErrorKind::Denied);
    let upload = world.put_with("stage/orders/1.2.0.zip", code("1.2.0"), &by_ann);
    let record = world::recorded(world.deliver(&upload).await.unwrap());
    assert_eq!((record.status, record.artifact.unwrap().metadata.len()), (Status::Refused, 0));
}
