//! The command `rollout` with a proof of who gives it.

use std::time::Duration;

use deployer_core::record::{DeploymentRecord, Status};
use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::identities::{DEPLOYER, signed_for};
use world::{Op, World};

use super::{ANN, has_no_proof};

/// Returns a world in which 1.1.0 has a tenth of the traffic of `dev`, and whose STS knows ann.
async fn rolling_out(proven: &[&str]) -> (World, DeploymentRecord) {
    let world =
        World::with_callers(&["111111111111"], &json!({"steps": [{"weight": 10, "for": "10m"}], "watch": "5m"}));
    world.demand_proof("dev", proven);
    world.add_key("ann", ANN);
    let begun = world.record("dev/orders/1.1.0.zip", world::zips::code("1.1.0")).await;
    assert_eq!(begun.status, Status::InProgress, "{begun:?}");
    (world, begun)
}

fn word(begun: &DeploymentRecord, action: &str, id: &str) -> Value {
    json!({"command": "rollout", "environment": "dev", "function": "orders", "deployment": begun.id.to_string(),
        "action": action, "requested_by": "x", "id": id})
}

#[tokio::test(start_paused = true)]
async fn words_about_a_rollout_are_recorded_with_the_proven_principal() {
    let (world, begun) = rolling_out(&["rollout"]).await;
    let paused = world.command(world.signed("ann", word(&begun, "pause", "p"))).await;
    let because = &paused["functions"][0]["rollout"]["paused"]["because"];
    assert_eq!(*because, json!(format!("x ({ANN}) has asked to pause it")));
    world.command(world.signed("ann", word(&begun, "continue", "c"))).await;
    let asked = world.calls_of(Op::GetCallerIdentity).len();
    let before = world.snapshot();
    world.command(world.signed("ann", word(&begun, "continue", "c"))).await;
    assert_eq!((asked, world.calls_of(Op::GetCallerIdentity).len()), (2, 2), "a known word is asked about no more");
    assert_eq!(world.snapshot(), before);
    world.command(world.signed("ann", word(&begun, "abort", "a"))).await;
    let record = world.newest_in("dev").await;
    assert_eq!(record.status, Status::RolledBack, "{record:?}");
    assert!(record.because.unwrap().starts_with(&format!("x ({ANN}) has asked to abort it; 1.1.0 was taken back")));
    let asked = record.rollout.unwrap().asked;
    let principals = asked.iter().map(|word| (word.action.as_str(), word.principal.as_ref().unwrap().as_str()));
    assert_eq!(principals.collect::<Vec<_>>(), [("pause", ANN), ("continue", ANN), ("abort", ANN)]);
    has_no_proof(&world);
}

#[tokio::test(start_paused = true)]
async fn word_whose_proof_is_none_is_refused_and_changes_nothing() {
    let (world, begun) = rolling_out(&["rollout"]).await;
    world.command(world.signed("ann", word(&begun, "pause", "p"))).await;
    let (now, before) = (world.now(), world.snapshot());
    for action in ["pause", "continue", "finish", "abort"] {
        let word = word(&begun, action, "w");
        let mut other_id = world.signed("ann", word.clone());
        other_id["id"] = json!("w2");
        let elsewhere = "arn:aws:lambda:eu-west-1:000000000000:function:deployer-2";
        for (command, kind, because) in [
            (
                word.clone(),
                "Refused",
                "dev takes rollout from proven identities only, and the request carries no proof",
            ),
            (
                signed_for(DEPLOYER, "ann", now - Duration::from_secs(901), word.clone()),
                "Refused",
                "proven identities only: the proof of identity was signed at",
            ),
            (other_id, "InvalidCommand", "the proof of identity does not fit"),
            (signed_for(elsewhere, "ann", now, word.clone()), "InvalidCommand", "is for the deployer"),
        ] {
            let (error, message) = world.command_error(command.clone()).await;
            assert_eq!(error, kind, "{command}: {message}");
            assert!(message.contains(because), "{command}: {message}");
        }
    }
    world.on(Op::GetCallerIdentity).times(3).fail(CallErrorKind::Unknown);
    let (error, _) = world.command_error(world.signed("ann", word(&begun, "abort", "a"))).await;
    assert_eq!(error, "IdentityUnavailable");
    assert_eq!(world.snapshot(), before);
}

#[tokio::test(start_paused = true)]
async fn late_proof_is_recorded_as_none_where_no_proof_is_needed() {
    let (world, begun) = rolling_out(&[]).await;
    let late = signed_for(DEPLOYER, "ann", world.now() - Duration::from_secs(901), word(&begun, "abort", "a"));
    world.command(late).await;
    let record = world.newest_in("dev").await;
    let [asked] = &record.rollout.unwrap().asked[..] else { panic!("one word") };
    assert_eq!((record.status, &asked.principal), (Status::RolledBack, &None));
    assert!(asked.unproven.as_ref().unwrap().contains("after 15 minutes it has expired"), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn rollback_takes_a_rollout_back_without_a_proof() {
    let (world, _) = rolling_out(&["rollout"]).await;
    let command = json!({"command": "rollback", "environment": "dev", "function": "orders", "id": "r"});
    assert_eq!(world.command_record(command).await.status, Status::Succeeded);
    assert_eq!(world.served("111111111111"), (1, [].into()));
}
