//! The deployer is down or denied.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use fixtures::Zip;
use local_aws::{Doing as _, FIRST, LEDGER, REGION, Result, RunOutput, SECOND, TOOLING};
use serde_json::{Value, json};

use super::night::{FUNCTION, Night, columns, text};

pub(super) const CASE: &str = "The deployer is down or denied";
pub(super) const GO_BACK: &[&str] = &[LOOK, "If an update broke it, [go back]"];
pub(super) const ALIAS: &[&str] = &[
    "If it is denied in one target",
    AWAY,
    DENY,
    BROUGHT,
    REVISION,
    HOLD,
    IDLE,
    ALLOW,
    "Where you have moved the alias back",
    SAME,
    UPLOADS,
];
pub(super) const SOAK: &[&str] = &[AWAY, DENY, IDLE, ALLOW];
pub(super) const DEPLOYCTL: &[&str] = &[RECORD, FETCH, "the same engine runs on your machine", HOLD, TELL, SAME];
pub(super) const CLI: &[&str] =
    &[RECORD, FETCH, "With the AWS CLI alone", HOLD, TELL, SAME, "Code that was never uploaded"];

const LOOK: &str = "See what is live, and by which version, without the Lambda";
const AWAY: &str = "So turn the mapping of the uploads off";
const DENY: &str = "deny the deployer the function in the target account as well";
const IDLE: &str = "wait until nothing is under way any more";
const ALLOW: &str = "Take the denial back";
const BROUGHT: &str = "The status names the deployment that brought the bad release";
const REVISION: &str = "Take the revision id from the first of these";
const HOLD: &str = "First nothing new";
const SAME: &str = "Then nothing may differ any more";
const UPLOADS: &str = "Last, let the uploads in again";
const RECORD: &str = "has the key and the version id of its zip";
const FETCH: &str = "Fetch the zip";
const TELL: &str = "Where you have deployed a release that was uploaded before";

/// Whether a plan says that nothing differs.
fn is_unchanged(planned: &[RunOutput]) -> bool {
    planned.iter().all(|said| said.out.contains("nothing to do") || said.out.contains("unchanged"))
}

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn deployer_that_an_update_broke_goes_back_to_its_version_before() -> Result<()> {
    let Some(mut night) = Night::begin(CASE, GO_BACK).await? else { return Ok(()) };
    let good = night.aws.publish_deployer(|_| ()).await?;
    night.release("1.4.2", &["stage", "prod"]).await?;
    let nowhere = format!("s3://{LEDGER}/config/deployer.json?versionId=none");
    night.aws.publish_deployer_reading(&nowhere).await?;
    let broken = night.command(&["status", FUNCTION, "-o", "json"]).await?;
    assert!(broken.get("errorType").is_some(), "{broken:#}");

    // Everybody sees what is live all the same.
    let said = night.play(LOOK).await?;
    assert!(said.iter().all(|one| one.out.contains("1.4.2")), "{said:#?}");
    night.open("If an update broke it, [go back]").await?;
    let serving = night.next().await?;
    assert_eq!(serving.out.trim(), "2", "{serving:?}");
    let listed = night.next().await?;
    // The version before stands above the one that works.
    let versions: Vec<&str> = columns(&listed).into_iter().map(|columns| columns[0]).collect();
    assert_eq!(versions, ["$LATEST", good.as_str(), serving.out.trim()]);
    night.put("--function-version 7", &format!("--function-version {good}"));
    night.next().await?;
    night.every_named_right_was_used().await?;
    night.aws.run_live_version().await?;
    let again = night.command(&["status", FUNCTION, "-o", "json"]).await?;
    assert!(again.get("errorType").is_none(), "{again:#}");
    night.end()
}

