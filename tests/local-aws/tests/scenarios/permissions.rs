//! Least privilege, both ways. In every test the local AWS checks every session against the policies that Terraform
//! renders, so that the deployer has each permission that it uses. Here it uses every feature, and each permission that
//! it does not use then must have a stated reason.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::types::LayerVersionContentInput;
use fixtures::Zip;
use local_aws::policies::Policies;
use local_aws::{
    ARTIFACTS, Answer, CONFIG_KEY, DEPLOYER_FUNCTION, DEPLOYER_ROLE, Doing as _, Error, FIRST, Fault, Interrupted,
    LEDGER, LocalAws, Moment, REGION, Result, SECOND, Setup, TOOLING,
};
use serde_json::{Value, json};

use super::rollout_ports::look_and_test;
use super::statuses;

/// Granted permissions that no call here uses, with the reason of the grant.
const UNUSED: [(&str, &str, &str); 7] = [
    ("deployer", "events:PutEvents", "this scenario has no bus to send events to"),
    ("deployer", "kms:Decrypt", "S3 asks for it where the bucket has a customer key; the local AWS encrypts nothing"),
    ("deployer", "kms:GenerateDataKey", "S3 and SQS ask for it where ledger and queues have keys of the owner's"),
    ("deployer", "logs:CreateLogStream", "Lambda writes the function's log under its role"),
    ("deployer", "logs:PutLogEvents", "Lambda writes the function's log under its role"),
    (
        "deployer-target",
        "kms:GenerateDataKey",
        "Lambda asks for it for source_kms_key_arn, which the local AWS does not know",
    ),
    (
        "deployer-target",
        "lambda:PassCapacityProvider",
        "Lambda asks for it for a capacity provider; the local AWS has none",
    ),
];

const EVERYTHING: &str = r#"
runtime = "provided.al2023"
handler = "bootstrap"
role = "lambda-execution"
layers = ["arn:aws:lambda:eu-west-1:111111111111:layer:shared:1"]
kms_key_arn = "arn:aws:kms:eu-west-1:111111111111:key/1c8e2f0a-0000-4000-8000-000000000002"
reserved_concurrent_executions = 5

[environment.variables]
LOG_LEVEL = "info"

[tags]
team = "orders"

[vpc_config]
subnet_ids = ["subnet-00000001"]
security_group_ids = ["sg-00000001"]

[[file_system_config]]
arn = "arn:aws:elasticfilesystem:eu-west-1:111111111111:access-point/fsap-00000000000000001"
local_mount_path = "/mnt/data"
"#;

const OTHERWISE: &str = r#"
role = "lambda/hello"
memory_size = 256
reserved_concurrent_executions = -1

[tags]
owner = "orders"
"#;

