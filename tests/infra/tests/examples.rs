//! Tests of the examples, and of the steps by which a user installs one outside this repository.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use local_aws::terraform::{Terraform, copy_of_infra};
use local_aws::{Doing as _, Error, Result};
use tempfile::TempDir;

use super::infra;
use super::modules::passed;
use super::states::states;

#[test]
fn target_account_example_makes_the_role_that_the_parameters_tell() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let copy = copy_of_infra()?;
    let folder = copy.path().join("examples/target-account");
    terraform.run(&folder, &["init", "-backend=false"])?;
    assert_eq!(passed(&terraform, &folder)?, 1);
    Ok(())
}

#[test]
fn examples_beside_the_deployer_take_boundary_path_and_tags() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let copy = copy_of_infra()?;
    for example in ["chat", "scheduled-promotions"] {
        let folder = copy.path().join("examples").join(example);
        terraform.run(&folder, &["init", "-backend=false"])?;
        assert_eq!(passed(&terraform, &folder)?, 4, "{example}");
    }
    Ok(())
}

#[test]
fn stack_set_example_gives_the_template_every_parameter_that_it_needs_and_no_other() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let copy = copy_of_infra()?;
    let folder = copy.path().join("examples/stack-set");
    terraform.run(&folder, &["init", "-backend=false"])?;
    let said = terraform.run(&folder, &["test", "-json", "-verbose"])?;
    let states = states(&said);
    let given: Vec<BTreeSet<String>> = states
        .iter()
        .flat_map(|(_, state)| state.resources())
        .filter(|resource| resource["type"] == "aws_cloudformation_stack_set")
        .map(|resource| {
            resource["values"]["parameters"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
        })
        .collect();
    assert_eq!(given.len(), 2, "dev and prod have a stack set each: {said}");
    let (all, required) = template_parameters()?;
    for given in given {
        assert!(given.is_subset(&all), "target.yaml has no {:?}", given.difference(&all));
        assert!(required.is_subset(&given), "target.yaml needs {:?}", required.difference(&given));
    }
    Ok(())
}

/// The README's commands for a copy of an example: `sed` names the modules by tag, and a file of its own the backend.
#[test]
fn example_outside_the_clone_takes_its_modules_by_tag() -> Result<()> {
    let Some(terraform) = Terraform::for_tests()? else { return Ok(()) };
    let repository = TempDir::with_prefix("deployer-").doing("making a folder")?;
    let copy = copy_of_infra()?;
    let example = copy.path().join("examples/two-accounts");
    let script = format!(
        "set -e; cp -r '{}' '{}/infra'; cd '{}'; git init -q .; git add .; \
         git -c user.name=test -c user.email=test@example.com commit -q -m modules; git tag v1.0.0",
        copy.path().display(),
        repository.path().display(),
        repository.path().display()
    );
    shell(&script, repository.path())?;
    let own = TempDir::with_prefix("acme-deployer-").doing("making a folder")?;
    shell(&format!("cp '{}'/*.tf '{}'", example.display(), own.path().display()), own.path())?;
    let readme = fs::read_to_string(infra().join("README.md")).doing("reading infra/README.md")?;
    let (sed, backend) = readme_steps(&readme)?;
    let address = format!("file://{}", repository.path().display());
    shell(&sed.replace("https://…/deployer.git", &address).replace("<tag>", "v1.0.0"), own.path())?;
    fs::write(own.path().join("backend.tf"), backend).doing("writing backend.tf")?;

    terraform.run(own.path(), &["init", "-backend=false"])?;
    terraform.run(own.path(), &["validate"])?;
    let modules =
        fs::read_to_string(own.path().join(".terraform/modules/modules.json")).doing("reading modules.json")?;
    for module in ["tooling", "target", "uploader"] {
        let source = format!("git::{address}//infra/modules/{module}?ref=v1.0.0");
        assert!(modules.contains(&source), "{source} is not in {modules}");
    }
    Ok(())
}

/// Returns the README's line with `sed`, and the backend block that it writes.
fn readme_steps(readme: &str) -> Result<(String, String)> {
    let missing = || Error::Unexpected("infra/README.md has no steps for a copy of an example".to_owned());
    let sed = readme.lines().find(|line| line.starts_with("sed ")).ok_or_else(missing)?;
    let (_, rest) = readme.split_once("cat > backend.tf <<TF\n").ok_or_else(missing)?;
    let (backend, _) = rest.split_once("\nTF\n").ok_or_else(missing)?;
    Ok((sed.to_owned(), format!("{backend}\n")))
}

fn shell(script: &str, folder: &Path) -> Result<()> {
    let output = Command::new("sh").args(["-c", script]).current_dir(folder).output().doing("running sh")?;
    match output.status.success() {
        true => Ok(()),
        false => Err(Error::failed(script, String::from_utf8_lossy(&output.stderr))),
    }
}

/// Returns the names of the template's parameters, and of those that have no default.
fn template_parameters() -> Result<(BTreeSet<String>, BTreeSet<String>)> {
    let text = fs::read_to_string(infra().join("cloudformation/target.yaml")).doing("reading target.yaml")?;
    let parameters = text.split_once("\nParameters:\n").and_then(|(_, rest)| rest.split_once("\nConditions:\n"));
    let (parameters, _) = parameters.ok_or_else(|| Error::Unexpected("target.yaml has no parameters".to_owned()))?;
    let (mut all, mut required) = (BTreeSet::new(), BTreeSet::new());
    let mut name = "";
    for line in parameters.lines() {
        if let Some(parameter) =
            line.strip_prefix("  ").and_then(|line| line.strip_suffix(':')).filter(|it| !it.starts_with(' '))
        {
            name = parameter;
            all.insert(name.to_owned());
            required.insert(name.to_owned());
        } else if line.starts_with("    Default:") {
            required.remove(name);
        }
    }
    Ok((all, required))
}
