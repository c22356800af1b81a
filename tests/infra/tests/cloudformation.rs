//! `infra/cloudformation/target.yaml` makes the same policies as the module target, for all parameters that it has.
//!
//! Two policies are the same if their statements are, by Sid, with lists compared as sets.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::OnceLock;

use local_aws::terraform::Terraform;
use local_aws::{Doing as _, Error, Result, python};
use serde_json::{Map, Value, json};

use super::infra;
use super::policies::{Policies, checked_in, rendered};

const TEMPLATE: &str = "target.yaml";
const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001";
const KEY_IN_CHINA: &str = "arn:aws-cn:kms:cn-north-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001";
const FORMER_KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000020";
const OTHER_KEY_IN_CHINA: &str = "arn:aws-cn:kms:cn-north-1:111111111111:key/1c8e2f0a-0000-4000-8000-000000000002";

#[test]
fn template_passes_cfn_lint() -> Result<()> {
    lint(TEMPLATE)
}

#[test]
fn template_makes_the_policies_from_contracts_targets() -> Result<()> {
    let expected = without_values_of_tags(checked_in()?);
    same("dev", &expected["dev"], &made(&dev())?);
    same("prod", &expected["prod"], &made(&prod())?);
    same("tools", &expected["tools"], &made(&tools())?);
    Ok(())
}

#[test]
fn values_may_be_in_any_of_the_three_parameters() -> Result<()> {
    let expected = without_values_of_tags(checked_in()?);
    for moves in [
        &[("Region2", "Region3")][..],
        &[("Function2", "Function3")],
        &[("Region2", "Region3"), ("Function2", "Function3")],
        &[("Function1", "Function3"), ("Function2", "Function1")],
        &[("Function1", "Function3"), ("Function2", "Function1"), ("Region2", "Region3")],
        &[("ExecutionRole1", "ExecutionRole2")],
        &[("ExecutionRole1", "ExecutionRole3")],
        &[("PromotedFrom1", "PromotedFrom2")],
        &[("PromotedFrom1", "PromotedFrom3")],
        &[("ArtifactDecryptionKeyArn1", "ArtifactDecryptionKeyArn2")],
        &[("ArtifactKeyArn", "ArtifactDecryptionKeyArn2")],
    ] {
        let mut input = prod();
        for (from, to) in moves {
            input["parameters"][*to] = input["parameters"][*from].take();
            input["parameters"][*from] = json!("");
        }
        same("prod", &expected["prod"], &made(&input)?);
    }
    Ok(())
}

#[test]
fn template_makes_the_policies_of_minimal_and_maximal_parameters() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let expected = rendered(&terraform, "cloudformation/twins")?;
    let mut instances = BTreeSet::new();
    for (instance, parameters) in [
        ("least", with(json!({ "ExecutionRole1": "", "Function1": "hello" }))),
        (
            "organization_only",
            with(json!({
                "Environment2": "test",
                "PromotedFrom1": "try",
                "OrganizationId": "o-exampleorg1",
                "Region2": "us-east-1",
                "Function1": "orders-*",
                "Vpc": "true",
                "SubnetIds": "subnet-00000001",
                "ArtifactDecryptionKeyArn1": FORMER_KEY,
            })),
        ),
        ("most", most()),
    ] {
        same(instance, &expected[instance], &made(&parameters)?);
        instances.insert(instance);
    }
    assert!(expected.keys().eq(instances), "each of infra/cloudformation/twins is compared: {:?}", expected.keys());

    // The same values in another order.
    let mut most = most();
    for _ in 0..3 {
        for name in ["Environment", "ExecutionRole", "Function", "PromotedFrom", "Region"] {
            let [one, two, three] = [1, 2, 3].map(|number| most["parameters"][format!("{name}{number}")].take());
            for (number, value) in [two, three, one].into_iter().enumerate() {
                most["parameters"][format!("{name}{}", number + 1)] = value;
            }
            same("most", &expected["most"], &made(&most)?);
        }
    }
    Ok(())
}

