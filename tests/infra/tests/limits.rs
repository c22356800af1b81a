//! The numbers of `docs/limits.md` about the target module are those at which IAM's limit is reached.

use std::fs;

use local_aws::terraform::{Terraform, copy_of_infra};
use local_aws::{Doing as _, Result};

use super::infra;

/// The most exact names of functions that one deploy role takes, by the length of a name and the number of regions.
const MOST_NAMES: [(usize, usize, usize); 4] = [(20, 1, 59), (20, 2, 29), (64, 1, 36), (64, 2, 18)];

#[test]
fn deploy_role_takes_as_many_names_as_the_limits_say_and_refuses_one_more() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let limits = infra().join("../docs/limits.md");
    let limits = fs::read_to_string(&limits).doing(format!("reading {}", limits.display()))?;
    let mut runs = String::from(COMMON);
    for (length, regions, most) in MOST_NAMES {
        let told = format!("{most} of {length} characters in {}", ["one region", "two regions"][regions - 1]);
        assert!(limits.contains(&told), "docs/limits.md does not say {told:?}");
        runs.push_str(&run("fits", length, regions, most, ""));
        let refused = "expect_failures = [aws_iam_role_policy.deploy]";
        runs.push_str(&run("one_more", length, regions, most + 1, refused));
    }
    let copy = copy_of_infra()?;
    let folder = copy.path().join("modules/target");
    let file = folder.join("tests/limits.tftest.hcl");
    fs::write(&file, runs).doing("writing the runs")?;
    terraform.run(&folder, &["init", "-backend=false"])?;
    terraform.run(&folder, &["test", "-filter=tests/limits.tftest.hcl"])?;
    Ok(())
}

const COMMON: &str = r#"
mock_provider "aws" {
  source = "../../mocks"

  override_data {
    target = data.aws_caller_identity.current
    values = { account_id = "222222222222" }
  }
}

variables {
  deployer = {
    role_arn        = "arn:aws:iam::123456789012:role/deployer"
    function_arn    = "arn:aws:lambda:eu-west-1:123456789012:function:deployer"
    queue_arn       = "arn:aws:sqs:eu-west-1:123456789012:deployer"
    ledger_bucket   = "acme-deployer-ledger"
    artifact_bucket = "acme-artifacts"
    region          = "eu-west-1"
  }
  execution_roles = ["lambda/*"]
}
"#;

fn run(name: &str, length: usize, regions: usize, names: usize, expected: &str) -> String {
    let in_regions = &["\"eu-west-1\"", "\"us-east-1\""][..regions];
    format!(
        r#"
run "{name}_{length}_{regions}" {{
  command = plan

  variables {{
    functions = [for number in range({names}) : format("%0{length}d", number)]
    deploy_role = {{
      account      = "222222222222"
      role_name    = "deployer-target"
      environments = ["prod"]
      regions      = [{}]
      external_ids = ["prod-51aa"]
    }}
  }}

  {expected}
}}
"#,
        in_regions.join(", ")
    )
}
