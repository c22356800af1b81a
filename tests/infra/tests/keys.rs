//! Keys of the owner, as infra/README.md says to make them: in one apply with the module that uses them.

use std::fs;

use local_aws::terraform::{Terraform, copy_of_infra};
use local_aws::{Doing as _, Error, Result};

use super::infra;
use super::modules::passed;

/// The arguments that the README's blocks leave out.
const LEFT_OUT: &str = r#"
  source          = "../modules/tooling"
  artifact_bucket = "acme-artifacts"
  ledger_bucket   = "acme-deployer-ledger"
  package         = { path = "../modules/tooling/versions.tf" }
  alarm_actions   = ["arn:aws:sns:eu-west-1:123456789012:on-call"]
  environments    = {
    dev = { targets = [for number in range(60) : { account = format("%012d", number), region = "eu-west-1" }] }
  }
"#;

#[test]
fn keys_of_the_readme_are_planned_in_one_go_with_the_module_that_uses_them() -> Result<()> {
    planned("## Keys of your own")
}

#[test]
fn key_that_takes_over_by_the_readme_is_planned_before_it_is_made() -> Result<()> {
    planned("### Rotate a key")
}

/// Plans the first block of a chapter of infra/README.md, while no key is there.
fn planned(chapter: &str) -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let copy = copy_of_infra()?;
    let folder = copy.path().join("root");
    fs::create_dir_all(folder.join("tests")).doing("making a folder for a root")?;
    let readme = fs::read_to_string(infra().join("README.md")).doing("reading infra/README.md")?;
    let block = block(&readme, chapter)
        .ok_or_else(|| Error::Unexpected(format!("{chapter} of infra/README.md has no module tooling with keys")))?;
    let root = format!(
        "terraform {{\n  required_providers {{\n    aws = {{ source = \"hashicorp/aws\" }}\n  }}\n}}\n\n{block}"
    );
    fs::write(folder.join("main.tf"), root).doing("writing main.tf")?;
    let test = "mock_provider \"aws\" {\n  source = \"../mocks\"\n}\n\nrun \"planned\" {\n  command = plan\n}\n";
    fs::write(folder.join("tests/planned.tftest.hcl"), test).doing("writing a test")?;
    terraform.run(&folder, &["init", "-backend=false"])?;
    assert_eq!(passed(&terraform, &folder)?, 1);
    Ok(())
}

/// Returns the first block of a chapter, with the arguments that it leaves out.
fn block(readme: &str, chapter: &str) -> Option<String> {
    let (_, rest) = readme.split_once(&format!("\n{chapter}\n"))?;
    let (_, rest) = rest.split_once("\n```hcl\n")?;
    let (block, _) = rest.split_once("\n```\n")?;
    block.contains("\n  # …\n").then(|| block.replace("\n  # …\n", LEFT_OUT))
}
