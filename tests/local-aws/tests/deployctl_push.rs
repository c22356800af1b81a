//! `deployctl push` as people and CI run it: the real program against the local AWS, with the rights of the module
//! `uploader`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use aws_sdk_s3::types::{BucketLocationConstraint, ChecksumMode, CreateBucketConfiguration};
use deployer_core::id::Sha256;
use fixtures::{MANIFEST, Zip};
use local_aws::ci::{Ci, CiOutput, WaitingPush, run, send};
use local_aws::terminal::Terminal;
use local_aws::{ARTIFACTS, Call, Doing as _, Error, FIRST, Fault, LEDGER, LocalAws, REGION, Result, Setup, TOOLING};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

/// A function that the contract's GitHub repository may upload to dev.
const FUNCTION: &str = "orders-api";
/// The size of the parts of a large upload.
const PART: usize = 16 * 1024 * 1024;
const BUCKETS: [&str; 4] = ["--bucket", ARTIFACTS, "--ledger", LEDGER];

/// Returns `push` of this release of [`FUNCTION`] to dev.
fn push(ci: &Ci<'_>, source: &Path, release: &str, more: &[&str]) -> Result<Command> {
    ci.push(("dev", FUNCTION), source, release, &[&BUCKETS, more].concat())
}

/// The upload of release 1.0.0 alone: without a ledger bucket, no look at the environment comes before it.
fn push_unseen(ci: &Ci<'_>, source: &Path, more: &[&str]) -> Result<Command> {
    ci.push(("dev", FUNCTION), source, "1.0.0", &[&["--bucket", ARTIFACTS], more].concat())
}

/// Makes a folder with a valid function.
fn folder(content: &str) -> Result<TempDir> {
    let folder = TempDir::new().doing("making a folder")?;
    write(&folder, "bootstrap", format!("#!/bin/sh\n# {content}\nexit 0\n"))?;
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path().join("bootstrap"), executable).doing("making it executable")?;
    write(&folder, "function.toml", MANIFEST)?;
    Ok(folder)
}

fn write(folder: &TempDir, name: &str, body: impl AsRef<[u8]>) -> Result<()> {
    std::fs::write(folder.path().join(name), body).doing(format!("writing {name}"))
}

/// Makes a folder with megabytes that do not compress.
fn with_ballast(megabytes: usize) -> Result<TempDir> {
    let folder = folder("large")?;
    let zip = Zip::empty().ballast(megabytes).build().doing("making ballast")?;
    // A zip within the folder is packed like any other file.
    write(&folder, "ballast.bin", zip)?;
    Ok(folder)
}

fn named<'a>(calls: &'a [Call], operation: &'a str) -> impl Iterator<Item = &'a Call> {
    calls.iter().filter(move |call| call.operation == operation)
}

/// Returns the SHA-256 that S3 has of an upload.
async fn checksum(aws: &LocalAws, key: &str) -> Result<Option<String>> {
    let call = aws.clients().s3(TOOLING, REGION).head_object().bucket(ARTIFACTS).key(key);
    let call = call.checksum_mode(ChecksumMode::Enabled);
    Ok(call.send().await.doing("looking at an upload")?.checksum_sha256)
}