#[test]
fn template_refuses_what_the_module_refuses() {
    for (parameter, value, because) in [
        ("DeployerRoleArn", "arn:aws:iam::123456789012:root", "must be the exact ARN of the deployer's role"),
        ("DeployerRoleArn", "arn:aws:iam::123456789012:role/*", "must be the exact ARN of the deployer's role"),
        ("DeployerFunctionArn", "", "must be the exact ARN of the deployer's function"),
        ("DeployerFunctionArn", "*", "must be the exact ARN of the deployer's function"),
        ("DeployerQueueArn", "", "must be the exact ARN of the deployer's queue"),
        ("DeployerQueueArn", "*", "must be the exact ARN of the deployer's queue"),
        ("DeployerWakeQueueArn", "*", "must be the exact ARN of the queue by which the deployer wakes itself"),
        ("DeployerDeadLettersArn", "*", "must be the exact ARN of the queue of the deployer's dead letters"),
        ("DeployerEventBusArn", "deployer", "must be the exact ARN of the deployer's event bus"),
        (
            "DeployerSchedulesArn",
            "arn:aws:scheduler:eu-west-1:123456789012:schedule/deployer/*",
            "must be the exact ARN of the group of the deployer's schedules",
        ),
        ("DeployerLogGroupArn", "/aws/lambda/deployer", "must be the exact ARN of the deployer's log group"),
        ("LedgerBucket", "*", "must be a bucket name"),
        ("ArtifactBucket", "*", "must be a bucket name"),
        ("ArtifactKeyArn", "arn:aws:kms:eu-west-1:123456789012:key/*", "must be the ARN of a key"),
        ("ArtifactDecryptionKeyArn1", "arn:aws:kms:eu-west-1:123456789012:key/*", "must be the ARN of a key"),
        ("ArtifactDecryptionKeyArn2", "arn:aws:kms:eu-west-1:123456789012:alias/a", "must be the ARN of a key"),
        ("ArtifactRegion", "*", "must be a region's code"),
        ("RoleName", "deployer-*", "must be a role's name"),
        ("RolePath", "platform", "must be a path that begins and ends with a slash"),
        ("ExternalIds", "dev-*", "must have 2 to 1224 of letters"),
        ("ExternalIds", "dev-8c1f,x", "must have 2 to 1224 of letters"),
        ("OrganizationId", "o-*", "must be an organization's id"),
        ("Environment1", "", "must be an environment's name"),
        ("Environment2", "*", "must be an environment's name"),
        ("PromotedFrom1", "*", "must be an environment's name"),
        ("PromotedFrom2", "dev/x", "must be an environment's name"),
        ("PromotedFrom3", "Dev", "must be an environment's name"),
        ("Region1", "", "must be a region's code"),
        ("Region3", "eu-*", "must be a region's code"),
        ("Function1", "", "must be a name of functions"),
        ("Function2", "hello:live", "must be a name of functions"),
        ("ExecutionRole1", "*", "never just *"),
        ("ExecutionRole3", "*", "never just *"),
        ("Layers", "*", "must be ARNs of layer versions"),
        ("Layers", "arn:aws:lambda:eu-west-1:222222222222:layer:shared:1,*", "must be ARNs of layer versions"),
        ("CapacityProviders", "*", "must be ARNs of capacity providers"),
        ("FunctionKeys", "arn:aws:kms:eu-west-1:123456789012:alias/a", "must be ARNs of keys"),
        ("Vpc", "yes", "is none of ['false', 'true']"),
        ("SubnetIds", "subnet-*", "must be ids of subnets"),
        ("SecurityGroupIds", "default", "must be ids of security groups"),
        ("Concurrency", "10", "is none of ['false', 'true']"),
        ("Rollouts", "yes", "is none of ['false', 'true']"),
        ("SmokeTests", "1", "is none of ['false', 'true']"),
        ("TagKeys", "team,*", "must be 1 to 128 of letters"),
        ("CodeSigningConfigArn", "csc-0f6c334abcdea4d8b", "must be the ARN of a code signing configuration"),
        ("PermissionsBoundary", "boundary", "must be the ARN of a managed policy"),
        ("ExecutionBoundaryServices", "logs,*", "must be prefixes of services' actions"),
        ("ExecutionBoundaryServices", "iam", "and not account, iam or organizations"),
        ("Regions", "eu-west-1", "takes no parameters ['Regions']"),
    ] {
        let refused = made(&with(json!({ parameter: value }))).unwrap_err().to_string();
        assert!(refused.contains(because), "{parameter}={value}: {because} is missing in {refused}");
    }
}

