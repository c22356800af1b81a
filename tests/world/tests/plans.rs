//! `plan` of drift, of rollbacks and of promotions: it says what would happen, and changes nothing.

use std::time::Duration;

use deployer_core::id::Sha256;
use serde_json::{Value, json};
use world::orders::{OTHER, command, deploy_all, rollback, served, serves};
use world::promotions::PROD;
use world::zips::{code, with_manifest};
use world::{CallPhase, DEV, World};

/// Returns a plan for `orders` in an environment, and checks that planning has changed nothing.
async fn plan(world: &World, environment: &str, more: &Value) -> Value {
    let before = world.snapshot();
    let mut asked = command("plan", more);
    asked["environment"] = json!(environment);
    let plan = world.command(asked).await;
    assert_eq!(world.snapshot(), before, "planning changes nothing");
    plan
}

/// Returns the reason why a plan is refused, with its code.
fn refusal(plan: &Value) -> (&str, &str) {
    let text = |field: &str| plan["refused"][field].as_str().unwrap_or_default();
    (text("code"), text("because"))
}

fn steps(target: &Value) -> Vec<&str> {
    target["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect()
}

fn fields(target: &Value) -> Vec<&str> {
    target["changes"].as_array().unwrap().iter().map(|change| change["field"].as_str().unwrap()).collect()
}

fn names(releases: &Value) -> Vec<&str> {
    releases.as_array().into_iter().flatten().map(|release| release["release"].as_str().unwrap()).collect()
}

/// Uploads a release with a commit, and deploys it to dev.
async fn deploy_commit(world: &World, release: &str, commit: &str) {
    world.pass(Duration::from_secs(1)).await;
    let upload = world.put_with(&format!("dev/orders/{release}.zip"), code(release), &[("commit", commit)]);
    world.deliver(&upload).await.unwrap();
}

/// Makes a world whose `prod` takes promotions from `dev` only, with these further fields; dev serves 1.1.0.
async fn promoted(more: &Value) -> World {
    let mut prod = json!({"promotion": {"from": "dev"}, "accept_uploads": false});
    for (field, value) in more.as_object().into_iter().flatten() {
        prod[field] = value.clone();
    }
    let world = World::three_environments(&json!({}), &prod);
    deploy_commit(&world, "1.1.0", "one").await;
    world
}

fn promote() -> Value {
    json!({"command": "promote", "function": "orders", "from": "dev", "to": "prod", "requested_by": "ann"})
}

#[tokio::test(start_paused = true)]
async fn drift_is_shown_where_uploads_are_not_accepted() {
    let world = promoted(&json!({})).await;
    let nothing = plan(&world, "prod", &json!({})).await;
    assert_eq!(
        refusal(&nothing),
        ("NotLive", "nothing of orders is live in prod, so there is nothing that could have changed there")
    );
    world.command_record(promote()).await;
    let same = plan(&world, "prod", &json!({})).await;
    assert_eq!((&same["unchanged"], &same["release"]), (&json!(true), &json!("1.1.0")), "{same:#}");
    world.change_function(PROD, "orders", |f| f.point("live", 1));
    let moved = plan(&world, "prod", &json!({})).await;
    assert_eq!((moved.get("refused"), &moved["unchanged"]), (None, &json!(false)), "{moved:#}");
    let target = &moved["targets"][0];
    assert_eq!(
        (steps(target), &target["version_from"]),
        (vec!["publish version", "move alias"], &json!("1")),
        "{moved:#}"
    );
    let upload = plan(&world, "prod", &json!({"release": "1.1.0"})).await;
    assert_eq!(refusal(&upload).0, "ArtifactGone", "an upload is still planned as an upload");
}

#[tokio::test(start_paused = true)]
async fn drift_is_shown_beside_a_hold_and_a_reject() {
    let world = World::with_orders();
    deploy_all(&world, &["a"]).await;
    world.change_function(DEV, "orders", |f| f.point("live", 1));
    world.command(command("hold", &json!({"reason": "sale"}))).await;
    let held = plan(&world, "dev", &json!({})).await;
    assert_eq!(
        (refusal(&held).0, steps(&held["targets"][0])),
        ("Held", vec!["publish version", "move alias"]),
        "{held:#}"
    );
    world.command(command("release-hold", &json!({}))).await;
    let reject = json!({"command": "reject", "function": "orders", "release": "a", "reason": "leaks"});
    world.command(reject).await;
    let rejected = plan(&world, "dev", &json!({})).await;
    assert_eq!(
        (refusal(&rejected).0, steps(&rejected["targets"][0])),
        ("Rejected", vec!["publish version", "move alias"])
    );
}

#[tokio::test(start_paused = true)]
async fn rollback_plan_names_versions_and_configuration_and_is_what_happens() {
    let world = World::with_orders();
    world.record("dev/orders/a.zip", with_manifest("a", "memory_size = 256")).await;
    world.pass(Duration::from_secs(1)).await;
    let secret = "memory_size = 512\n[environment.variables]\nTOKEN = \"hunter2\"";
    world.record("dev/orders/b.zip", with_manifest("b", secret)).await;
    let before = serves(&world, DEV);
    let back = plan(&world, "dev", &json!({"rollback": true})).await;
    assert_eq!((&back["release"], &back["unchanged"]), (&json!("a"), &json!(false)), "{back:#}");
    assert_eq!((&back["live"]["release"], &back["brings"]["release"]), (&json!("b"), &json!("a")));
    let target = &back["targets"][0];
    assert_eq!(steps(target), ["move alias"]);
    assert_eq!(fields(target), ["alias live", "memory_size", "environment.variables.TOKEN", "code"], "{back:#}");
    assert!(
        target["changes"].as_array().unwrap().contains(&json!({"field": "memory_size", "from": "512", "to": "256"}))
    );
    assert!(!back.to_string().contains("hunter2"), "{back:#}");
    assert_eq!(target["version_from"], json!(before.to_string()));
    let status = world.command(command("status", &json!({}))).await;
    let told = &status["functions"][0]["rollback"];
    assert_eq!((&told["release"], &told["deployment"]), (&json!("a"), &back["brings"]["deployment"]), "{status:#}");
    rollback(&world).await;
    assert_eq!((served(&world).as_str(), json!(serves(&world, DEV).to_string())), ("a", target["version_to"].clone()));
}

/// Returns the changes of the only target as lines: field, from, to.
fn changes(plan: &Value) -> Vec<[&str; 3]> {
    let changes = plan["targets"][0]["changes"].as_array().unwrap().iter();
    changes.map(|change| ["field", "from", "to"].map(|part| change[part].as_str().unwrap_or("(none)"))).collect()
}

const UNNAMED: &str = "memory_size = 256";
const LESS: &str = "memory_size = 256\ntimeout = 3";
const MORE: &str = "memory_size = 512\ntimeout = 9\n[environment.variables]\nGREETING = \"hello\"";

#[tokio::test(start_paused = true)]
async fn upload_plan_after_a_rollback_shows_what_callers_will_see() {
    let world = World::with_orders();
    let (a, b) = (with_manifest("a", LESS), with_manifest("b", MORE));
    let sha256 = |zip: &[u8]| Sha256::of(zip).to_string();
    let (sha256_a, sha256_b, sha256_c) = (sha256(&a), sha256(&b), sha256(&with_manifest("c", UNNAMED)));
    for (release, zip) in [("a", a), ("b", b)] {
        world.pass(Duration::from_secs(1)).await;
        world.record(&format!("dev/orders/{release}.zip"), zip).await;
    }
    rollback(&world).await;
    let served = serves(&world, DEV).to_string();
    let served = format!("version {served}");
    let again = plan(&world, "dev", &json!({"release": "b"})).await;
    assert_eq!(steps(&again["targets"][0]), ["publish version", "move alias"], "$LATEST has it still: {again:#}");
    let to_more = [
        ["memory_size", "256", "512"],
        ["timeout", "3", "9"],
        ["environment.variables.GREETING", "(none)", "***"],
        ["code", &sha256_a, &sha256_b],
        ["alias live", &served, "the new version"],
    ];
    assert_eq!(changes(&again), to_more, "{again:#}");
    // A setting that the manifest does not name comes from $LATEST, which has the timeout of the release that was left.
    world.pass(Duration::from_secs(1)).await;
    world.put("dev/orders/c.zip", with_manifest("c", UNNAMED));
    let next = plan(&world, "dev", &json!({"release": "c"})).await;
    assert_eq!(steps(&next["targets"][0]), ["update configuration", "update code", "move alias"], "{next:#}");
    let to_next = [["timeout", "3", "9"], ["code", &sha256_a, &sha256_c], ["alias live", &served, "the new version"]];
    assert_eq!(changes(&next), to_next, "{next:#}");
}

#[tokio::test(start_paused = true)]
async fn promotion_plan_after_a_rollback_shows_what_callers_will_see() {
    let world = World::three_environments(
        &json!({}),
        &json!({"promotion": {"from": "dev"}, "approval": {"required": 1}, "accept_uploads": false}),
    );
    let mut sha256 = vec![];
    for (release, manifest) in [("1.0.0", LESS), ("1.1.0", MORE)] {
        world.pass(Duration::from_secs(1)).await;
        let zip = with_manifest(release, manifest);
        sha256.push(Sha256::of(&zip).to_string());
        world.record(&format!("dev/orders/{release}.zip"), zip).await;
        let waits = world.command_record(promote()).await;
        let approve = json!({"command": "approve", "environment": "prod", "function": "orders", "deployment": waits.id,
            "requested_by": "bob"});
        world.command_record(approve).await;
    }
    let back = json!({"command": "rollback", "environment": "prod", "function": "orders", "requested_by": "ann"});
    world.command_record(back).await;
    world.pass(Duration::from_secs(1)).await;
    let waits = world.command_record(promote()).await;
    let served = format!("version {}", serves(&world, PROD));
    for asked in [json!({"promote_from": "dev"}), json!({"deployment": waits.id})] {
        let again = plan(&world, "prod", &asked).await;
        assert_eq!((&again["release"], &again["live"]["release"]), (&json!("1.1.0"), &json!("1.0.0")), "{again:#}");
        let expected = [
            ["memory_size", "256", "512"],
            ["timeout", "3", "9"],
            ["environment.variables.GREETING", "(none)", "***"],
            ["code", &sha256[0], &sha256[1]],
            ["alias live", &served, "the new version"],
        ];
        assert_eq!(changes(&again), expected, "{again:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn rollback_plan_tells_a_version_that_is_gone_from_an_artifact_that_is_gone() {
    let world = World::with_orders_in_two();
    deploy_all(&world, &["a", "b", "c"]).await;
    world.change_function(DEV, "orders", |f| {
        f.versions.remove(&2);
        f
    });
    let to = json!({"rollback": true, "to": "a"});
    let back = plan(&world, "dev", &to).await;
    assert_eq!(names(&back["between"]), ["b"], "it leaves b as well: {back:#}");
    assert_eq!(steps(&back["targets"][0]), ["update code", "move alias"], "{back:#}");
    assert_eq!((&back["targets"][0]["version_from"], back["targets"][0].get("version_to")), (&json!("4"), None));
    let warning = "version 2, which had served this release, is gone or inactive: a new one is published";
    assert_eq!(back["targets"][0]["warnings"], json!([warning]));
    assert_eq!((steps(&back["targets"][1]), &back["targets"][1]["version_to"]), (vec!["move alias"], &json!("2")));

    world.aws(|aws| aws.artifacts.delete("dev/orders/a.zip", "v1"));
    let back = plan(&world, "dev", &to).await;
    assert_eq!(back["targets"][0]["error"]["code"], "ArtifactUnreadable", "{back:#}");
    assert_eq!(steps(&back["targets"][1]), ["move alias"], "the other target does not need it");
    world.aws(|aws| aws.sts.delete_role(OTHER));
    let back = plan(&world, "dev", &to).await;
    assert_eq!(back["targets"][1]["error"]["code"], "AssumeRoleDenied", "{back:#}");
}

#[tokio::test(start_paused = true)]
async fn rollback_plan_without_an_earlier_release_is_refused() {
    let world = World::with_orders();
    deploy_all(&world, &["a"]).await;
    let back = plan(&world, "dev", &json!({"rollback": true})).await;
    assert_eq!(refusal(&back).0, "NothingToRollBack", "{back:#}");
    let back = plan(&world, "dev", &json!({"rollback": true, "to": "z"})).await;
    assert_eq!(refusal(&back), ("NothingToRollBack", "release z is not among the last that were live here (a)"));
    assert_eq!(back["live"]["release"], "a", "{back:#}");
    world.command(command("hold", &json!({"reason": "sale"}))).await;
    deploy_commit(&world, "b", "two").await;
    let back = plan(&world, "dev", &json!({"rollback": true, "to": "a"})).await;
    assert_eq!((back.get("refused"), &back["unchanged"]), (None, &json!(true)), "a hold refuses no rollback: {back:#}");
}

#[tokio::test(start_paused = true)]
async fn rollback_plan_during_a_deployment_stops_it() {
    for (call, planned) in [(12, vec![]), (16, vec!["move alias"])] {
        let world = World::with_orders();
        deploy_all(&world, &["a"]).await;
        let upload = world.put("dev/orders/b.zip", code("b"));
        world.invocation().dies_at(call, CallPhase::After).upload(&upload).await;
        assert!(world.head("dev", "orders")["active"].is_object());
        world.pass(Duration::from_secs(1)).await;
        let back = plan(&world, "dev", &json!({"rollback": true})).await;
        assert_eq!((&back["release"], back["stops"].is_string()), (&json!("a"), true), "{back:#}");
        assert_eq!((&back["unchanged"], steps(&back["targets"][0])), (&json!(false), planned), "{back:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn promotion_plan_names_commits_and_releases_between() {
    let world = promoted(&json!({})).await;
    world.command_record(promote()).await;
    for (release, commit) in [("1.2.0", "two"), ("1.3.0", "three")] {
        deploy_commit(&world, release, commit).await;
    }
    let to = plan(&world, "prod", &json!({"promote_from": "dev"})).await;
    assert_eq!((&to["release"], &to["promote_from"], to.get("wait")), (&json!("1.3.0"), &json!("dev"), None), "{to:#}");
    let commit = |release: &Value| release["metadata"]["commit"].as_str().unwrap_or_default().to_owned();
    assert_eq!([&to["live"], &to["between"][0], &to["brings"]].map(commit), ["one", "two", "three"], "{to:#}");
    assert_eq!(names(&to["between"]), ["1.2.0"]);
    assert_eq!(steps(&to["targets"][0]), ["update code", "move alias"]);
    let named = plan(&world, "prod", &json!({"promote_from": "dev", "release": "1.2.0"})).await;
    assert_eq!((&named["release"], names(&named["between"])), (&json!("1.2.0"), vec![]));
    let done = world.command_record(promote()).await;
    let there = plan(&world, "prod", &json!({"promote_from": "dev"})).await;
    assert_eq!((&there["unchanged"], &there["release"]), (&json!(true), &json!(done.release)), "{there:#}");
}

#[tokio::test(start_paused = true)]
async fn promotion_plan_names_the_rule_that_refuses_it() {
    let world = promoted(&json!({"promotion": {"from": "dev", "soak": "30m"}})).await;
    let to = json!({"promote_from": "dev"});
    let soaks = plan(&world, "prod", &to).await;
    assert_eq!(refusal(&soaks).0, "NotPromotable");
    assert!(refusal(&soaks).1.contains("takes what has soaked for 30m"), "{soaks:#}");
    assert_eq!(steps(&soaks["targets"][0]), ["update code", "move alias"], "the changes are shown all the same");
    let from = plan(&world, "prod", &json!({"promote_from": "stage"})).await;
    assert_eq!(refusal(&from), ("NotPromotable", "prod takes promotions from dev only, not from stage"));
    let gone = plan(&world, "prod", &json!({"promote_from": "dev", "release": "9"})).await;
    assert_eq!(refusal(&gone), ("NotLive", "release 9 is not among the last that dev has or had live"));

    let world = promoted(&json!({})).await;
    world.change_function(DEV, "orders", |f| f.point("live", 1));
    let drifted = plan(&world, "prod", &to).await;
    assert!(refusal(&drifted).1.contains("somebody has changed it by hand"), "{drifted:#}");
    let mut hold = command("hold", &json!({"reason": "sale"}));
    hold["environment"] = json!("prod");
    world.command(hold).await;
    assert_eq!(refusal(&plan(&world, "prod", &to).await).0, "Held");
}

#[tokio::test(start_paused = true)]
async fn plan_of_a_waiting_promotion_is_about_its_exact_artifact() {
    let world = promoted(&json!({"approval": {"required": 1}})).await;
    let asked = plan(&world, "prod", &json!({"promote_from": "dev"})).await;
    assert_eq!(asked["wait"]["approvals_wanted"], 1, "{asked:#}");
    let waits = world.command_record(promote()).await;
    // Another upload of the same release is live in dev by then.
    world.pass(Duration::from_secs(1)).await;
    let again = world.put_with("dev/orders/1.1.0.zip", code("other bytes"), &[("commit", "again")]);
    world.deliver(&again).await.unwrap();
    let seen = plan(&world, "prod", &json!({"deployment": waits.id})).await;
    assert_eq!(seen["brings"]["metadata"]["commit"], "one", "{seen:#}");
    assert_eq!((&seen["wait"]["approvals_wanted"], &seen["brings"]["sha256"]), (&json!(1), &asked["brings"]["sha256"]));
    let (error, because) = world
        .command_error(json!({"command": "plan", "environment": "prod", "function": "orders",
            "deployment": "01JD3Z9V7Q0000000000000000"}))
        .await;
    assert_eq!(error, "InvalidCommand");
    assert_eq!(because, "no promotion 01JD3Z9V7Q0000000000000000 of orders waits in prod: status tells which do");
}

#[tokio::test(start_paused = true)]
async fn plan_of_a_group_member_is_found_before_it_has_a_place() {
    let world = promoted(&json!({"approval": {"required": 1}})).await;
    world.record("dev/workers/7.zip", code("7")).await;
    let group = world
        .command(json!({"command": "promote", "functions": ["orders", "workers"], "from": "dev", "to": "prod",
            "requested_by": "ann", "id": "g"}))
        .await;
    assert_eq!((&group["status"], &group["approvals_wanted"]), (&json!("pending"), &json!(1)), "{group:#}");
    let member = &group["functions"][0];
    let seen = plan(&world, "prod", &json!({"deployment": member["deployment"]})).await;
    assert_eq!((&seen["release"], &seen["brings"]["metadata"]["commit"]), (&json!("1.1.0"), &json!("one")), "{seen:#}");
    assert_eq!(steps(&seen["targets"][0]), ["update code", "move alias"], "{seen:#}");
}

#[tokio::test(start_paused = true)]
async fn fields_of_a_plan_that_exclude_each_other_are_refused() {
    let world = World::with_orders();
    for (more, because) in [
        (json!({"to": "a"}), "to is for a rollback: say \"rollback\": true, or release"),
        (json!({"promote_from": "dev"}), "environment and promote_from must be two environments"),
        (json!({"rollback": true, "release": "a"}), "exclude each other"),
        (json!({"rollback": true, "promote_from": "stage"}), "exclude each other"),
        (json!({"deployment": "01JD3Z9V7Q0000000000000000", "release": "a"}), "exclude each other"),
    ] {
        let (error, said) = world.command_error(command("plan", &more)).await;
        assert!(error == "InvalidCommand" && said.contains(because), "{more}: {said}");
    }
    let (_, said) = world.command_error(command("plan", &json!({"promote_from": "prd"}))).await;
    assert!(said.contains("no environment prd"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn plan_of_an_older_release_says_that_it_is_a_step_back() {
    let world = promoted(&json!({})).await;
    deploy_all(&world, &["1.2.0"]).await;
    let forward = plan(&world, "prod", &json!({"promote_from": "dev"})).await;
    assert!(forward["warnings"].as_array().is_none_or(Vec::is_empty), "{forward:#}");
    world.pass(Duration::from_secs(2)).await;
    world.command_record(promote()).await;
    let back = plan(&world, "prod", &json!({"promote_from": "dev", "release": "1.1.0"})).await;
    let warning = "release 1.1.0 was live in dev before release 1.2.0, which is live here: this is a step back";
    assert_eq!(back["warnings"], json!([warning]), "{back:#}");
}

#[tokio::test(start_paused = true)]
async fn plan_of_a_groups_member_with_an_older_release_says_that_it_is_a_step_back() {
    let world = promoted(&json!({"approval": {"required": 1}})).await;
    deploy_all(&world, &["1.2.0"]).await;
    world.pass(Duration::from_secs(2)).await;
    let newer = world.command_record(promote()).await;
    let approve = json!({"command": "approve", "environment": "prod", "deployment": newer.id, "requested_by": "bob"});
    assert_eq!(world.command(approve).await["status"], json!("succeeded"));
    world.pass(Duration::from_secs(2)).await;
    let together = json!({"command": "promote", "functions": ["orders"], "release": "1.1.0", "from": "dev", "to": "prod",
        "requested_by": "ann", "id": "older"});
    let group = world.command(together).await;
    let back = plan(&world, "prod", &json!({"deployment": group["functions"][0]["deployment"]})).await;
    let warning = "release 1.1.0 was live in dev before release 1.2.0, which is live here: this is a step back";
    assert_eq!(back["warnings"], json!([warning]), "{back:#} {group:#}");
}
