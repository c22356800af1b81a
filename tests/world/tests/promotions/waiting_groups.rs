//! Groups that wait and are not decided: what their plan says, and what ends them.

use std::time::Duration;

use serde_json::{Value, json};
use world::World;
use world::orders::deploy_all;
use world::zips::code;

use super::groups::{in_prod, together, two_releases, until_ended};
use super::{by_hand, promote, with};

/// Returns a world in which the group `g` waits for an approval, and its answer.
pub(super) async fn waiting() -> (World, Value) {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    two_releases(&world).await;
    let asked = world.command(together("g")).await;
    assert_eq!(asked["status"], json!("pending"), "{asked}");
    world.pass(Duration::from_secs(2)).await;
    (world, asked)
}

fn in_prod_of(command: &str, function: &str, more: &Value) -> Value {
    with(json!({"command": command, "environment": "prod", "function": function, "requested_by": "bob"}), more)
}

fn hold(function: &str) -> Value {
    in_prod_of("hold", function, &json!({"reason": "audit", "id": "h1"}))
}

fn reject(verb: &str) -> Value {
    json!({"command": verb, "function": "workers", "release": "7", "reason": "leaks", "requested_by": "bob", "id": "r1"})
}

fn approve(group: &Value) -> Value {
    json!({"command": "approve", "environment": "prod", "deployment": group["id"], "requested_by": "bob"})
}

/// Plans the members of a group, and returns the report of each.
async fn plans(world: &World, group: &Value) -> Vec<Value> {
    let mut plans = vec![];
    for member in group["functions"].as_array().unwrap() {
        let command = json!({"command": "plan", "environment": "prod", "function": member["function"],
            "deployment": member["deployment"]});
        plans.push(world.command(command).await);
    }
    plans
}

/// The hold and the reject come while no invocation can end the group, so that it waits on.
#[tokio::test(start_paused = true)]
async fn plan_of_a_waiting_group_says_that_a_member_would_be_refused() {
    for (stop, refused, code) in [(hold("orders"), 0, "Held"), (reject("reject"), 1, "Rejected")] {
        let (world, group) = waiting().await;
        let allowed = plans(&world, &group).await;
        for plan in &allowed {
            assert_eq!(plan.get("refused").filter(|refused| !refused.is_null()), None, "{plan:#}");
            assert_eq!((&plan["wait"]["approvals_wanted"], &plan["wait"]["for_group"]), (&json!(1), &json!(true)));
        }
        let open = world.aws(|aws| {
            let key = aws.ledger.keys("groups/open/").next().unwrap().to_owned();
            let body = aws.ledger.get(&key).unwrap().to_vec();
            (key, body)
        });
        world.command(stop.clone()).await;
        world.aws(|aws| aws.ledger.put(&open.0, open.1));
        let plans = plans(&world, &group).await;
        assert_eq!(plans[refused]["refused"]["code"], json!(code), "{stop} {:#}", plans[refused]);
        assert!(plans[1 - refused]["refused"].is_null(), "{stop} {:#}", plans[1 - refused]);
    }
}

