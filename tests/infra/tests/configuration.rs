//! The module tooling writes a `deployer.json` that the deployer accepts.

use deployer_core::config::Config;
use local_aws::terraform::{Terraform, copy_of_infra};
use local_aws::{Doing as _, Result};
use serde_json::Value;

#[test]
fn deployer_accepts_the_configuration_that_the_module_tooling_writes() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let copy = copy_of_infra()?;
    let folder = copy.path().join("modules/tooling");
    terraform.run(&folder, &["init", "-backend=false"])?;
    let said = terraform.run(&folder, &["test", "-json", "-verbose", "-filter=tests/made.tftest.hcl"])?;
    let written: Vec<String> = said
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["type"] == "test_state")
        .filter_map(|message| content(&message["test_state"]["root_module"]["resources"]))
        .collect();
    for text in &written {
        Config::parse(text).doing(format!("reading {text}"))?;
    }
    // Optional fields occur in some of the files.
    for field in [
        r#""from":["qa","perf"]"#,
        r#""log_groups":["#,
        r#""dead_letter_targets":["#,
        r#""approval":{"#,
        r#""freeze":["#,
        r#""when_frozen":"#,
    ] {
        assert!(written.iter().any(|text| text.contains(field)), "no deployer.json has {field}: {written:#?}");
    }
    Ok(())
}

/// Returns the content of the object `deployer.json`.
fn content(resources: &Value) -> Option<String> {
    let object = resources.as_array()?.iter().find(|one| one["address"] == "aws_s3_object.config")?;
    Some(object["values"]["content"].as_str()?.to_owned())
}
