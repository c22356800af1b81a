#![allow(clippy::unwrap_used)]
//! The permissions of sessions, and the length of their policies with the longest names.

use super::*;
use crate::id::{AccountId, BucketName, RoleArn};
use crate::manifest::{
    Architecture, CapacityProviderConfig, DurableConfig, FileSystemConfig, ManagedInstancesConfig, VpcConfig,
};
use crate::plan::{CodeSettings, Configuration, Delivery, NewFunction, PRUNED_AT_ONCE};

fn target() -> Target {
    Target { account: AccountId::parse("111111111111").unwrap(), region: Region::parse("eu-west-1").unwrap() }
}

fn artifact(bucket: &str, key: &str) -> ArtifactRef {
    ArtifactRef { bucket: BucketName::parse(bucket).unwrap(), key: key.into(), version_id: "v".into() }
}

fn plan(function: &FunctionName, steps: Vec<Step>) -> Plan {
    Plan {
        function: function.clone(),
        alias: crate::id::AliasName::parse("live").unwrap(),
        sha256: crate::id::Sha256::of(b"zip"),
        delivery: Delivery::ByReference,
        steps,
        changes: vec![],
        warnings: vec![],
        revision: None,
        code_was: None,
        traffic: None,
        previous: None,
        serving: None,
    }
}

fn statements(policy: &str) -> Vec<Value> {
    let policy: Value = serde_json::from_str(policy).unwrap();
    policy["Statement"].as_array().unwrap().clone()
}

fn longest() -> (FunctionName, ArtifactRef, Region, Target) {
    let function = FunctionName::parse("f".repeat(64)).unwrap();
    let key = format!("{}/{function}/{}.zip", "e".repeat(32), "r".repeat(128));
    let region = Region::parse("ap-southeast-4").unwrap();
    let target = Target { account: AccountId::parse("111111111111").unwrap(), region: region.clone() };
    (function, artifact(&"b".repeat(63), &key), region, target)
}

/// A manifest with every feature: five layers, a key, a VPC, a file system, tags, an execution role with a path.
fn everything(function: &FunctionName) -> Plan {
    let layer = |n: u32| format!("arn:aws:lambda:ap-southeast-4:111111111111:layer:{}:{n}", "l".repeat(140));
    let configuration = Configuration {
        layers: Some((1..=5).map(layer).collect()),
        kms_key_arn: Some("arn:aws:kms:ap-southeast-4:111111111111:key/11111111-2222-3333-4444-555555555555".into()),
        vpc_config: Some(VpcConfig {
            subnet_ids: vec!["subnet-1".into()],
            security_group_ids: vec!["sg-1".into()],
            ipv6_allowed_for_dual_stack: None,
        }),
        file_system_config: Some(vec![FileSystemConfig {
            arn: "a".into(),
            local_mount_path: "/mnt/x".into(),
            s3_files_config: None,
        }]),
        ..Configuration::default()
    };
    let role = format!("arn:aws:iam::111111111111:role/{}/{}", "p".repeat(64), "r".repeat(64));
    let new = NewFunction {
        role: RoleArn::parse(role).unwrap(),
        architecture: Architecture::X86_64,
        configuration,
        tags: [("team".to_owned(), "orders".to_owned())].into(),
        source_key: None,
        tenancy: None,
    };
    plan(function, vec![Step::Create(Box::new(new)), Step::ReserveConcurrency(5), Step::CreateAlias])
}

#[test]
fn first_session_may_read_publish_and_move_one_alias() {
    let (function, target) = (FunctionName::parse("orders-api").unwrap(), target());
    let artifact = artifact("acme-artifacts", "dev/orders-api/1.zip");
    let scope =
        Scope { target: &target, function: &function, artifact: &artifact, artifact_region: Some(&target.region) };
    let arn = "arn:aws:lambda:eu-west-1:111111111111:function:orders-api";
    assert_eq!(
        statements(&scope.base_policy()),
        vec![
            json!({"Effect": "Allow", "Action": ["lambda:GetAlias", "lambda:GetFunction",
                "lambda:GetProvisionedConcurrencyConfig", "lambda:ListAliases", "lambda:ListTags", "lambda:ListVersionsByFunction", "lambda:PublishVersion", "lambda:UpdateAlias",
                "lambda:UpdateFunctionCode"],
                "Resource": [arn, format!("{arn}:*")]}),
            json!({"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"],
                "Resource": "arn:aws:s3:::acme-artifacts/dev/orders-api/1.zip"}),
            json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
                "Condition": {"StringEquals":
                    {"kms:ViaService": ["s3.eu-west-1.amazonaws.com", "lambda.eu-west-1.amazonaws.com"]}}}),
        ]
    );
}

