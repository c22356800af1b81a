//! Requests that prove who gives them, and proofs that prove nothing.

mod asked;
mod reused;
mod rollouts;
mod secret;

use std::time::Duration;

use deployer_core::hold_and_reject::Hold;
use deployer_core::record::{Code, DeploymentRecord, Status};
use deployer_engine::port::CallErrorKind;
use serde_json::{Value, json};
use world::identities::{DEPLOYER, SESSION_TOKEN, signed_for};
use world::orders::deploy_all;
use world::promotions::event;
use world::{Op, Outcome, Trigger, World, ignored, recorded};

const ANN: &str = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_1/ann";
const BOB: &str = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Release_1/bob";
const CARL: &str = "arn:aws:sts::111122223333:assumed-role/release-lead/job-1";

/// Returns a world with `prod` of these fields, in which STS knows ann, bob and carl by keys of their names.
fn with_people(prod: &Value) -> World {
    let mut fields = json!({"promotion": {"from": "dev"}});
    for (name, value) in prod.as_object().unwrap() {
        fields[name] = value.clone();
    }
    let world = World::three_environments(&json!({}), &fields);
    for (key, principal) in [("ann", ANN), ("bob", BOB), ("carl", CARL)] {
        world.add_key(key, principal);
    }
    world
}

fn proven_approval(required: u32) -> Value {
    json!({"approval": {"required": required, "proven": true, "approvers": [
        "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Release_*",
        "arn:aws:iam::111122223333:role/release-*"]}})
}

fn hold(id: &str) -> Value {
    json!({"command": "hold", "environment": "prod", "function": "orders", "reason": "audit", "id": id})
}

fn promote(id: &str) -> Value {
    json!({"command": "promote", "function": "orders", "from": "dev", "to": "prod", "requested_by": "ann", "id": id})
}

fn approve(by: &str, id: &str) -> Value {
    json!({"command": "approve", "environment": "prod", "function": "orders", "requested_by": by, "id": id})
}

/// Returns a world in which a promotion by ann waits for approvals of proven identities.
async fn waiting(required: u32) -> (World, DeploymentRecord) {
    let world = with_people(&proven_approval(required));
    deploy_all(&world, &["1.1.0"]).await;
    let record = world.command_record(world.signed("ann", promote("p1"))).await;
    assert_eq!((record.status, record.code), (Status::Pending, Some(Code::Waiting)), "{record:?}");
    (world, record)
}

/// Asserts that the ledger and the events hold no part of a proof, and these texts no value of one.
fn has_no_proof_in(world: &World, texts: &[String]) {
    let kept = world.aws(|aws| {
        let ledger = aws.ledger.keys("").map(|key| String::from_utf8_lossy(aws.ledger.get(key).unwrap()).into_owned());
        format!("{} {:?}", ledger.collect::<Vec<_>>().concat(), aws.events)
    });
    for field in ["access_key_id", "signature", "IdentityProof"] {
        assert!(!kept.contains(field), "{field}");
    }
    let told = kept + &texts.concat();
    let signatures = world.aws(|aws| aws.keys.signatures.clone());
    for secret in ["aws4_request", SESSION_TOKEN].into_iter().chain(signatures.iter().map(String::as_str)) {
        assert!(!told.contains(secret), "{secret}");
    }
}

fn has_no_proof(world: &World) {
    has_no_proof_in(world, &[]);
}