/// Returns the names of the calls, each once.
fn operations(calls: &[Call]) -> Vec<&str> {
    let mut names: Vec<&str> = calls.iter().map(|call| call.operation.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[tokio::test]
async fn folder_is_pushed_with_the_uploaders_permissions_only() -> Result<()> {
    let aws = LocalAws::start().await?;
    let (ci, folder) = (Ci::of(&aws).await?, folder("1.0.0")?);
    aws.invoke(&json!({"command": "sweep"})).await?;
    write(&folder, ".lambdaignore", "notes.txt\n")?;
    write(&folder, "notes.txt", "not for Lambda")?;
    write(&folder, ".env", "TOKEN=1")?;
    let waiting = WaitingPush::start(push(&ci, folder.path(), "1.0.0", &["--wait", "--commit", "4f5c2e1"])?).await?;
    aws.deliver().await?;
    let ended = waiting.end().await?;
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let record = aws.record("dev", FUNCTION).await?;
    let live = aws.live(FIRST, REGION, FUNCTION).await?.ok_or_else(|| Error::Unexpected("nothing is live".into()))?;
    assert_eq!(json!(live.sha256), record["artifact"]["sha256"]);
    assert_eq!(record["artifact"]["metadata"], json!({"commit": "4f5c2e1"}));
    let version_id = record["artifact"]["version_id"].as_str().unwrap_or_default();
    let sha256 = Sha256::parse(&live.sha256).map_err(|error| Error::Unexpected(error.to_string()))?;
    let (source, size) = (folder.path().display(), &record["artifact"]["size"]);
    assert_eq!(
        ended.err,
        format!(
            "warning: {source}: left out as private or needless: .env; a line such as !.env in .lambdaignore packs it\n\
             {source}: {size} bytes, 2 files, sha256 {}, with function.toml\n\
             uploaded s3://acme-artifacts/dev/orders-api/1.0.0.zip (S3 version id {version_id})\n\
             waiting for its deployment, 15m at most\n",
            sha256.to_hex()
        )
    );
    let lines: Vec<&str> = ended.out.lines().collect();
    let id = record["id"].as_str().unwrap_or_default();
    assert!(lines[0].starts_with("dev/orders-api/1.0.0: succeeded after "), "{lines:?}");
    assert!(lines[0].ends_with(&format!("deployment {id}")), "{lines:?}");
    assert_eq!(lines[1..], ["  111111111111/eu-west-1: succeeded, a new function, version 1"]);
    aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn same_folder_makes_the_same_zip_and_is_unchanged() -> Result<()> {
    let aws = LocalAws::start().await?;
    let ci = Ci::of(&aws).await?;
    let mut uploads = Vec::new();
    for release in ["1.0.0", "1.0.1"] {
        let folder = folder("the same")?;
        let ended = run(push(&ci, folder.path(), release, &["--output", "json"])?).await?;
        assert!(ended.code == Some(0) && ended.err.ends_with(", with function.toml\n"), "{ended:?}");
        uploads.push(ended.json()?);
        aws.deliver().await?;
    }
    assert_eq!(uploads[0]["sha256"], uploads[1]["sha256"]);
    for (upload, release, status) in [(&uploads[0], "1.0.0", "succeeded"), (&uploads[1], "1.0.1", "unchanged")] {
        let key = format!("dev/orders-api/{release}.zip");
        let version_id = upload["version_id"].as_str().unwrap_or_default();
        let result = aws.result(&key, version_id).await?;
        assert_eq!((&result["status"], &result["artifact"]["sha256"]), (&json!(status), &upload["sha256"]));
        let size = &result["artifact"]["size"];
        let result = format!("results/dev/orders-api/{release}/{version_id}.json");
        assert_eq!(
            upload,
            &json!({"bucket": ARTIFACTS, "key": key, "version_id": version_id, "size": size, "files": 2,
                "manifest": "function.toml", "sha256": upload["sha256"], "result": result})
        );
    }
    aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn push_with_wait_and_json_prints_the_record() -> Result<()> {
    let aws = LocalAws::start().await?;
    let (ci, folder) = (Ci::of(&aws).await?, folder("1.0.0")?);
    let waiting = WaitingPush::start(push(&ci, folder.path(), "1.0.0", &["--wait", "--output", "json"])?).await?;
    aws.deliver().await?;
    let ended = waiting.end().await?;
    let (mut told, record) = (ended.json()?, aws.record("dev", FUNCTION).await?);
    let upload = told.as_object_mut().and_then(|fields| fields.remove("upload")).unwrap_or_default();
    assert_eq!((ended.code, &told), (Some(0), &record));
    assert_eq!((&upload["files"], &upload["sha256"]), (&json!(2), &record["artifact"]["sha256"]));
    Ok(())
}

#[tokio::test]
async fn zip_is_pushed_unchanged_with_the_metadata_of_ci() -> Result<()> {
    let aws = LocalAws::start().await?;
    let (ci, folder) = (Ci::of(&aws).await?, TempDir::new().doing("making a folder")?);
    let bytes = Zip::function("1.0.0").build().doing("zipping")?;
    write(&folder, "function.zip", &bytes)?;
    let zip = folder.path().join("function.zip");
    let mut pushing = push(&ci, &zip, "1.0.0", &["--uploaded-by", "release bot"])?;
    pushing.envs([("CI_COMMIT_SHA", "9a"), ("CI_JOB_URL", "https://gitlab.com/jobs/7"), ("GITLAB_USER_LOGIN", "ada")]);
    let ended = run(pushing).await?;
    let said = format!("{}: {} bytes, 2 files, sha256 {}, ", zip.display(), bytes.len(), Sha256::of(&bytes).to_hex());
    assert!(ended.code == Some(0) && ended.err.starts_with(&said), "{ended:?}");
    assert!(ended.out.starts_with("uploaded s3://acme-artifacts/dev/orders-api/1.0.0.zip\n"), "{ended:?}");
    let object = aws.clients().s3(TOOLING, REGION).get_object().bucket(ARTIFACTS).key("dev/orders-api/1.0.0.zip");
    let object = object.send().await.doing("reading the upload")?;
    assert_eq!(checksum(&aws, "dev/orders-api/1.0.0.zip").await?, Some(Sha256::of(&bytes).to_string()));
    let metadata = json!({"commit": "9a", "build-url": "https://gitlab.com/jobs/7", "uploaded-by": "release bot"});
    assert_eq!(json!(object.metadata()), metadata);
    assert_eq!(object.body.collect().await.doing("reading the upload")?.to_vec(), bytes);
    Ok(())
}

#[tokio::test]
async fn invalid_package_is_not_uploaded_and_every_mistake_is_named() -> Result<()> {
    let aws = LocalAws::start().await?;
    let (ci, folder) = (Ci::of(&aws).await?, folder("1.0.0")?);
    let refused = |more: &[&str]| push(&ci, folder.path(), "1.0.0", more);
    write(&folder, "function.toml", MANIFEST.replace("memory_size = 256", "memory = 7\ntimeout_s = 1"))?;
    let ended = run(refused(&["--wait"])?).await?;
    assert_eq!((ended.code, ended.out.as_str()), (Some(3), ""), "{ended:?}");
    let start = format!("error: {} would be refused in dev, and is not uploaded:\n", folder.path().display());
    assert!(ended.err.starts_with(&start), "{ended:?}");
    for mistake in ["\n  function.toml: memory: ", "\n  function.toml: timeout_s: "] {
        assert!(ended.err.contains(mistake), "{ended:?}");
    }
    let said = run(refused(&["--output", "json"])?).await?.json()?;
    let paths: Vec<&Value> = said["mistakes"].as_array().into_iter().flatten().map(|one| &one["path"]).collect();
    assert_eq!((&said["errorType"], paths), (&json!("Refused"), vec![&json!("memory"), &json!("timeout_s")]));

    // A bootstrap without its executable bit, then links that lead out of the package.
    write(&folder, "function.toml", format!("{MANIFEST}[environments.prod]\nruntime = \"python3.13\"\n"))?;
    let not_executable = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(folder.path().join("bootstrap"), not_executable).doing("taking its bit")?;
    let ended = run(refused(&[])?).await?;
    assert!(ended.code == Some(3) && ended.err.contains("bootstrap"), "{ended:?}");
    for link in ["latest", "current"] {
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join(link)).doing("making a link")?;
    }
    let ended = run(refused(&[])?).await?;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let astray = "\n  the zip has symbolic links that lead out of it: `current` to `/etc/hostname`, `latest` to `/etc/hostname`;";
    assert!(ended.err.contains(astray), "{ended:?}");
    let listed = aws.clients().s3(TOOLING, REGION).list_objects_v2().bucket(ARTIFACTS).send().await;
    assert_eq!(listed.doing("listing uploads")?.key_count(), Some(0));
    Ok(())
}

#[tokio::test]
async fn usage_error_is_reported_before_anything_is_read() -> Result<()> {
    let aws = LocalAws::start().await?;
    let (ci, folder) = (Ci::of(&aws).await?, folder("1.0.0")?);
    let source = folder.path();
    let place = ("dev", FUNCTION);
    for (pushing, words) in [
        (push(&ci, &source.join("nothing"), "1.0.0", &[])?, "nothing does not exist"),
        (push(&ci, source, ".1", &[])?, "is not a release"),
        (ci.push(("Dev", FUNCTION), source, "1", &BUCKETS)?, "is not an environment"),
        (ci.push(("dev", "a b"), source, "1", &BUCKETS)?, "is not a function name"),
        (ci.push(place, source, "1", &[])?, "say --bucket or DEPLOYER_ARTIFACT_BUCKET"),
        (ci.push(place, source, "1", &["--bucket", ARTIFACTS, "--wait"])?, "DEPLOYER_LEDGER_BUCKET"),
        (push(&ci, source, "1", &["--commit", "é"])?, "US-ASCII"),
        (push(&ci, source, "1", &["--wait", "--timeout", "5 minutes"])?, "is not a duration"),
    ] {
        let ended = run(pushing).await?;
        assert!(ended.code == Some(2) && ended.err.contains(words), "{words}: {ended:?}");
    }
    let nonsense = run(push(&ci, source, "1", &["--nonsense", "--output", "json"])?).await?;
    assert_eq!((nonsense.code, &nonsense.json()?["errorType"]), (Some(2), &json!("WrongUse")), "{nonsense:?}");
    let mut pushing = push(&ci, source, "1", &[])?;
    pushing.env_remove("AWS_REGION");
    let ended = run(pushing).await?;
    assert!(ended.code == Some(2) && ended.err.contains("no region is known"), "{ended:?}");
    Ok(())
}

#[tokio::test]
async fn failed_deployment_is_reported_by_target_and_exits_1() -> Result<()> {
    let aws = LocalAws::start().await?;
    let (ci, folder) = (Ci::of(&aws).await?, folder("1.0.0")?);
    std::fs::remove_file(folder.path().join("function.toml")).doing("taking the manifest away")?;
    let mut pushing = ci.push(("dev", FUNCTION), folder.path(), "1.0.0", &["--wait"])?;
    pushing.envs([("DEPLOYER_ARTIFACT_BUCKET", ARTIFACTS), ("DEPLOYER_LEDGER_BUCKET", LEDGER)]);
    let waiting = WaitingPush::start(pushing).await?;
    aws.deliver().await?;
    let ended = waiting.end().await?;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let record = aws.record("dev", FUNCTION).await?;
    let error = &record["targets"][0]["error"];
    let [code, step, message] = ["code", "step", "message"].map(|part| error[part].as_str().unwrap_or_default());
    assert!(ended.out.starts_with("dev/orders-api/1.0.0: failed after "), "{ended:?}");
    let line = format!("  111111111111/eu-west-1: failed, {code}: {step}: {message}\n");
    assert!(!message.is_empty() && ended.out.ends_with(&line), "{ended:?} {line:?}");
    Ok(())
}

#[tokio::test]
async fn older_upload_is_superseded_and_exits_3() -> Result<()> {
    let aws = LocalAws::start().await?;
    let (ci, folder) = (Ci::of(&aws).await?, folder("1.0.0")?);
    let older = WaitingPush::start(push(&ci, folder.path(), "1.0.0", &["--wait"])?).await?;
    let told_of_older = aws.take_messages().await?;
    aws.deploy("dev/orders-api/1.1.0.zip", Zip::function("1.1.0")).await?;
    for message in told_of_older {
        aws.mapping().send(&message.to_string()).await?;
    }
    aws.deliver().await?;
    let ended = older.end().await?;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.out.starts_with("dev/orders-api/1.0.0: superseded after "), "{ended:?}");
    assert!(ended.out.contains("\n  Superseded: "), "{ended:?}");
    aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn refusal_by_the_deployer_exits_3_with_its_reason() -> Result<()> {
    let targets = json!([{"account": FIRST, "region": REGION}]);
    let dev = json!({"targets": targets, "external_id": "dev-8c1f", "accept_uploads": false});
    let aws = LocalAws::with(Setup::default().environment("dev", dev)).await?;
    let (ci, folder) = (Ci::of(&aws).await?, folder("1.0.0")?);
    let waiting = WaitingPush::start(push(&ci, folder.path(), "1.0.0", &["--wait"])?).await?;
    aws.deliver().await?;
    let ended = waiting.end().await?;
    assert!(ended.code == Some(3) && ended.out.contains("\n  UploadsNotAccepted: "), "{ended:?}");
    Ok(())
}

#[tokio::test]
async fn wait_timeout_exits_4_and_the_deployment_continues() -> Result<()> {
    let aws = LocalAws::start().await?;
    let (ci, folder) = (Ci::of(&aws).await?, folder("1.0.0")?);
    let waiting = WaitingPush::start(push(&ci, folder.path(), "1.0.0", &["--wait", "--timeout", "1s"])?).await?;
    let ended = waiting.end().await?;
    assert_eq!((ended.code, ended.out.as_str()), (Some(4), ""), "{ended:?}");
    let goes_on = "error: no result within 1s: the deployment of dev/orders-api/1.0.0 goes on, unless the deployer ";
    assert!(ended.err.contains(goes_on), "{ended:?}");
    shows_where_to_look(&aws, &ended).await
}

/// Checks that the output names the key of the result.
async fn shows_where_to_look(aws: &LocalAws, ended: &CiOutput) -> Result<()> {
    let url = ended.err.split_whitespace().find(|word| word.starts_with(&format!("s3://{LEDGER}/")));
    let key = url.and_then(|url| url.strip_prefix(&format!("s3://{LEDGER}/")));
    let key = key.ok_or_else(|| Error::Unexpected(format!("it does not say where to look: {ended:?}")))?;
    assert!(ended.err.contains(&format!("\n  aws s3 cp s3://{LEDGER}/{key} -\n")), "{ended:?}");
    let history = format!("\n  deployctl history --environment dev --function orders-api --ledger {LEDGER}\n");
    assert!(ended.err.contains(&history), "{ended:?}");
    aws.deliver().await?;
    let result = aws.ledger_object(key).await?;
    assert_eq!(result.map(|result| result["status"].clone()), Some(json!("succeeded")));
    Ok(())
}

#[tokio::test]
async fn interrupted_wait_exits_130_and_the_deployment_continues() -> Result<()> {
    let aws = LocalAws::start().await?;
    let ci = Ci::of(&aws).await?;
    for (release, signal) in [("1.0.0", Signal::INT), ("1.1.0", Signal::TERM)] {
        let folder = folder(release)?;
        let waiting = WaitingPush::start(push(&ci, folder.path(), release, &["--wait"])?).await?;
        waiting.signal(signal)?;
        let ended = waiting.end().await?;
        assert_eq!((ended.code, ended.out.as_str()), (Some(130), ""), "{ended:?}");
        let goes_on = format!("error: interrupted; the deployment of dev/orders-api/{release} goes on, unless ");
        assert!(ended.err.contains(&goes_on), "{ended:?}");
        shows_where_to_look(&aws, &ended).await?;
    }
    Ok(())
}

#[tokio::test]
async fn transient_errors_during_the_wait_are_retried() -> Result<()> {
    let aws = LocalAws::start().await?;
    let (ci, folder) = (Ci::of(&aws).await?, folder("1.0.0")?);
    let trouble = Fault::new("GetObject", 503, "SlowDown", "Please reduce your request rate.");
    aws.control().fault(&trouble.of_session("build").times(4)).await?;
    let waiting = WaitingPush::start(push(&ci, folder.path(), "1.0.0", &["--wait"])?).await?;
    aws.deliver().await?;
    let ended = waiting.end().await?;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    Ok(())
}

#[tokio::test]
async fn progress_is_drawn_on_a_terminal_and_erased() -> Result<()> {
    let aws = LocalAws::start().await?;
    let (ci, folder) = (Ci::of(&aws).await?, folder("1.0.0")?);
    let (mut terminal, theirs) = Terminal::open()?;
    let mut pushing = push(&ci, folder.path(), "1.0.0", &["--wait"])?;
    let child = pushing.stderr(theirs).spawn().doing("starting deployctl")?;
    drop(pushing);
    terminal.wait_for("dev/orders-api/1.0.0: waiting for its deployment (").await?;
    aws.deliver().await?;
    let output = child.wait_with_output().await.doing("waiting for deployctl")?;
    let ended = CiOutput::new(output.status, &output.stdout, terminal.end().await);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("uploaded s3://acme-artifacts/dev/orders-api/1.0.0.zip (S3 version id "), "{ended:?}");
    let (_, after) = ended.err.rsplit_once("waiting for its deployment (").unwrap_or_default();
    assert!(after.contains("\u{1b}[2K"), "the last drawing is cleared: {ended:?}");
    assert!(ended.out.starts_with("dev/orders-api/1.0.0: succeeded"), "{ended:?}");
    Ok(())
}

#[tokio::test]
async fn large_zip_is_uploaded_in_parts_with_checksums() -> Result<()> {
    let aws = LocalAws::start().await?;
    let (ci, folder) = (Ci::of(&aws).await?, with_ballast(40)?);
    let (mut terminal, theirs) = Terminal::open()?;
    let work = async {
        let more = ["--output", "json", "--uploaded-by", "ada"];
        let mut pushing = push_unseen(&ci, folder.path(), &more)?;
        let child = pushing.stderr(theirs).spawn().doing("starting deployctl")?;
        drop(pushing);
        terminal.wait_for("uploading dev/orders-api/1.0.0.zip [").await?;
        let output = child.wait_with_output().await.doing("waiting for deployctl")?;
        Ok(CiOutput::new(output.status, &output.stdout, terminal.end().await))
    };
    let (ended, calls) = aws.calls_of(work).await?;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(operations(&calls), ["CompleteMultipartUpload", "CreateMultipartUpload", "UploadPart"]);
    assert_eq!(named(&calls, "UploadPart").count(), 3);
    let uploaded = ended.json()?;
    let object = aws.clients().s3(TOOLING, REGION).get_object().bucket(ARTIFACTS).key("dev/orders-api/1.0.0.zip");
    let object = object.send().await.doing("reading the upload")?.body.collect().await.doing("reading the upload")?;
    let mut sums: Vec<String> = object.to_vec().chunks(PART).map(|part| Sha256::of(part).to_string()).collect();
    let told = named(&calls, "UploadPart").map(|call| call.parameters["ChecksumSHA256"].as_str().unwrap_or("none"));
    let mut told: Vec<&str> = told.collect();
    sums.sort();
    told.sort_unstable();
    assert_eq!(told, sums);
    aws.deliver().await?;
    let version_id = uploaded["version_id"].as_str().unwrap_or_default();
    let result = aws.result("dev/orders-api/1.0.0.zip", version_id).await?;
    assert_eq!((&result["status"], &result["artifact"]["sha256"]), (&json!("succeeded"), &uploaded["sha256"]));
    assert_eq!(result["artifact"]["metadata"], json!({"uploaded-by": "ada"}));
    aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn large_folder_needs_no_more_memory_than_a_small_one() -> Result<()> {
    const MEGABYTE: u64 = 1024 * 1024;
    let aws = LocalAws::start().await?;
    let ci = Ci::of(&aws).await?;
    let mut peaks = Vec::new();
    for megabytes in [1, 50] {
        let folder = with_ballast(megabytes)?;
        let waiting = WaitingPush::start(push(&ci, folder.path(), &megabytes.to_string(), &["--wait"])?).await?;
        peaks.push(waiting.peak_memory()?);
        waiting.signal(Signal::INT)?;
        waiting.end().await?;
    }
    let grown = peaks[1].saturating_sub(peaks[0]);
    assert!(grown < 16 * MEGABYTE, "it grew by {} MB", grown / MEGABYTE);
    Ok(())
}

#[tokio::test]
async fn failed_part_aborts_the_upload_if_permitted() -> Result<()> {
    let aws = LocalAws::start().await?;
    let folder = with_ballast(40)?;
    let s3 = aws.clients().s3(TOOLING, REGION);
    let fault = Fault::new("UploadPart", 400, "InvalidRequest", "Not today.").forever();
    let only_putting = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject",
        "Resource": format!("arn:aws:s3:::{ARTIFACTS}/*")}]});
    let others = Ci::allowed(&aws, "others", &only_putting).await?;
    for (ci, is_allowed) in [(Ci::of(&aws).await?, true), (others, false)] {
        aws.control().fault(&fault).await?;
        let ended = run(push(&ci, folder.path(), "1.0.0", &["--wait"])?).await?;
        aws.control().no_faults().await?;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.contains("Not today."), "{ended:?}");
        let left = "what was uploaded of it could not be removed (AccessDenied: ";
        assert_eq!(ended.err.contains(left), !is_allowed, "{ended:?}");
        let begun = s3.list_multipart_uploads().bucket(ARTIFACTS).send().await.doing("listing what is begun")?;
        assert_eq!(begun.uploads().len(), usize::from(!is_allowed));
    }
    assert!(aws.deliver().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn interrupted_upload_is_aborted() -> Result<()> {
    let aws = LocalAws::start().await?;
    let folder = with_ballast(40)?;
    let ci = Ci::of(&aws).await?;

    // The hold leaves the upload's first part without an answer.
    aws.control().hold("build", 2, true).await?;
    let mut pushing = push_unseen(&ci, folder.path(), &[])?;
    let child = pushing.spawn().doing("starting deployctl")?;
    assert!(aws.control().is_held().await?);
    send(&child, Signal::INT)?;
    aws.control().release().await?;
    let output = child.wait_with_output().await.doing("waiting for deployctl")?;
    let ended = CiOutput::new(output.status, &output.stdout, String::from_utf8_lossy(&output.stderr));
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let interrupted =
        "\nerror: interrupted while uploading s3://acme-artifacts/dev/orders-api/1.0.0.zip: push it again to";
    assert!(ended.err.contains(interrupted), "{ended:?}");
    let begun = aws.clients().s3(TOOLING, REGION).list_multipart_uploads().bucket(ARTIFACTS).send().await;
    assert!(begun.doing("listing what is begun")?.uploads().is_empty());
    assert!(aws.deliver().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn missing_foreign_or_unversioned_bucket_is_reported_with_the_remedy() -> Result<()> {
    let aws = LocalAws::start().await?;
    let (root, ci, folder) = (Ci::root(&aws), Ci::of(&aws).await?, folder("1.0.0")?);
    let place = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(REGION));
    let call = aws.clients().s3(TOOLING, REGION).create_bucket().bucket("acme-plain");
    let call = call.create_bucket_configuration(place.build());
    call.send().await.doing("making a bucket without versioning")?;
    let source = folder.path();
    let dev = ("dev", FUNCTION);
    for (pushing, words) in [
        (
            root.push(dev, source, "1", &["--bucket", "acme-nowhere"])?,
            vec!["NoSuchBucket", "--bucket names the bucket acme-nowhere; "],
        ),
        (
            root.push(dev, source, "1", &["--bucket", "acme-plain"])?,
            vec!["got no version id: turn versioning on for bucket acme-plain, then push again"],
        ),
        (
            ci.push(("dev", "payments"), source, "1", &BUCKETS)?,
            vec!["AccessDenied", "it takes s3:PutObject on acme-artifacts/dev/payments/*"],
        ),
        (
            ci.push(("prod", FUNCTION), source, "1", &BUCKETS)?,
            vec!["AccessDenied", "it takes s3:PutObject on acme-artifacts/prod/orders-api/*"],
        ),
        (
            root.push(dev, source, "1", &["--bucket", ARTIFACTS, "--ledger", "acme-nowhere", "--wait"])?,
            vec!["--ledger names the bucket acme-nowhere; ", "nothing is uploaded"],
        ),
    ] {
        let ended = run(pushing).await?;
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{ended:?}");
        for words in words {
            assert!(ended.err.contains(words), "{words}: {ended:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn wait_without_permission_names_the_missing_permission() -> Result<()> {
    let aws = LocalAws::start().await?;
    let ci = Ci::with_statements(&aws, |sid| sid != "SeeThatAResultIsMissing").await?;
    let folder = folder("1.0.0")?;
    let ended = run(push(&ci, folder.path(), "1.0.0", &["--wait"])?).await?;
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{ended:?}");
    for words in [
        "uploaded, but its result s3://acme-deployer-ledger/results/dev/orders-api/1.0.0/",
        "AccessDenied",
        "it takes s3:GetObject on acme-deployer-ledger/results/dev/orders-api/*, and s3:ListBucket on acme-deployer-ledger \
         for that prefix",
    ] {
        assert!(ended.err.contains(words), "{words}: {ended:?}");
    }
    Ok(())
}

#[tokio::test]
async fn closed_output_changes_no_exit_code_and_never_panics() -> Result<()> {
    let aws = LocalAws::start().await?;
    let (ci, good, bad) = (Ci::of(&aws).await?, folder("1.0.0")?, TempDir::new().doing("making a folder")?);
    for (mut command, code) in [
        (ci.command(&["completions", "bash"])?, 0),
        (ci.command(&["completions", "zsh", "--output", "json"])?, 0),
        (ci.command(&["version"])?, 0),
        (ci.command(&["--help"])?, 0),
        (ci.command(&["nonsense"])?, 2),
        (push(&ci, good.path(), "1.0.0", &[])?, 0),
        (push(&ci, good.path(), "1.0.1", &["--wait", "--timeout", "1s"])?, 4),
        (push(&ci, bad.path(), "1.0.0", &[])?, 3),
        (push(&ci, bad.path(), "1.0.0", &["--output", "json"])?, 3),
    ] {
        for which in ["stdout", "stderr"] {
            let (reader, writer) = std::io::pipe().doing("making a pipe")?;
            drop(reader);
            let stdio = || writer.try_clone().map(Stdio::from).doing("making a pipe");
            let spawned = match which {
                "stdout" => command.stdout(stdio()?).stderr(Stdio::piped()).spawn(),
                _ => command.stdout(Stdio::piped()).stderr(stdio()?).spawn(),
            };
            let output =
                spawned.doing("starting deployctl")?.wait_with_output().await.doing("waiting for deployctl")?;
            let ended = CiOutput::new(output.status, &output.stdout, String::from_utf8_lossy(&output.stderr));
            assert_eq!(ended.code, Some(code), "{command:?} with {which} closed: {ended:?}");
            assert!(!ended.err.contains("panicked"), "{ended:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn validate_tells_good_bad_and_uncheckable_packages() -> Result<()> {
    let aws = LocalAws::start().await?;
    let (ci, good, bad) = (Ci::root(&aws), folder("1.0.0")?, folder("1.0.0")?);
    write(&bad, "function.toml", "memory_size = 1")?;
    write(&bad, "notes.txt", "no function")?;
    let notes = bad.path().join("notes.txt");
    let none = bad.path().join("none.zip");
    for (path, code, words) in [
        (good.path(), 0, "folder, valid ("),
        (bad.path(), 3, "folder, NOT valid\n  function.toml: memory_size"),
        (&notes, 2, "unknown, NOT valid\n  neither a folder, a zip"),
        (&none, 2, "none.zip: NOT valid\n  there is no such file or folder"),
    ] {
        let ended = run(ci.command(&["validate", &path.to_string_lossy()])?).await?;
        assert!(ended.code == Some(code) && ended.out.contains(words), "{ended:?}");
    }
    Ok(())
}
