//! Bad input gets a clear sentence and never a retry; nothing is written in any target, and the next good upload works.
#![allow(clippy::unwrap_used)]

use deployer_core::artifact::Upload;
use deployer_core::id::AccountId;
use deployer_core::record::{Code, DeploymentRecord, Status, TargetError, TargetErrorCode};
use deployer_engine::port::CallErrorKind;
use fixtures::Zip;
use fixtures::packages::archive::{Entry, archive};
use serde_json::{Value, json};
use world::payloads::{notification, queued};
use world::zips::{bootstrap, code, large, with_manifest};
use world::{DEV, Op, World, ignored, recorded};

/// Checks after bad input that nothing was written to a target, that the same event again changes nothing, and that a
/// good upload works.
async fn check_next_good_upload(world: &World) {
    assert_eq!(world.writes(), [""; 0]);
    world.same_again_changes_nothing().await;
    let record = world.record("dev/orders/9.9.9.zip", code("9.9.9")).await;
    assert_eq!(record.status, Status::Succeeded, "{:?}", record.because);
    world.same_again_changes_nothing().await;
}

/// Returns the code of a refusal and its sentence.
async fn refused(zip: Vec<u8>) -> (Code, String) {
    let world = World::with_orders();
    let record = world.record("dev/orders/1.1.0.zip", zip).await;
    assert_eq!(record.status, Status::Refused, "{:?}", record.because);
    assert_eq!(record.targets[0].status, Status::Refused);
    assert_eq!(record.targets[0].error, None);
    check_next_good_upload(&world).await;
    (record.code.unwrap(), record.because.unwrap().into())
}

fn error(record: &DeploymentRecord) -> TargetError {
    assert_eq!((record.status, record.code), (Status::Failed, Some(Code::TargetFailed)));
    record.targets[0].error.clone().unwrap()
}

