//! The modules' resources, as their own tests with a mocked provider make them: the deployer accepts `deployer.json`, and
//! boundary, path and tags are on every resource that takes them.

use deployer_core::config::Config;
use local_aws::{Doing as _, Result};
use serde_json::{Value, json};

use super::modules::{notifications, tooling};

#[test]
fn deployer_accepts_the_configuration_that_the_module_tooling_writes() -> Result<()> {
    for played in tooling()? {
        check_configurations(&played.configurations)?;
        has_boundary_path_and_tags("tooling", &played.resources);
    }
    Ok(())
}

fn check_configurations(written: &[String]) -> Result<()> {
    for text in written {
        Config::parse(text).doing(format!("reading {text}"))?;
    }
    // Optional fields occur in some of the files.
    for field in [
        r#""from":["qa","perf"]"#,
        r#""log_groups":["#,
        r#""dead_letter_targets":["#,
        r#""approval":{"#,
        r#""approvers":[{"arn":"#,
        r#""session_names":"trusted""#,
        r#""proven":["hold","override-freeze"]"#,
        r#""freeze":["#,
        r#""when_frozen":"#,
    ] {
        assert!(written.iter().any(|text| text.contains(field)), "no deployer.json has {field}: {written:#?}");
    }
    Ok(())
}

#[test]
fn everything_of_the_module_notifications_has_boundary_path_and_tags() -> Result<()> {
    for played in notifications()? {
        has_boundary_path_and_tags("notifications", &played.resources);
    }
    Ok(())
}

/// Checks every resource of the run with boundary, path and tags, so that none that is added later lacks them.
fn has_boundary_path_and_tags(module: &str, resources: &[Value]) {
    let (tags, mut roles) = (json!({"cost-center": "4711", "owner": "platform"}), 0);
    for resource in resources.iter().filter(|resource| resource["mode"] == "managed") {
        let (address, values) = (&resource["address"], &resource["values"]);
        if values.get("tags").is_some() && address != "aws_s3_object.config" {
            assert_eq!(values["tags"], tags, "{module}: the tags of {address}");
        }
        if ["aws_iam_role", "aws_iam_policy"].iter().any(|kind| resource["type"] == *kind) {
            assert_eq!(values["path"], "/platform/releases/", "{module}: the path of {address}");
        }
        if resource["type"] == "aws_iam_role" {
            let boundary = "arn:aws:iam::123456789012:policy/platform/boundary";
            assert_eq!(values["permissions_boundary"], boundary, "{module}: the boundary of {address}");
            roles += 1;
        }
    }
    assert!(roles > 0, "{module} has no run with_boundary_path_and_tags, or it makes no role");
}
