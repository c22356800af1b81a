//! `infra/cloudformation/uploader.yaml` makes the same policies as the module uploader, for all parameters that it has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use local_aws::terraform::Terraform;
use local_aws::{Doing as _, Result};
use serde_json::{Value, json};

use super::cloudformation::{lint, policies_of, render_template, same};
use super::infra;
use super::policies::{checked_in, rendered};

pub(super) const TEMPLATE: &str = "uploader.yaml";
const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001";
const LEDGER_KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000010";
const FORMER_KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000020";
const FORMER_LEDGER_KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000021";
const UUID: &str = "c0ffee00-0000-4000-8000-0000000000";

#[test]
fn template_of_the_uploader_passes_cfn_lint() -> Result<()> {
    lint(TEMPLATE)
}

#[test]
fn template_of_the_uploader_makes_the_policies_from_contracts_uploaders() -> Result<()> {
    let contract = checked_in()?;
    let billing = json!({ "Function1": "billing" });
    let any = json!({ "Function1": "*" });
    let hello = json!({ "Function1": "hello" });
    let ci = json!({ "Trust": "principals", "Principals": "arn:aws:iam::333333333333:role/ci" });
    let github = |subjects| tokens("https://token.actions.githubusercontent.com", "sts.amazonaws.com", subjects);
    let gitlab = "project_path:acme/billing:ref_type:branch:ref:main";
    for (instance, parameters) in [
        ("github", with(&[&github("repo:acme/orders:ref:refs/heads/main")])),
        ("gitlab", with(&[&billing, &tokens("https://gitlab.com", "https://gitlab.com", gitlab)])),
        ("build_agent", with(&[&any, &json!({ "Trust": "ec2" })])),
        ("named", with(&[&hello, &ci])),
    ] {
        same(instance, &contract[instance], &policies_of(&render_template(TEMPLATE, &parameters)?)?);
    }

    let bitbucket = "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc";
    let circleci = format!(
        "org/{UUID}aa/project/{UUID}bb/user/????????-????-????-????-????????????\
         /vcs-origin/github.com/acme/orders/vcs-ref/refs/heads/main"
    );
    let buildkite = "organization:acme:pipeline:orders:ref:refs/heads/main:commit:*:step:*";
    let several = "repo:acme@1/billing@2:environment:release,repo:acme/orders:ref:refs/heads/main";
    for (instance, trust) in [
        ("several", github(several)),
        (
            "bitbucket",
            tokens(
                bitbucket,
                &format!("ari:cloud:bitbucket::workspace/{UUID}aa"),
                &format!("{{{UUID}bb}}:{{{UUID}cc}}:*"),
            ),
        ),
        ("buildkite", tokens("https://agent.buildkite.com", "sts.amazonaws.com", buildkite)),
        ("circleci", tokens(&format!("https://oidc.circleci.com/org/{UUID}aa"), &format!("{UUID}aa"), &circleci)),
        ("oidc", tokens("https://ci.example.com/oidc/acme", "deployer", "release-bot,repo:acme/orders:ref:main:*")),
        ("eks_pods", pods("arn:aws:eks:eu-west-1:123456789012:cluster/ci", "builds", "orders")),
    ] {
        let mut policies = policies_of(&render_template(TEMPLATE, &with(&[&trust]))?)?;
        policies.remove("permissions");
        same(instance, &contract[instance], &policies);
    }
    Ok(())
}

#[test]
fn template_of_the_uploader_makes_the_policies_of_minimal_and_maximal_parameters() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let expected = rendered(&terraform, "cloudformation/uploader-twins")?;
    let mut instances = BTreeSet::new();
    let least = json!({
        "ArtifactKeyArn": "",
        "LedgerKeyArn": "",
        "LedgerDecryptionKeyArn1": "",
        "Function1": "hello",
        "Trust": "principals",
        "Principals": "arn:aws:iam::333333333333:role/ci",
    });
    let subjects = format!("repo:acme/orders:*,{{{UUID}bb}}:*,release-bot");
    let principals = "arn:aws-cn:iam::333333333333:role/ci,arn:aws-cn:iam::333333333333:user/legacy/jenkins";
    for (instance, parameters) in [
        ("least", with(&[&least])),
        ("formerly_encrypted", with(&[&least, &json!({ "LedgerDecryptionKeyArn2": FORMER_KEY })])),
        (
            "most",
            in_china(
                ["dev", "test", "test-eu"],
                ["a*b", "orders-*", "hello"],
                &tokens("https://ci.example.com/oidc/acme", "deployer", &subjects),
            ),
        ),
        (
            "most_principals",
            in_china(
                ["dev", "", "test-eu"],
                ["orders-*", "", "hello"],
                &json!({ "Trust": "principals", "Principals": principals }),
            ),
        ),
        (
            "most_pods",
            in_china(
                ["test", "", ""],
                ["hello", "", ""],
                &pods("arn:aws-cn:eks:cn-north-1:123456789012:cluster/ci", "builds", "orders.api"),
            ),
        ),
        ("most_agents", in_china(["test", "", ""], ["hello", "", ""], &json!({ "Trust": "ec2" }))),
    ] {
        same(instance, &expected[instance], &policies_of(&render_template(TEMPLATE, &parameters)?)?);
        instances.insert(instance);
    }
    assert!(expected.keys().eq(instances), "each of uploader-twins is compared: {:?}", expected.keys());

    // The same values in another order.
    let oidc = tokens("https://ci.example.com/oidc/acme", "deployer", &subjects);
    for (environments, functions) in [
        (["test", "test-eu", "dev"], ["hello", "a*b", "orders-*"]),
        (["test-eu", "dev", "test"], ["orders-*", "hello", "a*b"]),
    ] {
        let parameters = in_china(environments, functions, &oidc);
        same("most", &expected["most"], &policies_of(&render_template(TEMPLATE, &parameters)?)?);
    }
    Ok(())
}

