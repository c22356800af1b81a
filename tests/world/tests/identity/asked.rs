//! When STS is asked who gives a request: once for each, and never for one that the ledger knows.

use std::time::Duration;

use deployer_core::names::ERROR_LINE;
use deployer_core::record::Status;
use deployer_engine::port::CallErrorKind;
use deployer_engine::{FunctionError, Transient};
use serde_json::{Value, json};
use world::identities::{DEPLOYER, signed_for};
use world::orders::deploy_all;
use world::promotions::event;
use world::{Op, World, ignored, recorded};

use super::{ANN, approve, hold, promote, proven_approval, waiting, with_people};

/// Sends a command twice, each time signed anew, and returns both answers.
async fn twice(world: &World, key: &str, command: Value) -> [Value; 2] {
    let first = world.command(world.signed(key, command.clone())).await;
    world.pass(Duration::from_secs(2)).await;
    let asked = world.calls_of(Op::GetCallerIdentity).len();
    let before = world.snapshot();
    world.on(Op::GetCallerIdentity).fail(CallErrorKind::Unknown);
    let second = world.command(world.signed(key, command.clone())).await;
    world.heal();
    assert_eq!(world.calls_of(Op::GetCallerIdentity).len(), asked, "STS is not asked again: {command}");
    assert_eq!(world.snapshot(), before, "{command}");
    [first, second]
}

#[tokio::test(start_paused = true)]
async fn command_that_is_known_is_answered_without_asking_sts() {
    let mut prod = proven_approval(2);
    prod["proven"] = json!(["hold", "reject", "recall"]);
    let world = with_people(&prod);
    deploy_all(&world, &["1.0.1", "1.1.0"]).await;
    let dev = |command: &str| json!({"command": command, "environment": "dev", "function": "orders", "id": command});
    for command in [
        dev("redeploy"),
        dev("rollback"),
        json!({"command": "deploy", "environment": "dev", "function": "orders", "release": "1.1.0", "id": "d"}),
        promote("p1"),
        approve("bob", "a1"),
    ] {
        let [first, second] = twice(&world, if command["id"] == "a1" { "bob" } else { "ann" }, command).await;
        assert_eq!((&first["id"], &first["cause"]), (&second["id"], &second["cause"]));
        assert_eq!(second["cause"]["principal"], ANN);
    }
    let release = json!({"command": "release-hold", "environment": "prod", "function": "orders", "id": "h2"});
    let of = |command: &str| {
        json!({"command": command, "function": "orders", "release": "1.1.0", "id": command,
        "reason": "leaks"})
    };
    let mut unreject = of("unreject");
    unreject.as_object_mut().unwrap().remove("reason");
    for command in [hold("h1"), release, of("reject"), unreject] {
        let [mut first, second] = twice(&world, "ann", command).await;
        // Only the call that ends what waits names it.
        first.as_object_mut().unwrap().remove("ended_waiting");
        assert_eq!(first, second);
    }
    let [first, second] = twice(&world, "ann", of("recall")).await;
    let rollback = |answer: &Value| answer["environments"][0]["deployment"]["cause"].clone();
    assert_eq!((rollback(&first), &rollback(&second)["principal"]), (rollback(&second), &json!(ANN)));
}

#[tokio::test(start_paused = true)]
async fn group_or_pattern_that_is_known_is_answered_without_asking_sts() {
    let world = with_people(&proven_approval(2));
    deploy_all(&world, &["1.1.0"]).await;
    world.upload_until_ended("dev/workers/1.1.0.zip", world::zips::code("1.1.0")).await;
    let together = json!({"command": "promote", "functions": ["orders", "workers"], "from": "dev", "to": "prod",
        "requested_by": "ann", "id": "g1"});
    let [group, again] = twice(&world, "ann", together).await;
    assert_eq!((&group["id"], &again["cause"]["principal"]), (&again["id"], &json!(ANN)));
    let word = json!({"command": "approve", "environment": "prod", "deployment": group["id"], "requested_by": "bob",
        "id": "a1"});
    let [_, again] = twice(&world, "bob", word).await;
    assert_eq!(again["approvals"].as_array().unwrap().len(), 1);
    let decline = json!({"command": "decline", "environment": "prod", "deployment": group["id"], "requested_by": "bob",
        "id": "a2"});
    let [declined, again] = twice(&world, "bob", decline).await;
    assert_eq!((&declined["status"], &again["status"]), (&json!("refused"), &json!("refused")));
    let mut each = promote("p1");
    each["function"] = json!("*");
    let [first, again] = twice(&world, "ann", each).await;
    assert_eq!((first["deployments"].as_array().unwrap().len(), &first), (2, &again));
}

