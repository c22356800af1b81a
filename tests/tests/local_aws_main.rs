//! The real `bootstrap` against the local AWS: from an upload to the moved alias, and what becomes of it otherwise.
//!
//! Each scenario ends with: the same events again change nothing.

use acceptance::fixtures::Zip;
use acceptance::local_aws::{FIRST, LocalAws, REGION, Result, Doing as _};

const KEY: &str = "dev/orders/1.0.0.zip";

#[tokio::test]
async fn an_upload_is_live_in_the_target_account() -> Result<()> {
    let aws = LocalAws::start().await?;
    let zip = Zip::function("1.0.0").build().doing("zipping")?;
    let result = aws.deploy(KEY, zip).await?;
    assert_eq!(result["status"], "succeeded", "{result:#}");
    let live = aws.live(FIRST, REGION, "orders").await?;
    assert_eq!(live.map(|live| live.version), Some("1".to_owned()));
    aws.same_events_again_change_nothing().await
}
