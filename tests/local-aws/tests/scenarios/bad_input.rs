//! Bad input: each case ends with a clear sentence, is not retried, deploys nothing, and affects no later upload.

use fixtures::Zip;
use fixtures::packages::archive::{Entry, archive};
use local_aws::{ARTIFACTS, Doing as _, FIRST, Fault, LocalAws, REGION, Result, TOOLING};
use serde_json::{Value, json};
use world::zips::bootstrap;

use super::{lambda_writes, serves, statuses, versions};

/// Checks the state after any bad input: version 1 serves, no message is left, and a good upload is deployed.
async fn nothing_happened_and_the_next_good_upload_works(aws: &LocalAws) -> Result<()> {
    let live = aws.live(FIRST, REGION, "orders").await?;
    assert_eq!(versions(live), serves("1", &["1"]));
    assert_eq!(aws.dead_letters().await?, 0);
    aws.same_events_again_change_nothing().await?;
    let good = aws.deploy("dev/orders/good.zip", Zip::function("good")).await?;
    assert_eq!(statuses(&good), ["succeeded", "succeeded"], "{good:#}");
    Ok(())
}

async fn with_orders() -> Result<LocalAws> {
    let aws = LocalAws::start().await?;
    let first = aws.deploy("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    assert_eq!(statuses(&first), ["succeeded", "succeeded"], "{first:#}");
    Ok(aws)
}

fn text<'a>(record: &'a Value, pointer: &str) -> &'a str {
    record.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// One case of each way to refuse; `packages::corpus` of the world has all forms of bad zips.
#[tokio::test]
async fn bad_zips_and_manifests_are_refused_with_the_reason() -> Result<()> {
    let aws = with_orders().await?;
    let with = |entry: Entry| archive(&[bootstrap("x"), entry]);
    let manifest = |text: &str| Zip::code("x").manifest(text).build().doing("zipping");
    let good = Zip::code("x").build().doing("zipping")?;
    let lies = Entry { method: 8, unpacked: 262_144_001, ..Entry::stored("big", vec![0; 300_000]) };
    let cases: Vec<(Vec<u8>, &str, &str)> = vec![
        (vec![], "InvalidArtifact", "the object is empty (0 bytes)"),
        (good[..good.len() / 2].to_vec(), "InvalidArtifact", "the zip is cut off"),
        (with(lies), "InvalidArtifact", "more than Lambda's 262144000 (250 MB)"),
        (manifest("memroy_size = 1\n")?, "InvalidManifest", "memroy_size: unknown field; did you mean memory_size?"),
        (
            manifest("role = \"arn:aws:iam::222222222222:role/theirs\"\n")?,
            "InvalidManifest",
            "does not belong to the account 111111111111",
        ),
        // The existing function runs provided.al2023.
        (archive(&[Entry::stored("main", "x")]), "InvalidArtifact", "no file bootstrap at its root"),
    ];
    for (number, (zip, code, because)) in cases.into_iter().enumerate() {
        let (result, calls) = aws.calls_of(aws.deploy(&format!("dev/orders/bad-{number}.zip"), zip)).await?;
        assert_eq!((text(&result, "/status"), text(&result, "/code")), ("refused", code), "{result:#}");
        assert!(text(&result, "/because").contains(because), "{because} is missing in: {result:#}");
        assert_eq!(lambda_writes(&calls), [""; 0]);
    }
    nothing_happened_and_the_next_good_upload_works(&aws).await
}

#[tokio::test]
async fn uploads_for_no_function_are_logged_without_a_record() -> Result<()> {
    let aws = with_orders().await?;
    let before = aws.records("dev", "orders").await?.len();
    for (key, because) in [
        ("readme.txt", "its key is not <environment>/<function>/<release>.zip"),
        ("dev/orders api/1.zip", "\"orders api\" is not a function name"),
        (
            "prdo/orders/1.zip",
            "\"prdo/orders/1.zip\" is for environment prdo, which deployer.json does not have (it has dev, prod)",
        ),
    ] {
        aws.upload(key, Zip::code("x")).await?;
        aws.deliver().await?;
        let said = aws.logs(|line| {
            let line = text(line, "/message");
            line.starts_with("ignored: ") && line.contains(because)
        });
        assert!(said.await, "{because} is not in the log");
    }
    assert_eq!(aws.records("dev", "orders").await?.len(), before);
    nothing_happened_and_the_next_good_upload_works(&aws).await
}

#[tokio::test]
async fn deleted_artifact_is_refused_as_gone() -> Result<()> {
    let aws = with_orders().await?;
    let key = "dev/orders/2.zip";
    let version_id = aws.upload(key, Zip::code("x")).await?;
    let s3 = aws.clients().s3(TOOLING, REGION);
    // The bucket's policy denies the deletion of versions.
    let delete = async || s3.delete_object().bucket(ARTIFACTS).key(key).version_id(&version_id).send().await;
    assert!(delete().await.is_err());
    aws.remove_policy(ARTIFACTS).await?;
    delete().await.doing("deleting the version")?;
    aws.restore_policy(ARTIFACTS).await?;
    aws.deliver().await?;
    let result = aws.result(key, &version_id).await?;
    assert_eq!((text(&result, "/status"), text(&result, "/code")), ("refused", "ArtifactGone"), "{result:#}");
    nothing_happened_and_the_next_good_upload_works(&aws).await
}

#[tokio::test]
async fn policy_that_denies_the_read_is_named() -> Result<()> {
    let aws = with_orders().await?;
    let deny = |principal: &str, function: &str| {
        json!({"Sid": function, "Effect": "Deny", "Principal": {"AWS": principal},
            "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": format!("arn:aws:s3:::{ARTIFACTS}/dev/{function}/*")})
    };
    let denials = [
        deny("arn:aws:iam::111111111111:role/deployer-target", "orders"),
        deny("arn:aws:iam::123456789012:role/deployer", "bills"),
    ];
    aws.add_to_policy(ARTIFACTS, &denials).await?;
    let text_of_s3 =
        "User: … is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext";
    let denied = Fault::new("GetObject", 403, "AccessDenied", text_of_s3).under("dev/stock/");
    aws.control().fault(&denied.forever()).await?;
    // Each case is retried for some seconds, all at the same time.
    let cases = [
        ("orders", "update code", "the artifact bucket's policy"),
        ("bills", "verify", "the policy of the resource denies it outright"),
        ("stock", "verify", "the key policy of the bucket's KMS key"),
    ];
    let mut uploaded = Vec::new();
    for (function, ..) in cases {
        let key = format!("dev/{function}/2.0.0.zip");
        uploaded.push((aws.upload(&key, Zip::function("2.0.0")).await?, key));
    }
    aws.deliver().await?;
    for ((_, step, named), (version_id, key)) in cases.iter().zip(&uploaded) {
        let result = aws.result(key, version_id).await?;
        let error = &result["targets"][0]["error"];
        assert_eq!((&error["code"], &error["step"]), (&json!("ArtifactUnreadable"), &json!(step)), "{result:#}");
        assert!(text(error, "/message").contains(named), "{result:#}");
    }
    aws.control().no_faults().await?;
    aws.restore_policy(ARTIFACTS).await?;
    nothing_happened_and_the_next_good_upload_works(&aws).await
}

#[tokio::test]
async fn payload_that_is_no_event_is_an_error_of_stable_type() -> Result<()> {
    use local_aws::Answer;
    let aws = with_orders().await?;
    let deep = |levels| (0..levels).fold(json!(1), |inner, _| json!({ "detail": inner }));
    for payload in
        [json!("hello"), json!({"hello": "world"}), json!({"command": "dance"}), deep(200), json!([deep(200)])]
    {
        match aws.invoke(&payload).await? {
            Answer::FunctionError { error_type, message } => {
                assert_eq!(error_type, "InvalidCommand", "{message}");
            }
            other => panic!("{payload} was taken: {other:?}"),
        }
    }
    nothing_happened_and_the_next_good_upload_works(&aws).await
}
