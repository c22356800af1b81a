//! A lost ledger object.

use local_aws::{Doing as _, LEDGER, REGION, Result, TOOLING};

use super::night::{FUNCTION, Night, columns};

pub(super) const CASE: &str = "A lost ledger object";
pub(super) const BLOCKS: &[&str] = &[RESTORE, ASK];

const RESTORE: &str = "The bucket's policy takes no copy and no write without a condition";
const ASK: &str = "The restored head may be older than what happened since";
const HEAD: &str = "heads/prod/orders-api.json";

/// Begins a night with releases 1.4.2 and 1.4.3 in prod.
async fn after_two() -> Result<Option<Night>> {
    let Some(night) = Night::begin(CASE, BLOCKS).await? else { return Ok(None) };
    night.release("1.4.2", &["stage", "prod"]).await?;
    night.release("1.4.3", &["stage", "prod"]).await?;
    Ok(Some(night))
}

/// Restores the newest version of the head that is whole, and asks as the chapter says.
async fn restore(night: &mut Night, lost: &[u8]) -> Result<()> {
    night.open(RESTORE).await?;
    let listed = night.next().await?;
    let size = lost.len().to_string();
    let whole = columns(&listed).into_iter().find(|columns| columns[2] != size).map(|columns| columns[0].to_owned());
    night.put("3HL4kqtJvjVBH40Nrjfkd", &whole.unwrap_or_default());
    night.next().await?;
    Ok(())
}

/// Checks that the head knows what is live and what was before.
async fn is_well(night: &mut Night) -> Result<()> {
    let asked = night.play(ASK).await?;
    assert!(asked[1].out.contains("1.4.2"), "{asked:#?}");
    assert_eq!((night.prod_version().await?.as_str(), night.believed("prod").await?.as_str()), ("2", "1.4.3"));
    night.command(&["rollback", "-e", "prod", "-f", FUNCTION, "--yes", "-o", "json"]).await?;
    assert_eq!((night.prod_version().await?.as_str(), night.believed("prod").await?.as_str()), ("1", "1.4.2"));
    night.aws.same_events_again_change_nothing().await
}

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn damaged_head_is_restored_from_its_version_before() -> Result<()> {
    let Some(mut night) = after_two().await? else { return Ok(()) };
    night.aws.put_in_ledger(HEAD, b"{".to_vec()).await?;
    let lost = night.command(&["status", FUNCTION, "-e", "prod", "-o", "json"]).await?;
    assert!(!lost.to_string().contains("\"1.4.3\""), "{lost:#}");
    restore(&mut night, b"{").await?;
    let etag = night.next().await?.out;
    night.put("'\"9b2cf535f27731c974343645a3985328\"'", &format!("'{}'", etag.trim()));
    night.next().await?;
    night.every_named_right_was_used().await?;
    is_well(&mut night).await?;
    night.end()
}

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn deleted_head_is_restored_where_nothing_lies() -> Result<()> {
    let Some(mut night) = after_two().await? else { return Ok(()) };
    night.aws.remove_policy(LEDGER).await?;
    let call = night.aws.clients().s3(TOOLING, REGION).delete_object().bucket(LEDGER).key(HEAD);
    call.send().await.doing("deleting the head")?;
    night.aws.restore_policy(LEDGER).await?;
    restore(&mut night, b"").await?;
    night.next_fails().await?;
    night.put("--if-match '\"9b2cf535f27731c974343645a3985328\"'", "--if-none-match '*'");
    night.next().await?;
    is_well(&mut night).await?;
    night.end()
}