#[test]
fn role_and_boundary_have_the_modules_names() -> Result<()> {
    let rendered = render(&most())?;
    assert_eq!(
        rendered["role"],
        json!({
            "RoleName": "releases-target",
            "Path": "/platform/",
            "Description": "Entered by the deployer: publishes functions of prod, prod-eu, prod-us",
            "MaxSessionDuration": 3600,
        })
    );
    assert_eq!(rendered["boundary"]["ManagedPolicyName"], "releases-target-execution-boundary");
    assert_eq!(render(&with(json!({})))?["boundary"], Value::Null);
    let boundary = "arn:aws:iam::111111111111:policy/landing-zone";
    let bounded = render(&with(json!({ "PermissionsBoundary": boundary })))?;
    assert_eq!(bounded["role"]["PermissionsBoundary"], boundary);
    Ok(())
}

#[test]
fn template_has_the_names_that_modules_and_deployer_share() -> Result<()> {
    let names = fs::read_to_string(infra().join("modules/names.json")).doing("reading names.json")?;
    let names: Value = serde_json::from_str(&names).doing("reading names.json")?;
    let rendered = render(&with(json!({})))?;
    let parameters = &rendered["parameters"];
    assert_eq!(parameters["RoleName"]["Default"], names["deploy_role"]);
    assert_eq!(rendered["role"]["RoleName"], names["deploy_role"]);
    let bounded = render(&with(json!({ "TagKeys": "team" })))?;
    let condition = &bounded["policies"]["permissions"]["Statement"][0]["Condition"];
    assert_eq!(condition["ForAllValues:StringEquals"]["aws:TagKeys"], json!(["team", names["probe"]]));

    let prefix = names["session_prefix"].as_str().unwrap_or_default();
    for statement in rendered["policies"]["trust"]["Statement"].as_array().into_iter().flatten() {
        assert_eq!(statement["Condition"]["StringLike"], json!({ "sts:SourceIdentity": format!("{prefix}*") }));
    }
    for (parameter, pattern) in [
        ("ArtifactBucket", "bucket"),
        ("ArtifactRegion", "region"),
        ("Environment1", "environment"),
        ("Environment2", "environment"),
        ("Environment3", "environment"),
        ("LedgerBucket", "bucket"),
        ("PromotedFrom1", "environment"),
        ("PromotedFrom2", "environment"),
        ("PromotedFrom3", "environment"),
        ("Region1", "region"),
        ("Region2", "region"),
        ("Region3", "region"),
        ("RoleName", "role"),
    ] {
        let allowed = parameters[parameter]["AllowedPattern"].as_str().unwrap_or_default();
        let allowed = allowed.strip_prefix("^$|").unwrap_or(allowed);
        assert_eq!(names["patterns"][pattern], allowed, "{parameter}");
    }
    Ok(())
}

