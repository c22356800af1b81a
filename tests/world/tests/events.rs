//! Events against their schemas: those that the deployer sends follow `event.schema.json`, and those that it accepts
//! follow theirs. The examples of the pages about promotions and events are valid too.

#![allow(clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::time::Duration;

use deployer_core::config::Config;
use deployer_core::event::{Announcement, Event};
use deployer_core::trigger::{Invocation, decode};
use deployer_engine::batch::handle_batch;
use deployer_engine::port::CallErrorKind;
use fixtures::schema::Schema;
use serde_json::{Value, json};
use world::orders::{command, deploy_all};
use world::promotions::event;
use world::zips::{code, with_manifest};
use world::{DEV, Op, World, ignored, recorded};

/// Checks every event that was sent against its schema, and returns the detail-types.
fn judged(world: &World) -> BTreeSet<Announcement> {
    let schema = Schema::published("event").unwrap();
    let events = world.aws(|aws| aws.events.clone());
    for event in &events {
        schema.holds(&event.detail).unwrap();
        assert_eq!(event.detail.pointer("/artifact/bucket"), None, "{}", event.detail);
    }
    events.iter().map(|event| event.announces).collect()
}

/// Checks an event for the deployer against the schema of this name, and delivers it.
async fn sent(world: &World, schema: &str, kind: &str, detail: Value) {
    Schema::published(schema).unwrap().holds(&detail).unwrap();
    let id = format!("{kind} {detail}");
    world.pass(Duration::from_secs(1)).await;
    drop(world.send_event(&event(kind, &id, world.now(), &detail)).await);
}

#[tokio::test(start_paused = true)]
async fn every_event_follows_its_schema() {
    let approved = json!({"promotion": {"from": "stage"}, "approval": {"required": 1}});
    let world = World::three_environments(&json!({"promotion": {"from": "dev", "automatic": true}}), &approved);
    deploy_all(&world, &["1.1.0", "1.2.0"]).await;
    world.tick().await;
    let to_prod = |more: Value| {
        let mut detail = json!({"function": "orders", "from": "stage", "to": "prod", "requested_by": "ann"});
        detail.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        detail
    };
    sent(&world, "promotion-requested", "Promotion Requested", to_prod(json!({"id": "train-7"}))).await;
    let waits = world.newest_in("prod").await;
    let yes = json!({"environment": "prod", "function": "orders", "deployment": waits.id, "approved_by": "bob"});
    sent(&world, "promotion-approved", "Promotion Approved", yes).await;
    assert_eq!(world.served_releases(), ["1.2.0", "1.2.0", "1.2.0"]);
    deploy_all(&world, &["1.3.0"]).await;
    world.tick().await;
    sent(&world, "promotion-requested", "Promotion Requested", to_prod(json!({"release": "1.3.0"}))).await;
    let waits = world.newest_in("prod").await;
    let no = json!({"environment": "prod", "function": "orders", "deployment": waits.id, "declined_by": "bob", "reason": "no"});
    sent(&world, "promotion-declined", "Promotion Declined", no).await;
    sent(&world, "promotion-requested", "Promotion Requested", to_prod(json!({"to": "nowhere"}))).await;
    let together = json!({"functions": ["orders", "workers"], "from": "dev", "to": "prod"});
    sent(&world, "promotion-requested", "Promotion Requested", together).await;
    world.command_record(command("rollback", &json!({}))).await;
    drop(world.record("dev/orders/1.4.0.zip", b"no zip".to_vec()).await);
    drop(world.upload("nowhere/orders/1.zip", code("1")).await);
    let all = judged(&world);
    let missing: Vec<_> = Announcement::ALL.iter().filter(|one| !all.contains(one)).collect();
    let rollouts = [&Announcement::RolloutMoved, &Announcement::RolloutPaused];
    assert_eq!(missing, [[&Announcement::Failed].as_slice(), &rollouts].concat(), "all others were told");
}

