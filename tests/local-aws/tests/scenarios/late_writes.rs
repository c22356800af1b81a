//! Writes to Lambda that get no answer and take effect after a later deployment: the alias still serves the ledger's
//! release.

use fixtures::Zip;
use local_aws::{Answer, Error, FIRST, Fault, LocalAws, REGION, Result};
use serde_json::json;

async fn roll_back(aws: &LocalAws) -> Result<()> {
    let command = json!({"command": "rollback", "environment": "dev", "function": "orders"});
    match aws.invoke(&command).await? {
        Answer::Payload(_) => aws.deliver().await.map(drop),
        other => Err(Error::Unexpected(format!("{command}: {other:?}"))),
    }
}

async fn upload(aws: &LocalAws, release: &str) -> Result<()> {
    aws.upload(&format!("dev/orders/{release}.zip"), Zip::function(release)).await?;
    aws.deliver().await.map(drop)
}

/// Delays all writes of this kind by 1.2.0, which fails.
async fn delay_writes(operation: &str) -> Result<LocalAws> {
    let aws = LocalAws::start().await?;
    for release in ["1.0.0", "1.1.0"] {
        upload(&aws, release).await?;
    }
    aws.control().fault(&Fault::late(operation).forever()).await?;
    upload(&aws, "1.2.0").await?;
    let failed = aws.record("dev", "orders").await?;
    assert_eq!(failed["status"], "failed", "{failed:#}");
    aws.control().no_faults().await?;
    Ok(aws)
}

/// Executes the delayed writes, checks that the alias serves this release, and returns the writes' statuses.
async fn execute_late_writes(aws: &LocalAws, release: &str) -> Result<Vec<u16>> {
    let answers = aws.control().execute_late_calls().await?;
    let head = aws.ledger_object("heads/dev/orders.json").await?.unwrap_or_default();
    let live = aws.live(FIRST, REGION, "orders").await?.ok_or(Error::Unexpected("there is no function".into()))?;
    let told = (head["history"][0]["release"].as_str(), head["targets"][0]["version"].as_str());
    assert_eq!(told, (Some(release), Some(live.version.as_str())), "{answers:?}\n{head:#}");
    assert!(head["doors"].as_array().is_none_or(Vec::is_empty), "{head:#}");
    assert!(!answers.is_empty());
    Ok(answers)
}

#[tokio::test]
async fn late_alias_update_after_a_rollback_is_refused() -> Result<()> {
    let aws = delay_writes("UpdateAlias").await?;
    roll_back(&aws).await?;
    let answers = execute_late_writes(&aws, "1.1.0").await?;
    assert!(answers.iter().all(|status| *status == 412), "{answers:?}");
    Ok(())
}

#[tokio::test]
async fn late_code_update_moves_no_alias() -> Result<()> {
    let aws = delay_writes("UpdateFunctionCode").await?;
    upload(&aws, "1.3.0").await?;
    execute_late_writes(&aws, "1.3.0").await?;
    aws.same_events_again_change_nothing().await
}
