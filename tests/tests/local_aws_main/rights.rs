//! Least privilege, both ways. The local AWS holds every session of every test to the policies that Terraform renders, so what
//! the deployer does it may do. Here it does everything that it can, and what it may do beyond that has a reason.

use std::collections::{BTreeMap, BTreeSet};

use acceptance::fixtures::Zip;
use acceptance::local_aws::{
    ARTIFACTS, Answer, DEPLOYER_ROLE, Doing as _, FIRST, Fault, Interrupted, LocalAws, Moment, REGION, Result, Setup,
    TOOLING,
};
use acceptance::policies::Policies;
use aws_sdk_lambda::types::LayerVersionContentInput;
use serde_json::{Value, json};

use super::statuses;

/// What is granted, that no call here uses, and why it is granted.
const UNUSED: [(&str, &str, &str); 3] = [
    ("deployer", "kms:Decrypt", "S3 asks for it where the bucket has a customer key; the local AWS encrypts nothing"),
    ("deployer", "logs:CreateLogStream", "Lambda writes the function's log under its role"),
    ("deployer", "logs:PutLogEvents", "Lambda writes the function's log under its role"),
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
async fn the_deployer_uses_all_that_it_may_do_but_what_has_another_reason() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.configure(|config| config["environments"]["dev"]["keep_versions"] = json!(2)).await?;
    let layer = LayerVersionContentInput::builder()
        .zip_file(Zip::code("layer").build().doing("zipping a layer")?.into())
        .build();
    let publish = aws.clients().lambda(FIRST, REGION).publish_layer_version().layer_name("shared").content(layer);
    publish.send().await.doing("publishing a layer")?;

    // Creating with everything, configuring otherwise, then enough releases that old versions are deleted.
    for (release, manifest) in [("1", EVERYTHING), ("2", OTHERWISE), ("3", OTHERWISE), ("4", OTHERWISE)] {
        let result =
            aws.deploy(&format!("dev/orders/{release}.zip"), Zip::function(release).manifest(manifest)).await?;
        assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    }
    // What came of an update whose answer got lost is published apart.
    aws.control().fault(&Fault::lost_answer("UpdateFunctionCode")).await?;
    let result = aws.deploy("dev/orders/5.zip", Zip::function("5")).await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    // An artifact that is gone is told from one that is denied.
    let version_id = aws.upload("dev/orders/6.zip", Zip::function("6")).await?;
    let s3 = aws.clients().s3(TOOLING, REGION);
    aws.lift_policy(ARTIFACTS).await?;
    let gone = s3.delete_object().bucket(ARTIFACTS).key("dev/orders/6.zip").version_id(&version_id).send().await;
    gone.doing("deleting a version")?;
    aws.restore_policy(ARTIFACTS).await?;
    aws.deliver().await?;
    // A message that fails is put off, a killed deployment is waited for by a tick, and the sweep looks.
    aws.control().fault(&Fault::new("GetObject", 503, "SlowDown", "later").under("heads/").times(4)).await?;
    aws.deploy("dev/orders/7.zip", Zip::function("7")).await?;
    aws.upload("dev/orders/8.zip", Zip::function("8")).await?;
    assert_eq!(aws.deliver_and_kill_at(Moment::After(12)).await?, Interrupted::Killed);
    aws.deliver().await?;
    let swept = aws.invoke(&json!({"command": "sweep"})).await?;
    assert!(matches!(swept, Answer::Payload(_)), "{swept:?}");
    // The doctor looks at the bucket's versioning, and counts dead letters.
    let examined = aws.invoke(&json!({"command": "doctor"})).await?;
    assert!(matches!(examined, Answer::Payload(_)), "{examined:?}");

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
async fn a_right_that_is_missing_is_missed() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.deploy("dev/orders/1.zip", Zip::function("1")).await?;
    let iam = aws.clients().iam(FIRST);
    let deny = json!({"Version": "2012-10-17", "Statement":
        [{"Effect": "Deny", "Action": "lambda:UpdateAlias", "Resource": "*"}]});
    let put = iam.put_role_policy().role_name("deployer-target").policy_name("no").policy_document(deny.to_string());
    put.send().await.doing("denying the alias")?;
    let result = aws.deploy("dev/orders/2.zip", Zip::function("2")).await?;
    let error = &result["targets"][0]["error"];
    assert_eq!((&error["code"], &error["step"]), (&json!("AccessDenied"), &json!("move alias")), "{result:#}");
    let live = aws.live(FIRST, REGION, "orders").await?;
    assert_eq!(live.map(|live| live.version), Some("1".to_owned()));

    iam.delete_role_policy()
        .role_name("deployer-target")
        .policy_name("deployer-target")
        .send()
        .await
        .doing("taking all rights")?;
    let result = aws.deploy("dev/orders/3.zip", Zip::function("3")).await?;
    assert_eq!(result["targets"][0]["error"]["code"], "AccessDenied", "{result:#}");
    Ok(())
}

#[tokio::test]
async fn an_upload_that_is_called_like_the_deployer_never_becomes_it() -> Result<()> {
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

/// Role by name, and action.
async fn used(aws: &LocalAws) -> Result<BTreeSet<(&'static str, String)>> {
    let uses = aws.control().uses().await?;
    let role = |arn: &str| if arn == DEPLOYER_ROLE { "deployer" } else { "deployer-target" };
    Ok(uses.into_iter().map(|one| (role(&one.role_arn), one.action)).collect())
}

/// What the deployer's role and a deploy role with all that can be asked for are allowed.
fn granted() -> Result<BTreeMap<&'static str, BTreeSet<String>>> {
    let policies = Policies::of_the_contract()?;
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
