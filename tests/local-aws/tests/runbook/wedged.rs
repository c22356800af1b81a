//! A wedged function.

use std::cell::Cell;

use fixtures::Zip;
use local_aws::{Call, Doing as _, Interrupted, REGION, Result, SECOND};

use super::night::{FUNCTION, Night};

pub(super) const CASE: &str = "A wedged function";
pub(super) const UNDER_WAY: &[&str] = &[FIRST, "And in Lambda?", "A rollback while a deployment is under way"];
pub(super) const DELETED: &[&str] = &["A function in state Failed must go", "Then make it anew"];

const FIRST: &str = "First, what wedges it?";

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn deployment_whose_invocation_died_is_ended_by_a_rollback() -> Result<()> {
    let Some(mut night) = Night::begin(CASE, UNDER_WAY).await? else { return Ok(()) };
    night.release("1.4.2", &["stage", "prod"]).await?;
    let key = format!("prod/{FUNCTION}/1.4.3.zip");
    let version_id = night.aws.upload(&key, Zip::function("1.4.3")).await?;
    // The deployer writes its record beside its first calls of Lambda.
    let (sends_code, has_record) = (Cell::new(false), Cell::new(false));
    let under_way = |call: &Call| {
        sends_code.set(sends_code.get() || call.operation == "UpdateFunctionCode");
        let is_record = call.key.as_ref().is_some_and(|key| key.starts_with("deployments/prod/"));
        has_record.set(has_record.get() || (is_record && call.operation == "PutObject"));
        sends_code.get() && has_record.get()
    };
    let killed = night.aws.deliver_and_kill_after(under_way).await?;
    assert_eq!(killed, Interrupted::Killed);

    let said = night.play(FIRST).await?;
    assert!(said[0].out.contains("  active   deployment "), "{said:#?}");
    assert!(said[1].out.contains("in progress  1.4.3"), "{said:#?}");
    let lambda = night.play("And in Lambda?").await?;
    night.every_named_right_was_used().await?;
    assert!(lambda[0].out.contains("Active"), "{lambda:#?}");
    night.aws.end_leases().await?;
    night.play("A rollback while a deployment is under way").await?;
    night.aws.deliver().await?;
    assert_eq!((night.prod_version().await?.as_str(), night.believed("prod").await?.as_str()), ("1", "1.4.2"));
    let result = night.aws.result(&key, &version_id).await?;
    assert_eq!(result["status"], "superseded", "{result:#}");
    night.aws.same_events_again_change_nothing().await?;
    night.end()
}

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn function_that_must_go_is_deleted_and_made_anew() -> Result<()> {
    let Some(mut night) = Night::begin(CASE, DELETED).await? else { return Ok(()) };
    night.release("1.4.2", &["stage", "prod"]).await?;
    night.release("1.4.3", &["stage", "prod"]).await?;
    let serving = night.prod().await?.sha256;
    let lambda = night.aws.clients().lambda(SECOND, REGION);
    let call = lambda.add_permission().function_name(FUNCTION).qualifier("live").statement_id("api");
    let call = call.action("lambda:InvokeFunction").principal("apigateway.amazonaws.com");
    call.send().await.doing("permitting an invocation")?;

    let said = night.play("A function in state Failed must go").await?;
    night.every_named_right_was_used().await?;
    assert!(said[0].out.contains("apigateway.amazonaws.com"), "{said:#?}");
    assert_eq!(night.aws.live(SECOND, REGION, FUNCTION).await?, None);
    night.play("Then make it anew").await?;
    assert_eq!(night.prod().await?.sha256, serving);
    assert_eq!(night.believed("prod").await?, "1.4.3");
    // A release from before comes from its artifact.
    night.command(&["rollback", "-e", "prod", "-f", FUNCTION, "--yes", "-o", "json"]).await?;
    assert_eq!(night.believed("prod").await?, "1.4.2");
    assert_ne!(night.prod().await?.sha256, serving);
    night.aws.same_events_again_change_nothing().await?;
    night.end()
}