/// Returns the states of the mappings of uploads and of wakes.
async fn mappings(night: &Night) -> Result<Vec<(String, String)>> {
    let lambda = night.aws.clients().lambda(TOOLING, REGION);
    let listed = lambda.list_event_source_mappings().function_name("deployer:live").send().await;
    let mut mappings = Vec::new();
    for mapping in listed.doing("listing mappings")?.event_source_mappings.unwrap_or_default() {
        let queue = mapping.event_source_arn.unwrap_or_default().rsplit(':').next().unwrap_or_default().to_owned();
        mappings.push((queue, mapping.state.unwrap_or_default()));
    }
    mappings.sort();
    Ok(mappings)
}

/// Returns the number of uploads that wait.
async fn waiting_uploads(night: &Night) -> Result<String> {
    let sqs = night.aws.clients().sqs(TOOLING, REGION);
    let url = sqs.get_queue_url().queue_name("deployer").send().await.doing("finding a queue")?.queue_url;
    let name = QueueAttributeName::ApproximateNumberOfMessages;
    let call = sqs.get_queue_attributes().set_queue_url(url).attribute_names(name.clone());
    let counted = call.send().await.doing("counting uploads")?;
    Ok(counted.attributes.unwrap_or_default().remove(&name).unwrap_or_default())
}

/// Turns the mapping of the uploads off, and leaves that of the wakes on.
async fn turn_uploads_off(night: &mut Night) -> Result<()> {
    night.open(AWAY).await?;
    let listed = night.next().await?;
    let uploads = columns(&listed).into_iter().find(|columns| columns[1].ends_with(":deployer"));
    night.put("4f2b9c1e-0000-4000-8000-000000000001", uploads.map_or("none", |columns| columns[0]));
    night.next().await?;
    night.every_named_right_was_used().await?;
    assert_eq!(mappings(night).await?, with_uploads("Disabled"));
    Ok(())
}

