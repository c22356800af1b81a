//! Takes over functions of other tools with the real `bootstrap`, as `docs/adopting.md` describes, and checks that they
//! lose neither configuration nor permissions, URLs or triggers.

mod snapshot;
mod tools;

use std::collections::BTreeSet;

use fixtures::Zip;
use local_aws::{Doing as _, Error, FIRST, LocalAws, REGION, Result, Setup};
use serde_json::{Value, json};

use snapshot::FunctionState;
use tools::ToolFunction;

/// A manifest that sets two fields only.
const LITTLE: &str = r#"
memory_size = 1024

[environment.variables]
LOG_LEVEL = "info"

[tags]
release = "2"
"#;

/// Starts a local AWS whose environment `dev` uses another tool's names.
async fn started(names: &Value) -> Result<LocalAws> {
    let mut dev = json!({"targets": [{"account": FIRST, "region": REGION}], "external_id": "dev-8c1f"});
    for (field, value) in names.as_object().into_iter().flatten() {
        dev[field] = value.clone();
    }
    LocalAws::with(Setup::default().environment("dev", dev)).await
}

/// Deploys a zip and returns what has changed.
async fn changes_of(aws: &LocalAws, made: &ToolFunction, key: &str, zip: Zip) -> Result<BTreeSet<String>> {
    let before = FunctionState::of(made).await?;
    let result = aws.deploy(key, zip).await?;
    if result["status"] != "succeeded" {
        return Err(Error::Unexpected(format!("{key} did not succeed: {result:#}")));
    }
    assert_eq!(result["targets"][0]["function_name"], json!(made.name));
    Ok(before.changed(&FunctionState::of(made).await?))
}

/// Returns the changes of a deployment of code alone: the code, and the version that the alias serves.
fn code(alias: &str, version: &str) -> BTreeSet<String> {
    ["$LATEST code".to_owned(), format!("{alias} code"), format!("{alias} version"), format!("version {version}")]
        .into()
}

/// Returns the changes of a deployment of code with [`LITTLE`].
fn little(alias: &str, version: &str) -> BTreeSet<String> {
    let mut changed = code(alias, version);
    for whose in ["$LATEST", alias] {
        changed.extend(["memory_size", "variables"].map(|field| format!("{whose} {field}")));
    }
    changed.insert("tags".to_owned());
    changed
}

fn and(mut changes: BTreeSet<String>, more: &[&str]) -> BTreeSet<String> {
    changes.extend(more.iter().map(|what| (*what).to_owned()));
    changes
}

/// Checks that the same zip under another release, and then the same events again, change nothing.
async fn again_changes_nothing(aws: &LocalAws, made: &ToolFunction, key: &str, zip: Zip) -> Result<()> {
    let before = FunctionState::of(made).await?;
    let result = aws.deploy(key, zip).await?;
    assert_eq!(result["status"], "unchanged", "{result:#}");
    aws.same_events_again_change_nothing().await?;
    assert_eq!(before.changed(&FunctionState::of(made).await?), BTreeSet::new());
    Ok(())
}