#[test]
fn template_of_the_uploader_refuses_what_the_module_refuses() {
    let oidc = tokens("https://ci.example.com", "deployer", "repo:acme/orders:*");
    let pods = pods("arn:aws:eks:eu-west-1:123456789012:cluster/ci", "builds", "orders");
    let named = json!({ "Trust": "principals", "Principals": "arn:aws:iam::333333333333:role/ci" });
    let fields = "must be subjects (the claim sub of the tokens)";
    let principals = "must be exact ARNs of roles or users";
    for (trust, parameter, value, because) in [
        (&oidc, "RoleName", "ci/orders", "must be a role's name"),
        (&oidc, "RolePath", "/ci", "must begin and end with a slash"),
        (&oidc, "PermissionsBoundary", "boundary", "must be the ARN of a managed policy"),
        (&oidc, "ArtifactBucket", "*", "must be a bucket name"),
        (&oidc, "ArtifactKeyArn", "arn:aws:kms:eu-west-1:123456789012:key/*", "must be the ARN of a key"),
        (&oidc, "LedgerKeyArn", "arn:aws:kms:eu-west-1:123456789012:alias/ledger", "must be the ARN of a key"),
        (&oidc, "LedgerDecryptionKeyArn1", "arn:aws:kms:eu-west-1:123456789012:key/*", "must be the ARN of a key"),
        (&oidc, "LedgerDecryptionKeyArn2", "arn:aws:kms:eu-west-1:123456789012:alias/l", "must be the ARN of a key"),
        (&oidc, "ArtifactRegion", "*", "must be a region's code"),
        (&oidc, "LedgerBucket", "*", "must be a bucket name"),
        (&oidc, "Environment1", "", "must be an environment's name"),
        (&oidc, "Environment2", "*", "must be an environment's name"),
        (&oidc, "Function1", "*/*", "must be a name of functions"),
        (&oidc, "Function3", "orders/1.0.0", "must be a name of functions"),
        (&oidc, "Trust", "github", "Trust is none of"),
        (&oidc, "OidcIssuer", "ci.example.com", "must be the claim iss of the tokens"),
        (&oidc, "OidcIssuer", "http://ci.example.com", "must be the claim iss of the tokens"),
        (&oidc, "OidcIssuer", "https://*.example.com", "must be the claim iss of the tokens"),
        (&oidc, "OidcIssuer", "https://ci.example.com/", "must be the claim iss of the tokens"),
        (&oidc, "OidcIssuer", "", "OidcIssuer must be given where Trust is oidc"),
        (&oidc, "OidcAudience", "*", "must be the claim aud of the tokens"),
        (&oidc, "OidcAudience", "a\"b", "must be the claim aud of the tokens"),
        (&oidc, "OidcAudience", "", "OidcAudience must be given where Trust is oidc"),
        (&oidc, "OidcSubjects", "*", fields),
        (&oidc, "OidcSubjects", "repo:acme/orders:*,*", fields),
        (&oidc, "OidcSubjects", "?*", fields),
        (&oidc, "OidcSubjects", "*:acme/orders", fields),
        (&oidc, "OidcSubjects", "repo:*", fields),
        (&oidc, "OidcSubjects", "repo:${aws:username}", fields),
        (&oidc, "OidcSubjects", "repo:acme\"]}", fields),
        (&oidc, "OidcSubjects", "", "OidcSubjects must be given where Trust is oidc"),
        (&pods, "EksClusterArn", "arn:aws:eks:eu-west-1:123456789012:cluster/*", "must be the ARN of one cluster"),
        (&pods, "EksClusterArn", "", "EksClusterArn must be given where Trust is eks_pods"),
        (&pods, "EksNamespace", "*", "must be the name of a namespace"),
        (&pods, "EksNamespace", "", "EksNamespace must be given where Trust is eks_pods"),
        (&pods, "EksServiceAccount", "build-*", "must be the name of a service account"),
        (&pods, "EksServiceAccount", "", "EksServiceAccount must be given where Trust is eks_pods"),
        (&named, "Principals", "*", principals),
        (&named, "Principals", "arn:aws:iam::333333333333:root", principals),
        (&named, "Principals", "arn:aws:iam::333333333333:role/*", principals),
        (&named, "Principals", "", "Principals must be given where Trust is principals"),
        (&named, "Environments", "dev", "takes no parameters ['Environments']"),
    ] {
        let refused = render_template(TEMPLATE, &with(&[trust, &json!({ parameter: value })]));
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(because), "{parameter}={value}: {because} is missing in {refused}");
    }
}

