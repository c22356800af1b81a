//! Writes to Lambda that take effect very late: held on their way for hours, or sent by a process that was frozen.
//! Whatever happened meanwhile, the aliases serve what the ledger says.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::time::Duration;

use deployer_core::artifact::Upload;
use deployer_core::record::{DeploymentRecord, Status};
use serde_json::{Value, json};
use world::zips::{code, function, with_manifest};
use world::{CallPhase, DEV, Op, Outcome, Run, Trigger, World, recorded};

/// Longer than any of these scenarios takes: a held call takes effect after everything has ended.
const HELD: Duration = Duration::from_secs(12 * 3600);
const MANIFEST: &str = "timeout = 20\nreserved_concurrent_executions = 5\n[tags]\nteam = \"orders\"\n";

/// Returns a world in which `orders` serves 1.1.0, and served 1.0.0 before.
async fn two_releases() -> World {
    let world = World::with_orders();
    for release in ["1.0.0", "1.1.0"] {
        world.pass(Duration::from_secs(2)).await;
        let record = world.record(&format!("dev/orders/{release}.zip"), code(release)).await;
        assert!(record.status.is_ended());
    }
    world.pass(Duration::from_secs(2)).await;
    world
}

/// The end of the sender of the held call.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Owner {
    /// Its connection is reset, and it continues.
    Lives,
    /// It dies in that call.
    Dies,
    /// Its process freezes just before it sends the call, for longer than its lease.
    Stops,
}

/// The event that follows while the call is held.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Next {
    Upload,
    Rollback,
    Redeploy,
    Reject,
    SameAgain,
}

impl Next {
    async fn comes(self, world: &World, held: &Upload) {
        let work = |command: &str, more: Value| {
            let mut order = json!({"command": command, "function": "orders"});
            order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            Trigger::Command(order)
        };
        let work = match self {
            Self::Upload => {
                Trigger::Upload(world.put("dev/orders/1.3.0.zip", with_manifest("1.3.0", "timeout = 30\n")))
            }
            Self::Rollback => work("rollback", json!({"environment": "dev", "to": "1.1.0"})),
            Self::Redeploy => work("redeploy", json!({"environment": "dev"})),
            Self::Reject => work("reject", json!({"release": "1.2.0", "reason": "it is bad"})),
            Self::SameAgain => Trigger::Upload(held.clone()),
        };
        world.invocation().run(&work).await;
    }
}

/// Lets leases expire, and sweeps and ticks come, until nothing is open.
async fn settles(world: &World) {
    for _ in 0..12 {
        world.leases_run_out().await;
        world.invocation().run(&Trigger::Sweep).await;
        world.tick().await;
        let head = world.head("dev", "orders");
        if head["active"].is_null() && head["pending"].as_array().is_none_or(Vec::is_empty) {
            return;
        }
    }
    panic!("it does not end: {:#}", world.head("dev", "orders"));
}

/// Checks that the alias serves the version that the ledger has as live and as the target's.
fn check_alias(world: &World, what: &str) {
    let head = world.head("dev", "orders");
    let (version, sha256, weights) = world.function(DEV, "orders", |f| {
        let alias = &f.aliases["live"];
        (alias.version, f.versions[&alias.version].sha256.to_string(), alias.weights.len())
    });
    let told = (head["targets"][0]["version"].as_str(), head["history"][0]["sha256"].as_str());
    assert_eq!(
        (told, weights),
        ((Some(version.to_string().as_str()), Some(sha256.as_str())), 0),
        "{what}\n{}",
        world.render()
    );
    world.aws(|aws| assert!(aws.at(DEV).forbidden.is_empty(), "{what}: {:?}", aws.at(DEV).forbidden));
}

/// Returns the number of the first such call in an undisturbed invocation.
fn call_of(world: &World, run: &Run, op: Op) -> Option<usize> {
    let calls = world.calls().into_iter().filter(|call| call.invocation == run.invocation);
    calls.enumerate().find(|(_, call)| call.op == op).map(|(number, _)| number + 1)
}

