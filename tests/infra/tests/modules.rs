//! Terraform's own checks and tests of the modules.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::infra;
use super::states;
use local_aws::terraform::{Terraform, copy_of_infra};
use local_aws::{Doing as _, Error, Result};
use serde_json::Value;

const MODULES: [&str; 5] = ["tooling", "environments", "target", "uploader", "notifications"];

#[test]
fn terraform_files_are_formatted() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    terraform.run(&infra(), &["fmt", "-check", "-recursive", "-diff"])?;
    Ok(())
}

/// Terraform validates a folder before it runs the folder's own tests, so that folders with tests are left out here. The
/// others are modules of one root, because reading the provider's schemas takes most of the time. Their variables are
/// unknown, as where each is validated by itself.
#[test]
fn every_module_and_example_is_valid() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let copy = copy_of_infra()?;
    let mut folders = Vec::new();
    roots(copy.path(), &mut folders)?;
    assert!(folders.len() >= 10, "five modules, five examples and the contract are missing in {folders:?}");
    let mut root = String::from("variable \"any\" {\n  type = any\n}\n");
    for (number, folder) in folders.iter().filter(|folder| !has_tests(folder)).enumerate() {
        let source = folder.strip_prefix(copy.path()).doing("naming a module")?.display();
        let arguments: String = variables(folder)?.iter().map(|name| format!("  {name} = var.any\n")).collect();
        root.push_str(&format!("\nmodule \"number_{number}\" {{\n  source = \"./{source}\"\n{arguments}}}\n"));
    }
    write(&copy.path().join("main.tf"), &root)?;
    terraform.run(copy.path(), &["init", "-backend=false"])?;
    terraform.run(copy.path(), &["validate"])?;
    Ok(())
}

/// Returns the names of a module's variables.
fn variables(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for file in fs::read_dir(folder).doing(format!("reading {}", folder.display()))? {
        let file = file.doing("reading a module")?.path();
        if file.extension().is_some_and(|extension| extension == "tf") {
            let text = read(&file)?;
            let named = |line: &str| Some(line.strip_prefix("variable \"")?.strip_suffix("\" {")?.to_owned());
            names.extend(text.lines().filter_map(named));
        }
    }
    Ok(names)
}

/// Runs every test of every module by `terraform test`, with the provider in each.
#[test]
#[ignore = "long: cargo verify"]
fn tests_of_the_modules_pass_as_they_are_written() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    for module in MODULES {
        let copy = copy_of_infra()?;
        let folder = copy.path().join("modules").join(module);
        terraform.run(&folder, &["init", "-backend=false"])?;
        assert_eq!(passed(&terraform, &folder)?, runs(&folder)?, "{module}");
    }
    Ok(())
}

#[test]
fn tests_of_the_module_tooling_pass() -> Result<()> {
    passes(tooling()?);
    Ok(())
}

#[test]
fn tests_of_the_module_environments_pass() -> Result<()> {
    passes(&played("environments", Reads::Nothing)?);
    Ok(())
}

#[test]
fn tests_of_the_module_target_pass() -> Result<()> {
    passes(&played("target", Reads::Nothing)?);
    Ok(())
}

#[test]
fn tests_of_the_module_uploader_pass() -> Result<()> {
    passes(&played("uploader", Reads::Nothing)?);
    Ok(())
}

#[test]
fn tests_of_the_module_notifications_pass() -> Result<()> {
    passes(notifications()?);
    Ok(())
}

/// A version of the function names the version of `deployer.json` that it reads, and triggers call the alias, which an
/// older version serves until both are there.
#[test]
fn configuration_is_written_before_the_version_and_the_alias_moves_after_it() -> Result<()> {
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
    assert!(comes_after("aws_lambda_function.deployer", "aws_s3_object.config"), "{graph}");
    assert!(comes_after("aws_lambda_alias.live", "aws_lambda_function.deployer"), "{graph}");
    for waking in [
        "aws_lambda_event_source_mapping.uploads",
        "aws_lambda_event_source_mapping.wakes",
        "aws_scheduler_schedule.sweep",
    ] {
        assert!(comes_after(waking, "aws_lambda_alias.live"), "{waking}: {graph}");
    }
    // EventBridge drops an event at once if the queue's policy denies it.
    assert!(comes_after("aws_sqs_queue.uploads", "aws_cloudwatch_event_target.promotions"), "{graph}");
    Ok(())
}

/// With `depends_on` beside the module, Terraform reads account and region only while it applies.
#[test]
fn module_tooling_is_planned_before_account_and_region_are_known() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let copy = copy_of_infra()?;
    let folder = copy.path().join("later");
    fs::create_dir_all(folder.join("tests")).doing("making a folder for a root")?;
    write(
        &folder.join("main.tf"),
        r#"
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

resource "terraform_data" "first" {}

module "tooling" {
  source          = "../modules/tooling"
  artifact_bucket = "acme-artifacts"
  ledger_bucket   = "acme-deployer-ledger"
  package         = { path = "../modules/tooling/versions.tf" }
  alarm_actions   = ["arn:aws:sns:eu-west-1:123456789012:on-call"]
  customer_key    = true
  environments    = {
    dev = { targets = [for number in range(200) : { account = format("%012d", number), region = "eu-west-1" }] }
  }
  depends_on      = [terraform_data.first]
}
"#,
    )?;
    let test = "mock_provider \"aws\" {\n  source = \"../mocks\"\n}\n\nrun \"planned\" {\n  command = plan\n}\n";
    write(&folder.join("tests/planned.tftest.hcl"), test)?;
    terraform.run(&folder, &["init", "-backend=false"])?;
    assert_eq!(passed(&terraform, &folder)?, 1);
    Ok(())
}

