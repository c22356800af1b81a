//! `infra/examples/two-accounts`, applied to the local AWS as it stands, and the product's main job over exactly what it made.

use acceptance::fixtures::Zip;
use acceptance::local_aws::{ARTIFACTS, Answer, Doing as _, Error, LEDGER, LocalAws, REGION, Result, SECOND, TOOLING};
use acceptance::terraform::Terraform;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use serde_json::{Value, json};

const STRANGER: &str = "999999999999";

#[tokio::test]
async fn what_terraform_lays_deploys_uploads_does_not_drift_and_goes_away_again() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let (aws, applied) = LocalAws::applied(terraform).await?;

    // CI's own credentials upload, and read what came of it.
    let ci = aws.control().session(applied.output("uploader_role_arn")?, "build").await?;
    let ci = aws.clients().session_s3(&ci, REGION);
    for (environment, account) in [("dev", TOOLING), ("prod", SECOND)] {
        let key = format!("{environment}/hello/1.0.0.zip");
        let zip = Zip::function("1.0.0").with("lambda-execution", "lambda/hello").build().doing("zipping")?;
        let put = ci.put_object().bucket(applied.output("artifact_bucket")?).key(&key).body(zip.into());
        let version_id = put.send().await.doing("uploading as CI")?.version_id.unwrap_or_default();
        // CI waits for it, and what is not there yet is not a denial.
        let result = ci.get_object().bucket(applied.output("ledger_bucket")?);
        let result = result.key(format!("results/{environment}/hello/1.0.0/{version_id}.json")).send().await;
        assert!(result.is_err_and(|error| error.code() == Some("NoSuchKey")), "a result that is not there yet");
        aws.deliver().await?;
        let result_key = format!("results/{environment}/hello/1.0.0/{version_id}.json");
        let result = ci.get_object().bucket(applied.output("ledger_bucket")?).key(&result_key).send().await;
        let result =
            result.doing("reading the result as CI")?.body.collect().await.doing("reading the result")?.to_vec();
        let result: Value = serde_json::from_slice(&result).doing("reading the result")?;
        assert_eq!(result["status"], "succeeded", "{result:#}");
        let live = aws.live(account, REGION, "hello").await?;
        assert_eq!(live.map(|live| (live.version, live.versions)), Some(("1".into(), vec!["1".into()])));
    }
    aws.same_events_again_change_nothing().await?;
    assert_eq!(aws.dead_letters().await?, 0);

    // The schedule's command, and a stranger's try at the same door.
    let swept = aws.invoke(&json!({"command": "sweep"})).await?;
    assert!(matches!(swept, Answer::Payload(_)), "{swept:?}");
    let sts = aws_sdk_sts::Client::new(&aws.clients().config(STRANGER, REGION));
    let entering =
        sts.assume_role().role_arn(format!("arn:aws:iam::{SECOND}:role/deployer-target")).role_session_name("x");
    let refused = entering.external_id("prod-acme").source_identity("deployer-x").send().await;
    assert!(refused.is_err(), "a stranger entered prod's deploy role");
    let stranger = aws.clients().s3(STRANGER, REGION);
    for (bucket, key) in [(ARTIFACTS, "prod/hello/1.0.0.zip"), (LEDGER, "heads/prod/hello.json")] {
        assert!(stranger.get_object().bucket(bucket).key(key).send().await.is_err(), "a stranger read {bucket}/{key}");
    }

    let ending = tokio::task::spawn_blocking(move || Ok::<_, Error>((applied.drift()?, applied.destroy()?)));
    let (drift, destroyed) = ending.await.doing("destroying the example")?.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(drift, None);
    assert!(destroyed >= 40, "{destroyed} resources");
    let left = aws.clients().s3(TOOLING, REGION).list_buckets().send().await.doing("listing what is left")?;
    assert!(left.buckets().is_empty(), "{left:?}");
    Ok(())
}
