//! Two versions of the deployer on one ledger: the newer one's fields stay, and the formats that it raises are left
//! alone.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::time::Duration;

use deployer_core::format::KNOWN;
use deployer_core::record::{Code, Status};
use serde_json::{Value, json};
use world::newer::{Raises, lost, newer};
use world::orders::{command, deploy_all, release, rollback, served};
use world::zips::code;
use world::{CallPhase, DEV, Outcome, Trigger, World, recorded};

/// Makes the invocations from now on the newer version's.
fn make_newer(world: &mut World, raises: Raises) {
    world.decorate_ports = Some(Box::new(move |ports| newer(ports, raises)));
}

/// Writes an object of a format that this version does not know.
fn of_a_newer_format(world: &World, key: &str) {
    world.aws(|aws| {
        let body =
            aws.ledger.get(key).map_or_else(|| json!({"schema": 1}), |body| serde_json::from_slice(body).unwrap());
        let mut object: Value = body;
        object["format"] = json!(KNOWN + 1);
        aws.ledger.put(key, object.to_string());
    });
}

#[tokio::test(start_paused = true)]
async fn newer_fields_of_a_release_survive_an_older_deployer() {
    let mut world = World::with_orders();
    make_newer(&mut world, Raises::Never);
    deploy_all(&world, &["a", "b"]).await;
    let said = world.head("dev", "orders");
    world.decorate_ports = None;
    deploy_all(&world, &["c"]).await;
    assert_eq!(release(&rollback(&world).await), "b");
    world.command(command("hold", &json!({"reason": "audit"}))).await;
    let after = world.head("dev", "orders");
    assert_eq!(lost(&said, &after), [""; 0], "{after:#}");
    let kept: Vec<bool> = after["history"].as_array().unwrap().iter().map(|live| live["newer"].is_object()).collect();
    assert_eq!(kept.last(), Some(&true), "a is as the newer one had it: {after:#}");
    assert_eq!((&after["newer"].is_object(), &after["format"]), (&true, &json!(1)));
    // The newer deployer continues.
    make_newer(&mut world, Raises::Never);
    world.command(command("release-hold", &json!({}))).await;
    deploy_all(&world, &["d"]).await;
    assert_eq!(served(&world), "d");
}

#[tokio::test(start_paused = true)]
async fn head_of_a_newer_format_is_left_alone() {
    let world = World::with_orders();
    world.add_function(DEV, "payments", &code("1.0.0"), |f| f.publish().point("live", 1));
    deploy_all(&world, &["a"]).await;
    of_a_newer_format(&world, "heads/dev/orders.json");
    let (before, writes) = (world.head("dev", "orders"), world.writes().len());
    let newer = KNOWN + 1;
    let says = &format!(
        "heads/dev/orders.json in the ledger bucket is a newer deployer's (it has format {newer}, this deployer knows \
         formats up to {KNOWN}): this one leaves it alone; run the one that wrote it, or a newer one"
    );
    let upload = world.put("dev/orders/b.zip", code("b"));
    let transient = world.deliver(&upload).await.unwrap_err().to_string();
    assert!(transient.contains(says) && !transient.contains("restore"), "{transient}");
    for (verb, more) in [("rollback", json!({})), ("hold", json!({"reason": "r"})), ("redeploy", json!({}))] {
        let (kind, message) = world.command_error(command(verb, &more)).await;
        assert_eq!(kind, "LedgerUnavailable");
        assert!(message.contains(says) && !message.contains("restore"), "{verb}: {message}");
    }
    assert_eq!((world.head("dev", "orders"), world.writes().len()), (before, writes));
    assert_eq!(served(&world), "a");
    let other = world.put("dev/payments/1.1.0.zip", code("1.1.0"));
    assert_eq!(recorded(world.deliver(&other).await.unwrap()).status, Status::Succeeded, "another function goes on");
}