#[tokio::test(start_paused = true)]
async fn key_of_another_form_is_ignored_with_the_broken_rule() {
    for (key, because) in [
        ("README.md", r#""README.md" is not an artifact: its key is not <environment>/<function>/<release>.zip"#),
        (
            "dev/orders/a/b.zip",
            r#""dev/orders/a/b.zip" is not an artifact: its key is not <environment>/<function>/<release>.zip"#,
        ),
        (
            "Dev/orders/1.zip",
            r#""Dev/orders/1.zip" is not an artifact: its key is not <environment>/<function>/<release>.zip: "Dev" is not an environment: a lower-case letter, then at most 31 of a-z, 0-9 and -"#,
        ),
        (
            "dev/or ders/1.zip",
            r#""dev/or ders/1.zip" is not an artifact: its key is not <environment>/<function>/<release>.zip: "or ders" is not a function name: 1 to 64 of letters, digits, - and _"#,
        ),
        (
            "dev/orders/.zip",
            r#""dev/orders/.zip" is not an artifact: its key is not <environment>/<function>/<release>.zip: "" is not a release: a letter or digit, then at most 127 of letters, digits and . _ + -"#,
        ),
    ] {
        let world = World::with_orders();
        assert_eq!(ignored(world.upload(key, code("1.1.0")).await), because);
        assert!(world.calls().is_empty(), "{:?}", world.calls());
        check_next_good_upload(&world).await;
    }
}

#[tokio::test(start_paused = true)]
async fn event_without_an_artifact_is_ignored_with_the_reason() {
    let world = World::with_orders();
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    let elsewhere = Upload { bucket: "other-bucket".into(), ..upload.clone() };
    let unversioned = Upload { version_id: None, ..upload.clone() };
    let mut deletion = notification(&upload);
    deletion["Records"][0]["eventName"] = json!("ObjectRemoved:Delete");
    for (payload, because) in [
        (notification(&elsewhere), "the event is about bucket other-bucket, not the artifact bucket acme-artifacts"),
        (
            notification(&unversioned),
            "\"dev/orders/1.1.0.zip\" came without a version id: turn versioning on for bucket acme-artifacts, then \
             upload it again",
        ),
        (deletion, "ObjectRemoved:Delete of \"dev/orders/1.1.0.zip\" is no upload"),
        (
            json!({"Event": "s3:TestEvent", "Bucket": "acme-artifacts"}),
            "S3 has tested whether it may send notifications",
        ),
    ] {
        let told: Vec<String> = world.receive(&payload).await.into_iter().map(ignored).collect();
        assert_eq!(told, [because]);
    }
    assert!(world.calls().is_empty(), "{:?}", world.calls());
    world.deliver(&upload).await.unwrap();
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn malformed_message_is_reported_and_acked() {
    let world = World::with_orders();
    let no_time = json!({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}]});
    let undecodable: Value = {
        let upload = world.put("dev/orders/%FF.zip", code("1.1.0"));
        notification(&upload)
    };
    for (payload, because) in [
        (queued("{not json"), "malformed: the message's body is not JSON: key must be a string at line 1 column 2"),
        (no_time, "malformed: an S3 record that cannot be read: missing field `eventTime`"),
        (undecodable, "malformed: the key \"dev/orders/%FF.zip\" is not UTF-8"),
        (queued("{\"hello\": 1}"), "the message is no event that this deployer knows"),
    ] {
        let told: Vec<String> = world.receive(&payload).await.into_iter().map(ignored).collect();
        assert_eq!(told, [because]);
    }
    assert!(world.calls().is_empty(), "{:?}", world.calls());
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(record.status, Status::Succeeded);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn unknown_environment_is_ignored_without_a_ledger_write() {
    let world = World::with_orders();
    assert_eq!(
        ignored(world.upload("prdo/orders/1.1.0.zip", code("1.1.0")).await),
        "\"prdo/orders/1.1.0.zip\" is for environment prdo, which deployer.json does not have (it has dev)"
    );
    assert!(world.calls().is_empty());
    check_next_good_upload(&world).await;
}

#[tokio::test(start_paused = true)]
async fn environment_without_uploads_refuses_them_and_says_what_to_do() {
    let target = |account: &str| json!([{"account": account, "region": "eu-west-1"}]);
    let world = World::with(&json!({
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-ledger",
        "environments": {
            "dev": {"targets": target(DEV)},
            "prod": {"targets": target("222222222222"), "promotion": {"from": "dev"}},
            "old": {"targets": target("333333333333"), "accept_uploads": false}},
    }));
    world.add_function(DEV, "orders", &code("1.0.0"), |f| f.publish().point("live", 1));
    for (key, because) in [
        (
            "prod/orders/1.1.0.zip",
            "environment prod takes no uploads: upload to dev, and promote the release from there",
        ),
        ("old/orders/1.1.0.zip", "environment old takes no uploads (accept_uploads is false in deployer.json)"),
    ] {
        let record = world.record(key, code("1.1.0")).await;
        assert_eq!((record.status, record.code), (Status::Refused, Some(Code::UploadsNotAccepted)));
        assert_eq!(record.because.as_deref(), Some(because));
    }
    check_next_good_upload(&world).await;
}

#[tokio::test(start_paused = true)]
async fn missing_function_without_a_manifest_is_not_created() {
    let world = World::with_orders();
    let record = world.record("dev/odrers/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(
        error(&record),
        TargetError::new(
            TargetErrorCode::InvalidConfiguration,
            "plan",
            "function odrers does not exist in 111111111111/eu-west-1, and to create it the manifest must name role, \
             runtime, handler: add it to function.toml, or correct the function's name in the key"
        )
    );
    check_next_good_upload(&world).await;
}

#[tokio::test(start_paused = true)]
async fn manifest_without_a_role_creates_nothing() {
    let world = World::with_orders();
    let manifest = "runtime = \"provided.al2023\"\nhandler = \"bootstrap\"\n";
    let record = world.record("dev/bills/1.1.0.zip", with_manifest("1.1.0", manifest)).await;
    assert!(error(&record).message.contains("to create it the manifest must name role: add it to function.toml"));
    check_next_good_upload(&world).await;
}

#[tokio::test(start_paused = true)]
async fn broken_zip_is_refused() {
    let good = code("1.1.0");
    let cases: [(Vec<u8>, &str); 6] = [
        (vec![], "the object is empty (0 bytes): upload the zip again"),
        (
            b"hello, world".to_vec(),
            "the object is not a zip, or a zip that was cut off: it has no end of central directory; zip it again",
        ),
        (
            [&[0x1f, 0x8b, 8, 0][..], &[0; 100]].concat(),
            "the object is not a zip but looks like a gzip file: upload a zip",
        ),
        (archive(&[]), "the zip is empty: it has no file"),
        (
            good[..good.len() / 2].to_vec(),
            "the zip is cut off: its end, the central directory, is missing; upload it again",
        ),
        (
            [good.clone(), b"appended".to_vec()].concat(),
            "the zip does not end where the object ends: bytes were appended to it or are missing; zip it again",
        ),
    ];
    for (zip, because) in cases {
        assert_eq!(refused(zip).await, (Code::InvalidArtifact, because.to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn entry_that_breaks_a_rule_is_named() {
    let file = |name: &str| Entry::stored(name, "x");
    let packed =
        |size: usize, unpacks_to: u32| Entry { method: 8, unpacked: unpacks_to, ..Entry::stored("big", vec![0; size]) };
    let cases: [(Entry, &str); 10] = [
        (Entry { flags: 1, ..file("secret") }, "the zip has encrypted entries: `secret`; zip without a password"),
        (
            file("/etc/passwd"),
            "the zip has absolute names: `/etc/passwd`; zip from within the folder, with relative names",
        ),
        (file("C:/x"), "the zip has absolute names: `C:/x`; zip from within the folder, with relative names"),
        (file("a/../../x"), "the zip has names that lead out of it by `..`: `a/../../x`; zip from within the folder"),
        (file("a\\b"), "the zip has names with backslashes: `a\\\\b`; zip with a tool that writes / between folders"),
        (file("bootstrap"), "the zip has names more than once: `bootstrap`; keep one of each"),
        (
            Entry { mode: 0o120_777, ..Entry::stored("link", "/etc/passwd") },
            "the zip has symbolic links that lead out of it: `link` to `/etc/passwd`; a link may lead to something in the \
             zip, or below /opt/ into a layer: copy what it leads to in its place (zip -r without -y, cp -rL)",
        ),
        (
            packed(300_000, 262_144_001),
            "the zip unpacks to 262144019 bytes, more than Lambda's 262144000 (250 MB): put less into it, or use layers",
        ),
        (
            packed(10, 100_000),
            "the zip has entries that unpack to more than 1,033 times their size: `big` (10 bytes unpack to 100000); \
             leave them out",
        ),
        (
            Entry { method: 93, ..file("zstd") },
            "the zip has entries that are neither stored nor deflated: `zstd` (method 93); zip with deflate",
        ),
    ];
    for (entry, because) in cases {
        let zip = archive(&[bootstrap("1.1.0"), entry]);
        assert_eq!(refused(zip).await, (Code::InvalidArtifact, because.to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn bad_zip_is_refused_by_its_end_without_reading_the_rest() {
    let world = World::with_orders();
    let zip =
        archive(&[Entry::stored("ballast", vec![0; 5 << 20]), Entry { flags: 1, ..Entry::stored("secret", "x") }]);
    let upload = world.put("dev/orders/1.1.0.zip", zip);
    let run = world.invocation().upload(&upload).await;
    let read = world.aws(|aws| aws.artifacts.bytes_read(run.invocation, upload.version_id.as_ref().unwrap()));
    assert_eq!(read, 2 << 20);
    check_next_good_upload(&world).await;
}

#[tokio::test(start_paused = true)]
async fn mistake_in_the_manifest_is_named_with_its_path() {
    for (manifest, because) in [
        ("memory = 256\n", "function.toml: memory: unknown field; did you mean memory_size?"),
        ("timeout = \"10\"\n", "function.toml: timeout: expected a whole number, found the string \"10\""),
        (
            "[environments.dev.vpc_config]\nsubnet_ids = [\"subnet-1\", 7]\nsecurity_group_ids = []\n",
            "function.toml: environments.dev.vpc_config.subnet_ids[1]: expected a string, found the number 7; put it in quotes",
        ),
        (
            "timeout = \n",
            "function.toml: not TOML: string values must be quoted, expected literal string at line 1 column 11",
        ),
        (
            "role = \"arn:aws:iam::222222222222:role/theirs\"\n",
            "function.toml: role: the role arn:aws:iam::222222222222:role/theirs does not belong to the account \
             111111111111 of the target; name the role without its account",
        ),
    ] {
        let (code, found) = refused(with_manifest("1.1.0", manifest)).await;
        assert_eq!(code, Code::InvalidManifest);
        assert_eq!(found, because);
    }
    let both = Zip::function("1.1.0").file("function.json", "{}").build().unwrap();
    assert_eq!(
        refused(both).await,
        (Code::InvalidManifest, "the zip has both function.toml and function.json: keep one of them".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn execution_role_not_allowed_by_the_environment_is_refused_first() {
    let config = |execution_role: &str| {
        json!({
            "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-deployer-ledger",
            "queue_url": "https://sqs.eu-west-1.amazonaws.com/000000000000/deployer",
            "environments": {"dev": {"targets": [{"account": DEV, "region": "eu-west-1"}], "external_id": "dev-8c1f",
                "execution_role": execution_role}},
        })
    };
    for named in ["lambda/orders-admin", "admin", "arn:aws:iam::111111111111:role/admin"] {
        let mut world = World::with_orders();
        world.reconfigure(&config("lambda/{function}"));
        let record =
            world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", &format!("role = \"{named}\"\n"))).await;
        assert_eq!((record.status, record.code), (Status::Refused, Some(Code::InvalidManifest)));
        assert_eq!(
            record.because.unwrap(),
            format!(
                "function.toml: role: the role {named} is not one that orders may have in dev: deployer.json's execution_role \
                 takes lambda/orders"
            )
        );
        check_next_good_upload(&world).await;
    }
    let mut world = World::with_orders();
    world.reconfigure(&config("lambda-*"));
    let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", "role = \"lambda-execution\"\n")).await;
    assert_eq!(record.status, Status::Succeeded, "{:?}", record.because);
}

/// A variable's value is in no record, event or log line, whether AWS's text has quoted a value that is sent, one that
/// was read, or one in `$LATEST`'s reason.
#[tokio::test(start_paused = true)]
async fn variable_value_quoted_by_lambda_is_masked() {
    let manifest = "[environment.variables]\nTOKEN = \"new-hunter2\"\n";
    for (op, text) in [
        (
            Op::UpdateFunctionConfiguration,
            "The value new-hunter2 of TOKEN is not allowed, nor {\"OLD\":\"old-hunter2\"}",
        ),
        (Op::UpdateFunctionCode, "old-hunter2 and new-hunter2 were seen"),
        (Op::UpdateAlias, "new-hunter2"),
    ] {
        let world = World::with_orders();
        world.change_function(DEV, "orders", |f| f.variable("OLD", "old-hunter2"));
        world.on(op).fail_saying(CallErrorKind::Invalid, text);
        let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", manifest)).await;
        let message = error(&record).message;
        assert!(message.contains("***") && !message.contains("hunter2"), "{op:?}: {message}");
        assert!(!everything_written(&world).contains("hunter2"), "{op:?}: {}", everything_written(&world));
    }
    let world = World::with_orders();
    world.change_function(DEV, "orders", |f| f.variable("OLD", "old-hunter2"));
    world.on(Op::UpdateFunctionCode).always().end_failed("InvalidConfiguration: OLD is old-hunter2");
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    let message = error(&record).message;
    assert!(message.contains("OLD is ***"), "{message}");
    assert!(!everything_written(&world).contains("hunter2"), "{}", everything_written(&world));
}

/// Returns everything in the ledger, and everything that was sent.
fn everything_written(world: &World) -> String {
    world.aws(|aws| {
        let object = |key: &str| String::from_utf8_lossy(aws.ledger.get(key).unwrap_or_default()).into_owned();
        let objects = aws.ledger.keys("").map(object);
        objects.chain(aws.events.iter().map(|event| event.detail.to_string())).collect::<Vec<_>>().join("\n")
    })
}

#[tokio::test(start_paused = true)]
async fn secret_in_a_broken_manifest_is_nowhere_in_the_ledger() {
    let world = World::with_orders();
    let manifest = "[environment.variables]\nTOKEN = \"hunter2\"\nLIST = [\"hunter2\"]\n";
    let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", manifest)).await;
    assert_eq!(record.code, Some(Code::InvalidManifest));
    assert!(!world.snapshot().contains("hunter2"), "{}", world.snapshot());
    check_next_good_upload(&world).await;
}

#[tokio::test(start_paused = true)]
async fn provided_runtime_needs_its_bootstrap() {
    let manifest = "runtime = \"provided.al2023\"\n";
    let none = Zip::empty().file("main", "x").manifest(manifest).build().unwrap();
    let plain = Zip::code("1.1.0").manifest(manifest).not_executable("bootstrap").build().unwrap();
    let arm = Zip::code("1.1.0").manifest(manifest).elf(183).build().unwrap();
    for (zip, because) in [
        (none, "the zip has no file bootstrap at its root"),
        (plain, "bootstrap is not executable"),
        (arm, "bootstrap is an ELF file for aarch64, but the function's architecture is x86_64"),
    ] {
        let world = World::with_orders();
        let record = world.record("dev/orders/1.1.0.zip", zip).await;
        assert!(record.because.clone().unwrap().contains(because), "{:?}", record.because);
        assert_eq!((record.status, record.code), (Status::Refused, Some(Code::InvalidArtifact)));
        check_next_good_upload(&world).await;
    }
}

#[tokio::test(start_paused = true)]
async fn missing_bootstrap_of_a_provided_runtime_is_an_invalid_artifact() {
    let zip = Zip::empty().file("main", "x").manifest("runtime = \"provided.al2023\"\n").build().unwrap();
    assert_eq!(refused(zip).await.0, Code::InvalidArtifact);
}

#[tokio::test(start_paused = true)]
async fn deleted_object_or_version_is_refused_as_gone() {
    let world = World::with_orders();
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    world.aws(|aws| aws.artifacts.delete(&upload.key, upload.version_id.as_ref().unwrap()));
    let record = recorded(world.deliver(&upload).await.unwrap());
    assert_eq!((record.status, record.code), (Status::Refused, Some(Code::ArtifactGone)));
    assert_eq!(
        record.because.unwrap(),
        "s3://acme-artifacts/dev/orders/1.1.0.zip (S3 version id v1) does not exist any more (NoSuchVersion): upload it again"
    );
    check_next_good_upload(&world).await;
}

#[tokio::test(start_paused = true)]
async fn artifact_deleted_between_verifying_and_deploying_fails_the_target() {
    let world = World::with_orders();
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    world.on(world::Op::UpdateFunctionCode).meanwhile(|aws| {
        aws.artifacts.delete("dev/orders/1.1.0.zip", "v1");
    });
    let record = recorded(world.deliver(&upload).await.unwrap());
    assert_eq!(error(&record).code, TargetErrorCode::ArtifactUnreadable);
    assert!(error(&record).message.contains("NoSuchKey"));
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn account_that_denies_entry_is_named_with_role_and_session() {
    let world = World::with_orders();
    world.aws(|aws| aws.sts.role(DEV).external_id = None);
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(
        error(&record),
        TargetError::new(
            TargetErrorCode::AssumeRoleDenied,
            "enter",
            format!(
                "AssumeRole of arn:aws:iam::111111111111:role/deployer-target in account 111111111111 as session \
                 deployer-{} was denied (AccessDenied: User: \
                 arn:aws:sts::000000000000:assumed-role/deployer/deployer is not authorized to perform: \
                 sts:AssumeRole)",
                record.id
            )
        )
    );
    assert_eq!(world.writes(), [""; 0]);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn artifact_unreadable_to_the_deployer_fails_every_target() {
    let world = World::with_targets(&[DEV, "222222222222"]);
    for place in [DEV, "222222222222"] {
        world.add_function(place, "orders", &code("1.0.0"), |f| f.publish().point("live", 1));
    }
    world.aws(|aws| aws.artifacts.closed_to_the_deployer = true);
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    for target in &record.targets {
        let error = target.error.as_ref().unwrap();
        assert_eq!((error.code, error.step.as_str()), (TargetErrorCode::ArtifactUnreadable, "verify"));
        assert!(error.message.contains("s3://acme-artifacts/dev/orders/1.1.0.zip (S3 version id v1) may not be read"));
    }
    world.same_again_changes_nothing().await;
    world.aws(|aws| aws.artifacts.closed_to_the_deployer = false);
    check_next_good_upload(&world).await;
}

#[tokio::test(start_paused = true)]
async fn artifact_unreadable_to_lambda_fails_that_target() {
    let world = World::with_orders();
    world.aws(|aws| aws.artifacts.closed_to.insert(AccountId::parse(DEV).unwrap()));
    let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(
        (error(&record).code, error(&record).step.as_str()),
        (TargetErrorCode::ArtifactUnreadable, "update code")
    );
    assert!(error(&record).message.contains("AccessDenied"));
    assert_eq!(world.function(DEV, "orders", |f| (f.versions.len(), f.aliases["live"].version)), (1, 1));
    world.same_again_changes_nothing().await;
    world.aws(|aws| aws.artifacts.closed_to.clear());
    assert_eq!(world.record("dev/orders/1.1.1.zip", code("1.1.0")).await.status, Status::Succeeded);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn configuration_refused_by_lambda_is_reported_in_its_words() {
    let world = World::with_orders();
    world.on(world::Op::UpdateFunctionConfiguration).fail_saying(
        deployer_engine::port::CallErrorKind::Invalid,
        "InvalidParameterValueException: The subnet ID 'subnet-0' does not exist",
    );
    let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", "timeout = 20\n")).await;
    assert_eq!(error(&record).code, TargetErrorCode::InvalidConfiguration);
    assert!(error(&record).message.contains("The subnet ID 'subnet-0' does not exist"));
    world.heal();
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn missing_right_of_any_call_is_named() {
    for (action, manifest) in [
        ("lambda:GetFunction", ""),
        ("lambda:GetAlias", ""),
        ("lambda:UpdateFunctionCode", ""),
        ("lambda:UpdateAlias", ""),
        ("lambda:UpdateFunctionConfiguration", "timeout = 20\n"),
        ("lambda:TagResource", "[tags]\nteam = \"orders\"\n"),
        ("lambda:PutFunctionConcurrency", "reserved_concurrent_executions = 5\n"),
        ("iam:PassRole", "role = \"other\"\n"),
    ] {
        let world = World::with_orders();
        world.aws(|aws| aws.sts.role(DEV).may_not.insert(action.into()));
        let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", manifest)).await;
        assert_eq!(error(&record).code, TargetErrorCode::AccessDenied, "{action}");
        assert!(error(&record).message.contains(&format!("is not authorized to perform: {action} on")), "{action}");
        assert_eq!(world.function(DEV, "orders", |f| f.aliases["live"].version), 1, "{action}");
        world.same_again_changes_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn unreadable_head_stops_only_its_function() {
    let whole = {
        let world = World::with_orders();
        world.upload("dev/orders/1.1.0.zip", code("1.1.0")).await;
        world.aws(|aws| String::from_utf8(aws.ledger.get("heads/dev/orders.json").unwrap().to_vec()).unwrap())
    };
    let cut_off = whole[..whole.len() / 2].to_owned();
    let unknown_schema = r#"{"schema": 2, "whatever": []}"#.to_owned();
    for (broken, says, repair) in [
        ("no JSON".to_owned(), "cannot be read (expected", "restore its former S3 version"),
        (cut_off, "cannot be read (EOF while parsing", "restore its former S3 version"),
        ("[]".to_owned(), "cannot be read (invalid", "restore its former S3 version"),
        (unknown_schema, "has schema 2, this deployer knows 1", "run the deployer that wrote it, or a newer one"),
    ] {
        let world = World::with_orders();
        world.add_function(DEV, "payments", &code("1.0.0"), |f| f.publish().point("live", 1));
        world.aws(|aws| aws.ledger.put("heads/dev/orders.json", broken));
        let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
        let transient = world.deliver(&upload).await.unwrap_err().to_string();
        let expected = format!("the ledger is unavailable: heads/dev/orders.json in the ledger bucket {says}");
        assert!(transient.starts_with(&expected), "{transient}");
        assert!(transient.contains(repair), "{transient}");
        assert_eq!(world.writes(), [""; 0]);
        let other = world.put("dev/payments/1.1.0.zip", code("1.1.0"));
        assert_eq!(recorded(world.deliver(&other).await.unwrap()).status, Status::Succeeded);

        // Somebody repairs the head, and the message comes once more.
        world.aws(|aws| aws.ledger.delete("heads/dev/orders.json"));
        assert_eq!(recorded(world.deliver(&upload).await.unwrap()).status, Status::Succeeded);
        world.markers_are_cleared().await;
        world.same_again_changes_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn immutable_release_refuses_other_bytes() {
    let world = World::with(&json!({
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-ledger",
        "environments": {"dev": {"targets": [{"account": DEV, "region": "eu-west-1"}], "immutable_releases": true}},
    }));
    world.add_function(DEV, "orders", &code("1.0.0"), |f| f.publish().point("live", 1));
    let first = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    world.pass(std::time::Duration::from_secs(1)).await;
    let other = world.record("dev/orders/1.1.0.zip", code("1.1.0, once more")).await;
    assert_eq!((other.status, other.code), (Status::Refused, Some(Code::ImmutableRelease)));
    assert_eq!(
        other.because.unwrap(),
        format!(
            "release 1.1.0 of orders was deployed to dev with other bytes (sha256 {}, deployment {}), and releases are \
             immutable there: give the new code a new release",
            first.artifact.unwrap().sha256.unwrap().to_hex(),
            first.id
        )
    );
    world.pass(std::time::Duration::from_secs(1)).await;
    let same = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(same.status, Status::Unchanged, "{:?}", same.because);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn zip_larger_than_the_window_is_read_right() {
    let world = World::dev();
    let record = world.record("dev/orders/1.0.0.zip", large("1.0.0", 3 << 20, Some(fixtures::MANIFEST))).await;
    assert_eq!(record.status, Status::Succeeded, "{:?}", record.because);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn number_above_the_known_limit_is_deployed_with_a_warning() {
    let world = World::with_orders();
    let zip = Zip::function("1.1.0").with("timeout = 10", "timeout = 1800").with("lambda-execution", "orders");
    let record = world.record("dev/orders/1.1.0.zip", zip.build().unwrap()).await;
    assert_eq!(record.status, Status::Succeeded, "{:?}", record.because);
    let warning = "timeout is 1800, more than the 900 that this deployer knows of; Lambda decides";
    assert!(record.because.unwrap().contains(warning));
    world.same_again_changes_nothing().await;
}