#[tokio::test]
async fn every_granted_permission_is_used_or_has_a_reason() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.configure(|config| config["environments"]["dev"]["keep_versions"] = json!(2)).await?;
    let layer = LayerVersionContentInput::builder()
        .zip_file(Zip::code("layer").build().doing("zipping a layer")?.into())
        .build();
    let publish = aws.clients().lambda(FIRST, REGION).publish_layer_version().layer_name("shared").content(layer);
    publish.send().await.doing("publishing a layer")?;

    // A creation with all settings, another configuration, then enough releases that old versions are deleted.
    for (release, manifest) in [("1", EVERYTHING), ("2", OTHERWISE), ("3", OTHERWISE), ("4", OTHERWISE)] {
        let result =
            aws.deploy(&format!("dev/orders/{release}.zip"), Zip::function(release).manifest(manifest)).await?;
        assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    }
    // After a lost answer to an update of code its version is published separately.
    aws.control().fault(&Fault::lost_answer("UpdateFunctionCode")).await?;
    let result = aws.deploy("dev/orders/5.zip", Zip::function("5")).await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    // A deleted artifact is distinguished from a denied one.
    let version_id = aws.upload("dev/orders/6.zip", Zip::function("6")).await?;
    let s3 = aws.clients().s3(TOOLING, REGION);
    aws.remove_policy(ARTIFACTS).await?;
    let gone = s3.delete_object().bucket(ARTIFACTS).key("dev/orders/6.zip").version_id(&version_id).send().await;
    gone.doing("deleting a version")?;
    aws.restore_policy(ARTIFACTS).await?;
    aws.deliver().await?;
    // A rollout looks, and tests a version.
    look_and_test(&aws).await?;
    // A failed message is delayed, a killed deployment leaves a tick, and a sweep runs.
    aws.control().fault(&Fault::new("GetObject", 503, "SlowDown", "later").under("heads/").times(4)).await?;
    aws.deploy("dev/orders/7.zip", Zip::function("7")).await?;
    aws.upload("dev/orders/8.zip", Zip::function("8")).await?;
    assert_eq!(aws.deliver_and_kill_at(Moment::After(12)).await?, Interrupted::Killed);
    aws.deliver().await?;
    let swept = aws.invoke(&json!({"command": "sweep"})).await?;
    assert!(matches!(swept, Answer::Payload(_)), "{swept:?}");
    // The doctor reads the bucket's versioning and counts dead letters.
    let examined = aws.invoke(&json!({"command": "doctor"})).await?;
    assert!(matches!(examined, Answer::Payload(_)), "{examined:?}");

    // Without a valid configuration the deployer reads the queue's URL.
    aws.configure(|config| config["environments"]["dev"]["targets"] = json!([])).await?;
    aws.upload("dev/orders/9.zip", Zip::function("9")).await?;
    aws.mapping().deliver_once(aws.deployer()).await?;

    let used = used(&aws).await?;
    let mut unused: BTreeSet<(&str, String)> = BTreeSet::new();
    for (role, actions) in granted()? {
        unused.extend(
            actions.into_iter().filter(|action| !used.contains(&(role, action.clone()))).map(|action| (role, action)),
        );
    }
    let reasons: BTreeSet<(&str, String)> =
        UNUSED.iter().map(|(role, action, _)| (*role, (*action).to_owned())).collect();
    assert_eq!(unused, reasons, "granted and not used, or listed and used; used are {used:#?}");
    Ok(())
}

#[tokio::test]
async fn missing_permission_fails_the_step_that_needs_it() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.deploy("dev/orders/1.zip", Zip::function("1")).await?;
    let deny = json!({"Version": "2012-10-17", "Statement":
        [{"Effect": "Deny", "Action": "lambda:UpdateAlias", "Resource": "*"}]});
    aws.roles(FIRST).put_policy("deployer-target", "no", &deny).await?;
    aws.roles(SECOND).delete_policy("deployer-target", "deployer-target").await?;
    // Both uploads are retried for some seconds, at the same time.
    let keys = ["dev/orders/2.zip", "prod/bills/1.zip"];
    let versions = [aws.upload(keys[0], Zip::function("2")).await?, aws.upload(keys[1], Zip::function("1")).await?];
    aws.deliver().await?;
    for ((key, version_id), step) in keys.iter().zip(&versions).zip(["move alias", "observe"]) {
        let result = aws.result(key, version_id).await?;
        let error = &result["targets"][0]["error"];
        assert_eq!((&error["code"], &error["step"]), (&json!("AccessDenied"), &json!(step)), "{result:#}");
    }
    let live = aws.live(FIRST, REGION, "orders").await?;
    assert_eq!(live.map(|live| live.version), Some("1".to_owned()));
    Ok(())
}

