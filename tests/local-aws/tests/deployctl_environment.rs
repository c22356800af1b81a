//! `deployctl push` looks at the environment before it uploads, under the rights of the module `uploader`.

use std::path::Path;

use fixtures::Zip;
use jiff::{SignedDuration, Timestamp};
use local_aws::ci::{Ci, WaitingPush, run};
use local_aws::{ARTIFACTS, Doing as _, FIRST, LEDGER, LocalAws, REGION, Result, Setup, TOOLING};
use serde_json::json;
use tempfile::TempDir;

const BUCKETS: [&str; 4] = ["--bucket", ARTIFACTS, "--ledger", LEDGER];

/// Makes a folder with the zip of a valid function, and returns both.
fn zip() -> Result<(TempDir, std::path::PathBuf)> {
    let folder = TempDir::new().doing("making a folder")?;
    let path = folder.path().join("orders-api.zip");
    std::fs::write(&path, Zip::function("1").build().doing("zipping")?).doing("writing a zip")?;
    Ok((folder, path))
}

/// Returns whether anything was uploaded.
async fn has_uploads(aws: &LocalAws) -> Result<bool> {
    let listed = aws.clients().s3(TOOLING, REGION).list_objects_v2().bucket(ARTIFACTS).send().await;
    Ok(!listed.doing("listing uploads")?.contents().is_empty())
}

/// Pushes with `--wait`, which must end with this code and these words, without an upload.
async fn assert_ended(
    (aws, ci): (&LocalAws, &Ci<'_>),
    to: (&str, &str),
    zip: &Path,
    (code, words): (i32, &str),
) -> Result<()> {
    let ended = run(ci.push(to, zip, "1", &[&BUCKETS[..], &["--wait"]].concat())?).await?;
    assert_eq!((ended.code, ended.out.as_str()), (Some(code), ""), "{ended:?}");
    assert!(ended.err.contains(&format!("\nerror: {words}\n  nothing is uploaded; ")), "{ended:?}");
    assert!(!has_uploads(aws).await?, "{ended:?}");
    Ok(())
}

#[tokio::test]
async fn push_to_an_environment_without_uploads_ends_at_once() -> Result<()> {
    let targets = json!([{"account": FIRST, "region": REGION}]);
    let dev = json!({"targets": targets, "external_id": "dev-8c1f", "accept_uploads": false});
    let aws = LocalAws::with(Setup::default().environment("dev", dev)).await?;
    aws.invoke(&json!({"command": "sweep"})).await?;
    let (_folder, zip) = zip()?;
    let because = "environment dev takes no uploads";
    assert_ended((&aws, &Ci::of(&aws).await?), ("dev", "orders-api"), &zip, (3, because)).await
}

#[tokio::test]
async fn push_to_an_unknown_environment_ends_at_once_if_the_others_may_be_listed() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.invoke(&json!({"command": "sweep"})).await?;
    let (_folder, zip) = zip()?;
    let because = "the deployer knows no environment devv, and ignores uploads to it; did you mean dev?";
    assert_ended((&aws, &Ci::root(&aws)), ("devv", "orders-api"), &zip, (2, because)).await
}

#[tokio::test]
async fn push_says_that_nothing_is_known_of_the_environment_and_goes_on() -> Result<()> {
    let aws = LocalAws::start().await?;
    let (_folder, zip) = zip()?;
    let waits = [&BUCKETS[..], &["--wait"]].concat();
    // No sweep has come yet.
    let ci = Ci::of(&aws).await?;
    let waiting = WaitingPush::start(ci.push(("dev", "orders-api"), &zip, "1", &waits)?).await?;
    aws.deliver().await?;
    let ended = waiting.end().await?;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let note = "\nnote: results/dev/environment.json is missing in the ledger bucket: the deployer has no environment dev, or ";
    assert!(ended.err.contains(note), "{ended:?}");
    Ok(())
}