#[tokio::test(start_paused = true)]
async fn hold_ends_the_waiting_group_of_a_member_and_names_it() {
    let (world, group) = waiting().await;
    let before = in_prod(&world);
    let answer = world.command(hold("orders")).await;
    let [ended] = &answer["ended_waiting"].as_array().unwrap()[..] else { panic!("{answer:#}") };
    assert_eq!((&ended["deployment"], &ended["release"]), (&group["id"], &json!("1.1.0")), "{answer:#}");
    assert_eq!((&ended["functions"], &ended["from"]), (&json!(["orders", "workers"]), &json!("dev")), "{answer:#}");
    assert!(ended["waited"].as_str().unwrap().starts_with("for an approval, until "), "{answer:#}");
    assert_eq!(world.sent_events().last().unwrap(), "Promotion Refused -/- - -");
    // The hold ends at once, and an approval comes: the group has ended all the same.
    assert_eq!(world.command(hold("orders")).await.get("ended_waiting"), None);
    world.command(in_prod_of("release-hold", "orders", &json!({}))).await;
    let approved = world.command(approve(&group)).await;
    assert_eq!((&approved["status"], &approved["code"]), (&json!("refused"), &json!("Held")), "{approved}");
    let because = approved["because"].as_str().unwrap();
    assert!(because.starts_with("orders: held by bob ") && because.ends_with("; nothing was moved"), "{because}");
    world.sweep_minutes(2).await;
    assert_eq!(in_prod(&world), before);
    assert!(world.command(json!({"command": "status"})).await["groups"].is_null());
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn reject_and_recall_end_the_waiting_group_of_the_release_and_name_it() {
    for verb in ["reject", "recall"] {
        let (world, group) = waiting().await;
        let answer = world.command(reject(verb)).await;
        let ended = &answer["ended_waiting"];
        assert_eq!(ended.as_array().unwrap().len(), 1, "{answer:#}");
        assert_eq!((&ended[0]["deployment"], &ended[0]["release"]), (&group["id"], &json!("7")), "{answer:#}");
        assert_eq!(world.command(reject(verb)).await.get("ended_waiting"), None);
        let approved = world.command(approve(&group)).await;
        assert_eq!((&approved["status"], &approved["code"]), (&json!("refused"), &json!("Rejected")), "{approved}");
    }
}

/// Makes three releases of orders in dev, and two of them live in prod, one after the other.
pub(super) async fn with_a_way_back(world: &World) {
    for (number, release) in ["1.2.0", "1.3.0"].into_iter().enumerate() {
        let id = format!("p{number}");
        let one = with(promote(), &json!({"id": id}));
        let record = world.command_record(one).await;
        let approved = in_prod_of("approve", "orders", &json!({"deployment": record.id}));
        assert_eq!(world.command(approved).await["status"], json!("succeeded"));
        deploy_all(world, &[release]).await;
    }
    world.pass(Duration::from_secs(2)).await;
}

#[tokio::test(start_paused = true)]
async fn rollback_ends_the_waiting_group_of_a_member_and_names_it() {
    let world = by_hand(&json!({"approval": {"required": 1}}));
    two_releases(&world).await;
    with_a_way_back(&world).await;
    let group = world.command(together("g")).await;
    world.pass(Duration::from_secs(2)).await;
    let plan = world.command(in_prod_of("plan", "orders", &json!({"rollback": true}))).await;
    let rollback = in_prod_of("rollback", "orders", &json!({"id": "r1"}));
    let answer = world.command(rollback.clone()).await;
    assert_eq!(answer["status"], json!("succeeded"), "{answer:#}");
    let [ended] = &answer["ended_waiting"].as_array().unwrap()[..] else { panic!("{answer:#}") };
    assert_eq!((&ended["deployment"], &ended["release"]), (&group["id"], &json!("1.3.0")), "{answer:#}");
    assert_eq!((&ended["functions"], &ended["from"]), (&json!(["orders", "workers"]), &json!("dev")), "{answer:#}");
    assert_eq!(plan["ends_groups"], answer["ended_waiting"], "{plan:#}");
    assert!(world.command(json!({"command": "status"})).await["groups"].is_null());
    let approved = world.command(approve(&group)).await;
    assert_eq!(approved["status"], json!("superseded"), "{approved}");
    let rollback_id = answer["id"].as_str().unwrap();
    let because = format!("orders: rollback {rollback_id} has ended what waited to come here; nothing was moved");
    assert_eq!(approved["because"], json!(because));
    let before = world.snapshot();
    let again = world.command(rollback).await;
    assert_eq!((&again["ended_waiting"], world.snapshot()), (&answer["ended_waiting"], before));
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn refused_rollback_leaves_the_group_waiting_and_names_nothing() {
    let (world, group) = waiting().await;
    let answer = world.command(in_prod_of("rollback", "orders", &json!({"id": "r1"}))).await;
    assert_eq!((&answer["status"], answer.get("ended_waiting")), (&json!("refused"), None), "{answer:#}");
    let status = world.command(json!({"command": "status"})).await;
    assert_eq!(status["groups"][0]["id"], group["id"]);
}

#[tokio::test(start_paused = true)]
async fn hold_or_reject_of_something_else_leaves_the_group_waiting() {
    let (world, group) = waiting().await;
    world.command(with(hold("orders"), &json!({"environment": "stage"}))).await;
    world.record("dev/workers/8.zip", code("8")).await;
    world.command(with(reject("reject"), &json!({"release": "8"}))).await;
    world.command(approve(&group)).await;
    assert_eq!(until_ended(&world, "g").await["status"], json!("succeeded"));
}

#[tokio::test(start_paused = true)]
async fn same_group_again_is_superseded_by_the_one_that_waits() {
    let (world, group) = waiting().await;
    let again = world.command(together("again")).await;
    let because = format!(
        "group {} brings the same releases of the same functions already, and waits; nothing was moved",
        group["id"].as_str().unwrap()
    );
    assert_eq!((&again["status"], &again["because"]), (&json!("superseded"), &json!(because)), "{again}");
    assert_eq!((&again["in_favour_of"], &again["repeats"]), (&group["id"], &json!(true)), "{again}");
    assert_eq!(world.command(together("again")).await, again, "the same id is the same request");
    let status = world.command(json!({"command": "status"})).await;
    assert_eq!(status["groups"].as_array().unwrap().len(), 1, "{status:#}");
    world.command(approve(&group)).await;
    assert_eq!(until_ended(&world, "g").await["status"], json!("succeeded"));
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn newer_group_of_the_same_functions_takes_the_place_of_the_one_that_waits() {
    let (world, first) = waiting().await;
    deploy_all(&world, &["1.2.0"]).await;
    let second = world.command(together("second")).await;
    assert_eq!(second["status"], json!("pending"), "{second}");
    let first_now = world.command(together("g")).await;
    let because = format!(
        "group {}, asked for later, has taken its place while it waited; nothing was moved",
        second["id"].as_str().unwrap()
    );
    assert_eq!((&first_now["status"], &first_now["because"]), (&json!("superseded"), &json!(because)), "{first_now}");
    assert_eq!((&first_now["in_favour_of"], first_now.get("repeats")), (&second["id"], None), "{first_now}");
    assert_ne!(first["id"], second["id"]);
    world.command(approve(&second)).await;
    assert_eq!(until_ended(&world, "second").await["status"], json!("succeeded"));
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn promotion_of_a_member_alone_ends_its_waiting_group_and_names_it() {
    let (world, group) = waiting().await;
    deploy_all(&world, &["1.2.0"]).await;
    world.command_record(promote()).await;
    let status = world.command(json!({"command": "status"})).await;
    assert_eq!(status["groups"][0]["id"], group["id"], "nothing is let in yet: {status:#}");
    let approved = world.command(in_prod_of("approve", "orders", &json!({}))).await;
    assert_eq!((world.served_releases()[2].as_str(), &approved["status"]), ("1.2.0", &json!("succeeded")));
    let [ended] = &approved["ended_waiting"].as_array().unwrap()[..] else { panic!("{approved:#}") };
    assert_eq!((&ended["deployment"], &ended["functions"]), (&group["id"], &json!(["orders", "workers"])));
    let status = world.command(json!({"command": "status"})).await;
    assert!(status["groups"].is_null(), "{status:#}");
    let record = world.command(in_prod_of("history", "orders", &json!({}))).await["deployments"][0].clone();
    assert_eq!(record["ended_waiting"], approved["ended_waiting"], "{record:#}");
    let ended = world.command(together("g")).await;
    assert_eq!((&ended["status"], &ended["id"]), (&json!("superseded"), &group["id"]), "{ended}");
    let because = format!(
        "orders: promotion {}, asked for later, was let in before it; nothing was moved",
        approved["id"].as_str().unwrap()
    );
    assert_eq!(ended["because"], json!(because));
    world.markers_are_cleared().await;
}

#[tokio::test(start_paused = true)]
async fn word_on_a_member_is_answered_with_its_group() {
    let (world, group) = waiting().await;
    let (id, member) = (group["id"].as_str().unwrap(), group["functions"][0]["deployment"].clone());
    for verb in ["approve", "decline"] {
        for more in [json!({}), json!({"function": "orders"})] {
            let word = json!({"command": verb, "environment": "prod", "deployment": member, "requested_by": "bob"});
            let (error, because) = world.command_error(with(word, &more)).await;
            let words = format!(
                "promotion {} of orders belongs to group {id} (orders and workers), which is decided about as a whole: \
                 deployctl {verb} -e prod --deployment {id}",
                member.as_str().unwrap()
            );
            assert_eq!((error.as_str(), because), ("InvalidCommand", words));
        }
    }
    assert!(world.command(together("g")).await["approvals"].is_null(), "nothing was approved");
}

#[tokio::test(start_paused = true)]
async fn plan_of_a_waiting_group_says_that_a_later_promotion_of_a_member_takes_its_place() {
    let (world, group) = waiting().await;
    deploy_all(&world, &["1.2.0"]).await;
    world.pass(Duration::from_secs(2)).await;
    let planned = json!({"command": "plan", "environment": "prod", "function": "orders", "promote_from": "dev"});
    let planned = world.command(planned).await;
    let ends = format!("group {} of orders and workers, which waits here, ends as ", group["id"].as_str().unwrap());
    assert!(planned["warnings"][0].as_str().is_some_and(|one| one.starts_with(&ends)), "{planned:#}");
    let later = world.command(with(promote(), &json!({"id": "later"}))).await;
    assert_eq!(later["status"], "pending", "{later:#}");
    let plans = plans(&world, &group).await;
    let warned = |plan: &Value| {
        let warnings = plan["warnings"].as_array().cloned().unwrap_or_default();
        warnings.iter().filter_map(Value::as_str).find(|one| one.contains("waits already")).map(str::to_owned)
    };
    let warning = warned(&plans[0]).unwrap_or_else(|| panic!("{:#}", plans[0]));
    assert!(warning.contains(later["id"].as_str().unwrap()), "{warning}");
    assert_eq!(warned(&plans[1]), None, "{:#}", plans[1]);
    let approved = world.command(approve(&group)).await;
    assert_eq!(approved["status"], "superseded", "{approved:#}");
}

#[tokio::test(start_paused = true)]
async fn status_of_one_group_has_it_open_and_ended() {
    let (world, group) = waiting().await;
    let of = |id: &Value| json!({"command": "status", "environment": "prod", "group": id});
    let before = world.snapshot();
    let open = world.command(of(&group["id"])).await;
    assert_eq!((&open["group"]["id"], &open["group"]["status"]), (&group["id"], &json!("pending")), "{open:#}");
    assert_eq!(world.snapshot(), before, "a look changes nothing");
    world.command(approve(&group)).await;
    let ended = until_ended(&world, "g").await;
    let shown = world.command(of(&group["id"])).await;
    assert_eq!((&shown["group"], &shown["functions"]), (&ended, &json!([])), "{shown:#}");
    let (error, _) = world.command_error(of(&group["functions"][0]["deployment"])).await;
    assert_eq!(error, "Refused");
    let whole = with(of(&group["id"]), &json!({"function": "orders"}));
    assert_eq!(world.command_error(whole).await.0, "InvalidCommand");
}