#[tokio::test]
async fn rejected_releases_are_written_conditionally_and_never_deleted() -> Result<()> {
    let aws = LocalAws::start().await?;
    let keys = aws.control().function_session(DEPLOYER_ROLE, "rejecting", DEPLOYER_FUNCTION).await?;
    let s3 = aws.clients().session_s3(&keys, REGION);
    let put = |body: &'static str| {
        s3.put_object().bucket(LEDGER).key("rejects/orders.json").body(body.as_bytes().to_vec().into())
    };
    let first = put("[1]").if_none_match("*").send().await.doing("writing what nobody wrote yet")?;
    let etag = first.e_tag.unwrap_or_default();
    put("[1,2]").if_match(etag).send().await.doing("writing over what was read")?;
    assert_eq!(denied(put("[]").send().await), "AccessDenied", "blindly");
    let erased = s3.delete_object().bucket(LEDGER).key("rejects/orders.json").send().await;
    assert_eq!(denied(erased), "AccessDenied", "erased");
    assert_eq!(aws.ledger_object("rejects/orders.json").await?, Some(json!([1, 2])));
    Ok(())
}

#[tokio::test]
async fn commands_and_rejections_work_with_the_granted_permissions() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.deploy("dev/orders/1.zip", Zip::function("1")).await?;
    aws.upload("dev/orders/2.zip", Zip::function("2")).await?;
    aws.take_messages().await?;
    let deploy =
        |release: &str| json!({"command": "deploy", "environment": "dev", "function": "orders", "release": release});
    let status = async |payload: Value| match aws.invoke(&payload).await? {
        Answer::Payload(record) => Ok(record["status"].as_str().unwrap_or("none").to_owned()),
        other => Err(Error::Unexpected(format!("{payload}: {other:?}"))),
    };
    assert_eq!(status(deploy("2")).await?, "succeeded");
    let reject = json!({"command": "reject", "function": "orders", "release": "1", "reason": "it loses orders"});
    let answer = aws.invoke(&reject).await?;
    assert!(matches!(answer, Answer::Payload(_)), "{answer:?}");
    assert!(aws.ledger_object("rejects/orders.json").await?.is_some());
    assert_eq!(status(deploy("1")).await?, "refused");
    // A release that does not exist is distinguished from a denied one.
    assert_eq!(status(deploy("3")).await?, "refused");
    Ok(())
}

#[tokio::test]
async fn ci_may_upload_in_parts_abort_and_read_its_results_only() -> Result<()> {
    let aws = LocalAws::start().await?;
    let s3 = session(&aws, "ci-orders", "github/permissions").await?;
    let key = "dev/orders-api/1.zip";
    let parts = |key: &'static str| s3.create_multipart_upload().bucket(ARTIFACTS).key(key).send();
    let begun = parts(key).await.doing("beginning an upload in parts")?;
    let id = begun.upload_id.unwrap_or_default();
    let part = s3.upload_part().bucket(ARTIFACTS).key(key).upload_id(&id).part_number(1).body(vec![0; 1024].into());
    part.send().await.doing("uploading a part")?;
    s3.abort_multipart_upload().bucket(ARTIFACTS).key(key).upload_id(&id).send().await.doing("giving an upload up")?;
    let open = aws.clients().s3(TOOLING, REGION).list_multipart_uploads().bucket(ARTIFACTS).send().await;
    assert_eq!(open.doing("listing uploads in parts")?.uploads.map_or(0, |uploads| uploads.len()), 0);
    assert_eq!(denied(parts("dev/billing/1.zip").await), "AccessDenied");

    aws.deploy(key, Zip::function("1")).await?;
    let results = s3.list_objects_v2().bucket(LEDGER).prefix("results/dev/orders-api/1/").send().await;
    assert_eq!(results.doing("listing its results")?.key_count, Some(1));
    for object in ["heads/dev/orders-api.json", "rejects/orders-api.json", CONFIG_KEY] {
        let read = s3.get_object().bucket(LEDGER).key(object).send().await;
        assert_eq!(denied(read), "AccessDenied", "{object}");
    }
    Ok(())
}