/// Uploads 1.2.0 and holds this call of it; something else follows meanwhile, and everything ends.
async fn held(world: &World, zip: Vec<u8>, (op, number): (Op, usize), owner: Owner, next: Next) {
    let upload = world.put("dev/orders/1.2.0.zip", zip);
    if owner != Owner::Stops {
        world.on(op).hold_for(HELD);
    }
    let invocation = match owner {
        Owner::Lives => world.invocation(),
        Owner::Dies => world.invocation().dies_at(number, CallPhase::After),
        Owner::Stops => world.invocation().freezes_before(number, HELD),
    };
    let owned = async {
        let run = invocation.upload(&upload).await;
        assert_eq!(matches!(run.outcome, Outcome::Died), owner == Owner::Dies, "{:?}", run.outcome);
    };
    let before = world.calls_of(op).len();
    let others = async {
        while world.calls_of(op).len() == before {
            world.pass(Duration::from_millis(5)).await;
        }
        world.pass(Duration::from_millis(15)).await;
        next.comes(world, &upload).await;
        settles(world).await;
    };
    if owner == Owner::Stops {
        // It thaws when all others have ended.
        tokio::join!(owned, others);
    } else {
        tokio::join!(owned, others);
        assert!(world.aws(|aws| aws.held_calls()) <= 1);
    }
    world.pass(HELD).await;
    assert_eq!(world.aws(|aws| aws.held_calls()), 0);
    settles(world).await;
}

const OF_AN_UPDATE: [Op; 5] = [
    Op::UpdateFunctionConfiguration,
    Op::UpdateFunctionCode,
    Op::TagResource,
    Op::PutFunctionConcurrency,
    Op::UpdateAlias,
];

