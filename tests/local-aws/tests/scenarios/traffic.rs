//! Aliases with provisioned concurrency, whose traffic Lambda holds back for a while.

use std::time::Duration;

use fixtures::Zip;
use local_aws::{Doing as _, FIRST, LocalAws, REGION, Result, Settle};

use super::statuses;

/// Deploys `orders` 1.0.0 to dev and gives its alias provisioned concurrency, which the head does not know.
async fn provisioned() -> Result<LocalAws> {
    let aws = LocalAws::start().await?;
    aws.deploy("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    let lambda = aws.clients().lambda(FIRST, REGION);
    let put = lambda.put_provisioned_concurrency_config().function_name("orders").qualifier("live");
    put.provisioned_concurrent_executions(1).send().await.doing("provisioning")?;
    let look = lambda.get_provisioned_concurrency_config().function_name("orders").qualifier("live");
    look.send().await.doing("waiting for the provisioned concurrency")?;
    Ok(aws)
}

/// Returns the version of the alias, and whether it has weights.
async fn alias(aws: &LocalAws) -> Result<(String, bool)> {
    let look = aws.clients().lambda(FIRST, REGION).get_alias().function_name("orders").name("live");
    let found = look.send().await.doing("looking at the alias")?;
    Ok((found.function_version().unwrap_or_default().to_owned(), found.routing_config().is_some()))
}

#[tokio::test]
async fn deployment_waits_for_traffic_that_lambda_holds_back() -> Result<()> {
    let aws = provisioned().await?;
    aws.control().settle(&Settle::after_reads("provision", 3)).await?;
    let result = aws.deploy("dev/orders/1.1.0.zip", Zip::function("1.1.0")).await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    assert_eq!(alias(&aws).await?, ("2".to_owned(), false));
    aws.same_events_again_change_nothing().await
}

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn long_waiting_deployment_is_parked_and_continued_by_ticks() -> Result<()> {
    let aws = provisioned().await?;
    aws.control().settle(&Settle::after_reads("provision", 18)).await?;
    let version_id = aws.upload("dev/orders/1.1.0.zip", Zip::function("1.1.0")).await?;
    aws.deliver().await?;
    let record = aws.record("dev", "orders").await?;
    assert_eq!(
        (record["status"].as_str(), record["code"].as_str()),
        (Some("in_progress"), Some("Waiting")),
        "{record:#}"
    );
    for _ in 0..8 {
        aws.advance_queue_time(Duration::from_secs(130)).await?;
        aws.deliver().await?;
    }
    let result = aws.result("dev/orders/1.1.0.zip", &version_id).await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    assert_eq!(alias(&aws).await?, ("2".to_owned(), false));
    Ok(())
}
