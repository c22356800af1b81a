//! A leaked artifact or secret.

use std::os::unix::fs::PermissionsExt as _;

use fixtures::MANIFEST;
use local_aws::{ARTIFACTS, Doing as _, REGION, Result, SECOND, TOOLING};
use serde_json::{Value, json};

use super::night::{FUNCTION, Night, columns, text};

pub(super) const CASE: &str = "A leaked artifact or secret";
pub(super) const BLOCKS: &[&str] = &[CLEAN, ALONG, FORBID, RECORD, VERSIONS, ERASE, LEDGER];

const CLEAN: &str = "**1. Bring a clean release**";
const ALONG: &str = "Then along the chain";
const FORBID: &str = "**2. Forbid the leaked one**";
const RECORD: &str = "**3. Delete its Lambda versions**";
const VERSIONS: &str = "Lambda refuses to delete a version that an alias points to";
const ERASE: &str = "**4. Erase the artifact.**";
const LEDGER: &str = "**5. Clean the ledger**";
const KEY: &str = "dev/orders-api/1.4.3.zip";
/// The secret that leaked: the release's metadata has it in `build-url`.
const SECRET: &str = "hunter2";

/// Returns the ids of the versions of the leaked artifact.
async fn versions(night: &Night) -> Result<Vec<String>> {
    let call = night.aws.clients().s3(TOOLING, REGION).list_object_versions().bucket(ARTIFACTS).prefix(KEY);
    let listed = call.send().await.doing("listing versions")?.versions.unwrap_or_default();
    Ok(listed.into_iter().filter_map(|version| version.version_id).collect())
}

/// Returns the artifact bucket's policy.
async fn policy(night: &Night) -> Result<Value> {
    let call = night.aws.clients().s3(TOOLING, REGION).get_bucket_policy().bucket(ARTIFACTS);
    let policy = call.send().await.doing("reading a policy")?;
    serde_json::from_str(policy.policy().unwrap_or_default()).doing("reading a policy")
}

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn leaked_release_is_erased_everywhere() -> Result<()> {
    let Some(mut night) = Night::begin(CASE, BLOCKS).await? else { return Ok(()) };
    night.release("1.4.2", &["stage", "prod"]).await?;
    let leaked = night.release("1.4.3", &["stage", "prod"]).await?;
    let sha256 = night.prod().await?.sha256;

    // The clean release comes from a folder, and along the whole chain.
    let folder = night.path("build/orders-api");
    std::fs::create_dir_all(&folder).doing("making a folder")?;
    std::fs::write(folder.join("function.toml"), MANIFEST).doing("writing a manifest")?;
    std::fs::write(folder.join("bootstrap"), "#!/bin/sh\necho 1.4.4\n").doing("writing a bootstrap")?;
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.join("bootstrap"), executable).doing("making it executable")?;
    night.open(CLEAN).await?;
    let pushed = night.next_while_delivering().await?;
    assert!(format!("{pushed:?}").contains("succeeded"), "{pushed:?}");
    for (from, to) in [("dev", "stage"), ("stage", "prod")] {
        night.put("--from dev --to stage", &format!("--from {from} --to {to}"));
        night.play(ALONG).await?;
    }
    assert_eq!((night.prod_version().await?.as_str(), night.believed("prod").await?.as_str()), ("3", "1.4.4"));
    night.play(FORBID).await?;

    let history: Value = night.play(RECORD).await?[0].json()?;
    let records = history["deployments"].as_array().cloned().unwrap_or_default();
    let bad = records.iter().find(|record| text(record, "/release") == "1.4.3").cloned().unwrap_or_default();
    night.open(VERSIONS).await?;
    let listed = night.next().await?;
    let theirs = columns(&listed).into_iter().find(|columns| columns[1] == text(&bad, "/artifact/sha256"));
    assert_eq!(theirs.as_ref().map(|columns| columns[1]), Some(sha256.as_str()), "{listed:?}");
    night.put("--qualifier 43", &format!("--qualifier {}", theirs.map_or("none", |columns| columns[0])));
    night.next().await?;
    night.every_named_right_was_used().await?;
    assert_eq!(night.prod().await?.versions, ["1", "3"]);

    let before = policy(&night).await?;
    let erase = night.aws.clients().s3(TOOLING, REGION).delete_object().bucket(ARTIFACTS).key(KEY).version_id(&leaked);
    assert!(erase.send().await.is_err(), "the bucket's policy lets somebody erase a version");
    night.open(ERASE).await?;
    for _ in 0..3 {
        night.next().await?;
    }
    let listed = night.next().await?;
    assert_eq!(columns(&listed), [[KEY, leaked.as_str()]]);
    night.put("3HL4kqtJvjVBH40Nrjfkd", &leaked);
    night.next().await?;
    night.next().await?;
    night.every_named_right_was_used().await?;
    assert_eq!((versions(&night).await?, policy(&night).await?), (vec![], before));

    let dev = night.aws.records("dev", FUNCTION).await?;
    let bad = dev.iter().find(|record| text(record, "/release") == "1.4.3").cloned().unwrap_or_default();
    let result = format!("results/dev/{FUNCTION}/1.4.3/{leaked}.json");
    let record = format!("deployments/dev/{FUNCTION}/{}.json", text(&bad, "/id"));
    assert!(bad.to_string().contains(SECRET), "{bad:#}");
    for key in [record, result] {
        night.put("deployments/dev/orders-api/01M8A5K79RQBSV76AT3ARZPEW6.json", &key);
        night.open(LEDGER).await?;
        let etag = night.next().await?.out;
        night.put("'\"9b2cf535f27731c974343645a3985328\"'", &format!("'{}'", etag.trim()));
        night.next().await?;
        night.next().await?;
        night.every_named_right_was_used().await?;
        let clean = night.aws.ledger_object(&key).await?.unwrap_or_default();
        assert_eq!((&clean["artifact"]["metadata"], text(&clean, "/id")), (&json!({}), text(&bad, "/id")));
    }

    // The ledger afterwards: history is read, the leaked release is refused by name and passed over.
    let history = night.command(&["history", "-e", "dev", "-f", FUNCTION, "-n", "20", "-o", "json"]).await?;
    let cleaned = history["deployments"].as_array().into_iter().flatten().find(|record| record["id"] == bad["id"]);
    assert_eq!(cleaned.map(|record| &record["artifact"]["metadata"]), Some(&json!({})), "{history:#}");
    let back = ["rollback", "-e", "prod", "-f", FUNCTION, "--yes", "-o", "json"];
    let named = night.command(&[&back[..], &["--to", "1.4.3"]].concat()).await?;
    assert_eq!(text(&named, "/code"), "Rejected", "{named:#}");
    night.command(&back).await?;
    assert_eq!((night.prod_version().await?.as_str(), night.believed("prod").await?.as_str()), ("1", "1.4.2"));
    let lambda = night.aws.clients().lambda(SECOND, REGION);
    let latest = lambda.get_function_configuration().function_name(FUNCTION).send().await.doing("reading $LATEST")?;
    assert_ne!(latest.code_sha256(), Some(sha256.as_str()), "$LATEST");
    night.aws.same_events_again_change_nothing().await?;
    night.end()
}