fn with_uploads(state: &str) -> Vec<(String, String)> {
    [("deployer", state), ("deployer-wakes", "Enabled")].map(|(queue, state)| (queue.into(), state.into())).into()
}

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn promotion_that_soaks_meets_the_denial_and_writes_nothing() -> Result<()> {
    let Some(mut night) = Night::begin(CASE, SOAK).await? else { return Ok(()) };
    night.aws.publish_deployer(|_| ()).await?;
    night.aws.map_queues().await?;
    night.release("1.4.2", &["stage", "prod"]).await?;
    let soaks = |config: &mut Value| {
        config["environments"]["prod"]["promotion"] = json!({"from": "stage", "soak": "30m", "automatic": true});
    };
    night.aws.publish_deployer(soaks).await?;
    night.release("1.4.3", &["stage"]).await?;
    night.aws.deliver().await?;
    let waits = night.aws.record("prod", FUNCTION).await?;
    assert_eq!((text(&waits, "/status"), text(&waits, "/code")), ("pending".into(), "Waiting".into()), "{waits:#}");

    // The mapping of the uploads is off, and the promotion comes all the same when its soak has passed.
    turn_uploads_off(&mut night).await?;
    night.play(DENY).await?;
    night.aws.let_soaks_pass("stage", Duration::from_secs(31 * 60)).await?;
    night.aws.invoke(&json!({"command": "sweep"})).await?;
    night.aws.deliver().await?;
    let ended = night.aws.record("prod", FUNCTION).await?;
    assert_eq!((&ended["id"], text(&ended, "/status")), (&waits["id"], "failed".into()), "{ended:#}");
    assert_eq!(text(&ended, "/targets/0/error/code"), "AccessDenied", "{ended:#}");
    assert_eq!((night.prod_version().await?.as_str(), night.believed("prod").await?.as_str()), ("1", "1.4.2"));

    let status = night.play(IDLE).await?;
    let all = status[0].out.as_str();
    assert!(!all.contains("  active ") && !all.contains("  waiting  "), "{status:#?}");
    night.play(ALLOW).await?;
    night.aws.invoke(&json!({"command": "sweep"})).await?;
    night.aws.deliver().await?;
    assert_eq!(night.prod_version().await?, "1", "what has failed does not come again by itself");
    night.aws.same_events_again_change_nothing().await?;
    night.end()
}

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn alias_is_moved_by_hand_and_the_ledger_told_by_a_rollback() -> Result<()> {
    let Some(mut night) = Night::begin(CASE, ALIAS).await? else { return Ok(()) };
    night.aws.publish_deployer(|_| ()).await?;
    night.aws.map_queues().await?;
    night.release("1.4.2", &["stage", "prod"]).await?;
    night.release("1.4.3", &["stage", "prod"]).await?;
    night.release("1.4.4", &["stage"]).await?;

    // Somebody has taken a right from the deploy role.
    let deny = json!({"Version": "2012-10-17", "Statement":
        [{"Effect": "Deny", "Action": "lambda:UpdateAlias", "Resource": "*"}]});
    night.aws.roles(SECOND).put_policy("deployer-target", "change", &deny).await?;
    night.open("If it is denied in one target").await?;
    let said = night.next_exits(1).await?;
    assert!(said.out.contains("FAIL lambda:UpdateAlias"), "{said:#?}");
    turn_uploads_off(&mut night).await?;
    // An upload waits meanwhile; the harness delivers nothing until the mapping is enabled.
    let waiting = night.aws.upload(&format!("dev/{FUNCTION}/1.4.5.zip"), Zip::function("1.4.5")).await?;

    night.play(DENY).await?;
    // The right comes back before the ledger knows what was done by hand: the denial keeps the deployer away.
    night.aws.roles(SECOND).delete_policy("deployer-target", "change").await?;
    let promote = ["promote", "-f", FUNCTION, "--from", "stage", "--to", "prod", "-o", "json"];
    let denied = night.command(&promote).await?;
    assert_eq!(text(&denied, "/targets/0/error/code"), "AccessDenied", "{denied:#}");
    assert_eq!(night.prod_version().await?, "2", "nothing was written");

    // The promotion that has failed is the newest record, and not that of the bad release.
    night.open(BROUGHT).await?;
    let brought = night.next().await?;
    night.put("01M8NDS4D0QJ2TRJSXPZXEC9FF", brought.out.trim());
    let before = night.next().await?;
    assert_eq!(before.out.trim(), format!("{SECOND}\t{REGION}\t1"), "{before:?}");
    night.every_named_right_was_used().await?;
    night.open(REVISION).await?;
    let alias: Value = night.next().await?.json()?;
    let listed = night.next().await?;
    assert_eq!(columns(&listed).len(), 3, "{listed:?}");
    night.put("--function-version 41", "--function-version 1");
    night.put("8d3a4c52-0000-4000-8000-000000000002", &text(&alias, "/RevisionId"));
    night.next().await?;
    night.every_named_right_was_used().await?;
    assert_eq!((night.prod_version().await?.as_str(), night.believed("prod").await?.as_str()), ("1", "1.4.3"));

    night.play(HOLD).await?;
    let status = night.play(IDLE).await?;
    assert!(!status[0].out.contains("  active "), "{status:#?}");
    night.play(ALLOW).await?;
    let told = night.play("Where you have moved the alias back").await?;
    assert!(told[0].out.starts_with("prod/orders-api/1.4.2: unchanged"), "{told:#?}");
    assert_eq!((night.prod_version().await?.as_str(), night.believed("prod").await?.as_str()), ("1", "1.4.2"));
    let planned = night.play(SAME).await?;
    assert!(is_unchanged(&planned), "{planned:#?}");

    assert_eq!(waiting_uploads(&night).await?, "1");
    night.play(UPLOADS).await?;
    assert_eq!(mappings(&night).await?, with_uploads("Enabled"));
    night.aws.deliver().await?;
    let came = night.aws.result(&format!("dev/{FUNCTION}/1.4.5.zip"), &waiting).await?;
    assert_eq!(came["status"], "succeeded", "{came:#}");
    assert_eq!(night.prod_version().await?, "1");
    night.aws.same_events_again_change_nothing().await?;
    night.end()
}

