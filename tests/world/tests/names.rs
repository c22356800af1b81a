//! Names that nobody knows: a misspelt one does nothing, a function to come is said to be one, and an environment may
//! take no new functions.

use std::time::Duration;

use deployer_core::record::{Code, Status, TargetErrorCode};
use serde_json::{Value, json};
use world::orders::{OTHER, command, deploy_all};
use world::promotions::{event, three_environments_config};
use world::zips::{code, with_manifest};
use world::{CallPhase, DEV, Op, Outcome, Trigger, World, ignored};

const MANIFEST: &str = "role = \"orders\"\nruntime = \"provided.al2023\"\nhandler = \"bootstrap\"\n";

/// Returns the keys and bytes of all of the ledger's objects.
fn ledger(world: &World) -> Vec<(String, Vec<u8>)> {
    world.aws(|aws| {
        let keys: Vec<String> = aws.ledger.keys("").map(str::to_owned).collect();
        keys.into_iter().map(|key| (key.clone(), aws.ledger.get(&key).unwrap().to_vec())).collect()
    })
}

#[tokio::test(start_paused = true)]
async fn misspelt_function_is_refused_by_each_command_and_changes_nothing() {
    let world = World::with(&three_environments_config(
        &json!({"promotion": {"from": "dev"}}),
        &json!({"promotion": {"from": "stage"}}),
    ))
    .with_functions();
    deploy_all(&world, &["a"]).await;
    let before = ledger(&world);
    let of = |name: &str, more: Value| {
        let mut command = json!({"command": name, "function": "ordesr", "requested_by": "ann"});
        for (field, value) in more.as_object().unwrap() {
            command[field] = value.clone();
        }
        command
    };
    let dev = json!({"environment": "dev"});
    let release = json!({"release": "a", "reason": "bad"});
    let mut group = of("promote", json!({"functions": ["orders", "ordesr"], "from": "dev", "to": "stage"}));
    group.as_object_mut().unwrap().remove("function");
    for misspelt in [
        of("hold", json!({"environment": "dev", "reason": "no"})),
        of("release-hold", dev.clone()),
        of("redeploy", dev.clone()),
        of("rollback", dev.clone()),
        of("deploy", json!({"environment": "dev", "release": "a"})),
        of("deploy", json!({"environment": "prod", "release": "a"})),
        of("plan", dev.clone()),
        of("plan", json!({"environment": "dev", "release": "a"})),
        of("history", dev.clone()),
        of("status", dev.clone()),
        of("status", json!({})),
        of("approve", dev.clone()),
        of("decline", dev),
        of("promote", json!({"from": "dev", "to": "stage"})),
        group,
        of("reject", release.clone()),
        of("unreject", json!({"release": "a"})),
        of("recall", release),
    ] {
        let (error_type, message) = world.command_error(misspelt.clone()).await;
        assert_eq!(error_type, "UnknownFunction", "{misspelt}: {message}");
        let because = "no environment knows a function ordesr; did you mean orders?";
        assert!(message.starts_with(because), "{misspelt}: {message}");
    }
    assert_eq!(ledger(&world), before);
}

#[tokio::test(start_paused = true)]
async fn hold_of_a_function_to_come_is_said_to_be_one() {
    let world = World::with_orders();
    let hold = json!({"command": "hold", "environment": "dev", "function": "bills", "reason": "not yet"});
    let (_, message) = world.command_error(hold.clone()).await;
    assert_eq!(
        message,
        "no environment knows a function bills; the ledger knows no function yet\n  nothing is held; to hold a function to \
         come, add --new (in a command: \"new\": true)"
    );
    let mut new = hold.clone();
    new["new"] = json!(true);
    let held = world.command(new).await;
    assert_eq!(held["functions"][0]["hold"]["reason"], "not yet");
    let refused = world.record("dev/bills/1.zip", with_manifest("1", MANIFEST)).await;
    assert_eq!((refused.status, refused.code), (Status::Refused, Some(Code::Held)));
    // The ledger knows it now.
    world.command(hold).await;
    let release = json!({"command": "release-hold", "environment": "dev", "function": "bills"});
    world.command(release).await;
}

#[tokio::test(start_paused = true)]
async fn function_that_another_environment_knows_is_known() {
    let world =
        World::with(&three_environments_config(&json!({"promotion": {"from": "dev"}}), &json!({}))).with_functions();
    deploy_all(&world, &["a"]).await;
    let at = |name: &str| json!({"command": name, "environment": "prod", "function": "orders", "reason": "later"});
    let mut status = at("status");
    status.as_object_mut().unwrap().remove("reason");
    assert_eq!(world.command(status).await["functions"], json!([]));
    assert_eq!(world.command(at("hold")).await["functions"][0]["hold"]["reason"], "later");
}