#[tokio::test(start_paused = true)]
async fn principal_is_recorded_beside_the_name_and_the_proof_is_not() {
    let world = with_people(&json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    let command =
        json!({"command": "rollback", "environment": "dev", "function": "orders", "requested_by": "x", "id": "r"});
    let record = world.command_record(world.signed("ann", command)).await;
    assert_eq!(record.cause.requested_by.as_deref(), Some("x"), "{record:?}");
    assert_eq!(record.cause.principal.as_ref().unwrap().as_str(), ANN);
    assert_eq!(world.newest_in("dev").await.cause, record.cause, "the ledger has it");
    let held = world.command(world.signed("bob", hold("h"))).await;
    let held: Hold = serde_json::from_value(held["functions"][0]["hold"].clone()).unwrap();
    assert_eq!(held.principal.unwrap().as_str(), BOB);
    has_no_proof(&world);
    let asked = world.calls_of(Op::GetCallerIdentity).len();
    world.command(json!({"command": "status"})).await;
    assert_eq!((asked, world.calls_of(Op::GetCallerIdentity).len()), (2, 2), "nobody asks for who only looks");
}

#[tokio::test(start_paused = true)]
async fn proof_for_anything_else_is_refused_and_changes_nothing() {
    let world = with_people(&json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    let now = world.now();
    let other = |more: &Value| {
        // The proof of one command, put into another.
        let mut command = world.signed("ann", hold("h1"));
        for (name, value) in more.as_object().unwrap() {
            command[name] = value.clone();
        }
        command
    };
    let elsewhere = "arn:aws:lambda:eu-west-1:000000000000:function:deployer-2";
    let before = world.snapshot();
    for (command, because) in [
        (other(&json!({"id": "h2"})), "the proof of identity does not fit"),
        (other(&json!({"id": "h1 "})), "the proof of identity does not fit"),
        (other(&json!({"environment": "dev"})), "the proof of identity does not fit"),
        (other(&json!({"requested_by": "eve"})), "the proof of identity does not fit"),
        (signed_for(elsewhere, "ann", now, hold("h1")), "the proof of identity is for the deployer"),
        (signed_for(&DEPLOYER.replace("eu-west-1", "us-east-1"), "ann", now, hold("h1")), "is for the deployer"),
        (signed_for(DEPLOYER, "eve", now, hold("h1")), "does not know the access key"),
        (signed_for(DEPLOYER, "ann", now + Duration::from_secs(360), hold("h1")), "is the clock right"),
    ] {
        let (error, message) = world.command_error(command.clone()).await;
        assert_eq!(error, "InvalidCommand", "{command}: {message}");
        assert!(message.contains(because), "{command}: {message}");
    }
    // The audience is rewritten to this deployer's: the signature is still the other one's.
    let mut stolen = signed_for(elsewhere, "ann", now, hold("h1"));
    stolen["identity"]["audience"] = json!(DEPLOYER);
    assert!(world.command_error(stolen).await.1.contains("does not fit"));
    // The key of somebody else, with ann's signature.
    let mut foreign = world.signed("ann", hold("h1"));
    foreign["identity"]["access_key_id"] = json!("bob");
    assert!(world.command_error(foreign).await.1.contains("does not fit"));
    let mut redated = signed_for(DEPLOYER, "ann", now - Duration::from_secs(3600), hold("h1"));
    redated["identity"]["date"] = json!(now.strftime("%Y%m%dT%H%M%SZ").to_string());
    assert!(world.command_error(redated).await.1.contains("does not fit"));
    assert_eq!(world.snapshot(), before);
}

#[tokio::test(start_paused = true)]
async fn same_proof_again_is_the_same_request() {
    let world = with_people(&json!({"proven": ["hold"]}));
    deploy_all(&world, &["1.1.0"]).await;
    let held = world.signed("ann", hold("h1"));
    world.command(held.clone()).await;
    let before = world.snapshot();
    world.command(held.clone()).await;
    assert_eq!(world.snapshot(), before);
    let release = json!({"command": "release-hold", "environment": "prod", "function": "orders", "id": "r1"});
    world.command(world.signed("ann", release)).await;
    let (_, message) = world.command_error(held).await;
    assert!(message.contains("give each command an id of its own"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn commands_that_need_proof_are_refused_without_it() {
    let world = with_people(&json!({"proven": ["hold", "reject", "recall", "override-freeze"],
        "freeze": [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "zone": "UTC"}]}));
    deploy_all(&world, &["1.1.0"]).await;
    let bad = |command: &str, id: &str| json!({"command": command, "function": "orders", "release": "1.1.0", "reason": "leaks", "id": id});
    let release = json!({"command": "release-hold", "environment": "prod", "function": "orders", "id": "2"});
    let unreject = json!({"command": "unreject", "function": "orders", "release": "1.1.0", "id": "4"});
    let mut override_freeze = promote("6");
    override_freeze["override_freeze"] = json!("customer is down");
    for (what, command) in [
        ("hold", hold("1")),
        ("hold", release),
        ("override-freeze", override_freeze),
        ("reject", bad("reject", "3")),
        ("reject", unreject),
        ("recall", bad("recall", "5")),
    ] {
        let before = world.snapshot();
        let (error, message) = world.command_error(command.clone()).await;
        assert_eq!(error, "Refused");
        let expected = format!(
            "prod takes {what} from proven identities only, and the request carries no proof (identity): deployctl sends it \
             where your credentials allow"
        );
        assert_eq!(message, expected, "{command}");
        let late = signed_for(DEPLOYER, "ann", world.now() - Duration::from_secs(901), command.clone());
        let (_, message) = world.command_error(late).await;
        assert!(message.contains("proven identities only: the proof of identity was signed at"), "{message}");
        world.on(Op::GetCallerIdentity).times(3).fail(CallErrorKind::Unknown);
        let (error, message) = world.command_error(world.signed("ann", command.clone())).await;
        assert_eq!(error, "IdentityUnavailable");
        assert!(message.contains("could not be checked, so nothing was done"), "{message}");
        assert_eq!(world.snapshot(), before, "{command}");
        world.command(world.signed("ann", command)).await;
    }
    let elsewhere = json!({"command": "hold", "environment": "dev", "function": "orders", "reason": "x", "id": "7"});
    world.command(elsewhere).await;
    has_no_proof(&world);
}

#[tokio::test(start_paused = true)]
async fn late_proof_or_silent_sts_is_recorded_where_no_proof_is_needed() {
    let world = with_people(&json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    let late = signed_for(DEPLOYER, "ann", world.now() - Duration::from_secs(901), hold("h1"));
    let held = world.command(late).await;
    let unproven = held["functions"][0]["hold"]["unproven"].as_str().unwrap().to_owned();
    assert!(unproven.contains("after 15 minutes it has expired"), "{unproven}");
    world.on(Op::GetCallerIdentity).fail(CallErrorKind::Unknown);
    let command = json!({"command": "redeploy", "environment": "dev", "function": "orders", "id": "r"});
    let record = world.command_record(world.signed("ann", command)).await;
    assert_eq!((record.status, &record.cause.principal), (Status::Unchanged, &None));
    let unproven = record.cause.unproven.unwrap();
    assert!(unproven.contains("sts.eu-west-1.amazonaws.com could not be asked who has signed"), "{unproven}");
    has_no_proof(&world);
}

#[tokio::test(start_paused = true)]
async fn sts_that_hangs_or_answers_otherwise_names_nobody() {
    let world = with_people(&json!({}));
    deploy_all(&world, &["1.1.0"]).await;
    let command = |id: &str| json!({"command": "redeploy", "environment": "dev", "function": "orders", "id": id});
    world.latency(|call| Duration::from_secs(if call.op == Op::GetCallerIdentity { 600 } else { 0 }));
    let before = world.elapsed();
    let record = world.command_record(world.signed("ann", command("1"))).await;
    assert!(record.cause.unproven.unwrap().contains("no answer in 3 s"));
    assert!(world.elapsed() - before < Duration::from_secs(5));
    world.latency(|_| Duration::ZERO);
    let names_bob = format!("<Other><Arn>{BOB}</Arn></Other>");
    for (status, body) in [(302, String::new()), (200, names_bob), (200, "<html/>".into()), (500, "no".into())] {
        world.aws(|aws| aws.keys.answer = Some((status, body)));
        let record = world.command_record(world.signed("ann", command(&format!("s{status}")))).await;
        assert_eq!(record.cause.principal, None);
        assert!(record.cause.unproven.unwrap().contains(&format!("(status {status})")));
    }
}

#[tokio::test(start_paused = true)]
async fn promotion_counts_approvals_of_proven_approvers_only() {
    let (world, record) = waiting(2).await;
    assert_eq!(record.cause.principal.as_ref().unwrap().as_str(), ANN);
    for (command, because) in [
        (approve("bob", "a1"), "the approval of bob does not count without a proof of identity (identity)"),
        (world.signed("ann", approve("dora", "a2")), "is none of the approvers of this environment"),
    ] {
        let (error, message) = world.command_error(command).await;
        assert_eq!(error, "Refused");
        assert!(message.contains(because), "{message}");
    }
    let still = world.command_record(world.signed("bob", approve("bob", "a3"))).await;
    assert_eq!(still.status, Status::Pending);
    let still = world.command_record(world.signed("bob", approve("bob", "a4"))).await;
    assert_eq!(still.status, Status::Pending, "nobody counts twice");
    world.add_key("bob2", &BOB.replace("Release_1", "Release_2"));
    let (_, message) = world.command_error(world.signed("bob2", approve("robert", "a5"))).await;
    assert!(message.starts_with("session name bob has approved already"), "{message}");
    let done = world.command_record(world.signed("carl", approve("carl", "a6"))).await;
    assert_eq!((done.id, done.status), (record.id, Status::Succeeded));
    let by: Vec<_> =
        done.promotion.unwrap().approvals.into_iter().map(|one| one.principal.unwrap().to_string()).collect();
    assert_eq!(by, [BOB, CARL]);
    has_no_proof(&world);
}

#[tokio::test(start_paused = true)]
async fn same_principal_under_another_name_has_approved_already() {
    let (world, record) = waiting(2).await;
    let decision = async |key: &str, by: &str, id: &str| {
        let named = json!({"deployment": record.id, "function": null});
        let mut command = approve(by, id);
        named.as_object().unwrap().iter().for_each(|(name, value)| command[name] = value.clone());
        world.command(world.signed(key, command)).await["decision"].clone()
    };
    assert_eq!(decision("bob", "bob", "a1").await, json!("recorded"));
    assert_eq!(decision("bob", "robert", "a2").await, json!("already_given"));
    assert_eq!(decision("carl", "carl", "a3").await, json!("recorded"));
    assert_eq!(world.newest_in("prod").await.status, Status::Succeeded);
    assert_eq!(decision("bob", "robert", "a4").await, json!("already_given"), "it goes by the principal");
    assert_eq!(decision("ann", "dora", "a5").await, json!("too_late"));
    has_no_proof(&world);
}

#[tokio::test(start_paused = true)]
async fn people_who_share_a_role_are_their_names_where_no_proof_is_demanded() {
    let world = with_people(&json!({"approval": {"required": 1}}));
    deploy_all(&world, &["1.1.0"]).await;
    let record = world.command_record(world.signed("ann", promote("p1"))).await;
    let decision = async |by: &str, id: &str| {
        let mut command = approve(by, id);
        command["deployment"] = json!(record.id);
        world.command(world.signed("carl", command)).await["decision"].clone()
    };
    assert_eq!(decision("carl", "a1").await, json!("recorded"));
    assert_eq!(world.newest_in("prod").await.status, Status::Succeeded);
    assert_eq!(decision("dora", "a2").await, json!("too_late"));
    assert_eq!(decision("carl", "a3").await, json!("already_given"));
}

#[tokio::test(start_paused = true)]
async fn requester_cannot_approve_by_another_role() {
    let (world, _) = waiting(1).await;
    world.add_key("ann2", &BOB.replace("/bob", "/Ann"));
    let (_, message) = world.command_error(world.signed("ann2", approve("somebody", "a"))).await;
    assert_eq!(message, "session name ann has asked for this promotion, and somebody else must approve it");
}

#[tokio::test(start_paused = true)]
async fn unproven_requester_is_refused_where_approvals_are_proven() {
    let world = with_people(&proven_approval(1));
    deploy_all(&world, &["1.1.0"]).await;
    let refused = world.command_record(promote("p1")).await;
    assert_eq!((refused.status, refused.code), (Status::Refused, Some(Code::NotPromotable)));
    let because = "prod counts approvals of proven identities only, so whoever asks must prove theirs (identity)";
    assert_eq!(refused.because.as_deref(), Some(because));
    let late = signed_for(DEPLOYER, "ann", world.now() - Duration::from_secs(901), promote("p2"));
    let refused = world.command_record(late).await;
    let because = refused.because.unwrap();
    assert!(because.contains("(identity): the proof of identity was signed at"), "{because}");
    // A pattern leaves out what is not ready, and must not leave out silently.
    let mut each = promote("p3");
    each["function"] = json!("*");
    let (_, message) = world.command_error(each.clone()).await;
    assert!(message.contains("whoever asks must prove theirs, and the request carries no proof"), "{message}");
    each["id"] = json!("p4");
    let each = world.command(world.signed("ann", each)).await;
    assert_eq!(each["deployments"][0]["status"], "pending", "{each}");
}

#[tokio::test(start_paused = true)]
async fn event_proves_who_asks_and_who_approves() {
    let world = with_people(&proven_approval(1));
    deploy_all(&world, &["1.1.0"]).await;
    let asks = json!({"function": "orders", "from": "dev", "to": "prod", "id": "e1"});
    let asks = world.signed_detail("ann", "Promotion Requested", asks);
    let record = world.request_promotion("e1", &asks).await;
    assert_eq!((record.status, record.cause.principal.unwrap().as_str()), (Status::Pending, ANN));
    let word = json!({"environment": "prod", "function": "orders", "deployment": record.id, "approved_by": "bob"});
    // The proof of a decline is none of an approval.
    let declines = world.signed_detail("bob", "Promotion Declined", word.clone());
    let because = ignored(world.send_event(&event("Promotion Approved", "a", world.now(), &declines)).await);
    assert!(because.contains("the proof of identity does not fit"), "{because}");
    let told = world.aws(|aws| aws.events.last().unwrap().detail.clone());
    assert!(told["because"].as_str().unwrap().contains("does not fit"), "its sender is told: {told}");
    let approves =
        event("Promotion Approved", "b", world.now(), &world.signed_detail("bob", "Promotion Approved", word));
    let done = recorded(world.send_event(&approves).await);
    assert_eq!(done.status, Status::Succeeded);
    has_no_proof(&world);
}

#[tokio::test(start_paused = true)]
async fn approval_that_reaches_sts_too_late_is_told_and_one_that_counted_still_counts() {
    let (world, record) = waiting(2).await;
    let word =
        |by: &str| json!({"environment": "prod", "function": "orders", "deployment": record.id, "approved_by": by});
    let of = |by: &str| {
        let detail = world.signed_detail(by, "Promotion Approved", word(by));
        event("Promotion Approved", by, world.now(), &detail)
    };
    let (bob, carl) = (of("bob"), of("carl"));
    assert_eq!(recorded(world.send_event(&bob).await).status, Status::Pending);
    world.pass(Duration::from_secs(901)).await;
    assert_eq!(recorded(world.send_event(&bob).await).status, Status::Pending, "it comes again, and has counted");
    let sent = world.sent_events().len();
    let because = ignored(world.send_event(&carl).await);
    assert!(because.contains("does not count without a proof of identity: the proof"), "{because}");
    assert_eq!(world.sent_events()[sent..], ["Promotion Refused -/orders - -"]);
    assert_eq!(recorded(world.send_event(&of("carl")).await).status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn silent_sts_puts_an_approval_back_where_it_decides() {
    let (world, record) = waiting(1).await;
    world.on(Op::GetCallerIdentity).times(3).fail(CallErrorKind::Unknown);
    let word = json!({"environment": "prod", "function": "orders", "deployment": record.id, "approved_by": "bob"});
    let word = event("Promotion Approved", "b", world.now(), &world.signed_detail("bob", "Promotion Approved", word));
    let run = world.invocation().run(&decoded(&word)).await;
    assert!(matches!(&run.outcome, Outcome::Transient(again) if again.to_string().contains("try again")), "{run:?}");
    assert_eq!(recorded(world.send_event(&word).await).status, Status::Succeeded);
}

fn decoded(event: &Value) -> Trigger {
    use deployer_core::trigger::{InboundEvent, Invocation, decode};
    match decode(event) {
        Invocation::Event(mut events) => match events.remove(0) {
            InboundEvent::ApprovalResponse(response) => Trigger::ApprovalResponse(response),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn switching_proof_on_lets_nobody_approve_what_was_asked_for_without_proof() {
    let mut world = with_people(&json!({"approval": {"required": 2}}));
    deploy_all(&world, &["1.1.0"]).await;
    let zip = world::zips::code("1.1.0");
    world.upload_until_ended("dev/workers/1.1.0.zip", zip).await;
    let asked = world.command_record(promote("p1")).await;
    assert_eq!((asked.status, &asked.cause.principal), (Status::Pending, &None));
    let together = json!({"command": "promote", "functions": ["workers"], "from": "dev", "to": "prod",
        "requested_by": "ann", "id": "g1"});
    let group = world.command(together).await;
    assert_eq!(group["status"], "pending", "{group}");
    assert_eq!(world.command_record(approve("bob", "a1")).await.status, Status::Pending);
    let mut prod = proven_approval(2);
    prod["promotion"] = json!({"from": "dev"});
    world.reconfigure(&world::promotions::three_environments_config(&json!({}), &prod));
    world.sweep_minutes(2).await;
    assert_eq!(world.newest_in("prod").await.status, Status::Pending, "it was accepted before");
    assert_eq!(world.command_record(promote("p2")).await.code, Some(Code::NotPromotable), "a new one must prove");
    let because = "this promotion was asked for without a proof of identity, so nobody can tell whether its requester \
                   approves it: decline it, and ask again";
    let (_, message) = world.command_error(world.signed("carl", approve("carl", "a2"))).await;
    assert_eq!(message, because);
    let word = |command: &str| {
        json!({"command": command, "environment": "prod", "deployment": group["id"], "requested_by": "carl",
        "id": format!("g-{command}")})
    };
    assert_eq!(world.command_error(world.signed("carl", word("approve"))).await.1, because);
    // It is declined, and asked for again.
    world.command(world.signed("carl", word("decline"))).await;
    let decline =
        json!({"command": "decline", "environment": "prod", "function": "orders", "requested_by": "carl", "id": "d"});
    let declined = world.command_record(world.signed("carl", decline)).await;
    assert_eq!((declined.id, declined.status), (asked.id, Status::Refused));
    assert_eq!(world.command_record(world.signed("ann", promote("p3"))).await.status, Status::Pending);
    for by in ["bob", "carl"] {
        world.command(world.signed(by, approve(by, &format!("a-{by}")))).await;
    }
    assert_eq!(world.newest_in("prod").await.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn group_counts_proven_approvers_only() {
    let world = with_people(&proven_approval(1));
    for function in ["orders", "workers"] {
        let zip = world::zips::code("1.1.0");
        world.upload_until_ended(&format!("dev/{function}/1.1.0.zip"), zip).await;
    }
    let together = json!({"command": "promote", "functions": ["orders", "workers"], "from": "dev", "to": "prod",
        "requested_by": "ann", "id": "g1"});
    let group = world.command(world.signed("ann", together)).await;
    assert_eq!((&group["status"], &group["cause"]["principal"]), (&json!("pending"), &json!(ANN)), "{group}");
    let word = |by: &str, id: &str| json!({"command": "approve", "environment": "prod", "deployment": group["id"], "requested_by": by, "id": id});
    let (_, message) = world.command_error(word("bob", "a1")).await;
    assert!(message.contains("does not count without a proof"), "{message}");
    let (_, message) = world.command_error(world.signed("ann", word("x", "a2"))).await;
    assert!(message.contains("none of the approvers"), "{message}");
    world.command(world.signed("bob", word("bob", "a3"))).await;
    world.sweep_minutes(3).await;
    assert_eq!(world.served_releases()[2], "1.1.0");
    has_no_proof(&world);
}