/// Begins a night with 1.4.1 in prod and 1.4.2 in stage, whose zip is to be deployed by hand, and fetches it.
async fn with_fetched_zip(blocks: &'static [&'static str]) -> Result<Option<Night>> {
    let Some(mut night) = Night::begin(CASE, blocks).await? else { return Ok(None) };
    night.release("1.4.1", &["stage", "prod"]).await?;
    night.release("1.4.2", &["stage"]).await?;
    let artifact: Value = night.play(RECORD).await?[0].json()?;
    assert_eq!(text(&artifact, "/key"), "dev/orders-api/1.4.2.zip", "{artifact:#}");
    night.put("3HL4kqtJvjVBH40Nrjfkd", &text(&artifact, "/version_id"));
    night.play(FETCH).await?;
    night.every_named_right_was_used().await?;
    assert!(night.path("orders-api.zip").is_file());
    Ok(Some(night))
}

/// Tells the ledger what was deployed by hand, and checks that nothing differs then.
async fn tell(night: &mut Night) -> Result<()> {
    assert_eq!((night.prod_version().await?.as_str(), night.believed("prod").await?.as_str()), ("2", "1.4.1"));
    let sha256 = night.aws.live(FIRST, REGION, FUNCTION).await?.map(|live| live.sha256);
    assert_eq!(Some(night.prod().await?.sha256), sha256, "the bytes of dev");
    night.play(HOLD).await?;
    let told = night.play(TELL).await?;
    assert!(told[1].out.starts_with("prod/orders-api/1.4.2: unchanged"), "{told:#?}");
    assert_eq!((night.prod_version().await?.as_str(), night.believed("prod").await?.as_str()), ("2", "1.4.2"));
    let planned = night.play(SAME).await?;
    assert!(is_unchanged(&planned), "{planned:#?}");
    Ok(())
}

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn release_is_deployed_by_deployctl_alone_and_promoted_afterwards() -> Result<()> {
    let Some(mut night) = with_fetched_zip(DEPLOYCTL).await? else { return Ok(()) };
    // The role has the rights of the deploy role, and trusts people of its account.
    let policy = night.aws.roles(SECOND).policy("deployer-target", "deployer-target").await?;
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": format!("arn:aws:iam::{SECOND}:root")}}]});
    night.aws.roles(SECOND).create_with(("/", "break-glass"), &trust, &policy).await?;
    let said = night.play("the same engine runs on your machine").await?;
    night.every_named_right_was_used().await?;
    assert!(said[1].out.contains("222222222222/eu-west-1: succeeded, version 2"), "{said:#?}");
    tell(&mut night).await?;
    night.aws.same_events_again_change_nothing().await?;
    night.end()
}

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn release_is_deployed_by_the_aws_cli_alone_and_promoted_afterwards() -> Result<()> {
    let Some(mut night) = with_fetched_zip(CLI).await? else { return Ok(()) };
    night.open("With the AWS CLI alone").await?;
    let before = night.next().await?;
    night.put("8d3a4c52-0000-4000-8000-000000000003", columns(&before)[0][0]);
    let published: Value = night.next().await?.json()?;
    let version = text(&published, "/Version");
    night.put("--qualifier 44", &format!("--qualifier {version}"));
    night.put("--function-version 44", &format!("--function-version {version}"));
    night.next().await?;
    let alias = night.next().await?;
    assert_eq!(columns(&alias)[0][0], "1");
    night.put("8d3a4c52-0000-4000-8000-000000000004", columns(&alias)[0][1]);
    night.next().await?;
    night.every_named_right_was_used().await?;
    assert_eq!(text(&published, "/CodeSha256"), night.prod().await?.sha256);
    tell(&mut night).await?;

    // Code that was never uploaded comes as a release of its own.
    let zip = Zip::function("1.4.4").build().doing("zipping")?;
    std::fs::write(night.path("orders-api.zip"), zip).doing("writing a zip")?;
    night.play("Code that was never uploaded").await?;
    night.aws.deliver().await?;
    assert_eq!(night.believed("dev").await?, "1.4.4");
    night.aws.same_events_again_change_nothing().await?;
    night.end()
}