/// Removes the condition on the values of tags, which the template cannot make: it would need keys from a parameter.
fn without_values_of_tags(mut all: Policies) -> Policies {
    for permissions in all.values_mut().filter_map(|policies| policies.get_mut("permissions")) {
        for statement in permissions["Statement"].as_array_mut().into_iter().flatten() {
            let condition = statement.get_mut("Condition").and_then(Value::as_object_mut);
            condition.map(|condition| condition.remove("StringEqualsIfExists"));
        }
    }
    all
}

/// Returns the required parameters with these added.
fn with(more: Value) -> Value {
    let mut input = json!({
        "account": "111111111111",
        "parameters": {
            "DeployerRoleArn": "arn:aws:iam::123456789012:role/deployer",
            "DeployerFunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:deployer",
            "DeployerQueueArn": "arn:aws:sqs:eu-west-1:123456789012:deployer",
            "DeployerWakeQueueArn": "arn:aws:sqs:eu-west-1:123456789012:deployer-wakes",
            "LedgerBucket": "acme-deployer-ledger",
            "ArtifactBucket": "acme-artifacts",
            "ArtifactRegion": "eu-west-1",
            "Environment1": "dev",
            "Region1": "eu-west-1",
            "Function1": "*",
            "ExecutionRole1": "lambda/*",
        },
    });
    let Value::Object(more) = more else { return input };
    input["parameters"].as_object_mut().into_iter().for_each(|parameters| parameters.extend(more.clone()));
    input
}

/// Returns what the module tooling tells of the deployer for the boundary only.
fn bounded(more: Value) -> Value {
    let mut input = with(more);
    for (name, arn) in [
        ("DeployerDeadLettersArn", "arn:aws:sqs:eu-west-1:123456789012:deployer-dead-letters"),
        ("DeployerEventBusArn", "arn:aws:events:eu-west-1:123456789012:event-bus/deployer"),
        ("DeployerSchedulesArn", "arn:aws:scheduler:eu-west-1:123456789012:schedule-group/deployer"),
        ("DeployerLogGroupArn", "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/deployer"),
    ] {
        input["parameters"][name] = json!(arn);
    }
    input
}

/// Returns the parameters of the contract's dev, which uses the defaults.
fn dev() -> Value {
    with(json!({
        "ArtifactKeyArn": KEY,
        "ArtifactDecryptionKeyArn1": FORMER_KEY,
        "ExternalIds": "dev-8c1f",
        "ExecutionRole1": "lambda-*",
        "ExecutionRole2": "lambda/*",
    }))
}

/// Returns the parameters of the contract's tools, in the deployer's own account.
fn tools() -> Value {
    let mut input = bounded(json!({
        "ArtifactKeyArn": KEY,
        "ArtifactDecryptionKeyArn1": FORMER_KEY,
        "Environment1": "tools",
        "ExternalIds": "tools-3b7a",
        "ExecutionRole2": "deployer",
        "Vpc": "true",
        "CodeSigningConfigArn": "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-0f6c334abcdea4d8b",
        "ExecutionBoundaryServices": "events,kms,lambda,logs,s3,scheduler,sqs,sts",
    }));
    input["account"] = json!("123456789012");
    input
}

/// Returns the parameters of the contract's prod, which sets nearly everything.
fn prod() -> Value {
    let mut input = bounded(json!({
        "ArtifactKeyArn": KEY,
        "ArtifactDecryptionKeyArn1": FORMER_KEY,
        "Environment1": "prod",
        "PromotedFrom1": "dev",
        "ExternalIds": "prod-51aa",
        "OrganizationId": "o-exampleorg1",
        "Region2": "us-east-1",
        "Function1": "orders-*",
        "Function2": "hello",
        "ExecutionRole1": "lambda/*",
        "Layers": "arn:aws:lambda:eu-west-1:222222222222:layer:shared:*",
        "FunctionKeys": "arn:aws:kms:eu-west-1:222222222222:key/1c8e2f0a-0000-4000-8000-000000000002",
        "CapacityProviders": "arn:aws:lambda:eu-west-1:222222222222:capacity-provider:shared",
        "Vpc": "true",
        "SubnetIds": "subnet-00000001,subnet-00000002",
        "SecurityGroupIds": "sg-00000001",
        "Concurrency": "true",
        "Rollouts": "true",
        "SmokeTests": "true",
        "TagKeys": "stage,team",
        "ExecutionBoundaryServices": "dynamodb,events,kms,lambda,logs,s3,scheduler,sqs,sts",
    }));
    input["account"] = json!("222222222222");
    input
}

