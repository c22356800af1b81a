//! Ids that another command or another person has used, and proofs that cannot be checked.

use deployer_core::record::Status;
use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::orders::deploy_all;
use world::{Op, World};

use super::{BOB, approve, hold, promote, proven_approval, waiting, with_people};

fn bad(command: &str, id: &str) -> Value {
    let mut command = json!({"command": command, "function": "orders", "release": "1.1.0", "id": id});
    if command["command"] != "unreject" {
        command["reason"] = json!("leaks");
    }
    command
}

async fn recall_needs_proof() -> World {
    let world = with_people(&json!({"proven": ["recall"]}));
    deploy_all(&world, &["1.0.1", "1.1.0"]).await;
    world.command(bad("reject", "x")).await;
    world
}

/// Makes the reject's ledger object that of an older deployer, which remembers a recall as it does a reject.
fn as_older_deployer_remembers(world: &World) {
    const REJECTS: &str = "rejects/orders.json";
    world.aws(|aws| {
        let mut rejects: Value = serde_json::from_slice(aws.ledger.get(REJECTS).unwrap()).unwrap();
        let only_reject = rejects["obeyed"].as_array_mut().unwrap().remove(0);
        assert!(only_reject.is_string(), "{rejects:#}");
        aws.ledger.put(REJECTS, serde_json::to_vec(&rejects).unwrap());
    });
}

#[tokio::test(start_paused = true)]
async fn recall_under_the_id_of_a_reject_is_refused() {
    let world = recall_needs_proof().await;
    let before = world.snapshot();
    let (error, message) = world.command_error(world.signed("bob", bad("recall", "x"))).await;
    assert_eq!(error, "InvalidCommand", "{message}");
    assert!(message.contains("was another command's before"), "{message}");
    assert_eq!((world.snapshot(), world.served_releases()[0].as_str()), (before, "1.1.0"));
}

#[tokio::test(start_paused = true)]
async fn recall_that_an_older_deployer_has_taken_needs_a_valid_proof() {
    let world = recall_needs_proof().await;
    as_older_deployer_remembers(&world);
    // Somebody who has proven their identity rejects the release too.
    world.command(world.signed("ann", bad("reject", "y"))).await;
    let before = world.snapshot();
    let (error, message) = world.command_error(world.signed("eve", bad("recall", "x"))).await;
    assert_eq!(error, "InvalidCommand", "{message}");
    assert!(message.contains("does not know the access key"), "{message}");
    world.on(Op::GetCallerIdentity).times(3).fail(CallErrorKind::Unknown);
    let (error, message) = world.command_error(world.signed("bob", bad("recall", "x"))).await;
    assert_eq!(error, "IdentityUnavailable", "{message}");
    assert_eq!((world.snapshot(), world.served_releases()[0].as_str()), (before, "1.1.0"));
    let recalled = world.command(world.signed("bob", bad("recall", "x"))).await;
    assert_eq!(recalled["environments"][0]["deployment"]["cause"]["principal"], BOB, "{recalled}");
    assert_eq!(world.served_releases()[0], "1.0.1");
}