#[tokio::test(start_paused = true)]
async fn known_id_answers_no_more_than_before_where_the_proof_is_none() {
    let mut prod = proven_approval(2);
    prod["proven"] = json!(["hold"]);
    let world = with_people(&prod);
    deploy_all(&world, &["1.1.0"]).await;
    world.command(world.signed("ann", hold("h1"))).await;
    let release = json!({"command": "release-hold", "environment": "prod", "function": "orders", "id": "h2"});
    world.command(world.signed("ann", release)).await;
    world.command(world.signed("ann", promote("p1"))).await;
    world.command(world.signed("bob", approve("bob", "a1"))).await;
    let before = world.snapshot();
    let elsewhere = "arn:aws:lambda:eu-west-1:000000000000:function:deployer-2";
    for (command, expected, because) in [
        (hold("h1"), "Refused", "the request carries no proof (identity)"),
        (approve("bob", "a1"), "Refused", "does not count without a proof of identity (identity)"),
        (
            signed_for(elsewhere, "ann", world.now(), hold("h1")),
            "InvalidCommand",
            "the proof of identity is for the deployer",
        ),
        (world.signed("ann", hold("h1")), "InvalidCommand", "was another command's before"),
    ] {
        let (error, message) = world.command_error(command).await;
        assert_eq!(error, expected);
        assert!(message.contains(because), "{message}");
    }
    // The id of a command under another reason is another request, and STS is asked about a new id.
    let mut other = hold("h1");
    other["reason"] = json!("another");
    assert!(world.command_error(world.signed("ann", other)).await.1.contains("another command's before"));
    let forged = signed_for(DEPLOYER, "eve", world.now(), hold("h3"));
    assert!(world.command_error(forged).await.1.contains("does not know the access key"));
    assert_eq!(world.snapshot(), before);
}

#[tokio::test(start_paused = true)]
async fn sts_is_asked_again_after_a_pause_and_a_denial_is_final() {
    let world = with_people(&json!({"proven": ["hold"]}));
    deploy_all(&world, &["1.1.0"]).await;
    let asked = || world.calls_of(Op::GetCallerIdentity).iter().map(|call| call.began).collect::<Vec<_>>();
    world.on(Op::GetCallerIdentity).times(2).fail(CallErrorKind::Throttled);
    world.command(world.signed("ann", hold("h1"))).await;
    let [first, second, third] = asked()[..] else { panic!("{:?}", asked()) };
    assert!(second - first >= Duration::from_millis(500) && third - second >= Duration::from_secs(1));
    let denied = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>t0ken</Message></Error></ErrorResponse>";
    world.aws(|aws| aws.keys.answer = Some((403, denied.to_owned())));
    let (error, message) = world.command_error(world.signed("ann", hold("h2"))).await;
    assert_eq!((error.as_str(), asked().len()), ("Refused", 4), "{message}");
    assert!(message.contains("prod takes hold from proven identities only: STS in eu-west-1 may not say"), "{message}");
    assert!(message.contains("look at the policy of the deployer's VPC endpoint for STS"), "{message}");
    assert!(!message.contains("service control"), "GetCallerIdentity cannot be denied: {message}");
    let redeploy = json!({"command": "redeploy", "environment": "dev", "function": "orders", "id": "r"});
    let record = world.command_record(world.signed("ann", redeploy)).await;
    assert!(record.cause.unproven.unwrap().contains("STS in eu-west-1 may not say"), "it is carried out");
}

#[tokio::test(start_paused = true)]
async fn sts_that_is_away_is_no_failure_of_the_deployer() {
    let error = FunctionError::from(Transient::Identity("no answer in 3 s".into()));
    let ((), lines) = fixtures::lines::of(async { error.log() }).await;
    let told: Vec<_> = lines.iter().filter_map(|line| line["message"].as_str()).collect();
    assert_eq!(error.error_type(), "IdentityUnavailable");
    // The alarm `errors` counts lines that begin with ERROR_LINE.
    assert!(matches!(told[..], [line] if line.starts_with("put off: the proof of identity could not")), "{told:?}");
    assert!(!told[0].starts_with(ERROR_LINE));
}

#[tokio::test(start_paused = true)]
async fn approval_event_without_a_proof_is_answered_by_an_event() {
    let (world, record) = waiting(1).await;
    let word = json!({"environment": "prod", "function": "orders", "deployment": record.id, "approved_by": "bob"});
    let sent = world.sent_events().len();
    let because = ignored(world.send_event(&event("Promotion Approved", "a", world.now(), &word)).await);
    assert!(because.contains("does not count without a proof of identity"), "{because}");
    assert_eq!(world.sent_events()[sent..], ["Promotion Refused -/orders - -"]);
    let told = world.aws(|aws| aws.events.last().unwrap().detail.clone());
    assert_eq!((&told["because"], &told["requested_by"]), (&json!(because), &json!("bob")));
    assert_eq!(told["refused"], "approval", "the promotion goes on waiting");
    let detail = json!({"function": "nobody", "from": "dev", "to": "prod", "requested_by": "bob"});
    let _told = ignored(world.send_event(&event("Promotion Requested", "q", world.now(), &detail)).await);
    assert_eq!(world.aws(|aws| aws.events.last().unwrap().detail["refused"].clone()), "request");
}

#[tokio::test(start_paused = true)]
async fn approval_event_that_comes_again_is_known_by_its_id() {
    let (world, record) = waiting(2).await;
    let word = json!({"environment": "prod", "function": "orders", "deployment": record.id, "approved_by": "bob"});
    let word = event("Promotion Approved", "b", world.now(), &world.signed_detail("bob", "Promotion Approved", word));
    world.send_event(&word).await;
    let (asked, sent) = (world.calls_of(Op::GetCallerIdentity).len(), world.sent_events().len());
    world.pass(Duration::from_secs(901)).await;
    assert_eq!(recorded(world.send_event(&word).await).status, Status::Pending);
    assert_eq!((world.calls_of(Op::GetCallerIdentity).len(), world.sent_events().len()), (asked, sent));
}