#[tokio::test]
async fn function_of_apex_keeps_its_configuration_and_permissions() -> Result<()> {
    let aws = started(&json!({"function_name": "api_{function}", "alias": "current"})).await?;
    let made = ToolFunction::by_apex(&aws).await?;
    let before = FunctionState::of(&made).await?;
    assert!(before.has("function permissions") && before.has("current permissions"), "{before:#?}");

    assert_eq!(changes_of(&aws, &made, "dev/users/1.zip", Zip::code("new")).await?, code("current", "6"));
    let record = aws.record("dev", "users").await?;
    assert_eq!(record["targets"][0]["previous"]["version"], "5", "what Apex had live can be seen: {record:#}");
    let with = Zip::code("newer").manifest(LITTLE);
    assert_eq!(changes_of(&aws, &made, "dev/users/2.zip", with.clone()).await?, little("current", "7"));
    let seen = FunctionState::of(&made).await?;
    assert_eq!(seen.get("current variables"), r#"{"LOG_LEVEL": "info", "TABLE": "users"}"#);
    assert_eq!((seen.get("current description"), seen.get("prod version")), (r#"Some("Users")"#, r#"Some("2")"#));
    again_changes_nothing(&aws, &made, "dev/users/3.zip", with).await
}

#[tokio::test]
async fn old_versions_of_a_tool_are_deleted_but_never_under_an_alias() -> Result<()> {
    let aws = started(&json!({"function_name": "api_{function}", "alias": "current", "keep_versions": 3})).await?;
    let made = ToolFunction::by_apex(&aws).await?;
    assert_eq!(FunctionState::of(&made).await?.versions(), ["1", "2", "3", "4", "5"]);
    let changed = changes_of(&aws, &made, "dev/users/1.zip", Zip::code("new")).await?;
    assert_eq!(changed, and(code("current", "6"), &["version 1", "version 3"]));
    assert_eq!(FunctionState::of(&made).await?.versions(), ["2", "4", "5", "6"], "2 is that of the alias prod");
    again_changes_nothing(&aws, &made, "dev/users/2.zip", Zip::code("new")).await
}

#[tokio::test]
async fn function_of_sam_keeps_everything_on_its_alias() -> Result<()> {
    let aws = started(&json!({})).await?;
    let made = ToolFunction::by_sam(&aws).await?;
    let before = FunctionState::of(&made).await?;
    for what in ["live permissions", "live url", "live asynchronous"] {
        assert!(before.has(what), "there is no {what} to be lost: {before:#?}");
    }
    assert_eq!((before.get("$LATEST timeout"), before.get("live timeout")), ("Some(60)", "Some(3)"));

    let key = |release: u32| format!("dev/{}/{release}.zip", made.name);
    let changed = changes_of(&aws, &made, &key(1), Zip::code("new")).await?;
    // The configuration that SAM has not published goes live with the code.
    assert_eq!(changed, and(code("live", "2"), &["live timeout"]));
    let with = Zip::code("newer").manifest(LITTLE);
    assert_eq!(changes_of(&aws, &made, &key(2), with.clone()).await?, little("live", "3"));
    let tags = FunctionState::of(&made).await?.get("tags").to_owned();
    for tag in [r#""aws:cloudformation:stack-name": "shop""#, r#""team": "shop""#, r#""release": "2""#] {
        assert!(tags.contains(tag), "{tag} is not among {tags}");
    }
    again_changes_nothing(&aws, &made, &key(3), with).await
}

#[tokio::test]
async fn function_of_serverless_gets_an_alias_and_keeps_its_own_settings() -> Result<()> {
    let aws = started(&json!({"function_name": "shop-{environment}-{function}"})).await?;
    let made = ToolFunction::by_serverless(&aws).await?;
    let before = FunctionState::of(&made).await?;
    let kept = ["function permissions", "function url", "function asynchronous", "concurrency"];
    let kept = [&kept[..], &["$LATEST vpc_config", "$LATEST dead_letter_config", "$LATEST layers"]].concat();
    for what in kept {
        assert!(before.has(what), "there is no {what} to be lost: {before:#?}");
    }

    let changed = changes_of(&aws, &made, "dev/orders/1.zip", Zip::code("new")).await?;
    let after = FunctionState::of(&made).await?;
    let of_the_function = changed.iter().filter(|what| !what.starts_with("live ")).cloned();
    assert_eq!(of_the_function.collect::<BTreeSet<_>>(), ["$LATEST code".into(), "version 2".into()].into());
    // The new alias serves all of the function's configuration.
    for what in changed.iter().filter_map(|what| what.strip_prefix("live ")) {
        let latest = after.get(&format!("$LATEST {what}"));
        assert!(latest.is_empty() || latest == after.get(&format!("live {what}")), "{what} of the alias: {after:#?}");
    }
    let with = Zip::code("newer").manifest(LITTLE);
    assert_eq!(changes_of(&aws, &made, "dev/orders/2.zip", with.clone()).await?, little("live", "3"));
    again_changes_nothing(&aws, &made, "dev/orders/3.zip", with).await
}

#[tokio::test]
async fn triggers_move_from_the_function_to_the_alias_and_stay_there() -> Result<()> {
    let aws = started(&json!({"function_name": "shop-{environment}-{function}"})).await?;
    let made = ToolFunction::by_serverless(&aws).await?;
    aws.deploy("dev/orders/1.zip", Zip::code("new")).await?;
    let mappings = made.lambda.list_event_source_mappings().send().await.doing("listing mappings")?;
    let uuid = mappings.event_source_mappings().first().and_then(|one| one.uuid()).unwrap_or_default().to_owned();

    // In the order of docs/adopting.md: permissions first, then triggers, then the removal of unused settings.
    let before = FunctionState::of(&made).await?;
    made.allow("rule", "events.amazonaws.com", Some("live")).await?;
    made.asynchronous(Some("live")).await?;
    made.url(Some("live")).await?;
    let call = made.lambda.update_event_source_mapping().uuid(&uuid).function_name(format!("{}:live", made.name));
    call.send().await.doing("moving the mapping")?;
    let call = made.lambda.remove_permission().function_name(&made.name).statement_id("rule");
    call.send().await.doing("removing a permission")?;
    made.lambda.delete_function_url_config().function_name(&made.name).send().await.doing("deleting a URL")?;
    let moved = FunctionState::of(&made).await?;
    let mapping = format!("mapping {uuid}");
    let of_alias = ["live permissions", "live asynchronous", "live url"];
    let expected = [&of_alias[..], &[mapping.as_str(), "function permissions", "function url"]].concat();
    assert_eq!(before.changed(&moved), and(BTreeSet::new(), &expected));
    assert!(moved.get(&mapping).contains(":shop-dev-orders:live"), "{}", moved.get(&mapping));

    assert_eq!(changes_of(&aws, &made, "dev/orders/2.zip", Zip::code("newer")).await?, code("live", "3"));
    again_changes_nothing(&aws, &made, "dev/orders/3.zip", Zip::code("newer")).await
}

#[tokio::test]
async fn function_of_terraform_loses_only_the_weights_of_its_alias() -> Result<()> {
    let aws = started(&json!({})).await?;
    let made = ToolFunction::by_terraform(&aws).await?;
    let before = FunctionState::of(&made).await?;
    assert_eq!((before.get("live version"), before.get("live weights")), (r#"Some("1")"#, r#"{"2": 0.1}"#));

    let changed = changes_of(&aws, &made, "dev/orders/1.zip", Zip::code("new")).await?;
    assert_eq!(changed, and(code("live", "3"), &["live weights"]));
    let with = Zip::code("newer").manifest(LITTLE);
    assert_eq!(changes_of(&aws, &made, "dev/orders/2.zip", with.clone()).await?, little("live", "4"));
    let seen = FunctionState::of(&made).await?;
    assert_eq!(seen.get("live alias description"), r#"Some("by Terraform")"#);
    again_changes_nothing(&aws, &made, "dev/orders/3.zip", with).await
}

#[tokio::test]
async fn release_with_a_tools_live_code_writes_nothing_to_lambda() -> Result<()> {
    let aws = started(&json!({"function_name": "api_{function}", "alias": "current"})).await?;
    let made = ToolFunction::by_apex(&aws).await?;
    let before = FunctionState::of(&made).await?;
    let result = aws.deploy("dev/users/1.zip", Zip::code("5")).await?;
    assert_eq!(result["status"], "unchanged", "{result:#}");
    assert_eq!(before.changed(&FunctionState::of(&made).await?), BTreeSet::new());
    aws.same_events_again_change_nothing().await
}