#[tokio::test(start_paused = true)]
async fn function_with_an_upload_may_be_deployed_although_it_is_new() {
    let world = World::with_orders();
    world.put("dev/bills/1.zip", with_manifest("1", MANIFEST));
    let deploy = json!({"command": "deploy", "environment": "dev", "function": "bills", "release": "1"});
    assert_eq!(world.command_record(deploy).await.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn unreadable_head_is_known() {
    let world = World::with_orders();
    deploy_all(&world, &["a"]).await;
    world.aws(|aws| aws.ledger.put("heads/dev/broken.json", b"{".to_vec()));
    let status = world.command(json!({"command": "status", "function": "broken"})).await;
    assert_eq!(status["functions"], json!([]));
    assert!(status["unreadable"][0].as_str().unwrap().starts_with("heads/dev/broken.json in the ledger bucket"));
    for name in ["history", "redeploy", "rollback"] {
        let command = json!({"command": name, "environment": "dev", "function": "broken"});
        assert_eq!(world.command_error(command).await.0, "LedgerUnavailable", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn refused_upload_makes_its_name_known_to_nobody() {
    let world = World::with_orders();
    deploy_all(&world, &["a"]).await;
    let refused = world.record("dev/ordesr/1.zip", b"no zip".to_vec()).await;
    assert_eq!(refused.status, Status::Refused);
    let before = ledger(&world);
    let because =
        "no environment knows a function ordesr (its requests were all refused: see history); did you mean orders?";
    for (name, more) in [
        ("hold", json!({"reason": "no"})),
        ("release-hold", json!({})),
        ("redeploy", json!({})),
        ("rollback", json!({})),
        ("status", json!({})),
        ("approve", json!({})),
        ("plan", json!({})),
    ] {
        let mut misspelt = command(name, &more);
        misspelt["function"] = json!("ordesr");
        if name == "status" || name == "plan" {
            misspelt.as_object_mut().unwrap().remove("requested_by");
        }
        let (error_type, message) = world.command_error(misspelt).await;
        assert_eq!(error_type, "UnknownFunction", "{name}: {message}");
        assert!(message.starts_with(because), "{name}: {message}");
    }
    assert_eq!(ledger(&world), before);
    let history = json!({"command": "history", "environment": "dev", "function": "ordesr"});
    assert_eq!(world.command(history).await["deployments"][0]["status"], "refused", "its records are shown");
    // Neither does a hint lead to it.
    let hold = json!({"command": "hold", "environment": "dev", "function": "ordesrr", "reason": "no"});
    let (_, message) = world.command_error(hold).await;
    assert!(message.starts_with("no environment knows a function ordesrr; did you mean orders?\n"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn function_of_an_open_request_is_known_until_that_is_refused() {
    let world = World::with_orders();
    world.aws(|aws| aws.at(DEV).settling.time = Duration::from_secs(120));
    let upload = world.put("dev/bills/1.zip", with_manifest("1", MANIFEST));
    let parked = world::recorded(world.deliver(&upload).await.unwrap());
    assert_eq!(parked.status, Status::InProgress, "{parked:?}");
    let hold = json!({"command": "hold", "environment": "dev", "function": "bills", "reason": "later"});
    assert_eq!(world.command(hold).await["functions"][0]["hold"]["reason"], "later");
}

#[tokio::test(start_paused = true)]
async fn event_that_misspells_a_function_is_told_and_leaves_nothing_in_the_ledger() {
    let world = World::three_environments(&json!({}), &json!({"promotion": {"from": "dev"}}));
    deploy_all(&world, &["a"]).await;
    let before = ledger(&world);
    let because = "no environment knows a function ordesr; did you mean orders?";
    let word = json!({"environment": "prod", "function": "ordesr", "deployment": "01JBJ4GZ00ABCDEFGH0123456J"});
    let one = json!({"function": "ordesr", "from": "dev", "to": "prod"});
    let together = json!({"functions": ["orders", "ordesr"], "from": "dev", "to": "prod"});
    for (kind, detail) in [
        ("Promotion Requested", one),
        ("Promotion Requested", together),
        ("Promotion Approved", word.clone()),
        ("Promotion Declined", word),
    ] {
        let sent = world.sent_events().len();
        let told = ignored(world.send_event(&event(kind, kind, world.now(), &detail)).await);
        assert_eq!(told, because, "{kind}");
        let events = world.aws(|aws| aws.events[sent..].iter().map(|event| event.detail.clone()).collect::<Vec<_>>());
        assert_eq!((events.len(), &events[0]["because"]), (1, &json!(because)), "{kind}: {events:?}");
    }
    assert!(world.sent_events().iter().filter(|event| event.starts_with("Promotion Refused")).count() == 4);
    assert_eq!(ledger(&world), before);
}

/// Returns a world whose `dev` takes no new functions, with `orders` in both accounts.
fn without_new_functions() -> World {
    let target = |account: &str| json!({"account": account, "region": "eu-west-1"});
    let world = World::with(&json!({
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-deployer-ledger",
        "queue_url": "https://sqs.eu-west-1.amazonaws.com/000000000000/deployer",
        "environments": {
            "dev": {"targets": [target(DEV), target(OTHER)], "create": false},
            "lab": {"targets": [target("333333333333")]},
        },
    }));
    world.aws(|aws| aws.at("333333333333").role("orders", jiff::Timestamp::UNIX_EPOCH));
    for account in [DEV, OTHER] {
        world.add_function(account, "orders", &code("1.0.0"), |f| f.publish().point("live", 1));
    }
    world
}

#[tokio::test(start_paused = true)]
async fn upload_of_an_unknown_function_is_refused_where_none_is_created() {
    let world = without_new_functions();
    deploy_all(&world, &["a"]).await;
    let because = "function ordesr is not known, and uploads make no new function in dev (create is false in \
                   deployer.json); did you mean orders? If the name is right, make function ordesr there first, or let dev \
                   create functions";
    for (release, zip) in [("1", with_manifest("1", MANIFEST)), ("2", code("2"))] {
        world.pass(Duration::from_secs(1)).await;
        let record = world.record(&format!("dev/ordesr/{release}.zip"), zip).await;
        assert_eq!((record.status, record.code), (Status::Refused, Some(Code::InvalidManifest)), "{record:?}");
        assert_eq!(record.because.as_deref(), Some(because), "also after a refused one");
    }
    assert!(world.calls_of(Op::CreateFunction).is_empty());
    let lists = world.calls_of(Op::ListLedger).iter().filter(|call| call.what == "heads/").count();
    assert_eq!(lists, 2, "once a deployment, and not for each of its two targets");
    let plan = json!({"command": "plan", "environment": "dev", "function": "ordesr", "release": "1"});
    let planned = world.command(plan).await;
    assert_eq!(planned["targets"][0]["error"]["message"], because, "{planned:#}");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn interrupted_upload_of_an_unknown_function_creates_nothing_either() {
    for call in 1..40 {
        let world = without_new_functions();
        let upload = world.put("dev/bills/1.zip", with_manifest("1", MANIFEST));
        let run = world.invocation().dies_at(call, CallPhase::After).upload(&upload).await;
        world.leases_run_out().await;
        let record = world.until_ended(&upload).await;
        assert_eq!((record.status, record.code), (Status::Refused, Some(Code::InvalidManifest)), "{call}: {record:?}");
        assert!(world.calls_of(Op::CreateFunction).is_empty());
        if !matches!(run.outcome, Outcome::Died) {
            return;
        }
    }
    panic!("it never ends");
}

#[tokio::test(start_paused = true)]
async fn known_function_is_created_where_uploads_make_no_new_ones() {
    let world = without_new_functions();
    // Another environment has it live.
    let lab = world.record("lab/bills/1.zip", with_manifest("1", MANIFEST)).await;
    assert_eq!(lab.status, Status::Succeeded, "{lab:?}");
    let dev = world.record("dev/bills/1.zip", with_manifest("1", MANIFEST)).await;
    assert_eq!(dev.status, Status::Succeeded, "{dev:?}");
    // One target has it: that one is deployed to, and a redeploy makes it in the other.
    world.add_function(DEV, "stock", &code("0"), |f| f.publish().point("live", 1));
    let half = world.record("dev/stock/1.zip", with_manifest("1", MANIFEST)).await;
    assert_eq!(half.status, Status::Failed);
    assert_eq!([half.targets[0].status, half.targets[1].status], [Status::Succeeded, Status::Failed]);
    assert_eq!(half.targets[1].error.as_ref().unwrap().code, TargetErrorCode::InvalidConfiguration);
    world.pass(Duration::from_secs(1)).await;
    let mut redeploy = command("redeploy", &json!({}));
    redeploy["function"] = json!("stock");
    let whole = world.command_record(redeploy).await;
    assert_eq!(whole.status, Status::Succeeded, "{whole:?}");
    assert_eq!([whole.targets[0].created, whole.targets[1].created], [false, true]);
}

#[tokio::test(start_paused = true)]
async fn announced_function_is_created_and_one_that_is_only_asked_for_is_not() {
    let world = without_new_functions();
    // Two uploads at once under one misspelt name do not vouch for each other, in two environments either.
    world.aws(|aws| aws.at("333333333333").settling.time = Duration::from_secs(120));
    let lab = world.put("lab/bills/1.zip", with_manifest("1", MANIFEST));
    assert_eq!(world::recorded(world.deliver(&lab).await.unwrap()).status, Status::InProgress);
    let dev = world.record("dev/bills/1.zip", with_manifest("1", MANIFEST)).await;
    assert_eq!((dev.status, dev.code), (Status::Refused, Some(Code::InvalidManifest)), "{dev:?}");
    let announced =
        json!({"command": "hold", "environment": "lab", "function": "stock", "reason": "soon", "new": true});
    world.command(announced).await;
    let dev = world.record("dev/stock/1.zip", with_manifest("1", MANIFEST)).await;
    assert_eq!(dev.status, Status::Succeeded, "a person has said that the name is right: {dev:?}");
}

#[tokio::test(start_paused = true)]
async fn record_of_a_first_creation_says_so_also_after_a_lost_answer() {
    let world = World::with_orders();
    let first = world.record("dev/bills/1.zip", with_manifest("1", MANIFEST)).await;
    assert_eq!((first.status, first.targets[0].created), (Status::Succeeded, true));
    world.pass(Duration::from_secs(1)).await;
    let second = world.record("dev/bills/2.zip", with_manifest("2", MANIFEST)).await;
    assert_eq!((second.status, second.targets[0].created), (Status::Succeeded, false));
    assert!(!serde_json::to_string(&second).unwrap().contains("created"));
    world.on(Op::CreateFunction).lose_the_answer();
    let lost = world.record("dev/stock/1.zip", with_manifest("1", MANIFEST)).await;
    assert_eq!((lost.status, lost.targets[0].created), (Status::Succeeded, true), "{lost:?}");
}

#[tokio::test(start_paused = true)]
async fn record_of_a_creation_that_was_parked_says_so() {
    let world = without_new_functions();
    world.aws(|aws| aws.at("333333333333").settling.time = Duration::from_secs(120));
    let upload = world.put("lab/bills/1.zip", with_manifest("1", MANIFEST));
    let parked = world::recorded(world.deliver(&upload).await.unwrap());
    assert_eq!(parked.status, Status::InProgress, "{parked:?}");
    let status = json!({"command": "status", "environment": "lab", "function": "bills"});
    let status = world.command(status).await;
    let because = status["functions"][0]["active_because"].as_str().unwrap();
    assert!(
        because.starts_with("waits for Lambda in 333333333333/eu-west-1 (Lambda makes version 1 since "),
        "{because}"
    );
    assert!(because.contains("; looked at again at "), "{because}");
    for _ in 0..10 {
        world.pass(Duration::from_secs(30)).await;
        world.tick().await;
    }
    let record = world::recorded(world.deliver(&upload).await.unwrap());
    assert_eq!((record.status, record.targets[0].created), (Status::Succeeded, true), "{record:?}");
}

#[tokio::test(start_paused = true)]
async fn upload_to_the_end_of_a_chain_is_told_its_beginning() {
    let world =
        World::three_environments(&json!({"promotion": {"from": "dev"}}), &json!({"promotion": {"from": "stage"}}));
    for (environment, because) in [
        ("stage", "environment stage takes no uploads: upload to dev, and promote the release from there"),
        (
            "prod",
            "environment prod takes no uploads: upload to dev, and promote the release from there (prod takes it from stage)",
        ),
    ] {
        let record = world.record(&format!("{environment}/orders/1.zip"), code("1")).await;
        assert_eq!((record.code, record.because.as_deref()), (Some(Code::UploadsNotAccepted), Some(because)));
    }
}

#[tokio::test(start_paused = true)]
async fn repeated_promotion_has_its_answer_after_the_only_upload_of_its_function_was_refused() {
    let mut answered = 0;
    for milliseconds in (0..300).step_by(5) {
        let world = World::with(&three_environments_config(&json!({"promotion": {"from": "dev"}}), &json!({})))
            .with_functions();
        let upload = world.put("dev/bills/1.zip", b"no zip".to_vec());
        let promote = json!({
            "command": "promote", "function": "bills", "from": "dev", "to": "stage", "id": "p1", "requested_by": "ann"
        });
        let meanwhile = async {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            world.invocation().run(&Trigger::Command(promote.clone())).await.outcome
        };
        let (record, first) = futures::join!(world.until_ended(&upload), meanwhile);
        assert_eq!(record.status, Status::Refused, "{milliseconds}");
        // Before the upload is accepted, and after it has ended, nobody knows the function.
        let Outcome::Answered(first) = first else { continue };
        answered += 1;
        assert_eq!(first["status"], "refused", "{milliseconds}");
        assert_eq!(world.command(promote.clone()).await, first, "{milliseconds}");
    }
    assert!(answered > 0, "no promotion met the open upload");
}