/// Returns the parameters of `infra/cloudformation/twins`, with three values of each list.
fn most() -> Value {
    let layer = "arn:aws-cn:lambda:cn-north-1:111111111111:layer";
    let mut input = with(json!({
        "DeployerRoleArn": "arn:aws-cn:iam::123456789012:role/ci/releases",
        "DeployerFunctionArn": "arn:aws-cn:lambda:cn-north-1:123456789012:function:releases",
        "DeployerQueueArn": "arn:aws-cn:sqs:cn-north-1:123456789012:releases",
        "DeployerWakeQueueArn": "arn:aws-cn:sqs:cn-north-1:123456789012:releases-wakes",
        "DeployerDeadLettersArn": "arn:aws-cn:sqs:cn-north-1:123456789012:releases-dead-letters",
        "DeployerEventBusArn": "arn:aws-cn:events:cn-north-1:123456789012:event-bus/releases",
        "DeployerSchedulesArn": "arn:aws-cn:scheduler:cn-north-1:123456789012:schedule-group/releases",
        "DeployerLogGroupArn": "arn:aws-cn:logs:cn-north-1:123456789012:log-group:/aws/lambda/releases",
        "LedgerBucket": "acme-releases-ledger",
        "ArtifactKeyArn": KEY_IN_CHINA,
        "ArtifactDecryptionKeyArn1": KEY_IN_CHINA.replace("0001", "0020"),
        "ArtifactDecryptionKeyArn2": KEY_IN_CHINA.replace("0001", "0021"),
        "ArtifactRegion": "cn-north-1",
        "RoleName": "releases-target",
        "RolePath": "/platform/",
        "Environment1": "prod",
        "Environment2": "prod-eu",
        "Environment3": "prod-us",
        "PromotedFrom1": "dev",
        "PromotedFrom2": "stage",
        "PromotedFrom3": "stage-eu",
        "ExternalIds": "prod-51aa,prod-eu-9d30,prod/us:77b0",
        "Region1": "cn-north-1",
        "Region2": "cn-northwest-1",
        "Region3": "eu-west-1",
        "Function1": "a*b",
        "Function2": "orders-*",
        "Function3": "hello",
        "ExecutionRole1": "lambda/*",
        "ExecutionRole2": "lambda-*",
        "ExecutionRole3": "service/billing/api",
        "Layers": format!("{layer}:shared:*,{layer}:other:7"),
        "FunctionKeys": format!("{KEY_IN_CHINA},{OTHER_KEY_IN_CHINA}"),
        "CapacityProviders": "arn:aws-cn:lambda:cn-north-1:111111111111:capacity-provider:shared",
        "Vpc": "true",
        "SubnetIds": "subnet-00000001,subnet-00000002",
        "SecurityGroupIds": "sg-00000001",
        "Concurrency": "true",
        "TagKeys": "stage,team",
        "CodeSigningConfigArn": "arn:aws-cn:lambda:cn-north-1:111111111111:code-signing-config:csc-0f6c334abcdea4d8b",
        "ExecutionBoundaryServices": "logs",
    }));
    for name in ["Rollouts", "SmokeTests"] {
        input["parameters"][name] = json!("true");
    }
    input["partition"] = json!("aws-cn");
    input
}

/// Returns the policies that the template makes of parameters.
fn made(input: &Value) -> Result<BTreeMap<String, Value>> {
    policies_of(&render(input)?)
}