/// Delivers these bodies from the queue, checks that none comes again, and returns the events that were sent to the
/// bus.
async fn delivered(world: &World, bodies: &[String]) -> Vec<Event> {
    let record = |(number, body): (usize, &String)| json!({"messageId": number.to_string(), "eventSource": "aws:sqs", "body": body});
    let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
    let Invocation::Batch(messages) = decode(&json!({ "Records": records })) else { panic!("no batch") };
    let response = handle_batch(&world.engine(Duration::from_secs(300)), messages).await;
    assert!(response.is_empty(), "{response:?}");
    drop(judged(world));
    world.aws(|aws| std::mem::take(&mut aws.events))
}

#[tokio::test(start_paused = true)]
async fn unreadable_promotion_event_is_answered_with_the_reason() {
    let world =
        World::three_environments(&json!({"promotion": {"from": "dev"}}), &json!({"promotion": {"from": "stage"}}));
    let asked = json!({"function": "orders", "from": "Dev", "to": "stage", "requested_by": "ann", "id": "train-7"});
    let yes = json!({"environment": "stage", "function": "orders", "deployment": 7, "approved_by": "bob"});
    let no = json!("no");
    let about = |function: Value, to: Value, by: Value, id: &str, request: &Value, because: &str| {
        let refused = if because.contains("Promotion Requested") { "request" } else { "approval" };
        let mut detail = json!({"schema": 1, "because": because, "refused": refused, "id": id, "request": request});
        for (field, value) in [("function", function), ("to", to), ("requested_by", by)] {
            if !value.is_null() {
                detail[field] = value;
            }
        }
        (Announcement::PromotionRefused, detail)
    };
    let cases = [
        (
            "Promotion Requested",
            &asked,
            about(
                "orders".into(),
                "stage".into(),
                "ann".into(),
                "train-7",
                &asked,
                "a \"Promotion Requested\" event that cannot be read: from: \"Dev\" is not an environment: a lower-case letter, then at most 31 of a-z, 0-9 and -",
            ),
        ),
        (
            "Promotion Approved",
            &yes,
            about(
                "orders".into(),
                "stage".into(),
                "bob".into(),
                "E1",
                &yes,
                "a \"Promotion Approved\" event that cannot be read: deployment: invalid type: integer `7`, expected a string",
            ),
        ),
        (
            "Promotion Declined",
            &no,
            about(
                Value::Null,
                Value::Null,
                Value::Null,
                "E2",
                &no,
                "a \"Promotion Declined\" event that cannot be read: invalid type: string \"no\", expected struct PromotionDeclined",
            ),
        ),
    ];
    let events = cases.iter().enumerate();
    let bodies: Vec<String> = events
        .map(|(number, (kind, detail, _))| event(kind, &format!("E{number}"), world.now(), detail).to_string())
        .collect();
    for _ in 0..2 {
        let told = delivered(&world, &bodies).await.into_iter().map(|event| (event.announces, event.detail));
        assert_eq!(told.collect::<Vec<_>>(), cases.clone().map(|(_, _, told)| told));
    }
    world.on(Op::PutEvents).always().fail(CallErrorKind::Denied);
    assert!(delivered(&world, &bodies).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn oversized_promotion_event_is_answered_without_it() {
    let world =
        World::three_environments(&json!({"promotion": {"from": "dev"}}), &json!({"promotion": {"from": "stage"}}));
    let asked = json!({"function": "orders", "from": "dev", "to": "stage", "colour": "x".repeat(250_000)});
    let told = delivered(&world, &[event("Promotion Requested", "E1", world.now(), &asked).to_string()]).await;
    let detail = &told[0].detail;
    assert_eq!((&detail["from"], detail.get("request")), (&json!("dev"), None), "{detail}");
    assert!(detail["because"].as_str().unwrap().contains("unknown field `colour`"), "{detail}");
}

#[tokio::test(start_paused = true)]
async fn promotion_event_under_a_used_id_is_answered_with_the_reason() {
    let world =
        World::three_environments(&json!({"promotion": {"from": "dev"}}), &json!({"promotion": {"from": "stage"}}));
    deploy_all(&world, &["1.1.0", "1.2.0"]).await;
    let asked =
        |release: &str| json!({"function": "orders", "from": "dev", "to": "stage", "id": "train", "release": release});
    sent(&world, "promotion-requested", "Promotion Requested", asked("1.2.0")).await;
    world.aws(|aws| aws.events.clear());
    sent(&world, "promotion-requested", "Promotion Requested", asked("1.1.0")).await;
    let told = world.aws(|aws| aws.events.clone());
    assert_eq!(told.iter().map(|event| event.announces).collect::<Vec<_>>(), [Announcement::PromotionRefused]);
    let because = told[0].detail["because"].as_str().unwrap();
    assert!(because.starts_with("id \"train\" was another command's before"), "{because}");
}

#[tokio::test(start_paused = true)]
async fn upload_with_only_a_wrong_last_key_part_is_reported() {
    let world =
        World::three_environments(&json!({"promotion": {"from": "dev"}}), &json!({"promotion": {"from": "stage"}}));
    for key in ["dev/orders/1.0.0.jar", "dev/orders/1.0.0.ZIP", "dev/orders/-1.zip", "nowhere/orders/1.0.0.zip"] {
        drop(world.upload(key, code("1")).await);
        let told = world.aws(|aws| std::mem::take(&mut aws.events));
        assert_eq!(
            told.iter().map(|event| event.announces).collect::<Vec<_>>(),
            [Announcement::UploadIgnored],
            "{key}"
        );
        assert_eq!(told[0].detail["key"], key);
        Schema::published("event").unwrap().holds(&told[0].detail).unwrap();
    }
    for key in ["dev/orders/", "dev/or ders/1.0.0.jar", "nowhere/orders/1.0.0.jar", "dev/orders/more/1.0.0.zip"] {
        drop(world.upload(key, code("1")).await);
        assert!(world.aws(|aws| aws.events.is_empty()), "{key}");
    }
}

/// Returns the blocks of JSON on a page.
#[tokio::test(start_paused = true)]
async fn foreign_text_is_escaped_in_every_output() {
    const TRAP: &str = "a\u{202e}b\u{200b}c\u{9b}d";
    const SHOWN: &str = "a\\u{202e}b\\u{200b}c\\u{9b}d";
    let mut world = World::with_orders();
    world.reconfigure(&json!({
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-deployer-ledger", "event_bus": "deployer",
        "queue_url": "https://sqs.eu-west-1.amazonaws.com/000000000000/deployer",
        "environments": {"dev": {"targets": [{"account": DEV, "region": "eu-west-1"}], "external_id": "dev-8c1f"}},
    }));
    let said = |text: &str| text.contains(['\u{202e}', '\u{200b}', '\u{9b}']);

    // The trap is in metadata, and in the name of a field of the manifest.
    let field = with_manifest("1.1.0", "\"a\\u202eb\\u200bc\\u009bd\" = 1\n");
    let upload = world.put_with("dev/orders/1.1.0.zip", field, &[("commit", TRAP)]);
    let record = recorded(world.deliver(&upload).await.unwrap());
    assert!(record.because.clone().unwrap().contains(SHOWN), "{record:?}");

    // The trap is in AWS's words.
    world.on(Op::UpdateFunctionCode).fail_saying(CallErrorKind::Other, TRAP);
    let upload =
        world.put_with("dev/orders/1.2.0.zip", code("1.2.0"), &[("commit", TRAP), ("uploaded-by", "b\u{200b}ob")]);
    let record = recorded(world.deliver(&upload).await.unwrap());
    assert_eq!(record.artifact.clone().unwrap().metadata["uploaded-by"], "bob");
    assert_eq!(record.artifact.clone().unwrap().metadata["commit"], SHOWN);
    assert!(record.targets[0].error.clone().unwrap().message.contains(SHOWN), "{record:?}");
    world.heal();

    // The trap is in a key, a reason, a name, and a request that cannot be read.
    let _ = ignored(world.upload(&format!("dev/orders/{TRAP}.zip"), code("1.3.0")).await);
    let hold = json!({"command": "hold", "environment": "dev", "function": "orders", "reason": TRAP.replace('\u{9b}', ""),
        "requested_by": "an\u{200b}n"});
    let held = world.command(hold).await;
    assert_eq!(
        (&held["functions"][0]["hold"]["requested_by"], said(&held.to_string())),
        (&json!("ann"), false),
        "{held}"
    );
    let detail = json!({"function": "orders", "from": "dev", "to": "prod", TRAP: [TRAP]});
    let _ = world.send_event(&event("Promotion Requested", "p", world.now(), &detail)).await;

    let details = world.aws(|aws| aws.events.iter().map(|event| event.detail.to_string()).collect::<Vec<_>>());
    assert!(details.iter().any(|detail| detail.contains("Promotion") || detail.contains("request")), "{details:#?}");
    assert!(!details.iter().any(|detail| said(detail)), "{details:#?}");
    // The uploads themselves are in the artifact bucket; everything else in the world is the deployer's own.
    let ledger = world.aws(|aws| aws.ledger.keys("").map(|key| text_of(aws.ledger.get(key))).collect::<Vec<_>>());
    assert!(ledger.iter().any(|text| text.contains("u{202e}")), "{ledger:#?}");
    assert!(!ledger.iter().any(|text| said(text)), "{ledger:#?}");
}

fn text_of(object: Option<&[u8]>) -> String {
    String::from_utf8_lossy(object.unwrap_or_default()).into_owned()
}

fn blocks(page: &str) -> Vec<Value> {
    let blocks = page.split("```json\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    blocks.map(|block| serde_json::from_str(block).unwrap_or_else(|error| panic!("{error}: {block}"))).collect()
}

/// Checks that `deployer.json` accepts these environments in a row after `dev`, `qa`, `perf` and `stage`.
fn holds_as_configuration(environments: &Value) {
    let mut config = json!({"artifact_bucket": "artifacts", "ledger_bucket": "ledger", "queue_url": "https://sqs/1/q",
        "environments": {"dev": {}, "qa": {}, "perf": {}, "stage": {}}});
    for (name, environment) in environments.as_object().unwrap() {
        config["environments"][name] = environment.clone();
    }
    for (_, environment) in config["environments"].as_object_mut().unwrap() {
        environment["targets"] = json!([{"account": "111111111111", "region": "eu-west-1"}]);
        environment["function_name"] = json!("{environment}_{function}");
    }
    if let Err(error) = Config::parse(&config.to_string()) {
        panic!("{error}: {environments:#}");
    }
}

#[test]
fn documented_examples_of_promotions_and_events_are_valid() {
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let pages = ["concepts/promotions.md", "reference/events.md"];
    let text: String = pages.iter().map(|page| std::fs::read_to_string(docs.join(page)).unwrap()).collect();
    let (mut told, mut configured) = (0, 0);
    for block in blocks(&text) {
        let schema = match block["detail-type"].as_str() {
            None => {
                holds_as_configuration(&block);
                configured += 1;
                continue;
            }
            Some("Promotion Requested") => "promotion-requested",
            Some("Promotion Approved") => "promotion-approved",
            Some("Promotion Declined") => "promotion-declined",
            Some(_) => "event",
        };
        Schema::published(schema).unwrap().holds(&block["detail"]).unwrap();
        told += 1;
    }
    assert_eq!((told, configured), (7, 6), "none was passed over");
}