#[test]
fn artifact_in_no_bucket_allows_reading_no_object() {
    let (function, target) = (FunctionName::parse("orders-api").unwrap(), target());
    let artifact = artifact("acme-artifacts", "dev/orders-api/1.zip");
    let scope = Scope { target: &target, function: &function, artifact: &artifact, artifact_region: None };
    let policy = scope.base_policy();
    assert!(!policy.contains("s3"), "{policy}");
    assert_eq!(
        statements(&policy)[1],
        json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
            "Condition": {"StringEquals": {"kms:ViaService": ["lambda.eu-west-1.amazonaws.com"]}}})
    );
}

#[test]
fn update_of_code_needs_no_second_session() {
    let (function, target) = (FunctionName::parse("orders").unwrap(), target());
    let artifact = artifact("acme-artifacts", "dev/orders/1.zip");
    let scope =
        Scope { target: &target, function: &function, artifact: &artifact, artifact_region: Some(&target.region) };
    let moved = Step::MoveAlias { from: None, revision: crate::observed::RevisionId("r".into()) };
    let code = plan(&function, vec![Step::UpdateCode(CodeSettings::default()), moved.clone()]);
    assert_eq!(scope.plan_policy(&code), Ok(None));
    assert_eq!(scope.plan_policy(&plan(&function, vec![Step::Publish, moved])), Ok(None));
}