#[tokio::test(start_paused = true)]
async fn reject_under_the_id_of_a_recall_is_refused() {
    let world = with_people(&json!({}));
    deploy_all(&world, &["1.0.1", "1.1.0"]).await;
    world.command(bad("recall", "x")).await;
    for command in ["reject", "unreject"] {
        let (error, message) = world.command_error(bad(command, "x")).await;
        assert_eq!(error, "InvalidCommand", "{message}");
        assert!(message.contains("was another command's before"), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn recall_of_an_older_deployer_does_not_begin_again() {
    let world = recall_needs_proof().await;
    as_older_deployer_remembers(&world);
    world.command(bad("unreject", "u")).await;
    let before = world.snapshot();
    let again = world.command(world.signed("bob", bad("recall", "x"))).await;
    assert_eq!((&again["environments"], world.snapshot()), (&json!([]), before));
}

#[tokio::test(start_paused = true)]
async fn id_of_another_persons_approval_is_refused() {
    let (world, _) = waiting(2).await;
    world.command(world.signed("bob", approve("bob", "CHG-17"))).await;
    let before = world.snapshot();
    let (error, message) = world.command_error(world.signed("carl", approve("carl", "CHG-17"))).await;
    assert_eq!(error, "InvalidCommand", "{message}");
    assert!(message.contains("id \"CHG-17\" was another command's before"), "{message}");
    // The same person is known by the principal, whatever name they give.
    let again = world.command_record(world.signed("bob", approve("robert", "CHG-17"))).await;
    assert_eq!((again.status, world.snapshot()), (Status::Pending, before));
    let done = world.command_record(world.signed("carl", approve("carl", "CHG-18"))).await;
    assert_eq!(done.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn approval_under_the_id_and_the_name_of_another_counts_for_nobody() {
    let (world, _) = waiting(2).await;
    world.command(world.signed("bob", approve("bob", "CHG-17"))).await;
    let (before, asked) = (world.snapshot(), world.calls_of(Op::GetCallerIdentity).len());
    // The id and the name make it the same request: STS is not asked, and the answer names who has approved.
    let again = world.command_record(world.signed("carl", approve("bob", "CHG-17"))).await;
    let [only] = &again.promotion.as_ref().unwrap().approvals[..] else { panic!("{again:?}") };
    assert_eq!(only.principal.as_ref().map(|principal| principal.as_str()), Some(BOB));
    assert_eq!(again.promotion.as_ref().unwrap().approvals_wanted, Some(1), "one is missing still");
    assert_eq!((world.snapshot(), world.calls_of(Op::GetCallerIdentity).len()), (before, asked));
}

#[tokio::test(start_paused = true)]
async fn id_of_another_persons_approval_without_proof_is_refused() {
    let world = with_people(&json!({"approval": {"required": 2}}));
    deploy_all(&world, &["1.1.0"]).await;
    world.command(promote("p1")).await;
    assert_eq!(world.command_record(approve("bob", "CHG-17")).await.status, Status::Pending);
    assert_eq!(world.command_record(approve("bob", "CHG-17")).await.status, Status::Pending, "it comes again");
    let (_, message) = world.command_error(approve("carl", "CHG-17")).await;
    assert!(message.contains("was another command's before"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn promotion_by_pattern_asks_silent_sts_no_more_than_another_command() {
    let world = with_people(&proven_approval(2));
    deploy_all(&world, &["1.1.0"]).await;
    for function in ["workers", "bills"] {
        let manifest = "role = \"orders\"\nruntime = \"provided.al2023\"\nhandler = \"bootstrap\"\n";
        let zip = world::zips::with_manifest("1.1.0", manifest);
        world.upload_until_ended(&format!("dev/{function}/1.1.0.zip"), zip).await;
    }
    world.on(Op::GetCallerIdentity).times(99).fail(CallErrorKind::Unknown);
    let mut each = promote("p1");
    each["function"] = json!("*");
    let (error, message) = world.command_error(world.signed("ann", each)).await;
    assert_eq!(error, "IdentityUnavailable", "{message}");
    assert_eq!(world.calls_of(Op::GetCallerIdentity).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn hold_that_loses_a_race_is_logged_once_and_when_it_is_written() {
    const HEAD: &str = "heads/dev/orders.json";
    let world = with_people(&json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    let dev = |command: &str| json!({"command": command, "environment": "dev", "function": "orders", "id": command});
    let mut held = dev("hold");
    held["reason"] = json!("audit");
    for (command, line) in [(held, "held"), (dev("release-hold"), "hold released")] {
        // Somebody else writes the head between the read and the write.
        world.on(Op::WriteLedger).about(HEAD).meanwhile(|aws| {
            let head = aws.ledger.get(HEAD).unwrap().to_vec();
            aws.ledger.put(HEAD, head);
        });
        let (_, lines) = fixtures::lines::of(world.command(command.clone())).await;
        let told = lines.iter().filter(|it| it["message"] == line).count();
        assert_eq!(told, 1, "{line}: {lines:?}");
        world.heal();
    }
}

#[tokio::test(start_paused = true)]
async fn deployer_that_does_not_know_its_own_arn_has_failed() {
    let world = with_people(&json!({"proven": ["hold"]}));
    deploy_all(&world, &["1.1.0"]).await;
    world.aws(|aws| aws.keys.has_no_audience = true);
    let (error, message) = world.command_error(world.signed("ann", hold("h1"))).await;
    assert_eq!(error, "Internal", "{message}");
    assert!(message.contains("does not know its own ARN"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn silent_sts_names_the_vpc_endpoint() {
    let world = with_people(&json!({"proven": ["hold"]}));
    deploy_all(&world, &["1.1.0"]).await;
    let slow = std::time::Duration::from_secs(600);
    world.latency(move |call| if call.op == Op::GetCallerIdentity { slow } else { std::time::Duration::ZERO });
    let (error, message) = world.command_error(world.signed("ann", hold("h1"))).await;
    assert_eq!(error, "IdentityUnavailable", "{message}");
    assert!(message.contains("no answer in 3 s"), "{message}");
    assert!(message.contains("a deployer in a VPC needs a VPC endpoint for STS"), "{message}");
}