#[test]
fn role_of_the_uploader_has_the_modules_properties() -> Result<()> {
    let more = json!({
        "RolePath": "/ci/",
        "PermissionsBoundary": "arn:aws:iam::123456789012:policy/boundary",
        "Environment3": "test",
        "Function2": "hello",
    });
    let rendered = render_template(TEMPLATE, &with(&[&json!({ "Trust": "ec2" }), &more]))?;
    assert_eq!(
        rendered["role"],
        json!({
            "RoleName": "ci",
            "Path": "/ci/",
            "Description": "CI: uploads orders-*, hello to dev, test",
            "MaxSessionDuration": 3600,
            "PermissionsBoundary": "arn:aws:iam::123456789012:policy/boundary",
        })
    );
    let profile = json!({ "InstanceProfileName": "ci", "Path": "/ci/", "Roles": [{ "Ref": "Uploader" }] });
    assert_eq!(rendered["profile"], profile);

    let named = json!({ "Trust": "principals", "Principals": "arn:aws:iam::333333333333:role/ci" });
    let rendered = render_template(TEMPLATE, &with(&[&named]))?;
    assert_eq!(rendered["profile"], Value::Null);
    let defaults = json!({
        "RoleName": "ci",
        "Path": "/",
        "Description": "CI: uploads orders-* to dev",
        "MaxSessionDuration": 3600,
    });
    assert_eq!(rendered["role"], defaults);
    Ok(())
}

#[test]
fn template_of_the_uploader_has_the_names_that_modules_and_deployer_share() -> Result<()> {
    let names = fs::read_to_string(infra().join("modules/names.json")).doing("reading names.json")?;
    let names: Value = serde_json::from_str(&names).doing("reading names.json")?;
    let rendered = render_template(TEMPLATE, &with(&[&json!({ "Trust": "ec2" })]))?;
    for (parameter, pattern) in [
        ("ArtifactBucket", "bucket"),
        ("ArtifactRegion", "region"),
        ("Environment1", "environment"),
        ("Environment2", "environment"),
        ("Environment3", "environment"),
        ("LedgerBucket", "bucket"),
        ("RoleName", "role"),
    ] {
        let allowed = rendered["parameters"][parameter]["AllowedPattern"].as_str().unwrap_or_default();
        let allowed = allowed.strip_prefix("^$|").unwrap_or(allowed);
        assert_eq!(names["patterns"][pattern], allowed, "{parameter}");
    }
    Ok(())
}

/// Returns the contract's parameters with these in their place.
fn with(more: &[&Value]) -> Value {
    let mut parameters: BTreeMap<&str, &str> = BTreeMap::from([
        ("RoleName", "ci"),
        ("ArtifactBucket", "acme-artifacts"),
        ("ArtifactKeyArn", KEY),
        ("LedgerKeyArn", LEDGER_KEY),
        ("LedgerDecryptionKeyArn1", FORMER_LEDGER_KEY),
        ("ArtifactRegion", "eu-west-1"),
        ("LedgerBucket", "acme-deployer-ledger"),
        ("Environment1", "dev"),
        ("Function1", "orders-*"),
    ]);
    for (name, value) in more.iter().filter_map(|more| more.as_object()).flatten() {
        parameters.insert(name, value.as_str().unwrap_or_default());
    }
    json!({ "account": "123456789012", "parameters": parameters })
}

/// Returns the parameters for tokens of OIDC.
fn tokens(issuer: &str, audience: &str, subjects: &str) -> Value {
    json!({ "Trust": "oidc", "OidcIssuer": issuer, "OidcAudience": audience, "OidcSubjects": subjects })
}

/// Returns the parameters for pods of EKS.
fn pods(cluster: &str, namespace: &str, account: &str) -> Value {
    json!({ "Trust": "eks_pods", "EksClusterArn": cluster, "EksNamespace": namespace, "EksServiceAccount": account })
}

/// Returns the parameters of the greater ones of `infra/cloudformation/uploader-twins`.
fn in_china(environments: [&str; 3], functions: [&str; 3], trust: &Value) -> Value {
    let mut more = json!({
        "RoleName": "ci-releases",
        "ArtifactKeyArn": "arn:aws-cn:kms:cn-north-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001",
        "ArtifactRegion": "cn-north-1",
        "LedgerBucket": "acme-releases-ledger",
        "LedgerKeyArn": "arn:aws-cn:kms:cn-north-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000002",
        "LedgerDecryptionKeyArn1": "arn:aws-cn:kms:cn-north-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000020",
        "LedgerDecryptionKeyArn2": "arn:aws-cn:kms:cn-north-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000021",
    });
    for (number, (environment, function)) in (1..).zip(environments.iter().zip(functions)) {
        more[format!("Environment{number}")] = json!(environment);
        more[format!("Function{number}")] = json!(function);
    }
    let mut input = with(&[&more, trust]);
    input["partition"] = json!("aws-cn");
    input
}