fn render(input: &Value) -> Result<Value> {
    render_template(TEMPLATE, input)
}

/// Returns the policies of a rendered template.
pub(super) fn policies_of(rendered: &Value) -> Result<BTreeMap<String, Value>> {
    serde_json::from_value(rendered["policies"].clone()).doing("reading the template's policies")
}

/// Returns the policies, resources and parameters of a template with these inputs.
pub(super) fn render_template(template: &str, input: &Value) -> Result<Value> {
    let renderer = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cloudformation/render.py");
    let said = run(&[&renderer.to_string_lossy()], path(template), &input.to_string())?;
    serde_json::from_str(&said).doing("reading what the template makes")
}

/// Checks a template by cfn-lint, which checks all templates in one run, because most of its time is reading its schemas.
pub(super) fn lint(template: &str) -> Result<()> {
    static ONCE: OnceLock<Result<()>> = OnceLock::new();
    let program = "import sys; from cfnlint.runner import main; sys.exit(main())";
    let all = [TEMPLATE, super::cloudformation_uploader::TEMPLATE];
    assert!(all.contains(&template), "{template} is checked nowhere");
    let all = all.map(path).map(|path| path.to_string_lossy().into_owned());
    let arguments = ["-c", program, "--non-zero-exit-code", "informational", "--template", &all[0]];
    ONCE.get_or_init(|| run(&arguments, PathBuf::from(&all[1]), "").map(drop)).clone()
}

fn path(template: &str) -> PathBuf {
    infra().join("cloudformation").join(template)
}

/// Runs Python and returns its stdout.
fn run(arguments: &[&str], last: PathBuf, input: &str) -> Result<String> {
    let mut command = python()?;
    command.args(arguments).arg(last).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().doing("starting Python")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).doing("telling Python the parameters")?;
    }
    let output = child.wait_with_output().doing("waiting for Python")?;
    let [said, errors] = [&output.stdout, &output.stderr].map(|words| String::from_utf8_lossy(words).into_owned());
    if output.status.success() { Ok(said) } else { Err(Error::Unexpected(said + &errors)) }
}

/// Checks that both have the same policies with the same statements.
pub(super) fn same(instance: &str, module: &BTreeMap<String, Value>, template: &BTreeMap<String, Value>) {
    assert_eq!(module.keys().collect::<Vec<_>>(), template.keys().collect::<Vec<_>>(), "{instance}");
    for (name, policy) in module {
        let (expected, found) = (statements(policy), statements(&template[name]));
        for sid in expected.keys().chain(found.keys()) {
            let [expected, found] = [&expected, &found].map(|all| all.get(sid).unwrap_or(&Value::Null));
            assert!(
                expected == found,
                "{instance}, {name}, {sid}: the module makes\n{expected:#}\nand the template\n{found:#}"
            );
        }
        assert_eq!(policy["Version"], template[name]["Version"], "{instance}, {name}");
    }
}

fn statements(policy: &Value) -> BTreeMap<&str, Value> {
    let all = policy["Statement"].as_array().map(Vec::as_slice).unwrap_or_default();
    let by_sid: BTreeMap<_, _> = all.iter().map(|one| (one["Sid"].as_str().unwrap_or_default(), sets(one))).collect();
    assert_eq!(by_sid.len(), all.len(), "each statement has a Sid of its own: {policy:#}");
    by_sid
}

/// Replaces lists by sorted sets, and a single value by a list of one.
fn sets(value: &Value) -> Value {
    let elements = match value {
        Value::Object(fields) => {
            return Value::Object(
                fields.iter().map(|(name, field)| (name.clone(), sets(field))).collect::<Map<_, _>>(),
            );
        }
        Value::Array(elements) => elements.clone(),
        one => vec![one.clone()],
    };
    let sorted: BTreeMap<String, Value> = elements.into_iter().map(|one| (one.to_string(), one)).collect();
    Value::Array(sorted.into_values().collect())
}