#[tokio::test]
async fn look_policy_reads_ledger_and_configuration_without_the_deployer() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.deploy("dev/orders/1.zip", Zip::function("1")).await?;
    for policy in ["tooling/look", "tooling/operate"] {
        let name = policy.replace('/', "-");
        let s3 = session(&aws, &name, policy).await?;
        for prefix in ["heads/", "deployments/dev/orders/", "results/dev/orders/", "rejects/"] {
            let listed = s3.list_objects_v2().bucket(LEDGER).prefix(prefix).send().await;
            for object in listed.doing(format!("listing {prefix}"))?.contents.unwrap_or_default() {
                let key = object.key.unwrap_or_default();
                let read = s3.get_object().bucket(LEDGER).key(&key).send().await;
                read.doing(format!("reading {key}"))?;
            }
        }
        s3.get_object().bucket(LEDGER).key(CONFIG_KEY).send().await.doing("reading deployer.json")?;
        let all = s3.list_objects_v2().bucket(LEDGER).send().await;
        assert_eq!(denied(all), "AccessDenied", "{policy}");
        let blind = s3.put_object().bucket(LEDGER).key("rejects/orders.json").if_none_match("*").send().await;
        assert_eq!(denied(blind), "AccessDenied", "{policy}");
        let upload = s3.get_object().bucket(ARTIFACTS).key("dev/orders/1.zip").send().await;
        assert_eq!(denied(upload), "AccessDenied", "{policy}");
    }
    Ok(())
}

#[tokio::test]
async fn upload_named_like_the_deployer_never_replaces_it() -> Result<()> {
    let tools = json!({"targets": [{"account": TOOLING, "region": REGION}], "external_id": "tools-3b7a"});
    let aws = LocalAws::with(Setup::default().environment("tools", tools)).await?;
    let result = aws.deploy("tools/hello/1.zip", Zip::function("1")).await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded"], "its own account is a target like others: {result:#}");
    let result = aws.deploy("tools/deployer/1.zip", Zip::function("1")).await?;
    let error = &result["targets"][0]["error"];
    assert_eq!((&error["code"], &error["step"]), (&json!("AccessDenied"), &json!("observe")), "{result:#}");
    assert_eq!(aws.live(TOOLING, REGION, "deployer").await?, None);
    Ok(())
}

/// Returns S3 for a role of the tooling account with this policy of the contract's example.
async fn session(aws: &LocalAws, role: &str, policy: &str) -> Result<aws_sdk_s3::Client> {
    let policies = Policies::from_contract()?;
    let trust = policies.get("tooling/deployer_trust");
    aws.roles(TOOLING).create_with(("/", role), &trust, &policies.get(policy)).await?;
    let keys = aws.control().session(&format!("arn:aws:iam::{TOOLING}:role/{role}"), role).await?;
    Ok(aws.clients().session_s3(&keys, REGION))
}

/// Returns the code of an error.
fn denied<T, E: ProvideErrorMetadata, R>(answer: std::result::Result<T, SdkError<E, R>>) -> String {
    let code =
        answer.err().and_then(|error| error.as_service_error().and_then(|error| error.code().map(str::to_owned)));
    code.unwrap_or_else(|| "no error".to_owned())
}

/// Returns role and action of all uses.
async fn used(aws: &LocalAws) -> Result<BTreeSet<(&'static str, String)>> {
    let uses = aws.control().uses().await?;
    let role = |arn: &str| if arn == DEPLOYER_ROLE { "deployer" } else { "deployer-target" };
    Ok(uses.into_iter().map(|one| (role(&one.role_arn), one.action)).collect())
}

/// Returns the actions that the deployer's role and a deploy role with all optional rights are allowed.
fn granted() -> Result<BTreeMap<&'static str, BTreeSet<String>>> {
    let policies = Policies::from_contract()?;
    let allowed = |name: &str| -> BTreeSet<String> {
        let policy = policies.get(name);
        let statements = policy["Statement"].as_array().into_iter().flatten();
        let actions = statements.filter(|one| one["Effect"] == "Allow").flat_map(|one| match &one["Action"] {
            Value::Array(several) => several.clone(),
            one => vec![one.clone()],
        });
        actions.filter_map(|action| action.as_str().map(str::to_owned)).collect()
    };
    Ok(BTreeMap::from([("deployer", allowed("tooling/deployer")), ("deployer-target", allowed("prod/permissions"))]))
}