/// Returns the resources of an edge of Terraform's graph: the first depends on the second. OpenTofu writes
/// `[root] … (expand)`.
fn edge(line: &str) -> Option<(&str, &str)> {
    let (from, to) = line.split_once(" -> ")?;
    Some((resource(from)?, resource(to)?))
}

fn resource(node: &str) -> Option<&str> {
    let name = node.get(node.find("aws_")?..)?;
    name.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != '.').next()
}

/// The tests of a module, as they ran with one major of the provider.
#[derive(Debug, Clone)]
pub(super) struct Played {
    /// The module, the program and the provider.
    with: String,
    /// The number of runs that the module has, and of those that passed.
    runs: usize,
    passed: usize,
    /// The resources after the run [`BOUNDED`].
    pub(super) resources: Vec<Value>,
    /// The contents of `deployer.json` that the runs have made.
    pub(super) configurations: Vec<String>,
}

/// The results that are read beside the number of runs that passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    Nothing,
    Resources,
    ResourcesAndConfigurations,
}

/// A run of `made.tftest.hcl` with every variable that all resources take.
const BOUNDED: &str = "with_boundary_path_and_tags";

/// The file of the module tooling's tests that takes as long as all others.
const BESIDE: &str = "environments.tftest.hcl";

/// Writes each content of `deployer.json` that is applied into the folder `configurations`. Terraform tells a state
/// with all schemas of the provider, 13 MB for each run.
const CONFIGURATIONS: &str = r#"
resource "terraform_data" "configuration" {
  triggers_replace = aws_s3_object.config.content

  provisioner "local-exec" {
    command     = "printf %s \"$CONTENT\" > \"$(mktemp configurations/XXXXXXXX)\""
    environment = { CONTENT = aws_s3_object.config.content }
  }
}
"#;

/// Plays the module tooling's tests, once for all tests of this process.
pub(super) fn tooling() -> Result<&'static [Played]> {
    static ONCE: OnceLock<Result<Vec<Played>>> = OnceLock::new();
    ONCE.get_or_init(|| played("tooling", Reads::ResourcesAndConfigurations)).as_deref().map_err(Clone::clone)
}

/// Plays the module notifications' tests, once for all tests of this process.
pub(super) fn notifications() -> Result<&'static [Played]> {
    static ONCE: OnceLock<Result<Vec<Played>>> = OnceLock::new();
    ONCE.get_or_init(|| played("notifications", Reads::Resources)).as_deref().map_err(Clone::clone)
}

fn passes(played: &[Played]) {
    for Played { with, runs, passed, .. } in played {
        assert_eq!(passed, runs, "{with}");
    }
}

/// Plays all runs of a module with each major of the provider that is there.
///
/// A run that expects refused variables only needs no resource. It is run on the variables alone, which takes a
/// fiftieth of the time, because most of the time is Terraform's reading of the provider's schemas.
fn played(module: &str, reads: Reads) -> Result<Vec<Played>> {
    let play = |terraform: Terraform| {
        let copy = copy_of_infra()?;
        let folder = copy.path().join("modules").join(module);
        let runs = runs(&folder)?;
        let alone = variables_alone(&folder)?;
        let configurations = folder.join("configurations");
        if reads == Reads::ResourcesAndConfigurations {
            write(&folder.join("configurations.tf"), CONFIGURATIONS)?;
            fs::create_dir(&configurations).doing("making a folder for configurations")?;
        }
        for folder in [&alone, &folder] {
            terraform.run(folder, &["init", "-backend=false"])?;
        }
        let mut played = Played {
            with: format!("{module} with {}", terraform.describe()),
            runs,
            passed: passed(&terraform, &alone)?,
            resources: vec![],
            configurations: vec![],
        };
        if reads != Reads::Nothing {
            let bounded = move_apart(&folder, BOUNDED)?;
            let filter = format!("-filter=tests/{BOUNDED}.tftest.hcl");
            let said = terraform.run(&folder, &["test", "-json", "-verbose", &filter])?;
            played.passed += states::passed(&said);
            played.resources = states::states(&said).iter().flat_map(|(_, state)| state.resources().to_vec()).collect();
            fs::remove_file(&bounded).doing(format!("removing {}", bounded.display()))?;
        }
        played.passed += passed_in_two(&terraform, &folder)?;
        if reads == Reads::ResourcesAndConfigurations {
            let files = fs::read_dir(&configurations).doing("listing configurations")?;
            let content = |file: std::io::Result<fs::DirEntry>| read(&file.doing("listing configurations")?.path());
            played.configurations = files.map(content).collect::<Result<_>>()?;
        }
        Ok(played)
    };
    Terraform::for_tests_by_major()?.into_iter().map(play).collect()
}

