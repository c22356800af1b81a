//! Rollbacks after deployer.json has changed: a target, the alias or the function's name differs from that of the
//! earlier deployments.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::time::Duration;

use deployer_core::record::{DeploymentRecord, Status, TargetErrorCode, TargetOutcome};
use deployer_engine::port::CallErrorKind;
use jiff::Timestamp;
use serde_json::{Value, json};
use world::orders::{OTHER, command, release};
use world::zips::{code, function, with_manifest};
use world::{Call, CallPhase, DEV, Op, Outcome, Trigger, UpdateOutcome, World, recorded};

/// The alias of a function in an account.
type Place = (&'static str, &'static str, &'static str);

const LIVE: [Place; 2] = [(DEV, "orders", "live"), (OTHER, "orders", "live")];

/// Returns a deployer.json with these accounts and these further fields of the environment.
fn config(accounts: &[&str], more: &Value) -> Value {
    let target = |account: &&str| json!({"account": account, "region": "eu-west-1"});
    let targets: Vec<Value> = accounts.iter().map(target).collect();
    let mut dev = json!({"targets": targets, "external_id": "dev-8c1f"});
    dev.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({
        "artifact_bucket": "acme-artifacts",
        "ledger_bucket": "acme-deployer-ledger",
        "queue_url": "https://sqs.eu-west-1.amazonaws.com/000000000000/deployer",
        "environments": {"dev": dev},
    })
}

/// Returns a world with two accounts, of which deployer.json names these.
fn world(accounts: &[&str]) -> World {
    let mut world = World::with(&config(&[DEV, OTHER], &json!({})));
    for account in [DEV, OTHER] {
        world.aws(|aws| aws.at(account).role("lambda-execution", Timestamp::UNIX_EPOCH));
    }
    world.reconfigure(&config(accounts, &json!({})));
    world
}

/// Uploads these releases a second apart, each with a manifest that a function can be made from.
async fn deploy_all(world: &World, releases: &[&str]) {
    for release in releases {
        world.pass(Duration::from_secs(1)).await;
        let record = world.record(&format!("dev/orders/{release}.zip"), function(release)).await;
        assert_eq!(record.status, Status::Succeeded, "{record:?}");
    }
}

/// Returns the release that an alias serves.
fn served(world: &World, (account, name, alias): Place) -> String {
    world.aws(|aws| {
        let function = aws.at(account).function(name);
        let sha256 = function.versions[&function.aliases[alias].version].sha256;
        aws.artifacts.label(sha256)
    })
}

/// A world whose deployer.json has changed after releases a, b and c.
struct Changed {
    name: &'static str,
    world: World,
    serves: Vec<Place>,
}

/// Removes an account, deploys releases that it misses, and adds it again.
async fn remove_and_add_account(before: &[&str], meanwhile: &[&str], name: &'static str) -> Changed {
    let mut world = world(&[DEV, OTHER]);
    deploy_all(&world, before).await;
    world.reconfigure(&config(&[DEV], &json!({})));
    deploy_all(&world, meanwhile).await;
    world.reconfigure(&config(&[DEV, OTHER], &json!({})));
    Changed { name, world, serves: LIVE.to_vec() }
}

/// Adds an account in which this function exists already.
async fn added(there: Option<&str>, name: &'static str) -> Changed {
    let mut world = world(&[DEV]);
    deploy_all(&world, &["a", "b", "c"]).await;
    if let Some(label) = there {
        world.add_function(OTHER, "orders", &function(label), |f| f.publish().publish().point("live", 1));
    }
    world.reconfigure(&config(&[DEV, OTHER], &json!({})));
    Changed { name, world, serves: LIVE.to_vec() }
}

/// Renames the alias.
async fn rename_function(there: Option<u64>, name: &'static str) -> Changed {
    let mut world = world(&[DEV, OTHER]);
    deploy_all(&world, &["a", "b", "c"]).await;
    for account in [DEV, OTHER] {
        if let Some(version) = there {
            world.change_function(account, "orders", |f| f.point("main", version));
        }
    }
    world.reconfigure(&config(&[DEV, OTHER], &json!({"alias": "main"})));
    Changed { name, world, serves: vec![(DEV, "orders", "main"), (OTHER, "orders", "main")] }
}

/// Renames the function.
async fn rename_alias(there: Option<&str>, name: &'static str) -> Changed {
    let mut world = world(&[DEV, OTHER]);
    deploy_all(&world, &["a", "b", "c"]).await;
    for account in [DEV, OTHER] {
        if let Some(label) = there {
            world.add_function(account, "acme-orders", &function(label), |f| f.publish().point("live", 1));
        }
    }
    world.reconfigure(&config(&[DEV, OTHER], &json!({"function_name": "acme-{function}"})));
    Changed { name, world, serves: vec![(DEV, "acme-orders", "live"), (OTHER, "acme-orders", "live")] }
}

async fn all() -> Vec<Changed> {
    vec![
        remove_and_add_account(&["a", "b"], &["c"], "removed before c, and added again").await,
        remove_and_add_account(&["a"], &["b", "c"], "removed before b, and added again").await,
        remove_and_add_account(&["a", "b", "c"], &[], "removed after c, and added again").await,
        added(None, "added without the function").await,
        added(Some("foreign"), "added with the alias of somebody else's function").await,
        added(Some("c"), "added with the alias on what is left").await,
        added(Some("a"), "added with the alias on an older one").await,
        rename_function(None, "alias renamed").await,
        rename_function(Some(1), "alias renamed to one that serves a").await,
        rename_function(Some(3), "alias renamed to one that serves c").await,
        rename_alias(None, "function_name changed").await,
        rename_alias(Some("foreign"), "function_name changed to somebody else's function").await,
        rename_alias(Some("c"), "function_name changed to a function with what is left").await,
    ]
}

fn assert_serves(changed: &Changed, wanted: &str) {
    let Changed { name, world, serves } = changed;
    for place in serves {
        assert_eq!(served(world, *place), wanted, "{name}: {place:?}\n{}", world.render());
    }
}

async fn rollback(world: &World, more: &Value) -> DeploymentRecord {
    world.pass(Duration::from_secs(1)).await;
    world.command_record(command("rollback", more)).await
}

#[tokio::test(start_paused = true)]
async fn rollback_after_a_config_change_reaches_every_target() {
    for changed in all().await {
        let back = rollback(&changed.world, &json!({})).await;
        assert_eq!((back.status, release(&back)), (Status::Succeeded, "b"), "{}: {back:?}", changed.name);
        assert_serves(&changed, "b");
        let further = rollback(&changed.world, &json!({})).await;
        assert_eq!((further.status, release(&further)), (Status::Succeeded, "a"), "{}: {further:?}", changed.name);
        assert_serves(&changed, "a");
        changed.world.same_again_changes_nothing().await;
        assert_serves(&changed, "a");
    }
}

#[tokio::test(start_paused = true)]
async fn rollback_to_a_release_after_a_config_change_reaches_every_target() {
    for to in ["a", "b", "c"] {
        for changed in all().await {
            let back = rollback(&changed.world, &json!({ "to": to })).await;
            let is_there = matches!(back.status, Status::Succeeded | Status::Unchanged);
            assert!(is_there && release(&back) == to, "{}: {back:?}", changed.name);
            assert_serves(&changed, to);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rollback_during_a_deployment_after_a_config_change_restores_live() {
    for (more, wanted) in [(json!({"id": "r"}), "c"), (json!({"id": "r", "to": "b"}), "b")] {
        for changed in all().await {
            let world = &changed.world;
            for account in [DEV, OTHER] {
                world.aws(|aws| aws.at(account).settling.time = Duration::from_secs(20));
            }
            world.pass(Duration::from_secs(1)).await;
            let upload = world.put("dev/orders/d.zip", function("d"));
            let back = async {
                world.pass(Duration::from_secs(3)).await;
                world.command_record(command("rollback", &more)).await
            };
            let (stopped, asked) = tokio::join!(world.deliver(&upload), back);
            let stopped = recorded(stopped.unwrap());
            assert_eq!((stopped.status, asked.status), (Status::Superseded, Status::Pending), "{}", changed.name);
            world.tick().await;
            let back = world.command_record(command("rollback", &more)).await;
            assert!(matches!(back.status, Status::Succeeded | Status::Unchanged), "{}: {back:?}", changed.name);
            assert_eq!(release(&back), wanted, "{}", changed.name);
            assert_serves(&changed, wanted);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn version_of_another_function_is_not_used_for_a_rollback() {
    let mut world = world(&[DEV]);
    deploy_all(&world, &["a", "b"]).await;
    // A foreign function has a version with the same bytes and number, and another configuration.
    world.add_function(DEV, "acme-orders", &function("a"), |f| {
        f.set(|settings| settings.memory_size = 3_008).publish().code(&code("foreign")).publish().point("live", 2)
    });
    world.reconfigure(&config(&[DEV], &json!({"function_name": "acme-{function}"})));
    let back = rollback(&world, &json!({})).await;
    assert_eq!((back.status, release(&back)), (Status::Succeeded, "a"), "{back:?}");
    assert_eq!(served(&world, (DEV, "acme-orders", "live")), "a");
    let memory = world.function(DEV, "acme-orders", |f| f.versions[&f.aliases["live"].version].settings.memory_size);
    assert_eq!(memory, 256, "as its manifest says");
}

#[tokio::test(start_paused = true)]
async fn variable_of_another_function_is_not_removed() {
    let mut world = world(&[DEV]);
    let zip = |label: &str, variable: &str| {
        let manifest = format!(
            "runtime = \"provided.al2023\"\nhandler = \"bootstrap\"\nrole = \"lambda-execution\"\n\
             [environment.variables]\n{variable} = \"1\"\n"
        );
        with_manifest(label, &manifest)
    };
    world.record("dev/orders/a.zip", zip("a", "MINE")).await;
    world.add_function(DEV, "acme-orders", &code("foreign"), |f| {
        f.variable("MINE", "theirs").publish().point("live", 1)
    });
    world.reconfigure(&config(&[DEV], &json!({"function_name": "acme-{function}"})));
    world.pass(Duration::from_secs(1)).await;
    let record = world.record("dev/orders/b.zip", zip("b", "OTHER")).await;
    assert_eq!(record.status, Status::Succeeded, "{record:?}");
    let variables = world.function(DEV, "acme-orders", |f| format!("{:?}", f.latest.settings.variables));
    assert!(variables.contains("\"MINE\"") && variables.contains("\"OTHER\""), "{variables}");
}

#[tokio::test(start_paused = true)]
async fn concurrency_of_one_alias_is_not_assumed_of_another() {
    let mut world = world(&[DEV]);
    deploy_all(&world, &["a", "b"]).await;
    world.change_function(DEV, "orders", |f| {
        let fails = UpdateOutcome::Fails("FUNCTION_ERROR_INIT_FAILURE".into());
        f.point("main", 1).provision("main", Duration::from_secs(5), fails)
    });
    world.reconfigure(&config(&[DEV], &json!({"alias": "main"})));
    world.pass(Duration::from_secs(1)).await;
    let record = world.record("dev/orders/c.zip", function("c")).await;
    assert_eq!(record.status, Status::Failed, "{record:?}");
    assert_eq!(record.targets[0].error.as_ref().unwrap().code, TargetErrorCode::TrafficNotMoved);
    assert_eq!(served(&world, (DEV, "orders", "main")), "a", "the alias is put back");
}

#[tokio::test(start_paused = true)]
async fn redeploy_after_a_config_change_reaches_every_target() {
    for changed in all().await {
        let Changed { name, world, .. } = &changed;
        let status = || world.command(command("status", &json!({})));
        let before = status().await;
        assert_eq!(before["functions"][0]["live"]["release"], "c", "{name}");
        let is_whole = before["functions"][0]["live"]["complete"] == true;
        assert_eq!(is_whole, *name == "removed after c, and added again", "{name}: {before:#}");
        world.pass(Duration::from_secs(1)).await;
        let again = world.command_record(command("redeploy", &json!({}))).await;
        let is_there = matches!(again.status, Status::Succeeded | Status::Unchanged);
        assert!(is_there && release(&again) == "c", "{name}: {again:?}");
        assert_serves(&changed, "c");
        let after = status().await;
        assert_eq!(after["functions"][0]["live"]["complete"], true, "{name}: {after:#}");
        assert_eq!(after["functions"][0]["live"]["since"], before["functions"][0]["live"]["since"], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn failed_redeploy_under_a_new_alias_ignores_the_old_one() {
    let mut world = world(&[DEV, OTHER]);
    deploy_all(&world, &["a"]).await;
    world.reconfigure(&config(&[DEV, OTHER], &json!({"alias": "main"})));
    world.on(Op::CreateAlias).at(OTHER).fail(CallErrorKind::Invalid);
    world.pass(Duration::from_secs(1)).await;
    let record = world.command_record(command("redeploy", &json!({}))).await;
    assert_eq!(record.status, Status::Failed, "{record:?}");
    let live = &world.head("dev", "orders")["history"][0];
    assert_eq!((&live["complete"], &live["missing"]), (&json!(false), &json!(["222222222222/eu-west-1"])), "{live:#}");
}

/// Lets an invocation die after this call of the deployment of b; deployer.json has changed by the time its lease has
/// ended.
async fn crash_and_reconfigure(after: Op, more: &Value, accounts: &[&str], told_again: bool) -> World {
    let call = {
        let world = world(&[DEV, OTHER]);
        deploy_all(&world, &["a"]).await;
        let before = world.calls().len();
        deploy_all(&world, &["b"]).await;
        // The claim is the first write of the head.
        let is_it = |call: &Call| call.op == after && (after != Op::WriteLedger || call.what.starts_with("heads/"));
        1 + world.calls()[before..].iter().position(is_it).unwrap()
    };
    let mut world = world(&[DEV, OTHER]);
    deploy_all(&world, &["a"]).await;
    world.pass(Duration::from_secs(1)).await;
    let upload = world.put("dev/orders/b.zip", function("b"));
    let run = world.invocation().dies_at(call, CallPhase::After).upload(&upload).await;
    assert!(matches!(run.outcome, Outcome::Died), "{:?}", run.outcome);
    world.reconfigure(&config(accounts, more));
    world.leases_run_out().await;
    if told_again {
        world.invocation().upload(&upload).await;
    } else {
        world.invocation().run(&Trigger::Sweep).await;
    }
    world.tick().await;
    let record = world.until_ended(&upload).await;
    assert_eq!((record.status, release(&record)), (Status::Succeeded, "b"), "{after:?}: {record:?}");
    let told: Vec<Place> = record.targets.iter().map(|told| place(told.account.as_str(), told)).collect();
    assert_eq!(told, LIVE, "{after:?}: as at the first claim");
    world
}

fn place(account: &str, told: &TargetOutcome) -> Place {
    let account = if account == DEV { DEV } else { OTHER };
    let name = if told.function_name.as_str() == "orders" { "orders" } else { "acme-orders" };
    (account, name, if told.alias.as_str() == "live" { "live" } else { "main" })
}

#[tokio::test(start_paused = true)]
async fn resumed_deployment_keeps_the_targets_of_its_claim() {
    for after in [Op::WriteLedger, Op::UpdateFunctionCode, Op::UpdateAlias] {
        for (more, accounts, told_again) in [
            (json!({"alias": "main"}), &[DEV, OTHER][..], false),
            (json!({"alias": "main"}), &[DEV, OTHER], true),
            (json!({"function_name": "acme-{function}"}), &[DEV, OTHER], false),
            (json!({"function_name": "acme-{function}"}), &[DEV, OTHER], true),
            (json!({}), &[DEV], false),
            (json!({}), &[DEV], true),
        ] {
            let world = crash_and_reconfigure(after, &more, accounts, told_again).await;
            for place in LIVE {
                assert_eq!(served(&world, place), "b", "{after:?}: {more}");
            }
            let is_untouched = world.aws(|aws| {
                let orders = aws.at(DEV).function("orders");
                !orders.aliases.contains_key("main") && !aws.at(DEV).functions.contains_key("acme-orders")
            });
            assert!(is_untouched, "{after:?}: {more}");
            // The next deployment uses the present deployer.json.
            world.pass(Duration::from_secs(1)).await;
            let next = world.record("dev/orders/c.zip", function("c")).await;
            assert_eq!((next.status, next.targets.len()), (Status::Succeeded, accounts.len()), "{next:?}");
            let next = place(DEV, &next.targets[0]);
            assert_eq!(served(&world, next), "c", "{next:?}");
            assert_eq!(next == LIVE[0], accounts.len() == 1, "{next:?}");
            assert_eq!(served(&world, LIVE[1]), "b", "{after:?}: {more}");
            world.same_again_changes_nothing().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_rollback_uses_the_present_configuration() {
    let mut world = world(&[DEV, OTHER]);
    deploy_all(&world, &["a", "b"]).await;
    world.pass(Duration::from_secs(1)).await;
    let upload = world.put("dev/orders/c.zip", function("c"));
    let run = world.invocation().dies_at(12, CallPhase::After).upload(&upload).await;
    assert!(matches!(run.outcome, Outcome::Died), "{:?}", run.outcome);
    world.pass(Duration::from_secs(1)).await;
    let back = command("rollback", &json!({"id": "r"}));
    assert_eq!(world.command_record(back.clone()).await.status, Status::Pending);
    world.reconfigure(&config(&[DEV, OTHER], &json!({"alias": "main"})));
    world.leases_run_out().await;
    world.invocation().run(&Trigger::Sweep).await;
    world.tick().await;
    let back = world.command_record(back).await;
    assert_eq!((back.status, release(&back)), (Status::Succeeded, "b"), "{back:?}");
    for account in [DEV, OTHER] {
        assert_eq!(served(&world, (account, "orders", "main")), "b");
    }
}
