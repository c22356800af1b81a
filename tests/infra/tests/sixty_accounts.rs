//! A root module with 60 target accounts: the deployer and each account's deploy role are planned together.
//!
//! All accounts share one mocked provider. With a provider for each, Terraform starts 61 processes of some 0.3 GB, and
//! what is planned is the same.

use std::fmt::Write as _;
use std::fs;

use local_aws::terraform::{Terraform, copy_of_infra};
use local_aws::{Doing as _, Result};

use super::modules::passed;

const ACCOUNTS: usize = 60;

#[test]
#[ignore = "long: cargo verify"]
fn root_with_sixty_target_accounts_is_planned() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let copy = copy_of_infra()?;
    let folder = copy.path().join("sixty");
    fs::create_dir_all(folder.join("tests")).doing("making a folder for a root")?;
    fs::write(folder.join("main.tf"), root()).doing("writing the root")?;
    fs::write(folder.join("tests/planned.tftest.hcl"), test()).doing("writing its test")?;
    terraform.run(&folder, &["init", "-backend=false"])?;
    assert_eq!(passed(&terraform, &folder)?, 1);
    Ok(())
}

fn accounts() -> impl Iterator<Item = String> {
    (1..=ACCOUNTS).map(|number| format!("{number:012}"))
}

/// Returns the root: two thirds of the accounts are dev's, one third prod's, to which dev's artifacts are promoted.
fn root() -> String {
    let dev: Vec<String> = accounts().take(40).collect();
    let prod: Vec<String> = accounts().skip(40).collect();
    let targets = |accounts: &[String]| -> String {
        accounts.iter().map(|account| format!("{{ account = \"{account}\", region = \"eu-west-1\" }}, ")).collect()
    };
    let mut text = format!(
        r#"terraform {{
  required_providers {{
    aws = {{ source = "hashicorp/aws" }}
  }}
}}

module "tooling" {{
  source          = "../modules/tooling"
  artifact_bucket = "acme-artifacts"
  ledger_bucket   = "acme-deployer-ledger"
  package         = {{ path = "main.tf" }}
  keys            = {{ artifacts = "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001" }}
  alarm_actions   = ["arn:aws:sns:eu-west-1:123456789012:on-call"]
  environments = {{
    dev  = {{ targets = [{}], external_id = "dev-8c1f" }}
    prod = {{ targets = [{}], external_id = "prod-51aa", promotion = {{ from = "dev" }} }}
  }}
}}
"#,
        targets(&dev),
        targets(&prod)
    );
    for account in accounts() {
        let _written = write!(
            text,
            r#"
module "target_{account}" {{
  source             = "../modules/target"
  deployer           = module.tooling.deployer
  deploy_role        = module.tooling.deploy_roles["{account}/deployer-target"]
  functions          = ["orders-*", "hello"]
  execution_roles    = ["lambda/orders/*"]
  execution_boundary = ["logs"]
}}
"#
        );
    }
    let trusts: String = accounts().map(|account| format!("module.target_{account}.policies.trust, ")).collect();
    let _written = write!(
        text,
        "\noutput \"deployer\" {{\n  value = module.tooling.policies.deployer\n}}\n\n\
         output \"trusts\" {{\n  value = [{trusts}]\n}}\n"
    );
    text
}

/// Returns the root's test: each target module finds itself in its account.
fn test() -> String {
    let mut text = String::from("mock_provider \"aws\" {\n  source = \"../mocks\"\n}\n");
    for account in accounts() {
        let _written = write!(
            text,
            "\noverride_data {{\n  target = module.target_{account}.data.aws_caller_identity.current\n  \
             values = {{ account_id = \"{account}\" }}\n}}\n"
        );
    }
    text.push_str(
        r#"
run "planned" {
  command = plan

  assert {
    condition     = length(output.trusts) == 60 && length(distinct(output.trusts)) == 2
    error_message = "Dev's and prod's deploy roles must be trusted by one external id each: ${jsonencode(distinct(output.trusts))}"
  }

  assert {
    condition = [for statement in jsondecode(output.deployer).Statement : sort(statement.Resource) if statement.Sid == "EnterTargets"] == [
      tolist([for number in range(1, 61) : format("arn:aws:iam::%012d:role/deployer-target", number)])
    ]
    error_message = "The deployer must enter each of them: ${output.deployer}"
  }
}
"#,
    );
    text
}