/// Moves a run of `made.tftest.hcl` into a file of its own, with the blocks that are not runs, and returns the file.
fn move_apart(module: &Path, run: &str) -> Result<PathBuf> {
    let made = test_file(module, "made");
    let (mut moved, mut kept) = (String::new(), String::new());
    for block in blocks(&read(&made)?) {
        let is_it = block.starts_with(&format!("run \"{run}\" {{"));
        if is_it || !block.starts_with("run ") {
            moved.push_str(&block);
        }
        kept.push_str(if is_it { "" } else { &block });
    }
    let apart = test_file(module, run);
    write(&apart, &moved)?;
    write(&made, &kept)?;
    Ok(apart)
}

/// Runs the tests of a folder and returns the number of passed runs.
pub(super) fn passed(terraform: &Terraform, folder: &Path) -> Result<usize> {
    passed_of(terraform, folder, &[])
}

/// Runs the tests of a folder, those of [`BESIDE`] in a process of their own: Terraform takes one after another.
fn passed_in_two(terraform: &Terraform, folder: &Path) -> Result<usize> {
    let filter = |file: &str| format!("-filter=tests/{file}");
    let files = test_files(folder)?;
    let (beside, others): (Vec<_>, Vec<_>) = files.iter().partition(|file| file.as_str() == BESIDE);
    if beside.is_empty() {
        return passed(terraform, folder);
    }
    let others: Vec<String> = others.into_iter().map(|file| filter(file)).collect();
    std::thread::scope(|scope| {
        let beside = scope.spawn(|| passed_of(terraform, folder, &[filter(BESIDE)]));
        let others = passed_of(terraform, folder, &others)?;
        Ok(others + beside.join().map_err(|_| Error::Unexpected(format!("the tests of {BESIDE} panic")))??)
    })
}

fn passed_of(terraform: &Terraform, folder: &Path, filters: &[String]) -> Result<usize> {
    let arguments: Vec<&str> = std::iter::once("test").chain(filters.iter().map(String::as_str)).collect();
    let said = terraform.run(folder, &arguments)?;
    let number = said.split_once("Success! ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    number.ok_or_else(|| Error::Unexpected(format!("no run has passed:\n{said}")))
}

/// Returns the number of runs in the tests of a folder.
fn runs(folder: &Path) -> Result<usize> {
    let number = |file: &String| {
        let text = read(&folder.join("tests").join(file))?;
        Ok(text.lines().filter(|line| line.starts_with("run ")).count())
    };
    test_files(folder)?.iter().map(number).sum()
}

/// Returns the names of the files with a folder's tests.
fn test_files(folder: &Path) -> Result<Vec<String>> {
    let doing = || format!("reading the tests of {}", folder.display());
    let files = fs::read_dir(folder.join("tests")).doing(doing())?;
    files.map(|file| Ok(file.doing(doing())?.file_name().to_string_lossy().into_owned())).collect()
}

/// Moves the runs that expect refused variables out of a module's tests, into a folder beside it that has the module's
/// variables and no resource.
fn variables_alone(module: &Path) -> Result<PathBuf> {
    let alone = module.with_extension("variables");
    fs::create_dir_all(alone.join("tests")).doing("making a folder for variables")?;
    fs::copy(module.join("variables.tf"), alone.join("variables.tf")).doing("copying variables.tf")?;
    write(&alone.join("versions.tf"), "locals {\n  names = jsondecode(file(\"${path.module}/../names.json\"))\n}\n")?;
    let refused = test_file(module, "refused");
    let (mut moved, mut kept) = (String::new(), String::new());
    for block in blocks(&read(&refused)?) {
        let is_run = block.starts_with("run ");
        if is_run && refuses_variables(&block) {
            moved.push_str(&block);
        } else {
            kept.push_str(&block);
            moved.push_str(if block.starts_with("variables ") { &block } else { "" });
        }
    }
    write(&test_file(&alone, "refused"), &moved)?;
    write(&refused, &kept)?;
    Ok(alone)
}

/// Returns the blocks of a formatted file; each ends with a brace at the beginning of a line.
fn blocks(text: &str) -> Vec<String> {
    let (mut blocks, mut block) = (Vec::new(), String::new());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if !(block.is_empty() && line.is_empty()) {
            block.push_str(&format!("{line}\n"));
        }
        if line == "}" {
            blocks.push(std::mem::take(&mut block));
        }
    }
    blocks
}

fn refuses_variables(run: &str) -> bool {
    let expected = run.lines().find_map(|line| line.trim().strip_prefix("expect_failures = [")?.strip_suffix(']'));
    expected.is_some_and(|names| names.split(", ").all(|name| name.starts_with("var.")))
}

fn test_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("tests/{name}.tftest.hcl"))
}

fn has_tests(folder: &Path) -> bool {
    folder.join("tests").is_dir()
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).doing(format!("reading {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).doing(format!("writing {}", path.display()))
}

/// Adds all folders that Terraform can be run in.
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