#[test]
fn second_session_may_pass_only_the_one_role_to_lambda() {
    let (function, target) = (FunctionName::parse("orders").unwrap(), target());
    let artifact = artifact("acme-artifacts", "dev/orders/1.zip");
    let scope =
        Scope { target: &target, function: &function, artifact: &artifact, artifact_region: Some(&target.region) };
    let role = RoleArn::parse("arn:aws:iam::111111111111:role/app/orders").unwrap();
    let update = Configuration { role: Some(role), ..Configuration::default() };
    let policy =
        scope.plan_policy(&plan(&function, vec![Step::UpdateConfiguration(Box::new(update))])).unwrap().unwrap();
    let passing: Vec<Value> =
        statements(&policy).into_iter().filter(|s| s["Action"].to_string().contains("iam:")).collect();
    assert_eq!(
        passing,
        vec![json!({"Effect": "Allow", "Action": "iam:PassRole",
            "Resource": "arn:aws:iam::111111111111:role/app/orders",
            "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}})]
    );
    assert!(!policy.contains("lambda:UpdateFunctionCode"), "the plan sends no code: {policy}");

    let unpassed = Configuration { memory_size: Some(256), ..Configuration::default() };
    let policy =
        scope.plan_policy(&plan(&function, vec![Step::UpdateConfiguration(Box::new(unpassed))])).unwrap().unwrap();
    assert!(!policy.contains("iam:PassRole"), "{policy}");
}

#[test]
fn both_policies_fit_into_2048_characters_with_the_longest_names() {
    let (function, artifact, region, target) = longest();
    let scope = Scope { target: &target, function: &function, artifact: &artifact, artifact_region: Some(&region) };
    let base = scope.base_policy();
    assert!(base.len() <= POLICY_LIMIT, "{}", base.len());
    let second = scope.plan_policy(&everything(&function)).unwrap().unwrap();
    assert!(second.len() <= POLICY_LIMIT, "{}: {second}", second.len());
    // Five exact layers do not fit, so the policy allows any layer.
    let layers = |policy: &str| {
        let all = statements(policy);
        all.into_iter().find(|s| s["Action"] == "lambda:GetLayerVersion").unwrap()["Resource"].clone()
    };
    assert_eq!(layers(&second), json!("*"));

    let short = FunctionName::parse("orders").unwrap();
    let scope = Scope { function: &short, ..scope };
    let mut few = everything(&short);
    if let Some(Step::Create(new)) = few.steps.first_mut() {
        new.configuration.layers = Some(vec!["arn:aws:lambda:eu-west-1:111111111111:layer:tools:3".into()]);
    }
    assert_eq!(
        layers(&scope.plan_policy(&few).unwrap().unwrap()),
        json!(["arn:aws:lambda:eu-west-1:111111111111:layer:tools:3"])
    );
}

#[test]
fn statements_for_keys_and_capacity_providers_are_exact_and_fit() {
    let (function, artifact, region, target) = longest();
    let scope = Scope { target: &target, function: &function, artifact: &artifact, artifact_region: Some(&region) };
    let key = "arn:aws:kms:ap-southeast-4:111111111111:key/66666666-2222-3333-4444-555555555555";
    // The variables have a key too.
    let durable_key = "arn:aws:kms:ap-southeast-4:111111111111:key/11111111-2222-3333-4444-555555555555";
    let provider = format!("arn:aws:lambda:ap-southeast-4:111111111111:capacity-provider:{}", "c".repeat(64));
    let mut plan_of_all = everything(&function);
    if let Some(Step::Create(new)) = plan_of_all.steps.first_mut() {
        new.source_key = Some(key.into());
        new.configuration.vpc_config = None;
        let managed = ManagedInstancesConfig {
            capacity_provider_arn: provider.clone(),
            execution_environment_memory_gib_per_vcpu: None,
            per_execution_environment_max_concurrency: None,
        };
        new.configuration.capacity_provider_config =
            Some(CapacityProviderConfig { lambda_managed_instances_capacity_provider_config: managed });
        new.configuration.durable_config =
            Some(DurableConfig { execution_timeout: 1, retention_period: None, kms_key_arn: Some(durable_key.into()) });
    }
    let allowed = |policy: &str, resource: &str| {
        let all = statements(policy);
        all.into_iter().find(|s| s["Resource"] == resource).map(|s| s["Action"].clone())
    };
    let policy = scope.plan_policy(&plan_of_all).unwrap().unwrap();
    assert!(policy.len() <= POLICY_LIMIT, "{}", policy.len());
    assert_eq!(allowed(&policy, &provider), Some(json!("lambda:PassCapacityProvider")));
    assert_eq!(allowed(&policy, key), Some(json!("kms:GenerateDataKey")));
    assert_eq!(allowed(&policy, durable_key), Some(json!(["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt"])));

    let settings = CodeSettings { architecture: None, source_key: Some(key.into()) };
    let policy = scope.plan_policy(&plan(&function, vec![Step::UpdateCode(settings)])).unwrap().unwrap();
    assert_eq!(allowed(&policy, key), Some(json!("kms:GenerateDataKey")));
}

#[test]
fn pruning_session_may_delete_only_the_named_versions() {
    let (function, artifact, region, target) = longest();
    let scope = Scope { target: &target, function: &function, artifact: &artifact, artifact_region: Some(&region) };
    let versions: Vec<Version> = (0..PRUNED_AT_ONCE).map(|n| Version::parse(format!("1234567{n}")).unwrap()).collect();
    let policy = scope.pruning_policy(&versions);
    assert!(policy.len() <= POLICY_LIMIT, "{}", policy.len());
    let arns: Vec<String> = versions.iter().map(|version| format!("{}:{version}", scope.function_arn())).collect();
    assert_eq!(
        statements(&policy),
        vec![json!({"Effect": "Allow", "Action": "lambda:DeleteFunction", "Resource": arns})]
    );
}

#[test]
fn every_step_is_allowed_by_a_session() {
    let (function, artifact, region, target) = longest();
    let scope = Scope { target: &target, function: &function, artifact: &artifact, artifact_region: Some(&region) };
    for (step, action) in [
        (Step::Tag([("a".into(), "b".into())].into()), "lambda:TagResource"),
        (Step::Untag(vec!["a".into()]), "lambda:UntagResource"),
        (Step::ReserveConcurrency(1), "lambda:PutFunctionConcurrency"),
        (Step::FreeConcurrency, "lambda:DeleteFunctionConcurrency"),
        (Step::CreateAlias, "lambda:CreateAlias"),
    ] {
        let policy = scope.plan_policy(&plan(&function, vec![step])).unwrap().unwrap();
        assert!(policy.contains(action), "{policy}");
    }
}

#[test]
fn session_names_are_valid_and_contain_the_deployment_id() {
    let id = DeploymentId::parse("01JBJ4GZ00ABCDEFGH0123456J").unwrap();
    let name = session_name(id);
    assert_eq!(name, "deployer-01JBJ4GZ00ABCDEFGH0123456J");
    assert!((2..=64).contains(&name.len()));
}

#[test]
fn policy_above_the_limit_is_an_error_with_advice() {
    let (function, artifact, region, target) = longest();
    let scope = Scope { target: &target, function: &function, artifact: &artifact, artifact_region: Some(&region) };
    let mut long = everything(&function);
    if let Some(Step::Create(new)) = long.steps.first_mut() {
        new.role = RoleArn::parse(format!("arn:aws:iam::111111111111:role/{}/r", "p".repeat(510))).unwrap();
    }
    let error = scope.plan_policy(&long).unwrap_err().to_string();
    assert!(error.contains("and STS takes 2048: shorten the execution role's path, or the names"), "{error}");
}