#[tokio::test]
async fn push_says_that_the_look_is_denied_and_goes_on() -> Result<()> {
    let aws = LocalAws::start().await?;
    let (_folder, zip) = zip()?;
    let statement =
        |actions: &[&str], resource: String| json!({"Effect": "Allow", "Action": actions, "Resource": resource});
    // The policy of an older uploader.
    let older = json!({"Version": "2012-10-17", "Statement": [
        statement(&["s3:PutObject"], format!("arn:aws:s3:::{ARTIFACTS}/dev/*")),
        statement(&["s3:GetObject"], format!("arn:aws:s3:::{LEDGER}/results/dev/orders-api/*")),
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": format!("arn:aws:s3:::{LEDGER}"),
         "Condition": {"StringLike": {"s3:prefix": "results/dev/orders-api/*"}}},
    ]});
    let ci = Ci::allowed(&aws, "older", &older).await?;
    let waits = [&BUCKETS[..], &["--wait"]].concat();
    let waiting = WaitingPush::start(ci.push(("dev", "orders-api"), &zip, "1", &waits)?).await?;
    aws.deliver().await?;
    let ended = waiting.end().await?;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let note = "\nnote: reading s3://acme-deployer-ledger/results/dev/environment.json is denied: these credentials may not read it ";
    assert!(ended.err.contains(note), "{ended:?}");
    Ok(())
}

/// Writes a notice by which dev takes no uploads, although it does. A sweep wrote it so long ago.
async fn notice_against_dev(aws: &LocalAws, age: SignedDuration) -> Result<()> {
    let at = (Timestamp::now() - age).to_string();
    let notice =
        json!({"schema": 1, "format": 1, "environment": "dev", "accept_uploads": false, "uploads_to": [], "at": at});
    aws.put_in_ledger("results/dev/environment.json", notice.to_string().into_bytes()).await
}

/// Pushes with `--wait` while the uploads are delivered, and returns what the push has said. It must succeed.
async fn pushed(aws: &LocalAws, ci: &Ci<'_>, more: &[&str]) -> Result<String> {
    let (_folder, zip) = zip()?;
    let options = [&BUCKETS[..], &["--wait"], more].concat();
    let waiting = WaitingPush::start(ci.push(("dev", "orders-api"), &zip, "1", &options)?).await?;
    aws.deliver().await?;
    let ended = waiting.end().await?;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    Ok(ended.err)
}

#[tokio::test]
async fn push_goes_on_past_an_old_notice() -> Result<()> {
    let aws = LocalAws::start().await?;
    notice_against_dev(&aws, SignedDuration::from_hours(3)).await?;
    let said = pushed(&aws, &Ci::of(&aws).await?, &[]).await?;
    let note =
        "\nnote: environment dev takes no uploads. But the notice that says so is of 3 h ago, and no sweep has renewed";
    assert!(said.contains(note), "{said}");
    Ok(())
}

#[tokio::test]
async fn push_past_a_fresh_notice_takes_an_option() -> Result<()> {
    let aws = LocalAws::start().await?;
    notice_against_dev(&aws, SignedDuration::from_mins(5)).await?;
    let ci = Ci::of(&aws).await?;
    let (_folder, path) = zip()?;
    assert_ended((&aws, &ci), ("dev", "orders-api"), &path, (3, "environment dev takes no uploads")).await?;
    let said = pushed(&aws, &ci, &["--skip-environment-check"]).await?;
    assert!(said.contains("\nnote: environment dev takes no uploads. The zip is uploaded all the same\n"), "{said}");
    Ok(())
}

#[tokio::test]
async fn push_to_an_environment_that_old_notices_do_not_know_goes_on() -> Result<()> {
    let aws = LocalAws::start().await?;
    notice_against_dev(&aws, SignedDuration::from_hours(3)).await?;
    let (_folder, path) = zip()?;
    let options = [&BUCKETS[..], &["--wait", "--timeout", "1s"]].concat();
    let ended = run(Ci::root(&aws).push(("lab", "orders-api"), &path, "1", &options)?).await?;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended
            .err
            .contains("\nnote: the deployer knows no environment lab, and ignores uploads to it; known here: dev. But"),
        "{ended:?}"
    );
    assert!(has_uploads(&aws).await?);
    Ok(())
}
