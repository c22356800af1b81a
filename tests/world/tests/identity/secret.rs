//! A proof is a secret: nothing of it is kept, logged or told.

use std::time::Duration;

use serde_json::{Value, json};
use world::Trigger;
use world::identities::{DEPLOYER, signed_for};
use world::orders::deploy_all;
use world::promotions::event;

use super::{approve, has_no_proof_in, hold, promote, proven_approval, with_people};

#[tokio::test(start_paused = true)]
async fn signed_call_its_signature_and_its_token_are_in_no_line_record_event_or_result() {
    let mut prod = proven_approval(1);
    prod["proven"] = json!(["hold", "recall"]);
    let world = with_people(&prod);
    deploy_all(&world, &["1.0.1", "1.1.0"]).await;
    let recall = json!({"command": "recall", "function": "orders", "release": "1.1.0", "reason": "leaks", "id": "r"});
    let redeploy = |id: &str| json!({"command": "redeploy", "environment": "dev", "function": "orders", "id": id});
    let mut other_id = world.signed("ann", hold("1"));
    other_id["id"] = json!("2");
    let mut malformed = world.signed("ann", hold("3"));
    malformed["identity"]["host"] = json!("evil.example");
    let late = world.now() - Duration::from_secs(901);
    let work = async {
        let mut told = Vec::new();
        for command in [
            world.signed("ann", promote("p")),
            world.signed("bob", approve("bob", "a")),
            world.signed("ann", hold("4")),
            signed_for(DEPLOYER, "eve", world.now(), hold("5")),
            signed_for(DEPLOYER, "ann", late, hold("6")),
            signed_for(DEPLOYER, "ann", late, redeploy("7")),
            other_id,
            malformed,
            world.signed("ann", recall),
        ] {
            told.push(format!("{:?}", world.invocation().run(&Trigger::Command(command)).await));
        }
        for (status, body) in [(403, "<x/>"), (500, "no"), (200, "<html/>")] {
            world.aws(|aws| aws.keys.answer = Some((status, body.to_owned())));
            for command in [hold(&format!("h{status}")), redeploy(&format!("r{status}"))] {
                let command = world.signed("ann", command);
                told.push(format!("{:?}", world.invocation().run(&Trigger::Command(command)).await));
            }
        }
        world.aws(|aws| aws.keys.answer = None);
        let asks = json!({"function": "orders", "from": "dev", "to": "prod", "id": "e1"});
        let mut unreadable = world.signed_detail("ann", "Promotion Requested", asks.clone());
        unreadable["from"] = json!("Not A Name");
        for detail in [world.signed_detail("ann", "Promotion Approved", asks), unreadable] {
            let sent = event("Promotion Requested", &detail.to_string(), world.now(), &detail);
            told.push(format!("{:?}", world.send_event(&sent).await));
        }
        told
    };
    let (mut told, lines) = fixtures::lines::of(work).await;
    assert!(lines.len() > 20 && world.aws(|aws| aws.keys.signatures.len()) > 8, "{lines:#?}");
    told.extend(lines.iter().map(Value::to_string));
    has_no_proof_in(&world, &told);
}