async fn sweep(next: Next) {
    let undisturbed = two_releases().await;
    let upload = undisturbed.put("dev/orders/1.2.0.zip", with_manifest("1.2.0", MANIFEST));
    let run = undisturbed.invocation().upload(&upload).await;
    for op in OF_AN_UPDATE {
        let number = call_of(&undisturbed, &run, op).unwrap();
        for owner in [Owner::Lives, Owner::Dies, Owner::Stops] {
            let what = format!("{op} of one that {owner:?}, then {next:?}");
            let world = two_releases().await;
            held(&world, with_manifest("1.2.0", MANIFEST), (op, number), owner, next).await;
            check_alias(&world, &what);
            // A later deployment succeeds: nothing is left that blocks it.
            world.pass(Duration::from_secs(1)).await;
            let record = world.record("dev/orders/1.4.0.zip", with_manifest("1.4.0", "timeout = 40\n")).await;
            assert_eq!(record.status, Status::Succeeded, "{what}: {:?}", record.because);
            check_alias(&world, &what);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn late_write_of_an_update_keeps_a_newer_upload() {
    sweep(Next::Upload).await;
}

#[tokio::test(start_paused = true)]
async fn late_write_of_an_update_keeps_a_rollback() {
    sweep(Next::Rollback).await;
}

#[tokio::test(start_paused = true)]
async fn late_write_of_an_update_keeps_a_redeploy() {
    sweep(Next::Redeploy).await;
}

#[tokio::test(start_paused = true)]
async fn late_write_of_a_rejected_update_keeps_the_live_release() {
    sweep(Next::Reject).await;
}

#[tokio::test(start_paused = true)]
async fn late_write_of_an_update_keeps_the_same_upload() {
    sweep(Next::SameAgain).await;
}

#[tokio::test(start_paused = true)]
async fn late_write_of_a_creation_keeps_the_later_change() {
    let undisturbed = World::dev();
    let run = undisturbed.invocation().upload(&undisturbed.put("dev/orders/1.2.0.zip", function("1.2.0"))).await;
    for op in [Op::CreateFunction, Op::CreateAlias] {
        let number = call_of(&undisturbed, &run, op).unwrap();
        for owner in [Owner::Lives, Owner::Dies, Owner::Stops] {
            for next in [Next::Upload, Next::SameAgain] {
                let what = format!("{op} of one that {owner:?}, then {next:?}");
                let world = World::dev();
                held(&world, function("1.2.0"), (op, number), owner, next).await;
                check_alias(&world, &what);
            }
        }
    }
}

/// A rollback finds the alias where it should be, while a late write is still on its way to move it.
async fn rollback_with_a_late_move(next: Next) -> (World, Vec<DeploymentRecord>) {
    let world = two_releases().await;
    world.on(Op::UpdateAlias).hold_for(HELD);
    // The next look takes a while, so that the event that follows comes first.
    world.latency(|call| match call.op {
        Op::GetAlias => Duration::from_millis(900),
        _ => Duration::from_millis(20),
    });
    let upload = world.put("dev/orders/1.2.0.zip", code("1.2.0"));
    let others = async {
        while world.calls_of(Op::UpdateAlias).iter().all(|call| call.answer != "Unknown") {
            world.pass(Duration::from_millis(5)).await;
        }
        next.comes(&world, &upload).await;
    };
    tokio::join!(async { drop(world.deliver(&upload).await) }, others);
    settles(&world).await;
    let record = recorded(world.deliver(&upload).await.unwrap());
    let history = world.command(json!({"command": "history", "environment": "dev", "function": "orders"})).await;
    let newest: DeploymentRecord = serde_json::from_value(history["deployments"][0].clone()).unwrap();
    world.pass(HELD).await;
    check_alias(&world, "a late move");
    (world, vec![record, newest])
}

#[tokio::test(start_paused = true)]
async fn late_move_after_a_rollback_finds_a_shut_door() {
    let (world, records) = rollback_with_a_late_move(Next::Rollback).await;
    assert_eq!(records[0].status, Status::Superseded, "{records:#?}");
    assert!(world.function(DEV, "orders", |f| f.aliases["live"].description.contains("turned:")));
    assert_eq!(world.head("dev", "orders")["history"][0]["release"], "1.1.0");
    assert!(world.head("dev", "orders").get("doors").is_none(), "all are shut");
}

#[tokio::test(start_paused = true)]
async fn late_move_after_a_reject_finds_a_shut_door() {
    let (world, records) = rollback_with_a_late_move(Next::Reject).await;
    assert_eq!(records[0].status, Status::Refused, "{records:#?}");
    assert!(world.function(DEV, "orders", |f| f.aliases["live"].description.contains("turned:")));
}

#[tokio::test(start_paused = true)]
async fn door_that_cannot_be_shut_blocks_nobody_and_is_shown() {
    let world = two_releases().await;
    world.on(Op::UpdateAlias).hold_for(HELD);
    let upload = world.put("dev/orders/1.2.0.zip", code("1.2.0"));
    // It dies in the call, and nobody can enter the account any more.
    let number = {
        let undisturbed = two_releases().await;
        let run = undisturbed.invocation().upload(&undisturbed.put("dev/orders/1.2.0.zip", code("1.2.0"))).await;
        call_of(&undisturbed, &run, Op::UpdateAlias).unwrap()
    };
    world.invocation().dies_at(number, CallPhase::After).upload(&upload).await;
    let known_from = world.aws(|aws| std::mem::replace(&mut aws.sts.role(DEV).known_from, jiff::Timestamp::MAX));
    let rollback = json!({"command": "rollback", "environment": "dev", "function": "orders", "to": "1.1.0"});
    world.command(rollback.clone()).await;
    settles(&world).await;
    let head = world.head("dev", "orders");
    assert_eq!((&head["active"], head["doors"][0]["version"].as_str()), (&Value::Null, Some("3")), "{head:#}");
    let status = world.command(json!({"command": "status", "environment": "dev", "function": "orders"})).await;
    let door = &status["functions"][0]["doors"][0];
    assert_eq!((door["account"].as_str(), door["version"].as_str()), (Some(DEV), Some("3")), "{status:#}");
    let record = recorded(world.deliver(&upload).await.unwrap());
    assert!(record.because.as_deref().unwrap().contains("may still move to version 3 until"), "{record:#?}");
    // The next deployment that can enter the account shuts the door.
    world.aws(|aws| aws.sts.role(DEV).known_from = known_from);
    let record = world.command_record(rollback).await;
    assert_eq!(record.status, Status::Succeeded, "{record:#?}");
    assert!(world.head("dev", "orders").get("doors").is_none());
    world.pass(HELD).await;
    check_alias(&world, "a door that was shut late");
}

#[tokio::test(start_paused = true)]
async fn stopped_deployment_of_an_old_head_leaves_no_open_door() {
    let world = two_releases().await;
    world.on(Op::UpdateAlias).hold_for(HELD);
    let number = {
        let undisturbed = two_releases().await;
        let run = undisturbed.invocation().upload(&undisturbed.put("dev/orders/1.2.0.zip", code("1.2.0"))).await;
        call_of(&undisturbed, &run, Op::UpdateAlias).unwrap()
    };
    let upload = world.put("dev/orders/1.2.0.zip", code("1.2.0"));
    world.invocation().dies_at(number, CallPhase::After).upload(&upload).await;
    // The head is as an earlier deployer would have written it.
    let mut head = world.head("dev", "orders");
    let active = head["active"].as_object_mut().unwrap();
    assert!(active.remove("doors").is_some() && active.remove("previous").is_some());
    world.aws(|aws| aws.ledger.put("heads/dev/orders.json", head.to_string().into_bytes()));
    Next::Rollback.comes(&world, &upload).await;
    settles(&world).await;
    world.pass(HELD).await;
    check_alias(&world, "a door that nobody has written down");
}
