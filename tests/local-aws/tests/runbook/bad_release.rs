//! A bad release.

use local_aws::{FIRST, REGION, Result};
use serde_json::json;

use super::night::{FUNCTION, Night, STAGE, text};

pub(super) const CASE: &str = "A bad release";
pub(super) const ONE: &[&str] = &["Roll back, then hold the function", "The next day, when a release"];
pub(super) const SEVERAL: &[&str] = &["Where it is live in several environments"];

/// Begins a night with 1.4.2, and then 1.4.3, live everywhere.
async fn bad_everywhere(blocks: &'static [&'static str]) -> Result<Option<Night>> {
    let Some(night) = Night::begin(CASE, blocks).await? else { return Ok(None) };
    night.release("1.4.2", &["stage", "prod"]).await?;
    night.release("1.4.3", &["stage", "prod"]).await?;
    assert_eq!(night.prod_version().await?, "2");
    Ok(Some(night))
}

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn bad_release_is_rolled_back_held_rejected_and_replaced() -> Result<()> {
    let Some(mut night) = bad_everywhere(ONE).await? else { return Ok(()) };
    let said = night.play("Roll back, then hold the function").await?;
    assert!(said[0].out.contains("1.4.3"), "{said:#?}");
    assert!(said[1].out.starts_with("prod/orders-api/1.4.2: succeeded"), "{said:#?}");
    assert_eq!(night.prod_version().await?, "1");
    assert_eq!(night.believed("prod").await?, "1.4.2");
    let status = night.command(&["status", FUNCTION, "-o", "json"]).await?;
    assert!(status.to_string().contains("INC-42"), "the hold is shown: {status:#}");
    // Neither a promotion nor the same bytes under another name come back.
    let held = night.command(&["promote", "-f", FUNCTION, "--from", "stage", "--to", "prod", "-o", "json"]).await?;
    assert!(["Held", "Rejected"].contains(&text(&held, "/code").as_str()), "{held:#}");
    let again = night.aws.deploy("dev/orders-api/again.zip", fixtures::Zip::function("1.4.3")).await?;
    assert_eq!(again["code"], json!("Rejected"), "{again:#}");

    night.release("1.4.4", &["stage"]).await?;
    night.play("The next day, when a release").await?;
    assert_eq!((night.prod_version().await?.as_str(), night.believed("prod").await?.as_str()), ("3", "1.4.4"));
    night.aws.same_events_again_change_nothing().await?;
    night.end()
}

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn release_that_is_live_in_several_environments_is_recalled() -> Result<()> {
    let Some(mut night) = bad_everywhere(SEVERAL).await? else { return Ok(()) };
    night.play("Where it is live in several environments").await?;
    let mut serve = vec![night.prod_version().await?];
    for account in [FIRST, STAGE] {
        serve.extend(night.aws.live(account, REGION, FUNCTION).await?.map(|live| live.version));
    }
    assert_eq!(serve, ["1", "1", "1"]);
    for environment in ["dev", "stage", "prod"] {
        assert_eq!(night.believed(environment).await?, "1.4.2", "{environment}");
    }
    night.aws.same_events_again_change_nothing().await?;
    night.end()
}