#[tokio::test(start_paused = true)]
async fn rejects_of_a_newer_format_stop_every_decision() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    of_a_newer_format(&world, "rejects/orders.json");
    let (before, writes) = (world.head("dev", "orders"), world.writes().len());
    let upload = world.put("dev/orders/c.zip", code("c"));
    assert!(world.deliver(&upload).await.unwrap_err().to_string().contains("rejects/orders.json"));
    assert!(world.command_error(command("rollback", &json!({}))).await.1.contains("is a newer deployer's"));
    assert_eq!((world.head("dev", "orders"), world.writes().len()), (before, writes));
}

#[tokio::test(start_paused = true)]
async fn newer_deployers_active_deployment_is_left_to_it() {
    let mut world = World::with_orders();
    deploy_all(&world, &["a"]).await;
    make_newer(&mut world, Raises::WhileActive);
    let upload = world.put("dev/orders/b.zip", code("b"));
    // The invocation dies when its claim is written.
    let mut calls = 0;
    while world.head("dev", "orders")["active"].is_null() {
        calls += 1;
        let run = world.invocation().dies_at(calls, CallPhase::After).upload(&upload).await;
        assert!(matches!(run.outcome, Outcome::Died), "{:?}", run.outcome);
    }
    world.decorate_ports = None;
    world.pass(Duration::from_secs(3_600)).await;
    let before = world.head("dev", "orders");
    assert_eq!(before["format"], KNOWN + 1);
    let Outcome::Swept(swept) = world.invocation().run(&Trigger::Sweep).await.outcome else { panic!() };
    assert_eq!((swept.failed, swept.woken), (1, 0));
    assert_eq!(world.head("dev", "orders"), before, "an older one never takes it over");
    make_newer(&mut world, Raises::WhileActive);
    assert_eq!(recorded(world.deliver(&upload).await.unwrap()).status, Status::Succeeded);
    world.decorate_ports = None;
    deploy_all(&world, &["c"]).await;
    assert_eq!(served(&world), "c");
}

#[tokio::test(start_paused = true)]
async fn old_head_without_its_last_record_needs_a_named_destination() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b", "c"]).await;
    // An earlier deployer has left it like this: c has reached one target only, its record is gone, and the head has no
    // format.
    let head = world.head("dev", "orders");
    let (id, mut before) = (head["history"][0]["deployment"].as_str().unwrap().to_owned(), head.clone());
    before["history"].as_array_mut().unwrap().remove(0);
    before.as_object_mut().unwrap().remove("format");
    let record = format!("deployments/dev/orders/{id}.json");
    world.aws(|aws| aws.ledger.put("heads/dev/orders.json", before.to_string()));
    let told = world.command(json!({"command": "status", "environment": "dev", "function": "orders"})).await;
    assert_eq!(told["functions"][0]["live"]["release"], "c", "its record tells");
    world.aws(|aws| aws.ledger.delete(&record));
    let refused = rollback(&world).await;
    assert_eq!((refused.status, refused.code), (Status::Refused, Some(Code::NothingToRollBack)));
    assert!(refused.because.unwrap().ends_with("name the release to go back to"));
    let named = world.command_record(command("rollback", &json!({"to": "a"}))).await;
    assert_eq!((named.status, served(&world).as_str()), (Status::Succeeded, "a"));
    assert_eq!(world.head("dev", "orders")["format"], 1);
}

#[tokio::test(start_paused = true)]
async fn every_record_tells_the_deployer_that_wrote_it() {
    let world = World::with_orders();
    deploy_all(&world, &["a", "b"]).await;
    rollback(&world).await;
    world.aws(|aws| {
        let keys: Vec<&str> = aws.ledger.keys("deployments/").chain(aws.ledger.keys("results/")).collect();
        assert_eq!(keys.len(), 5, "{keys:?}");
        for key in keys {
            let record: Value = serde_json::from_slice(aws.ledger.get(key).unwrap()).unwrap();
            assert_eq!(record["deployer"], deployer_core::version::version(), "{key}");
        }
    });
}
