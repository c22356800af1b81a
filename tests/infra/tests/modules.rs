//! What Terraform itself says of the files.

use std::fs;
use std::path::{Path, PathBuf};

use local_aws::terraform::{Terraform, copy_of_infra};
use local_aws::{Doing as _, Result};

use super::infra;

#[test]
fn the_terraform_files_are_formatted() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    terraform.run(&infra(), &["fmt", "-check", "-recursive", "-diff"])?;
    Ok(())
}

#[test]
fn every_module_and_example_is_valid() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let copy = copy_of_infra()?;
    let mut folders = Vec::new();
    roots(copy.path(), &mut folders)?;
    assert!(folders.len() >= 10, "four modules, five examples and the contract are missing in {folders:?}");
    for folder in folders {
        terraform.run(&folder, &["init", "-backend=false"])?;
        terraform.run(&folder, &["validate"])?;
    }
    Ok(())
}

#[test]
fn the_tests_of_the_module_tooling_pass() -> Result<()> {
    passes("modules/tooling")
}

#[test]
fn the_tests_of_the_module_target_pass() -> Result<()> {
    passes("modules/target")
}

#[test]
fn the_tests_of_the_module_uploader_pass() -> Result<()> {
    passes("modules/uploader")
}

#[test]
fn the_tests_of_the_module_notifications_pass() -> Result<()> {
    passes("modules/notifications")
}

/// A deployer of before does not load a `deployer.json` with a field that it does not know; and none is woken before there is one.
#[test]
fn the_configuration_is_written_after_the_code_and_before_what_wakes_the_deployer() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let copy = copy_of_infra()?;
    let folder = copy.path().join("modules/tooling");
    terraform.run(&folder, &["init", "-backend=false"])?;
    let graph = terraform.run(&folder, &["graph"])?;
    let edges: Vec<(&str, &str)> = graph.lines().filter_map(edge).collect();
    let comes_after = |later: &str, earlier: &str| {
        let (mut reached, mut open) = (vec![later], vec![later]);
        while let Some(here) = open.pop() {
            for (_, next) in edges.iter().filter(|(from, _)| *from == here) {
                if !reached.contains(next) {
                    reached.push(next);
                    open.push(next);
                }
            }
        }
        reached.contains(&earlier)
    };
    assert!(comes_after("aws_s3_object.config", "aws_lambda_function.deployer"), "{graph}");
    for waking in [
        "aws_lambda_event_source_mapping.uploads",
        "aws_lambda_event_source_mapping.wakes",
        "aws_scheduler_schedule.sweep",
    ] {
        assert!(comes_after(waking, "aws_s3_object.config"), "{waking}: {graph}");
    }
    assert!(!comes_after("aws_lambda_function.deployer", "aws_s3_object.config"), "{graph}");
    // EventBridge gives up at once what a queue's policy refuses.
    assert!(comes_after("aws_sqs_queue.uploads", "aws_cloudwatch_event_target.promotions"), "{graph}");
    Ok(())
}

/// The two resources of an edge of Terraform's graph: the first depends on the second. OpenTofu writes `[root] … (expand)`.
fn edge(line: &str) -> Option<(&str, &str)> {
    let (from, to) = line.split_once(" -> ")?;
    Some((resource(from)?, resource(to)?))
}

fn resource(node: &str) -> Option<&str> {
    let name = node.get(node.find("aws_")?..)?;
    name.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != '.').next()
}

fn passes(module: &str) -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let copy = copy_of_infra()?;
    let folder = copy.path().join(module);
    terraform.run(&folder, &["init", "-backend=false"])?;
    let said = terraform.run(&folder, &["test"])?;
    assert!(said.contains("Success!") && !said.contains("Success! 0 passed"), "{said}");
    Ok(())
}

/// All folders that Terraform can be run in.
fn roots(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let doing = || format!("reading {}", folder.display());
    for entry in fs::read_dir(folder).doing(doing())? {
        let path = entry.doing(doing())?.path();
        if path.is_dir() {
            roots(&path, found)?;
        } else if path.ends_with("versions.tf") {
            found.push(folder.to_path_buf());
        }
    }
    Ok(())
}
